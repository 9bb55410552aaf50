//! Draws problems with their lines and carets.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::problem::{Label, MAX_PROBLEMS, Problem, Problems, Severity};
use super::source::{Origin, Source, SourceId, SourceLayer, Sources};
use crate::base::{counted, printable};

/// How many problems are drawn; the others are counted.
pub const SHOWN: usize = 20;
/// Longest piece of a line that is drawn, in characters, on either side of the caret.
const MARGIN: usize = 100;

/// How problems are drawn.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ProblemStyle {
    /// Whether to use the colours of the terminal.
    pub colour: bool,
}

impl Problems {
    /// Errors and warnings with their lines and carets, at most 20, and a closing line.
    pub fn render(&self, look: ProblemStyle) -> String {
        render(self, look)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(ProblemStyle::default()))
    }
}

/// All problems, at most [`SHOWN`] drawn, and the closing line.
pub fn render(problems: &Problems, look: ProblemStyle) -> String {
    let renderer = match look.colour {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    let mut text = String::new();
    for problem in problems.list.iter().take(SHOWN) {
        text.push_str(&draw(problem, &problems.sources, &renderer));
        text.push_str("\n\n");
    }
    if problems.list.len() > SHOWN {
        let more = problems.list.len() - SHOWN;
        text.push_str(&format!("and {}{more} more\n\n", at_least(problems)));
    }
    text.push_str(&closing_line(problems));
    text.push('\n');
    text
}

fn closing_line(problems: &Problems) -> String {
    let count = |severity, one: &str, many: &str| match problems.count(severity) {
        0 => None,
        n => Some(counted(n, one, many)),
    };
    let errors = count(Severity::Error, "error", "errors");
    let ending = if errors.is_some() { "; nothing was started" } else { "" };
    let counts: Vec<String> =
        errors.into_iter().chain(count(Severity::Warning, "warning", "warnings")).collect();
    match counts.is_empty() {
        true => "no errors".to_string(),
        false => format!("{}{}{ending}", at_least(problems), counts.join(", ")),
    }
}

/// The words before the counts if the search for mistakes was cut short.
fn at_least(problems: &Problems) -> &'static str {
    match problems.list.len() >= MAX_PROBLEMS {
        true => "at least ",
        false => "",
    }
}

fn draw(problem: &Problem, sources: &Sources, renderer: &Renderer) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(printable(&problem.message)).id(problem.code.id);
    let mut group = Group::with_title(title);
    let mut headings = Vec::new();
    for (source, labels) in by_source(&problem.labels) {
        let Source { name, text, layer, .. } = sources.get(source);
        let name = printable(name);
        let excerpt = Excerpt::of(text, &labels);
        let origin = labels[0].1.origin;
        let (line, column) = sources.line_column(origin);
        let drawn = format!("{name}:{line}:{}", excerpt.column);
        headings.push(match layer {
            SourceLayer::File => (drawn, format!("{name}:{line}:{column}")),
            _ => (drawn, name.clone()),
        });
        let snippet = Snippet::source(excerpt.text).line_start(excerpt.line).path(name);
        let marks = excerpt.marks.into_iter().map(|mark| {
            let drawn: Annotation<'_> = mark.kind.span(mark.span);
            match mark.text.is_empty() {
                true => drawn,
                false => drawn.label(mark.text),
            }
        });
        group = group.element(snippet.annotations(marks));
    }
    for help in &problem.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    let mut text = renderer.render(&[group]);
    // An argument has no line, and a cropped line has another column than its file.
    for (drawn, meant) in headings {
        text = text.replacen(&drawn, &meant, 1);
    }
    text
}

/// Labels grouped by text in the order of their first appearance, each with its number.
fn by_source(labels: &[Label]) -> Vec<(SourceId, Vec<(usize, &Label)>)> {
    let mut groups: Vec<(SourceId, Vec<(usize, &Label)>)> = Vec::new();
    for (index, label) in labels.iter().enumerate() {
        let source = label.origin.source;
        match groups.iter_mut().find(|(id, _)| *id == source) {
            Some((_, group)) => group.push((index, label)),
            None => groups.push((source, vec![(index, label)])),
        }
    }
    groups
}

/// The labelled lines of one text.
struct Excerpt {
    text: String,
    /// Number of the first line.
    line: usize,
    /// Column of the first label in the excerpt.
    column: usize,
    marks: Vec<Mark>,
}

struct Mark {
    kind: AnnotationKind,
    span: Range<usize>,
    text: String,
}

impl Excerpt {
    /// Cuts the labelled lines out of `text`, and those between neighbouring ones. Lines that would
    /// be folded anyway are left empty, and overlong lines are cropped around their labels.
    fn of(text: &str, labels: &[(usize, &Label)]) -> Excerpt {
        let mut sorted = labels.to_vec();
        sorted.sort_by_key(|(_, label)| label.origin);
        let number = |at: usize| 1 + text[..at].bytes().filter(|byte| *byte == b'\n').count();
        let mut excerpt = Excerpt {
            text: String::new(),
            line: number(sorted[0].1.origin.start),
            column: 1,
            marks: Vec::new(),
        };
        let mut last: Option<Range<usize>> = None;
        let mut rest = &sorted[..];
        while let Some((_, first)) = rest.first() {
            let line = line_around(text, first.origin.start);
            let count = rest.iter().take_while(|(_, label)| label.origin.start <= line.end);
            let (here, behind) = rest.split_at(count.count());
            if let Some(last) = last {
                excerpt.between(&text[last.end..line.start]);
            }
            excerpt.line(text, line.clone(), here, labels[0].0);
            last = Some(line);
            rest = behind;
        }
        excerpt
    }

    /// Adds what lies between two labelled lines.
    fn between(&mut self, gap: &str) {
        let lines: Vec<&str> = gap.split('\n').collect();
        self.text.push('\n');
        let inner = &lines[1..lines.len() - 1];
        for line in inner {
            if inner.len() <= 8 {
                let cropped: String = line.chars().take(2 * MARGIN).collect();
                self.text.push_str(&printable(cropped.trim_end_matches('\r')));
            }
            self.text.push('\n');
        }
    }

    /// Adds one line with its labels. A label of several lines is marked on its first one.
    fn line(&mut self, text: &str, line: Range<usize>, labels: &[(usize, &Label)], main: usize) {
        let starts = labels.iter().map(|(_, label)| label.origin.start);
        let from = starts.min().unwrap_or(line.start);
        let before = text[line.start..from].chars().count();
        let skip = before.saturating_sub(MARGIN);
        let mut places = Vec::new();
        if skip > 0 {
            self.text.push_str("...");
        }
        for (at, c) in text[line.clone()].char_indices().skip(skip).take(4 * MARGIN) {
            places.push((line.start + at, self.text.len()));
            if c != '\r' {
                self.text.push_str(&printable(c.encode_utf8(&mut [0; 4])));
            }
        }
        places.push((line.end, self.text.len()));
        let drawn = |at: usize| {
            let index = places.partition_point(|(place, _)| *place < at);
            places[index.min(places.len() - 1)].1
        };
        for (index, label) in labels {
            let Origin { start, end, .. } = label.origin;
            let span = drawn(start)..drawn(end.min(line.end));
            if *index == main {
                let line_start = self.text[..span.start].rfind('\n').map_or(0, |at| at + 1);
                self.column = 1 + self.text[line_start..span.start].chars().count();
            }
            self.marks.push(Mark {
                kind: match index {
                    0 => AnnotationKind::Primary,
                    _ => AnnotationKind::Context,
                },
                span,
                text: printable(&label.text),
            });
        }
    }
}

/// The line that holds byte `at`, without its end.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    start..end
}
