//! Sweep files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::design::{Bundle, Design, Extra, MOST_TRIALS, Skip};
use super::errors;
use super::points::{DesignAxis, Literal, Setting};
use super::seeds::Seeds;
use super::values::{self, MOST};
use crate::base::counted;
use crate::scenario::document::layers::read_text;
use crate::scenario::document::node::{Entry, KeyTable, Node, Value};
use crate::scenario::document::{DocumentInput, Loaded, Origin, Problem, Problems, load, write};
use crate::scenario::spec::Format;

/// A sweep file: one scenario at many points.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SweepFile {
    /// Version of the file format; 1 is the only one.
    pub straggler: Format,
    /// What is swept.
    pub sweep: Sweep,
}

/// What is swept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sweep {
    /// Short name: letters, digits, `-`, `_` and `.`; the results folder begins with it.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
    pub name: String,
    /// One line for titles.
    pub title: String,
    /// The question that the sweep is to answer.
    pub question: String,
    /// Whether the points are the contestants of a race: they are compared at equal time and at
    /// equal examples.
    pub race: bool,
    /// The scenario file, relative to this one.
    pub scenario: String,
    /// The trials of each point: `10` for seeds 1 to 10, a range `"5..14"`, or a list.
    pub seeds: Seeds,
    /// The same seeds at every point, so that differences between points are not those between
    /// seeds (common random numbers). `false` gives every trial a seed of its own.
    pub pair: bool,
    /// Settings of every point, as `{ train.stop.passes = 0.5 }`. They are laid over the scenario
    /// like arguments, and none of them may be swept.
    pub set: Keys,
    /// Every combination of these keys: each has a list of values, or a range such as `"1..10"`,
    /// `"lin:0..1 x5"` or `"log:1e-4..1e-2 x5"`.
    pub grid: Keys,
    /// Keys that advance together, multiplying the grid; `label` may list a name for each step.
    pub zip: Vec<Keys>,
    /// Single points that are added; `label` may name them.
    pub list: Vec<Keys>,
    /// Leaves out the points of the grid that have, for every key, this value or one of these.
    pub skip: Vec<Keys>,
}

impl Default for Sweep {
    fn default() -> Self {
        Sweep {
            name: "sweep".into(),
            title: String::new(),
            question: String::new(),
            race: false,
            scenario: String::new(),
            seeds: Seeds::first(1).expect("one seed is a number of seeds"),
            pair: true,
            set: Keys::default(),
            grid: Keys::default(),
            zip: Vec::new(),
            list: Vec::new(),
            skip: Vec::new(),
        }
    }
}

/// Keys of the scenario and what is said about them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Keys(pub BTreeMap<String, serde_json::Value>);

/// A sweep file that has been read.
#[derive(Clone, Debug)]
pub struct LoadedSweep {
    /// What the file says.
    pub file: SweepFile,
    /// The combinations it asks for.
    pub design: Design,
    /// The scenario file.
    pub scenario: PathBuf,
    /// Warnings.
    pub warnings: Problems,
}

/// Whether the file at `path` is a sweep: readable, with a table `sweep`.
pub fn is_sweep(path: &Path) -> bool {
    // A file above the limit is refused by whoever reads it as a scenario.
    let text = read_text(path).unwrap_or_default();
    let document = toml::de::DeTable::parse_recoverable(&text).0;
    document.get_ref().keys().any(|key| key.get_ref() == "sweep")
}

/// Reads a sweep file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn read(path: &Path) -> Result<LoadedSweep, Problems> {
    let mut loaded = load::<SweepFile>(DocumentInput::File(path), &[])?;
    if loaded.value.sweep.scenario.is_empty() {
        let problem =
            Problem::error(&errors::BAD_DESIGN, "sweep.scenario", "the sweep names no scenario")
                .label(loaded.key_origin("sweep"), "")
                .help("add scenario = \"my.toml\", relative to the sweep file");
        loaded.report(problem);
    }
    let design = design(&mut loaded);
    check(&mut loaded, &design);
    let loaded = loaded.finish()?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let scenario = folder.join(&loaded.value.sweep.scenario);
    Ok(LoadedSweep { file: loaded.value, design, scenario, warnings: loaded.problems })
}

/// The axes, in the order in which they were written.
fn design(loaded: &mut Loaded<SweepFile>) -> Design {
    let tree = loaded.tree.clone();
    let tables = |path: &str| -> Vec<KeyTable> {
        let found = tree.find(path).map(|found| &found.node.value);
        match found {
            Some(Value::Table(table)) => vec![table.clone()],
            Some(Value::Array(items)) => {
                items.iter().filter_map(|item| item.as_table().cloned()).collect()
            }
            _ => Vec::new(),
        }
    };
    let mut design = Design::default();
    for table in tables("sweep.set") {
        design.everywhere = settings(loaded, &table);
    }
    for table in tables("sweep.grid") {
        design.grid = axes(loaded, &table);
    }
    for mut table in tables("sweep.zip") {
        let labels = table.entries.remove("label");
        let labels = labels.and_then(|entry| names(loaded, &entry));
        design.zips.push(Bundle { labels, axes: axes(loaded, &table) });
    }
    for mut table in tables("sweep.list") {
        let label = table.entries.remove("label");
        let label = label.and_then(|entry| entry.node.as_str().map(String::from));
        design.extra.push(Extra { label, settings: settings(loaded, &table) });
    }
    for table in tables("sweep.skip") {
        let lines = leaves(&table).into_iter().map(|(key, entry)| {
            let values = match &entry.node.value {
                Value::Array(items) => items.iter().map(write::literal).collect(),
                _ => vec![write::literal(&entry.node)],
            };
            (key, values)
        });
        design.skip.push(lines.collect::<Skip>());
    }
    design
}

/// Dotted keys and their values, in the order of writing; tables are paths, since `a.b = 1` and
/// `"a.b" = 1` mean the same here.
fn leaves(table: &KeyTable) -> Vec<(String, Entry)> {
    let mut found = Vec::new();
    for (key, entry) in table.in_order() {
        match &entry.node.value {
            Value::Table(inner) if !inner.entries.is_empty() => {
                let inner = leaves(inner).into_iter();
                found.extend(inner.map(|(rest, entry)| (format!("{key}.{rest}"), entry)));
            }
            _ => found.push((key.clone(), entry.clone())),
        }
    }
    found
}

fn settings(loaded: &Loaded<SweepFile>, table: &KeyTable) -> Vec<Setting> {
    let setting =
        |(key, entry): (String, Entry)| Setting { key, value: literal(loaded, &entry.node) };
    leaves(table).into_iter().map(setting).collect()
}

fn axes(loaded: &mut Loaded<SweepFile>, table: &KeyTable) -> Vec<DesignAxis> {
    let leaves = leaves(table);
    leaves.into_iter().filter_map(|(key, entry)| axis(loaded, key, &entry)).collect()
}

fn axis(loaded: &mut Loaded<SweepFile>, key: String, entry: &Entry) -> Option<DesignAxis> {
    let node = &entry.node;
    let values = match &node.value {
        Value::Array(items) if items.is_empty() => Err("an empty list of values".to_string()),
        Value::Array(items) if items.len() > MOST => Err(format!("more than {MOST} values")),
        Value::Array(items) => Ok(items.iter().map(|item| literal(loaded, item)).collect()),
        Value::String(text) => {
            let place = loaded.problems.sources.describe(node.origin);
            let literal = |text| Literal { text, place: place.clone() };
            values::range(text).map(|values| values.into_iter().map(literal).collect())
        }
        _ => Err("a single value, where a sweep needs a list of values".to_string()),
    };
    match values {
        Ok(values) => Some(DesignAxis { key, values }),
        Err(reason) => {
            let message = format!("`{key}`: {reason}");
            let problem = Problem::error(&errors::BAD_AXIS, key, message).label(node.origin, "");
            loaded.report(problem.help("write a list, as [1, 10, 30]"));
            None
        }
    }
}

fn literal(loaded: &Loaded<SweepFile>, node: &Node) -> Literal {
    let place = loaded.problems.sources.describe(node.origin);
    Literal { text: write::literal(node), place }
}

/// The labels of a bundle.
fn names(loaded: &mut Loaded<SweepFile>, entry: &Entry) -> Option<Vec<String>> {
    let names = match &entry.node.value {
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().map(String::from)).collect::<Option<Vec<_>>>()
        }
        _ => None,
    };
    if names.is_none() {
        let message = "`label` of a zip is a list of names, one for each step";
        let problem = Problem::error(&errors::BAD_AXIS, "label", message);
        loaded.report(problem.label(entry.node.origin, ""));
    }
    names
}

/// Whether the axes fit together.
fn check(loaded: &mut Loaded<SweepFile>, design: &Design) {
    let mut problems: Vec<(String, String, Origin)> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    let bundled = design.zips.iter().flat_map(|bundle| &bundle.axes);
    for axis in design.grid.iter().chain(bundled) {
        if seen.contains(&axis.key.as_str()) {
            let message = format!("`{}` is swept twice", axis.key);
            problems.push((axis.key.clone(), message, loaded.key_origin("sweep")));
        }
        seen.push(&axis.key);
    }
    for (number, bundle) in design.zips.iter().enumerate() {
        let place = loaded.key_origin(&format!("sweep.zip.{number}"));
        let labels = bundle.labels.iter().map(|labels| ("label", labels.len()));
        let axes = bundle.axes.iter().map(|axis| (axis.key.as_str(), axis.values.len()));
        let lengths: Vec<(&str, usize)> = labels.chain(axes).collect();
        if let Some((key, length)) = lengths.iter().find(|(_, length)| *length != lengths[0].1) {
            let (first, other) = lengths[0];
            let other = counted(other, "value", "values");
            let message = format!(
                "`{first}` has {other} and `{key}` has {length}, and they advance together"
            );
            problems.push(("sweep.zip".into(), message, place));
        }
    }
    for (number, skip) in design.skip.iter().enumerate() {
        let place = loaded.key_origin(&format!("sweep.skip.{number}"));
        for (key, values) in skip {
            if let Some(message) = design.unmatched(key, values) {
                problems.push((key.clone(), message, place));
            }
        }
    }
    if let Some(message) = design.doubly_set() {
        problems.push(("sweep.set".into(), message, loaded.key_origin("sweep.set")));
    }
    for (path, message, place) in problems {
        loaded.report(Problem::error(&errors::BAD_DESIGN, path, message).label(place, ""));
    }
    if design.size().is_none_or(|size| size > MOST_TRIALS) {
        let message = format!("the sweep has more than {MOST_TRIALS} points");
        let place = loaded.key_origin("sweep");
        loaded.report(Problem::error(&errors::TOO_MANY, "sweep", message).label(place, ""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read_text(text: &str) -> Result<LoadedSweep, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.toml");
        fs::write(&path, text).unwrap();
        assert!(is_sweep(&path));
        read(&path)
    }

    const HEAD: &str = "straggler = 1\n[sweep]\nname = \"s\"\nscenario = \"jd.toml\"\n";

    #[test]
    fn axes_stand_in_the_order_of_writing_with_their_places() {
        let text = "seeds = 3\n[sweep.grid]\n\"train.batch\" = [8, 16]\ncluster.workers = \"1..3\"\n\
                    [[sweep.zip]]\nlabel = [\"a\", \"b\"]\noptimizer.learning_rate = [1e-3, 1e-2]\n\
                    [[sweep.list]]\nlabel = \"alone\"\nprotocol.kind = \"synchronous\"\n\
                    [[sweep.skip]]\ntrain.batch = 8\ncluster.workers = [1, 3]\n";
        let read = read_text(&format!("{HEAD}{text}")).unwrap();
        assert_eq!(read.file.sweep.seeds.list(), [1, 2, 3]);
        assert_eq!(
            read.design.keys(),
            ["train.batch", "cluster.workers", "optimizer.learning_rate", "protocol.kind"]
        );
        let batch = &read.design.grid[0].values[1];
        assert_eq!(batch.text, "16");
        assert!(batch.place.ends_with("s.toml:7"), "{}", batch.place);
        let labels: Vec<String> = read.design.points().into_iter().map(|p| p.label).collect();
        assert_eq!(
            labels,
            [
                "batch=8 workers=2 a",
                "batch=8 workers=2 b",
                "batch=16 workers=1 a",
                "batch=16 workers=1 b",
                "batch=16 workers=2 a",
                "batch=16 workers=2 b",
                "batch=16 workers=3 a",
                "batch=16 workers=3 b",
                "alone"
            ]
        );
        assert!(read.scenario.ends_with("jd.toml"));
    }

    #[test]
    fn what_does_not_fit_together_is_told_all_at_once() {
        let text = "[sweep.grid]\n\"a.b\" = [1, 2]\n\"c\" = 7\n\"d\" = []\n\"e\" = \"1-3\"\n\
                    [[sweep.zip]]\n\"a.b\" = [1]\n\"f\" = [1, 2]\n[[sweep.skip]]\n\"g\" = 1\n\"a.b\" = 5\n";
        let problems = read_text(&format!("{HEAD}{text}")).unwrap_err().to_string();
        for part in [
            "`a.b` is swept twice",
            "`c`: a single value",
            "`d`: an empty list",
            "\"1-3\" is no range",
            "`a.b` has 1 value and `f` has 2",
            "`g` is not swept",
            "`a.b` never is 5",
        ] {
            assert!(problems.contains(part), "{part} is missing in\n{problems}");
        }
        let problems = read_text("straggler = 1\n[sweep]\nseed = 3\n").unwrap_err().to_string();
        assert!(problems.contains("did you mean `seeds`"), "{problems}");
        let problems = read_text("straggler = 1\n[sweep]\n").unwrap_err().to_string();
        assert!(problems.contains("names no scenario"), "{problems}");
    }
}
