//! Assembles the figures of a run.

use std::collections::BTreeMap;

use super::presence;
use super::recorder::Recorder;
use super::{served, shard_failures, stream};
use crate::base::SimSpan;
use crate::metrics::Quality;
use crate::results::semantics::SEMANTICS;
use crate::results::summary::{At, NO_MODEL, ServerLoad, Staleness, Summary, Utilisation};
use crate::scenario::Scenario;
use crate::sim::evaluate::Evaluator;
use crate::sim::shard::Shard;
use crate::sim::station::Station;
use crate::sim::{Progress, Simulation, TimeSpent};

/// Assembles the figures of a run. The caller adds data facts, Bayes figures and hashes.
pub(super) fn summary(
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
        answered_by: scenario.scenario.answered_by.clone(),
        seed: scenario.scenario.seed,
        version: env!("CARGO_PKG_VERSION").to_string(),
        semantics: SEMANTICS,
        workers: if imposed { 1 } else { scenario.cluster.workers },
        shards: if imposed { 1 } else { scenario.cluster.shards },
        protocol: if imposed { "imposed_staleness" } else { scenario.protocol.name() }.to_string(),
        model: scenario
            .timing_only
            .as_ref()
            .map_or(scenario.model.name(), |_| NO_MODEL)
            .to_string(),
        optimizer: scenario.optimizer.name().to_string(),
        reconstructed: scenario.reconstructed().into_iter().map(String::from).collect(),
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
        server: simulation.and_then(server),
        churn: simulation.and_then(presence::churn),
        shard_failures: simulation.and_then(shard_failures::summary),
        stream: simulation.and_then(|s| s.session().stream()).map(stream::summary),
        served: simulation.and_then(|s| served::summary(&s.session().served())),
        audit: simulation.and_then(presence::audit),
        loss: totals.loss,
        divergence: totals.divergence,
        best: recorder.best().chosen().map(|(progress, quality)| at(progress, quality)),
        last: totals.last.as_ref().map(|(progress, quality)| at(progress, quality)),
        ..Summary::default()
    }
}

/// Why figures of quality are not defined, by their names.
pub(super) fn undefined(summary: &Summary, evaluator: &Evaluator) -> BTreeMap<String, String> {
    let of = |at: &Option<At>| at.as_ref().map(|at| at.quality);
    let mut all = BTreeMap::new();
    for (name, quality) in
        [("best", of(&summary.best)), ("last", of(&summary.last)), ("bayes", summary.bayes)]
    {
        // The selection half is no part of these figures.
        let chosen = Some(0.0);
        let undefined = quality.map(|quality| evaluator.undefined(&quality, chosen));
        all.extend(
            undefined
                .into_iter()
                .flatten()
                .map(|one| (format!("{name}.{}", one.figure), one.reason)),
        );
    }
    if summary.best.is_none() && summary.last.is_some() {
        let undefined = evaluator.undefined(&Quality::default(), None);
        let choice = undefined.into_iter().find(|one| one.figure == "selection_auc");
        all.extend(choice.map(|one| ("best".to_string(), one.reason)));
    }
    all
}

fn at(progress: &Progress, quality: &Quality) -> At {
    At {
        update: progress.updates,
        examples: progress.examples,
        sim_s: progress.now.seconds(),
        quality: *quality,
    }
}

/// The busiest shard and the busiest link of a shard; of several, the first.
fn server(simulation: &Simulation) -> Option<ServerLoad> {
    let now = simulation.now();
    let seconds = now.seconds();
    let share = |station: &Station| station.busy(now).seconds() / seconds;
    let busiest = |load: &dyn Fn(&Shard) -> f64| {
        let loads = (0u32..).zip(simulation.shards().iter().map(load));
        loads.reduce(|most, load| if load.1 > most.1 { load } else { most })
    };
    let (shard, busy) = busiest(&|shard| share(&shard.processor))?;
    let (link_shard, link_busy) =
        busiest(&|shard| share(&shard.link_in).max(share(&shard.link_out)))?;
    (seconds > 0.0).then_some(ServerLoad { shard, busy, link_shard, link_busy })
}

fn utilisation(simulation: &Simulation) -> Option<Utilisation> {
    let now = simulation.now();
    let workers = simulation.workers();
    let all = now.seconds() * workers.len() as f64;
    let share = |part: fn(TimeSpent) -> SimSpan| -> f64 {
        let seconds = workers.iter().map(|worker| part(simulation.time_spent(worker)).seconds());
        seconds.sum::<f64>() / all
    };
    (all > 0.0).then(|| Utilisation {
        busy: share(|spent| spent.computing),
        network: share(|spent| spent.network),
        queued: share(|spent| spent.queued),
        served: share(|spent| spent.served),
        held: share(|spent| spent.held),
        waiting: share(|spent| spent.waiting),
        starved: simulation.session().stream().map(|_| share(|spent| spent.starved)),
    })
}
