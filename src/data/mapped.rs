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

/// Of one file, at most so many bytes stay in the memory that counts as that of the process.
const HELD: usize = 96 << 20;

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
        Ok(Arc::new(MappedFile { map, path, touched, held: AtomicUsize::new(0) }))
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

    /// Most bytes of it that count as memory of the process.
    pub(crate) fn most_held(&self) -> usize {
        self.map.len().min(HELD)
    }

    /// Notes that the bytes from `at` on are looked at, before or after it is done. When too many
    /// are in memory, all are given back to the system, where they are found again without reading
    /// the disk as long as it has room for them.
    #[inline]
    pub(crate) fn touch(&self, at: usize) {
        let block = at / BLOCK;
        let Some(word) = self.touched.get(block / 64) else { return };
        let bit = 1 << (block % 64);
        if word.load(Ordering::Relaxed) & bit == 0 {
            self.note(word, bit);
        }
    }

    #[cold]
    fn note(&self, word: &AtomicU64, bit: u64) {
        let is_new = word.fetch_or(bit, Ordering::Relaxed) & bit == 0;
        if is_new && self.held.fetch_add(1, Ordering::Relaxed) >= HELD / BLOCK {
            self.release();
        }
    }

    /// Gives all pages back to the system.
    pub(crate) fn release(&self) {
        self.touched.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.held.store(0, Ordering::Relaxed);
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
