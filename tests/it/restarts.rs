//! Restarts: what keeps everything changes nothing, and each switch does what it says.

use proptest::prelude::*;
use straggler::cluster::failures::InFlightMessages;
use straggler::optimizer::schedule::Horizon;
use straggler::protocol::ProtocolChoice;
use straggler::scenario::{Job, Scenario};
use straggler::server::{Admission, Content, RowsFound, Selection};
use straggler::sim::checkpoint::MissingState;
use straggler::sim::restart::{ClockAt, DataAt, InFlight, Kept, SlotsAt, WorkersAt};
use straggler::sim::{NoObserver, Record, Restart, StartError, State};

use crate::training::{copy, job, protocol_of, server, small, weights};

/// A job after so many of its events.
fn advanced(scenario: &Scenario, threads: usize, events: usize) -> Job {
    let mut job = job(scenario, threads);
    let Job::Cluster(simulation) = &mut job else { panic!("a cluster") };
    simulation.follow_examples();
    job.evaluate_first(&mut NoObserver);
    for _ in 0..events {
        assert_eq!(job.step(&mut NoObserver).unwrap(), State::Running);
    }
    job
}

/// Runs to the end: weights, and what observers were told.
fn end(mut job: Job) -> (Vec<u32>, Vec<String>) {
    let mut records = Vec::new();
    let mut note = |record: &Record<'_>| records.push(format!("{record:?}"));
    while job.step(&mut note).unwrap() == State::Running {}
    job.evaluate_last(&mut note);
    if let Job::Cluster(simulation) = &job {
        simulation.check();
    }
    (weights(server(job.session())), records)
}

fn restarted(scenario: &Scenario, restart: &Restart, events: usize, threads: usize) -> Job {
    let mut job = advanced(scenario, threads, events);
    scenario.restart(&mut job, restart, &mut NoObserver).unwrap();
    job
}

fn content(job: &Job) -> &Content {
    server(job.session()).content()
}

/// One worker without latency.
fn alone() -> Scenario {
    let mut scenario = small();
    scenario.cluster.workers = 1;
    scenario
}

#[test]
fn a_restart_that_keeps_everything_is_none() {
    for (workers, protocol) in [(1, "asynchronous"), (4, "asynchronous"), (4, "synchronous")] {
        let mut scenario = small();
        scenario.cluster.workers = workers;
        scenario.protocol = serde_json::from_value(serde_json::json!({"kind": protocol})).unwrap();
        for events in [1, 30, 111] {
            let plain = end(advanced(&scenario, 1, events));
            let kept = end(restarted(&scenario, &Restart::nothing_lost(), events, 2));
            assert!(plain == kept, "{workers} workers, {protocol}, after {events} events");
        }
    }
}

#[test]
fn one_worker_whose_step_is_finished_or_repeated_goes_on_as_if_nothing_had_happened() {
    let scenario = alone();
    let plain = end(advanced(&scenario, 1, 70)).0;
    let kept = Restart { remedies: Kept::Keep, ..Restart::default() };
    for in_flight in [InFlight::Apply, InFlight::Requeue] {
        let restart = Restart { in_flight, ..kept.clone() };
        assert!(end(restarted(&scenario, &restart, 70, 1)).0 == plain, "{in_flight:?}");
    }
    let lost = end(restarted(&scenario, &kept, 70, 1)).0;
    assert!(lost != plain, "a lost batch is not trained on");
}

#[test]
fn workers_that_begin_anew_hold_what_the_server_has() {
    let scenario = small();
    for in_flight in [InFlight::Drop, InFlight::Requeue, InFlight::Apply] {
        let restart = Restart { in_flight, ..Restart::default() };
        let job = restarted(&scenario, &restart, 90, 1);
        let Job::Cluster(simulation) = &job else { panic!("a cluster") };
        simulation.check();
        assert!(simulation.workers().iter().all(|worker| worker.flight.is_none()));
        let progress = simulation.session().progress;
        if in_flight == InFlight::Apply {
            assert_eq!(simulation.presence().tally().lost_steps, 0);
            assert!(progress.pushes > advanced(&scenario, 1, 90).session().progress.pushes);
        } else {
            assert_eq!(simulation.presence().tally().lost_steps, 4);
        }
    }
}

#[test]
fn threads_and_saving_change_nothing_after_a_restart() {
    let scenario = small();
    let restart = Restart {
        slots: SlotsAt::Zero,
        counters: Kept::Reset,
        clock: ClockAt::Reset,
        data: DataAt::Reshuffle,
        reinit: vec!["last".into()],
        warm_up: Some(Horizon::Updates(9)),
        frozen: Some(Horizon::Updates(3)),
        ..Restart::default()
    };
    let one = end(restarted(&scenario, &restart, 90, 1));
    assert!(one == end(restarted(&scenario, &restart, 90, 3)));
    let mut job = restarted(&scenario, &restart, 90, 1);
    assert!(one == end(copy(&scenario, 1, &mut job)));
}

#[test]
fn lost_slots_are_zero_and_their_counters_kept_or_not() {
    let scenario = small();
    let keep = Restart::nothing_lost();
    let with = |counters| {
        let restart = Restart { slots: SlotsAt::Zero, counters, ..keep.clone() };
        restarted(&scenario, &restart, 90, 1)
    };
    let (zero, reset) = (with(Kept::Keep), with(Kept::Reset));
    let before = advanced(&scenario, 1, 90);
    for job in [&zero, &reset] {
        assert_eq!(content(job).dense.weights(), content(&before).dense.weights());
        assert!(content(job).dense.slots(0).iter().all(|&slot| slot == 0.0));
    }
    assert_eq!(content(&zero).dense.updates(), content(&before).dense.updates());
    assert_eq!(content(&zero).tables[0].counted(), content(&before).tables[0].counted());
    assert!(content(&reset).dense.updates().iter().all(|&count| count == 0));
    assert!(content(&reset).tables[0].counted().iter().all(|&count| count == 0));
    // Without bias correction it does not matter what the counters say; with it, it does.
    assert!(end(zero).0 != end(reset).0);
}

#[test]
fn a_restart_of_one_worker_with_fresh_slots_is_a_fresh_optimizer() {
    // Adam at its first update moves every touched weight by the learning rate, up to epsilon.
    let scenario = alone();
    let restart = Restart { slots: SlotsAt::Zero, counters: Kept::Reset, ..Restart::default() };
    let mut job = restarted(&scenario, &restart, 70, 1);
    let before = content(&job).dense.weights().to_vec();
    let updates = job.session().progress.updates;
    while job.session().progress.updates == updates {
        job.step(&mut NoObserver).unwrap();
    }
    let steps = before.iter().zip(content(&job).dense.weights()).map(|(a, b)| (a - b).abs());
    let moved: Vec<f32> = steps.filter(|&step| step > 0.0).collect();
    assert!(moved.len() > 50);
    let near = moved.iter().filter(|&&step| (step - 0.01).abs() < 1e-4).count();
    assert!(2 * near > moved.len(), "{near} of {}: only tiny gradients move less", moved.len());
    assert!(moved.iter().all(|&step| step < 0.010_01));
}

#[test]
fn what_begins_anew_has_new_first_values_and_the_rest_stays() {
    let scenario = small();
    let restart = Restart { reinit: vec!["last".into()], ..Restart::nothing_lost() };
    let (before, after) = (advanced(&scenario, 1, 90), restarted(&scenario, &restart, 90, 1));
    let layout = server(before.session()).layout().clone();
    let chosen: Vec<usize> = Selection::of(&layout, &restart.reinit).unwrap().dense().collect();
    assert!(!chosen.is_empty());
    let first = server(before.session()).first_content(straggler::base::Streams::new(7));
    for (index, block) in layout.dense.iter().enumerate() {
        let [was, is, begins] = [content(&before), content(&after), &first]
            .map(|content| &content.dense.weights()[block.range()]);
        if !chosen.contains(&index) {
            assert_eq!(was, is, "{}", block.name);
        } else if block.name.ends_with("weight") {
            assert!(was != is && begins != is, "{} is drawn anew", block.name);
        }
    }
    let unknown = Restart { reinit: vec!["mlp.9".into()], ..Restart::default() };
    let mut job = advanced(&scenario, 1, 90);
    let error = scenario.restart(&mut job, &unknown, &mut NoObserver).unwrap_err().to_string();
    assert!(error.contains("\"mlp.9\"") && error.contains("mlp.0"), "{error}");
    assert!(end(job) == end(advanced(&scenario, 1, 90)), "a refused restart changes nothing");
}

#[test]
fn frozen_weights_stay_and_their_slots_fill() {
    let scenario = small();
    let restart = Restart {
        slots: SlotsAt::Zero,
        frozen: Some(Horizon::Updates(1_000)),
        ..Restart::nothing_lost()
    };
    let mut job = restarted(&scenario, &restart, 90, 1);
    let before = weights(server(job.session()));
    for _ in 0..60 {
        job.step(&mut NoObserver).unwrap();
    }
    assert_eq!(content(&job).dense.weights().len(), server(job.session()).dense().len());
    let moving = server(job.session()).moving().len();
    let dense = server(job.session()).dense().len();
    let after = weights(server(job.session()));
    assert_eq!(before[..dense], after[..dense]);
    assert_eq!(before[dense + moving..], after[dense + moving..]);
    assert!(content(&job).dense.slots(0).iter().any(|&slot| slot != 0.0));
}

#[test]
fn the_data_goes_on_begins_a_new_pass_or_is_replayed() {
    let scenario = alone();
    let next = |data| {
        let restart = Restart { data, ..Restart::default() };
        let mut job = restarted(&scenario, &restart, 70, 2);
        let mut loss = f64::NAN;
        let mut note = |record: &Record<'_>| {
            if let (Record::Finished(push), true) = (record, loss.is_nan()) {
                loss = push.loss;
            }
        };
        (0..20).for_each(|_| _ = job.step(&mut note).unwrap());
        loss
    };
    let losses = [DataAt::Continue, DataAt::Reshuffle, DataAt::Replay].map(next);
    assert!(losses[0] != losses[1] && losses[1] != losses[2] && losses[0] != losses[2]);
}

#[test]
fn rows_that_are_not_admitted_read_zeros_and_learn_nothing() {
    let mut scenario = small();
    scenario.admission = Some(Admission { after: 4 });
    let zeros = |job: &Job| {
        let mut rows = [0; 2];
        for table in &content(job).tables {
            for id in 0..table.rows() {
                let met = table.gate().unwrap().seen()[id as usize];
                assert!(table.is_admitted(id) == (met == 4) && met <= 4);
                let is_zero = table.weights(id).iter().all(|&w| w == 0.0);
                assert!(table.is_admitted(id) != is_zero, "row {id}, met {met} times");
                assert!(table.is_admitted(id) || table.updates(id) == 0);
                rows[usize::from(is_zero)] += 1;
            }
        }
        rows
    };
    let job = advanced(&scenario, 1, 300);
    let [there, zero] = zeros(&job);
    assert!(there > 20 && zero > 20, "{there} rows admitted, {zero} not");
    // Nothing else depends on it.
    let plain = end(advanced(&scenario, 1, 300));
    assert!(plain == end(restarted(&scenario, &Restart::nothing_lost(), 300, 3)));
    assert!(plain == end(copy(&scenario, 2, &mut advanced(&scenario, 1, 300))));

    let reset = Restart { admission: Kept::Reset, ..Restart::nothing_lost() };
    let mut job = restarted(&scenario, &reset, 300, 1);
    let table = &content(&job).tables[0];
    assert!((0..table.rows()).all(|id| !table.is_admitted(id) && table.weights(id)[0] == 0.0));
    let before = advanced(&scenario, 1, 300);
    let (id, trained) = (0..)
        .map(|id| (id, content(&before).tables[0].weights(id).to_vec()))
        .find(|(id, _)| content(&before).tables[0].is_admitted(*id))
        .unwrap();
    while !content(&job).tables[0].is_admitted(id) {
        assert_eq!(job.step(&mut NoObserver).unwrap(), State::Running);
    }
    assert_eq!(content(&job).tables[0].weights(id), trained, "it has its weights back");
}

#[test]
fn a_checkpoint_holds_which_rows_are_admitted() {
    let mut scenario = small();
    let plain = advanced(&scenario, 1, 300).checkpoint().unwrap();
    scenario.admission = Some(Admission { after: 4 });
    let checkpoint = advanced(&scenario, 1, 300).checkpoint().unwrap();
    let start = |from, missing| {
        let mut job = job(&scenario, 1);
        let missing =
            job.start_from(from, (&Restart::default(), missing, RowsFound::ById), true, 7)?.missing;
        Ok::<_, StartError>((job.checkpoint().unwrap().tensors, missing))
    };
    let (same, missing) = start(&checkpoint, MissingState::Error).unwrap();
    assert!(missing.is_empty() && same == checkpoint.tensors);
    assert!(start(&plain, MissingState::Error).unwrap_err().to_string().contains("/seen"));
    let (anew, missing) = start(&plain, MissingState::First).unwrap();
    assert!(missing.iter().all(|name| name.ends_with("/seen")));
    let table = missing[0].strip_suffix("/seen").unwrap();
    assert!(anew[table] != plain.tensors[table], "they read zeros");
}

/// A protocol begins anew at the versions that the shards have by then.
#[test]
fn under_every_protocol_a_restarted_job_reaches_its_end() {
    for number in 0..ProtocolChoice::PARTS.len() {
        let mut scenario = small();
        scenario.train.stop.updates = Some(40);
        scenario.holdout = None;
        scenario.cluster.shards = 2;
        scenario.protocol = protocol_of(number, 4).unwrap();
        let mut job = job(&scenario, 1);
        for _ in 0..150 {
            job.step(&mut NoObserver).unwrap();
        }
        let name = scenario.protocol.name();
        assert!(job.session().progress.updates > 0, "{name}");
        scenario.restart(&mut job, &Restart::default(), &mut NoObserver).unwrap();
        while job.step(&mut NoObserver).expect(name) == State::Running {}
        assert_eq!(job.session().progress.updates, 40, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_restart_keeps_the_invariants(
        events in 0usize..160,
        workers in 1u32..6,
        shards in 1u32..4,
        protocol in 0..ProtocolChoice::PARTS.len(),
        in_flight in prop_oneof![
            Just(InFlight::Drop), Just(InFlight::Requeue), Just(InFlight::Apply)],
        keep in any::<bool>(),
        crashes in any::<bool>(),
    ) {
        let mut scenario = small();
        scenario.train.stop.updates = Some(40);
        scenario.holdout = None;
        scenario.cluster.workers = workers;
        scenario.cluster.shards = shards;
        let Some(protocol) = protocol_of(protocol, workers) else { return Ok(()) };
        scenario.protocol = protocol;
        if crashes {
            scenario.cluster.failures.every = Some(straggler::base::SimSpan(20 << 30));
            scenario.cluster.failures.repair = straggler::base::SimSpan(5 << 30);
            scenario.cluster.failures.on_the_way = InFlightMessages::Arrives;
        }
        let mut job = job(&scenario, 1);
        for _ in 0..events {
            let Ok(State::Running) = job.step(&mut NoObserver) else { return Ok(()) };
        }
        let workers = if keep { WorkersAt::Keep } else { WorkersAt::Anew };
        let restart = Restart { workers, in_flight, ..Restart::default() };
        if scenario.restart(&mut job, &restart, &mut NoObserver).is_err() {
            return Ok(());
        }
        let mut steps = 0;
        while let Ok(State::Running) = job.step(&mut NoObserver) {
            if let (0, Job::Cluster(simulation)) = (steps % 29, &job) {
                simulation.check();
            }
            steps += 1;
        }
        if let Job::Cluster(simulation) = &job {
            simulation.check();
        }
    }
}
