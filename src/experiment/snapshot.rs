//! Snapshots: the whole state of a run in a file, so that a killed run can continue where it was.
//!
//! A snapshot is written beside the series of its run and holds the length of each series. Rows
//! after that length are cut off again. So a run that was interrupted any number of times ends with
//! the same bytes as one that was not. Files are written whole or not at all. Each begins with the
//! run that it belongs to and ends with its checksum. The last two are kept, since the last one may
//! be damaged.
//!
//! Layout: [`MAGIC`], format version (u32), [`SEMANTICS`] (u32), SHA-256 of version and resolved
//! scenario, the state, and SHA-256 of everything before; numbers are little-endian.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::base::persist::Saver;
use crate::results::disk::{self, Output};
use crate::results::semantics::SEMANTICS;

/// First bytes of every snapshot.
pub const MAGIC: &[u8; 16] = b"straggler state\n";
/// Version of the layout.
const FORMAT: u32 = 8;
/// Number of bytes before the state, and after it.
const HEAD: usize = 16 + 4 + 4 + 32;
const TAIL: usize = 32;
/// The folder of the snapshots, below that of the results.
const FOLDER: &str = "snapshots";
/// Number of snapshots that are kept.
const KEPT: usize = 2;

/// The snapshots of one run.
#[derive(Clone, Debug)]
pub struct Snapshots {
    folder: PathBuf,
    /// SHA-256 of the program's version, the resolved scenario and what identifies its log.
    plan: [u8; 32],
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is not a snapshot, or it is cut off.
    #[error("it is too short, or no snapshot at all")]
    NoSnapshot,
    /// The file has changed since it was written.
    #[error("its checksum does not match: it is damaged")]
    Damaged,
    /// Its layout is that of another version of the program.
    #[error(
        "its layout has version {found}, and this straggler reads version {FORMAT}: another \
             version of the program wrote it"
    )]
    OtherLayout {
        /// Version of its layout.
        found: u32,
    },
    /// Another version of the program wrote it.
    #[error("another version of straggler has written it")]
    OtherVersion,
    /// It belongs to another scenario.
    #[error("it belongs to another scenario, seed, log or version of straggler")]
    OtherPlan,
}

impl Snapshots {
    /// The snapshots of the run in the results folder `out`; `plan` is its resolved scenario and what
    /// identifies its log.
    pub fn of(out: &Path, plan: &str) -> Snapshots {
        // Only of this version: the state of another version may look alike and mean something
        // else.
        let plan = Sha256::new().chain_update(env!("CARGO_PKG_VERSION")).chain_update(plan);
        let plan = plan.finalize().into();
        Snapshots { folder: out.join(FOLDER), plan }
    }

    /// Files of the snapshots, the newest first.
    pub fn list(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "state"));
        // Names are numbers of equal length, so this is the order of the events.
        paths.sort();
        paths.reverse();
        paths
    }

    /// Writes the state that `save` saves, as the state after `number` events. Removes all
    /// snapshots but the last two.
    ///
    /// # Errors If the system refuses; existing snapshots stay.
    pub fn write(&self, number: u64, save: impl FnOnce(&mut Saver<'_>)) -> io::Result<PathBuf> {
        disk::create_inner_folder(&self.folder)?;
        let path = self.folder.join(format!("{number:020}.state"));
        let temporary = path.with_extension("tmp");
        let mut file = Hashed::new(Output::create(&temporary)?);
        file.put(MAGIC);
        file.put(&FORMAT.to_le_bytes());
        file.put(&SEMANTICS.to_le_bytes());
        file.put(&self.plan);
        let mut out = Saver::spilling(|bytes| file.put(bytes));
        save(&mut out);
        out.finish();
        file.finish()?;
        disk::rename(&temporary, &path)?;
        disk::sync_folder_of(&path)?;
        for old in self.list().into_iter().skip(KEPT) {
            disk::remove_file(&old)?;
        }
        Ok(path)
    }

    /// The state in a file, checked.
    ///
    /// # Errors If it is damaged, or belongs to another run.
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, SnapshotError> {
        let mut bytes = fs::read(path)?;
        if bytes.len() < HEAD + TAIL || !bytes.starts_with(MAGIC) {
            return Err(SnapshotError::NoSnapshot);
        }
        let (content, checksum) = bytes.split_at(bytes.len() - TAIL);
        if Sha256::digest(content)[..] != *checksum {
            return Err(SnapshotError::Damaged);
        }
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| content[at + i]));
        if number(16) != FORMAT {
            return Err(SnapshotError::OtherLayout { found: number(16) });
        }
        if number(20) != SEMANTICS {
            return Err(SnapshotError::OtherVersion);
        }
        if content[24..HEAD] != self.plan {
            return Err(SnapshotError::OtherPlan);
        }
        bytes.truncate(bytes.len() - TAIL);
        bytes.drain(..HEAD);
        Ok(bytes)
    }

    /// Removes the snapshots of the run in the results folder `out`.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn remove_from(out: &Path) -> io::Result<()> {
        disk::remove_folder(&out.join(FOLDER))
    }

    /// Removes all snapshots: the run is done.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn remove(&self) -> io::Result<()> {
        disk::remove_folder(&self.folder)
    }
}

/// A file that is hashed while it is written.
struct Hashed {
    out: BufWriter<Output>,
    hash: Sha256,
    problem: Option<io::Error>,
}

impl Hashed {
    fn new(file: Output) -> Hashed {
        Hashed { out: BufWriter::new(file), hash: Sha256::new(), problem: None }
    }

    /// Writes; a failure is remembered for the end.
    fn put(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        if self.problem.is_none() {
            self.problem = self.out.write_all(bytes).err();
        }
    }

    /// Adds the checksum and hands everything to the disk.
    fn finish(mut self) -> io::Result<()> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        self.out.write_all(&self.hash.finalize())?;
        self.out.flush()?;
        self.out.get_ref().sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Persist;

    fn write(snapshots: &Snapshots, number: u64) -> PathBuf {
        snapshots.write(number, |out| (number, 2.5f64).save(out)).unwrap()
    }

    #[test]
    fn the_last_two_are_kept_and_read_back() {
        let root = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::of(root.path(), "seed = 1\n");
        assert!(snapshots.list().is_empty());
        let paths: Vec<PathBuf> = [5, 70, 900].map(|n| write(&snapshots, n)).into();
        assert_eq!(snapshots.list(), [paths[2].clone(), paths[1].clone()]);
        let mut expected = Saver::default();
        (900u64, 2.5f64).save(&mut expected);
        assert_eq!(snapshots.read(&paths[2]).unwrap(), expected.into_bytes());
        let other = Snapshots::of(root.path(), "seed = 2\n");
        assert!(matches!(other.read(&paths[2]), Err(SnapshotError::OtherPlan)));
        snapshots.remove().unwrap();
        assert!(snapshots.list().is_empty());
        snapshots.remove().unwrap();
    }

    #[test]
    fn a_snapshot_of_another_layout_is_refused_with_both_versions() {
        let root = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::of(root.path(), "seed = 1\n");
        let path = write(&snapshots, 3);
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - TAIL);
        bytes[16..20].copy_from_slice(&2u32.to_le_bytes());
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        fs::write(&path, &bytes).unwrap();
        let said = snapshots.read(&path).unwrap_err().to_string();
        assert!(
            said.contains("version 2") && said.contains(&format!("version {FORMAT}")),
            "{said}"
        );
    }

    #[test]
    fn r22_every_flipped_bit_and_every_truncation_is_detected() {
        let root = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::of(root.path(), "seed = 1\n");
        let path = write(&snapshots, 3);
        let whole = fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &damaged).unwrap();
            assert!(snapshots.read(&path).is_err(), "bit {bit}");
        }
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(snapshots.read(&path).is_err(), "{length} bytes");
        }
        fs::write(&path, &whole).unwrap();
        snapshots.read(&path).unwrap();
    }
}
