//! The folder of the cache as a whole: what lies in it, and how it is cleared.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::entry::{LOCK, USED};
use super::manifest::{Manifest, NoManifest};
use super::stamp::{nanoseconds, now};

/// Between the name of an entry that is being made and the number of the process that makes it.
pub(super) const MAKING: &str = ".making-";
/// The same for an entry that is being removed.
const GONE: &str = ".gone-";

/// A log in the cache.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptLog {
    /// Its folder.
    pub path: PathBuf,
    /// The kind of source.
    pub source: String,
    /// The files that it was made of.
    pub files: Vec<String>,
    /// Its examples.
    pub examples: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Seconds since it was used last.
    pub unused: u64,
    /// What is wrong with it, if it will not be used: it is damaged, unfinished, or of another
    /// version of the program.
    pub problem: Option<String>,
}

/// Which logs are cleared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Clearing {
    /// Only those that were not used for so many seconds.
    pub unused_for: u64,
    /// Only those with this text in the path of their folder or of a file.
    pub with: Option<String>,
}

impl Clearing {
    /// Whether the log is one of these.
    pub fn names(&self, log: &KeptLog) -> bool {
        let has = |text: &String| {
            let path = log.path.to_string_lossy();
            path.contains(text) || log.files.iter().any(|file| file.contains(text))
        };
        log.unused >= self.unused_for && self.with.as_ref().is_none_or(has)
    }
}

impl KeptLog {
    /// Reads all of it and compares it with its checksums; the first difference is its problem.
    pub fn verify(&mut self) {
        if self.problem.is_none() {
            self.problem = super::entry::problem(&self.path);
        }
    }
}

/// The logs in the cache, the one used last first.
///
/// # Errors
/// If the folder exists and cannot be read.
pub fn list(folder: &Path) -> io::Result<Vec<KeptLog>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut logs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            logs.extend(look_at(path));
        }
    }
    logs.sort_by(|a, b| (a.unused, &a.path).cmp(&(b.unused, &b.path)));
    Ok(logs)
}

fn look_at(path: PathBuf) -> Option<KeptLog> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let unfinished = name.contains(MAKING) || name.contains(GONE);
    let found = Manifest::read(&path);
    // What is no entry of ours is none of ours to list or remove.
    if !unfinished && matches!(found, Err(NoManifest::Absent)) {
        return None;
    }
    let files: Vec<fs::Metadata> =
        fs::read_dir(&path).ok()?.filter_map(|file| file.ok()?.metadata().ok()).collect();
    let bytes = files.iter().map(fs::Metadata::len).sum();
    let used = fs::metadata(path.join(USED)).and_then(|file| file.modified()).ok();
    let used = used.or_else(|| files.iter().filter_map(|file| file.modified().ok()).max());
    let age = now().saturating_sub(nanoseconds(used.unwrap_or(SystemTime::UNIX_EPOCH)));
    let unused = u64::try_from(age).unwrap_or(0) / 1_000_000_000;
    let (manifest, problem) = match found {
        _ if unfinished => (None, Some("unfinished".to_string())),
        Ok(manifest) => (Some(manifest), None),
        Err(NoManifest::Version) => (None, Some("of another version of the program".to_string())),
        Err(NoManifest::Damaged(why)) => (None, Some(why)),
        Err(NoManifest::Absent) => return None,
    };
    let source = name.rsplit_once('-').map_or(&*name, |(source, _)| source).to_string();
    Some(KeptLog {
        path,
        source: manifest.as_ref().map_or(source, |manifest| manifest.source.clone()),
        files: manifest
            .iter()
            .flat_map(|manifest| manifest.files.iter().map(|file| file.path.clone()))
            .collect(),
        examples: manifest.as_ref().map_or(0, |manifest| manifest.examples),
        bytes,
        unused,
        problem,
    })
}

/// Removes logs from the cache; returns those removed. Processes that use them go on.
///
/// # Errors
/// If the folder cannot be read, or one cannot be removed.
pub fn clear(folder: &Path, which: &Clearing) -> io::Result<Vec<KeptLog>> {
    let mut removed = Vec::new();
    let asked = |log: &KeptLog| which.names(log) && !is_being_made(&log.path);
    for log in list(folder)?.into_iter().filter(asked) {
        remove(&log.path)?;
        removed.push(log);
    }
    Ok(removed)
}

/// Whether a process is making what lies there.
fn is_being_made(path: &Path) -> bool {
    let Some((name, _)) = path.to_str().and_then(|path| path.rsplit_once(MAKING)) else {
        return false;
    };
    let lock = fs::File::options().write(true).open(Path::new(name).with_extension(LOCK));
    matches!(lock.map(|lock| lock.try_lock()), Ok(Err(fs::TryLockError::WouldBlock)))
}

/// Removes an entry, if it is there: nobody ever sees a part of it.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let mut gone = path.as_os_str().to_os_string();
    gone.push(format!("{GONE}{}", std::process::id()));
    match fs::rename(path, &gone) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => fs::remove_dir_all(&gone),
    }
}

/// Removes what processes that were killed have left of the entry `name`, whose lock is held.
pub(super) fn remove_unfinished(folder: &Path, name: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let other = entry.file_name();
        let rest = other.to_str().and_then(|other| other.strip_prefix(name));
        if rest.is_some_and(|rest| rest.starts_with(MAKING) || rest.starts_with(GONE)) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}
