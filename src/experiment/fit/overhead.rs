//! The cost of a step besides computing: the time at the servers, alone and together with other
//! workers.
//!
//! From the begin of its push to the end of its next pull a worker is at the servers. If n workers
//! are there at the same time and share one processor, a second of each is worth an n-th of a
//! second of work. The integral of 1/n over a step's stay is the work that it needs, whatever the
//! number of other workers. The mean over the steps is the cost of a step alone.

use super::log::StepLog;

/// Seconds that a step needs of the servers when it is alone there.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Overhead {
    /// Seconds for its push.
    pub push: f64,
    /// Seconds from the end of its push to the end of the worker's next pull.
    pub pull: f64,
}

/// A stay: push begins, push ends, next pull ends.
type Stay = [f64; 3];

/// The mean overhead; zero for a log without instants.
pub fn overhead(log: &StepLog) -> Overhead {
    let mut stays: Vec<Stay> = Vec::new();
    for steps in log.by_worker() {
        for pair in steps.windows(2) {
            let follows = match (pair[0].number, pair[1].number) {
                (Some(a), Some(b)) => b == a + 1,
                _ => true,
            };
            let (Some(a), Some(b)) = (pair[0].at, pair[1].at) else { continue };
            if follows && b.pulled >= a.pushed {
                stays.push([a.pushes, a.pushed, b.pulled]);
            }
        }
    }
    if stays.is_empty() {
        return Overhead::default();
    }
    let shared = ServerSharing::new(&stays);
    let n = stays.len() as f64;
    let mean = |from: usize, to: usize| {
        let work = |stay: &Stay| shared.until(stay[to]) - shared.until(stay[from]);
        stays.iter().map(work).sum::<f64>() / n
    };
    Overhead { push: mean(0, 1), pull: mean(1, 2) }
}

/// The integral of one over the number of workers at the servers.
struct ServerSharing {
    at: Vec<f64>,
    integral: Vec<f64>,
    present: Vec<f64>,
}

impl ServerSharing {
    fn new(stays: &[Stay]) -> ServerSharing {
        let mut changes: Vec<(f64, f64)> = Vec::new();
        for stay in stays {
            changes.push((stay[0], 1.0));
            changes.push((stay[2], -1.0));
        }
        changes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut shared =
            ServerSharing { at: Vec::new(), integral: Vec::new(), present: Vec::new() };
        let (mut sum, mut present, mut before) = (0.0, 0.0, changes[0].0);
        for (at, change) in changes {
            if present > 0.0 {
                sum += (at - before) / present;
            }
            present += change;
            before = at;
            shared.at.push(at);
            shared.integral.push(sum);
            shared.present.push(present);
        }
        shared
    }

    fn until(&self, time: f64) -> f64 {
        let Some(last) = self.at.partition_point(|&at| at <= time).checked_sub(1) else {
            return 0.0;
        };
        let present = self.present[last];
        let since = if present > 0.0 { (time - self.at[last]) / present } else { 0.0 };
        self.integral[last] + since
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fit::log::Columns;

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
        let found = overhead(&log);
        assert!((found.push - 0.5).abs() < 1e-9 && (found.pull - 1.5).abs() < 1e-9, "{found:?}");
    }
}
