//! `summary.json`: what came out of a run, in numbers.

use serde::Serialize;

use super::checkpoint::Started;
use super::presence;
use super::recorder::Recorder;
use super::semantics::SEMANTICS;
use super::stages::StageDone;
use crate::metrics::Quality;
use crate::scenario::Scenario;
use crate::sim::{Activity, Progress, Simulation};

/// What came out of a run. Everything in it is the same for the same scenario and seed.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Summary {
    /// Name of the scenario.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its question.
    pub question: String,
    /// Its seed.
    pub seed: u64,
    /// Version of the program.
    pub version: &'static str,
    /// Which programs mean the same by the same scenario; see
    /// [`SEMANTICS`].
    pub semantics: u32,
    /// Number of workers.
    pub workers: u32,
    /// Number of shards.
    pub shards: u32,
    /// Chosen protocol.
    pub protocol: &'static str,
    /// Chosen network; `none` for timing alone.
    pub model: &'static str,
    /// Chosen update rule.
    pub optimizer: &'static str,
    /// Chosen parts that were reconstructed, because their sources could not be read.
    pub reconstructed: Vec<&'static str>,
    /// How the run ended: `finished`, or what stopped it.
    pub ended: String,
    /// Updates that every shard has applied.
    pub updates: u64,
    /// Pushes applied.
    pub pushes: u64,
    /// Pushes discarded by at least one shard.
    pub discarded: u64,
    /// Steps that the protocol broke off.
    pub aborted: u64,
    /// Examples in the applied pushes.
    pub examples: u64,
    /// Passes over the training window.
    pub passes: Option<f64>,
    /// The virtual clock at the end.
    pub sim_s: f64,
    /// Examples per simulated second.
    pub examples_per_sim_s: Option<f64>,
    /// Events simulated.
    pub events: u64,
    /// Staleness of the applied pushes.
    pub staleness: Staleness,
    /// Share of pushes that had read different versions at different shards.
    pub mixed_reads: Option<f64>,
    /// Mean age of applied pushes, simulated seconds.
    pub age_mean_s: Option<f64>,
    /// Mean gap between view and server, where it was measured.
    pub gap_mean: Option<f64>,
    /// Where the workers' time went.
    pub utilisation: Option<Utilisation>,
    /// What came, went and was lost, where workers do that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub churn: Option<presence::Churn>,
    /// How often the examples of the training window were used, where that is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<presence::Audit>,
    /// Mean training loss of the last interval.
    pub loss: Option<f64>,
    /// Last mean distance of the views from the server, relative, over dense layers.
    pub divergence: Option<f64>,
    /// The best step: chosen on the selection half of the holdout, reported on the other.
    pub best: Option<At>,
    /// The last evaluation.
    pub last: Option<At>,
    /// AUC of the true probabilities on the reporting half of the holdout, where they are known.
    pub bayes_auc: Option<f64>,
    /// All figures of the true probabilities.
    pub bayes: Option<Quality>,
    /// Facts about the log.
    pub data: Vec<(String, String)>,
    /// The stages before the last, whose figures these are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageDone>,
    /// The checkpoint that it has started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_from: Option<Started>,
    /// SHA-256 of all parameters at the end.
    pub weights_sha256: Option<String>,
    /// SHA-256 of each reproducible file of the folder.
    pub files: Vec<(String, String)>,
}

/// Staleness in updates.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Staleness {
    /// Mean, exact.
    pub mean: Option<f64>,
    /// Median.
    pub p50: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// Largest.
    pub max: Option<u64>,
}

/// Shares of the workers' time; what is missing to 1 they were gone or asleep.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Utilisation {
    /// Computing.
    pub busy: f64,
    /// Pulling or pushing.
    pub network: f64,
    /// Waiting for the start or for the protocol.
    pub waiting: f64,
}

/// An evaluation and when it was.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct At {
    /// Updates.
    pub update: u64,
    /// Examples.
    pub examples: u64,
    /// Virtual clock.
    pub sim_s: f64,
    /// The figures.
    pub quality: Quality,
}

impl At {
    fn new(progress: &Progress, quality: &Quality) -> At {
        At {
            update: progress.updates,
            examples: progress.examples,
            sim_s: progress.now.seconds(),
            quality: *quality,
        }
    }
}

impl Summary {
    /// Puts the figures of a run together; data facts, Bayes figures and hashes are added by the
    /// caller.
    pub fn new(
        scenario: &Scenario,
        progress: &Progress,
        simulation: Option<&Simulation>,
        recorder: &Recorder,
    ) -> Summary {
        let totals = recorder.totals();
        let staleness = &totals.staleness;
        let imposed = scenario.imposed_staleness.is_some();
        let share = |part: u64| (totals.pushes > 0).then(|| part as f64 / totals.pushes as f64);
        let seconds = progress.now.seconds();
        Summary {
            name: scenario.scenario.name.clone(),
            title: scenario.scenario.title.clone(),
            question: scenario.scenario.question.clone(),
            seed: scenario.scenario.seed,
            version: env!("CARGO_PKG_VERSION"),
            semantics: SEMANTICS,
            workers: if imposed { 1 } else { scenario.cluster.workers },
            shards: if imposed { 1 } else { scenario.cluster.shards },
            protocol: if imposed { "imposed_staleness" } else { scenario.protocol.name() },
            model: match scenario.timing_only {
                Some(_) => "none",
                None => scenario.model.name(),
            },
            optimizer: scenario.optimizer.name(),
            reconstructed: scenario.reconstructed(),
            updates: progress.updates,
            pushes: progress.pushes,
            discarded: simulation.map_or(0, Simulation::discarded),
            aborted: simulation.map_or(0, Simulation::aborted),
            examples: progress.examples,
            sim_s: seconds,
            examples_per_sim_s: (seconds > 0.0).then(|| progress.examples as f64 / seconds),
            events: simulation.map_or(0, Simulation::events),
            staleness: Staleness {
                mean: staleness.mean(),
                p50: staleness.quantile(0.5),
                p99: staleness.quantile(0.99),
                max: staleness.max(),
            },
            mixed_reads: share(totals.mixed),
            age_mean_s: totals.age.mean(),
            gap_mean: totals.gap.mean(),
            utilisation: simulation.and_then(utilisation),
            churn: simulation.and_then(presence::churn),
            audit: simulation.and_then(presence::audit),
            loss: totals.loss,
            divergence: totals.divergence,
            best: recorder.best().chosen().map(|(at, quality)| At::new(at, quality)),
            last: totals.last.as_ref().map(|(at, quality)| At::new(at, quality)),
            ..Summary::default()
        }
    }
}

fn utilisation(simulation: &Simulation) -> Option<Utilisation> {
    let now = simulation.now();
    let spent = |activity: Activity| -> f64 {
        simulation.workers().iter().map(|worker| worker.spent(activity, now).seconds()).sum()
    };
    let all = now.seconds() * simulation.workers().len() as f64;
    (all > 0.0).then(|| Utilisation {
        busy: spent(Activity::Compute) / all,
        network: (spent(Activity::Pull) + spent(Activity::Push)) / all,
        waiting: spent(Activity::Wait) / all,
    })
}
