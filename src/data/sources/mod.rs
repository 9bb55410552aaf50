//! The registry of data sources: the values of `kind = "..."`, and how each source is opened.

pub mod amazon;
pub mod avazu;
pub mod criteo;
pub mod interactions;
pub mod libffm;
pub mod libsvm;
pub mod movielens;
pub mod synthetic;
pub mod tabular;

#[cfg(test)]
mod loader_tests;
#[cfg(test)]
mod new_part;

use std::path::Path;
use std::sync::Arc;

use super::cache::{self, LogRequest};
use super::{DataError, DataSource};
use crate::base::Streams;
use crate::data::log::growing::{IN_MEMORY, Loading, Room};
use crate::data::reading::file::{all_exist, on_disk};
use crate::data::reading::watch::Place;

/// What a source needs besides its settings.
#[derive(Clone, Copy, Debug)]
pub struct OpenContext<'a> {
    /// The scenario file's folder; paths in settings are relative to it.
    pub base_dir: &'a Path,
    /// The trial's random streams, for sampled negatives.
    pub streams: Streams,
    /// Who looks on while files are read, and where columns go: into memory if nobody says.
    pub loading: Option<&'a Loading>,
    /// Whether the log keeps when its examples happened, which costs 8 bytes for each.
    pub instants: bool,
}

impl<'a> OpenContext<'a> {
    /// Nobody looks on, and columns are in memory.
    pub fn new(base_dir: &'a Path, streams: Streams) -> OpenContext<'a> {
        OpenContext { base_dir, streams, loading: None, instants: false }
    }

    /// The log keeps when its examples happened, if it knows it.
    pub fn with_instants(self, instants: bool) -> OpenContext<'a> {
        OpenContext { instants, ..self }
    }

    /// Where files are looked for.
    pub(crate) fn place(&self) -> Place<'a> {
        Place { base_dir: self.base_dir, watch: self.loading.map(|loading| &loading.watch) }
    }

    /// Where columns are made.
    pub(crate) fn room(&self) -> &'a Room {
        self.loading.map_or(&IN_MEMORY, |loading| &loading.room)
    }
}

/// The configuration of a source.
pub trait SourceConfig {
    /// Whether the log depends on the trial's seed: it is generated, or its negatives are drawn.
    fn draws(&self) -> bool;

    /// Its files, as the scenario names them.
    fn files(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Opens the source.
    ///
    /// # Errors
    /// If the log cannot be loaded; the message names the place and says what to do.
    fn open(&self, context: &OpenContext<'_>) -> Result<Arc<dyn DataSource>, DataError>;

    /// Whether its log is made of its files, its settings and the seed alone, by code of this crate:
    /// then it may be [kept](super::cache) on disk, and the same files are not read again.
    fn is_kept(&self) -> bool {
        false
    }
}

impl SourceChoice {
    /// Opens the log after a look whether all of its files exist: from the [cache](super::cache), if
    /// it is there and its files have not changed.
    ///
    /// # Errors
    /// As [`SourceConfig::open`]; if files are missing, the message names all of them.
    pub fn open_log(&self, context: &OpenContext<'_>) -> Result<Arc<dyn DataSource>, DataError> {
        let files = self.files();
        all_exist(context.base_dir, &files)?;
        if !self.is_kept() {
            return self.open(context);
        }
        let request = LogRequest {
            source: self.name().to_string(),
            settings: serde_json::to_string(self).expect("settings are valid JSON"),
            instants: context.instants,
            seed: self.draws().then(|| context.streams.seed()),
            files: files.iter().map(|path| on_disk(context.base_dir, path)).collect(),
        };
        cache::open(&request, |loading| {
            self.open(&OpenContext { loading: Some(loading), ..*context })
        })
    }
}

crate::registry! {
    /// Where the examples come from.
    pub enum SourceChoice: SourceConfig {
        /// A generated e-commerce search log with a known ground truth; needs no file.
        "synthetic" => Synthetic(synthetic::Config),
        /// Amazon reviews (JSON lines of 2014, 2018 and 2023): the next reviewed item, given the history.
        "amazon" => Amazon(amazon::Config),
        /// MovieLens (`u.data`, `ratings.dat` or `ratings.csv`): the next rated film, given the history.
        "movielens" => Movielens(movielens::Config),
        /// The Criteo display advertising log: 13 integers, 26 hashed categories, real clicks.
        "criteo" => Criteo(criteo::Config),
        /// The Avazu mobile advertising log: 21 categories and the hour, real clicks.
        "avazu" => Avazu(avazu::Config),
        /// libffm files (`label field:index:value`): one id or one number per field.
        "libffm" => Libffm(libffm::Config),
        /// libsvm and SVMlight files (`label index:value`): numeric features.
        "libsvm" => Libsvm(libsvm::Config),
        /// Any CSV, TSV, JSON lines or Parquet file with a column mapping, one example per row.
        "table" => Table(tabular::Config),
        /// Any CSV, TSV, JSON lines or Parquet file of (user, item, time): the next item.
        "interactions" => Interactions(interactions::Config),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_chosen_by_its_name_and_refuses_unknown_keys() {
        for part in SourceChoice::PARTS {
            let text = format!("kind = \"{}\"\n", part.name);
            let choice: SourceChoice = toml::from_str(&text).unwrap();
            assert_eq!(choice.name(), part.name);
            assert!(toml::from_str::<SourceChoice>(&format!("{text}colour = 1\n")).is_err());
            let written = toml::to_string(&choice).unwrap();
            assert_eq!(toml::from_str::<SourceChoice>(&written).unwrap(), choice, "{written}");
        }
    }

    #[test]
    fn without_files_every_source_says_what_to_name() {
        let context = OpenContext::new(Path::new("/"), Streams::new(1));
        for part in SourceChoice::PARTS.iter().filter(|part| part.name != "synthetic") {
            let choice: SourceChoice =
                toml::from_str(&format!("kind = \"{}\"", part.name)).unwrap();
            let error = choice.open(&context).unwrap_err();
            assert!(matches!(error, DataError::Setting { .. }), "{}: {error}", part.name);
        }
    }

    #[test]
    fn a_mapping_is_read_as_a_user_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.tsv"), "stars\tday\tfilm\n5\t1\ta\n2\t1\tb\n")
            .unwrap();
        let choice: SourceChoice = toml::from_str(
            r#"
            kind = "table"
            files = ["log.tsv"]
            delimiter = "\t"
            label = "stars"
            positive_when = ">= 4"
            day = "day"
            categorical = ["film"]
            "#,
        )
        .unwrap();
        let context = OpenContext::new(folder.path(), Streams::new(1));
        let source = choice.open(&context).unwrap();
        assert_eq!(source.days()[0].examples, 2);
        assert_eq!(source.schema().spaces[0].rows, 2);
    }
}
