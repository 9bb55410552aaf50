//! `straggler explain`: a key, a part, a metric, a file of results or an error code, in words.

use super::args::ExplainArgs;
use super::exit::{Exit, Failure};
use super::families;
use super::say::out;
use super::search::search;
use crate::metrics::glossary;
use crate::metrics::scalar::{self, Better};
use crate::results::table::CsvTable;
use crate::results::tables;
use crate::scenario::document::errors::CODES;
use crate::scenario::document::{Code, Shape, explain as explain_key, reference_markdown};
use crate::scenario::shorthand::full_key;
use crate::scenario::{Scenario, rules, sweep};

pub(super) fn explain(args: &ExplainArgs) -> Result<Exit, Failure> {
    let shape = Shape::of::<Scenario>();
    if args.schema {
        let schema = schemars::schema_for!(Scenario);
        let text = serde_json::to_string_pretty(&schema).expect("a schema is valid JSON");
        out(&format!("{text}\n"))?;
        return Ok(Exit::Done);
    }
    if args.reference {
        out(&reference_markdown(&shape))?;
        return Ok(Exit::Done);
    }
    let codes = [CODES, rules::CODES, sweep::errors::CODES].concat();
    if args.words.is_empty() {
        let overview = explain_key(&shape, "").map_err(|_| Failure::new(Exit::Usage, "nothing"))?;
        out(&format!(
            "{overview}\n  families of parts: {}\n\nstraggler explain KEY | FAMILY | PART | METRIC | CODE, or \
             any word to search for\n",
            families::names()
        ))?;
        return Ok(Exit::Done);
    }
    let asked = args.words.join(" ");
    let found = exactly(&shape, &codes, &asked)
        .or_else(|| each(&shape, &args.words))
        .or_else(|| search(&shape, &codes, &args.words));
    if let Some(text) = found {
        out(&text)?;
        return Ok(Exit::Done);
    }
    let help = match explain_key(&shape, &asked) {
        Err(nearest) if !nearest.is_empty() => format!("; did you mean {}?", nearest.join(", ")),
        _ => String::new(),
    };
    let message = format!("there is no key, part, metric, file or code \"{asked}\"{help}");
    Err(Failure::new(Exit::Usage, message))
}

/// Several keys, one after the other; `None` if one of the words is no full key.
fn each(shape: &Shape, words: &[String]) -> Option<String> {
    let key = |word: &String| explain_key(shape, word).ok().filter(|_| word.contains('.'));
    let found: Option<Vec<String>> =
        words.iter().map(|word| key(word).map(|found| found.to_string())).collect();
    found.map(|texts| texts.join("\n"))
}

/// What is called so: a code, a metric, a key, a family or a part.
fn exactly(shape: &Shape, codes: &[&'static Code], asked: &str) -> Option<String> {
    if let Some(code) = codes.iter().find(|code| code.id.eq_ignore_ascii_case(asked)) {
        return Some(format!("{}: {}\n\n{}\n", code.id, code.title, code.text));
    }
    if let Some(metric) = glossary::find(asked) {
        return Some(format!("{}\n\n{}\nunit: {}\n", metric.name, metric.text, metric.unit));
    }
    if let Some(scalar) = scalar::find(asked) {
        let better = match scalar.better {
            Better::Higher => ", higher is better",
            Better::Lower => ", lower is better",
            Better::Neither => "",
        };
        return Some(format!(
            "{}\n\n{}\nunit: {}{better}\n",
            scalar.name, scalar.text, scalar.unit
        ));
    }
    if let Ok(explanation) = explain_key(shape, asked) {
        return Some(explanation.to_string());
    }
    if let Some(table) = tables::all().find(|table| table.file == asked) {
        return Some(columns(&table));
    }
    if let Ok(family) = families::listed(Some(asked)) {
        return Some(family);
    }
    let parts = families::parts_called(asked);
    let paths = if parts.is_empty() { full_key(shape, asked).into_iter().collect() } else { parts };
    let texts = paths.iter().filter_map(|path| explain_key(shape, path).ok());
    let texts: Vec<String> = texts.map(|explanation| explanation.to_string()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// A file of results: what a row is, and its columns.
fn columns(table: &CsvTable) -> String {
    let width = table.columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
    let mut text = format!("{}\n\n{}\n\n", table.file, table.about);
    for column in table.columns {
        let unit = if column.unit.is_empty() { "" } else { " Unit: " };
        text.push_str(&format!(
            "  {:width$}  {}{unit}{}\n",
            column.name, column.about, column.unit
        ));
    }
    text
}
