//! What identifies a run: its log, its window, the bytes of its files.

use std::path::Path;

use super::checkpoint::keeper;
use crate::data::Ids;
use crate::results::folder::{RESOLVED, hex_digest};
use crate::scenario::Scenario;
use crate::scenario::build::Prepared;
use crate::scenario::seeds::SeededPart;

/// A text that identifies the numbers of days, examples and ids of a log: files may have changed
/// since a snapshot was written.
pub(super) fn log_digest(prepared: &Prepared) -> String {
    let source = &prepared.source;
    let mut text = format!("{:?} {:?}", source.days(), source.held_out());
    for space in 0..source.schema().spaces.len() {
        let keys = source.ids(space).map_or(&[][..], Ids::keys);
        text.push_str(&hex_digest(
            &keys.iter().flat_map(|key| key.to_le_bytes()).collect::<Vec<u8>>(),
        ));
    }
    hex_digest(text.as_bytes())
}

/// A text that identifies the days and the data that a scenario is trained on. Two jobs with the
/// same text are fed the same examples.
pub(super) fn window(scenario: &Scenario, prepared: Option<&Prepared>) -> String {
    let days = prepared.map(|prepared| &prepared.train);
    let data = serde_json::to_string(&scenario.data).expect("a scenario is plain data");
    hex_digest(
        format!("{data} {days:?} {}", scenario.scenario.seed_of(SeededPart::Data)).as_bytes(),
    )
}

/// SHA-256 of the reproducible files of a folder, by name.
pub(super) fn digests(folder: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut digests = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".csv") || name == RESOLVED {
            let digest = hex_digest(&std::fs::read(folder.join(&name))?);
            digests.push((name, digest));
        }
    }
    for entry in std::fs::read_dir(folder.join(keeper::FOLDER)).into_iter().flatten() {
        let name = format!("{}/{}", keeper::FOLDER, entry?.file_name().to_string_lossy());
        if name.ends_with(".safetensors") {
            let digest = hex_digest(&std::fs::read(folder.join(&name))?);
            digests.push((name, digest));
        }
    }
    digests.sort();
    Ok(digests)
}
