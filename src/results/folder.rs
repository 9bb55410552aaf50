//! The results folder: it is named after the plan, and one process at a time may write it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::disk::{self, Output};

/// Name of the file with the scenario of a run, every default filled in.
pub const RESOLVED: &str = "resolved.toml";

/// The file of a restart lab that is done; written last.
pub const LAB_DONE: &str = "lab.json";
/// The folder of a lab's finished base runs.
pub const LAB_FORKS: &str = "forks";

/// Whether a folder is that of a restart lab, finished or not.
pub fn is_lab(path: &Path) -> bool {
    let is_begun = || path.join(LAB_FORKS).is_dir() && path.join(RESOLVED).is_file();
    path.join(LAB_DONE).is_file() || is_begun()
}

/// A results folder that this process writes.
#[derive(Debug)]
pub struct ResultsFolder {
    path: PathBuf,
    lock: FolderLock,
}

/// The folders that runs, sweeps and labs make inside their own.
const INNER: &[&str] =
    &["plots", "checkpoints", "snapshots", "stages", "points", "trials", "forks", "export"];

/// Those of them whose entries are folders too.
const OF_FOLDERS: &[&str] = &["stages", "trials", "export"];

/// Refuses links to folders inside a folder of results, before anything is read or written there.
///
/// # Errors
/// [`FolderError::Link`].
pub fn refuse_links(folder: &Path) -> Result<(), FolderError> {
    for name in INNER {
        let inner = folder.join(name);
        if inner.is_symlink() {
            return Err(FolderError::Link { path: inner });
        }
        let entries = OF_FOLDERS.contains(name).then(|| fs::read_dir(&inner).into_iter().flatten());
        for entry in entries.into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                return Err(FolderError::Link { path: entry.path() });
            }
        }
    }
    Ok(())
}

/// Why a results folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process writes it.
    #[error(
        "{path} is being written by another process{process}; wait for it, or choose another --out"
    )]
    Busy {
        /// The folder.
        path: PathBuf,
        /// The number of that process in brackets, if it left it.
        process: String,
    },
    /// It belongs to another plan.
    #[error(
        "{path} holds the results of another scenario or seed (its resolved.toml differs); choose another \
         --out, or remove it"
    )]
    OtherPlan {
        /// The folder.
        path: PathBuf,
    },
    /// It holds the results of one run, and a sweep was to go there.
    #[error(
        "{path} is the folder of a run, and this is a sweep; choose another --out, or remove it"
    )]
    IsRun {
        /// The folder.
        path: PathBuf,
    },
    /// It holds the results of a sweep, and one run was to go there.
    #[error(
        "{path} is the folder of a sweep, and this is one run; choose another --out, or remove it"
    )]
    IsSweep {
        /// The folder.
        path: PathBuf,
    },
    /// It exists and is not a results folder.
    #[error("{path} exists and is not a results folder; choose another --out")]
    NotResults {
        /// The folder.
        path: PathBuf,
    },
    /// There is a link in the place of a folder that a run, sweep or lab makes for itself.
    #[error(
        "{path} is a symbolic link inside a folder of results: what it leads to is not part of them, so it \
         is not followed; put the folder itself in its place, or remove the link"
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The folder was removed, moved or replaced by another one.
    #[error(
        "{path} was removed, moved or replaced while it was being written, so its results are not \
         complete: run it again"
    )]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// The system reports an error.
    #[error("cannot write {path}: {error}")]
    Io {
        /// The file or folder that could not be written.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// Whether a folder already has the results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExistingResults {
    /// Nothing, or an unfinished run.
    ToDo,
    /// A finished run of the same plan.
    Done,
}

/// The first six hexadecimal digits of the hash of a resolved scenario.
pub fn plan_hash(resolved: &str) -> String {
    let mut hash = hex_digest(resolved.as_bytes());
    hash.truncate(6);
    hash
}

/// SHA-256 in hexadecimal.
pub fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl ResultsFolder {
    /// Opens or creates `path` for the plan `resolved`, and says whether it is done already.
    ///
    /// # Errors
    /// If it belongs to another plan, another process writes it, or the system refuses.
    pub fn open(
        path: &Path,
        resolved: &str,
    ) -> Result<(ResultsFolder, ExistingResults), FolderError> {
        let io = |error| FolderError::Io { path: path.to_path_buf(), error };
        let existed = path.exists();
        if path.join("plan.jsonl").exists() {
            return Err(FolderError::IsSweep { path: path.to_path_buf() });
        }
        if existed && !path.join(RESOLVED).exists() {
            let empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
            if !empty && !path.join(".lock").exists() {
                return Err(FolderError::NotResults { path: path.to_path_buf() });
            }
        }
        refuse_links(path)?;
        disk::create_folders(path).map_err(io)?;
        let folder = ResultsFolder { path: path.to_path_buf(), lock: lock(path, ".lock")? };
        match fs::read_to_string(path.join(RESOLVED)) {
            Ok(text) if text != resolved => {
                return Err(FolderError::OtherPlan { path: path.to_path_buf() });
            }
            Ok(_) if path.join("summary.json").exists() => {
                return Ok((folder, ExistingResults::Done));
            }
            _ => {}
        }
        folder.write(RESOLVED, resolved.as_bytes())?;
        Ok((folder, ExistingResults::ToDo))
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors If the system refuses; an earlier file stays as it was.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        self.check_still_there()?;
        write_atomically(&self.path.join(name), content)
    }

    /// Refuses to go on if the folder is no longer where it was opened.
    ///
    /// # Errors
    /// [`FolderError::Gone`].
    pub fn check_still_there(&self) -> Result<(), FolderError> {
        self.lock.check_still_there()
    }

    /// Removes the files that mark an earlier run of the same plan as done or failed.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn clear(&self) -> Result<(), FolderError> {
        for name in ["summary.json", "diagnosis.json"] {
            let path = self.path.join(name);
            disk::remove_file(&path).map_err(|error| FolderError::Io { path, error })?;
        }
        Ok(())
    }
}

/// Writes a file whole or not at all, and syncs it before it is renamed.
///
/// # Errors If the system refuses; an earlier file stays as it was.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), FolderError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let written = Output::create(&temporary)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync()))
        .and_then(|()| disk::rename(&temporary, path))
        .and_then(|()| disk::sync_folder_of(path));
    written.map_err(|error| FolderError::Io { path: path.to_path_buf(), error })
}

/// A lock of a folder: held while the folder is written. The kernel releases it when the process
/// dies.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
    path: PathBuf,
}

impl FolderLock {
    /// Refuses to go on if the folder is no longer where it was locked.
    ///
    /// # Errors
    /// [`FolderError::Gone`].
    pub fn check_still_there(&self) -> Result<(), FolderError> {
        let is_there = match (self.file.metadata(), fs::symlink_metadata(&self.path)) {
            (Ok(locked), Ok(found)) => is_same(&locked, &found),
            _ => false,
        };
        let folder = || self.path.parent().unwrap_or(&self.path).to_path_buf();
        if is_there { Ok(()) } else { Err(FolderError::Gone { path: folder() }) }
    }
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Other systems do not let a folder be moved while a file in it is open.
#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// Takes a lock of a folder. Its content, the number of this process, is information for people.
///
/// # Errors
/// If another process holds it, or the system refuses.
pub fn lock(folder: &Path, name: &str) -> Result<FolderLock, FolderError> {
    let path = folder.join(name);
    // The file is not truncated, since another process may hold the lock.
    let opened = disk::no_link(&path).and_then(|()| {
        File::options().create(true).truncate(false).read(true).write(true).open(&path)
    });
    let mut lock = opened.map_err(|error| FolderError::Io { path: path.clone(), error })?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let process = holder(&mut lock).map_or(String::new(), |number| format!(" ({number})"));
            return Err(FolderError::Busy { path: folder.to_path_buf(), process });
        }
        // A file system without locks: continue without one.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    // Without the number the message to others is shorter.
    drop(lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())));
    Ok(FolderLock { file: lock, path })
}

/// The number of the process that holds a lock. Until the holder has written its own, the number of
/// an older process may be there.
fn holder(lock: &mut File) -> Option<u32> {
    for _ in 0..20 {
        let mut text = String::new();
        lock.rewind().and_then(|()| lock.read_to_string(&mut text)).ok()?;
        match text.trim().parse() {
            Ok(number) if is_alive(number) => return Some(number),
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    None
}

/// Whether a process exists, if the system tells.
fn is_alive(number: u32) -> bool {
    let processes = Path::new("/proc/self").exists();
    !processes || Path::new(&format!("/proc/{number}")).exists()
}

/// Waits for its turn to write files of a folder that several processes write. The turn ends when
/// the returned value is dropped.
///
/// # Errors
/// If the system refuses.
pub fn turn(folder: &Path) -> Result<File, FolderError> {
    let path = folder.join(".lock-turn");
    let opened = disk::no_link(&path)
        .and_then(|()| File::options().create(true).truncate(false).write(true).open(&path));
    let file = opened.map_err(|error| FolderError::Io { path, error })?;
    // A file system without locks: continue without one.
    drop(file.lock());
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_at_a_time_and_one_plan_per_folder() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("results/a");
        let (first, found) = ResultsFolder::open(&path, "seed = 1\n").unwrap();
        assert_eq!(found, ExistingResults::ToDo);
        assert!(matches!(ResultsFolder::open(&path, "seed = 1\n"), Err(FolderError::Busy { .. })));
        first.write("summary.json", b"{}").unwrap();
        drop(first);
        assert_eq!(ResultsFolder::open(&path, "seed = 1\n").unwrap().1, ExistingResults::Done);
        let other = ResultsFolder::open(&path, "seed = 2\n");
        assert!(matches!(other, Err(FolderError::OtherPlan { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_was_moved_is_not_written_any_more() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        let (folder, _) = ResultsFolder::open(&path, "seed = 1\n").unwrap();
        folder.check_still_there().unwrap();
        fs::rename(&path, root.path().join("b")).unwrap();
        assert!(matches!(folder.check_still_there(), Err(FolderError::Gone { .. })));
        // Another folder of that name is not the same one.
        let (other, _) = ResultsFolder::open(&path, "seed = 1\n").unwrap();
        assert!(matches!(folder.write("x", b"x"), Err(FolderError::Gone { .. })));
        other.write("x", b"x").unwrap();
        fs::remove_dir_all(&path).unwrap();
        assert!(matches!(other.write("x", b"x"), Err(FolderError::Gone { .. })));
        assert!(disk::create_inner_folder(&path.join("plots")).is_err());
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_refused() {
        for inner in INNER.iter().map(|name| (*name).to_string()).chain(["trials/0000".into()]) {
            let root = tempfile::tempdir().unwrap();
            let (path, elsewhere) = (root.path().join("a"), root.path().join("elsewhere"));
            fs::create_dir(&elsewhere).unwrap();
            drop(ResultsFolder::open(&path, "seed = 1\n").unwrap());
            let link = path.join(&inner);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
            let opened = ResultsFolder::open(&path, "seed = 1\n");
            assert!(matches!(opened, Err(FolderError::Link { .. })), "{inner}");
            assert!(disk::create_inner_folder(&link).is_err());
        }
    }

    #[test]
    fn a_folder_with_other_things_in_it_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("thesis.tex"), "all of it").unwrap();
        let opened = ResultsFolder::open(root.path(), "seed = 1\n");
        assert!(matches!(opened, Err(FolderError::NotResults { .. })));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
