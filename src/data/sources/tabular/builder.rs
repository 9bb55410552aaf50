//! Collects the rows of a table, in the order of the files.

use super::config::{Config, Missing};
use super::gathered::{Gathered, GatheredHistory};
use super::history::{HistoryCells, HistoryRow};
use super::look::{LabelTexts, NumberLook};
use super::time_order::TimeOrder;
use super::values::Values;
use crate::data::error::DataError;
use crate::data::log::Log;
use crate::data::log::growing::{Growing, Room};
use crate::data::log::vocabulary::Vocabulary;
use crate::data::reading::bad_rows::RowTally;
use crate::data::reading::stamp::Stamp;
use crate::data::reading::text::Text;

/// The rows read so far, in file order.
#[derive(Debug)]
pub(crate) struct TableBuilder<'r> {
    room: &'r Room,
    /// One per categorical column.
    vocabularies: Vec<Vocabulary>,
    group_names: Vocabulary,
    labels: Growing<'r, u8>,
    /// As in [`Stamp`].
    stamps: Growing<'r, i64>,
    /// The first row of each file.
    files: Vec<usize>,
    /// Codes, `[rows x categorical columns]`.
    codes: Growing<'r, u32>,
    /// `[rows x numeric columns]`, each row with its flags. Missing ones are NaN until the end if
    /// columns are standardised, else filled.
    numeric: Growing<'r, f32>,
    /// Numeric columns of a row, without flags.
    numeric_columns: usize,
    /// Flag columns of a row.
    flags: usize,
    standardise: bool,
    /// `[rows x extra columns]`; NaN where the cell is empty.
    extra: Growing<'r, f64>,
    extra_columns: usize,
    groups: Growing<'r, u32>,
    history: Option<HistoryCells<'r>>,
    /// The earliest time of rows that the user's own rule leaves out: days keep their numbers.
    earliest: Option<Stamp>,
    /// Whether the times of the rows ascend, for remarks.
    time_order: TimeOrder,
    /// What labels look like, for remarks.
    pub(crate) label_texts: LabelTexts,
    /// What numeric columns look like, for remarks.
    numbers: Vec<NumberLook>,
}

impl<'r> TableBuilder<'r> {
    /// A builder without rows, for the mapping of `config`, which has been checked.
    pub(crate) fn new(config: &Config, room: &'r Room) -> TableBuilder<'r> {
        let names = config.field_names();
        let field = |name: &String| names.iter().position(|field| field == name).unwrap_or(0);
        let fields: Vec<usize> = config.history.iter().map(|one| field(&one.field)).collect();
        let history =
            (!fields.is_empty()).then(|| HistoryCells::new(&config.history, fields, room));
        let columns = config.numeric.len();
        TableBuilder {
            room,
            vocabularies: names.iter().map(|_| Vocabulary::new(config.ids.hash_rows)).collect(),
            group_names: Vocabulary::new(0),
            labels: Growing::new(room),
            stamps: Growing::new(room),
            files: Vec::new(),
            codes: Growing::new(room),
            numeric: Growing::new(room),
            numeric_columns: columns,
            flags: if config.missing == Missing::Flag { columns } else { 0 },
            standardise: config.standardise,
            extra: Growing::new(room),
            extra_columns: config.extra.len(),
            groups: Growing::new(room),
            history,
            earliest: None,
            time_order: TimeOrder::default(),
            label_texts: LabelTexts::default(),
            numbers: vec![NumberLook::default(); columns],
        }
    }

    /// Notes that the rows of another file follow.
    pub(crate) fn begin_file(&mut self, name: &str) {
        self.time_order.begin_file(name);
        self.files.push(self.rows());
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
        for stamp in &values.stamps {
            self.stamps.push(stamp.0);
        }
        self.extend_numbers(&values.numeric);
        self.extra.extend_from_slice(&values.extra);
        let (vocabularies, width) = (&mut self.vocabularies, categorical.len());
        self.codes.extend_with(rows * width, |codes| {
            for (index, (vocabulary, column)) in
                vocabularies.iter_mut().zip(categorical).enumerate()
            {
                vocabulary.codes(
                    rows,
                    |row| cell(row, *column),
                    |row, code| codes[row * width + index] = code,
                );
            }
        });
        if let Some(column) = group {
            let names = &mut self.group_names;
            (0..rows).for_each(|row| self.groups.push(names.code(cell(row, column))));
        }
    }

    /// Notes the times of rows, each on a line of its own from `line` on.
    pub(crate) fn note_times(&mut self, stamps: &[Stamp], line: u64) {
        self.time_order.note(stamps, line);
    }

    /// Adds the numbers of rows, and sets their flags.
    fn extend_numbers(&mut self, numbers: &[f32]) {
        let (columns, width, fill) =
            (self.numeric_columns, self.numeric_width(), !self.standardise);
        if columns == 0 {
            return;
        }
        let looks = &mut self.numbers;
        self.numeric.extend_with(numbers.len(), |to| {
            to.copy_from_slice(numbers);
            for row in to.chunks_exact_mut(width) {
                let (values, flags) = row.split_at_mut(columns);
                looks.iter_mut().zip(values.iter()).for_each(|(look, value)| look.note(*value));
                for (flag, value) in flags.iter_mut().zip(values.iter()) {
                    *flag = f32::from(u8::from(value.is_nan()));
                }
                if fill {
                    values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 0.0);
                }
            }
        });
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
        self,
        config: &Config,
        path: &str,
        tally: &RowTally,
    ) -> Result<Log, DataError> {
        if self.rows() == 0 {
            let why = "no row was left; is there more than a header, and does keep_when keep any?";
            return Err(DataError::Empty { path: path.to_string(), why: why.to_string() });
        }
        let (columns, width) = (self.vocabularies.len(), self.numeric_width());
        let history = match self.history {
            Some(cells) => Some(GatheredHistory {
                remarks: cells.remarks(),
                events: cells.events.finish(cells.fields.len())?,
                spans: cells.spans.finish(1)?,
                fields: cells.fields,
            }),
            None => None,
        };
        let gathered = Gathered {
            room: self.room,
            vocabularies: self.vocabularies,
            group_names: self.group_names,
            labels: self.labels.finish(1)?,
            stamps: self.stamps.finish(1)?,
            files: self.files,
            codes: self.codes.finish(columns)?,
            numeric: self.numeric.finish(width)?,
            flags: self.flags,
            extra: self.extra.finish(self.extra_columns)?,
            groups: self.groups.finish(1)?,
            history,
            earliest: self.earliest,
            time_order: self.time_order,
            label_texts: self.label_texts,
            numbers: self.numbers,
        };
        gathered.log(config, tally)
    }
}
