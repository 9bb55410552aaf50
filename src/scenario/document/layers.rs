//! Reads a file and the files that it extends into one table.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::errors;
use super::node::{Entry, KeyTable, Value};
use super::parse::{self, MAX_FILE};
use super::problem::Problem;
use super::source::{Origin, SourceId, SourceLayer, Sources};
use super::write::literal;

/// The key at the top of a file that names the file below it.
pub const EXTENDS: &str = "extends";
/// Longest chain of files.
pub const MAX_CHAIN: usize = 8;

/// Where a document begins.
#[derive(Clone, Copy, Debug)]
pub enum DocumentInput<'a> {
    /// A file; it may extend others in its directory and below.
    File(&'a Path),
    /// A text, called `name` in messages; it may not extend files.
    Text {
        /// What to call it.
        name: &'a str,
        /// The text.
        text: &'a str,
    },
}

/// The files merged, lowest first, and the source of the topmost one.
#[derive(Debug)]
pub struct Files {
    /// Everything the files say, without `extends`.
    pub table: KeyTable,
    /// The topmost file.
    pub main: SourceId,
    /// Every problem in reading them.
    pub problems: Vec<Problem>,
}

/// Reads `input` and everything it extends.
pub fn read(input: DocumentInput<'_>, sources: &mut Sources) -> Files {
    let mut chain = Chain { home: None, open: Vec::new(), problems: Vec::new() };
    let (main, table) = match input {
        DocumentInput::Text { name, text } => {
            let main = sources.add(name.to_string(), text.to_string(), SourceLayer::File);
            (main, chain.parse(main, sources, None))
        }
        DocumentInput::File(path) => match read_text(path) {
            Ok(text) => {
                let main = sources.add(path.display().to_string(), text, SourceLayer::File);
                let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
                chain.home = real.parent().map(Path::to_path_buf);
                chain.open.push(real);
                (main, chain.parse(main, sources, Some(path)))
            }
            Err(reason) => {
                let main =
                    sources.add(path.display().to_string(), String::new(), SourceLayer::File);
                let message = format!("cannot read {}: {reason}", path.display());
                let problem = Problem::error(&errors::UNREADABLE, "", message);
                chain.problems.push(problem);
                (main, KeyTable::default())
            }
        },
    };
    Files { table, main, problems: chain.problems }
}

struct Chain {
    home: Option<PathBuf>,
    open: Vec<PathBuf>,
    problems: Vec<Problem>,
}

impl Chain {
    fn parse(&mut self, source: SourceId, sources: &mut Sources, path: Option<&Path>) -> KeyTable {
        let (mut table, problems) = parse::document(&sources.get(source).text, source);
        self.problems.extend(problems);
        let Some(entry) = table.entries.remove(EXTENDS) else {
            return table;
        };
        let origin = entry.node.origin;
        let Value::String(name) = &entry.node.value else {
            self.refuse(origin, "`extends` names one file, as in extends = \"base.toml\"".into());
            return table;
        };
        let Some(path) = path else {
            self.refuse(origin, "only a file can extend another file".to_string());
            return table;
        };
        let Some(mut below) = self.below(name, path, origin, sources) else {
            return table;
        };
        below.overlay(table);
        below
    }

    /// Reads the file that `path` extends.
    fn below(
        &mut self,
        name: &str,
        path: &Path,
        origin: Origin,
        sources: &mut Sources,
    ) -> Option<KeyTable> {
        let target = path.parent().unwrap_or(Path::new("")).join(name);
        let real = match target.canonicalize() {
            Ok(real) => real,
            Err(reason) => {
                self.refuse(origin, format!("cannot read the file to extend: {reason}"));
                return None;
            }
        };
        let inside = self.home.as_ref().is_some_and(|home| real.starts_with(home));
        if Path::new(name).is_absolute() || !inside {
            let message = "a file outside of the directory of the scenario cannot be extended";
            self.refuse(origin, message.to_string());
            return None;
        }
        if self.open.contains(&real) {
            self.refuse(origin, "the files extend each other in a circle".to_string());
            return None;
        }
        if self.open.len() > MAX_CHAIN {
            self.refuse(origin, format!("more than {MAX_CHAIN} files extend each other"));
            return None;
        }
        let text = match read_text(&real) {
            Ok(text) => text,
            Err(reason) => {
                self.refuse(origin, format!("cannot read the file to extend: {reason}"));
                return None;
            }
        };
        let source = sources.add(target.display().to_string(), text, SourceLayer::File);
        self.open.push(real);
        let table = self.parse(source, sources, Some(&target));
        self.open.pop();
        Some(table)
    }

    fn refuse(&mut self, origin: Origin, message: String) {
        let problem = Problem::error(&errors::EXTENDS, EXTENDS, message);
        self.problems.push(problem.label(origin, ""));
    }
}

/// The text of a file, or in words why it cannot be read. Never reads more than the limit.
pub fn read_text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > MAX_FILE {
        return Err(format!(
            "it has more than {MAX_FILE} bytes, so it is no scenario; the files of a log are named in `data.files` of \
             one"
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count();
        format!("it is not UTF-8 text (line {line})")
    })
}

impl KeyTable {
    /// Lays `upper` over this table. Tables are merged; lists and other values are replaced; a
    /// section in which `upper` chooses another `kind` is replaced as a whole.
    pub fn overlay(&mut self, upper: KeyTable) {
        for (key, new) in upper.entries {
            match self.entries.get_mut(&key) {
                Some(old) => old.overlay(new),
                None => {
                    self.entries.insert(key, new);
                }
            }
        }
    }
}

impl Entry {
    /// Puts `new` in the place of this entry, merging tables and remembering replaced values.
    pub fn overlay(&mut self, new: Entry) {
        if let (Value::Table(lower), Value::Table(_)) = (&mut self.node.value, &new.node.value) {
            let Value::Table(upper) = new.node.value else {
                return;
            };
            let same_kind = match (lower.tag(), upper.tag()) {
                (Some(old), Some(chosen)) => old == chosen,
                _ => true,
            };
            if same_kind {
                lower.overlay(upper);
            } else {
                *lower = upper;
            }
            self.key_origin = new.key_origin;
            self.node.origin = new.node.origin;
            return;
        }
        let mut replaced = std::mem::take(&mut self.replaced);
        if !self.node.origin.is_default() {
            replaced.push((literal(&self.node), self.node.origin));
        }
        replaced.extend(new.replaced);
        *self = Entry { replaced, ..new };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn messages(files: &Files) -> Vec<String> {
        files.problems.iter().map(|p| p.message.clone()).collect()
    }

    #[test]
    fn the_upper_file_wins_and_the_lower_fills_in() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("parts")).unwrap();
        fs::write(dir.path().join("parts/low.toml"), "a = 1\nb.c = 2\nb.d = 3").unwrap();
        fs::write(dir.path().join("base.toml"), "extends = 'parts/low.toml'\nb.c = 4").unwrap();
        fs::write(dir.path().join("top.toml"), "extends = 'base.toml'\na = 5").unwrap();
        let mut sources = Sources::default();
        let files = read(DocumentInput::File(&dir.path().join("top.toml")), &mut sources);
        assert_eq!(messages(&files), Vec::<String>::new());
        let root = super::super::node::Node::new(Value::Table(files.table), Origin::DEFAULT);
        let value = |path| root.find(path).unwrap().node.value.clone();
        assert_eq!(value("a"), Value::Integer(5));
        assert_eq!(value("b.c"), Value::Integer(4));
        assert_eq!(value("b.d"), Value::Integer(3));
        assert!(root.find("extends").is_none());
    }

    #[test]
    fn r36_circles_long_chains_and_the_outside_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::write(dir.path().join("secret.toml"), "a = 1").unwrap();
        fs::write(home.join("out.toml"), "extends = '../secret.toml'").unwrap();
        fs::write(home.join("a.toml"), "extends = 'b.toml'").unwrap();
        fs::write(home.join("b.toml"), "extends = 'a.toml'").unwrap();
        for i in 0..10 {
            let text = format!("extends = 'c{}.toml'", i + 1);
            fs::write(home.join(format!("c{i}.toml")), text).unwrap();
        }
        fs::write(home.join("c10.toml"), "").unwrap();
        let problem = |name: &str| {
            let files = read(DocumentInput::File(&home.join(name)), &mut Sources::default());
            messages(&files).concat()
        };
        assert!(problem("out.toml").contains("outside"));
        assert!(problem("a.toml").contains("circle"));
        assert!(problem("c0.toml").contains("more than 8"));
        assert_eq!(problem("c2.toml"), "");
        assert!(problem("none.toml").contains("cannot read"));
        let text = DocumentInput::Text { name: "page", text: "extends = 'a.toml'" };
        let files = read(text, &mut Sources::default());
        assert!(messages(&files).concat().contains("only a file"));
    }
}
