//! The general loader: any CSV, TSV or Parquet file; settings give the meaning of its columns.

mod builder;
mod config;
mod log_scale;
mod look;
mod values;

pub use config::{Config, HistoryConfig, HistoryOrder, Missing, PositiveWhen};

use std::sync::Arc;

use builder::TableBuilder;
use log_scale::LogScale;
use values::Values;

use super::{OpenContext, SourceConfig};
use crate::data::DataSource;
use crate::data::error::DataError;
use crate::data::log::{Log, offset};
use crate::data::reading::bad_rows::{BadRowKind, Fault, RowTally};
use crate::data::reading::cell::{Condition, LabelRule, filled, number};
use crate::data::reading::columns::{FileFilter, Filter, TableInput, find, for_each_table};
use crate::data::reading::records::{Row, RowDecision, Stretch, Take, take_rows};
use crate::data::reading::refused::FirstRefused;
use crate::data::reading::stamp::TimeReader;
use crate::data::reading::text::Text;

impl SourceConfig for Config {
    fn draws(&self) -> bool {
        false
    }

    fn open(&self, context: &OpenContext<'_>) -> Result<Arc<dyn DataSource>, DataError> {
        Ok(Arc::new(open(self, context)?))
    }
}

/// Loads the files named in `config`.
///
/// # Errors
/// If settings contradict each other, a file cannot be read, or a row is malformed.
pub fn open(config: &Config, context: &OpenContext) -> Result<Log, DataError> {
    let wanted = wanted(config);
    load(config, config.tables.open(context.base_dir, &wanted)?)
}

/// Loads the rows of `tables`.
pub(crate) fn load<'a>(
    config: &Config,
    tables: impl Iterator<Item = Result<TableInput<'a>, DataError>>,
) -> Result<Log, DataError> {
    check(config)?;
    let filter = Filter::parse(&config.keep_when)?;
    let rule = label_rule(config)?;
    let mut tally = RowTally::new(config.bad_rows)?;
    let mut builder = TableBuilder::new(config);
    let mut refused = FirstRefused::default();
    let path = for_each_table(tables, |table| {
        let plan = Plan::new(config, table, &filter, &rule)?;
        let consumer = TableConsumer::new(plan, &mut builder, &mut refused);
        take_rows(&table.name, &mut *table.rows, &mut tally, consumer)
    })?;
    refused.check_left(&path, &tally, &config.keep_when)?;
    offset(builder.rows(), "examples")?;
    offset(builder.events(), "history events")?;
    builder.finish(config, &path, &tally)
}

/// The columns that the mapping uses.
fn wanted(config: &Config) -> Vec<&str> {
    let single =
        [Some(&config.label), config.time.as_ref(), config.day.as_ref(), config.group.as_ref()];
    let history = config.history.as_ref().map(|history| &history.column);
    let columns = single.into_iter().flatten().chain(history);
    let columns = columns.chain(&config.categorical).chain(&config.numeric).map(String::as_str);
    let conditions = config.keep_when.iter().map(|text| Condition::column(text));
    columns.chain(conditions).collect()
}

fn check(config: &Config) -> Result<(), DataError> {
    let refuse = |key, problem: &str| Err(DataError::Setting { key, problem: problem.to_string() });
    if config.time.is_some() && config.day.is_some() {
        return refuse("day", "give either a time or a day, not both");
    }
    if !(1..=100_000).contains(&config.days) {
        return refuse("days", "must be from 1 to 100000");
    }
    if config.categorical.is_empty() && config.numeric.is_empty() {
        return refuse("categorical", "name at least one categorical or numeric column");
    }
    config.ids.check()?;
    if let Some(history) = &config.history {
        if !config.categorical.contains(&history.field) {
            return refuse("history.field", "must be one of the categorical columns");
        }
        if !history.separator.is_ascii() {
            return refuse("history.separator", "must be one ASCII character, e.g. \"|\"");
        }
        if history.max_len == 0 {
            return refuse("history.max_len", "must be at least 1");
        }
    }
    Ok(())
}

fn label_rule(config: &Config) -> Result<LabelRule, DataError> {
    Ok(match &config.positive_when {
        None => LabelRule::ZeroOrOne,
        Some(PositiveWhen::Condition(text)) => {
            LabelRule::Condition(Condition::parse("positive_when", text)?)
        }
        Some(PositiveWhen::OneOf(values)) => LabelRule::OneOf(values.clone()),
    })
}

/// The mapping with the columns of one file.
struct Plan<'a> {
    config: &'a Config,
    rule: &'a LabelRule,
    filter: FileFilter<'a>,
    label: usize,
    time: Option<(usize, TimeReader)>,
    group: Option<usize>,
    categorical: Vec<usize>,
    numeric: Vec<usize>,
    history: Option<usize>,
    log_scale: Option<LogScale>,
}

impl<'a> Plan<'a> {
    fn new(
        config: &'a Config,
        table: &TableInput,
        filter: &'a Filter,
        rule: &'a LabelRule,
    ) -> Result<Plan<'a>, DataError> {
        let columns = table.rows.columns();
        let one = |key: &str, name: &String| find(&table.name, columns, key, name);
        let many = |key: &str, names: &[String]| -> Result<Vec<usize>, DataError> {
            names.iter().map(|name| one(key, name)).collect()
        };
        let key = if config.time.is_some() { "time" } else { "day" };
        let time = match config.reader() {
            Some((name, reader)) => Some((one(key, name)?, reader)),
            None => None,
        };
        Ok(Plan {
            config,
            rule,
            filter: filter.on(&table.name, columns)?,
            label: one("label", &config.label)?,
            time,
            group: config.group.as_ref().map(|name| one("group", name)).transpose()?,
            categorical: many("categorical", &config.categorical)?,
            numeric: many("numeric", &config.numeric)?,
            history: config
                .history
                .as_ref()
                .map(|h| one("history.column", &h.column))
                .transpose()?,
            log_scale: config.log1p.then(LogScale::new),
        })
    }

    #[inline(always)]
    fn number(&self, cell: Text, index: usize) -> Result<f32, Fault> {
        let name = &self.config.numeric[index];
        if cell.is_empty() && self.config.missing != Missing::Refuse {
            return Ok(f32::NAN);
        }
        let value = number(cell, name)?;
        Ok(self.log_scale.as_ref().map_or(value, |scale| scale.of(value)) as f32)
    }
}

/// Adds rows to the log.
struct TableConsumer<'a> {
    plan: Plan<'a>,
    values: Values,
    builder: &'a mut TableBuilder,
    refused: &'a mut FirstRefused,
}

impl<'a> TableConsumer<'a> {
    fn new(
        plan: Plan<'a>,
        builder: &'a mut TableBuilder,
        refused: &'a mut FirstRefused,
    ) -> TableConsumer<'a> {
        TableConsumer { plan, values: Values::default(), builder, refused }
    }

    /// Reads the cells of `rows` rows except ids, column by column; `cell` takes row and column.
    #[inline(always)]
    fn check<'t>(
        &mut self,
        rows: usize,
        cell: impl Fn(usize, usize) -> Text<'t>,
    ) -> Result<(), Fault> {
        let TableConsumer { plan, values, builder, .. } = self;
        values.labels.clear();
        for row in 0..rows {
            values.labels.push(u8::from(plan.rule.positive(cell(row, plan.label))?));
        }
        if *plan.rule != LabelRule::ZeroOrOne {
            (0..rows).for_each(|row| builder.label_texts.note(cell(row, plan.label)));
        }
        values.stamps.clear();
        if let Some((column, reader)) = plan.time {
            for row in 0..rows {
                values.stamps.push(values.time.parse(reader, cell(row, column))?);
            }
        }
        let width = builder.numeric_width();
        values.numeric.clear();
        values.numeric.resize(rows * width, 0.0);
        for (index, column) in plan.numeric.iter().enumerate() {
            for row in 0..rows {
                values.numeric[row * width + index] = plan.number(cell(row, *column), index)?;
            }
        }
        if let Some(group) = plan.group {
            for row in 0..rows {
                filled(cell(row, group), "the group")?;
            }
        }
        Ok(())
    }
}

impl Take for TableConsumer<'_> {
    fn row(&mut self, row: &Row) -> Result<RowDecision, Fault> {
        if !self.plan.filter.keeps(row)? {
            self.refused.note(&self.plan.filter, row);
            if let Some((column, reader)) = self.plan.time
                && let Ok(stamp) = reader.parse(row.cell(column))
            {
                self.builder.leave_out(stamp);
            }
            return Ok(RowDecision::Filtered);
        }
        let cell = |_, column| row.cell(column);
        self.check(1, cell)?;
        let history = self.plan.history.map(|column| row.cell(column));
        if let (Some(cell), Some(settings)) = (history, &self.plan.config.history) {
            let mut ids = cell.split(|byte| *byte == settings.separator as u8);
            if !cell.is_empty() && ids.any(<[u8]>::is_empty) {
                return Err(Fault::cell(
                    BadRowKind::EmptyField,
                    "an id of the history is empty",
                    &cell,
                ));
            }
        }
        let TableConsumer { plan, values, builder, .. } = self;
        builder.extend(values, &plan.categorical, plan.group, cell);
        history.into_iter().for_each(|cell| builder.push_history(cell));
        Ok(RowDecision::Accepted)
    }

    fn stretch(&mut self, stretch: &Stretch) -> bool {
        let cell = |row, column| stretch.cell(row, column);
        let whole = self.plan.filter.is_empty() && self.plan.history.is_none();
        let sound = whole && self.check(stretch.len(), cell).is_ok();
        if sound {
            let TableConsumer { plan, values, builder, .. } = self;
            builder.extend(values, &plan.categorical, plan.group, cell);
        }
        sound
    }
}
