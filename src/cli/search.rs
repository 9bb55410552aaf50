//! Searching for words in everything that `straggler explain` knows.

use super::families::FAMILIES;
use crate::metrics::{glossary, scalar};
use crate::results::tables;
use crate::scenario::document::whereabouts::Whereabouts;
use crate::scenario::document::{Code, Shape, explain};

/// The most findings that are shown.
const MOST: usize = 12;

/// Something that can be explained: the word to ask for, and its text.
struct Entry {
    word: String,
    text: String,
}

/// What has the most of the words, best first, each with the command that explains it; `None` if
/// nothing has any.
pub(super) fn search(shape: &Shape, codes: &[&'static Code], words: &[String]) -> Option<String> {
    let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let entries = entries(shape, codes);
    // By the number of words that are in it, then by how well they fit.
    let score = |entry: &Entry| {
        let scores: Vec<u32> = words.iter().filter_map(|word| entry.score(word)).collect();
        (scores.len(), scores.iter().sum::<u32>())
    };
    let mut found: Vec<_> = entries.iter().map(|entry| (score(entry), entry)).collect();
    let most = found.iter().map(|((words, _), _)| *words).max().filter(|words| *words > 0)?;
    found.retain(|((words, _), _)| *words == most);
    // Shorter names first among equals: `train.batch` before `stage.train.batch`.
    found.sort_by_key(|(score, entry)| (std::cmp::Reverse(*score), entry.word.len()));
    let width = found.iter().take(MOST).map(|(_, entry)| entry.word.len()).max()?;
    let mut text = String::new();
    for (_, entry) in found.iter().take(MOST) {
        let line = entry.text.lines().next().unwrap_or_default();
        text.push_str(&format!("straggler explain {:width$}  {line}\n", entry.word));
    }
    if found.len() > MOST {
        text.push_str(&format!("and {} more; add a word\n", found.len() - MOST));
    }
    Some(text)
}

impl Entry {
    /// How well it fits a word: in its name, at the beginning of a word of its text, or elsewhere.
    fn score(&self, word: &str) -> Option<u32> {
        let (name, text) = (self.word.to_lowercase(), self.text.to_lowercase());
        if name.split(['.', '_']).any(|part| part == word) {
            return Some(8);
        }
        if name.contains(word) {
            return Some(4);
        }
        let mut begun = text.split(|letter: char| !letter.is_alphanumeric());
        if begun.any(|begun| begun.starts_with(word)) {
            return Some(2);
        }
        text.contains(word).then_some(1)
    }
}

fn entries(shape: &Shape, codes: &[&'static Code]) -> Vec<Entry> {
    let entry = |word: &str, text: &str| Entry { word: word.to_string(), text: text.to_string() };
    let mut entries = Vec::new();
    let whereabouts = Whereabouts::of(shape);
    let mut paths: Vec<&str> = whereabouts.paths().collect();
    paths.sort_unstable();
    paths.dedup();
    let key = |path: &str| explain(shape, path).ok().map(|found| entry(path, &found.doc));
    entries.extend(paths.into_iter().filter_map(key));
    for (_, key, parts) in FAMILIES {
        let place = key.strip_suffix("kind").unwrap_or("");
        let named = parts().into_iter().map(|part| {
            let text = [part.summary.trim(), &part.aliases.join(" ")].join(" ");
            entry(&format!("{place}{}", part.name), text.trim_end())
        });
        entries.extend(named);
    }
    entries.extend(glossary::METRICS.iter().map(|metric| entry(metric.name, metric.text)));
    entries.extend(scalar::SCALARS.iter().map(|scalar| entry(scalar.name, scalar.text)));
    for table in tables::all() {
        entries.push(entry(table.file, table.about));
        let columns = table.columns.iter();
        // A column is explained with its file.
        entries.extend(
            columns.map(|column| entry(table.file, &format!("{}: {}", column.name, column.about))),
        );
    }
    entries
        .extend(codes.iter().map(|code| entry(code.id, &format!("{}. {}", code.title, code.text))));
    entries
}
