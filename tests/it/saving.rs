//! Checkpoints that take simulated time: who is held up, and at which instant each piece is copied.

use proptest::prelude::*;
use straggler::base::{SimSpan, SimTime};
use straggler::optimizer::Horizon;
use straggler::protocol::ProtocolChoice;
use straggler::scenario::{Job, Scenario};
use straggler::server::eviction::{Looks, age};
use straggler::server::{CopyUnit, Eviction, EvictionRule, RowsFound, Tensors};
use straggler::sim::checkpoint::MissingState;
use straggler::sim::restart::WorkersAt;
use straggler::sim::save::{SavePolicy, SavedBy, SavedShards};
use straggler::sim::{
    Activity, Checkpoint, HalfRows, NoObserver, Record, Restart, Save, SaveReason, SaveReport,
    StartError, State,
};

use crate::training::{copy, job, protocol_of, server, small, weights};

/// About three steps of a worker.
const TAKES: SimSpan = SimSpan(3 << 30);

fn with(save: Save) -> Scenario {
    let mut scenario = small();
    let saving = straggler::scenario::start::CheckpointSaving { save, ..Default::default() };
    scenario.checkpoint = Some(saving);
    scenario
}

fn live(unit: CopyUnit) -> Save {
    Save { policy: SavePolicy::Live, takes: TAKES, unit, ..Save::default() }
}

fn advanced(scenario: &Scenario, events: usize) -> Job {
    let mut job = job(scenario, 2);
    job.evaluate_first(&mut NoObserver);
    for _ in 0..events {
        assert_eq!(job.step(&mut NoObserver).unwrap(), State::Running);
    }
    job
}

/// Asks for a checkpoint and goes on until it is saved.
fn save(job: &mut Job, observer: &mut impl FnMut(&Record<'_>)) -> (SaveReport, Checkpoint) {
    job.save_checkpoint(SaveReason::Update(1));
    loop {
        if let Some(saved) = job.take_saved() {
            let checkpoint = job.session().checkpoint_of(&saved.copy.unwrap()).unwrap();
            return (saved.report, checkpoint);
        }
        assert_eq!(job.step(observer).unwrap(), State::Running);
    }
}

fn end(job: &mut Job) -> Vec<u32> {
    while job.step(&mut NoObserver).unwrap() == State::Running {}
    if let Job::Cluster(simulation) = &job {
        simulation.check();
    }
    weights(server(job.session()))
}

#[test]
fn what_is_copied_at_one_instant_is_the_checkpoint_of_that_instant() {
    let mut job = advanced(&with(live(CopyUnit::Job)), 90);
    let now = job.checkpoint().unwrap();
    let (report, saved) = save(&mut job, &mut |_| {});
    assert!(saved == now);
    assert_eq!(report.ended.since(report.begun), TAKES);
    assert!(report.updates[2] > report.updates[1], "others pushed meanwhile");
    assert_eq!((report.skew, report.held), (0, 0));
}

#[test]
fn every_tensor_is_copied_at_its_own_instant() {
    let mut scenario = with(live(CopyUnit::Tensor));
    scenario.cluster.shards = 2;
    for shards in [SavedShards::Together, SavedShards::OneByOne] {
        let how = Save { shards, ..live(CopyUnit::Tensor) };
        scenario.checkpoint.as_mut().unwrap().save = how.clone();
        let mut job = advanced(&scenario, 90);
        let (plan, _) = how.plan(Some(server(job.session())));
        let (report, saved) = save(&mut job, &mut |_| {});
        assert!(report.skew > 0);
        // The same job, which saves nothing, looked at at each instant.
        let mut other = advanced(&scenario, 90);
        let mut expected = other.session().work.training().unwrap().server().content().clone();
        let mut instants: Vec<(SimTime, usize)> =
            plan.iter().enumerate().map(|(i, timed)| (report.begun + timed.after, i)).collect();
        instants.sort();
        for (at, index) in instants {
            until(&mut other, at);
            server(other.session()).copy_piece(&plan[index].piece, &mut expected);
        }
        let server = server(other.session());
        let expected: Tensors = expected.tensors(server.layout(), server.rules(), server.moving());
        // Lists of rows without a slot, and of ids, are no content.
        let is_list = |name: &str| name.ends_with("/absent") || name.starts_with("ids/");
        let content = saved.tensors.keys().filter(|name| !is_list(name));
        assert!(content.eq(expected.keys()));
        for (name, tensor) in &expected {
            assert!(saved.tensors[name] == *tensor, "{name}");
        }
    }
}

/// Goes on as long as the next event is before `at`.
fn until(job: &mut Job, at: SimTime) {
    let Job::Cluster(simulation) = job else { panic!("a cluster") };
    while simulation.next_time().is_some_and(|next| next < at) {
        simulation.step(&mut NoObserver).unwrap();
    }
}

#[test]
fn saving_live_does_not_change_the_run() {
    let plain = end(&mut advanced(&small(), 0));
    for unit in [CopyUnit::Job, CopyUnit::Shard, CopyUnit::Tensor] {
        let mut job = advanced(&with(live(unit)), 50);
        save(&mut job, &mut |_| {});
        assert!(end(&mut job) == plain, "{unit:?}");
    }
}

#[test]
fn quiescing_finishes_every_step_and_begins_none() {
    let how = Save { policy: SavePolicy::Quiesce, takes: TAKES, ..Save::default() };
    let mut job = advanced(&with(how), 90);
    let (report, saved) = save(&mut job, &mut |_| {});
    assert!(report.begun > report.due, "steps in flight take time");
    assert_eq!(report.ended.since(report.begun), TAKES);
    assert_eq!((report.held, report.not_held, report.skew), (4, 0, 0));
    assert_eq!(report.updates[1], report.updates[2]);
    assert!(report.updates[1] > report.updates[0]);
    // Nothing has happened since.
    assert!(saved.tensors == job.checkpoint().unwrap().tensors);
    let begun = job.session().progress.updates;
    end(&mut job);
    assert_eq!(job.session().progress.updates, 60.max(begun));
}

#[test]
fn a_barrier_does_not_wait_for_ever() {
    let barrier =
        |timeout| Save { policy: SavePolicy::Barrier, timeout, takes: TAKES, ..Save::default() };
    let mut job = advanced(&with(barrier(SimSpan(1 << 26))), 90);
    let (report, _) = save(&mut job, &mut |_| {});
    assert_eq!(report.begun.since(report.due), SimSpan(1 << 26));
    assert!(report.not_held > 0 && report.skew > 0, "{report:?}");
    let patient = save(&mut advanced(&with(barrier(SimSpan(1 << 40))), 90), &mut |_| {});
    let how = Save { policy: SavePolicy::Quiesce, takes: TAKES, ..Save::default() };
    assert!(patient == save(&mut advanced(&with(how), 90), &mut |_| {}));
}

#[test]
fn the_chief_saves_between_two_of_its_steps_and_waits() {
    let mut job = advanced(&with(Save { by: SavedBy::Chief, ..live(CopyUnit::Tensor) }), 90);
    let mut busy = [SimSpan::ZERO; 4];
    let (report, _) = save(&mut job, &mut |record: &Record<'_>| {
        if let Record::Activity { worker, activity: Activity::Compute, from, to, .. } = record {
            busy[worker.index()] = busy[worker.index()] + to.since(*from);
        }
    });
    assert_eq!(report.held, 1);
    assert!(report.begun >= report.due && report.skew > 0);
    let Job::Cluster(simulation) = &job else { panic!("a cluster") };
    let steps = |w: usize| simulation.workers()[w].begun;
    assert!(steps(0) < steps(1).max(steps(2)).max(steps(3)));
    end(&mut job);
}

#[test]
fn a_run_that_is_saved_in_the_midst_of_a_checkpoint_goes_on_as_it_was() {
    for how in [
        live(CopyUnit::Tensor),
        Save { policy: SavePolicy::Quiesce, takes: TAKES, ..Save::default() },
        Save { by: SavedBy::Chief, ..live(CopyUnit::Tensor) },
    ] {
        let scenario = with(how);
        let saved = |events: usize| {
            let mut job = advanced(&scenario, 90);
            job.save_checkpoint(SaveReason::Best);
            for _ in 0..events {
                job.step(&mut NoObserver).unwrap();
            }
            let mut job = copy(&scenario, 1, &mut job);
            let saved = loop {
                if let Some(saved) = job.take_saved() {
                    break saved;
                }
                job.step(&mut NoObserver).unwrap();
            };
            let checkpoint = job.session().checkpoint_of(&saved.copy.unwrap()).unwrap();
            (saved.report, checkpoint, end(&mut job))
        };
        let plain = saved(0);
        assert!(plain == saved(7) && plain == saved(19));
    }
}

#[test]
fn at_the_end_pushes_on_their_way_arrive_while_the_checkpoint_is_saved() {
    let mut job = advanced(&with(live(CopyUnit::Tensor)), 0);
    while job.step(&mut NoObserver).unwrap() == State::Running {}
    let at_the_end = job.session().progress.updates;
    job.save_checkpoint(SaveReason::Last);
    job.close(&mut NoObserver).unwrap();
    let saved = job.take_saved().unwrap();
    assert_eq!(at_the_end, 60);
    // Three workers were in a step.
    assert_eq!(saved.report.updates, [60, 60, 63]);
    assert!(saved.report.skew > 0);
    let Job::Cluster(simulation) = &job else { panic!("a cluster") };
    simulation.check();
}

#[test]
fn rows_that_were_first_updated_meanwhile_have_weights_and_no_slots() {
    let how = Save { slots_first: true, takes: SimSpan(12 << 30), ..live(CopyUnit::Tensor) };
    let mut job = advanced(&with(how), 30);
    let (report, saved) = save(&mut job, &mut |_| {});
    assert!(report.rows_without_slots > 0);
    let absent: Vec<&String> =
        saved.tensors.keys().filter(|name| name.ends_with("/absent")).collect();
    assert!(!absent.is_empty());
    let start = |missing| {
        let mut job = self::job(&small(), 1);
        let restart = Restart::default();
        job.start_from(&saved, (&restart, missing, RowsFound::ById), true, 7).map(|_| job)
    };
    let refused = start(MissingState::Error).unwrap_err();
    assert!(
        matches!(refused, StartError::Rows { count } if count as u64 == report.rows_without_slots)
    );
    let largest = |mut job: Job| {
        let content = server(job.session_mut()).content();
        let rows = |t: usize| (0..content.tables[t].rows()).map(move |id| (t, id));
        let all = (0..content.tables.len()).flat_map(rows);
        let slots = all.flat_map(|(t, id)| &content.tables[t].row(id)[4..]);
        slots.fold(0.0_f32, |most, slot| most.max(slot.abs()))
    };
    assert!(largest(start(MissingState::First).unwrap()) < 1.0);
    assert!(largest(start(MissingState::Garbage).unwrap()) > 1e10);
}

#[test]
fn a_restart_from_a_copy_that_took_no_time_is_one_from_the_instant() {
    let scenario = small();
    let none = Save { policy: SavePolicy::Live, ..Save::default() };
    for workers in [WorkersAt::Keep, WorkersAt::Anew] {
        let plain = Restart { workers, ..Restart::nothing_lost() };
        let outcome = |restart: &Restart| {
            let mut job = advanced(&scenario, 90);
            scenario.restart(&mut job, restart, &mut NoObserver).unwrap();
            end(&mut job)
        };
        let restart = Restart { save: Some(none.clone()), ..plain.clone() };
        assert!(outcome(&plain) == outcome(&restart), "{workers:?}");
        let restart = Restart { save: Some(live(CopyUnit::Tensor)), ..plain.clone() };
        assert!(outcome(&plain) != outcome(&restart), "{workers:?}");
    }
}

fn any_save() -> impl Strategy<Value = Save> {
    let policy =
        prop_oneof![Just(SavePolicy::Live), Just(SavePolicy::Quiesce), Just(SavePolicy::Barrier)];
    let by = prop_oneof![Just(SavedBy::Servers), Just(SavedBy::Chief)];
    let unit = prop_oneof![Just(CopyUnit::Job), Just(CopyUnit::Shard), Just(CopyUnit::Tensor)];
    let span = (0u64..6).prop_map(|n| SimSpan(n << 29));
    (policy, by, unit, span.clone(), span, any::<bool>()).prop_map(
        |(policy, by, unit, takes, timeout, one_by_one)| Save {
            policy,
            by,
            unit,
            takes,
            timeout,
            shards: if one_by_one { SavedShards::OneByOne } else { SavedShards::Together },
            ..Save::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn any_protocol_goes_on_after_any_save(
        how in any_save(),
        moments in proptest::collection::vec(0usize..150, 1..4),
        workers in 1u32..6,
        shards in 1u32..4,
        protocol in 0..ProtocolChoice::PARTS.len(),
        prefetch in any::<bool>(),
        crashes in any::<bool>(),
    ) {
        let mut scenario = with(how);
        scenario.train.stop.updates = Some(40);
        scenario.holdout = None;
        scenario.cluster.workers = workers;
        scenario.cluster.shards = shards;
        let Some(protocol) = protocol_of(protocol, workers) else { return Ok(()) };
        scenario.protocol = protocol;
        // Others are refused with it.
        scenario.worker.prefetch = prefetch && scenario.protocol.facts().never_waits;
        if crashes {
            scenario.cluster.failures.every = Some(SimSpan(20 << 30));
            scenario.cluster.failures.repair = SimSpan(5 << 30);
        }
        let mut job = job(&scenario, 1);
        let (mut events, mut saved) = (0, 0);
        loop {
            if moments.contains(&events) {
                job.save_checkpoint(SaveReason::Update(events as u64));
            }
            // Whether the run ends as it would without saves is for the protocol's own tests.
            let Ok(State::Running) = job.step(&mut NoObserver) else { break };
            saved += usize::from(job.take_saved().is_some());
            events += 1;
            if let (0, Job::Cluster(simulation)) = (events % 29, &job) {
                simulation.check();
            }
        }
        prop_assert!(job.session().progress.updates >= 40 || crashes, "it came to a halt");
        let closed = job.close(&mut NoObserver);
        prop_assert!(closed.is_ok() || crashes, "{closed:?}");
        while job.take_saved().is_some() {
            saved += 1;
        }
        let Job::Cluster(simulation) = &job else { panic!("a cluster") };
        simulation.check();
        prop_assert!(closed.is_err() || saved > 0 || moments.iter().all(|&at| at >= events));
    }
}

#[test]
fn rows_are_evicted_before_the_first_piece_is_copied() {
    let eviction = Eviction {
        rule: EvictionRule::Age(age::Config { after: Horizon::Updates(5), ..Default::default() }),
        every: Some(Looks::Save),
        ..Eviction::default()
    };
    let of = |unit| Scenario { eviction: Some(eviction.clone()), ..with(live(unit)) };
    let mut job = advanced(&of(CopyUnit::Job), 90);
    let before = job.checkpoint().unwrap();
    let (report, saved) = save(&mut job, &mut |_| {});
    let mut other = advanced(&of(CopyUnit::Job), 90);
    other.session_mut().prepare_save();
    assert!(saved == other.checkpoint().unwrap() && saved != before);
    assert_eq!(report.half_rows, HalfRows::default(), "one instant has no halves");
    // Rows that return while tensors are copied one by one are halves.
    let (report, _) = save(&mut advanced(&of(CopyUnit::Tensor), 90), &mut |_| {});
    assert!(report.half_rows.slots_newer > 0 && report.half_rows.weights_newer == 0);
    assert!(report.half_rows.without_weights > 0 && report.rows_without_slots > 0, "{report:?}");
}
