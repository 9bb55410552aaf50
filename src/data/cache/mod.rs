//! The cache of logs: what a loader has made of files lies in a folder, column by column, and the
//! next process that wants the same log maps it, instead of reading the files again.
//!
//! Nothing depends on it but time: without it, or if it cannot be written, logs are loaded as ever.
//! A library does not write into the folders of its users unasked, so there is no cache until
//! [`use_cache`]; the program `straggler` calls it when it starts.

mod entry;
mod folder;
mod manifest;
mod stamp;

#[cfg(all(test, unix))]
mod tests;

pub use folder::{Clearing, KeptLog, clear, list};

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use entry::Unusable;
use sha2::{Digest, Sha256};
use stamp::{FileStamp, SourceFile};

use super::log::growing::{Loading, Room};
use super::reading::watch::{ReadSoFar, Watch};
use super::{DataError, DataSource};

/// Logs of smaller files are not kept: they are read in a moment.
pub const SMALLEST: u64 = 8 << 20;

/// The variable with the folder of the cache; `off` for none.
pub const VARIABLE: &str = "STRAGGLER_CACHE";

/// What happens while a log is opened, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LogNews {
    /// So much of its files was read.
    Read(ReadSoFar),
    /// It was read, or there is an error.
    Ended,
    /// Another process reads the same log; this one waits for it.
    Waits,
    /// What was kept is damaged, and is made anew.
    Damaged(String),
    /// It cannot be kept.
    NotKept(String),
}

/// Where logs are kept, and who is told about it.
#[derive(Clone)]
pub struct LogCache {
    /// Its folder; `None` to keep nothing.
    pub folder: Option<PathBuf>,
    /// Logs of files that have fewer bytes together are not kept.
    pub smallest: u64,
    /// Is told what happens.
    pub tell: Arc<dyn Fn(LogNews) + Send + Sync>,
}

impl std::fmt::Debug for LogCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LogCache { folder, smallest, .. } = self;
        write!(f, "LogCache {{ folder: {folder:?}, smallest: {smallest} }}")
    }
}

impl Default for LogCache {
    /// Nothing is kept, and nobody is told.
    fn default() -> LogCache {
        LogCache { folder: None, smallest: SMALLEST, tell: Arc::new(|_| ()) }
    }
}

static CHOSEN: RwLock<Option<LogCache>> = RwLock::new(None);

/// From now on, logs that this process opens are kept there.
pub fn use_cache(cache: LogCache) {
    *CHOSEN.write().unwrap_or_else(PoisonError::into_inner) = Some(cache);
}

fn chosen() -> LogCache {
    CHOSEN.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
}

/// The folder that the variable [`STRAGGLER_CACHE`](VARIABLE) names, or else the one where this
/// system keeps what can be made again; `None` if the variable is `off`, or there is no such folder.
pub fn usual_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(named) = variable(VARIABLE) {
        let path = Path::new(&named);
        return (named != "off").then(|| std::path::absolute(path).unwrap_or(path.to_path_buf()));
    }
    let home = || folder("HOME");
    let parent = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Caches"))
    } else {
        folder("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(".cache")))
    };
    parent.map(|parent| parent.join("straggler"))
}

/// A log that is asked for: all that it depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRequest {
    /// The kind of source.
    pub source: String,
    /// Its settings.
    pub settings: String,
    /// Whether it keeps when its examples happened.
    pub instants: bool,
    /// The seed, if it depends on it.
    pub seed: Option<u64>,
    /// Its files.
    pub files: Vec<PathBuf>,
}

impl LogRequest {
    /// The name of its folder. Logs of one name are told apart by their manifest.
    fn name(&self) -> String {
        let mut hash = Sha256::new();
        let seed = self.seed.map_or(String::new(), |seed| seed.to_string());
        let files = self.files.iter().map(|path| path.as_os_str().as_encoded_bytes());
        for part in [self.settings.as_bytes(), seed.as_bytes()].into_iter().chain(files) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        if self.instants {
            hash.update("with instants");
        }
        let digest = hash.finalize();
        let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{digits}", self.source)
    }

    /// Its files as they are now; `None` if one cannot be looked at.
    fn stamps(&self) -> Option<Vec<FileStamp>> {
        self.files.iter().map(|path| FileStamp::of(path).ok()).collect()
    }
}

/// The log that is asked for: as it was kept, or else from `load`.
///
/// # Errors
/// Those of `load`.
pub(crate) fn open(
    request: &LogRequest,
    load: impl FnOnce(&Loading) -> Result<Arc<dyn DataSource>, DataError>,
) -> Result<Arc<dyn DataSource>, DataError> {
    open_in(&chosen(), request, load)
}

fn open_in(
    cache: &LogCache,
    request: &LogRequest,
    load: impl FnOnce(&Loading) -> Result<Arc<dyn DataSource>, DataError>,
) -> Result<Arc<dyn DataSource>, DataError> {
    let stamps = request.stamps().unwrap_or_default();
    let bytes = stamps.iter().map(|stamp| stamp.bytes).sum();
    let tell = Arc::clone(&cache.tell);
    let watch = Watch::new(bytes, move |so_far| tell(LogNews::Read(so_far)));
    // Columns are kept as this machine holds them, and files say that they are little-endian.
    let kept = cache.folder.as_deref().filter(|_| bytes >= cache.smallest && bytes > 0);
    let Some(folder) = kept.filter(|_| cfg!(target_endian = "little")) else {
        return in_memory(cache, watch, load);
    };
    let place = EntryPlace { cache, folder, name: request.name() };
    match entry::open(&place.path(), request) {
        Ok(log) => return Ok(Arc::new(log)),
        Err(Unusable::NotThis) => {}
        Err(Unusable::Damaged(why)) => {
            (cache.tell)(LogNews::Damaged(format!("{}: {why}", place.path().display())));
        }
    }
    let lock = match place.lock() {
        Ok(lock) => lock,
        Err(problem) => {
            place.not_kept(&problem);
            return in_memory(cache, watch, load);
        }
    };
    // Whoever held the lock before may have made it.
    if let Ok(log) = entry::open(&place.path(), request) {
        return Ok(Arc::new(log));
    }
    let made = place.make(request, &stamps, watch, load);
    (cache.tell)(LogNews::Ended);
    drop(lock);
    made
}

fn in_memory(
    cache: &LogCache,
    watch: Arc<Watch>,
    load: impl FnOnce(&Loading) -> Result<Arc<dyn DataSource>, DataError>,
) -> Result<Arc<dyn DataSource>, DataError> {
    let loaded = load(&Loading { watch, room: Room::default() });
    (cache.tell)(LogNews::Ended);
    loaded
}

/// The place of an entry in the cache.
struct EntryPlace<'a> {
    cache: &'a LogCache,
    folder: &'a Path,
    name: String,
}

impl EntryPlace<'_> {
    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    fn not_kept(&self, problem: &dyn ToString) {
        let text = format!("{}: {}", self.folder.display(), problem.to_string());
        (self.cache.tell)(LogNews::NotKept(text));
    }

    /// Waits until no other process makes this entry.
    fn lock(&self) -> io::Result<File> {
        fs::create_dir_all(self.folder)?;
        let path = self.path().with_extension(entry::LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                (self.cache.tell)(LogNews::Waits);
                drop(file.lock());
            }
            // A file system without locks: whoever is done last wins.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        Ok(file)
    }

    /// Loads the log, and keeps it.
    fn make(
        &self,
        request: &LogRequest,
        stamps: &[FileStamp],
        watch: Arc<Watch>,
        load: impl FnOnce(&Loading) -> Result<Arc<dyn DataSource>, DataError>,
    ) -> Result<Arc<dyn DataSource>, DataError> {
        folder::remove_unfinished(self.folder, &self.name);
        let making =
            self.folder.join(format!("{}{}{}", self.name, folder::MAKING, std::process::id()));
        let created = fs::create_dir(&making);
        if let Err(problem) = &created {
            self.not_kept(problem);
        }
        let room = if created.is_ok() { Room::in_folder(making.clone()) } else { Room::default() };
        let loading = Loading { watch, room };
        let loaded = load(&loading);
        let kept = match loaded.as_ref().ok().and_then(|source| source.log()) {
            Some(log) if created.is_ok() => {
                let problem = loading.room.problem();
                let kept = match problem {
                    Some(problem) => Err(problem),
                    None => self.keep(request, stamps, (&making, &loading), log),
                };
                kept.unwrap_or_else(|problem| {
                    self.not_kept(&problem);
                    false
                })
            }
            _ => false,
        };
        if !kept {
            // What is mapped stays mapped without its name.
            drop(fs::remove_dir_all(&making));
            return loaded;
        }
        // Freed before it is mapped: it may be in memory.
        match entry::open(&self.path(), request) {
            Ok(log) => Ok(Arc::new(log)),
            Err(_) => loaded,
        }
    }

    /// Puts a log into the cache; `false` if its files have changed meanwhile.
    fn keep(
        &self,
        request: &LogRequest,
        stamps: &[FileStamp],
        (making, loading): (&Path, &Loading),
        log: &super::Log,
    ) -> io::Result<bool> {
        let mut files = Vec::new();
        for (path, before) in request.files.iter().zip(stamps) {
            match SourceFile::new(path, before, loading.watch.hash_of(path))? {
                Some(file) => files.push(file),
                None => return Ok(false),
            }
        }
        entry::write(making, request, log, files, &loading.room)?;
        let path = self.path();
        folder::remove(&path)?;
        fs::rename(making, &path)?;
        // The run need not wait for the disk.
        std::thread::spawn(move || drop(entry::sync(&path)));
        Ok(true)
    }
}
