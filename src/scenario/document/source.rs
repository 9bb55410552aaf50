//! Where text came from: the files and command-line arguments that a document is made of, and
//! places in them.

use std::ops::Range;

/// Which of the texts of a document; the order is the order of reading.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId(u32);

/// What kind of text a source is. The order is that of precedence: a later layer wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SourceLayer {
    /// The defaults of the typed structs, which are in no text.
    Default,
    /// The settings that a preset stands for.
    Preset,
    /// A file, or a text handed over in its place.
    File,
    /// One setting of a sweep point.
    SweepPoint,
    /// One argument of the command line.
    CommandLine,
}

/// One text.
#[derive(Clone, Debug)]
pub struct Source {
    /// How people call it: a path, or `command line, argument 3`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// What kind of text it is.
    pub layer: SourceLayer,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// All texts of a document. The first stands for the defaults and is empty.
#[derive(Clone, Debug)]
pub struct Sources {
    list: Vec<Source>,
}

/// A place in one of the texts, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Origin {
    /// Which text.
    pub source: SourceId,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Origin {
    /// The origin of every value that is a default.
    pub const DEFAULT: Origin = Origin { source: SourceId(0), start: 0, end: 0 };

    /// The place `span` of `source`.
    pub fn new(source: SourceId, span: Range<usize>) -> Self {
        Origin { source, start: span.start, end: span.end }
    }

    /// Whether the value is a default.
    pub fn is_default(self) -> bool {
        self.source == SourceId(0)
    }
}

impl Default for Sources {
    fn default() -> Self {
        let mut sources = Sources { list: Vec::new() };
        sources.add("default".to_string(), String::new(), SourceLayer::Default);
        sources
    }
}

impl Sources {
    /// Adds a text.
    pub fn add(&mut self, name: String, text: String, layer: SourceLayer) -> SourceId {
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(newlines).collect();
        self.list.push(Source { name, text, layer, lines });
        SourceId(self.list.len() as u32 - 1)
    }

    /// The whole text with this name; [`Origin::DEFAULT`] if there is none.
    pub fn named(&self, name: &str) -> Origin {
        let at = self.list.iter().position(|source| source.name == name);
        at.map_or(Origin::DEFAULT, |at| {
            Origin::new(SourceId(at as u32), 0..self.list[at].text.len())
        })
    }

    /// Number of files among the texts.
    pub fn files(&self) -> usize {
        self.list.iter().filter(|source| source.layer == SourceLayer::File).count()
    }

    /// One of the texts.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// Line and column (in characters) of the first byte of `origin`, both counted from 1.
    pub fn line_column(&self, origin: Origin) -> (usize, usize) {
        let source = self.get(origin.source);
        let line = source.lines.partition_point(|start| *start <= origin.start);
        let before = &source.text[source.lines[line - 1]..origin.start];
        (line, 1 + before.chars().count())
    }

    /// The place in words: `jd.toml:47`, `preset xdl`, `command line, argument 3`, or
    /// `default`.
    pub fn describe(&self, origin: Origin) -> String {
        let source = self.get(origin.source);
        match source.layer {
            SourceLayer::File => format!("{}:{}", source.name, self.line_column(origin).0),
            _ => source.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let mut sources = Sources::default();
        let text = "a = 1\n\"é\" = 2\n";
        let id = sources.add("x.toml".into(), text.into(), SourceLayer::File);
        let at = |needle: &str| {
            let start = text.find(needle).unwrap();
            sources.line_column(Origin::new(id, start..start + 1))
        };
        assert_eq!(at("a"), (1, 1));
        assert_eq!(at("2"), (2, 7));
        assert_eq!(sources.describe(Origin::new(id, 6..7)), "x.toml:2");
        assert_eq!(sources.describe(Origin::DEFAULT), "default");
    }
}
