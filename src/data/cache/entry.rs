//! The folder of one log in the cache: a file per column, and the manifest.

use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::LogRequest;
use super::manifest::{ColumnFile, GroupsFrom, Manifest, NoManifest};
use super::stamp::{FileStamp, SourceFile};
use crate::data::column::{Column, Number};
use crate::data::log::growing::Room;
use crate::data::log::npy::{ColumnWriter, HEADER, Written};
use crate::data::log::{Groups, Histories, Log, LogExtra, LogInstants};
use crate::data::mapped::MappedFile;
use crate::data::{Ids, Schema};

/// The ending of the file that is locked while an entry is made.
pub(super) const LOCK: &str = "lock";

/// Its time is the last use of the log.
pub(super) const USED: &str = "used";

/// Why an entry cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// There is none, or it is not of these files and settings.
    NotThis,
    /// It is damaged.
    Damaged(String),
}

impl From<NoManifest> for Unusable {
    fn from(why: NoManifest) -> Unusable {
        match why {
            NoManifest::Absent | NoManifest::Version => Unusable::NotThis,
            NoManifest::Damaged(why) => Unusable::Damaged(why),
        }
    }
}

/// Opens the entry in `folder`, if it is that of the log that is asked for.
pub(super) fn open(folder: &Path, request: &LogRequest) -> Result<Log, Unusable> {
    let read = Manifest::read(folder)?;
    let mut manifest = read.clone();
    if !manifest.is_of(request) {
        return Err(Unusable::NotThis);
    }
    for (known, path) in manifest.files.iter_mut().zip(&request.files) {
        // What cannot be read is told by the loader.
        let now = known.still_same(path).ok().flatten().ok_or(Unusable::NotThis)?;
        *known = now;
    }
    let damaged =
        |name: &str, why: &dyn ToString| Unusable::Damaged(format!("{name}: {}", why.to_string()));
    let settled = manifest.is_settled();
    let mut files = Vec::new();
    for column in &mut manifest.columns {
        let name = column.name.clone();
        let path = folder.join(&name);
        let opened = File::open(&path)
            .and_then(|file| Ok((FileStamp::of_file(&file)?, MappedFile::new(&file, &path)?)));
        let (stamp, mapped) = opened.map_err(|error| damaged(&name, &error))?;
        if stamp != column.stamp || !settled {
            verify(&mapped, column).map_err(|why| damaged(&name, &why))?;
            column.stamp = stamp;
        }
        files.push((name, mapped));
    }
    // What was read after a start of the system is on the disk.
    manifest.synced |= !settled;
    if manifest != read {
        // If it cannot be written, the files are looked at again the next time.
        drop(update(folder, &read.columns, false, |now| {
            let Manifest { files, columns, synced, .. } = &manifest;
            (now.files, now.columns) = (files.clone(), columns.clone());
            now.synced |= synced;
        }));
    }
    drop(File::create(folder.join(USED)));
    let log = log_of(manifest, &Files(files));
    log.ok_or_else(|| Unusable::Damaged("its columns do not fit each other".to_string()))
}

/// Reads all of a column file, and compares it with its checksum.
fn verify(file: &MappedFile, column: &ColumnFile) -> Result<(), &'static str> {
    let bytes = file.bytes();
    if bytes.len() as u64 != column.stamp.bytes || bytes.len() < HEADER {
        return Err("it has another length");
    }
    let mut checksum = crc32fast::Hasher::new();
    for stretch in bytes[HEADER..].chunks(16 << 20) {
        checksum.update(stretch);
        file.release();
    }
    match checksum.finalize() == column.checksum {
        true => Ok(()),
        false => Err("its checksum is wrong"),
    }
}

/// What is wrong with the columns of an entry, all of which are read.
pub(super) fn problem(folder: &Path) -> Option<String> {
    let manifest = match Manifest::read(folder) {
        Ok(manifest) => manifest,
        Err(NoManifest::Damaged(why)) => return Some(why),
        Err(NoManifest::Absent | NoManifest::Version) => return None,
    };
    manifest.columns.iter().find_map(|column| {
        let path = folder.join(&column.name);
        let file = File::open(&path).and_then(|file| MappedFile::new(&file, &path));
        let found = match file {
            Ok(file) => verify(&file, column).map_err(str::to_string),
            Err(error) => Err(error.to_string()),
        };
        found.err().map(|why| format!("{}: {why}", column.name))
    })
}

/// The column files of an entry, by name.
struct Files(Vec<(String, Arc<MappedFile>)>);

impl Files {
    /// A column of so many numbers; an empty one has no file.
    fn column<T: Number>(&self, name: &str, length: usize) -> Option<Column<T>> {
        if length == 0 {
            return Some(Column::default());
        }
        let file = self.file(name)?;
        let fits = file.bytes().len() == HEADER + length * size_of::<T>();
        fits.then(|| part(file, 0..length)).flatten()
    }

    fn file(&self, name: &str) -> Option<&Arc<MappedFile>> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, file)| file)
    }
}

/// The numbers at these places of a file.
fn part<T: Number>(file: &Arc<MappedFile>, places: Range<usize>) -> Option<Column<T>> {
    let at = |place: usize| HEADER + place * size_of::<T>();
    Column::mapped(Arc::clone(file), at(places.start)..at(places.end))
}

/// The names of the column files.
const LABELS: &str = "labels.npy";
const FIELDS: &str = "fields.npy";
const NUMERIC: &str = "numeric.npy";
const EXTRA: &str = "extra.npy";
const GROUPS: &str = "groups.npy";
const EVENTS: &str = "history_events.npy";
const SPANS: &str = "history_spans.npy";
const INSTANTS: &str = "instants.npy";
const KEYS: &str = "id_keys.npy";
const ENDS: &str = "id_ends.npy";
const TEXTS: &str = "id_texts.npy";

/// The log of an entry; `None` if its columns do not fit each other.
fn log_of(manifest: Manifest, files: &Files) -> Option<Log> {
    let Manifest { examples, schema, days, calendar, day_one, groups, ids: sizes, .. } = manifest;
    let extra = manifest.extra;
    let rows = usize::try_from(examples).ok()?;
    let spans = if schema.history.is_some() { rows } else { 0 };
    let events = files.file(EVENTS).map_or(0, |file| (file.bytes().len() - HEADER) / 4);
    let groups = match groups {
        GroupsFrom::One => Groups::One,
        GroupsFrom::Field(field) => {
            (field < schema.fields.len()).then_some(Groups::Field(field))?
        }
        GroupsFrom::Column => Groups::Column(files.column(GROUPS, rows)?),
    };
    let end = days.last().map_or(0, |day| day.first + day.examples);
    let ids = ids_of(&sizes, &schema, files)?;
    (end <= examples).then_some(())?;
    Some(Log {
        labels: files.column(LABELS, rows)?,
        fields: files.column(FIELDS, rows * schema.fields.len())?,
        numeric: files.column(NUMERIC, rows * schema.numeric.len())?,
        extra: LogExtra { numbers: files.column(EXTRA, rows * extra.len())?, names: extra },
        groups,
        histories: Histories {
            events: files.column(EVENTS, events)?,
            spans: files.column(SPANS, spans)?,
        },
        instants: match day_one {
            Some(day_one) => LogInstants { stamps: files.column(INSTANTS, end as usize)?, day_one },
            None => LogInstants::default(),
        },
        schema,
        days,
        calendar,
        ids,
        facts: manifest.facts,
        remarks: manifest.remarks,
    })
}

fn ids_of(
    sizes: &[Option<(u64, u64)>],
    schema: &Schema,
    files: &Files,
) -> Option<Vec<Option<Ids>>> {
    let (mut row, mut byte) = (0, 0);
    let mut ids = Vec::new();
    for (space, sizes) in sizes.iter().enumerate() {
        let Some((rows, bytes)) = sizes else {
            ids.push(None);
            continue;
        };
        let (rows, bytes) = (usize::try_from(*rows).ok()?, usize::try_from(*bytes).ok()?);
        (schema.spaces.get(space)?.rows as usize == rows).then_some(())?;
        let of = match rows {
            0 => Ids::default(),
            _ => Ids::of_columns(
                part(files.file(KEYS)?, row..row + rows)?,
                part(files.file(TEXTS)?, byte..byte + bytes)?,
                part(files.file(ENDS)?, row..row + rows)?,
            )?,
        };
        ids.push(Some(of));
        (row, byte) = (row + rows, byte + bytes);
    }
    Some(ids)
}

/// Writes what of `log` is not yet in `folder`, in which `room` has made columns, and the manifest.
pub(super) fn write(
    folder: &Path,
    request: &LogRequest,
    log: &Log,
    files: Vec<SourceFile>,
    room: &Room,
) -> io::Result<()> {
    let mut writer = EntryWriter { folder, room, columns: Vec::new() };
    writer.column(LABELS, &log.labels, 1)?;
    writer.column(FIELDS, &log.fields, log.schema.fields.len())?;
    writer.column(NUMERIC, &log.numeric, log.schema.numeric.len())?;
    writer.column(EXTRA, &log.extra.numbers, log.extra.names.len())?;
    if let Groups::Column(groups) = &log.groups {
        writer.column(GROUPS, groups, 1)?;
    }
    writer.column(EVENTS, &log.histories.events, log.schema.history_columns())?;
    writer.column(SPANS, &log.histories.spans, 1)?;
    writer.column(INSTANTS, &log.instants.stamps, 1)?;
    let listed = || log.ids.iter().flatten();
    writer.columns(KEYS, listed().map(Ids::keys), 1)?;
    writer.columns(TEXTS, listed().map(|ids| ids.texts().0), 1)?;
    writer.columns(ENDS, listed().map(|ids| ids.texts().1), 1)?;
    let columns = writer.columns;
    // What was made on the way.
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if columns.iter().all(|column| *column.name != *entry.file_name()) {
            fs::remove_file(entry.path())?;
        }
    }
    Manifest::new(request, log, files, columns).write(folder)?;
    File::create(folder.join(USED)).map(drop)
}

struct EntryWriter<'a> {
    folder: &'a Path,
    room: &'a Room,
    columns: Vec<ColumnFile>,
}

impl EntryWriter<'_> {
    /// A column with rows of `width` numbers, unless it is empty.
    fn column<T: Number>(
        &mut self,
        name: &str,
        column: &Column<T>,
        width: usize,
    ) -> io::Result<()> {
        match self.room.file_of(column) {
            Some(written) => {
                fs::rename(&written.path, self.folder.join(name))?;
                self.note(name, &written)
            }
            None => self.columns(name, std::iter::once(&**column), width),
        }
    }

    /// One behind the other, unless all are empty.
    fn columns<'c, T: Number>(
        &mut self,
        name: &str,
        parts: impl Iterator<Item = &'c [T]>,
        width: usize,
    ) -> io::Result<()> {
        let mut writer: Option<ColumnWriter> = None;
        for part in parts.filter(|part| !part.is_empty()) {
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(ColumnWriter::create(self.folder.join(name))?),
            };
            writer.append(part)?;
        }
        let Some(writer) = writer else { return Ok(()) };
        let (_, written) = writer.finish::<T>(width)?;
        self.note(name, &written)
    }

    fn note(&mut self, name: &str, written: &Written) -> io::Result<()> {
        let stamp = FileStamp::of(&self.folder.join(name))?;
        let checksum = written.checksum;
        self.columns.push(ColumnFile { name: name.to_string(), checksum, stamp });
        Ok(())
    }
}

/// Waits until all columns are on the disk, and notes that they are.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    let Ok(read) = Manifest::read(folder) else { return Ok(()) };
    for column in &read.columns {
        let path = folder.join(&column.name);
        // Only Unix syncs what it cannot write.
        File::options().read(true).write(cfg!(not(unix))).open(path)?.sync_all()?;
    }
    update(folder, &read.columns, true, |manifest| manifest.synced = true)
}

/// Changes the manifest of an entry, unless another process has made it anew meanwhile: then it has
/// other columns. Without `waits` nothing is done while one makes it.
fn update(
    folder: &Path,
    columns: &[ColumnFile],
    waits: bool,
    change: impl FnOnce(&mut Manifest),
) -> io::Result<()> {
    let lock = File::options().write(true).open(folder.with_extension(LOCK))?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) if waits => lock.lock()?,
        Err(TryLockError::WouldBlock) => return Ok(()),
        // A file system without locks.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    match Manifest::read(folder) {
        Ok(mut now) if now.columns == columns => {
            change(&mut now);
            now.write(folder)
        }
        _ => Ok(()),
    }
}
