//! Checkpoints: a job that starts from one goes on where the other was.

use straggler::data::Window;
use straggler::optimizer::{OptimizerChoice, sgd};
use straggler::scenario::start::{Average, CheckpointSaving};
use straggler::scenario::{Job, Scenario};
use straggler::server::RowsFound;
use straggler::sim::checkpoint::MissingState;
use straggler::sim::restart::{ClockAt, DataAt, InFlight, Kept, SlotsAt, WorkersAt};
use straggler::sim::{Checkpoint, NoObserver, Restart, StartError, StartReport, State};

use crate::training::{job, prepare, server, small, weights};

fn advance(job: &mut Job, events: usize) {
    for _ in 0..events {
        assert_eq!(job.step(&mut NoObserver).unwrap(), State::Running);
    }
}

/// Runs until so many updates have been made.
fn until(job: &mut Job, updates: u64) -> Vec<u32> {
    while job.session().progress.updates < updates {
        job.step(&mut NoObserver).unwrap();
    }
    weights(server(job.session()))
}

fn saved(scenario: &Scenario, events: usize) -> (Job, Checkpoint) {
    let mut job = job(scenario, 2);
    advance(&mut job, events);
    let checkpoint = job.checkpoint().unwrap();
    (job, checkpoint)
}

fn started(scenario: &Scenario, from: &Checkpoint, restart: &Restart, same: bool) -> Job {
    let mut job = job(scenario, 1);
    assert_eq!(
        job.start_from(from, (restart, MissingState::Error, RowsFound::ById), same, 7).unwrap(),
        StartReport::default()
    );
    job
}

fn alone() -> Scenario {
    let mut scenario = small();
    scenario.cluster.workers = 1;
    scenario.train.stop.updates = Some(1_000);
    scenario
}

#[test]
fn a_job_that_starts_from_a_checkpoint_does_what_the_restarted_job_does() {
    // With one worker, whatever the clock says, the order of examples is the same.
    let scenario = alone();
    let switches = [
        Restart::default(),
        Restart { slots: SlotsAt::Zero, ..Restart::default() },
        Restart { slots: SlotsAt::Zero, counters: Kept::Reset, ..Restart::default() },
        Restart { counters: Kept::Reset, clock: ClockAt::Reset, ..Restart::default() },
        Restart { data: DataAt::Replay, moving: Kept::Reset, ..Restart::default() },
        Restart { data: DataAt::Reshuffle, reinit: vec!["last".into()], ..Restart::default() },
        Restart { shrink: 0.5, perturb: 0.1, ..Restart::default() },
    ];
    for restart in switches {
        let (mut job, checkpoint) = saved(&scenario, 130);
        let updates = job.session().progress.updates;
        scenario.restart(&mut job, &restart, &mut NoObserver).unwrap();
        let restarted = until(&mut job, updates + 25);
        let mut other = started(&scenario, &checkpoint, &restart, true);
        assert!(until(&mut other, 25) == restarted, "{restart:?}");
    }
}

#[test]
fn a_checkpoint_of_a_started_job_counts_on() {
    let scenario = alone();
    let (job, checkpoint) = saved(&scenario, 130);
    let before = job.session().progress.updates;
    assert_eq!(checkpoint.elapsed.progress.updates, before);
    assert_eq!(checkpoint.elapsed.versions, [before]);
    let mut other = started(&scenario, &checkpoint, &Restart::default(), true);
    until(&mut other, 10);
    let next = other.checkpoint().unwrap();
    assert_eq!(next.elapsed.progress.updates, before + 10);
    assert_eq!(next.elapsed.versions, [before + 10]);
    assert_eq!(next.elapsed.progress.examples, 16 * (before + 10));
}

#[test]
fn another_cluster_and_other_days_may_go_on() {
    let (_, checkpoint) = saved(&small(), 200);
    let mut scenario = small();
    scenario.cluster.workers = 7;
    scenario.cluster.shards = 3;
    scenario.train.days = Some(Window::new(vec![(2, 2)]).unwrap());
    let mut job = started(&scenario, &checkpoint, &Restart::default(), false);
    until(&mut job, 20);
    let Job::Cluster(simulation) = &job else { panic!("a cluster") };
    simulation.check();
    let position = job.checkpoint().unwrap().position;
    assert_eq!(position.pass, checkpoint.position.pass + 1, "a pass of its own");
}

#[test]
fn what_a_checkpoint_does_not_have_is_said() {
    let scenario = alone();
    let (_, checkpoint) = saved(&scenario, 50);
    let mut other = alone();
    other.optimizer = OptimizerChoice::Sgd(sgd::Config::default());
    let (_, plain) = saved(&other, 50);
    let start = |absent| {
        let mut job = job(&scenario, 1);
        let from = (&Restart::default(), absent, RowsFound::ById);
        job.start_from(&plain, from, true, 7).map(|report| (job, report.missing))
    };
    let error = start(MissingState::Error).unwrap_err();
    assert!(matches!(error, StartError::Missing { .. }), "{error}");
    let (first, missing) = start(MissingState::First).unwrap();
    assert!(missing.iter().any(|name| name.ends_with("/v")), "{missing:?}");
    let (garbage, _) = start(MissingState::Garbage).unwrap();
    let slots = |job: &Job| server(job.session()).content().dense.slots(0).to_vec();
    assert!(slots(&first).iter().all(|&slot| slot == 0.0));
    let found = slots(&garbage);
    assert!(found.iter().all(|slot| slot.is_finite()));
    assert!(found.iter().any(|slot| slot.abs() > 1e6) && found.iter().any(|slot| *slot < 0.0));
    assert_eq!(server(garbage.session()).dense(), server(first.session()).dense());
    let keep = Restart { workers: WorkersAt::Keep, ..Restart::default() };
    let apply = Restart { in_flight: InFlight::Apply, ..Restart::default() };
    for restart in [keep, apply] {
        let error = job(&scenario, 1)
            .start_from(&checkpoint, (&restart, MissingState::First, RowsFound::ById), true, 7)
            .unwrap_err();
        assert!(matches!(error, StartError::NotInCheckpoint(_)), "{error}");
        assert!(error.to_string().contains("straggler lab restart"));
    }
    let mut smaller = alone();
    smaller.model = crate::training::small_mlp();
    let from = (&Restart::default(), MissingState::First, RowsFound::ById);
    let error = job(&smaller, 1).start_from(&checkpoint, from, true, 7).unwrap_err();
    assert!(matches!(error, StartError::Tensor(_)), "{error}");
}

#[test]
fn what_an_average_holds_is_in_the_estimate_of_memory() {
    let memory = |average| {
        let mut scenario = small();
        scenario.checkpoint = Some(CheckpointSaving { average, ..CheckpointSaving::default() });
        let estimate = scenario.estimate(Some(&prepare(&scenario)), 1);
        (estimate.memory.0, 4 * (estimate.dense + estimate.sparse))
    };
    let (none, state) = memory(None);
    let (one, _) = memory(Some(Average::Decay(0.9)));
    let (nine, _) = memory(Some(Average::Last(9)));
    assert!(one >= none + 2 * state, "{none}, {one}, {state}");
    assert!((8 * state..11 * state).contains(&(nine - one)), "{one}, {nine}, {state}");
}

#[test]
fn patience_ends_after_so_many_evaluations_without_a_new_best() {
    let mut scenario = alone();
    scenario.holdout.as_mut().unwrap().every = straggler::sim::Every::Updates(5);
    scenario.optimizer = OptimizerChoice::Sgd(sgd::Config { learning_rate: 1e-300 });
    scenario.train.stop.patience = Some(3);
    let mut job = job(&scenario, 1);
    job.evaluate_first(&mut NoObserver);
    while job.step(&mut NoObserver).unwrap() == State::Running {}
    // The first evaluation, before any update, is the best for ever.
    assert_eq!(job.session().progress.updates, 15);
}
