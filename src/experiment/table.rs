//! CSV files of a results folder, written row by row.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// One cell. Numbers are written in the shortest form that reads back the same.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Cell<'a> {
    /// Text; a leading `=`, `+`, `-` or `@` is defused for spreadsheets.
    Text(&'a str),
    /// A whole number.
    Whole(u64),
    /// A number; NaN and infinity are left empty.
    Number(f64),
    /// Nothing.
    Empty,
}

impl From<Option<f64>> for Cell<'_> {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Cell::Empty, Cell::Number)
    }
}

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
}

/// A table on its way to a file.
#[derive(Debug)]
pub struct TableWriter {
    path: PathBuf,
    out: BufWriter<File>,
    line: String,
}

impl TableWriter {
    /// Creates the file and writes its header.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(folder: &Path, name: &str, header: &str) -> io::Result<TableWriter> {
        let path = folder.join(name);
        let mut out = BufWriter::new(File::create(&path)?);
        writeln!(out, "{header}")?;
        Ok(TableWriter { path, out, line: String::new() })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If the file cannot be written, a full disk for instance.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        self.line.clear();
        push_row(&mut self.line, cells);
        self.out.write_all(self.line.as_bytes())
    }

    /// Hands what is buffered to the system.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Where the table is written.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn push_row(line: &mut String, cells: &[Cell<'_>]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        match cell {
            Cell::Text(text) => push_text(line, text),
            Cell::Whole(n) => _ = write!(line, "{n}"),
            Cell::Number(x) if x.is_finite() => _ = write!(line, "{x}"),
            Cell::Number(_) | Cell::Empty => {}
        }
    }
    line.push('\n');
}

fn push_text(line: &mut String, text: &str) {
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

    #[test]
    fn cells_are_quoted_and_defused() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = TableWriter::create(folder.path(), "t.csv", "a,b,c,d").unwrap();
        table
            .row(&[
                Cell::Text("=1+1, \"x\""),
                Cell::Whole(7),
                Cell::Number(0.1),
                Cell::Number(f64::NAN),
            ])
            .unwrap();
        table.row(&[Cell::Text("a\nb"), Cell::Empty, None.into(), Some(2.0).into()]).unwrap();
        table.flush().unwrap();
        let text = std::fs::read_to_string(table.path()).unwrap();
        assert_eq!(text, "a,b,c,d\n\"'=1+1, \"\"x\"\"\",7,0.1,\na\u{fffd}b,,,2\n");
    }
}
