//! From interactions (user, item, time) to the task of the Deep Interest Network (Zhou et al. 2018):
//! does this user interact with this item next, given the earlier interactions?
//!
//! Every event with a history is a positive example. It is paired with a negative one: the same
//! user and history with an item that the user never touched. Negatives are drawn once, so the log
//! is fixed, as in the paper's public experiments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::events::{Events, OrderedEvents};
use super::negatives::Sampler;
use super::{Groups, Histories, Log, LogInstants, base_rate, days_by_calendar, offset};
use crate::base::{Purpose, Streams};
use crate::data::error::DataError;
use crate::data::reading::stamp::Stamp;
use crate::data::{Calendar, Field, History, HistoryColumn, IdSpace, Schema};

/// Which events are held out for evaluation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The last event of each user is held out.
    #[default]
    LeaveOneOut,
    /// The last `tail_share` of each user's events is held out, at least one.
    Tail,
    /// None: every event belongs to its day, and the scenario evaluates on later days.
    Days,
}

/// How the item of a negative example is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Negatives {
    /// Every item that the user never touched is equally likely.
    #[default]
    Uniform,
    /// In proportion to the number of training events of the item, so that popularity alone
    /// cannot tell positives from negatives.
    Popularity,
}

/// What to do when a user interacts with an item again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Repeats {
    /// Every event counts.
    #[default]
    Keep,
    /// Only a user's first event with an item counts.
    First,
}

/// How events become examples.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TaskConfig {
    /// Which events are held out for evaluation.
    pub split: Split,
    /// With `split = "tail"`: the share of each user's events that is held out.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub tail_share: f64,
    /// Longest history; older events are left out.
    #[schemars(range(min = 1))]
    pub max_history: u32,
    /// Only events with a strictly earlier time are history, so that no basket is its own history.
    pub strict_history: bool,
    /// How negatives are drawn.
    pub negatives: Negatives,
    /// What to do with repeated interactions.
    pub repeats: Repeats,
}

impl Default for TaskConfig {
    fn default() -> Self {
        TaskConfig {
            split: Split::default(),
            tail_share: 0.1,
            max_history: 50,
            strict_history: false,
            negatives: Negatives::default(),
            repeats: Repeats::default(),
        }
    }
}

impl TaskConfig {
    /// Refuses invalid settings.
    pub(crate) fn check(&self) -> Result<(), DataError> {
        let refuse =
            |key, problem: &str| Err(DataError::Setting { key, problem: problem.to_string() });
        if !(0.0..=1.0).contains(&self.tail_share) {
            return refuse("task.tail_share", "must be from 0 to 1");
        }
        if self.max_history == 0 {
            return refuse("task.max_history", "must be at least 1");
        }
        Ok(())
    }
}

/// The two examples of one event: its position among the ordered events, and the drawn negative.
#[derive(Clone, Copy, Debug)]
struct Pair {
    /// Index into the ordered events.
    event: u32,
    /// First position of the history in the users' sequences, and the position after its last.
    history: (u32, u32),
    negative: u32,
}

/// Counts of events that give no example, for messages.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    without_history: u64,
    without_negative: u64,
}

/// Turns `events` into a log of examples; `facts` come from the reading.
///
/// # Errors
/// If no event has a history, or the log is too large.
pub(crate) fn build(
    events: Events,
    task: &TaskConfig,
    streams: Streams,
    path: &str,
    mut facts: Vec<(String, String)>,
) -> Result<Log, DataError> {
    task.check()?;
    offset(events.len().saturating_mul(2), "examples")?;
    let (earliest, has_dates) = (events.earliest, events.has_dates);
    let ordered = OrderedEvents::new(events, task.repeats == Repeats::First);
    let held_out = held_out(&ordered, task);
    let (pairs, left) = pairs(&ordered, task, &held_out, streams);
    if pairs.is_empty() {
        let why = "no user has an event with a history (and an item that the user never touched)";
        return Err(DataError::Empty { path: path.to_string(), why: why.to_string() });
    }
    // Both parts stay in the order of time.
    let (pairs, later): (Vec<Pair>, Vec<Pair>) = pairs
        .into_iter()
        .partition(|pair| !held_out[ordered.positions[pair.event as usize] as usize]);
    let stamps = || pairs.iter().flat_map(|pair| [ordered.stamps[pair.event as usize]; 2]);
    let origin = ordered.stamps[0].min(earliest.unwrap_or(ordered.stamps[0]));
    let days = days_by_calendar(stamps(), origin);
    let instants: Vec<i64> = stamps().map(|stamp| stamp.0).collect();
    let instants = LogInstants::new(instants.into(), origin);
    let calendar = Calendar { first: has_dates.then(|| origin.date()) };
    let log = columns(&ordered, [&pairs, &later]);
    let ids = ordered.ids.to_vec();
    facts.extend(describe(&ordered, left, &log.labels, pairs.len() * 2));
    if !has_dates {
        facts.retain(|(name, _)| name != "span");
    }
    facts.push(("days with training examples".into(), days.len().to_string()));
    Ok(Log { days, calendar, facts, instants, ids, ..log }.checked())
}

/// By position in the users' sequences: whether the event is held out.
fn held_out(ordered: &OrderedEvents, task: &TaskConfig) -> Vec<bool> {
    let mut held_out = vec![false; ordered.len()];
    for bounds in ordered.starts.windows(2) {
        let len = bounds[1] - bounds[0];
        let tail = match task.split {
            Split::Days => 0,
            Split::LeaveOneOut => 1,
            Split::Tail => ((len as f64 * task.tail_share) as usize).max(1),
        };
        held_out[bounds[1] - tail.min(len)..bounds[1]].fill(true);
    }
    held_out
}

fn pairs(
    ordered: &OrderedEvents,
    task: &TaskConfig,
    held_out: &[bool],
    streams: Streams,
) -> (Vec<Pair>, Left) {
    let train_items = || {
        let items = ordered.items.iter().zip(&ordered.positions);
        let train = items.filter(|(_, position)| !held_out[**position as usize]);
        train.map(|(item, _)| *item).collect()
    };
    let sampler = match task.negatives {
        Negatives::Uniform => Sampler::uniform(ordered),
        Negatives::Popularity => Sampler::by_popularity(ordered, train_items()),
    };
    let (mut pairs, mut left) = (Vec::with_capacity(ordered.len()), Left::default());
    for event in 0..ordered.len() {
        let (user, position) = (ordered.users[event], ordered.positions[event]);
        let first = ordered.starts[user as usize] as u32;
        let end =
            if task.strict_history { ordered.same_stamp[position as usize] } else { position };
        if end == first {
            left.without_history += 1;
            continue;
        }
        let mut rng = streams.rng(Purpose::Negative, u64::from(user), u64::from(position - first));
        let Some(negative) = sampler.draw(user, &mut rng) else {
            left.without_negative += 1;
            continue;
        };
        let oldest = first.max(end.saturating_sub(task.max_history));
        pairs.push(Pair { event: event as u32, history: (oldest, end), negative });
    }
    (pairs, left)
}

/// The columns of the log without days and facts: first the training examples, then those held out.
fn columns(ordered: &OrderedEvents, parts: [&[Pair]; 2]) -> Log {
    let examples = 2 * (parts[0].len() + parts[1].len());
    let (mut labels, mut fields) = (Vec::with_capacity(examples), Vec::with_capacity(3 * examples));
    let mut spans = Vec::with_capacity(examples);
    let mut max_len = 0;
    for pair in parts.into_iter().flatten() {
        let (first, end) = pair.history;
        let (user, item) = (ordered.users[pair.event as usize], ordered.items[pair.event as usize]);
        max_len = max_len.max(end - first);
        for (label, item) in [(1, item), (0, pair.negative)] {
            labels.push(label);
            fields.extend([user, item, ordered.category_of[item as usize]]);
            spans.push([first, end - first]);
        }
    }
    let mut sequences = vec![0; ordered.len() * 2];
    for (item, position) in ordered.items.iter().zip(&ordered.positions) {
        let position = *position as usize;
        sequences[position * 2] = *item;
        sequences[position * 2 + 1] = ordered.category_of[*item as usize];
    }
    Log {
        schema: schema(ordered, max_len as usize),
        groups: Groups::Field(0),
        labels: labels.into(),
        fields: fields.into(),
        histories: Histories { events: sequences.into(), spans: spans.into() },
        ..Log::default()
    }
}

fn schema(ordered: &OrderedEvents, max_len: usize) -> Schema {
    let names = ["user", "item", "category"];
    let rows = [ordered.user_count(), ordered.item_count(), ordered.categories];
    let space = |(name, rows): (&str, u32)| IdSpace { name: name.to_string(), rows };
    let field = |(space, name): (usize, &str)| Field { name: name.to_string(), space };
    Schema {
        spaces: names.into_iter().zip(rows).map(space).collect(),
        fields: names.into_iter().enumerate().map(field).collect(),
        history: Some(History {
            max_len,
            columns: vec![
                HistoryColumn { space: 1, target: 1 },
                HistoryColumn { space: 2, target: 2 },
            ],
        }),
        numeric: Vec::new(),
        group: "user".to_string(),
    }
}

fn describe(
    ordered: &OrderedEvents,
    left: Left,
    labels: &[u8],
    train: usize,
) -> Vec<(String, String)> {
    let days = ordered.stamps.chunk_by(|a, b| a.day() == b.day()).count();
    let date =
        |stamp: Option<&Stamp>| stamp.map_or(String::new(), |stamp| stamp.date().to_string());
    let (first, last) = (date(ordered.stamps.first()), date(ordered.stamps.last()));
    let mut facts = vec![
        ("events", ordered.len().to_string()),
        ("exact duplicates among them", ordered.duplicates.to_string()),
        ("users", ordered.user_count().to_string()),
        ("items", ordered.item_count().to_string()),
        ("categories", ordered.categories.to_string()),
        ("days with events", days.to_string()),
        ("span", format!("{first} to {last}")),
        ("events without a history", left.without_history.to_string()),
        ("training examples", train.to_string()),
        ("held-out examples", (labels.len() - train).to_string()),
        ("base rate", base_rate(labels)),
    ];
    if left.without_negative > 0 {
        facts.push(("events of users who touched every item", left.without_negative.to_string()));
    }
    facts.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Batch, DataSource};
    use proptest::prelude::*;

    /// A positive example: user, item, history (newest first), and whether it is held out.
    type Positive = (u8, u8, Vec<u8>, bool);

    fn sorted(events: &[(u8, u8, u8)]) -> Vec<(u8, u8, u8)> {
        let mut sorted = events.to_vec();
        sorted.sort_by_key(|event| event.2);
        sorted
    }

    /// The task by its definition, one example after the other.
    fn expected(events: &[(u8, u8, u8)], task: &TaskConfig) -> Vec<Positive> {
        let sorted = sorted(events);
        let mut positives = Vec::new();
        for (at, (user, item, time)) in sorted.iter().enumerate() {
            let of_user = |event: &&(u8, u8, u8)| event.0 == *user;
            let earlier = sorted[..at].iter().filter(of_user);
            let earlier = earlier.filter(|event| !task.strict_history || event.2 < *time);
            let mut history: Vec<u8> = earlier.map(|event| event.1).collect();
            history.reverse();
            history.truncate(task.max_history as usize);
            let (total, later) = (
                sorted.iter().filter(of_user).count(),
                sorted[at + 1..].iter().filter(of_user).count(),
            );
            let held_out = match task.split {
                Split::Days => false,
                Split::LeaveOneOut => later == 0,
                Split::Tail => later < (total / 2).max(1),
            };
            if !history.is_empty() {
                positives.push((*user, *item, history, held_out));
            }
        }
        positives.sort_by_key(|positive| positive.3);
        positives
    }

    fn build_from(events: &[(u8, u8, u8)], task: &TaskConfig) -> Result<Log, DataError> {
        let mut all = Events::new();
        for (user, item, time) in events {
            all.push((&[*user]).into(), (&[*item]).into(), Stamp(i64::from(*time) * 40_000_000));
        }
        build(all, task, Streams::new(3), "t", Vec::new())
    }

    /// The log's positives, with names instead of ids.
    fn positives(log: &Log, events: &[(u8, u8, u8)]) -> Vec<Positive> {
        let (mut users, mut items): (Vec<u8>, Vec<u8>) = Default::default();
        for (user, item, _) in sorted(events) {
            if !users.contains(&user) {
                users.push(user);
            }
            if !items.contains(&item) {
                items.push(item);
            }
        }
        let mut batch = Batch::default();
        log.read(&(0..log.held_out().end).collect::<Vec<u64>>(), &mut batch);
        let example = |row: usize| {
            let bounds =
                batch.history_offsets[row] as usize..batch.history_offsets[row + 1] as usize;
            let history = bounds.map(|event| items[batch.history[event * 2] as usize]).collect();
            let (user, item) = (batch.fields[row * 3], batch.fields[row * 3 + 1]);
            let held_out = batch.info[row].day == 0;
            (users[user as usize], items[item as usize], history, held_out)
        };
        (0..batch.len()).step_by(2).map(example).collect()
    }

    proptest! {
        #[test]
        fn positives_are_those_of_the_definition(
            mut events in prop::collection::vec((0u8..4, 0u8..6, 0u8..9), 1..40),
            strict_history: bool,
            max_history in 1u32..5,
            split in prop::sample::select(vec![Split::Days, Split::LeaveOneOut, Split::Tail]),
        ) {
            // Items that no other user touches, so that every user has possible negatives.
            events.extend([(9, 100, 0), (10, 101, 0)]);
            let task = TaskConfig { strict_history, max_history, split, tail_share: 0.5, ..TaskConfig::default() };
            let expected = expected(&events, &task);
            match build_from(&events, &task) {
                Ok(log) => prop_assert_eq!(positives(&log, &events), expected),
                Err(error) => prop_assert!(expected.is_empty(), "{}", error),
            }
        }
    }

    #[test]
    fn only_first_touches_count_if_so_wished() {
        let events = [(1, 1, 0), (1, 2, 1), (1, 1, 2), (1, 3, 3), (2, 9, 0)];
        let task =
            TaskConfig { repeats: Repeats::First, split: Split::Days, ..TaskConfig::default() };
        let log = build_from(&events, &task).unwrap();
        assert_eq!(positives(&log, &events), [(1, 2, vec![1], false), (1, 3, vec![2, 1], false)]);
    }

    #[test]
    fn the_seed_decides_the_negatives_and_nothing_else() {
        let events: Vec<(u8, u8, u8)> = (0..60).map(|i| (i % 3, i, i)).collect();
        let log = |seed| {
            let mut all = Events::new();
            events
                .iter()
                .for_each(|e| all.push((&[e.0]).into(), (&[e.1]).into(), Stamp(i64::from(e.2))));
            build(all, &TaskConfig::default(), Streams::new(seed), "t", Vec::new()).unwrap()
        };
        let (one, same, other) = (log(1), log(1), log(2));
        assert_eq!(one.fields, same.fields);
        assert_ne!(one.fields, other.fields);
        assert_eq!(one.histories, other.histories);
        assert_eq!(one.days, other.days);
    }
}
