//! Machine classes and the machines that workers run on.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::step_time::gamma::gamma_factor;
use super::{Compute, LawError, Pace, StepTimeChoice, StepTimeLaw};
use crate::base::{Purpose, SimSpan, SimTime, Streams, TimeFactor, WorkerId};

/// A kind of machine in a heterogeneous cluster.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MachineClass {
    /// Name in tables and plots.
    pub name: String,
    /// Share of the workers that no class names. The shares of all classes add up to 1; a class
    /// that names its workers needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: Option<f64>,
    /// How many times slower than an ordinary machine.
    #[serde(default = "one")]
    #[schemars(range(min = 0.001, max = 1_000_000.0))]
    pub slowdown: f64,
    /// Lasting differences between the machines of the class: standard deviation of their slowdown
    /// divided by its mean (gamma, the "machine" part of the CVB method).
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub spread: f64,
    /// How its step times vary, if not as `cluster.compute.law` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law: Option<StepTimeChoice>,
    /// Numbers of workers that run on it, counted from 0. The shares spread the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<u32>,
    /// Lasting slowdowns of these workers within their class, in the same order; 1 if missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<f64>,
}

fn one() -> f64 {
    1.0
}

/// The machine of one worker.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Index of its class.
    pub class: usize,
    /// Its slowdown: class and lasting difference together.
    pub slowdown: TimeFactor,
    /// Time between a step's push and the worker's next request.
    pub between: SimSpan,
    /// How its pace varies over time; steady if `None`.
    pub pace: Option<Box<Pace>>,
    law: Arc<dyn StepTimeLaw>,
}

impl Machine {
    /// A machine of class `class`, with a law that the caller may have written.
    pub fn new(class: usize, slowdown: TimeFactor, law: Arc<dyn StepTimeLaw>) -> Machine {
        Machine { class, slowdown, between: SimSpan::ZERO, pace: None, law }
    }

    /// Compute time of the worker's step `step` whose ordinary mean is `base`.
    pub fn time(&self, base: SimSpan, worker: WorkerId, step: u64, streams: Streams) -> SimSpan {
        let draw = streams.draw(Purpose::StepTime, u64::from(worker.0), step);
        self.law.time(base * self.slowdown, draw)
    }

    /// The end of work that begins at `start` and takes `work` at the ordinary pace.
    pub fn finish(&mut self, start: SimTime, work: SimSpan) -> SimTime {
        match &mut self.pace {
            Some(pace) => pace.finish(start, work),
            None => start + work,
        }
    }

    /// Mean compute time, for estimates.
    pub fn mean(&self, base: SimSpan) -> SimSpan {
        base * self.slowdown
    }
}

/// The class of a worker: the one that names it, otherwise by a golden-ratio sequence over the
/// cumulative shares. So every prefix of workers is balanced, and a worker keeps its class when
/// workers are added.
pub fn class_of(worker: WorkerId, classes: &[MachineClass]) -> usize {
    if let Some(class) = classes.iter().position(|class| class.workers.contains(&worker.0)) {
        return class;
    }
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    let at = (f64::from(worker.0) + 0.5) * GOLDEN;
    let at = at - at.floor();
    let total = total_share(classes);
    let mut sum = 0.0;
    for (index, class) in classes.iter().enumerate() {
        sum += class.share.unwrap_or(0.0) / total;
        if at < sum {
            return index;
        }
    }
    classes.len().saturating_sub(1)
}

/// The shares of all classes together, which should be 1.
pub fn total_share(classes: &[MachineClass]) -> f64 {
    classes.iter().filter_map(|class| class.share).sum()
}

/// The machines of workers `0..workers`. Without classes there is one class, `ordinary`.
///
/// # Errors
/// If a step-time trace cannot be read.
pub fn machines(
    workers: u32,
    classes: &[MachineClass],
    compute: &Compute,
    streams: Streams,
    folder: &Path,
) -> Result<Vec<Machine>, LawError> {
    let ordinary = compute.law.build(folder)?;
    let laws = classes
        .iter()
        .map(|class| match &class.law {
            Some(law) => law.build(folder),
            None => Ok(Arc::clone(&ordinary)),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let between = compute.between;
    let machine = |w: u32| {
        if classes.is_empty() {
            let law = Arc::clone(&ordinary);
            return Machine { between, ..Machine::new(0, TimeFactor::ONE, law) };
        }
        let class = class_of(WorkerId(w), classes);
        let MachineClass { slowdown, spread, ref workers, ref own, .. } = classes[class];
        let named = workers.iter().position(|&named| named == w);
        let slowdown = slowdown * named.and_then(|at| own.get(at)).unwrap_or(&1.0);
        let mut rng = streams.rng(Purpose::WorkerSpeed, u64::from(w), 0);
        let own = gamma_factor(spread, &mut rng);
        let law = Arc::clone(&laws[class]);
        Machine { between, ..Machine::new(class, TimeFactor::new(slowdown * own), law) }
    };
    Ok((0..workers).map(machine).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(shares: &[f64]) -> Vec<MachineClass> {
        let class = |share: &f64| MachineClass {
            name: String::new(),
            share: Some(*share),
            slowdown: 1.0,
            spread: 0.0,
            law: None,
            workers: Vec::new(),
            own: Vec::new(),
        };
        shares.iter().map(class).collect()
    }

    #[test]
    fn every_prefix_of_workers_is_balanced() {
        let shares = [0.5, 0.4, 0.1];
        let classes = classes(&shares);
        let mut counts = [0f64; 3];
        for w in 0..1000 {
            counts[class_of(WorkerId(w), &classes)] += 1.0;
            for (count, share) in counts.iter().zip(shares) {
                assert!((count - share * f64::from(w + 1)).abs() <= 2.0, "{w}: {counts:?}");
            }
        }
    }

    #[test]
    fn classes_that_name_all_workers_need_no_shares() {
        let mut classes = classes(&[0.0, 0.0]);
        (classes[0].share, classes[0].workers) = (None, vec![0, 1, 2]);
        (classes[1].share, classes[1].workers) = (None, vec![3]);
        let found: Vec<_> = (0..4).map(|w| class_of(WorkerId(w), &classes)).collect();
        assert_eq!(found, [0, 0, 0, 1]);
    }

    #[test]
    fn a_class_may_name_its_workers() {
        let mut classes = classes(&[1.0, 0.0]);
        (classes[1].workers, classes[1].own) = (vec![2, 5], vec![3.0]);
        let found: Vec<usize> = (0..6).map(|w| class_of(WorkerId(w), &classes)).collect();
        assert_eq!(found, [0, 0, 1, 0, 0, 1]);
        let (compute, streams) = (Compute::default(), Streams::new(1));
        let all = machines(6, &classes, &compute, streams, Path::new(".")).unwrap();
        assert_eq!((all[2].slowdown.value(), all[5].slowdown.value()), (3.0, 1.0));
    }

    #[test]
    fn a_lasting_difference_has_the_given_spread() {
        let mut classes = classes(&[1.0]);
        classes[0].spread = 0.3;
        let all =
            machines(5000, &classes, &Compute::default(), Streams::new(4), Path::new(".")).unwrap();
        let n = all.len() as f64;
        let mean = all.iter().map(|m| m.slowdown.value()).sum::<f64>() / n;
        let variance = all.iter().map(|m| (m.slowdown.value() - mean).powi(2)).sum::<f64>() / n;
        assert!((mean - 1.0).abs() < 0.02 && (variance.sqrt() - 0.3).abs() < 0.02);
    }
}
