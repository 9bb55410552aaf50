//! Columns that grow while a log is read: in memory, or in a folder that is on its way into the
//! cache of logs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::npy::{ColumnWriter, Written};
use crate::data::DataError;
use crate::data::column::{Column, Number, STRETCH};
use crate::data::reading::watch::Watch;

/// Bytes of a column that are collected before they are written.
const PENDING: usize = 1 << 20;

/// Where the columns of a log are made.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// `None`: in memory.
    folder: Option<PathBuf>,
    /// The files written so far, and the first problem.
    state: Mutex<RoomState>,
}

#[derive(Debug, Default)]
struct RoomState {
    written: Vec<Written>,
    problem: Option<io::Error>,
    /// Number of the next file.
    next: u32,
}

/// Columns are in memory.
pub(crate) static IN_MEMORY: Room = Room {
    folder: None,
    state: Mutex::new(RoomState { written: Vec::new(), problem: None, next: 0 }),
};

/// A log that is being loaded: who looks on, and where its columns are made.
#[derive(Debug)]
pub struct Loading {
    pub(crate) watch: Arc<Watch>,
    pub(crate) room: Room,
}

impl Room {
    /// Columns go into this folder.
    pub(crate) fn in_folder(folder: PathBuf) -> Room {
        Room { folder: Some(folder), state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, RoomState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder, as long as all could be written there.
    fn usable(&self) -> Option<&Path> {
        self.folder.as_deref().filter(|_| self.state().problem.is_none())
    }

    fn give_up(&self, problem: io::Error) {
        self.state().problem.get_or_insert(problem);
    }

    /// Why columns could not be written, if so. They are in memory then.
    pub(crate) fn problem(&self) -> Option<io::Error> {
        self.state().problem.take()
    }

    /// The file that holds the numbers of a column and nothing else.
    pub(crate) fn file_of<T: Number>(&self, column: &Column<T>) -> Option<Written> {
        let Column::Mapped(mapped, _) = column else { return None };
        let own = |written: &&Written| written.path.as_path() == mapped.path();
        self.state().written.iter().find(own).cloned()
    }
}

/// A column to which numbers are added at its end.
#[derive(Debug)]
pub(crate) struct Growing<'r, T> {
    room: &'r Room,
    /// What is not in the file.
    pending: Vec<T>,
    file: Option<ColumnWriter>,
    in_file: usize,
    /// What was in the file could not be read back.
    lost: Option<io::Error>,
}

impl<'r, T: Number> Growing<'r, T> {
    /// An empty column.
    pub(crate) fn new(room: &'r Room) -> Growing<'r, T> {
        Growing { room, pending: Vec::new(), file: None, in_file: 0, lost: None }
    }

    /// Numbers so far.
    pub(crate) fn len(&self) -> usize {
        self.in_file + self.pending.len()
    }

    /// Adds numbers.
    #[inline]
    pub(crate) fn extend_from_slice(&mut self, numbers: &[T]) {
        self.pending.extend_from_slice(numbers);
        self.settle();
    }

    /// Adds one number.
    #[inline]
    pub(crate) fn push(&mut self, number: T) {
        self.pending.push(number);
        self.settle();
    }

    /// Adds `count` zeros, and gives them to be changed.
    #[inline]
    pub(crate) fn extend_with(&mut self, count: usize, change: impl FnOnce(&mut [T])) {
        let first = self.pending.len();
        self.pending.resize(first + count, T::zeroed());
        change(&mut self.pending[first..]);
        self.settle();
    }

    #[inline]
    fn settle(&mut self) {
        if self.room.folder.is_some() && size_of_val(self.pending.as_slice()) >= PENDING {
            self.write();
        }
    }

    #[cold]
    fn write(&mut self) {
        if let Err(problem) = self.try_write() {
            self.room.give_up(problem);
        }
        if self.room.usable().is_none() {
            self.take_back();
        }
    }

    fn try_write(&mut self) -> io::Result<()> {
        let Some(folder) = self.room.usable() else { return Ok(()) };
        if self.file.is_none() {
            let number = {
                let mut state = self.room.state();
                state.next += 1;
                state.next
            };
            self.file = Some(ColumnWriter::create(folder.join(format!("{number}.part")))?);
        }
        if let Some(file) = &mut self.file {
            file.append(&self.pending)?;
            self.in_file += self.pending.len();
            self.pending.clear();
        }
        Ok(())
    }

    /// Goes on in memory.
    fn take_back(&mut self) {
        let Some(mut file) = self.file.take() else { return };
        match file.read_back::<T>() {
            Ok(mut numbers) => {
                numbers.truncate(self.in_file);
                numbers.append(&mut self.pending);
                (self.pending, self.in_file) = (numbers, 0);
            }
            Err(problem) => self.lost = Some(problem),
        }
        // What is left of it goes with the folder.
        drop(fs::remove_file(file.path()));
    }

    /// The column, with rows of `width` numbers.
    ///
    /// # Errors
    /// If a file could not be written and not be read either.
    pub(crate) fn finish(mut self, width: usize) -> Result<Column<T>, DataError> {
        if self.file.is_some() {
            self.write();
        }
        if let Some(file) = self.file.take() {
            let path = file.path().to_path_buf();
            return match file.finish(width) {
                Ok((column, written)) => {
                    self.room.state().written.push(written);
                    Ok(column)
                }
                Err(problem) => Err(lost(&path, problem)),
            };
        }
        match self.lost {
            Some(problem) => {
                Err(lost(self.room.folder.as_deref().unwrap_or(Path::new("")), problem))
            }
            None => Ok(Column::Owned(self.pending)),
        }
    }
}

fn lost(path: &Path, source: io::Error) -> DataError {
    DataError::Cache { path: path.display().to_string(), source }
}

/// The same column with other numbers: `change` gets whole rows of `width` numbers, in order.
///
/// # Errors
/// As [`Growing::finish`].
pub(crate) fn changed<T: Number>(
    column: Column<T>,
    room: &Room,
    width: usize,
    mut change: impl FnMut(&mut [T]),
) -> Result<Column<T>, DataError> {
    let stretch = (STRETCH / width.max(1)).max(1) * width.max(1);
    match column {
        Column::Owned(mut numbers) => {
            numbers.chunks_mut(stretch).for_each(change);
            Ok(Column::Owned(numbers))
        }
        mapped => {
            let mut grown = Growing::new(room);
            mapped.each_stretch(width, |numbers| {
                grown.extend_with(numbers.len(), |copy| {
                    copy.copy_from_slice(numbers);
                    change(copy);
                });
            });
            grown.finish(width)
        }
    }
}

/// The rows of a column, `width` numbers each, in another order.
///
/// # Errors
/// As [`Growing::finish`].
pub(crate) fn permuted<T: Number>(
    column: &Column<T>,
    room: &Room,
    width: usize,
    order: &[u32],
) -> Result<Column<T>, DataError> {
    let numbers: &[T] = column;
    let mut sorted = Growing::new(room);
    if room.folder.is_none() {
        sorted.pending.reserve_exact(numbers.len());
    }
    for row in order {
        let at = *row as usize * width;
        column.touch(at);
        sorted.extend_from_slice(&numbers[at..][..width]);
    }
    sorted.finish(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown<'r>(room: &'r Room, numbers: &[u32]) -> Growing<'r, u32> {
        let mut growing = Growing::new(room);
        numbers.chunks(1000).for_each(|some| growing.extend_from_slice(some));
        growing
    }

    #[test]
    fn a_column_in_a_folder_is_the_one_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let (memory, disk) = (Room::default(), Room::in_folder(folder.path().to_path_buf()));
        let numbers: Vec<u32> = (0..600_000).collect();
        let order: Vec<u32> = (0..300_000).map(|row| row * 7 % 300_000).collect();
        let made = |room| {
            let column = grown(room, &numbers).finish(2).unwrap();
            let column = changed(column, room, 2, |rows| rows.iter_mut().for_each(|n| *n += 1));
            permuted(&column.unwrap(), room, 2, &order).unwrap()
        };
        let (owned, mapped) = (made(&memory), made(&disk));
        assert!(matches!((&owned, &mapped), (Column::Owned(_), Column::Mapped(..))));
        assert_eq!(owned, mapped);
        assert_eq!(owned[..4], [1, 2, 15, 16]);
        assert_eq!(disk.file_of(&mapped).unwrap().checksum, {
            let bytes: &[u8] = bytemuck::cast_slice(&owned);
            crc32fast::hash(bytes)
        });
        assert!(disk.problem().is_none() && disk.file_of(&owned).is_none());
    }

    #[test]
    fn what_cannot_be_written_stays_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::in_folder(folder.path().to_path_buf());
        let numbers: Vec<u32> = (0..600_000).collect();
        let mut growing = grown(&room, &numbers);
        assert!(growing.in_file > 0);
        // As if the disk were full now.
        room.give_up(io::Error::other("full"));
        growing.extend_from_slice(&numbers);
        let column = growing.finish(1).unwrap();
        assert!(matches!(column, Column::Owned(_)));
        assert_eq!(column, [numbers.clone(), numbers].concat());
        assert_eq!(room.problem().unwrap().to_string(), "full");
    }
}
