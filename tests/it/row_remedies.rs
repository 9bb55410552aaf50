//! Remedies by the staleness of single rows, under every protocol: what a merged row's staleness is.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};
use straggler::base::{Pool, Streams, WorkerId};
use straggler::cluster::StepTimeChoice;
use straggler::cluster::step_time::exponential;
use straggler::data::{Batch, DataSource, Day, Field, IdSpace, Schema, SourceChoice};
use straggler::model::{Model, Workspace};
use straggler::nn::Real;
use straggler::optimizer::sgd::Sgd;
use straggler::params::view::rows_len;
use straggler::params::{Gradient, Init, Layout, View};
use straggler::protocol::ProtocolChoice;
use straggler::remedy::{Remedies, RemedyChoice};
use straggler::scenario::Scenario;
use straggler::server::{ParameterServer, Sharding};
use straggler::sim::feed::{ExampleSharing, Feed};
use straggler::sim::{Limits, Rates, Record, Simulation, Stop, Training, Work};

use crate::cluster::NullCluster;
use crate::toy::Counting;
use crate::training::{self, protocol_of};

const WORKERS: u32 = 4;
const ROWS: usize = 7;
const CURVATURE: f64 = 0.8;
const RATE: f64 = 0.25;

/// The rows of a worker's examples: one that all workers share, one that it shares with another
/// worker, and one of its own.
fn rows_of(worker: u32) -> [usize; 3] {
    [0, 1 + worker as usize / 2, 3 + worker as usize]
}

/// The loss `h x^2 / 2`, summed over the rows `x` of a batch; every row begins at 1.
#[derive(Debug)]
struct Rows(Layout);

impl Rows {
    fn differentiate<F: Real>(&self, view: View<'_, F>, batch: &Batch, into: &mut Gradient<F>) {
        into.reset(0, rows_len(&self.0, view.lookups), 0);
        into.examples = batch.len() as u32;
        for (g, x) in into.rows.iter_mut().zip(view.rows) {
            *g = F::from_f64(CURVATURE) * *x;
            into.loss += 0.5 * CURVATURE * x.to_f64() * x.to_f64();
        }
    }
}

impl Model for Rows {
    fn layout(&self) -> &Layout {
        &self.0
    }

    fn gradient(
        &self,
        view: View<'_, f32>,
        batch: &Batch,
        _: &mut Workspace,
        into: &mut Gradient<f32>,
    ) {
        self.differentiate(view, batch, into);
    }

    fn scores(&self, _: View<'_, f32>, batch: &Batch, _: &mut Workspace, logits: &mut Vec<f32>) {
        logits.clear();
        logits.resize(batch.len(), 0.0);
    }

    fn gradient_f64(&self, view: View<'_, f64>, batch: &Batch, into: &mut Gradient<f64>) {
        self.differentiate(view, batch, into);
    }
}

/// An example of worker `id % WORKERS`.
#[derive(Debug)]
struct ByWorker(Schema);

impl DataSource for ByWorker {
    fn schema(&self) -> &Schema {
        &self.0
    }

    fn days(&self) -> &[Day] {
        &[]
    }

    fn read(&self, ids: &[u64], batch: &mut Batch) {
        batch.clear();
        batch.labels.resize(ids.len(), 0.0);
        batch.history_offsets.resize(ids.len() + 1, 0);
        batch.info.resize(ids.len(), Default::default());
        for id in ids {
            let worker = (id % u64::from(WORKERS)) as u32;
            batch.fields.extend(rows_of(worker).map(|row| row as u32));
        }
    }

    fn facts(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

fn descent(list: &[Value], shards: u32) -> Training {
    let mut layout = Layout::default();
    layout.add_table("row", 0, ROWS as u32, 1, Init::Constant(1.0));
    let fields = ["all", "pair", "own"].map(|name| Field { name: name.into(), space: 0 });
    let schema = Schema {
        spaces: vec![IdSpace { name: "row".into(), rows: ROWS as u32 }],
        fields: fields.into(),
        ..Schema::default()
    };
    let model: Arc<dyn Model> = Arc::new(Rows(layout.clone()));
    let (dense, sparse) = (Arc::new(Sgd), Arc::new(Sgd));
    let sharding = Sharding::new(&layout, shards);
    let layout = Arc::new(layout);
    let build = |keys: &Value| remedy(keys).build(WORKERS, &layout);
    let remedies = Remedies::new(list.iter().map(build).collect(), WORKERS);
    let server =
        ParameterServer::new(Arc::clone(&layout), sharding, dense, sparse, Streams::new(0));
    let (source, order) = (Arc::new(ByWorker(schema)), Box::<Counting>::default());
    let feed = Feed::new(source, Arc::clone(&model), order, 1, ExampleSharing::Fixed, WORKERS);
    let rates = Box::new(|_, _| Rates { dense: RATE, sparse: RATE });
    Training::new(model, server, feed, Pool::new(1), rates, None).with_remedies(remedies)
}

fn remedy(keys: &Value) -> RemedyChoice {
    serde_json::from_value(keys.clone()).unwrap_or_else(|error| panic!("{keys}: {error}"))
}

/// A rule as a function of the staleness of the push, which it notes, and of the row.
type Factor = Box<dyn FnMut(f64, f64) -> f64>;

/// The rules that scale by staleness, and their factors.
fn rules() -> Vec<(Value, Factor)> {
    let (mut count, mut mean, mut last) = (0.0, 0.0, (f64::NAN, 0));
    let relative = move |push: f64, row: f64| {
        // Once for each push, which has three rows.
        if last.0 == push && last.1 < 3 {
            last.1 += 1;
        } else {
            last = (push, 1);
            count += 1.0;
            mean += (push - mean) / count;
        }
        if row == 0.0 { 1.0 } else { (mean / row).powi(2).min(1.0) }
    };
    vec![
        (
            json!({"kind": "staleness_aware", "form": "plus_one"}),
            Box::new(|_, row| 1.0 / (row + 1.0)),
        ),
        (json!({"kind": "staleness_normalization"}), Box::new(relative)),
        (json!({"kind": "power", "exponent": 0.7}), Box::new(|_, row: f64| (1.0 + row).powf(-0.7))),
        (json!({"kind": "exponential", "beta": 0.2}), Box::new(|_, row: f64| (-0.2 * row).exp())),
        (
            json!({"kind": "hinge", "from": 1.0, "slope": 3.0}),
            Box::new(|_, row: f64| 1.0 / (3.0 * (row - 1.0).max(0.0) + 1.0)),
        ),
        (
            json!({"kind": "delay_adaptive", "concurrency": 1}),
            Box::new(|_, row: f64| 1.0 / row.max(1.0)),
        ),
    ]
}

/// The state of the rows after an update: how often each was updated, and its weight.
#[derive(Clone)]
struct Version {
    updates: [u32; ROWS],
    weights: [f64; ROWS],
}

/// Makes an update of pushes, given with their workers and their staleness, as the page on remedies
/// describes it. `own` says whether a row's own staleness counts, `contributors` whether a row is
/// divided by the pushes that contain it.
fn update(
    history: &[Version],
    pushes: &[(WorkerId, u64)],
    factor: &mut Factor,
    own: bool,
    contributors: bool,
) -> Version {
    let mut next = history.last().expect("a first version").clone();
    let now = next.updates;
    let mut sums = [0.0; ROWS];
    let mut members = [0u32; ROWS];
    for &(worker, staleness) in pushes {
        let read = &history[history.len() - 1 - staleness as usize];
        for row in rows_of(worker.0) {
            let age = f64::from(now[row] - read.updates[row]);
            let push = staleness as f64;
            let factor = factor(push, if own { age } else { push });
            sums[row] += factor * CURVATURE * read.weights[row];
            members[row] += 1;
        }
    }
    for row in (0..ROWS).filter(|&row| members[row] > 0) {
        let divisor = if contributors { members[row] } else { pushes.len() as u32 };
        next.weights[row] -= RATE * sums[row] / f64::from(divisor);
        next.updates[row] += 1;
    }
    next
}

/// Runs a protocol with a remedy; returns the pushes of every update, and the rows at the end.
fn measured(protocol: ProtocolChoice, keys: &Value) -> (Vec<Vec<(WorkerId, u64)>>, Vec<f64>) {
    let cluster = NullCluster {
        protocol,
        limits: Limits { updates: Some(24), ..Limits::default() },
        ..NullCluster::textbook(WORKERS, StepTimeChoice::Exponential(exponential::Config {}))
    };
    let training = descent(std::slice::from_ref(keys), 1);
    let mut simulation = Simulation::new(cluster.parts(Work::Training(Box::new(training))));
    let mut updates = VecDeque::from([Vec::new()]);
    simulation
        .run(&mut |record: &Record<'_>| match record {
            Record::Applied { worker, staleness, .. } => {
                updates[0].push((*worker, *staleness));
            }
            Record::Updated { .. } => updates.push_front(Vec::new()),
            _ => {}
        })
        .unwrap();
    simulation.check();
    let updates = updates.into_iter().rev().filter(|pushes| !pushes.is_empty()).collect();
    let weights = training::server(simulation.session()).weights("row").unwrap();
    (updates, weights.iter().map(|&x| f64::from(x)).collect())
}

/// Each push of a merged update is scaled by its own staleness of each row, before it is merged.
#[test]
fn rows_of_merged_pushes_follow_their_recursion() {
    for number in 0..ProtocolChoice::PARTS.len() {
        let name = ProtocolChoice::PARTS[number].name;
        let Some(protocol) = protocol_of(number, WORKERS) else { continue };
        let mut merging = false;
        for (rows, position) in [("own", "step"), ("own", "gradient"), ("push", "step")] {
            for (mut keys, mut factor) in rules() {
                keys["rows"] = rows.into();
                keys["position"] = position.into();
                let (updates, weights) = measured(protocol.clone(), &keys);
                assert_eq!(updates.len(), 24, "{name}");
                merging |= updates.iter().any(|pushes| pushes.len() > 1);
                let mut history = vec![Version { updates: [0; ROWS], weights: [1.0; ROWS] }];
                for pushes in &updates {
                    let (own, contributors) = (rows == "own", name == "gba");
                    history.push(update(&history, pushes, &mut factor, own, contributors));
                }
                let expected = history.last().unwrap().weights;
                for (row, (a, b)) in weights.iter().zip(expected).enumerate() {
                    let near = (a - b).abs() < 2e-5 * b.abs().max(0.05);
                    assert!(near, "{name}, {keys}, row {row}: {a} for {b}");
                }
            }
        }
        let facts = protocol.pushes_per_update(WORKERS) > 1;
        assert!(!facts || merging, "{name} merges nothing here");
    }
}

/// No combination is refused in the middle of a run, whatever the shards, and none depends on
/// threads.
#[test]
fn every_remedy_works_under_every_protocol_on_rows_of_either_kind() {
    let mut scenario = training::small();
    if let Some(SourceChoice::Synthetic(log)) = &mut scenario.data {
        log.rows_per_day = 100;
    }
    scenario.model = training::small_logistic();
    scenario.train.batch = 6;
    scenario.train.stop = Stop { updates: Some(8), ..Stop::default() };
    scenario.holdout = None;
    scenario.cluster.workers = 5;
    for part in RemedyChoice::PARTS {
        let own = json!({"kind": part.name, "rows": "own"});
        let by_row = serde_json::from_value::<RemedyChoice>(own.clone()).is_ok();
        let kinds = [Some(json!({"kind": part.name})), by_row.then_some(own)];
        for (number, keys) in (0..ProtocolChoice::PARTS.len())
            .flat_map(|number| kinds.iter().flatten().map(move |keys| (number, keys)))
        {
            let Some(protocol) = protocol_of(number, 5) else { continue };
            let mut scenario =
                Scenario { protocol, remedy: vec![remedy(keys)], ..scenario.clone() };
            scenario.cluster.shards = 1 + number as u32 % 3;
            let outcome = training::run(&scenario, 2);
            let what = format!("{keys}, {}", scenario.protocol.name());
            assert!(outcome.values().iter().all(|x| x.is_finite()), "{what}");
            assert!(outcome.finished.iter().any(|push| push.loss.is_finite()), "{what}");
        }
    }
}
