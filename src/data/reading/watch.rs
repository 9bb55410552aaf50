//! Looks on while the files of a log are read: how much was read, and what it hashes to.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use twox_hash::xxhash3_128::Hasher;

/// How much of the files of a log was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadSoFar {
    /// Bytes read.
    pub bytes: u64,
    /// Bytes of all files.
    pub of: u64,
}

/// Gets the news of a [`Watch`].
type Tell = dyn Fn(ReadSoFar) + Send + Sync;

/// Looks on while files are read.
pub struct Watch {
    read: AtomicU64,
    of: u64,
    tell: Box<Tell>,
    hashes: Mutex<BTreeMap<PathBuf, u128>>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("read", &self.read)
            .field("of", &self.of)
            .finish_non_exhaustive()
    }
}

impl Watch {
    /// For files of `of` bytes together; `tell` is called after each stretch that was read.
    pub(crate) fn new(of: u64, tell: impl Fn(ReadSoFar) + Send + Sync + 'static) -> Arc<Watch> {
        let (tell, hashes) = (Box::new(tell), Mutex::default());
        Arc::new(Watch { read: AtomicU64::new(0), of, tell, hashes })
    }

    /// The hash of a file, if all of it was read from its beginning to its end.
    pub(crate) fn hash_of(&self, path: &Path) -> Option<u128> {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied()
    }

    /// The same file, looked on.
    pub(crate) fn over(self: &Arc<Watch>, file: File, path: &Path) -> Watched {
        Watched {
            file,
            path: path.to_path_buf(),
            watch: Arc::clone(self),
            hash: Some(Hasher::new()),
        }
    }
}

/// A file that is looked on while it is read from its beginning.
pub(crate) struct Watched {
    file: File,
    path: PathBuf,
    watch: Arc<Watch>,
    /// Until the end of the file.
    hash: Option<Hasher>,
}

impl Read for Watched {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(to)?;
        if count > 0 {
            if let Some(hash) = &mut self.hash {
                hash.write(&to[..count]);
            }
            let bytes = self.watch.read.fetch_add(count as u64, Ordering::Relaxed) + count as u64;
            (self.watch.tell)(ReadSoFar { bytes, of: self.watch.of });
        } else if !to.is_empty()
            && let Some(hash) = self.hash.take()
        {
            let mut hashes = self.watch.hashes.lock().unwrap_or_else(PoisonError::into_inner);
            hashes.insert(std::mem::take(&mut self.path), hash.finish_128());
        }
        Ok(count)
    }
}

/// The hash of a whole file: XXH3 of 128 bits, which tells files apart that differ by chance.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn hash_file(path: &Path) -> io::Result<u128> {
    let (mut file, mut hash) = (File::open(path)?, Hasher::new());
    let mut bytes = vec![0; 1 << 20];
    loop {
        match file.read(&mut bytes) {
            Ok(0) => return Ok(hash.finish_128()),
            Ok(count) => hash.write(&bytes[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Where the files of a log are looked for, and who looks on while they are read.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Paths are relative to this folder.
    pub base_dir: &'a Path,
    /// Who looks on.
    pub watch: Option<&'a Arc<Watch>>,
}

impl<'a> From<&'a Path> for Place<'a> {
    fn from(base_dir: &'a Path) -> Place<'a> {
        Place { base_dir, watch: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::reading::file;

    #[test]
    fn a_file_is_hashed_while_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        std::fs::write(&path, "a\n".repeat(500_000)).unwrap();
        let told = Arc::new(AtomicU64::new(0));
        let last = Arc::clone(&told);
        let watch =
            Watch::new(1_000_000, move |so_far| last.store(so_far.bytes, Ordering::Relaxed));
        let place = Place { base_dir: folder.path(), watch: Some(&watch) };
        let mut input = file::open(place, "log.txt").unwrap();
        assert_eq!(watch.hash_of(&path), None, "it is not read yet");
        io::copy(&mut input.reader, &mut io::sink()).unwrap();
        assert_eq!(watch.hash_of(&path), Some(hash_file(&path).unwrap()));
        assert_eq!(told.load(Ordering::Relaxed), 1_000_000);
        std::fs::write(&path, "b").unwrap();
        assert_ne!(watch.hash_of(&path), Some(hash_file(&path).unwrap()));
    }
}
