//! General interactions: rows of user, item and time (and category), for the task of the Deep
//! Interest Network.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OpenContext, SourceConfig};
use crate::data::error::DataError;
use crate::data::log::Log;
use crate::data::log::din_task::{self, TaskConfig};
use crate::data::log::events::Events;
use crate::data::reading::bad_rows::{BadRows, Fault, RowTally};
use crate::data::reading::cell::{Condition, filled};
use crate::data::reading::columns::{
    FileFilter, Filter, TableFiles, TableInput, find, for_each_table,
};
use crate::data::reading::records::{Row, RowDecision, Stretch, Take, for_each_row, take_rows};
use crate::data::reading::refused::{FirstRefused, keeps_all};
use crate::data::reading::stamp::{Stamp, TimeFormat, TimeReader};
use crate::data::reading::text::Text;
use crate::data::reading::wanted::Wanted;
use crate::data::{DataSource, UtcOffset};

/// A file with the category of every item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CategoryTable {
    /// The file, with a header; same delimiter as the interactions.
    pub file: String,
    /// Column with the item.
    pub item: String,
    /// Column with the category.
    pub category: String,
    /// The category is the part before the first such character: `"|"` for `Comedy|Drama`.
    pub separator: Option<char>,
}

impl Default for CategoryTable {
    fn default() -> Self {
        CategoryTable {
            file: String::new(),
            item: "item".to_string(),
            category: "category".to_string(),
            separator: None,
        }
    }
}

/// Files of rows (user, item, time): does the user interact with the item next?
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The files and their format.
    #[serde(flatten)]
    pub tables: TableFiles,
    /// Column with the user.
    pub user: String,
    /// Column with the item.
    pub item: String,
    /// Column with the time.
    pub time: String,
    /// How the time is written.
    pub time_format: TimeFormat,
    /// How far the clocks of the days are ahead of UTC, as `"+08:00"` or `"-05:30"`: by them, times
    /// in UTC (Unix times, and texts with `Z`) are divided into days. Other texts are local times.
    #[serde(skip_serializing_if = "UtcOffset::is_utc")]
    #[schemars(extend("x-default" = Config::default().utc_offset))]
    pub utc_offset: UtcOffset,
    /// Column with the item's category; the first row of an item decides.
    pub category: Option<String>,
    /// A further file with the category of every item.
    pub categories: Option<CategoryTable>,
    /// Conditions such as `"Quantity > 0"`; rows that do not fulfil all are left out and counted.
    pub keep_when: Vec<String>,
    /// How events become examples.
    pub task: TaskConfig,
    /// What to do about malformed rows.
    #[serde(flatten)]
    pub bad_rows: BadRows,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            tables: TableFiles::default(),
            user: "user".to_string(),
            item: "item".to_string(),
            time: "time".to_string(),
            time_format: TimeFormat::default(),
            utc_offset: UtcOffset::default(),
            category: None,
            categories: None,
            keep_when: Vec::new(),
            task: TaskConfig::default(),
            bad_rows: BadRows::default(),
        }
    }
}

impl SourceConfig for Config {
    fn draws(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<&str> {
        let categories = self.categories.iter().map(|table| &table.file);
        self.tables.files.iter().chain(categories).map(String::as_str).collect()
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
/// If a file cannot be read, a row is malformed, or no user has two events.
pub fn open(config: &Config, context: &OpenContext) -> Result<Log, DataError> {
    let wanted = wanted(config);
    let tables = config.tables.open(config.tables.files.iter(), context.place(), &wanted)?;
    let categories = config.categories.as_ref().map(|table| {
        let format = config.tables.format_with_header()?;
        let wanted = Wanted { columns: vec![&table.item, &table.category], lists: Vec::new() };
        TableInput::open(context.place(), &table.file, &format, &wanted)
    });
    load(config, tables, categories.transpose()?, context)
}

/// Loads the rows of `tables`, and the categories of items.
pub(crate) fn load<'a>(
    config: &Config,
    tables: impl Iterator<Item = Result<TableInput<'a>, DataError>>,
    categories: Option<TableInput>,
    context: &OpenContext,
) -> Result<Log, DataError> {
    load_with(config, tables, context, |events| match (categories, &config.categories) {
        (Some(mut table), Some(settings)) => {
            let tally = RowTally::new(config.bad_rows)?;
            read_categories(settings, &mut table, events, tally)
        }
        _ => Ok(Vec::new()),
    })
}

/// Loads the rows of `tables`; then `categorise` sets the categories of items and returns facts.
pub(crate) fn load_with<'a>(
    config: &Config,
    tables: impl Iterator<Item = Result<TableInput<'a>, DataError>>,
    context: &OpenContext,
    categorise: impl FnOnce(&mut Events) -> Result<Vec<(String, String)>, DataError>,
) -> Result<Log, DataError> {
    config.task.check()?;
    let filter = Filter::parse(&config.keep_when, config.tables.trim)?;
    let mut tally = RowTally::new(config.bad_rows)?;
    let mut events = Events::new();
    let mut refused = FirstRefused::default();
    let path = for_each_table(tables, |table| {
        read_events(config, table, &filter, (&mut events, &mut refused), &mut tally)
    })?;
    refused.check_left(&path, &tally, &config.keep_when)?;
    let mut facts = tally.facts();
    facts.extend(categorise(&mut events)?);
    let mut remarks = events.remarks(&config.user, &config.item);
    remarks.extend(keeps_all(&tally, &config.keep_when));
    let log = din_task::build(events, &config.task, context.streams, &path, facts)?;
    Ok(Log { remarks, ..log }.with_instants(context.instants))
}

pub(crate) fn wanted(config: &Config) -> Wanted<'_> {
    let columns = [&config.user, &config.item, &config.time].into_iter().chain(&config.category);
    let conditions = config.keep_when.iter().map(|text| Condition::column(text));
    let columns = columns.map(String::as_str).chain(conditions).collect();
    Wanted { columns, lists: Vec::new() }
}

fn read_events(
    config: &Config,
    table: &mut TableInput,
    filter: &Filter,
    (events, refused): (&mut Events, &mut FirstRefused),
    tally: &mut RowTally,
) -> Result<(), DataError> {
    let columns = table.rows.columns();
    let one = |key: &str, name: &String| find(&table.name, columns, key, name);
    let (user, item) = (one("user", &config.user)?, one("item", &config.item)?);
    let time = one("time", &config.time)?;
    let category = config.category.as_ref().map(|name| one("category", name)).transpose()?;
    let filter = filter.on(&table.name, columns)?;
    let reader = TimeReader { format: config.time_format, offset: config.utc_offset };
    events.has_dates = config.time_format != TimeFormat::Day;
    let consumer = EventConsumer {
        filter,
        user,
        item,
        time,
        category,
        reader,
        stamps: Vec::new(),
        events,
        refused,
    };
    take_rows(&table.name, &mut *table.rows, tally, consumer)
}

/// Makes events from rows.
struct EventConsumer<'a> {
    filter: FileFilter<'a>,
    user: usize,
    item: usize,
    time: usize,
    category: Option<usize>,
    reader: TimeReader,
    /// Times of the current rows.
    stamps: Vec<Stamp>,
    events: &'a mut Events,
    refused: &'a mut FirstRefused,
}

impl EventConsumer<'_> {
    /// Reads the times of `rows` rows and checks that they have a user and an item.
    #[inline(always)]
    fn check<'t>(
        &mut self,
        rows: usize,
        cell: impl Fn(usize, usize) -> Text<'t>,
    ) -> Result<(), Fault> {
        self.stamps.clear();
        for row in 0..rows {
            self.stamps.push(self.reader.parse_chosen(cell(row, self.time))?);
        }
        for row in 0..rows {
            filled(cell(row, self.user), "the user")?;
            filled(cell(row, self.item), "the item")?;
        }
        Ok(())
    }
}

impl Take for EventConsumer<'_> {
    fn row(&mut self, row: &Row) -> Result<RowDecision, Fault> {
        if !self.filter.keeps(row)? {
            self.refused.note(&self.filter, row);
            if let Ok(stamp) = self.reader.parse(row.cell(self.time)) {
                self.events.leave_out(stamp);
            }
            return Ok(RowDecision::Filtered);
        }
        let cell = |_, column| row.cell(column);
        self.check(1, cell)?;
        let columns = (self.user, self.item);
        self.events.extend(&self.stamps, columns, cell);
        if let Some(category) = self.category {
            self.events.set_category(row.cell(self.item), row.cell(category));
        }
        Ok(RowDecision::Accepted)
    }

    fn stretch(&mut self, stretch: &Stretch) -> bool {
        let cell = |row, column| stretch.cell(row, column);
        let whole = self.filter.is_empty() && self.category.is_none();
        let sound = whole && self.check(stretch.len(), cell).is_ok();
        if sound {
            let columns = (self.user, self.item);
            self.events.extend(&self.stamps, columns, cell);
        }
        sound
    }
}

/// Reads the categories of items; returns facts about the file.
pub(crate) fn read_categories(
    settings: &CategoryTable,
    table: &mut TableInput,
    events: &mut Events,
    mut tally: RowTally,
) -> Result<Vec<(String, String)>, DataError> {
    let columns = table.rows.columns();
    let item = find(&table.name, columns, "categories.item", &settings.item)?;
    let category = find(&table.name, columns, "categories.category", &settings.category)?;
    for_each_row(&table.name, &mut *table.rows, &mut tally, |row| {
        let item = filled(row.cell(item), "the item")?;
        let text = std::str::from_utf8(row.cell(category).bytes()).unwrap_or("");
        let first =
            settings.separator.map_or(text, |separator| text.split(separator).next().unwrap_or(""));
        events.set_category(item, first.into());
        Ok(RowDecision::Accepted)
    })?;
    Ok(tally.facts_of("item file"))
}
