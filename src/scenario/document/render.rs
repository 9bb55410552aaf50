//! Draws problems with their lines and carets.

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin as Place, Renderer, Snippet,
};

use super::problem::{Label, Problem, Problems, Severity};
use super::source::{Layer, Origin, SourceId, Sources};

/// How many problems are drawn; the others are counted.
pub const SHOWN: usize = 20;
/// Longest piece of a line that is drawn, in characters, on either side of the caret.
const MARGIN: usize = 100;

/// How problems are drawn.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Look {
    /// Whether to use the colours of the terminal.
    pub colour: bool,
}

/// All problems, at most [`SHOWN`] drawn, and the closing line.
pub fn render(problems: &Problems, look: Look) -> String {
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
        text.push_str(&format!("and {} more\n\n", problems.list.len() - SHOWN));
    }
    text.push_str(&closing_line(problems));
    text.push('\n');
    text
}

fn closing_line(problems: &Problems) -> String {
    let count = |severity, word: &str| match problems.count(severity) {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let errors = count(Severity::Error, "error");
    let ending = if errors.is_some() { "; nothing was started" } else { "" };
    let counts: Vec<String> =
        errors.into_iter().chain(count(Severity::Warning, "warning")).collect();
    match counts.is_empty() {
        true => "no errors".to_string(),
        false => format!("{}{ending}", counts.join(", ")),
    }
}

fn draw(problem: &Problem, sources: &Sources, renderer: &Renderer) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(printable(&problem.message)).id(problem.code.id);
    let mut group = Group::with_title(title);
    for (source, labels) in by_source(&problem.labels) {
        let place = labels[0].origin;
        let (line, column) = sources.line_column(place);
        let name = Place::path(printable(&sources.get(source).name));
        let place = match sources.get(source).layer {
            Layer::File => name.line(line).char_column(column),
            _ => name,
        };
        group = group.element(place);
        for excerpt in excerpts(&sources.get(source).text, &labels) {
            let snippet = Snippet::source(excerpt.text).line_start(excerpt.line);
            let marks = excerpt.marks.into_iter().map(|(kind, start, end, text)| {
                let mark: Annotation<'_> = kind.span(start..end);
                match text.is_empty() {
                    true => mark,
                    false => mark.label(text),
                }
            });
            group = group.element(snippet.annotations(marks));
        }
    }
    for help in &problem.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    renderer.render(&[group])
}

/// Labels grouped by text, in the order of their first appearance.
fn by_source(labels: &[Label]) -> Vec<(SourceId, Vec<Label>)> {
    let mut groups: Vec<(SourceId, Vec<Label>)> = Vec::new();
    for label in labels {
        let source = label.origin.source;
        match groups.iter_mut().find(|(id, _)| *id == source) {
            Some((_, group)) => group.push(label.clone()),
            None => groups.push((source, vec![label.clone()])),
        }
    }
    groups
}

/// The lines around some labels of one text.
struct Excerpt {
    text: String,
    line: usize,
    marks: Vec<(AnnotationKind, usize, usize, String)>,
}

/// Cuts the labelled lines out of `text`. A range of several lines is marked on its first one;
/// the middle of overlong lines is left out.
fn excerpts(text: &str, labels: &[Label]) -> Vec<Excerpt> {
    let mut list: Vec<Excerpt> = Vec::new();
    let mut order: Vec<(usize, &Label)> = labels.iter().enumerate().collect();
    order.sort_by_key(|(_, label)| label.origin);
    for (index, label) in order {
        let Origin { start, end, .. } = label.origin;
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
        let line = 1 + text[..start].bytes().filter(|byte| *byte == b'\n').count();
        let kind = match index {
            0 => AnnotationKind::Primary,
            _ => AnnotationKind::Context,
        };
        let (before, marked) = (&text[line_start..start], &text[start..end.min(line_end)]);
        let skip = before.chars().count().saturating_sub(MARGIN);
        let dots = if skip > 0 { "..." } else { "" };
        let before: String = before.chars().skip(skip).collect();
        let before = format!("{dots}{}", printable(&before));
        let inner: String = marked.chars().take(2 * MARGIN).collect();
        let inner = printable(&inner);
        let rest: String = text[start + marked.len()..line_end].chars().take(MARGIN).collect();
        let mark = (before.len(), before.len() + inner.len());
        let drawn = format!("{before}{inner}{}", printable(rest.trim_end_matches('\r')));
        let mark = (kind, mark.0, mark.1, printable(&label.text));
        match list.iter_mut().find(|excerpt| excerpt.line == line && excerpt.text == drawn) {
            Some(excerpt) => excerpt.marks.push(mark),
            None => list.push(Excerpt { text: drawn, line, marks: vec![mark] }),
        }
    }
    list
}

/// The user's text with everything that could steer a terminal made visible.
pub fn printable(text: &str) -> String {
    let safe = |c: char| match c {
        '\t' => ' ',
        '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        '\u{FEFF}' => '\u{FFFD}',
        c if c.is_control() => '\u{FFFD}',
        c => c,
    };
    text.chars().map(safe).collect()
}
