//! CSV files of a results folder, written row by row.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Cell, TableRow};
use crate::results::disk::Output;

/// A table in memory.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TableText {
    /// The lines so far, each ending in a line feed.
    pub text: String,
}

impl TableText {
    /// Adds a row.
    pub fn row(&mut self, cells: &[Cell<'_>]) {
        push_row(&mut self.text, cells);
    }

    /// A whole table.
    pub fn of<R: TableRow>(rows: impl IntoIterator<Item = R>) -> String {
        let mut table = TableText::default();
        table.row(&R::TABLE.header().map(Cell::from).collect::<Vec<_>>());
        rows.into_iter().for_each(|row| table.row(row.cells().as_ref()));
        table.text
    }
}

/// A table on its way to a file.
#[derive(Debug)]
pub struct TableWriter {
    path: PathBuf,
    out: BufWriter<Output>,
    line: String,
    /// Bytes written, and their checksum.
    written: u64,
    checksum: u32,
}

impl TableWriter {
    /// Creates the file and writes its header.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create<R: TableRow>(folder: &Path) -> io::Result<TableWriter> {
        let path = folder.join(R::TABLE.file);
        let out = BufWriter::new(Output::create(&path)?);
        let mut table = TableWriter { path, out, line: String::new(), written: 0, checksum: 0 };
        push_row(&mut table.line, &R::TABLE.header().map(Cell::from).collect::<Vec<_>>());
        table.write_line()?;
        Ok(table)
    }

    /// Writes a whole table, and syncs it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write<R: TableRow>(folder: &Path, rows: impl IntoIterator<Item = R>) -> io::Result<()> {
        let mut table = TableWriter::create::<R>(folder)?;
        rows.into_iter().try_for_each(|row| table.row(&row))?;
        table.sync()
    }

    /// Opens an existing file and changes nothing in it. The valid length is loaded next, and
    /// [`cut`](Self::cut) drops the rest.
    ///
    /// # Errors If the file does not exist or cannot be opened.
    pub fn reopen<R: TableRow>(folder: &Path) -> io::Result<TableWriter> {
        let path = folder.join(R::TABLE.file);
        let out = BufWriter::new(Output::reopen(&path)?);
        Ok(TableWriter { path, out, line: String::new(), written: 0, checksum: 0 })
    }

    /// Drops the rows that were written after the loaded state.
    ///
    /// # Errors If the file is shorter, or its beginning has changed since the state was saved.
    pub fn cut(&mut self) -> io::Result<()> {
        let mut checksum = crc32fast::Hasher::new();
        let mut kept = Vec::new();
        self.out.rewind()?;
        self.out.get_mut().content().take(self.written).read_to_end(&mut kept)?;
        checksum.update(&kept);
        if kept.len() as u64 != self.written || checksum.finalize() != self.checksum {
            let message = format!("{} is not as it was left", self.path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.out.get_ref().set_len(self.written)?;
        self.out.seek(SeekFrom::Start(self.written)).map(|_| ())
    }

    /// Makes sure that everything is on the disk.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub fn sync(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync()
    }

    fn write_line(&mut self) -> io::Result<()> {
        let mut checksum = crc32fast::Hasher::new_with_initial(self.checksum);
        checksum.update(self.line.as_bytes());
        self.checksum = checksum.finalize();
        self.written += self.line.len() as u64;
        self.out.write_all(self.line.as_bytes())
    }

    /// Adds a row of the table that it was created for.
    ///
    /// # Errors If the file cannot be written, for example because the disk is full.
    pub fn row<R: TableRow>(&mut self, row: &R) -> io::Result<()> {
        debug_assert!(self.path.ends_with(R::TABLE.file), "a row of another table");
        self.line.clear();
        push_row(&mut self.line, row.cells().as_ref());
        self.write_line()
    }

    /// Writes rows, and gives them to the system.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub fn append<R: TableRow>(&mut self, rows: impl IntoIterator<Item = R>) -> io::Result<()> {
        rows.into_iter().try_for_each(|row| self.row(&row))?;
        self.flush()
    }

    /// Gives buffered rows to the system.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The path of the table's file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

crate::persist!(TableWriter {
    path: fixed,
    out: fixed,
    line: scratch,
    written: state,
    checksum: state
});

pub(super) fn push_row(line: &mut String, cells: &[Cell<'_>]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        match cell {
            Cell::Text(text) => push_text(line, text),
            Cell::Whole(n) => _ = write!(line, "{n}"),
            Cell::Number(x) if x.is_finite() => _ = write!(line, "{x}"),
            Cell::Number(_) | Cell::Empty => {}
            Cell::Flag(flag) => _ = write!(line, "{flag}"),
        }
    }
    line.push('\n');
}

fn push_text(line: &mut String, text: &str) {
    let is_special = |c: char| c.is_control() || matches!(c, ',' | '"');
    if !text.starts_with(['=', '+', '-', '@']) && !text.contains(is_special) {
        return line.push_str(text);
    }
    let clean: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let clean = match clean.chars().next() {
        Some('=' | '+' | '-' | '@') => format!("'{clean}"),
        _ => clean,
    };
    if clean.contains([',', '"']) {
        line.push('"');
        line.push_str(&clean.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(&clean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::persist::{Loader, Persist, Saver};
    use crate::results::tables::AuditRow;

    #[test]
    fn r38_cells_are_quoted_and_defused() {
        let mut table = TableText::default();
        let one = Cell::from("=1+1, \"x\"");
        table.row(&[one, Cell::Whole(7), Cell::Number(0.1), Cell::Number(f64::NAN)]);
        table.row(&[Cell::from("a\nb"), Cell::Empty, None.into(), Some(2.0).into()]);
        assert_eq!(table.text, "\"'=1+1, \"\"x\"\"\",7,0.1,\na\u{fffd}b,,,2\n");
    }

    fn row(uses: u64) -> AuditRow {
        AuditRow { uses, examples: 0 }
    }

    #[test]
    fn what_was_written_behind_a_saved_state_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = TableWriter::create::<AuditRow>(folder.path()).unwrap();
        table.row(&row(1)).unwrap();
        let mut state = Saver::default();
        table.save(&mut state);
        table.row(&row(2)).unwrap();
        table.sync().unwrap();
        let state = state.into_bytes();
        let reopened = || {
            let mut table = TableWriter::reopen::<AuditRow>(folder.path()).unwrap();
            table.load(&mut Loader::new(&state)).unwrap();
            table
        };
        let mut again = reopened();
        again.cut().unwrap();
        again.row(&row(3)).unwrap();
        again.sync().unwrap();
        let path = again.path().to_path_buf();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "uses,examples\n1,0\n3,0\n");
        for damaged in ["uses,examples\n", "uses,b\n1,0\n3,0\n", ""] {
            std::fs::write(&path, damaged).unwrap();
            assert!(reopened().cut().is_err(), "{damaged}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
        }
    }
}
