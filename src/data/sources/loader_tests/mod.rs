//! Tests over all loaders: real sets, malformed rows, mutated files.

mod cells;
mod fuzz;
mod malformed;
mod real_sets;
mod stretches;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use crate::base::Streams;
use crate::data::log::growing::Room;
use crate::data::reading::columns::TableInput;
use crate::data::reading::file::Input;
use crate::data::{
    DataError, Log, OpenContext, amazon, avazu, criteo, interactions, libffm, libsvm, movielens,
    tabular,
};

/// Folder of the real sets, if they are on this machine.
fn real_data(test: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("STRAGGLER_DATA").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("{test}: passed without its data; set STRAGGLER_DATA to the folder that holds it");
    None
}

fn context(base_dir: &Path) -> OpenContext<'_> {
    OpenContext::new(base_dir, Streams::new(7))
}

/// The value of a fact; panics if there is none.
fn fact<'a>(log: &'a Log, name: &str) -> &'a str {
    let found = log.facts.iter().find(|fact| fact.0 == name);
    &found.unwrap_or_else(|| panic!("no fact {name:?} in {:#?}", log.facts)).1
}

/// A loader with its settings, reading from memory.
#[derive(Clone, Debug)]
enum Loader {
    Table(tabular::Config),
    Interactions(interactions::Config),
    Amazon(amazon::Config),
    Movielens(movielens::Config),
    Criteo(criteo::Config),
    Avazu(avazu::Config),
    Libffm(libffm::Config),
    Libsvm(libsvm::Config),
}

impl Loader {
    /// Loads `file`, and `items` as the file of items if the loader has one.
    fn load(&self, file: &[u8], items: Option<&[u8]>) -> Result<Log, DataError> {
        let input =
            |name: &str, bytes: &[u8]| Input::decode(name, Box::new(Cursor::new(bytes.to_vec())));
        let main = input("main", file);
        let items = items.map(|bytes| input("items", bytes)).transpose()?;
        let (context, room) = (context(Path::new("/")), Room::default());
        match self {
            Loader::Table(config) => {
                let format = config.tables.format()?;
                let wanted = tabular::wanted(config);
                let table =
                    main.and_then(|input| TableInput::text_or_json(input, &format, &wanted));
                tabular::load(config, std::iter::once(table), &room)
            }
            Loader::Interactions(config) => {
                let format = config.tables.format()?;
                let wanted = interactions::wanted(config);
                let table =
                    main.and_then(|input| TableInput::text_or_json(input, &format, &wanted));
                let items = items
                    .map(|input| TableInput::text(input, &config.tables.format_with_header()?));
                interactions::load(config, std::iter::once(table), items.transpose()?, &context)
            }
            Loader::Amazon(config) => amazon::load(config, std::iter::once(main), items, &context),
            Loader::Movielens(config) => movielens::load(config, main?, items, &context),
            Loader::Criteo(config) => criteo::load(config, std::iter::once(main), &room),
            Loader::Avazu(config) => avazu::load(config, std::iter::once(main), &room),
            Loader::Libffm(config) => libffm::load(config, std::iter::once(main), &room),
            Loader::Libsvm(config) => libsvm::load(config, std::iter::once(main), &room),
        }
    }
}
