//! Workers grouped into machine classes by their step times.

use super::log::StepLog;

/// Workers whose step times do not differ significantly.
#[derive(Clone, PartialEq, Debug)]
pub struct SpeedGroup {
    /// Indices of the workers, in order.
    pub workers: Vec<usize>,
    /// All their compute times, in seconds, in the order of the log.
    pub times: Vec<f64>,
}

impl SpeedGroup {
    /// Mean compute time.
    pub fn mean(&self) -> f64 {
        self.times.iter().sum::<f64>() / self.times.len() as f64
    }

    /// Variance of the mean.
    pub(super) fn error(&self) -> f64 {
        let (n, mean) = (self.times.len() as f64, self.mean());
        let squares: f64 = self.times.iter().map(|time| (time - mean) * (time - mean)).sum();
        squares / (n * (n - 1.0).max(1.0))
    }
}

/// Differences below this share of the mean are ignored, however significant they are.
const NEGLIGIBLE: f64 = 0.02;
/// Means that differ by more standard errors belong to different machines. With ten logs of ten
/// workers, this gives one false alarm in fifty.
const SIGNIFICANT: f64 = 3.7;

/// Groups the workers, the fastest first. Workers without a step are left out.
pub fn classes(log: &StepLog) -> Vec<SpeedGroup> {
    let mut single: Vec<SpeedGroup> = log
        .by_worker()
        .iter()
        .enumerate()
        .filter(|(_, steps)| !steps.is_empty())
        .map(|(worker, steps)| SpeedGroup {
            workers: vec![worker],
            times: steps.iter().map(|step| step.compute).collect(),
        })
        .collect();
    single.sort_by(|a, b| a.mean().total_cmp(&b.mean()));
    let mut groups: Vec<SpeedGroup> = Vec::new();
    for next in single {
        match groups.last_mut() {
            Some(group) if alike(group, &next) => {
                group.workers.extend(&next.workers);
                group.times.extend(&next.times);
            }
            _ => groups.push(next),
        }
    }
    for group in &mut groups {
        group.workers.sort_unstable();
    }
    groups
}

fn alike(a: &SpeedGroup, b: &SpeedGroup) -> bool {
    let difference = (a.mean() - b.mean()).abs();
    let error = (a.error() + b.error()).sqrt();
    difference <= (NEGLIGIBLE * a.mean()).max(SIGNIFICANT * error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fit::columns::Columns;

    fn groups(mean: impl Fn(u64) -> f64, noise: f64) -> Vec<Vec<usize>> {
        let mut text = String::from("worker,seconds\n");
        for k in 0..200u64 {
            for w in 0..6 {
                let unit = crate::base::stream::unit(crate::base::stream::mix(k * 6 + w));
                let time = mean(w) * (1.0 + noise * (unit - 0.5));
                text.push_str(&format!("{w},{time}\n"));
            }
        }
        let log = StepLog::parse(text.as_bytes(), &Columns::default()).unwrap();
        classes(&log).into_iter().map(|group| group.workers).collect()
    }

    #[test]
    fn machines_are_told_apart_and_noise_is_not() {
        assert_eq!(groups(|_| 0.1, 1.0), [vec![0, 1, 2, 3, 4, 5]]);
        assert_eq!(groups(|w| if w == 2 { 0.5 } else { 0.1 }, 0.2), [vec![0, 1, 3, 4, 5], vec![2]]);
        assert_eq!(groups(|w| 0.1 * (w + 1) as f64, 0.0).len(), 6);
    }
}
