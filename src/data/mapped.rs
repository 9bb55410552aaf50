//! A file as memory: the columns of logs that are kept on disk.
//!
//! The system reads a page of it when it is first looked at, and may take it back at any time, since
//! it can read it again. So a log may be larger than memory. The only `unsafe` of `data` besides
//! `reading::split` is here.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use memmap2::Mmap;

/// Bytes that the system brings in at a time when a page is looked at (`fault_around_bytes`).
const BLOCK: usize = 64 << 10;

/// Of a file that is read in order, about so many bytes stay in the memory that counts as that of
/// the process.
const HELD: usize = 64 << 20;

/// A file that is mapped for reading.
#[derive(Debug)]
pub(crate) struct MappedFile {
    map: Mmap,
    /// Its path when it was mapped.
    path: PathBuf,
    /// A bit for each block that may be in memory; empty for a file that may stay there as a whole.
    touched: Vec<AtomicU64>,
    /// How many bits are set.
    held: AtomicUsize,
    /// Bytes that were read since all blocks were given back.
    read: AtomicUsize,
}

impl MappedFile {
    /// Maps a file that is never written again.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn new(file: &File, path: &Path) -> io::Result<Arc<MappedFile>> {
        // SAFETY: the bytes must not change while they are mapped. Only files of the log cache (and
        // of a log that is on its way into it) are mapped. The program writes them once, before they
        // are mapped, takes the right to write them away, and replaces or removes only whole
        // folders, which leaves mapped bytes as they are. Columns are numbers of any bits, so bytes
        // that another program changes against all this give a wrong number and no undefined value;
        // a file that it cuts short ends the process (SIGBUS). `docs/src/explain/log-cache.md` says
        // so.
        #[expect(unsafe_code, reason = "a mapping is sound only if nobody writes the file")]
        let map = unsafe { Mmap::map(file)? };
        let blocks = if map.len() > HELD { map.len().div_ceil(BLOCK).div_ceil(64) } else { 0 };
        let touched = (0..blocks).map(|_| AtomicU64::new(0)).collect();
        let path = path.to_path_buf();
        let (held, read) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Ok(Arc::new(MappedFile { map, path, touched, held, read }))
    }

    /// All bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Its path when it was mapped; it may have another one by now.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of it that count as memory of the process while it is read in order.
    pub(crate) fn held_in_order(&self) -> usize {
        self.map.len().min(HELD)
    }

    /// Notes that the bytes from `at` on are looked at, before or after it is done.
    #[inline]
    pub(crate) fn touch(&self, at: usize) {
        let block = at / BLOCK;
        let Some(word) = self.touched.get(block / 64) else { return };
        let bit = 1 << (block % 64);
        if word.load(Ordering::Relaxed) & bit == 0
            && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
        {
            self.held.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that so many bytes were read, each in a block that was touched. If many blocks are in
    /// memory and were read for the most part, as in the order of the file, all are given back to
    /// the system: most of them will not be read again soon. A block of which only a row was read, as
    /// in a shuffled order, stays until the system wants it, since bringing it in again takes longer
    /// than all else that is done with the row.
    pub(crate) fn note_read(&self, bytes: usize) {
        let read = self.read.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let held = self.held.load(Ordering::Relaxed) * BLOCK;
        if held > HELD && read > held / 2 {
            self.release();
        }
    }

    /// Gives all pages back to the system.
    pub(crate) fn release(&self) {
        self.touched.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.held.store(0, Ordering::Relaxed);
        self.read.store(0, Ordering::Relaxed);
        #[cfg(unix)]
        {
            // SAFETY: the advice may change what private or anonymous memory holds. This mapping is
            // that of a file, shared and for reading: its pages are found in the file again.
            #[expect(unsafe_code, reason = "the advice is sound for a mapping of a file only")]
            let advised = unsafe { self.map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
            // It is advice: without it the pages stay until the system wants them.
            drop(advised);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_given_back_in_order_and_kept_in_a_shuffled_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        let length = 3 * HELD;
        File::create(&path).unwrap().set_len(length as u64).unwrap();
        let file = MappedFile::new(&File::open(&path).unwrap(), &path).unwrap();
        let held = || file.held.load(Ordering::Relaxed) * BLOCK;
        for at in (0..length).step_by(BLOCK) {
            file.touch(at);
            file.note_read(100);
        }
        assert_eq!(held(), length, "a row of each block");
        file.release();
        for at in (0..length).step_by(BLOCK / 2) {
            file.touch(at);
            file.note_read(BLOCK / 2);
            assert!(held() <= HELD + BLOCK);
        }
        assert!(file.bytes().iter().all(|byte| *byte == 0));
    }
}
