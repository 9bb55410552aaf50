//! Everything that can fail between a path in a scenario and a log in memory.

use super::bad_row::{BadRow, BadRowKind};

/// Why a log could not be loaded: the problem, its place, and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file does not exist.
    #[error(
        "no file at {path}{}: paths are taken from the scenario file's folder; correct the path, or put the data \
         there (scenarios/data/README.md says where public logs can be had)", more(.others)
    )]
    Missing {
        /// The absolute path.
        path: String,
        /// Those of the source's other files that do not exist either.
        others: Vec<String>,
    },
    /// The file exists and cannot be opened.
    #[error("{path} cannot be opened: {source}")]
    Open {
        /// The absolute path.
        path: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Reading failed before the end: a truncated archive, a wrong checksum, a failing disk.
    #[error(
        "{path}: reading failed after line {line}: {source}; the file is probably cut short or damaged, fetch it again"
    )]
    Read {
        /// The file.
        path: String,
        /// The last line that was read completely.
        line: u64,
        /// The decoder's or the operating system's reason.
        source: std::io::Error,
    },
    /// A part of the log that was on its way into the cache of logs, and is lost.
    #[error(
        "{path}: a part of the log that was written there cannot be read again: {source}; `STRAGGLER_CACHE=off` does without it"
    )]
    Cache {
        /// The file or its folder.
        path: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A zip archive that cannot be used.
    #[error("{path} is not a usable zip archive: {problem}")]
    Archive {
        /// The archive.
        path: String,
        /// The problem and its remedy.
        problem: String,
    },
    /// The archive does not have this member.
    #[error(
        "{path} has no member {member:?}; write `{path}!member` with one of: {}",
        some(.members)
    )]
    Member {
        /// The archive.
        path: String,
        /// The requested member; empty if none was named.
        member: String,
        /// The existing members.
        members: Vec<String>,
    },
    /// A row that cannot be used, with `on_bad_row = "stop"`.
    #[error("{path}, line {}: {bad}; correct the row, or count and skip such rows with on_bad_row = \"skip\" and max_bad_rows", .bad.line)]
    BadRow {
        /// The file.
        path: String,
        /// Line, kind and detail.
        bad: BadRow,
    },
    /// More bad rows than allowed, with `on_bad_row = "skip"`.
    #[error("{path}, line {}: {bad}; this is one more than max_bad_rows = {limit} ({counts}): is the format right? Otherwise raise the limit", .bad.line)]
    TooManyBadRows {
        /// The file with the row that exceeds the limit.
        path: String,
        /// The row that exceeds the limit.
        bad: BadRow,
        /// The limit.
        limit: u64,
        /// Number of rows skipped so far, by kind.
        counts: String,
    },
    /// A column of the mapping is not in the file, or is in it twice.
    #[error("{path}, line 1: {problem}{} its columns are: {}", if .problem.ends_with('?') { "" } else { ";" }, some(.columns))]
    Column {
        /// The file.
        path: String,
        /// The column, and its problem.
        problem: String,
        /// The existing columns.
        columns: Vec<String>,
    },
    /// A format that is recognised and not read.
    #[error("{path} is {format}, which is not read; {way}")]
    Format {
        /// The file.
        path: String,
        /// The format's name.
        format: &'static str,
        /// What to do.
        way: &'static str,
    },
    /// An invalid setting, alone or together with another.
    #[error("{key}: {problem}")]
    Setting {
        /// The key in the source's settings.
        key: &'static str,
        /// The problem, and what to write instead.
        problem: String,
    },
    /// The files were read and contain no example.
    #[error("{path}: no examples: {why}")]
    Empty {
        /// The file, or the first of several.
        path: String,
        /// The reason.
        why: String,
    },
    /// The log does not fit the 32-bit offsets of the in-memory form.
    #[error(
        "the log has more than {limit} {what}, which is more than fits in memory: load fewer files"
    )]
    TooLarge {
        /// What the log has too many of.
        what: &'static str,
        /// The largest possible number.
        limit: u64,
    },
    /// Settings that a source refuses with an error of its own.
    #[error(transparent)]
    Refused(Box<dyn std::error::Error + Send + Sync>),
    /// The file needs a feature that this build does not have.
    #[error(
        "{path}: reading {format} files needs the cargo feature `{feature}`: build with `--features {feature}`, or convert the file to CSV"
    )]
    Feature {
        /// The file.
        path: String,
        /// The format's name.
        format: &'static str,
        /// The cargo feature.
        feature: &'static str,
    },
}

/// The first names, each cut to a readable length, and how many there are more.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 30;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| shortened(name)).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    shown.join(", ")
}

fn more(paths: &[String]) -> String {
    paths.iter().map(|path| format!(", nor at {path}")).collect()
}

fn shortened(name: &str) -> String {
    const LONGEST: usize = 80;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_string(),
    }
}

impl DataError {
    /// The file that the error is about, if it is about one.
    pub fn path(&self) -> Option<&str> {
        match self {
            DataError::Missing { path, .. }
            | DataError::Open { path, .. }
            | DataError::Read { path, .. }
            | DataError::Cache { path, .. }
            | DataError::Archive { path, .. }
            | DataError::Member { path, .. }
            | DataError::BadRow { path, .. }
            | DataError::TooManyBadRows { path, .. }
            | DataError::Column { path, .. }
            | DataError::Format { path, .. }
            | DataError::Empty { path, .. }
            | DataError::Feature { path, .. } => Some(path),
            DataError::Setting { .. } | DataError::TooLarge { .. } | DataError::Refused(_) => None,
        }
    }

    /// The 1-based physical line that the error is about, if any.
    pub fn line(&self) -> Option<u64> {
        match self {
            DataError::BadRow { bad, .. } | DataError::TooManyBadRows { bad, .. } => Some(bad.line),
            DataError::Column { .. } => Some(1),
            DataError::Read { line, .. } => Some(*line),
            _ => None,
        }
    }

    /// The kind of the bad row that the error is about, if any.
    pub fn kind(&self) -> Option<BadRowKind> {
        match self {
            DataError::BadRow { bad, .. } | DataError::TooManyBadRows { bad, .. } => Some(bad.kind),
            _ => None,
        }
    }
}
