//! The room with servers and a stream, without an engine: random settings, updates at random moments.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::base::persist::{Loader, Persist, Saver};
use crate::base::{Pool, Purpose, ShardId, SimSpan, SimTime, Streams};
use crate::data::{Batch, DataSource, Synthetic};
use crate::model::{Model, ModelChoice, ModelContext, Workspace};
use crate::online::{Arrived, ItemSplit, Items, Requests, Stream};
use crate::optimizer::{Optimizer, OptimizerChoice};
use crate::params::view::rows_len;
use crate::params::{Gradient, Locator, Lookups, View};
use crate::server::{
    Admission, DenseValues, Eviction, ParameterServer, RowKey, ServingCopy, Sharding, UnknownIds,
    UpdateContext,
};
use crate::sim::moments::LocalMoments;
use crate::sim::workspace::ThreadWorkspace;

/// Requests of the stream: one each second.
const REQUESTS: u64 = 300;

/// A job: servers, a model, a stream, and the serving copy.
struct Bed {
    source: Arc<Synthetic>,
    model: Arc<dyn Model>,
    moments: LocalMoments,
    server: ParameterServer,
    stream: Stream,
    arrived: Vec<Arrived>,
    room: ServingRoom,
    pool: Pool<ThreadWorkspace>,
    updates: u64,
}

/// An update of one shard, by a step on these examples.
#[derive(Clone, Debug)]
struct Update {
    at: SimTime,
    shard: u32,
    first: u64,
}

/// The rest of the settings of a job.
#[derive(Clone, Debug)]
struct Job {
    shards: u32,
    optimizer: &'static str,
    unknown: UnknownIds,
    admission: Option<u32>,
    evicts: bool,
    threads: usize,
}

const PLAIN: Job = Job {
    shards: 2,
    optimizer: "adagrad",
    unknown: UnknownIds::Zeros,
    admission: None,
    evicts: false,
    threads: 1,
};

impl Bed {
    fn new(serving: &str, job: &Job) -> Bed {
        let text = "users = 30\nitems = 40\ndays = 1\nrows_per_day = 300";
        let log = toml::from_str(text).unwrap();
        let source = Arc::new(Synthetic::new(&log, Streams::new(1)).unwrap());
        let json = serde_json::json!({"kind": "mlp", "embedding_dim": 4, "hidden": [8]});
        let choice: ModelChoice = serde_json::from_value(json).unwrap();
        let model = choice.build(source.schema(), ModelContext::default()).unwrap();
        let layout = Arc::new(model.layout().clone());
        let json = serde_json::json!({"kind": job.optimizer});
        let rule: Arc<dyn Optimizer> =
            serde_json::from_value::<OptimizerChoice>(json).unwrap().build();
        let admission = job.admission.map(|after| Admission { after, ..Admission::default() });
        let eviction = "at_most = { rows = 25 }\n[rule]\nkind = \"least_recent\"";
        let eviction: Option<Eviction> = job.evicts.then(|| toml::from_str(eviction).unwrap());
        let sharding = Sharding::new(&layout, job.shards);
        let mut server =
            ParameterServer::new(layout, sharding, rule.clone(), rule, Streams::new(2))
                .with_admission(admission)
                .with_unknown(job.unknown, &[])
                .with_eviction(eviction);
        server.note_evicted();
        let online = "arrivals = { kind = \"even\", rate = 1.0 }\nnegatives = { keep = 0.5, correct = \"serving\" }";
        let requests = Arc::new(Requests::new(source.days().to_vec()));
        assert_eq!(requests.len(), REQUESTS);
        let items = Items::before(&requests, source.as_ref(), 1, None);
        let stream = Stream::new(
            &toml::from_str(online).unwrap(),
            requests,
            source.clone(),
            Path::new("."),
            Streams::new(3),
        );
        let serving: Serving = toml::from_str(serving).unwrap();
        let moving = server.moving().to_vec();
        let room = ServingRoom::new(&serving, (&server, moving), Path::new("."), Streams::new(4));
        Bed {
            moments: LocalMoments::new(model.layout(), server.moving()),
            source,
            model,
            server,
            stream: stream.unwrap().with_items(Some(items)),
            arrived: Vec::new(),
            room: room.unwrap(),
            pool: Pool::new(job.threads),
            updates: 0,
        }
    }

    fn with_trainer<T>(
        &mut self,
        now: SimTime,
        act: impl FnOnce(&mut ServingRoom, Vec<Arrived>, &mut Trainer<'_>) -> T,
    ) -> T {
        let arrived = &mut self.arrived;
        self.stream.advance(now, |came| arrived.push(came));
        let arrived = std::mem::take(arrived);
        let mut trainer = Trainer {
            server: &self.server,
            moments: &self.moments,
            source: self.source.as_ref(),
            model: &self.model,
            stream: &self.stream,
            pool: &mut self.pool,
        };
        act(&mut self.room, arrived, &mut trainer)
    }

    fn catch_up(&mut self, now: SimTime) {
        self.with_trainer(now, |room, arrived, trainer| room.catch_up(now, arrived, trainer));
    }

    fn end(&mut self, now: SimTime) -> Vec<ServedLook> {
        self.with_trainer(now, |room, arrived, trainer| room.end(now, arrived, trainer));
        self.room.whole(now)
    }

    fn locate(&self, ids: &[u64]) -> (Batch, Lookups) {
        let (mut batch, mut lookups) = (Batch::default(), Lookups::default());
        self.source.read(ids, &mut batch);
        Locator::for_layout(self.source.schema(), self.model.layout()).locate(&batch, &mut lookups);
        (batch, lookups)
    }

    /// A shard makes an update: the serving copy is told only if it must be.
    fn update(&mut self, update: &Update) {
        if self.room.is_due(update.at) {
            self.catch_up(update.at);
        }
        let ids: Vec<u64> = (0..4).map(|k| (update.first + 7 * k) % REQUESTS).collect();
        let (_, lookups) = self.locate(&ids);
        let layout = self.model.layout();
        let mut gradient = Gradient::default();
        gradient.reset(layout.dense_len(), rows_len(layout, &lookups), layout.moving_len());
        gradient.examples = 4;
        let mut draws = self.updates << 20;
        let mut draw = || {
            draws += 1;
            Streams::new(6).uniform(Purpose::Custom, 1, draws) as f32 - 0.5
        };
        gradient.dense.iter_mut().chain(&mut gradient.rows).for_each(|slope| *slope = draw());
        self.updates += 1;
        let context = UpdateContext {
            dense_rate: 0.1,
            sparse_rate: 0.1,
            version: self.updates,
            progress: crate::optimizer::Moment { updates: self.updates, ..Default::default() },
            ..UpdateContext::default()
        };
        let shard = ShardId(update.shard);
        self.server.apply(shard, &lookups, &gradient, context).unwrap();
        self.room.updated(shard, [&lookups], update.at, &mut self.server);
    }

    /// What a copy says about a request, alone.
    fn score(&self, copy: &ServingCopy, request: u64) -> f32 {
        let (batch, lookups) = self.locate(&[self.stream.requests().id(request)]);
        let mut rows = Vec::new();
        copy.evaluated().gather(&lookups, &mut rows);
        let DenseValues { dense, moving } = copy.dense();
        let view = View { dense, moving, rows: &rows, lookups: &lookups };
        let mut logits = Vec::new();
        self.model.scores(view, &batch, &mut Workspace::default(), &mut logits);
        logits[0] + self.stream.negatives().at_serving(request) as f32
    }
}

/// All that a run of a job leaves.
#[derive(Clone, PartialEq, Debug)]
struct Outcome {
    logits: Vec<Vec<f32>>,
    ages: Vec<Age>,
    looks: Vec<ServedLook>,
    slices: Vec<ServedSlice>,
}

/// When a run ends.
const END: SimTime = SimTime(REQUESTS * 1_000_000_000 + 1);

impl Outcome {
    fn of(bed: &Bed, looks: Vec<ServedLook>) -> Outcome {
        let scores = bed.room.scores();
        let logits = scores.copies().iter().map(|copy| scores.logits(*copy).to_vec()).collect();
        Outcome { logits, ages: scores.ages().to_vec(), looks, slices: bed.room.slices() }
    }
}

/// Runs a job; at the moments `told` the serving copy is told the time without need.
fn run(serving: &str, job: &Job, updates: &[Update], told: &[SimTime]) -> Outcome {
    let mut bed = Bed::new(serving, job);
    let mut looks = Vec::new();
    let mut told = told.iter().peekable();
    for update in updates {
        while let Some(at) = told.next_if(|at| **at <= update.at) {
            bed.catch_up(*at);
        }
        bed.update(update);
        bed.room.tell_closed(|look| looks.push(look));
    }
    let whole = bed.end(END);
    bed.room.tell_closed(|look| looks.push(look));
    looks.extend(whole);
    Outcome::of(&bed, looks)
}

fn seconds(at: f64) -> SimTime {
    SimTime::ZERO + SimSpan::from_seconds(at)
}

/// Moments, sometimes equal to those of requests.
fn moments(most: usize) -> impl Strategy<Value = Vec<SimTime>> {
    let quarters = prop::collection::vec(0..4 * REQUESTS as u32, 0..most);
    quarters.prop_map(|mut quarters| {
        quarters.sort_unstable();
        quarters.into_iter().map(|at| seconds(f64::from(at) / 4.0)).collect()
    })
}

fn updates(shards: u32) -> impl Strategy<Value = Vec<Update>> {
    moments(120).prop_flat_map(move |all| {
        let others = prop::collection::vec((0..shards, 0..REQUESTS), all.len());
        others.prop_map(move |others| {
            let update =
                |(at, (shard, first)): (&SimTime, (u32, u64))| Update { at: *at, shard, first };
            all.iter().zip(others).map(update).collect()
        })
    })
}

fn jobs() -> impl Strategy<Value = Job> {
    let unknown = prop::sample::select(vec![
        UnknownIds::Zeros,
        UnknownIds::DefaultVector,
        UnknownIds::Mean,
        UnknownIds::Hashed,
        UnknownIds::FirstValues,
    ]);
    let optimizer = prop::sample::select(vec!["adagrad", "adagrad", "adam"]);
    (1u32..4, optimizer, unknown, prop::option::of(1u32..4), any::<bool>(), 1usize..3).prop_map(
        |(shards, optimizer, unknown, admission, evicts, threads)| Job {
            shards,
            optimizer,
            unknown,
            admission,
            evicts,
            threads,
        },
    )
}

/// Settings of messages: how often, how late, how many are lost.
fn way(most: u32) -> impl Strategy<Value = String> {
    let law = prop::sample::select(vec!["constant", "exponential"]);
    let every = prop::option::of(prop_oneof![1 => Just(0u32), 9 => 1..most]);
    (every, 0u32..40, law, 0u32..3, any::<bool>()).prop_map(|(every, lag, law, lost, retries)| {
        let every = every.map_or(String::new(), |every| format!("every = \"{every}s\", "));
        let retry = if retries { "retry = \"11s\", " } else { "" };
        let lost = f64::from(lost) * 0.3;
        format!(
            "{every}{retry}lost = {lost:?}, lag = {{ mean = \"{lag}s\", law.kind = \"{law}\" }}"
        )
    })
}

fn servings() -> impl Strategy<Value = String> {
    let bound = prop::option::of((5u32..40, any::<bool>()));
    (way(60), way(90), bound, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(rows, dense, bound, by_shard, oracle, deletions)| {
            let bound = bound.map_or(String::new(), |(touched, drops)| {
                let full = if drops { "drop" } else { "forget" };
                format!(", touched = {touched}, full = \"{full}\"")
            });
            let how = if by_shard { "by_shard" } else { "atomic" };
            let oracle = if oracle { "\"oracle\", " } else { "" };
            format!(
                "share = 0.7\nevery = \"50s\"\nbeside = [{oracle}\"batch\"]\n\
                 rows = {{ {rows}{bound}, deletions = {deletions} }}\n\
                 dense = {{ {dense}, how = \"{how}\" }}\n"
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Without lag and loss the copy is the training servers, bit for bit, whatever they do with rows.
    #[test]
    fn without_lag_the_copy_serves_what_the_oracle_does(
        job in jobs(),
        (at_once, updates) in (any::<bool>(), updates(3)),
    ) {
        let deletions = "deletions = true";
        let serving = format!(
            "share = 1.0\nrows = {{ every = \"0s\", {deletions} }}\ndense.every = \"0s\"\nbeside = [\"oracle\"]"
        );
        let updates: Vec<Update> =
            updates.into_iter().map(|one| Update { shard: one.shard % job.shards, ..one }).collect();
        let told = if at_once { vec![seconds(100.0)] } else { Vec::new() };
        let outcome = run(&serving, &job, &updates, &told);
        prop_assert_eq!(outcome.logits[0].len() as u64, REQUESTS);
        prop_assert_eq!(&outcome.logits[0], &outcome.logits[1]);
        prop_assert!(outcome.ages.iter().all(|age| *age == Age::default()));
        let (own, oracle) = outcome.slices.split_at(outcome.slices.len() / 2);
        for (own, oracle) in own.iter().zip(oracle) {
            let oracle = ServedSlice { copy: own.copy, ages: own.ages, ..oracle.clone() };
            prop_assert_eq!(&oracle, own);
            prop_assert_eq!(own.ages, Some(Default::default()));
        }
        for split in ItemSplit::ALL {
            let all = own.iter().filter(|slice| slice.by == split);
            prop_assert_eq!(all.map(|slice| slice.quality.examples).sum::<u64>(), REQUESTS);
        }
        prop_assert_eq!(outcome.looks.last().unwrap().requests, REQUESTS);
    }

    /// Nothing depends on when the room is told the time, nor on the number of host threads.
    #[test]
    fn it_does_not_matter_how_often_it_is_asked(
        (job, serving) in (jobs(), servings()),
        updates in updates(3),
        told in moments(60),
    ) {
        let updates: Vec<Update> =
            updates.into_iter().map(|one| Update { shard: one.shard % job.shards, ..one }).collect();
        let seldom = run(&serving, &job, &updates, &[]);
        let often = run(&serving, &Job { threads: 3 - job.threads, ..job }, &updates, &told);
        prop_assert_eq!(seldom, often, "{}", serving);
    }

    /// Saved and loaded at any moment, it goes on as it would have.
    #[test]
    fn a_copy_that_was_saved_goes_on_as_if_it_were_not(
        (job, serving) in (jobs(), servings()),
        updates in updates(3),
        cut in any::<prop::sample::Index>(),
    ) {
        let updates: Vec<Update> =
            updates.into_iter().map(|one| Update { shard: one.shard % job.shards, ..one }).collect();
        let whole = run(&serving, &job, &updates, &[]);
        let cut = if updates.is_empty() { 0 } else { cut.index(updates.len()) };
        let (mut first, mut looks) = (Bed::new(&serving, &job), Vec::new());
        for update in &updates[..cut] {
            first.update(update);
            first.room.tell_closed(|look| looks.push(look));
        }
        first.room.finish(&first.model, &mut first.pool);
        let mut out = Saver::default();
        first.room.save(&mut out);
        first.stream.save(&mut out);
        first.server.save(&mut out);
        let bytes = out.into_bytes();
        let mut second = Bed::new(&serving, &job);
        let mut from = Loader::new(&bytes);
        second.room.load(&mut from).unwrap();
        second.stream.load(&mut from).unwrap();
        second.server.load(&mut from).unwrap();
        from.end().unwrap();
        second.updates = first.updates;
        for update in &updates[cut..] {
            second.update(update);
            second.room.tell_closed(|look| looks.push(look));
        }
        let last = second.end(END);
        second.room.tell_closed(|look| looks.push(look));
        looks.extend(last);
        prop_assert_eq!(Outcome::of(&second, looks), whole, "{}", serving);
    }

    /// Against copies of the whole server at every moment: a message brings what the server had just
    /// before it was sent, and a row is stale from the first update that no message has brought.
    #[test]
    fn a_request_is_scored_with_what_had_arrived(
        (every, lag, dense_every, dense_lag) in (1u32..60, 0u32..70, 1u32..90, 0u32..50),
        by_shard: bool,
        updates in updates(2),
    ) {
        let how = if by_shard { "by_shard" } else { "atomic" };
        let serving = format!(
            "share = 1.0\nbeside = []\nrows = {{ every = \"{every}s\", lag.mean = \"{lag}s\" }}\n\
             dense = {{ every = \"{dense_every}s\", lag.mean = \"{dense_lag}s\", how = \"{how}\" }}"
        );
        let outcome = run(&serving, &PLAIN, &updates, &[]);
        // The servers before each update and at the end.
        let mut bed = Bed::new("beside = []", &PLAIN);
        let mut states = vec![(SimTime::ZERO, bed.server.clone())];
        let mut touched: Vec<(SimTime, Vec<RowKey>)> = Vec::new();
        for update in &updates {
            bed.update(update);
            states.push((update.at, bed.server.clone()));
            let ids: Vec<u64> = (0..4).map(|k| (update.first + 7 * k) % REQUESTS).collect();
            let (_, lookups) = bed.locate(&ids);
            let sharding = bed.server.sharding();
            let spaces = lookups.ids.iter().enumerate();
            let keys = spaces.flat_map(|(space, ids)| ids.iter().map(move |&id| (space, id)));
            let here = keys.filter(|&(space, id)| sharding.of_row(space, id).0 == update.shard);
            touched.push((update.at, here.map(|(space, id)| (space as u32, id)).collect()));
        }
        // The servers as a message of this moment has them: without the updates of the same instant.
        let state = |at: SimTime| {
            let before = states.iter().take(1).chain(states.iter().skip(1).take_while(|one| one.0 < at));
            &before.last().unwrap().1
        };
        // The last message of a sender that had arrived before a request.
        let sent = |at: SimTime, (every, lag, offset): (u32, u32, f64)| {
            let sends = (0..).map(|k| seconds(f64::from(k) * f64::from(every) + offset));
            let sends = sends.filter(|sent| *sent > SimTime::ZERO);
            let arrived = sends.take_while(|sent| *sent + SimSpan::from_seconds(f64::from(lag)) < at);
            arrived.last()
        };
        for (request, logit) in (0..).zip(&outcome.logits[0]) {
            let at = seconds(request as f64 + 1.0);
            let rows = sent(at, (every, lag, 0.0));
            let mut copy = ServingCopy::of(state(rows.unwrap_or(SimTime::ZERO)), Vec::new());
            let first = DenseValues {
                dense: Arc::new(states[0].1.dense().to_vec()),
                moving: Arc::new(states[0].1.moving().to_vec()),
            };
            let sharding = bed.server.sharding();
            copy.write_dense(&first, sharding, None);
            let mut oldest = at;
            for shard in 0..2 {
                let own = f64::from(dense_every) * f64::from(shard) / 2.0;
                let offset = if by_shard { own } else { 0.0 };
                let dense = sent(at, (dense_every, dense_lag, offset));
                oldest = oldest.min(dense.unwrap_or(SimTime::ZERO));
                copy.copy_blocks(state(dense.unwrap_or(SimTime::ZERO)), ShardId(shard));
            }
            prop_assert_eq!(*logit, bed.score(&copy, request), "request {}", request);
            let (_, lookups) = bed.locate(&[bed.stream.requests().id(request)]);
            let reads = |(space, id): &RowKey| lookups.ids[*space as usize].contains(id);
            let lacks = |at: SimTime| rows.is_none_or(|sent| at >= sent);
            let missing = touched.iter().filter(|(when, _)| *when < at && lacks(*when));
            let since = missing.filter(|(_, keys)| keys.iter().any(reads)).map(|one| one.0).min();
            let expected = Age {
                is_stale: since.is_some(),
                row_lag: since.map_or(SimSpan::ZERO, |since| at.since(since)),
                dense: at.since(oldest),
            };
            prop_assert_eq!(outcome.ages[request as usize], expected, "request {}", request);
        }
    }
}

/// A copy that gets nothing is the model at the start, however requests are grouped.
#[test]
fn a_copy_that_gets_nothing_serves_the_first_model() {
    let update = |k: u64| Update { at: seconds(k as f64 * 3.1), shard: 0, first: 11 * k };
    let updates: Vec<Update> = (0..90).map(update).collect();
    let outcome = run("share = 1.0\nbeside = [\"oracle\", \"batch\"]", &PLAIN, &updates, &[]);
    let bed = Bed::new("", &PLAIN);
    let first = ServingCopy::of(&bed.server, bed.server.moving().to_vec());
    let expected: Vec<f32> = (0..REQUESTS).map(|request| bed.score(&first, request)).collect();
    let [serving, oracle, batch] = &outcome.logits[..] else { panic!("three copies") };
    assert_eq!((serving, batch), (&expected, &expected));
    assert_ne!(oracle, &expected);
    assert!(outcome.ages.iter().any(|age| age.is_stale));
    let sent = outcome.looks.last().unwrap();
    assert_eq!(sent.copy, ServedCopy::Batch);
    let own = &outcome.looks[outcome.looks.len() - 3];
    assert_eq!(own.sent, Some(Sent::default()));
}

/// A bounded set of updated rows leaves rows behind.
#[test]
fn forgotten_rows_stay_old_until_they_are_updated_again() {
    let update =
        |k: u64| Update { at: seconds(k as f64 * 0.5), shard: (k % 2) as u32, first: 11 * k };
    let updates: Vec<Update> = (0..590).map(update).collect();
    let of = |bound: &str| {
        let serving =
            format!("share = 1.0\nrows = {{ every = \"20s\"{bound} }}\ndense.every = \"20s\"");
        let looks = run(&serving, &PLAIN, &updates, &[]).looks;
        let own = looks.into_iter().rev().find(|look| look.copy == ServedCopy::Serving).unwrap();
        (own.sent.unwrap(), own.ages.unwrap())
    };
    let (all, fresh) = of("");
    assert_eq!((all.forgotten, all.lost, all.overtaken), (0, 0, 0));
    for full in ["forget", "drop"] {
        let (some, old) = of(&format!(", touched = 5, full = \"{full}\""));
        assert!(some.forgotten > 0 && some.row_bytes < all.row_bytes, "{full}: {some:?}");
        assert!(old.row_lag > fresh.row_lag, "{full}: {old:?} {fresh:?}");
        assert_eq!(some.dense_bytes, all.dense_bytes);
    }
    let (lossy, old) = of(", lost = 0.5");
    assert!(lossy.lost > 5 && old.row_lag > fresh.row_lag, "{lossy:?}");
    let (_, again) = of(", lost = 0.5, retry = \"1s\"");
    assert!(again.row_lag < old.row_lag, "{again:?} {old:?}");
}
