//! Collects the rows of a table and turns them into a [`Log`]: sorted by time, ids dense.

use super::config::{Config, Missing};
use super::history::{HistoryCells, HistoryRow};
use super::look::{self, LabelTexts};
use super::values::Values;
use crate::data::error::DataError;
use crate::data::log::missing::missing_text;
use crate::data::log::vocabulary::{Numbering, Vocabulary};
use crate::data::log::{Groups, Histories, Log, base_rate, days_by_calendar, days_by_parts, span};
use crate::data::reading::bad_rows::RowTally;
use crate::data::reading::refused::keeps_all;
use crate::data::reading::stamp::Stamp;
use crate::data::reading::text::Text;
use crate::data::{Calendar, Day, Field, History, HistoryColumn, IdSpace, Ids, Remark, Schema};

/// The rows read so far, in file order.
#[derive(Debug)]
pub(crate) struct TableBuilder {
    /// One per categorical column.
    vocabularies: Vec<Vocabulary>,
    group_names: Vocabulary,
    labels: Vec<u8>,
    stamps: Vec<Stamp>,
    /// Codes, `[rows x categorical columns]`.
    codes: Vec<u32>,
    /// `[rows x numeric columns]`, NaN where missing, each row with space for the flags.
    numeric: Vec<f32>,
    /// Numeric columns of a row, without flags.
    numeric_columns: usize,
    /// Flag columns of a row.
    flags: usize,
    groups: Vec<u32>,
    history: Option<HistoryCells>,
    /// The earliest time of rows that the user's own rule leaves out: days keep their numbers.
    earliest: Option<Stamp>,
    /// What labels look like, for remarks.
    pub(crate) label_texts: LabelTexts,
    /// Whether the order of the rows differs from that of the files.
    sorted: bool,
}

/// What comes of numbering the ids.
struct Numbered {
    /// The histories, as ids.
    histories: Histories,
    /// The rows of each space.
    rows: Vec<u32>,
    /// The ids of these rows, as in [`Log::ids`].
    ids: Vec<Option<Ids>>,
}

impl TableBuilder {
    /// A builder without rows, for the mapping of `config`, which has been checked.
    pub(crate) fn new(config: &Config) -> TableBuilder {
        let names = config.field_names();
        let field = |name: &String| names.iter().position(|field| field == name).unwrap_or(0);
        let fields: Vec<usize> = config.history.iter().map(|one| field(&one.field)).collect();
        let history = (!fields.is_empty()).then(|| HistoryCells::new(&config.history, fields));
        TableBuilder {
            vocabularies: names.iter().map(|_| Vocabulary::new(config.ids.hash_rows)).collect(),
            group_names: Vocabulary::new(0),
            labels: Vec::new(),
            stamps: Vec::new(),
            codes: Vec::new(),
            numeric: Vec::new(),
            numeric_columns: config.numeric.len(),
            flags: if config.missing == Missing::Flag { config.numeric.len() } else { 0 },
            groups: Vec::new(),
            history,
            earliest: None,
            label_texts: LabelTexts::default(),
            sorted: false,
        }
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.labels.len()
    }

    /// Number of history events.
    pub(crate) fn events(&self) -> usize {
        self.history.as_ref().map_or(0, |history| history.events.len())
    }

    /// Numeric columns of a row, including flags.
    pub(crate) fn numeric_width(&self) -> usize {
        self.numeric_columns + self.flags
    }

    /// Notes the time of a row that is left out.
    pub(crate) fn leave_out(&mut self, stamp: Stamp) {
        self.earliest = Some(self.earliest.map_or(stamp, |earliest| earliest.min(stamp)));
    }

    /// Adds rows: their values, and the ids in their categorical columns and in the group column.
    #[inline(always)]
    pub(crate) fn extend<'t>(
        &mut self,
        values: &Values,
        categorical: &[usize],
        group: Option<usize>,
        cell: impl Fn(usize, usize) -> Text<'t>,
    ) {
        let rows = values.labels.len();
        self.labels.extend_from_slice(&values.labels);
        self.stamps.extend_from_slice(&values.stamps);
        self.numeric.extend_from_slice(&values.numeric);
        let (first, width) = (self.codes.len(), categorical.len());
        self.codes.resize(first + rows * width, 0);
        let codes = &mut self.codes[first..];
        let vocabularies = self.vocabularies.iter_mut().zip(categorical);
        for (index, (vocabulary, column)) in vocabularies.enumerate() {
            vocabulary.codes(
                rows,
                |row| cell(row, *column),
                |row, code| codes[row * width + index] = code,
            );
        }
        if let Some(column) = group {
            self.groups.extend((0..rows).map(|row| self.group_names.code(cell(row, column))));
        }
    }

    /// Adds the history of the last added row.
    pub(crate) fn push_history<'t>(&mut self, row: &HistoryRow, cell: impl Fn(usize) -> Text<'t>) {
        if let Some(cells) = &mut self.history {
            cells.push(row, cell, &mut self.vocabularies);
        }
    }

    /// Gives the last added row the history of the one before it.
    pub(crate) fn repeat_history(&mut self) {
        if let Some(cells) = &mut self.history {
            cells.repeat();
        }
    }

    /// Builds the log.
    ///
    /// # Errors
    /// If there is no row.
    pub(crate) fn finish(
        mut self,
        config: &Config,
        path: &str,
        tally: &RowTally,
    ) -> Result<Log, DataError> {
        if self.labels.is_empty() {
            let why = "no row was left; is there more than a header, and does keep_when keep any?";
            return Err(DataError::Empty { path: path.to_string(), why: why.to_string() });
        }
        let mut remarks = self.remarks(config);
        self.sort();
        remarks.extend(self.shifted(config));
        let days = self.days(config);
        let calendar = self.calendar(config);
        let Numbered { histories, rows, ids } = self.number_ids(config);
        remarks.extend(look::labels(config, &self.labels, &self.label_texts));
        remarks.extend(look::columns(config, self.labels.len(), &self.numeric, &rows));
        remarks.extend(keeps_all(tally, &config.keep_when));
        self.scale_numbers(config);
        let schema = self.schema(config, &rows, &histories);
        let mut facts = tally.facts();
        facts.push(("examples".into(), self.labels.len().to_string()));
        facts.push(("days".into(), days.len().to_string()));
        facts.extend(span(calendar, &days));
        facts.push(("base rate".into(), base_rate(&self.labels)));
        for space in &schema.spaces {
            facts.push((format!("ids of {}", space.name), space.rows.to_string()));
        }
        let groups = if config.group.is_some() { Groups::Column(self.groups) } else { Groups::One };
        let TableBuilder { labels, codes: fields, numeric, .. } = self;
        let log = Log {
            schema,
            days,
            calendar,
            labels,
            fields,
            numeric,
            groups,
            histories,
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
        remarks.extend(self.history.iter().flat_map(HistoryCells::remarks));
        remarks
    }

    /// Sorts the rows by time; most files are sorted already.
    fn sort(&mut self) {
        if self.stamps.is_sorted() {
            return;
        }
        let mut order: Vec<u32> = (0..self.labels.len() as u32).collect();
        order.sort_by_key(|row| self.stamps[*row as usize]);
        self.labels = permuted(&self.labels, 1, &order);
        self.stamps = permuted(&self.stamps, 1, &order);
        self.codes = permuted(&self.codes, self.vocabularies.len(), &order);
        self.numeric = permuted(&self.numeric, self.numeric.len() / order.len(), &order);
        self.groups = permuted(&self.groups, self.groups.len() / order.len(), &order);
        if let Some(cells) = &mut self.history {
            cells.spans = permuted(&cells.spans, 1, &order);
        }
        self.sorted = true;
    }

    /// The time of the earliest of all rows, be they left out or not.
    fn earliest(&self) -> Stamp {
        self.earliest.map_or(self.stamps[0], |earliest| earliest.min(self.stamps[0]))
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

    fn days(&self, config: &Config) -> Vec<Day> {
        if config.time.is_none() && config.day.is_none() {
            return days_by_parts(self.labels.len() as u64, config.days);
        }
        days_by_calendar(self.stamps.iter().copied(), self.origin(config))
    }

    /// Replaces the codes of the fields by ids, in place.
    fn number_ids(&mut self, config: &Config) -> Numbered {
        let mut histories = Histories::default();
        if !self.sorted && self.history.is_none() && config.ids.min_count < 2 {
            // Codes were assigned by first occurrence in this same order.
            let rows = self.vocabularies.iter().map(|v| v.len() as u32).collect();
            let ids = self.vocabularies.iter().map(|v| v.ids(None)).collect();
            return Numbered { histories, rows, ids };
        }
        let columns = self.vocabularies.len().max(1);
        let mut spaces: Vec<Numbering> =
            self.vocabularies.iter().map(|v| v.numbering(config.ids.min_count)).collect();
        for codes in self.codes.chunks_exact(columns) {
            spaces.iter_mut().zip(codes).for_each(|(space, code)| space.count(*code));
        }
        if let Some(cells) = &self.history {
            let fields = cells.fields.iter().cycle();
            cells.events.iter().zip(fields).for_each(|(code, field)| spaces[*field].count(*code));
        }
        spaces.iter_mut().for_each(Numbering::settle);
        let mut rows = self.codes.chunks_exact_mut(columns);
        for row in 0..self.labels.len() {
            let codes = rows.next().unwrap_or_default();
            spaces.iter_mut().zip(codes).for_each(|(space, code)| *code = space.id(*code));
            if let Some(cells) = &self.history {
                let (first, len) = cells.spans[row];
                let columns = cells.fields.len();
                let events = &cells.events[first as usize * columns..][..len as usize * columns];
                histories.spans.push(((histories.events.len() / columns) as u32, len));
                let events = events.iter().zip(cells.fields.iter().cycle());
                histories.events.extend(events.map(|(code, field)| spaces[*field].id(*code)));
            }
        }
        let ids = self.vocabularies.iter().zip(&spaces).map(|(v, space)| v.ids(Some(space)));
        Numbered {
            histories,
            ids: ids.collect(),
            rows: spaces.iter().map(Numbering::rows).collect(),
        }
    }

    fn schema(&self, config: &Config, rows: &[u32], histories: &Histories) -> Schema {
        let names = config.field_names();
        let names = names.iter();
        let max_len = histories.spans.iter().map(|span| span.1).max().unwrap_or(0) as usize;
        let history = self.history.as_ref().map(|cells| History {
            max_len,
            columns: cells
                .fields
                .iter()
                .map(|field| HistoryColumn { space: *field, target: *field })
                .collect(),
        });
        let mut numeric = config.numeric.clone();
        if config.missing == Missing::Flag {
            numeric.extend(config.numeric.iter().map(|name| format!("{name}_missing")));
        }
        Schema {
            spaces: names.clone().zip(rows).map(|(name, rows)| space(name, *rows)).collect(),
            fields: names
                .enumerate()
                .map(|(space, name)| Field { name: name.clone(), space })
                .collect(),
            history,
            numeric,
            group: config.group.clone().unwrap_or_default(),
        }
    }

    /// Standardises the numeric columns, fills missing values and sets the flags, in place.
    fn scale_numbers(&mut self, config: &Config) {
        let columns = config.numeric.len();
        if columns == 0 {
            return;
        }
        let width = columns + self.flags;
        if self.flags > 0 {
            for row in self.numeric.chunks_exact_mut(width) {
                let (values, flags) = row.split_at_mut(columns);
                for (flag, value) in flags.iter_mut().zip(values) {
                    *flag = f32::from(u8::from(value.is_nan()));
                }
            }
        }
        if config.standardise {
            let column = |at: usize| self.numeric.iter().skip(at).step_by(width).copied();
            let scales: Vec<(f64, f64)> = (0..columns).map(|at| moments(column(at))).collect();
            for row in self.numeric.chunks_exact_mut(width) {
                for (value, (mean, deviation)) in row.iter_mut().zip(&scales) {
                    *value = ((f64::from(*value) - mean) / deviation) as f32;
                }
            }
        }
        for value in &mut self.numeric {
            *value = if value.is_nan() { 0.0 } else { *value };
        }
    }
}

/// The rows of a table, `width` values each, in another order.
fn permuted<T: Copy>(values: &[T], width: usize, order: &[u32]) -> Vec<T> {
    let mut sorted = Vec::with_capacity(values.len());
    for row in order {
        sorted.extend_from_slice(&values[*row as usize * width..][..width]);
    }
    sorted
}

fn space(name: &str, rows: u32) -> IdSpace {
    IdSpace { name: name.to_string(), rows }
}

/// Mean and standard deviation of the values that are not missing; a constant column is not scaled.
fn moments(values: impl Iterator<Item = f32> + Clone) -> (f64, f64) {
    let present = values.filter(|value| !value.is_nan()).map(f64::from);
    let count = present.clone().count().max(1) as f64;
    let mean = present.clone().sum::<f64>() / count;
    let deviation =
        (present.map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt();
    (mean, if deviation > 0.0 { deviation } else { 1.0 })
}
