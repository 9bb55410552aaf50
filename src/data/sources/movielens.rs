//! MovieLens ratings: `u.data` of the 100K set, `ratings.dat` of the 1M and 10M sets (`::` between the
//! cells), and the CSV form of all later ones.
//!
//! A rating with any number of stars is an implicit positive: the user saw the film.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::interactions::{self, CategoryTable};
use super::{OpenContext, SourceConfig};
use crate::data::error::DataError;
use crate::data::log::Log;
use crate::data::log::din_task::TaskConfig;
use crate::data::log::events::Events;
use crate::data::reading::bad_rows::{BadRowKind, BadRows, Fault, RowTally};
use crate::data::reading::cell::filled;
use crate::data::reading::columns::{TableFormat, TableInput};
use crate::data::reading::delimited::Dialect;
use crate::data::reading::file::{self, Input};
use crate::data::reading::records::{RowDecision, for_each_row};
use crate::data::{DataSource, UtcOffset};

/// Number of genre flags at the end of a row of `u.item`.
const GENRES: usize = 19;
/// Columns of `u.item`: number, title, two dates, address, genre flags.
const ITEM_COLUMNS: usize = 5 + GENRES;
/// Columns of ratings without a header.
const RATING_COLUMNS: [&str; 4] = ["userId", "movieId", "rating", "timestamp"];
/// Between the cells of `ratings.dat` and `movies.dat`.
const COLONS: &str = "::";
/// Files of ratings in the published archives.
const RATINGS: [&str; 3] = ["ratings.csv", "ratings.dat", "u.data"];
/// Files of films in the published archives.
const MOVIES: [&str; 3] = ["movies.csv", "movies.dat", "u.item"];

/// MovieLens ratings: does the user rate the film next?
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `u.data` (100K), `ratings.dat` (1M, 10M) or `ratings.csv`; or the published archive, in which
    /// this file is found.
    pub ratings: String,
    /// `u.item`, `movies.dat` or `movies.csv`, or the archive: the first genre is the category;
    /// without it all films share one.
    pub movies: Option<String>,
    /// How ratings become examples.
    pub task: TaskConfig,
    /// How far the clocks of the days are ahead of UTC, as `"+08:00"` or `"-05:30"`.
    #[serde(skip_serializing_if = "UtcOffset::is_utc")]
    #[schemars(extend("x-default" = Config::default().utc_offset))]
    pub utc_offset: UtcOffset,
    /// What to do about malformed rows.
    #[serde(flatten)]
    pub bad_rows: BadRows,
}

impl SourceConfig for Config {
    fn draws(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<&str> {
        std::iter::once(&self.ratings).chain(&self.movies).map(String::as_str).collect()
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
/// If a file cannot be read, a row is malformed, or no user has two ratings.
pub fn open(config: &Config, context: &OpenContext) -> Result<Log, DataError> {
    if config.ratings.is_empty() {
        let problem = "name the file or its archive, e.g. \"ml-latest-small.zip\"".to_string();
        return Err(DataError::Setting { key: "ratings", problem });
    }
    let open = |path: &str, names: &[&str]| file::open_one_of(context.place(), path, names);
    let ratings = open(&config.ratings, &RATINGS)?;
    let movies = config.movies.as_ref().map(|path| open(path, &MOVIES));
    load(config, ratings, movies.transpose()?, context)
}

/// Loads ratings and films from streams.
pub(crate) fn load(
    config: &Config,
    mut ratings: Input,
    movies: Option<Input>,
    context: &OpenContext,
) -> Result<Log, DataError> {
    let first = ratings.first_line()?;
    let format = if has_colons(&first) {
        TableFormat::with_long_delimiter(COLONS, &RATING_COLUMNS)
    } else if first.contains(&b'\t') {
        TableFormat::with(Dialect::plain(b'\t'), &RATING_COLUMNS)
    } else {
        TableFormat::with(Dialect::quoted(b','), &[])
    };
    let rows = interactions::Config {
        user: "userId".to_string(),
        item: "movieId".to_string(),
        time: "timestamp".to_string(),
        task: config.task.clone(),
        utc_offset: config.utc_offset,
        bad_rows: config.bad_rows,
        ..interactions::Config::default()
    };
    let table = TableInput::text(ratings, &format);
    interactions::load_with(&rows, std::iter::once(table), context, |events| {
        let tally = RowTally::new(config.bad_rows)?;
        movies.map_or(Ok(Vec::new()), |movies| read_movies(movies, events, tally))
    })
}

fn has_colons(line: &[u8]) -> bool {
    line.windows(COLONS.len()).any(|two| two == COLONS.as_bytes())
}

fn read_movies(
    mut movies: Input,
    events: &mut Events,
    mut tally: RowTally,
) -> Result<Vec<(String, String)>, DataError> {
    let first = movies.first_line()?;
    let colons = has_colons(&first);
    if colons || !first.contains(&b'|') || first.starts_with(b"movieId") {
        let settings = CategoryTable {
            item: "movieId".to_string(),
            category: "genres".to_string(),
            separator: Some('|'),
            ..CategoryTable::default()
        };
        let format = match colons {
            true => TableFormat::with_long_delimiter(COLONS, &["movieId", "title", "genres"]),
            false => TableFormat::with(Dialect::quoted(b','), &[]),
        };
        let mut table = TableInput::text(movies, &format)?;
        return interactions::read_categories(&settings, &mut table, events, tally);
    }
    // Titles are in Latin-1; they are not used.
    let dialect = Dialect { utf8: false, ..Dialect::plain(b'|') };
    let names: Vec<String> = (1..=ITEM_COLUMNS).map(|column| format!("column {column}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut table = TableInput::text(movies, &TableFormat::with(dialect, &names))?;
    for_each_row(&table.name, &mut *table.rows, &mut tally, |row| {
        let item = filled(row.cell(0), "the film's number")?;
        let genre = (0..GENRES).find(|genre| *row.cell(ITEM_COLUMNS - GENRES + genre) == *b"1");
        let genre =
            genre.ok_or_else(|| Fault::new(BadRowKind::EmptyField, "no genre flag is 1"))?;
        events.set_category(item, genre.to_string().as_str().into());
        Ok(RowDecision::Accepted)
    })?;
    Ok(tally.facts_of("item file"))
}
