//! The figures of `summary.json` as a flat list under the names of [`crate::metrics::scalar`].

use serde_json::Value;

use super::Summary;
use crate::results::tables::TableRowsRow;

/// The figures of a finished run, in the order of its summary.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scalars(Vec<(String, f64)>);

/// Numbers of a summary that are not figures of the run.
const NOT_FIGURES: &[&str] = &["seed", "semantics", "workers", "shards", "bayes_auc", "broken"];
/// Counts and errors next to the figures of an evaluation.
const COUNTS: &[&str] = &[
    "examples",
    "positives",
    "groups",
    "groups_skipped",
    "auc_error",
    "session_auc_error",
    "log_loss_error",
];

/// The rows of all tables together.
fn tables(rows: &[TableRowsRow]) -> impl Iterator<Item = (String, f64)> {
    type Figure = (&'static str, fn(&TableRowsRow) -> Option<u64>);
    const FIGURES: [Figure; 7] = [
        ("rows", |row| Some(row.rows)),
        ("bytes", |row| Some(row.bytes)),
        ("waiting", |row| Some(row.waiting)),
        ("too_early", |row| Some(row.too_early)),
        ("evicted", |row| row.evicted),
        ("returned", |row| row.returned),
        ("late", |row| row.late),
    ];
    FIGURES.into_iter().filter_map(move |(name, of)| {
        let known: Vec<u64> = rows.iter().filter_map(of).collect();
        let sum = known.iter().sum::<u64>() as f64;
        (!known.is_empty()).then(|| (format!("tables.{name}"), sum))
    })
}

impl Scalars {
    /// The figures of a summary. Figures that are not defined are left out. Figures that this
    /// version does not know are named by the dotted key of their place.
    pub(super) fn of(summary: &Summary) -> Scalars {
        let mut scalars = Scalars::default();
        let tree = serde_json::to_value(summary).expect("a summary is valid JSON");
        for (name, value) in tree.as_object().into_iter().flatten() {
            if !NOT_FIGURES.contains(&name.as_str()) {
                scalars.collect(name, value);
            }
        }
        scalars.0.extend(tables(&summary.tables));
        let worker_s = f64::from(summary.workers) * summary.sim_s;
        scalars.insert_after("sim_s", "worker_s", worker_s);
        scalars
    }

    fn collect(&mut self, name: &str, value: &Value) {
        match value {
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                self.0.push((name.to_string(), number));
            }
            Value::Object(table) => {
                // The figures of an evaluation are one level deeper than its moment.
                let quality = name.ends_with(".quality") || name == "bayes";
                let stem = name.trim_end_matches(".quality");
                for (part, value) in table {
                    match part.as_str() {
                        part if quality && COUNTS.contains(&part) => {}
                        // The number of the busiest shard.
                        "shard" | "link_shard" if name == "server" => {}
                        "ne" if quality => {
                            self.collect(&format!("{stem}.normalised_entropy"), value)
                        }
                        part => self.collect(&format!("{stem}.{part}"), value),
                    }
                }
            }
            _ => {}
        }
    }

    fn insert_after(&mut self, before: &str, name: &str, value: f64) {
        let at = self.0.iter().position(|(name, _)| name == before).map_or(0, |at| at + 1);
        self.0.insert(at, (name.to_string(), value));
    }

    /// Every figure that some of `all` has, in the order of the first that has it.
    pub fn names<'a>(all: impl IntoIterator<Item = &'a Scalars>) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (name, _) in all.into_iter().flat_map(Scalars::iter) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_string());
            }
        }
        names
    }

    /// The figure of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// All figures with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}
