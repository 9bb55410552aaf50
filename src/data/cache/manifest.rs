//! What is written beside the columns of a log: where it comes from, and what its columns mean.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::LogRequest;
use super::stamp::{FileStamp, SourceFile};
use crate::data::log::{Groups, Log};
use crate::data::{Calendar, DataSource, Day, Ids, Remark, Schema};

/// Raised whenever the files of an entry change their meaning.
pub(super) const FORMAT: u32 = 1;

/// A hash of the code that makes logs of files.
pub(super) const LOADERS: &str = env!("STRAGGLER_LOADERS");

/// Name of its file.
pub(super) const MANIFEST: &str = "log.json";

/// A file with one column.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct ColumnFile {
    pub(super) name: String,
    /// CRC-32 of its numbers.
    pub(super) checksum: u32,
    pub(super) stamp: FileStamp,
}

/// As [`Groups`], without its column.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum GroupsFrom {
    One,
    Field(usize),
    Column,
}

/// All that is known of a log besides its columns.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) loaders: String,
    pub(super) source: String,
    settings: String,
    seed: Option<u64>,
    /// Whether instants were asked for; if there are any, when day 1 starts.
    instants: bool,
    pub(super) day_one: Option<i64>,
    pub(super) files: Vec<SourceFile>,
    pub(super) columns: Vec<ColumnFile>,
    /// Whether all columns are safely on the disk, and else in which boot of the system they were
    /// written: until it ends, what was written is what is read.
    pub(super) synced: bool,
    boot: Option<String>,
    pub(super) examples: u64,
    pub(super) schema: Schema,
    /// Names of the columns that no model sees.
    #[serde(default)]
    pub(super) extra: Vec<String>,
    pub(super) days: Vec<Day>,
    pub(super) calendar: Calendar,
    pub(super) groups: GroupsFrom,
    /// For each space, the ids and the bytes of their texts.
    pub(super) ids: Vec<Option<(u64, u64)>>,
    pub(super) facts: Vec<(String, String)>,
    pub(super) remarks: Vec<Remark>,
}

/// The first keys, which every format has.
#[derive(Deserialize)]
struct Head {
    format: u32,
    loaders: String,
}

/// Why there is no manifest that can be used.
#[derive(Debug)]
pub(super) enum NoManifest {
    /// There is none.
    Absent,
    /// It is of another version of the program.
    Version,
    /// It cannot be read.
    Damaged(String),
}

impl Manifest {
    /// That of a log.
    pub(super) fn new(
        request: &LogRequest,
        log: &Log,
        files: Vec<SourceFile>,
        columns: Vec<ColumnFile>,
    ) -> Manifest {
        let sizes = |ids: &Ids| (ids.len() as u64, ids.texts().0.len() as u64);
        Manifest {
            format: FORMAT,
            loaders: LOADERS.to_string(),
            source: request.source.clone(),
            settings: request.settings.clone(),
            seed: request.seed,
            instants: request.instants,
            day_one: log.instants().map(|instants| instants.day_one),
            files,
            columns,
            synced: false,
            boot: boot(),
            examples: log.len() as u64,
            schema: log.schema.clone(),
            extra: log.extra.names.clone(),
            days: log.days.clone(),
            calendar: log.calendar,
            groups: match log.groups {
                Groups::One => GroupsFrom::One,
                Groups::Field(field) => GroupsFrom::Field(field),
                Groups::Column(_) => GroupsFrom::Column,
            },
            ids: log.ids.iter().map(|ids| ids.as_ref().map(sizes)).collect(),
            facts: log.facts.clone(),
            remarks: log.remarks.clone(),
        }
    }

    /// Whether it is that of the log that is asked for.
    pub(super) fn is_of(&self, request: &LogRequest) -> bool {
        (&self.source, &self.settings, self.seed, self.instants)
            == (&request.source, &request.settings, request.seed, request.instants)
            && self.files.len() == request.files.len()
    }

    /// Whether what was written is known to be there, as long as the files have the same stamps.
    pub(super) fn is_settled(&self) -> bool {
        self.synced || (self.boot.is_some() && self.boot == boot())
    }

    /// Reads the manifest of an entry.
    pub(super) fn read(folder: &Path) -> Result<Manifest, NoManifest> {
        let damaged =
            |why: &dyn ToString| NoManifest::Damaged(format!("{MANIFEST}: {}", why.to_string()));
        let text = match fs::read_to_string(folder.join(MANIFEST)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(NoManifest::Absent);
            }
            Err(error) => return Err(damaged(&error)),
        };
        let parts = text.split_once('\n');
        let sound = parts.filter(|(checksum, text)| *checksum == checksum_of(text));
        let (_, text) = sound.ok_or_else(|| damaged(&"its checksum is wrong"))?;
        let head: Head = serde_json::from_str(text).map_err(|error| damaged(&error))?;
        if (head.format, head.loaders.as_str()) != (FORMAT, LOADERS) {
            return Err(NoManifest::Version);
        }
        serde_json::from_str(text).map_err(|error| damaged(&error))
    }

    /// Writes it into the folder of an entry, in place of the one that may be there.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_string(self)?;
        let new = folder.join(format!("{MANIFEST}.{}", std::process::id()));
        let mut file = File::create(&new)?;
        writeln!(file, "{}", checksum_of(&text))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&new, folder.join(MANIFEST))
    }
}

fn checksum_of(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

/// What tells this boot of the system from others, if it says so.
fn boot() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_string())
}
