//! The general loader: any CSV, TSV or Parquet file; settings give the meaning of its columns.

mod builder;
mod config;
mod gathered;
mod history;
mod history_look;
mod impressions;
mod log_scale;
mod look;
mod time_order;
mod values;

pub use config::{Config, HistoryConfig, HistoryOrder, ImpressionsConfig, Missing, PositiveWhen};

use std::iter;
use std::sync::Arc;

use builder::TableBuilder;
use history::HistoryRow;
use impressions::Candidates;
use log_scale::LogScale;
use values::Values;

use super::{OpenContext, SourceConfig};
use crate::data::DataSource;
use crate::data::error::DataError;
use crate::data::log::growing::Room;
use crate::data::log::{Log, offset};
use crate::data::reading::bad_rows::{Fault, RowTally};
use crate::data::reading::cell::{Condition, LabelRule, filled, number};
use crate::data::reading::columns::{FileFilter, Filter, TableInput, find, for_each_table};
use crate::data::reading::records::{Row, RowDecision, Stretch, Take, take_rows};
use crate::data::reading::refused::FirstRefused;
use crate::data::reading::stamp::TimeReader;
use crate::data::reading::text::Text;
use crate::data::reading::wanted::Wanted;

impl SourceConfig for Config {
    fn draws(&self) -> bool {
        false
    }

    fn files(&self) -> Vec<&str> {
        self.held_out.behind(&self.tables.files).map(String::as_str).collect()
    }

    fn is_kept(&self) -> bool {
        true
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
    let files = config.held_out.behind(&config.tables.files);
    let log = load(config, config.tables.open(files, context.place(), &wanted)?, context.room())?;
    Ok(log.with_instants(context.instants))
}

/// Loads the rows of `tables`.
pub(crate) fn load<'a>(
    config: &Config,
    tables: impl Iterator<Item = Result<TableInput<'a>, DataError>>,
    room: &Room,
) -> Result<Log, DataError> {
    check(config)?;
    let filter = Filter::parse(&config.keep_when, config.tables.trim)?;
    let rule = label_rule(config)?;
    let mut tally = RowTally::new(config.bad_rows)?;
    let mut builder = TableBuilder::new(config, room);
    let mut refused = FirstRefused::default();
    let path = for_each_table(tables, |table| {
        builder.begin_file(&table.name);
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
pub(crate) fn wanted(config: &Config) -> Wanted<'_> {
    let label = config.impressions.is_none().then_some(&config.label);
    let single = [label, config.time.as_ref(), config.day.as_ref(), config.group.as_ref()];
    let single = single.into_iter().flatten().chain(&config.categorical);
    let single = single.chain(&config.numeric).chain(&config.extra);
    let histories = config.history.iter().map(|history| &history.column);
    let candidates = config.impressions.iter();
    let candidates = candidates.flat_map(|one| iter::once(&one.column).chain(&one.clicked));
    let lists: Vec<&str> = histories.chain(candidates).map(String::as_str).collect();
    let conditions = config.keep_when.iter().map(|text| Condition::column(text));
    let columns = single.map(String::as_str).chain(conditions).chain(lists.iter().copied());
    Wanted { columns: columns.collect(), lists }
}

fn check(config: &Config) -> Result<(), DataError> {
    let refuse = |key, problem: &str| Err(DataError::Setting { key, problem: problem.to_string() });
    if config.time.is_some() && config.day.is_some() {
        return refuse("day", "give either a time or a day, not both");
    }
    if !(1..=100_000).contains(&config.days) {
        return refuse("days", "must be from 1 to 100000");
    }
    let names = config.field_names();
    if names.is_empty() && config.numeric.is_empty() {
        return refuse("categorical", "name at least one categorical or numeric column");
    }
    config.ids.check()?;
    config.held_out.check()?;
    for history in &config.history {
        if !names.contains(&history.field) {
            return refuse("history.field", "must be one of the categorical columns");
        }
        if !history.separator.is_ascii() {
            return refuse("history.separator", "must be one ASCII character, e.g. \"|\"");
        }
        if history.max_len == 0 {
            return refuse("history.max_len", "must be at least 1");
        }
        if history.order != config.history[0].order {
            return refuse("history.order", "must be the same for all histories");
        }
        if config.history.iter().filter(|other| other.field == history.field).count() > 1 {
            return refuse("history.field", "must be another categorical column for each history");
        }
    }
    if let Some(impressions) = &config.impressions {
        if config.categorical.contains(&impressions.field) {
            return refuse("impressions.field", "is the name of a categorical column already");
        }
        if !impressions.separator.is_ascii() || !impressions.mark.is_ascii() {
            return refuse(
                "impressions.separator",
                "and the mark must be one ASCII character each",
            );
        }
    }
    Ok(())
}

fn label_rule(config: &Config) -> Result<LabelRule, DataError> {
    // Cells have no blanks at their ends then, so a value that has some would never be found.
    let trim = config.tables.trim;
    Ok(match &config.positive_when {
        None => LabelRule::ZeroOrOne,
        Some(PositiveWhen::Condition(text)) => {
            let condition = Condition::parse("positive_when", text)?;
            LabelRule::Condition(if trim { condition.trimmed() } else { condition })
        }
        Some(PositiveWhen::OneOf(values)) => {
            let value = |value: &String| match trim {
                true => value.trim_matches([' ', '\t']).to_string(),
                false => value.clone(),
            };
            LabelRule::OneOf(values.iter().map(value).collect())
        }
    })
}

/// The mapping with the columns of one file.
struct Plan<'a> {
    config: &'a Config,
    rule: &'a LabelRule,
    filter: FileFilter<'a>,
    /// Not used where a row has several candidates.
    label: usize,
    time: Option<(usize, TimeReader)>,
    group: Option<usize>,
    categorical: Vec<usize>,
    numeric: Vec<usize>,
    extra: Vec<usize>,
    history: Vec<usize>,
    impressions: Option<ImpressionsPlan<'a>>,
    log_scale: Option<LogScale>,
}

/// Where the candidates of a row are.
struct ImpressionsPlan<'a> {
    settings: &'a ImpressionsConfig,
    column: usize,
    clicked: Option<usize>,
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
        let plan = |settings: &'a ImpressionsConfig| -> Result<ImpressionsPlan<'a>, DataError> {
            let clicked = settings.clicked.as_ref();
            let clicked = clicked.map(|name| one("impressions.clicked", name)).transpose()?;
            let column = one("impressions.column", &settings.column)?;
            Ok(ImpressionsPlan { settings, column, clicked })
        };
        let impressions = config.impressions.as_ref().map(plan).transpose()?;
        Ok(Plan {
            config,
            rule,
            filter: filter.on(&table.name, columns)?,
            label: match impressions {
                Some(_) => 0,
                None => one("label", &config.label)?,
            },
            time,
            group: config.group.as_ref().map(|name| one("group", name)).transpose()?,
            categorical: many("categorical", &config.categorical)?,
            numeric: many("numeric", &config.numeric)?,
            extra: many("extra", &config.extra)?,
            history: config
                .history
                .iter()
                .map(|history| one("history.column", &history.column))
                .collect::<Result<_, _>>()?,
            impressions,
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
struct TableConsumer<'a, 'r> {
    plan: Plan<'a>,
    values: Values,
    history: HistoryRow,
    candidates: Candidates,
    builder: &'a mut TableBuilder<'r>,
    refused: &'a mut FirstRefused,
}

/// Stands for the column of the candidates' ids, which is none of the file.
const CANDIDATE: usize = usize::MAX;

impl<'a, 'r> TableConsumer<'a, 'r> {
    fn new(
        mut plan: Plan<'a>,
        builder: &'a mut TableBuilder<'r>,
        refused: &'a mut FirstRefused,
    ) -> TableConsumer<'a, 'r> {
        if plan.impressions.is_some() {
            plan.categorical.push(CANDIDATE);
        }
        TableConsumer {
            plan,
            values: Values::default(),
            history: HistoryRow::default(),
            candidates: Candidates::default(),
            builder,
            refused,
        }
    }

    /// Adds one example for each candidate of the row, whose other cells are checked.
    fn push_candidates(&mut self, row: &Row, impressions: usize) {
        let TableConsumer { plan, values, builder, history, candidates, .. } = self;
        for (at, (id, positive)) in candidates.iter(row.cell(impressions)).enumerate() {
            values.labels[0] = u8::from(positive);
            let cell = |_, column| if column == CANDIDATE { id } else { row.cell(column) };
            builder.extend(values, &plan.categorical, plan.group, cell);
            match at {
                0 => builder.push_history(history, |at| row.cell(plan.history[at])),
                _ => builder.repeat_history(),
            }
        }
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
        match plan.impressions {
            // Each candidate has its own.
            Some(_) => values.labels.resize(rows, 0),
            None => {
                for row in 0..rows {
                    values.labels.push(u8::from(plan.rule.positive(cell(row, plan.label))?));
                }
            }
        }
        if *plan.rule != LabelRule::ZeroOrOne && plan.impressions.is_none() {
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
        values.extra.clear();
        for row in 0..rows {
            for (name, column) in plan.config.extra.iter().zip(&plan.extra) {
                let cell = cell(row, *column);
                values.extra.push(if cell.is_empty() { f64::NAN } else { number(cell, name)? });
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

impl Take for TableConsumer<'_, '_> {
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
        let TableConsumer { plan, history, candidates, .. } = self;
        let (config, columns) = (plan.config, &plan.history);
        history.read(&config.history, config.tables.trim, |at| row.cell(columns[at]))?;
        if let Some(ImpressionsPlan { settings, column, clicked }) = &plan.impressions {
            let clicked = clicked.map(|clicked| row.cell(clicked));
            candidates.read(settings, plan.rule, row.cell(*column), clicked)?;
            let column = *column;
            self.builder.note_times(&self.values.stamps, row.line);
            self.push_candidates(row, column);
            return Ok(RowDecision::Accepted);
        }
        let TableConsumer { plan, values, builder, history, .. } = self;
        builder.note_times(&values.stamps, row.line);
        builder.extend(values, &plan.categorical, plan.group, cell);
        builder.push_history(history, |at| row.cell(plan.history[at]));
        Ok(RowDecision::Accepted)
    }

    fn stretch(&mut self, stretch: &Stretch) -> bool {
        let cell = |row, column| stretch.cell(row, column);
        let Plan { filter, history, impressions, .. } = &self.plan;
        let whole = filter.is_empty() && history.is_empty() && impressions.is_none();
        let sound = whole && self.check(stretch.len(), cell).is_ok();
        if sound {
            let TableConsumer { plan, values, builder, .. } = self;
            builder.note_times(&values.stamps, stretch.line);
            builder.extend(values, &plan.categorical, plan.group, cell);
        }
        sound
    }
}
