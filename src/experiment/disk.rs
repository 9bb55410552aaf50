//! What changes a results folder: every such operation of a run or sweep goes through here, so that
//! tests can let each of them fail in turn, or the process die in front of it.
//!
//! In builds with debug assertions the variable `STRAGGLER_IO_FAULT` says what happens at the n-th
//! operation: `abort:17`, `denied:17` or `broken:17` for one error, `full:17` for a disk that is full
//! from then on, `short:17` for a write that takes half of its bytes, `interrupted:17` for one that has
//! to be tried again. Other builds know nothing of it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Output(File);

impl Output {
    /// A new file, or an old one emptied.
    pub(super) fn create(path: &Path) -> io::Result<Output> {
        fault::point()?;
        File::create(path).map(Output)
    }

    /// A file that is there.
    pub(super) fn reopen(path: &Path) -> io::Result<Output> {
        fault::point()?;
        File::options().read(true).write(true).open(path).map(Output)
    }

    /// Cuts it off.
    pub(super) fn set_len(&self, length: u64) -> io::Result<()> {
        fault::point()?;
        self.0.set_len(length)
    }

    /// Hands everything to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        fault::point()?;
        self.0.sync_all()
    }

    /// What it holds, to read.
    pub(super) fn content(&mut self) -> &mut impl Read {
        &mut self.0
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match fault::write()? {
            fault::Length::Whole => self.0.write(bytes),
            fault::Length::Half => self.0.write(&bytes[..bytes.len().div_ceil(2)]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// Makes a folder, and those above it.
pub(super) fn create_folders(path: &Path) -> io::Result<()> {
    fault::point()?;
    fs::create_dir_all(path)
}

/// Gives a file another name.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fault::point()?;
    fs::rename(from, to)
}

/// Removes a file; one that is not there is no mistake.
pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    fault::point()?;
    gone(fs::remove_file(path))
}

/// Removes a folder with all that is in it; one that is not there is no mistake.
pub(super) fn remove_folder(path: &Path) -> io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    fault::point()?;
    gone(fs::remove_dir_all(path))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a new name in a folder last: without this a power cut may undo a rename. Systems that cannot
/// open a folder have their own ways.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    fault::point()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match File::open(folder.unwrap_or(Path::new("."))) {
        Ok(folder) if cfg!(unix) => folder.sync_all(),
        _ => Ok(()),
    }
}

/// Faults on demand.
mod fault {
    use std::io::{self, ErrorKind};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// How much of a write is done.
    pub(super) enum Length {
        Whole,
        Half,
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Kind {
        Abort,
        Denied,
        Broken,
        Full,
        Short,
        Interrupted,
    }

    /// An operation that only fails or works.
    pub(super) fn point() -> io::Result<()> {
        match next() {
            Some(Kind::Denied) => Err(ErrorKind::PermissionDenied.into()),
            Some(Kind::Broken) => Err(io::Error::other("the disk is broken, for a test")),
            Some(Kind::Full) => Err(ErrorKind::StorageFull.into()),
            Some(Kind::Abort) => std::process::abort(),
            Some(Kind::Short | Kind::Interrupted) | None => Ok(()),
        }
    }

    /// A write.
    pub(super) fn write() -> io::Result<Length> {
        match next() {
            Some(Kind::Short) => Ok(Length::Half),
            Some(Kind::Interrupted) => Err(ErrorKind::Interrupted.into()),
            Some(Kind::Denied) => Err(ErrorKind::PermissionDenied.into()),
            Some(Kind::Broken) => Err(io::Error::other("the disk is broken, for a test")),
            Some(Kind::Full) => Err(ErrorKind::StorageFull.into()),
            Some(Kind::Abort) => std::process::abort(),
            None => Ok(Length::Whole),
        }
    }

    /// What is to happen at the next operation.
    fn next() -> Option<Kind> {
        static PLAN: OnceLock<Option<(Kind, u64)>> = OnceLock::new();
        static DONE: AtomicU64 = AtomicU64::new(0);
        if !cfg!(debug_assertions) {
            return None;
        }
        let (kind, at) = (*PLAN.get_or_init(plan))?;
        let number = 1 + DONE.fetch_add(1, Ordering::Relaxed);
        (number == at || (kind == Kind::Full && number > at)).then_some(kind)
    }

    fn plan() -> Option<(Kind, u64)> {
        let text = std::env::var("STRAGGLER_IO_FAULT").ok()?;
        let (kind, at) = text.split_once(':')?;
        let kind = match kind {
            "abort" => Kind::Abort,
            "denied" => Kind::Denied,
            "broken" => Kind::Broken,
            "full" => Kind::Full,
            "short" => Kind::Short,
            "interrupted" => Kind::Interrupted,
            _ => return None,
        };
        Some((kind, at.parse().ok()?))
    }
}
