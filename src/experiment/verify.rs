//! Whether two executions of the same plan have the same results, and if not, where they first
//! differ.
//!
//! Series are written during the simulation. So the first difference is the one with the smallest
//! simulated time, in any file. Tables that are written at the end come after all of them, and
//! checkpoints and pictures last. Stages are folders of their own, and compared like the run. The
//! page and `run-info.json` are not compared.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::checkpoint::keeper;
use super::stages;
use crate::results::Summary;
use crate::results::folder::hex_digest;

/// The first place at which two folders differ.
#[derive(Clone, PartialEq, Debug)]
pub struct FirstDifference {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 if the file has no lines.
    pub line: usize,
    /// The column of a table, if a single cell differs.
    pub column: Option<String>,
    /// The cell or line in the folder that was kept; `None` if the file ends before it.
    pub kept: Option<String>,
    /// The cell or line in the other folder.
    pub again: Option<String>,
    /// The cells that say when and where: update, simulated time, worker, shard, layer.
    pub at: Vec<(String, String)>,
    /// The simulated second at which the row was written, in series.
    pub sim_s: Option<f64>,
}

/// What a comparison of two folders has found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Verified {
    /// Files that were compared.
    pub files: usize,
    /// Lines that were compared.
    pub lines: usize,
    /// Files that no longer have the checksum that `summary.json` gives them: they were changed
    /// later.
    pub changed: Vec<String>,
    /// Files that `summary.json` lists and that are gone.
    pub deleted: Vec<String>,
    /// The first difference.
    pub first: Option<FirstDifference>,
}

/// Columns that say when a row was written, by preference.
const TIMES: [&str; 2] = ["sim_s", "end_s"];
/// Columns that say where in the simulated job a row belongs.
const PLACES: [&str; 11] = [
    "update", "sim_s", "end_s", "step", "worker", "shard", "view", "group", "layer", "class",
    "table",
];

/// Compares the results in `kept` with those in `again`, which has just been run.
///
/// # Errors
/// If a file cannot be read.
pub fn compare(kept: &Path, again: &Path) -> io::Result<Verified> {
    let listed = listed(kept);
    let mut names = results(again)?;
    names.extend(listed.iter().map(|(name, _)| name.clone()));
    if !pictured(kept) {
        names.retain(|name| !name.starts_with("plots/"));
    }
    let mut verified = Verified::default();
    for name in &names {
        let (one, other) = (read(&place(kept, name))?, read(&again.join(name))?);
        let digest = hex_digest(&one);
        if listed.iter().any(|(known, was)| known == name && *was != digest) {
            match place(kept, name).exists() {
                true => verified.changed.push(name.clone()),
                false => verified.deleted.push(name.clone()),
            }
        }
        verified.files += 1;
        if !is_text(name) {
            if one != other && verified.first.is_none() {
                verified.first = Some(FirstDifference::of_whole(name, &one, &other));
            }
            continue;
        }
        let (one, other) = (String::from_utf8_lossy(&one), String::from_utf8_lossy(&other));
        verified.lines += one.lines().count().max(other.lines().count());
        if let Some(found) = first_difference(name, &one, &other)
            && verified.first.as_ref().is_none_or(|first| found.when(first) == Ordering::Less)
        {
            verified.first = Some(found);
        }
    }
    Ok(verified)
}

impl FirstDifference {
    /// Two files that differ and have no lines.
    fn of_whole(file: &str, one: &[u8], other: &[u8]) -> FirstDifference {
        let about = |bytes: &[u8]| {
            (!bytes.is_empty())
                .then(|| format!("{} bytes, SHA-256 {}", bytes.len(), hex_digest(bytes)))
        };
        FirstDifference {
            file: file.to_string(),
            line: 0,
            column: None,
            kept: about(one),
            again: about(other),
            at: Vec::new(),
            sim_s: None,
        }
    }

    /// Which of two comes first: by time. A difference without a time was written at the end.
    fn when(&self, other: &FirstDifference) -> Ordering {
        let time = |difference: &FirstDifference| difference.sim_s.unwrap_or(f64::INFINITY);
        time(self).total_cmp(&time(other))
    }
}

/// Whether a file is compared line by line.
fn is_text(name: &str) -> bool {
    [".csv", ".json", ".toml"].iter().any(|end| name.ends_with(end))
}

/// The names of the files with results, from the folder on.
fn results(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for name in list(folder)? {
        if is_text(&name) && name != super::run_info::FILE {
            names.insert(name);
        }
    }
    for (inner, ends) in [(keeper::FOLDER, &[".safetensors"][..]), ("plots", &[".svg", ".png"])] {
        let files = list(&folder.join(inner)).unwrap_or_default().into_iter();
        let files = files.filter(|name| ends.iter().any(|end| name.ends_with(end)));
        names.extend(files.map(|name| format!("{inner}/{name}")));
    }
    for stage in list(&folder.join(stages::FOLDER)).unwrap_or_default() {
        let own = results(&folder.join(stages::FOLDER).join(&stage))?.into_iter();
        names.extend(own.map(|name| format!("{}/{stage}/{name}", stages::FOLDER)));
    }
    Ok(names)
}

fn list(folder: &Path) -> io::Result<Vec<String>> {
    let name = |entry: io::Result<fs::DirEntry>| -> io::Result<String> {
        Ok(entry?.file_name().to_string_lossy().into_owned())
    };
    fs::read_dir(folder)?.map(name).collect()
}

/// Whether pictures were drawn for a run.
pub fn pictured(folder: &Path) -> bool {
    folder.join("plots").exists() || folder.join("report.html").exists()
}

/// Where a run has a file: the trials of a sweep share their stages.
fn place(kept: &Path, name: &str) -> PathBuf {
    let sweep =
        kept.parent().and_then(Path::parent).filter(|path| path.join("plan.jsonl").exists());
    match sweep {
        Some(sweep) if name.starts_with(stages::FOLDER) => sweep.join(name),
        _ => kept.join(name),
    }
}

/// The files that `summary.json` lists, with the checksums that they had then.
fn listed(folder: &Path) -> Vec<(String, String)> {
    let summary = Summary::read(folder).ok().flatten().unwrap_or_default();
    // Other names with a folder in them are no files of results.
    let is_inside = |name: &str| {
        let plain = name.strip_prefix(keeper::FOLDER).and_then(|name| name.strip_prefix('/'));
        let plain = plain.unwrap_or(name);
        Path::new(plain).file_name().is_some_and(|own| own == plain)
    };
    summary.files.into_iter().filter(|(name, _)| is_inside(name)).collect()
}

/// The bytes of a file; empty if it does not exist.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        read => read,
    }
}

/// The first line that differs. The version of the program may differ: another version may have the
/// same results.
fn first_difference(file: &str, one: &str, other: &str) -> Option<FirstDifference> {
    let is_version = |line: &str| line.trim_start().starts_with("\"version\":");
    let (mut kept, mut again) = (one.lines(), other.lines());
    let mut line = 0;
    loop {
        line += 1;
        let (a, b) = (kept.next(), again.next());
        if a.is_none() && b.is_none() {
            return None;
        }
        if a == b || (a.is_some_and(is_version) && b.is_some_and(is_version)) {
            continue;
        }
        let text = |line: Option<&str>| line.map(|text| text.trim().to_string());
        let mut found = FirstDifference {
            file: file.to_string(),
            line,
            column: None,
            kept: text(a),
            again: text(b),
            at: Vec::new(),
            sim_s: None,
        };
        if file.ends_with(".csv") && line > 1 {
            found.look_into_the_row(&cells(one.lines().next().unwrap_or_default()));
        }
        return Some(found);
    }
}

impl FirstDifference {
    /// Finds the cell that differs, and when and where the row was written.
    fn look_into_the_row(&mut self, header: &[String]) {
        let split = |line: &Option<String>| line.as_deref().map(cells).unwrap_or_default();
        let (kept, again) = (split(&self.kept), split(&self.again));
        // The newly computed row says where it belongs, unless that run has ended by then.
        let row = if again.is_empty() { &kept } else { &again };
        let cell = |name: &str| {
            let at = header.iter().position(|column| column == name)?;
            row.get(at).filter(|text| !text.is_empty())
        };
        self.sim_s = TIMES.iter().find_map(|name| cell(name)?.parse().ok());
        let places = PLACES.iter().filter_map(|name| Some((name.to_string(), cell(name)?.clone())));
        self.at = places.collect();
        if kept.len() == header.len() && again.len() == header.len() {
            let apart = kept.into_iter().zip(again).enumerate().find(|(_, (a, b))| a != b);
            if let Some((at, (a, b))) = apart {
                self.column = Some(header[at].clone());
                (self.kept, self.again) = (Some(a), Some(b));
            }
        }
    }
}

/// Cells of a row; a row that is not CSV is one cell.
fn cells(line: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => record.iter().map(str::to_string).collect(),
        _ => vec![line.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn r09_the_earliest_difference_is_named_whichever_file_it_is_in() {
        let (head, time) =
            ("update,sim_s,loss\n1,0.5,0.25\n", "worker,start_s,end_s\n3,0.5,0.75\n");
        let one = folder(&[
            ("a.csv", &format!("{head}2,1.5,0.125\n")),
            ("b.csv", &format!("{time}4,0.5,1.25\n")),
            ("c.csv", "shard,rows\n0,7\n"),
            ("summary.json", "{\n  \"version\": \"0.1.0\",\n  \"sim_s\": 2.0\n}\n"),
        ]);
        let same = compare(one.path(), one.path()).unwrap();
        assert_eq!((same.files, same.lines, same.first), (4, 12, None));
        let other = folder(&[
            ("a.csv", &format!("{head}2,1.5,0.126\n")),
            ("b.csv", &format!("{time}5,0.5,1.25\n")),
            ("c.csv", "shard,rows\n0,8\n"),
            ("summary.json", "{\n  \"version\": \"0.2.0\",\n  \"sim_s\": 2.5\n}\n"),
        ]);
        let first = compare(one.path(), other.path()).unwrap().first.unwrap();
        assert_eq!((first.file.as_str(), first.line), ("b.csv", 3));
        assert_eq!((first.column.as_deref(), first.sim_s), (Some("worker"), Some(1.25)));
        assert_eq!((first.kept.as_deref(), first.again.as_deref()), (Some("4"), Some("5")));
        // Without the series, the files written at the end are compared; another version alone is
        // no difference.
        for name in ["a.csv", "b.csv"] {
            fs::copy(one.path().join(name), other.path().join(name)).unwrap();
        }
        let first = compare(one.path(), other.path()).unwrap().first.unwrap();
        assert_eq!((first.file.as_str(), first.column.as_deref()), ("c.csv", Some("rows")));
        fs::copy(one.path().join("c.csv"), other.path().join("c.csv")).unwrap();
        let first = compare(one.path(), other.path()).unwrap().first.unwrap();
        assert_eq!((first.file.as_str(), first.line), ("summary.json", 3));
    }

    #[test]
    fn r09_missing_rows_files_and_columns_are_differences() {
        let one = folder(&[("a.csv", "update,sim_s\n1,0.5\n2,1.5\n")]);
        let cases = [
            ("update,sim_s\n1,0.5\n", 3, Some("2,1.5"), None),
            ("update,sim_s\n1,0.5\n2,1.5\n3,2\n", 4, None, Some("3,2")),
            ("update,sim_s\n1,0.5\n2,1.5,7\n", 3, Some("2,1.5"), Some("2,1.5,7")),
            ("", 1, Some("update,sim_s"), None),
        ];
        for (text, line, kept, again) in cases {
            let other = folder(&[("a.csv", text)]);
            let first = compare(one.path(), other.path()).unwrap().first.unwrap();
            let said = (first.line, first.kept.as_deref(), first.again.as_deref());
            assert_eq!(said, (line, kept, again), "{text:?}");
        }
    }
}
