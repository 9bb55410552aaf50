//! A log in memory, column by column: what every loader of real logs returns. The files of this
//! folder make examples from rows: they give texts dense ids, and turn interactions into a task.

pub mod din_task;
pub(super) mod events;
pub(crate) mod growing;
pub(crate) mod held_out;
pub(super) mod missing;
mod negatives;
pub(crate) mod npy;
mod packed;
pub(super) mod vocabulary;

pub use held_out::HeldOutRows;
pub use vocabulary::IdRows;

use std::ops::Range;

use crate::data::column::Column;
use crate::data::reading::stamp::Stamp;
use crate::data::{
    Batch, Calendar, DataError, DataSource, Day, ExampleInfo, Ids, Instants, Remark, Schema,
};

/// The source of an example's [`ExampleInfo::group`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Groups {
    /// All examples are one group.
    #[default]
    One,
    /// The id of this field.
    Field(usize),
    /// One number per example.
    Column(Column<u32>),
}

/// Histories of varying length, each a slice of one array of events.
///
/// Examples may share events: all histories of one user are slices of one sequence.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Histories {
    /// Ids, `[events x columns]`, oldest first within a sequence.
    pub(crate) events: Column<u32>,
    /// First event and number of events, per example.
    pub(crate) spans: Column<[u32; 2]>,
}

/// When examples happened: those of the days, and perhaps those held out behind them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct LogInstants {
    /// By id, as in [`Stamp`].
    pub(crate) stamps: Column<i64>,
    /// The start of day 1.
    pub(crate) day_one: i64,
}

impl LogInstants {
    /// These times; none if they tell no more than the day. `origin` lies in day 1.
    pub(crate) fn new(stamps: Column<i64>, origin: Stamp) -> LogInstants {
        let is_midnight = |stamp: &i64| Stamp(*stamp) == Stamp::of_day(Stamp(*stamp).day());
        match stamps.iter().all(is_midnight) {
            true => LogInstants::default(),
            false => LogInstants { stamps, day_one: Stamp::of_day(origin.day()).0 },
        }
    }
}

/// Columns with numbers that no model sees.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct LogExtra {
    /// Names of the columns.
    pub(crate) names: Vec<String>,
    /// `[examples x columns]`; NaN where there is no number.
    pub(crate) numbers: Column<f64>,
}

/// Examples in the order of their ids: those of the days first, then those held out.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub(crate) schema: Schema,
    pub(crate) days: Vec<Day>,
    pub(crate) calendar: Calendar,
    /// 0 or 1 per example.
    pub(crate) labels: Column<u8>,
    /// Ids, `[examples x fields]`.
    pub(crate) fields: Column<u32>,
    /// `[examples x numeric columns]`.
    pub(crate) numeric: Column<f32>,
    pub(crate) extra: LogExtra,
    pub(crate) groups: Groups,
    /// Present if the schema has a history.
    pub(crate) histories: Histories,
    /// When each example of the days happened; empty if it is not known or not kept.
    pub(crate) instants: LogInstants,
    /// By space, the ids of its rows; `None` or missing if rows are found by hash.
    pub(crate) ids: Vec<Option<Ids>>,
    pub(crate) facts: Vec<(String, String)>,
    pub(crate) remarks: Vec<Remark>,
}

impl Log {
    /// Checks that the columns fit each other.
    pub(crate) fn checked(self) -> Log {
        let (rows, schema) = (self.labels.len(), &self.schema);
        assert_eq!(self.fields.len(), rows * schema.fields.len());
        assert_eq!(self.numeric.len(), rows * schema.numeric.len());
        assert_eq!(self.extra.numbers.len(), rows * self.extra.names.len());
        assert_eq!(self.histories.spans.len(), if schema.history.is_some() { rows } else { 0 });
        let mut spaces = self.ids.iter().zip(&schema.spaces);
        assert!(spaces.all(|(ids, space)| {
            ids.as_ref().is_none_or(|ids| ids.len() == space.rows as usize)
        }));
        assert!(self.in_days() <= rows as u64);
        let instants = self.instants.stamps.len() as u64;
        assert!(instants == 0 || instants >= self.in_days());
        self
    }

    /// The same log, without instants if nobody has asked for them.
    pub(crate) fn with_instants(mut self, asked: bool) -> Log {
        if !asked {
            self.instants = LogInstants::default();
        }
        self
    }

    /// Number of examples.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    fn in_days(&self) -> u64 {
        self.days.last().map_or(0, |day| day.first + day.examples)
    }

    fn day_of(&self, id: u64) -> u32 {
        let after = self.days.partition_point(|day| day.first <= id);
        match after.checked_sub(1).map(|at| self.days[at]) {
            Some(day) if day.ids().contains(&id) => day.number,
            _ => 0,
        }
    }

    fn read_history(&self, row: usize, columns: usize, batch: &mut Batch) {
        let Histories { events, spans } = &self.histories;
        spans.touch(row);
        let [first, len] = spans[row];
        for event in (first..first + len).rev() {
            let at = event as usize * columns;
            events.touch(at);
            batch.history.extend_from_slice(&events[at..at + columns]);
        }
    }
}

impl DataSource for Log {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn days(&self) -> &[Day] {
        &self.days
    }

    fn calendar(&self) -> Calendar {
        self.calendar
    }

    fn instants(&self) -> Option<Instants<'_>> {
        let LogInstants { stamps, day_one } = &self.instants;
        (!stamps.is_empty()).then_some(Instants { stamps, day_one: *day_one })
    }

    fn extra(&self) -> &[String] {
        &self.extra.names
    }

    fn extra_number(&self, column: usize, id: u64) -> f64 {
        self.extra.numbers[id as usize * self.extra.names.len() + column]
    }

    fn held_out(&self) -> Range<u64> {
        self.in_days()..self.len() as u64
    }

    fn read(&self, ids: &[u64], batch: &mut Batch) {
        batch.clear();
        let (fields, numeric) = (self.schema.fields.len(), self.schema.numeric.len());
        let columns = self.schema.history_columns();
        let (all_labels, all_ids, all_numbers) =
            (&self.labels[..], &self.fields[..], &self.numeric[..]);
        for &id in ids {
            assert!(id < self.len() as u64, "example {id} of a log of {}", self.len());
            let row = id as usize;
            self.labels.touch(row);
            self.fields.touch(row * fields);
            self.numeric.touch(row * numeric);
            batch.labels.push(f32::from(all_labels[row]));
            let ids = &all_ids[row * fields..(row + 1) * fields];
            batch.fields.extend_from_slice(ids);
            batch.numeric.extend_from_slice(&all_numbers[row * numeric..(row + 1) * numeric]);
            if columns > 0 {
                self.read_history(row, columns, batch);
            }
            let events = batch.history.len().checked_div(columns).unwrap_or(0);
            batch.history_offsets.push(events as u32);
            let group = match &self.groups {
                Groups::One => 0,
                Groups::Field(field) => ids[*field],
                Groups::Column(groups) => {
                    groups.touch(row);
                    groups[row]
                }
            };
            let info = ExampleInfo { id, day: self.day_of(id), group: u64::from(group) };
            batch.info.push(info);
        }
        self.labels.note_read(ids.len());
        self.fields.note_read(ids.len() * fields);
        self.numeric.note_read(ids.len() * numeric);
        self.histories.events.note_read(batch.history.len());
        self.histories.spans.note_read(if columns > 0 { ids.len() } else { 0 });
        if let Groups::Column(groups) = &self.groups {
            groups.note_read(ids.len());
        }
    }

    fn bytes(&self) -> u64 {
        let groups = match &self.groups {
            Groups::Column(groups) => groups.held(),
            Groups::One | Groups::Field(_) => 0,
        };
        let history = self.histories.events.held() + self.histories.spans.held();
        let columns = self.labels.held()
            + self.fields.held()
            + self.numeric.held()
            + self.extra.numbers.held();
        let all = columns + history + groups + self.instants.stamps.held();
        let ids = self.ids.iter().flatten().map(Ids::held).sum::<u64>();
        // A log of events is made beside them, which takes it about twice. A table is built in place:
        // measured, 10 million rows of Criteo take 2.11 GB for columns of 2.09.
        let times = if matches!((&self.labels, &self.groups), (Column::Owned(_), Groups::Field(_)))
        {
            2
        } else {
            1
        };
        ids + times * all
    }

    fn log(&self) -> Option<&Log> {
        Some(self)
    }

    fn ids(&self, space: usize) -> Option<&Ids> {
        self.ids.get(space)?.as_ref()
    }

    fn is_hashed(&self, space: usize) -> bool {
        self.ids(space).is_none()
    }

    fn facts(&self) -> Vec<(String, String)> {
        self.facts.clone()
    }

    fn remarks(&self) -> Vec<Remark> {
        self.remarks.clone()
    }
}

/// The days of examples whose `stamps` ascend; day 1 is the day of `origin`.
pub(crate) fn days_by_calendar(stamps: impl Iterator<Item = Stamp>, origin: Stamp) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    let mut day_end = Stamp(i64::MIN);
    for (id, stamp) in stamps.enumerate() {
        match days.last_mut() {
            Some(day) if stamp < day_end => day.examples += 1,
            _ => {
                let number = u32::try_from(stamp.day() - origin.day() + 1);
                let number = number.expect("stamps are bounded and ascend");
                days.push(Day { number, first: id as u64, examples: 1 });
                day_end = stamp.day_end();
            }
        }
    }
    days
}

/// The first and the last date, as a fact about the log, if its days have dates.
pub(crate) fn span(calendar: Calendar, days: &[Day]) -> Option<(String, String)> {
    let (first, last) = (days.first()?.number, days.last()?.number);
    let (first, last) = (calendar.date(first)?, calendar.date(last)?);
    Some(("dates".to_string(), format!("{first} to {last}")))
}

/// `examples` examples in `parts` days of equal length (within one example); none is empty.
pub(crate) fn days_by_parts(examples: u64, parts: u32) -> Vec<Day> {
    let parts = u128::from(parts.max(1));
    let start = |part: u128| (u128::from(examples) * part / parts) as u64;
    (0..parts)
        .map(|part| (part as u32 + 1, start(part), start(part + 1)))
        .filter(|(_, first, end)| end > first)
        .map(|(number, first, end)| Day { number, first, examples: end - first })
        .collect()
}

/// A position as a 32-bit number.
pub(crate) fn offset(value: usize, what: &'static str) -> Result<u32, DataError> {
    u32::try_from(value).map_err(|_| DataError::TooLarge { what, limit: u64::from(u32::MAX) })
}

/// The share of positive labels, as text.
pub(crate) fn base_rate(labels: &[u8]) -> String {
    let positive = labels.iter().filter(|label| **label == 1).count();
    format!("{:.4}", positive as f64 / labels.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Field, History, HistoryColumn, IdSpace};

    fn log() -> Log {
        let schema = Schema {
            spaces: vec![IdSpace { name: "item".into(), rows: 9 }],
            fields: vec![Field { name: "item".into(), space: 0 }],
            history: Some(History {
                max_len: 2,
                columns: vec![HistoryColumn { space: 0, target: 0 }],
            }),
            numeric: vec!["price".into()],
            group: "user".into(),
        };
        Log {
            schema,
            days: vec![
                Day { number: 1, first: 0, examples: 2 },
                Day { number: 4, first: 2, examples: 1 },
            ],
            labels: vec![1, 0, 1, 0].into(),
            fields: vec![5, 6, 7, 8].into(),
            numeric: vec![0.5, 1.5, 2.5, 3.5].into(),
            groups: Groups::Field(0),
            histories: Histories {
                events: vec![1, 2, 3].into(),
                spans: vec![[0, 2], [0, 0], [1, 2], [2, 1]].into(),
            },
            ..Log::default()
        }
        .checked()
    }

    #[test]
    fn batches_are_read_in_any_order_with_the_newest_event_first() {
        let mut batch = Batch::default();
        let log = log();
        log.read(&[3, 0, 1, 2], &mut batch);
        assert_eq!(batch.labels, [0.0, 1.0, 0.0, 1.0]);
        assert_eq!(batch.fields, [8, 5, 6, 7]);
        assert_eq!(batch.numeric, [3.5, 0.5, 1.5, 2.5]);
        assert_eq!(batch.history_offsets, [0, 1, 3, 3, 5]);
        assert_eq!(batch.history, [3, 2, 1, 3, 2]);
        let info: Vec<(u64, u32, u64)> =
            batch.info.iter().map(|i| (i.id, i.day, i.group)).collect();
        assert_eq!(info, [(3, 0, 8), (0, 1, 5), (1, 1, 6), (2, 4, 7)]);
        assert_eq!(log.held_out(), 3..4);
        log.read(&[], &mut batch);
        assert_eq!((batch.len(), batch.history_offsets.as_slice()), (0, [0].as_slice()));
    }

    #[test]
    fn parts_differ_by_one_example_at_most() {
        let days = days_by_parts(10, 3);
        let sizes: Vec<u64> = days.iter().map(|day| day.examples).collect();
        assert_eq!(sizes, [3, 3, 4]);
        assert_eq!(days_by_parts(2, 5).len(), 2);
        assert!(days_by_parts(0, 5).is_empty());
    }

    #[test]
    fn calendar_days_may_have_gaps() {
        let day = 86_400_000;
        let stamps = [Stamp(-1), Stamp(0), Stamp(1), Stamp(3 * day)];
        let days = days_by_calendar(stamps.into_iter(), Stamp(-1));
        let numbers: Vec<(u32, u64, u64)> =
            days.iter().map(|d| (d.number, d.first, d.examples)).collect();
        assert_eq!(numbers, [(1, 0, 1), (2, 1, 2), (5, 3, 1)]);
    }
}
