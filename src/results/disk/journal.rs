//! A journal, for tests, of what a power cut would undo. It models a disk that keeps a file's bytes
//! once the file is synced, and a name once its folder is synced. It guarantees nothing else.
//!
//! A name that is not synced may exist or not, independently of other names; a renamed file may
//! have both names. A process without a planned power cut keeps no journal.
//! both names. A process that was not asked for a power cut keeps no journal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::fault_plan::{Loss, will_cut_power};

/// The file or folder of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DiskEntry {
    Absent,
    Folder,
    /// A file, with any names.
    File(usize),
}

/// A name: its present file or folder, and the one when its folder was synced.
#[derive(Clone, Copy)]
struct Name {
    now: DiskEntry,
    synced: DiskEntry,
}

/// Everything that the process has touched. All else is on the disk.
#[derive(Default)]
pub(super) struct Journal {
    /// Sorted, so a folder comes before its contents.
    names: BTreeMap<PathBuf, Name>,
    /// The bytes of each file when it was synced.
    files: Vec<Vec<u8>>,
}

/// Passes a change to the journal, if one is kept.
pub(super) fn journal(tell: impl FnOnce(&mut Journal)) {
    static JOURNAL: OnceLock<Mutex<Journal>> = OnceLock::new();
    if will_cut_power() {
        let journal = JOURNAL.get_or_init(Mutex::default);
        tell(&mut journal.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Journal {
    /// A name in the journal. A name that was not seen before is as it is on the disk.
    fn name(&mut self, path: &Path) -> &mut Name {
        let files = &mut self.files;
        self.names.entry(path.to_path_buf()).or_insert_with(|| {
            let entry = match fs::read(path) {
                Ok(bytes) => {
                    files.push(bytes);
                    DiskEntry::File(files.len() - 1)
                }
                Err(_) if path.is_dir() => DiskEntry::Folder,
                Err(_) => DiskEntry::Absent,
            };
            Name { now: entry, synced: entry }
        })
    }

    /// A file is about to be made, or opened to be changed.
    pub(super) fn opens(&mut self, path: &Path) {
        let next = self.files.len();
        let name = self.name(path);
        if name.now == DiskEntry::Absent {
            name.now = DiskEntry::File(next);
            self.files.push(Vec::new());
        }
    }

    pub(super) fn syncs_file(&mut self, path: &Path) {
        if let DiskEntry::File(file) = self.name(path).now {
            self.files[file] = fs::read(path).unwrap_or_default();
        }
    }

    pub(super) fn makes_folders(&mut self, path: &Path) {
        for folder in path.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
            if folder.exists() {
                break;
            }
            self.name(folder).now = DiskEntry::Folder;
        }
    }

    pub(super) fn renames(&mut self, from: &Path, to: &Path) {
        let entry = self.name(from).now;
        self.name(to).now = entry;
        self.name(from).now = DiskEntry::Absent;
    }

    pub(super) fn removes(&mut self, path: &Path) {
        self.name(path).now = DiskEntry::Absent;
    }

    /// A folder is about to be removed with its contents.
    pub(super) fn removes_folder(&mut self, path: &Path) {
        self.name(path).now = DiskEntry::Absent;
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            match entry.path() {
                folder if folder.is_dir() => self.removes_folder(&folder),
                file => self.removes(&file),
            }
        }
    }

    pub(super) fn syncs_folder(&mut self, folder: &Path) {
        let is_in = |path: &Path| match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => folder == Path::new("."),
            parent => parent == Some(folder),
        };
        for (_, name) in self.names.iter_mut().filter(|(path, _)| is_in(path)) {
            name.synced = name.now;
        }
    }

    /// Leaves on the disk what a power cut would leave.
    pub(super) fn undo(&mut self, loss: Loss) {
        let mut chance = Chance::of(loss);
        // The contents of the files now, before their names change.
        let mut contents: Vec<Vec<u8>> = self.files.clone();
        for (path, name) in &self.names {
            if let (DiskEntry::File(file), Ok(now)) = (name.now, fs::read(path)) {
                contents[file] = chance.content(&self.files[file], now);
            }
        }
        for (path, name) in &self.names {
            let left =
                if name.now == name.synced || chance.loses() { name.synced } else { name.now };
            let is_below_nothing =
                path.parent().is_some_and(|above| !above.as_os_str().is_empty() && !above.is_dir());
            match left {
                _ if is_below_nothing => {}
                DiskEntry::Absent => {
                    // The path may be one of these files, or gone already.
                    drop(fs::remove_file(path));
                    drop(fs::remove_dir_all(path));
                }
                DiskEntry::Folder => fs::create_dir_all(path).expect("a folder that was there"),
                DiskEntry::File(file) => {
                    fs::write(path, &contents[file]).expect("a file that was there");
                }
            }
        }
    }
}

/// Decides by chance what is lost.
struct Chance(Option<u64>);

impl Chance {
    fn of(loss: Loss) -> Chance {
        match loss {
            Loss::All => Chance(None),
            Loss::Some { seed } => Chance(Some(seed)),
        }
    }

    /// A number below four; zero if everything is lost.
    fn roll(&mut self) -> u64 {
        let Some(state) = &mut self.0 else { return 0 };
        *state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        *state >> 62
    }

    fn loses(&mut self) -> bool {
        self.roll() < 2
    }

    /// The content that is left of a file with `synced` on the disk and `now` in memory.
    fn content(&mut self, synced: &[u8], mut now: Vec<u8>) -> Vec<u8> {
        match self.roll() {
            0 | 1 => synced.to_vec(),
            2 => {
                now.truncate(synced.len().midpoint(now.len()));
                now
            }
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    #[test]
    fn r23_what_was_not_synced_is_gone_and_what_was_is_there() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::write(at("old"), "old").unwrap();
        fs::write(at("doomed"), "doomed").unwrap();
        let mut journal = Journal::default();
        let put = |journal: &mut Journal, name: &str, content: &str| {
            journal.opens(&at(name));
            fs::write(at(name), content).unwrap();
        };
        // Written and synced, with its name.
        put(&mut journal, "safe", "one");
        journal.syncs_file(&at("safe"));
        journal.syncs_folder(root.path());
        // Then changed, without another sync.
        fs::write(at("safe"), "one two").unwrap();
        // Synced, but not its name; emptied and written anew; removed.
        put(&mut journal, "nameless", "content");
        journal.syncs_file(&at("nameless"));
        put(&mut journal, "old", "new");
        journal.removes(&at("doomed"));
        fs::remove_file(at("doomed")).unwrap();
        // Renamed over what was there.
        put(&mut journal, "tmp", "three");
        journal.syncs_file(&at("tmp"));
        journal.renames(&at("tmp"), &at("old"));
        fs::rename(at("tmp"), at("old")).unwrap();
        journal.makes_folders(&at("deep/er"));
        fs::create_dir_all(at("deep/er")).unwrap();
        journal.undo(Loss::All);
        assert_eq!(text(&at("safe")).as_deref(), Some("one"));
        assert_eq!(text(&at("old")).as_deref(), Some("old"));
        assert_eq!(text(&at("doomed")).as_deref(), Some("doomed"));
        for gone in ["nameless", "tmp", "deep"] {
            assert!(!at(gone).exists(), "{gone}");
        }
    }
}
