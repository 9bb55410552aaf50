//! Parts of our own: a protocol that merges every four pushes into one update, and machines that
//! pause at every tenth step. Prints how it compares with the built-in asynchronous protocol on
//! the same machines.
//!
//!     cargo run --example 03-own-parts

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use straggler::base::{Draw, SimSpan, WorkerId};
use straggler::cluster::{Machine, StepTimeLaw};
use straggler::metrics::Moments;
use straggler::protocol::{Arrived, ClusterState, Decisions, Protocol, PushId, asynchronous};
use straggler::scenario::Scenario;
use straggler::sim::{EvaluatedView, Record, Simulation};

const SCENARIO: &str = r#"
data    = { kind = "synthetic", days = 4, rows_per_day = 12_000 }
train   = { days = "1..3", batch = 32 }
holdout = { days = "4" }
model   = { kind = "mlp", embedding_dim = 8, hidden = [32] }
cluster = { workers = 12, shards = 2 }
"#;

/// Each shard collects pushes and makes one update of the mean of every four; nobody waits.
#[derive(Debug)]
struct MergeFour {
    /// What has arrived since the last update, by shard.
    held: Vec<Vec<PushId>>,
}

// Its state, so that runs with it can be saved and resumed.
straggler::persist!(MergeFour { held: state });

impl Protocol for MergeFour {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        decide.grant(worker);
    }

    fn on_push(&mut self, arrived: Arrived, _: &ClusterState<'_>, decide: &mut Decisions) {
        let held = &mut self.held[arrived.shard.index()];
        held.push(arrived.push);
        if held.len() == 4 {
            decide.apply(arrived.shard, held);
            held.clear();
        }
    }
}

/// Every tenth step takes five times as long, at another step for each worker.
#[derive(Debug)]
struct Pauses;

impl StepTimeLaw for Pauses {
    fn time(&self, base: SimSpan, draw: Draw) -> SimSpan {
        if (draw.count + draw.entity) % 10 == 9 { base.times(5) } else { base }
    }
}

fn run(name: &str, protocol: Box<dyn Protocol>) -> Result<(), Box<dyn Error>> {
    let (scenario, here) = (Scenario::from_text(SCENARIO)?, Path::new("."));
    let mut parts = scenario.parts(scenario.prepare(here)?, here, 2)?;
    let law: Arc<dyn StepTimeLaw> = Arc::new(Pauses);
    let own = |machine: &Machine| Machine::new(machine.class, machine.slowdown, Arc::clone(&law));
    parts.machines = parts.machines.iter().map(own).collect();
    parts.protocol = protocol;

    let (mut staleness, mut auc) = (Moments::default(), None);
    let mut simulation = Simulation::new(parts);
    simulation.run(&mut |record: &Record<'_>| match record {
        Record::Finished(push) => staleness.add(push.staleness),
        Record::Evaluated { view: EvaluatedView::Server, quality, .. } => auc = quality.auc,
        _ => {}
    })?;
    let (updates, nan) = (simulation.session().progress.updates, f64::NAN);
    let (stale, auc) = (staleness.mean().unwrap_or(nan), auc.unwrap_or(nan));
    println!("{name:<12}  {updates:>7}  {stale:>14.2}  {auc:.3}");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("protocol      updates  mean staleness  AUC");
    run("asynchronous", Box::new(asynchronous::Asynchronous))?;
    run("merge four", Box::new(MergeFour { held: vec![Vec::new(); 2] }))
}
