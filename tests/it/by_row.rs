//! Quality by classes of rows, counted again by hand from the log.

use std::collections::BTreeMap;

use straggler::data::Batch;
use straggler::data::order::{OrderChoice, by_date};
use straggler::metrics::Quality;
use straggler::optimizer::{Horizon, RowSemantics, momentum};
use straggler::scenario::{Job, Scenario};
use straggler::server::eviction::{Eviction, EvictionRule, Looks, age};
use straggler::sim::by_row::{RowClassLook, RowSplit};
use straggler::sim::{EvaluatedView, Every, Record, State};

use crate::training::{job, prepare, protocol_of, run, run_in_pieces, server, small};

/// The evaluations of a run: its updates, the quality of the server, and that by classes.
type Found = Vec<(u64, Quality, Vec<RowClassLook>)>;

fn watched(spaces: &[&str]) -> Scenario {
    let mut scenario = small();
    let holdout = scenario.holdout.as_mut().unwrap();
    holdout.by_row = spaces.iter().map(|space| (*space).to_string()).collect();
    holdout.every = Every::Updates(9);
    scenario
}

/// Runs to the end, with a look at the job after every evaluation.
fn looks(scenario: &Scenario, mut after: impl FnMut(&Job, &[RowClassLook])) -> Found {
    let (mut looks, mut quality, mut seen): (Found, _, _) = (Vec::new(), Quality::default(), 0);
    let mut job = job(scenario, 1);
    let mut note = |record: &Record<'_>, looks: &mut Found| match record {
        Record::Evaluated { view: EvaluatedView::Server, quality: of, .. } => quality = **of,
        Record::ByRow { progress, classes } => {
            looks.push((progress.updates, quality, classes.to_vec()));
        }
        _ => {}
    };
    job.evaluate_first(&mut |record: &Record<'_>| note(record, &mut looks));
    loop {
        let state = job.step(&mut |record: &Record<'_>| note(record, &mut looks)).unwrap();
        if looks.len() > seen {
            seen = looks.len();
            after(&job, &looks[seen - 1].2);
        }
        if state != State::Running {
            break;
        }
    }
    job.evaluate_last(&mut |record: &Record<'_>| note(record, &mut looks));
    looks
}

/// The classes of one split: examples by name.
fn counts(classes: &[RowClassLook], space: &str, split: RowSplit) -> BTreeMap<String, u64> {
    let of = classes.iter().filter(|look| look.space == space && look.split == split);
    of.map(|look| (look.class.name.to_string(), look.quality.examples)).collect()
}

/// The name of the class of a number, by the classes' least numbers.
fn name(least: &[(u64, &str)], number: u64) -> String {
    least.iter().rev().find(|(from, _)| *from <= number).unwrap().1.to_string()
}

const FREQUENCY: [(u64, &str); 5] =
    [(1, "1 to 4"), (5, "5 to 19"), (20, "20 to 99"), (100, "100 to 499"), (500, "500 and more")];
const AGE: [(u64, &str); 3] = [(0, "0 to 9"), (10, "10 to 99"), (100, "100 to 999")];

/// One worker reads the log in its order, so its k-th update is of the k-th batch.
#[test]
fn classes_are_those_of_a_recount_from_the_log() {
    let mut scenario = watched(&["item", "user"]);
    scenario.cluster.workers = 1;
    scenario.train.order = OrderChoice::ByDate(by_date::Config {});
    let prepared = prepare(&scenario);
    let schema = prepared.source.schema().clone();
    let read = |ids: &[u64]| {
        let mut batch = Batch::default();
        prepared.source.read(ids, &mut batch);
        batch
    };
    // Every id of a batch, of fields and histories.
    let touched = |batch: &Batch, space: usize| {
        let fields = schema.fields.len();
        let of_field = |at: usize| schema.fields[at % fields].space == space;
        let columns = schema.history.as_ref().map_or(&[][..], |history| &history.columns);
        let of_column = |at: usize| columns[at % columns.len()].space == space;
        let own = batch.fields.iter().enumerate().filter(|(at, _)| of_field(*at));
        let past = batch.history.iter().enumerate().filter(|(at, _)| of_column(*at));
        let all: std::collections::BTreeSet<u32> = own.chain(past).map(|(_, id)| *id).collect();
        all
    };
    let train: Vec<u64> = prepared.train.iter().flat_map(|day| day.ids()).collect();
    let batches: Vec<Batch> = train.chunks(16).take(60).map(read).collect();
    let holdout = read(&prepared.holdout);
    let reports = {
        let job = job(&scenario, 1);
        job.session().watch.evaluation.as_ref().unwrap().evaluator.reports()
    };
    let mut last = (0, 0);
    for (updates, quality, classes) in looks(&scenario, |_, _| {}) {
        for (space_name, field_name) in [("item", "item"), ("user", "user")] {
            let space = schema.spaces.iter().position(|space| space.name == space_name).unwrap();
            let field = schema.fields.iter().position(|field| field.name == field_name).unwrap();
            let (mut pushes, mut at): (BTreeMap<u32, u64>, BTreeMap<u32, u64>) = Default::default();
            for (number, batch) in (1..=updates).zip(&batches) {
                for id in touched(batch, space) {
                    *pushes.entry(id).or_default() += 1;
                    at.insert(id, number);
                }
            }
            let mut wanted: [BTreeMap<String, u64>; 2] = Default::default();
            for example in (0..holdout.len()).filter(|&example| reports[example]) {
                let id = holdout.fields[example * schema.fields.len() + field];
                let unknown = || "unknown".to_string();
                let frequency = pushes.get(&id).map_or_else(unknown, |n| name(&FREQUENCY, *n));
                let age = at.get(&id).map_or_else(unknown, |at| name(&AGE, updates - at));
                *wanted[0].entry(frequency).or_default() += 1;
                *wanted[1].entry(age).or_default() += 1;
            }
            let found = [RowSplit::Frequency, RowSplit::Age]
                .map(|split| counts(&classes, space_name, split));
            assert_eq!(found, wanted, "{space_name} after {updates}");
            assert!(counts(&classes, space_name, RowSplit::Returned).is_empty());
            last = (found[0].len(), found[1].len());
        }
        adds_up(&quality, &classes);
    }
    assert!(last.0 > 2 && last.1 > 1, "too few classes to tell anything: {last:?}");
}

/// The classes of every split are the reporting half.
fn adds_up(quality: &Quality, classes: &[RowClassLook]) {
    let splits = classes.chunk_by(|a, b| (&a.space, a.split) == (&b.space, b.split));
    for split in splits {
        let sum = |of: fn(&Quality) -> u64| split.iter().map(|look| of(&look.quality)).sum::<u64>();
        assert_eq!(sum(|quality| quality.examples), quality.examples);
        assert_eq!(sum(|quality| quality.positives), quality.positives);
        let mean = |of: &dyn Fn(&RowClassLook) -> f64| {
            split.iter().map(|look| look.share * of(look)).sum::<f64>()
        };
        assert!((mean(&|_| 1.0) - 1.0).abs() < 1e-12);
        let loss = mean(&|look| look.quality.log_loss.unwrap());
        assert!((loss - quality.log_loss.unwrap()).abs() < 1e-9, "{loss}");
        let base = quality.positives as f64 / quality.examples as f64;
        let predicted = mean(&|look| look.predicted.unwrap());
        assert!((predicted / base - quality.calibration.unwrap()).abs() < 1e-9);
        for look in split {
            let missing = look.undefined.iter().any(|one| one.figure == "auc");
            assert_eq!(look.quality.auc.is_none(), missing, "{look:?}");
        }
    }
}

#[test]
fn returns_are_those_of_the_rows_lives() {
    let mut scenario = watched(&["user"]);
    scenario.eviction = Some(Eviction {
        rule: EvictionRule::Age(age::Config {
            after: Horizon::Updates(4),
            ..age::Config::default()
        }),
        every: Some(Looks::Updates(3)),
        ..Eviction::default()
    });
    let mut classes_seen = BTreeMap::new();
    let looks = looks(&scenario, |job, classes| {
        let layout = server(job.session()).layout();
        let table = layout.tables.iter().position(|table| table.name == "user").unwrap();
        let evaluator = &job.session().watch.evaluation.as_ref().unwrap().evaluator;
        let store = server(job.session()).table(table);
        let lives = store.lives().unwrap();
        let field = prepare(&scenario).source.schema().fields.iter().position(|f| f.name == "user");
        let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
        for (id, reports) in evaluator.ids(field.unwrap()).zip(evaluator.reports()) {
            let name = match (store.is_known(id), lives.evictions(id)) {
                (false, 0) => "unknown".to_string(),
                (false, _) => "evicted".to_string(),
                (true, n) => {
                    name(&[(0, "0"), (1, "1"), (2, "2 to 4"), (5, "5 and more")], n.into())
                }
            };
            *wanted.entry(name).or_default() += u64::from(reports);
        }
        wanted.retain(|_, count| *count > 0);
        assert_eq!(counts(classes, "user", RowSplit::Returned), wanted);
        wanted.into_keys().for_each(|name| *classes_seen.entry(name).or_insert(0) += 1);
    });
    assert!(classes_seen.len() > 3, "{classes_seen:?}");
    looks.iter().for_each(|(_, quality, classes)| adds_up(quality, classes));
}

/// Also where shards, merged pushes and rules that move every row are at work.
#[test]
fn looking_at_rows_changes_nothing() {
    for number in 0..3 {
        let mut scenario = watched(&["item", "user", "item"]);
        scenario.cluster.shards = 1 + number;
        match number {
            1 => scenario.protocol = protocol_of(1, 4).unwrap(),
            2 => {
                let rows = RowSemantics::Dense;
                let rule = momentum::Config { rows, ..momentum::Config::default() };
                scenario.optimizer = straggler::optimizer::OptimizerChoice::Momentum(rule);
            }
            _ => {}
        }
        let watched = run(&scenario, 1);
        let looks = watched.of_kind("ByRow");
        assert_eq!(looks.len(), watched.of_kind("Evaluated").len());
        assert!(!looks[0].contains("space: \"item\", split: Returned"));
        let pieces = run_in_pieces(&scenario, 3, 40);
        assert!(watched.records == pieces.records && watched.weights == pieces.weights);
        scenario.holdout.as_mut().unwrap().by_row.clear();
        let plain = run(&scenario, 2);
        assert!(plain.weights == watched.weights && plain.pushes() == watched.pushes());
        let others = watched.records.iter().filter(|record| !record.starts_with("ByRow"));
        assert!(others.eq(&plain.records), "{number}");
    }
}
