//! From the rows of a table, all of them read, to a [`Log`]: sorted by time, ids dense.

use super::config::{Config, Missing};
use super::look::{self, LabelTexts, NumberLook};
use super::time_order::TimeOrder;
use crate::data::column::Column;
use crate::data::error::DataError;
use crate::data::log::growing::{Growing, Room, changed, permuted};
use crate::data::log::held_out::Arranged;
use crate::data::log::missing::missing_text;
use crate::data::log::vocabulary::{Numbering, Vocabulary};
use crate::data::log::{
    Groups, Histories, Log, LogExtra, LogInstants, base_rate, days_by_calendar, days_by_parts, span,
};
use crate::data::reading::bad_rows::RowTally;
use crate::data::reading::refused::keeps_all;
use crate::data::reading::stamp::Stamp;
use crate::data::{Calendar, Day, Field, History, HistoryColumn, IdSpace, Ids, Remark, Schema};

/// The columns of all rows, as [`TableBuilder`](super::builder::TableBuilder) has collected them.
pub(super) struct Gathered<'r> {
    pub(super) room: &'r Room,
    pub(super) vocabularies: Vec<Vocabulary>,
    pub(super) group_names: Vocabulary,
    pub(super) labels: Column<u8>,
    pub(super) stamps: Column<i64>,
    /// The first row of each file.
    pub(super) files: Vec<usize>,
    pub(super) codes: Column<u32>,
    pub(super) numeric: Column<f32>,
    /// Flag columns of a row.
    pub(super) flags: usize,
    pub(super) extra: Column<f64>,
    pub(super) groups: Column<u32>,
    pub(super) history: Option<GatheredHistory>,
    pub(super) earliest: Option<Stamp>,
    pub(super) time_order: TimeOrder,
    pub(super) label_texts: LabelTexts,
    pub(super) numbers: Vec<NumberLook>,
}

/// The histories of all rows.
pub(super) struct GatheredHistory {
    /// For each history, the categorical column whose vocabulary it shares.
    pub(super) fields: Vec<usize>,
    /// Codes, `[events x histories]`, oldest first.
    pub(super) events: Column<u32>,
    /// First event and number of events per example.
    pub(super) spans: Column<[u32; 2]>,
    /// What the cells look like beside the settings.
    pub(super) remarks: Vec<Remark>,
}

/// What comes of numbering the ids.
struct Numbered {
    /// The ids of the fields.
    fields: Column<u32>,
    /// The histories, as ids.
    histories: Histories,
    /// The rows of each space.
    rows: Vec<u32>,
    /// The ids of these rows, as in [`Log::ids`].
    ids: Vec<Option<Ids>>,
}

impl Gathered<'_> {
    /// The log.
    pub(super) fn log(mut self, config: &Config, tally: &RowTally) -> Result<Log, DataError> {
        let mut remarks = self.remarks(config);
        let held_out = &config.held_out;
        let Arranged { in_days, order } =
            held_out.arrange(&self.files, self.labels.len(), &self.stamps)?;
        let in_order = order.is_none();
        if let Some(order) = order {
            self.rearrange(&order)?;
        }
        remarks.extend(self.shifted(config));
        remarks.extend(self.time_order.remark(config));
        let days = self.days(config, in_days);
        let calendar = self.calendar(config);
        let fields = self.history.as_ref().map(|history| history.fields.clone());
        let Numbered { fields: ids_of_fields, histories, rows, ids } =
            self.number_ids(config, in_order)?;
        remarks.extend(look::labels(config, &self.labels, &self.label_texts));
        remarks.extend(look::columns(config, self.labels.len(), &self.numbers, &rows));
        remarks.extend(keeps_all(tally, &config.keep_when));
        let numeric = self.scaled_numbers(config, in_days)?;
        let schema = schema(config, &rows, fields, &histories);
        let mut facts = tally.facts();
        facts.push(("examples".into(), self.labels.len().to_string()));
        facts.push(("days".into(), days.len().to_string()));
        facts.extend(span(calendar, &days));
        facts.push(("base rate".into(), base_rate(&self.labels)));
        for space in &schema.spaces {
            facts.push((format!("ids of {}", space.name), space.rows.to_string()));
        }
        let instants = match &config.time {
            Some(_) => {
                let origin = self.origin(config);
                LogInstants::new(std::mem::take(&mut self.stamps), origin)
            }
            None => LogInstants::default(),
        };
        let groups = if config.group.is_some() { Groups::Column(self.groups) } else { Groups::One };
        let log = Log {
            schema,
            days,
            calendar,
            labels: self.labels,
            fields: ids_of_fields,
            numeric,
            extra: LogExtra { names: config.extra.clone(), numbers: self.extra },
            groups,
            histories,
            instants,
            ids,
            facts,
            remarks,
        };
        Ok(log.checked())
    }

    /// What looks as if the columns were not meant as they were read.
    fn remarks(&self, config: &Config) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let names = config.field_names();
        for (at, (name, vocabulary)) in names.iter().zip(&self.vocabularies).enumerate() {
            let column = self.codes.iter().skip(at).step_by(names.len());
            remarks.extend(missing_text(name, vocabulary, column));
        }
        if let Some(name) = &config.group {
            remarks.extend(missing_text(name, &self.group_names, self.groups.iter()));
        }
        remarks.extend(self.history.iter().flat_map(|history| history.remarks.iter().cloned()));
        self.codes.release();
        self.groups.release();
        remarks
    }

    /// Brings the rows into another order.
    fn rearrange(&mut self, order: &[u32]) -> Result<(), DataError> {
        let (room, rows) = (self.room, self.labels.len());
        self.labels = permuted(&self.labels, room, 1, order)?;
        self.stamps = permuted(&self.stamps, room, self.stamps.len() / rows, order)?;
        self.codes = permuted(&self.codes, room, self.vocabularies.len(), order)?;
        self.numeric = permuted(&self.numeric, room, self.numeric.len() / rows, order)?;
        self.extra = permuted(&self.extra, room, self.extra.len() / rows, order)?;
        self.groups = permuted(&self.groups, room, self.groups.len() / rows, order)?;
        if let Some(history) = &mut self.history {
            history.spans = permuted(&history.spans, room, 1, order)?;
        }
        Ok(())
    }

    /// The time of the earliest row of the days, be it left out or not.
    fn earliest(&self) -> Stamp {
        let first = Stamp(self.stamps[0]);
        self.earliest.map_or(first, |earliest| earliest.min(first))
    }

    /// The time that day 1 has: that of the earliest row. Days with numbers of their own keep them,
    /// unless some are below 1.
    fn origin(&self, config: &Config) -> Stamp {
        match config.day {
            Some(_) => self.earliest().min(Stamp::of_day(1)),
            None => self.earliest(),
        }
    }

    /// Numbers of days that windows cannot name.
    fn shifted(&self, config: &Config) -> Option<Remark> {
        let (column, first) = (config.day.as_ref()?, self.earliest().day());
        let message = format!(
            "the days of column `{column}` begin with {first}: they are counted from 1, so day 1 is {first} there, \
             and day 2 is {}",
            first + 1
        );
        let help = "name days in windows by the new numbers";
        (first < 1).then(|| Remark::new("data.day", message, help))
    }

    fn calendar(&self, config: &Config) -> Calendar {
        match config.reader() {
            Some((_, reader)) => Calendar { first: reader.date_of(self.earliest()) },
            None => Calendar::default(),
        }
    }

    /// The days of the first `in_days` rows.
    fn days(&self, config: &Config, in_days: usize) -> Vec<Day> {
        if config.time.is_none() && config.day.is_none() {
            return days_by_parts(in_days as u64, config.days);
        }
        days_by_calendar(self.stamps[..in_days].iter().copied().map(Stamp), self.origin(config))
    }

    /// Replaces the codes of fields and histories by ids.
    fn number_ids(&mut self, config: &Config, in_order: bool) -> Result<Numbered, DataError> {
        let vocabularies = std::mem::take(&mut self.vocabularies);
        let codes = std::mem::take(&mut self.codes);
        let mut histories = Histories::default();
        let min_count = config.ids.min_count;
        if in_order && self.history.is_none() && min_count < 2 {
            // Codes were assigned by first occurrence in this same order.
            let rows = vocabularies.iter().map(|v| v.len() as u32).collect();
            // One by one, since each takes as much memory as its vocabulary.
            let ids = vocabularies.into_iter().map(|v| v.ids(None)).collect();
            return Ok(Numbered { fields: codes, histories, rows, ids });
        }
        let columns = vocabularies.len().max(1);
        let mut spaces: Vec<Numbering> =
            vocabularies.iter().map(|v| v.numbering(min_count)).collect();
        if min_count > 1 {
            codes.each_stretch(columns, |codes| {
                let fields = (0..columns).cycle();
                codes.iter().zip(fields).for_each(|(code, field)| spaces[field].count(*code));
            });
            if let Some(history) = &self.history {
                history.events.each_stretch(history.fields.len(), |codes| {
                    let fields = history.fields.iter().cycle();
                    codes.iter().zip(fields).for_each(|(code, field)| spaces[*field].count(*code));
                });
            }
        }
        spaces.iter_mut().for_each(Numbering::settle);
        let (mut events, mut spans) = (Growing::new(self.room), Growing::new(self.room));
        let mut row = 0;
        let fields = changed(codes, self.room, columns, |codes| {
            for codes in codes.chunks_exact_mut(columns) {
                spaces.iter_mut().zip(codes).for_each(|(space, code)| *code = space.id(*code));
                if let Some(history) = &self.history {
                    let width = history.fields.len();
                    let [first, len] = history.spans[row];
                    let at = first as usize * width;
                    spans.push([(events.len() / width) as u32, len]);
                    let codes = history.events[at..][..len as usize * width].iter();
                    for (code, field) in codes.zip(history.fields.iter().cycle()) {
                        events.push(spaces[*field].id(*code));
                    }
                }
                row += 1;
            }
            if let Some(history) = &self.history {
                history.spans.release();
                history.events.release();
            }
        })?;
        if let Some(history) = self.history.take() {
            histories.events = events.finish(history.fields.len())?;
            histories.spans = spans.finish(1)?;
        }
        let rows = spaces.iter().map(Numbering::rows).collect();
        let ids = vocabularies.into_iter().zip(spaces).map(|(v, space)| v.ids(Some(&space)));
        Ok(Numbered { fields, histories, ids: ids.collect(), rows })
    }

    /// The numeric columns, standardised if they are to be; flags are set.
    fn scaled_numbers(
        &mut self,
        config: &Config,
        in_days: usize,
    ) -> Result<Column<f32>, DataError> {
        let numeric = std::mem::take(&mut self.numeric);
        let columns = config.numeric.len();
        if columns == 0 || !config.standardise {
            return Ok(numeric);
        }
        let width = columns + self.flags;
        let scales = moments(&numeric, in_days, columns, width);
        changed(numeric, self.room, width, |numbers| {
            for row in numbers.chunks_exact_mut(width) {
                for (value, (mean, deviation)) in row.iter_mut().zip(&scales) {
                    let scaled = ((f64::from(*value) - mean) / deviation) as f32;
                    *value = if scaled.is_nan() { 0.0 } else { scaled };
                }
            }
        })
    }
}

fn schema(
    config: &Config,
    rows: &[u32],
    history: Option<Vec<usize>>,
    histories: &Histories,
) -> Schema {
    let names = config.field_names();
    let names = names.iter();
    let mut max_len = 0;
    histories.spans.each_stretch(1, |spans| {
        max_len = spans.iter().map(|span| span[1] as usize).fold(max_len, usize::max);
    });
    let column = |field: usize| HistoryColumn { space: field, target: field };
    let history = history
        .map(|fields| History { max_len, columns: fields.into_iter().map(column).collect() });
    let mut numeric = config.numeric.clone();
    if config.missing == Missing::Flag {
        numeric.extend(config.numeric.iter().map(|name| format!("{name}_missing")));
    }
    let space = |(name, rows): (&String, &u32)| IdSpace { name: name.clone(), rows: *rows };
    Schema {
        spaces: names.clone().zip(rows).map(space).collect(),
        fields: names
            .enumerate()
            .map(|(space, name)| Field { name: name.clone(), space })
            .collect(),
        history,
        numeric,
        group: config.group.clone().unwrap_or_default(),
    }
}

/// Mean and standard deviation of the values of each column that are not missing; a constant column
/// is not scaled.
fn moments(numbers: &Column<f32>, rows: usize, columns: usize, width: usize) -> Vec<(f64, f64)> {
    let each = |take: &mut dyn FnMut(usize, f64)| {
        let mut left = rows;
        numbers.each_stretch(width, |numbers| {
            let rows = left.min(numbers.len() / width);
            left -= rows;
            for row in numbers.chunks_exact(width).take(rows) {
                let present =
                    row[..columns].iter().enumerate().filter(|(_, value)| !value.is_nan());
                present.for_each(|(column, value)| take(column, f64::from(*value)));
            }
        });
    };
    let mut sums = vec![(0u64, 0.0f64); columns];
    each(&mut |column, value| {
        sums[column].0 += 1;
        sums[column].1 += value;
    });
    let means: Vec<(f64, f64)> =
        sums.iter().map(|(count, sum)| (*count as f64, sum / (*count).max(1) as f64)).collect();
    let mut apart = vec![0.0f64; columns];
    each(&mut |column, value| {
        apart[column] += (value - means[column].1) * (value - means[column].1)
    });
    let scale = |((count, mean), apart): (&(f64, f64), f64)| {
        let deviation = (apart / count.max(1.0)).sqrt();
        (*mean, if deviation > 0.0 { deviation } else { 1.0 })
    };
    means.iter().zip(apart).map(scale).collect()
}
