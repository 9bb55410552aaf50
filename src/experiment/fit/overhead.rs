//! The cost of a step besides computing: the time at the servers, alone and together with other
//! workers.
//!
//! If n workers are at the servers at the same time and share c cores, a second of each is worth
//! min(1, c / n) seconds of work. The integral of this over a step's stay is the work that it needs,
//! whatever the number of other workers. The mean over the steps is the cost of a step alone.

use super::stay::Stay;

/// Seconds that a step needs of the servers when it is alone there.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Overhead {
    /// Seconds for its push.
    pub push: f64,
    /// Seconds from the end of its push to the end of the worker's next pull.
    pub pull: f64,
}

impl Overhead {
    /// The mean over the stays, at so many cores; zero without any.
    pub fn of(stays: &[Stay], cores: f64) -> Overhead {
        if stays.is_empty() {
            return Overhead::default();
        }
        let shared = ServerSharing::new(stays, cores);
        let n = stays.len() as f64;
        let work = |from: fn(&Stay) -> f64, to: fn(&Stay) -> f64| -> f64 {
            stays.iter().map(|stay| shared.until(to(stay)) - shared.until(from(stay))).sum()
        };
        Overhead {
            push: work(|stay| stay.begins, |stay| stay.pushed) / n,
            pull: work(|stay| stay.pushed, |stay| stay.ends) / n,
        }
    }
}

/// The integral of the speed of each worker at the servers.
struct ServerSharing {
    at: Vec<f64>,
    integral: Vec<f64>,
    speed: Vec<f64>,
}

impl ServerSharing {
    fn new(stays: &[Stay], cores: f64) -> ServerSharing {
        let mut changes: Vec<(f64, f64)> = Vec::new();
        for stay in stays {
            changes.push((stay.begins, 1.0));
            changes.push((stay.ends, -1.0));
        }
        changes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut shared = ServerSharing { at: Vec::new(), integral: Vec::new(), speed: Vec::new() };
        let (mut sum, mut present, mut before, mut speed) = (0.0, 0.0, changes[0].0, 0.0);
        for (at, change) in changes {
            sum += (at - before) * speed;
            present += change;
            speed = if present > 0.0 { (cores / present).min(1.0) } else { 0.0 };
            before = at;
            shared.at.push(at);
            shared.integral.push(sum);
            shared.speed.push(speed);
        }
        shared
    }

    fn until(&self, time: f64) -> f64 {
        let Some(last) = self.at.partition_point(|&at| at <= time).checked_sub(1) else {
            return 0.0;
        };
        self.integral[last] + (time - self.at[last]) * self.speed[last]
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::Columns;
    use super::super::log::StepLog;
    use super::*;

    /// Two workers that are always together: each has half of the processor.
    #[test]
    fn company_is_taken_out() {
        let mut text = String::from("worker,t_pull1,t_push0,t_push1\n");
        for k in 0..10 {
            for w in 0..2 {
                let at = f64::from(k) * 10.0;
                text.push_str(&format!("{w},{at},{},{}\n", at + 6.0, at + 7.0));
            }
        }
        let log = StepLog::parse(text.as_bytes(), &Columns::default()).unwrap();
        for (cores, share) in [(1.0, 0.5), (1.5, 0.75), (3.0, 1.0)] {
            let found = Overhead::of(&log.stays(), cores);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            assert!(near(found.push, share) && near(found.pull, 3.0 * share), "{found:?}");
        }
    }
}
