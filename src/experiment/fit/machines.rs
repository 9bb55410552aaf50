//! The machines of a job: classes of workers, the law of each, and when they start.

use std::path::PathBuf;

use super::classes::{SpeedGroup, classes};
use super::log::StepLog;
use super::{FitError, laws, rounded, span};
use crate::base::SimSpan;
use crate::cluster::step_time::{constant, trace};
use crate::cluster::{Compute, MachineClass, StartChoice, StepTimeChoice, start};
use crate::results::folder::write_atomically;
use crate::scenario::spec::Cluster;

/// Where step times that no law describes are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Traces {
    /// The folder, which is the same as the fragment's.
    pub folder: PathBuf,
    /// The beginning of their names.
    pub stem: String,
    /// Whether existing files are overwritten.
    pub overwrite: bool,
}

/// The mean step times of the workers of a class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Own {
    /// Each worker has its own, whether that comes from its machine or from chance: as in the log.
    Each,
    /// Each worker has what is left of it if chance is taken out: as in another run of the job.
    Lasting,
    /// All have the same.
    Pooled,
}

/// The machines of a job.
#[derive(Clone, PartialEq, Debug)]
pub struct Machines {
    /// The machine classes, the fastest first.
    pub groups: Vec<SpeedGroup>,
    /// The law of each.
    pub laws: Vec<StepTimeChoice>,
    /// Mean step time of each worker and its standard error, in seconds.
    means: Vec<(f64, f64)>,
    start: StartChoice,
}

impl Machines {
    /// The machines of a log, which is the one of this number among the logs of the job. Step times
    /// that no law describes are written to `traces`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn of(log: &StepLog, number: usize, traces: Option<&Traces>) -> Result<Machines, FitError> {
        let groups = classes(log);
        let name = if number == 0 { String::new() } else { format!("-log-{}", number + 1) };
        let laws = groups
            .iter()
            .enumerate()
            .map(|(number, group)| law_of(group, (&name, number), traces))
            .collect::<Result<Vec<_>, _>>()?;
        let mean = log.steps.iter().map(|step| step.compute).sum::<f64>() / log.steps.len() as f64;
        let start = if log.start_spread > 0.2 * mean {
            StartChoice::Scattered(start::Scattered { within: span(log.start_spread) })
        } else {
            StartChoice::default()
        };
        let means = log.by_worker().iter().map(|steps| mean_and_error(steps)).collect();
        Ok(Machines { groups, laws, means, start })
    }

    /// How well the mean step time of a class is known: its standard error over the mean.
    pub fn uncertainty(&self, class: usize) -> f64 {
        let group = &self.groups[class];
        group.error().sqrt() / group.mean()
    }

    /// The cluster of these machines, without servers.
    pub fn cluster(&self, own: Own) -> Cluster {
        let groups = &self.groups;
        let largest = (0..groups.len()).rev().max_by_key(|&g| groups[g].workers.len()).unwrap_or(0);
        // Classes are at most a thousand times as fast as the base time, and a million times as slow.
        let means = || groups.iter().map(SpeedGroup::mean);
        let (fastest, slowest) =
            (means().fold(f64::INFINITY, f64::min), means().fold(0.0, f64::max));
        let base = groups[largest].mean().max(slowest / 5e5).min(500.0 * fastest);
        let workers: usize = groups.iter().map(|group| group.workers.len()).sum();
        let class =
            |(number, (group, law)): (usize, (&SpeedGroup, &StepTimeChoice))| MachineClass {
                name: format!("class-{}", number + 1),
                share: Some(group.workers.len() as f64 / workers as f64),
                slowdown: if law.scales() { rounded(group.mean() / base) } else { 1.0 },
                spread: 0.0,
                law: Some(law.clone()),
                workers: group.workers.iter().map(|&worker| worker as u32).collect(),
                // A trace is replayed as it is. For one worker the mean is the class's.
                own: match own == Own::Pooled || !law.scales() || group.workers.len() == 1 {
                    true => Vec::new(),
                    false => self.relative(group, own),
                },
            };
        Cluster {
            workers: self.means.len() as u32,
            start: self.start.clone(),
            compute: Compute {
                fixed: span(base),
                per_example: SimSpan::ZERO,
                law: self.laws[largest].clone(),
                between: SimSpan::ZERO,
            },
            class: match &groups[..] {
                [_] if own == Own::Pooled => Vec::new(),
                _ => groups.iter().zip(&self.laws).enumerate().map(class).collect(),
            },
            ..Cluster::default()
        }
    }

    /// The mean times of the workers of a class, relative to that of the class.
    fn relative(&self, group: &SpeedGroup, own: Own) -> Vec<f64> {
        let mean = group.mean();
        let all = || group.workers.iter().map(|&worker| self.means[worker]);
        let n = group.workers.len() as f64;
        let kept = match own {
            Own::Each => 1.0,
            Own::Pooled => 0.0,
            Own::Lasting => {
                let seen: f64 = all().map(|(own, _)| (own - mean) * (own - mean)).sum::<f64>() / n;
                let chance: f64 = all().map(|(_, error)| error * error).sum::<f64>() / n;
                if seen > chance { 1.0 - chance / seen } else { 0.0 }
            }
        };
        all().map(|(own, _)| rounded(1.0 + kept * (own / mean - 1.0))).collect()
    }
}

fn mean_and_error(steps: &[&super::step::LoggedStep]) -> (f64, f64) {
    let n = steps.len() as f64;
    let mean = steps.iter().map(|step| step.compute).sum::<f64>() / n;
    let squares: f64 = steps.iter().map(|step| (step.compute - mean) * (step.compute - mean)).sum();
    (mean, (squares / (n * (n - 1.0).max(1.0))).sqrt())
}

/// If the distribution functions differ by more than this share, and significantly, the times
/// themselves are used.
pub(super) const MISFIT: f64 = 0.05;

fn law_of(
    group: &SpeedGroup,
    (log, number): (&str, usize),
    traces: Option<&Traces>,
) -> Result<StepTimeChoice, FitError> {
    let fitted = laws::fit_laws(&group.times);
    let best = fitted.into_iter().next().map_or(constant_law(), |fitted| fitted.law);
    let Some(traces) = traces else { return Ok(best) };
    let noise = 2.0 / (group.times.len() as f64).sqrt();
    if laws::misfit(&group.times, &best) <= MISFIT.max(noise) {
        return Ok(best);
    }
    let name = format!("{}{log}-class-{}.csv", traces.stem, number + 1);
    let path = traces.folder.join(&name);
    let mut text = String::from("seconds\n");
    for time in &group.times {
        text.push_str(&format!("{time:.9}\n"));
    }
    if path.exists() && !traces.overwrite {
        return Err(FitError::Exists { path });
    }
    write_atomically(&path, text.as_bytes())
        .map_err(|error| FitError::Unwritable { path: path.clone(), reason: error.to_string() })?;
    Ok(StepTimeChoice::Trace(trace::Config {
        file: name.into(),
        seconds: "seconds".into(),
        worker: None,
        mode: trace::TraceMode::Resample,
    }))
}

fn constant_law() -> StepTimeChoice {
    StepTimeChoice::Constant(constant::Config {})
}
