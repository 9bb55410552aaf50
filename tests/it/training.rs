//! Small training scenarios, and everything that comes out of a run of one.

use std::path::Path;

use straggler::base::persist::{Loader, Saver};
use straggler::base::{Persist, SimSpan};
use straggler::cluster::step_time::lognormal;
use straggler::cluster::{Compute, StepTimeChoice};
use straggler::data::{SourceChoice, Window, synthetic};
use straggler::model::{ModelChoice, din, logistic, mlp};
use straggler::optimizer::{OptimizerChoice, adam};
use straggler::protocol::ProtocolChoice;
use straggler::scenario::spec::{About, Cluster, Holdout, Scenario, Train};
use straggler::scenario::{Job, Prepared};
use straggler::server::ParameterServer;
use straggler::sim::{Every, Finished, Record, SimError, State, Stop, TrainingSession};

/// A generated log of three small days, the last one held out, and a small DIN on four workers.
pub(crate) fn small() -> Scenario {
    let data = synthetic::Config {
        days: 3,
        rows_per_day: 1_200,
        users: 150,
        items: 80,
        categories: 5,
        brands: 8,
        impressions_per_session: 6,
        history_length: 5,
        ..synthetic::Config::default()
    };
    Scenario {
        scenario: About { seed: 7, ..About::default() },
        data: Some(SourceChoice::Synthetic(data)),
        train: Train {
            batch: 16,
            stop: Stop { updates: Some(60), ..Stop::default() },
            ..Train::default()
        },
        holdout: Some(Holdout {
            days: Some(Window::new(vec![(3, 3)]).unwrap()),
            every: Every::Updates(20),
            max_examples: Some(300),
            ..Holdout::default()
        }),
        model: small_din(),
        optimizer: OptimizerChoice::Adam(adam::Config {
            averages: adam::Averages { learning_rate: 0.01, ..adam::Averages::default() },
            ..adam::Config::default()
        }),
        cluster: Cluster {
            workers: 4,
            compute: Compute {
                fixed: SimSpan(1 << 30),
                per_example: SimSpan(1 << 20),
                law: StepTimeChoice::Lognormal(lognormal::Config { sigma: 0.5 }),
                ..Compute::default()
            },
            ..Cluster::default()
        },
        ..Scenario::default()
    }
}

/// The protocol of this number, as it is for so many workers; `None` if they are too few for it.
pub(crate) fn protocol_of(number: usize, workers: u32) -> Option<ProtocolChoice> {
    let name = ProtocolChoice::PARTS[number].name;
    let settings = match name {
        "backup_workers" if workers == 1 => return None,
        "k_batch_async" => serde_json::json!({"kind": name, "k": 3}),
        _ => serde_json::json!({"kind": name}),
    };
    serde_json::from_value(settings).ok()
}

pub(crate) fn small_din() -> ModelChoice {
    ModelChoice::Din(din::Config {
        embedding_dim: 4,
        attention_hidden: vec![6],
        hidden: vec![8, 5],
        ..din::Config::default()
    })
}

pub(crate) fn small_mlp() -> ModelChoice {
    ModelChoice::Mlp(mlp::Config { embedding_dim: 4, hidden: vec![8], ..mlp::Config::default() })
}

pub(crate) fn small_logistic() -> ModelChoice {
    ModelChoice::Logistic(logistic::Config::default())
}

/// Opens the log and lays out the model.
pub(crate) fn prepare(scenario: &Scenario) -> Prepared {
    scenario.prepare(Path::new(".")).unwrap().expect("it trains")
}

/// The job of a scenario, ready to run.
pub(crate) fn job(scenario: &Scenario, threads: usize) -> Job {
    scenario.build(Some(prepare(scenario)), Path::new("."), threads).unwrap()
}

/// What comes out of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The bits of every weight: dense, non-trainable, rows.
    pub(crate) weights: Vec<u32>,
    /// Everything that observers were told, in order, as text.
    pub(crate) records: Vec<String>,
    pub(crate) finished: Vec<Finished>,
    pub(crate) end: Result<(), SimError>,
    pub(crate) events: u64,
}

impl Outcome {
    /// The finished pushes without what is only measured on request.
    pub(crate) fn pushes(&self) -> Vec<String> {
        let bare = |push: &Finished| format!("{:?}", Finished { gap: None, ..push.clone() });
        self.finished.iter().map(bare).collect()
    }

    /// The records of one kind, such as `Evaluated`.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&String> {
        self.records.iter().filter(|record| record.starts_with(kind)).collect()
    }

    /// The weights as numbers.
    pub(crate) fn values(&self) -> Vec<f32> {
        self.weights.iter().map(|&bits| f32::from_bits(bits)).collect()
    }
}

/// Runs a job to its end.
pub(crate) fn finish(mut job: Job) -> Outcome {
    let (mut records, mut finished) = (Vec::new(), Vec::new());
    let end = job.run(&mut |record: &Record<'_>| {
        records.push(format!("{record:?}"));
        if let Record::Finished(push) = record {
            finished.push((*push).clone());
        }
    });
    let events = job.simulation().map_or(0, |simulation| simulation.events());
    Outcome { weights: weights(server(job.session())), records, finished, end, events }
}

/// Runs a scenario to its end, which must be a good one.
pub(crate) fn run(scenario: &Scenario, threads: usize) -> Outcome {
    let outcome = finish(job(scenario, threads));
    assert_eq!(outcome.end, Ok(()));
    outcome
}

/// Runs a scenario to its end, going on in a job of its own after every `stride` steps.
pub(crate) fn run_in_pieces(scenario: &Scenario, threads: usize, stride: usize) -> Outcome {
    let (mut records, mut finished) = (Vec::new(), Vec::new());
    let mut note = |record: &Record<'_>| {
        records.push(format!("{record:?}"));
        if let Record::Finished(push) = record {
            finished.push((*push).clone());
        }
    };
    // The log is the same in all pieces.
    let prepared = prepare(scenario);
    let build = || {
        let prepared = Some(prepared.clone());
        scenario.build(prepared, Path::new("."), threads).unwrap()
    };
    let mut piece = build();
    piece.evaluate_first(&mut note);
    let mut step = 0;
    while piece.step(&mut note).unwrap() == State::Running {
        step += 1;
        if step % stride == 0 {
            piece = moved(&mut piece, build());
        }
    }
    piece.evaluate_last(&mut note);
    let events = piece.simulation().map_or(0, |simulation| simulation.events());
    let weights = weights(server(piece.session()));
    Outcome { weights, records, finished, end: Ok(()), events }
}

/// Another job with the state of this one.
pub(crate) fn copy(scenario: &Scenario, threads: usize, job: &mut Job) -> Job {
    moved(job, self::job(scenario, threads))
}

/// `other`, which is new, with the state of `job`.
fn moved(job: &mut Job, mut other: Job) -> Job {
    job.finish_gradients();
    let mut state = Saver::default();
    job.save(&mut state);
    let state = state.into_bytes();
    let mut from = Loader::new(&state);
    other.load(&mut from).unwrap();
    from.end().unwrap();
    let mut again = Saver::default();
    other.save(&mut again);
    assert!(again.into_bytes().len() == state.len(), "a loaded state is not what was saved");
    other
}

pub(crate) fn server(session: &TrainingSession) -> &ParameterServer {
    session.work.training().expect("gradients are computed").server()
}

/// The bits of every weight: dense, non-trainable, rows.
pub(crate) fn weights(server: &ParameterServer) -> Vec<u32> {
    let mut bits: Vec<u32> = server.dense().iter().map(|x| x.to_bits()).collect();
    bits.extend(server.moving().iter().map(|x| x.to_bits()));
    for t in 0..server.layout().tables.len() {
        let table = server.table(t);
        for id in 0..table.rows() {
            bits.extend(table.weights(id).iter().map(|x| x.to_bits()));
        }
    }
    bits
}
