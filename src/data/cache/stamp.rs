//! Whether a file is still the one that it was, without reading it.
//!
//! As Git does with its index: a file with the same size, the same times and the same number in its
//! file system is taken to have the same content, unless it had just been changed when it was looked
//! at. Then a later change may have left the same times, and the content decides.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::data::reading::watch::hash_file;

/// Some file systems keep times of two seconds.
const JUST_NOW: i64 = 2_000_000_000;

/// What a file system says of a file. Times are nanoseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct FileStamp {
    pub(super) bytes: u64,
    modified: i64,
    /// When its content, name or rights changed last; programs cannot set it. Zero if it is not known.
    changed: i64,
    /// Its number in its file system, or zero.
    number: u64,
}

impl FileStamp {
    pub(super) fn of(path: &Path) -> io::Result<FileStamp> {
        FileStamp::of_metadata(&std::fs::metadata(path)?)
    }

    pub(super) fn of_file(file: &File) -> io::Result<FileStamp> {
        FileStamp::of_metadata(&file.metadata()?)
    }

    fn of_metadata(metadata: &Metadata) -> io::Result<FileStamp> {
        let (changed, number) = more(metadata);
        let modified = nanoseconds(metadata.modified()?);
        Ok(FileStamp { bytes: metadata.len(), modified, changed, number })
    }
}

#[cfg(unix)]
fn more(metadata: &Metadata) -> (i64, u64) {
    use std::os::unix::fs::MetadataExt;
    let changed = metadata.ctime().saturating_mul(1_000_000_000);
    (changed.saturating_add(metadata.ctime_nsec()), metadata.ino())
}

#[cfg(not(unix))]
fn more(_: &Metadata) -> (i64, u64) {
    (0, 0)
}

pub(super) fn nanoseconds(time: SystemTime) -> i64 {
    let clipped = |nanoseconds: u128| i64::try_from(nanoseconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => clipped(since.as_nanos()),
        Err(before) => -clipped(before.duration().as_nanos()),
    }
}

/// Now, by the wall clock.
pub(super) fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "files have times of the wall clock")]
    nanoseconds(SystemTime::now())
}

/// A file from which a log was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct SourceFile {
    pub(super) path: String,
    stamp: FileStamp,
    /// XXH3 of 128 bits of its bytes.
    hash: String,
    /// When the stamp was taken.
    looked: i64,
}

impl SourceFile {
    /// A file that had the same stamp before and after it was read, and whose bytes have this hash
    /// (it is read once more if that is not known). `None` if it has changed.
    pub(super) fn new(
        path: &Path,
        before: &FileStamp,
        hash: Option<u128>,
    ) -> io::Result<Option<SourceFile>> {
        let hash = match hash {
            Some(hash) => hash,
            None => hash_file(path)?,
        };
        let (looked, stamp) = (now(), FileStamp::of(path)?);
        let (path, hash) = (path.display().to_string(), format!("{hash:032x}"));
        Ok((stamp == *before).then_some(SourceFile { path, stamp, hash, looked }))
    }

    /// The file as it is now, if it still has the same bytes.
    pub(super) fn still_same(&self, path: &Path) -> io::Result<Option<SourceFile>> {
        let stamp = FileStamp::of(path)?;
        let settled = stamp.modified.max(stamp.changed).saturating_add(JUST_NOW) < self.looked;
        if stamp == self.stamp && settled {
            return Ok(Some(self.clone()));
        }
        if stamp.bytes != self.stamp.bytes {
            return Ok(None);
        }
        let now = SourceFile::new(path, &stamp, None)?;
        Ok(now.filter(|now| now.hash == self.hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_where_times_cannot() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "one").unwrap();
        let known = |path: &Path| {
            SourceFile::new(path, &FileStamp::of(path).unwrap(), None).unwrap().unwrap()
        };
        let file = known(&path);
        // It has just been written: it is hashed again.
        assert!(file.still_same(&path).unwrap().is_some());
        std::fs::write(&path, "two").unwrap();
        assert_eq!(file.still_same(&path).unwrap(), None);
        std::fs::write(&path, "one").unwrap();
        let again = file.still_same(&path).unwrap().unwrap();
        assert_eq!((&again.hash, again.stamp == file.stamp), (&file.hash, false));
        // Long after its last change the stamp is enough; whoever lies about it is believed.
        let wrong = SourceFile { hash: "0".into(), looked: i64::MAX, ..again };
        assert!(wrong.still_same(&path).unwrap().is_some());
        assert_eq!(SourceFile { looked: 0, ..wrong }.still_same(&path).unwrap(), None);
        assert!(file.still_same(&folder.path().join("b")).is_err());
    }
}
