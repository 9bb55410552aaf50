//! Step times from a log of a real job.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LawError, StepTimeConfig, StepTimeLaw};
use crate::base::{Draw, SimSpan};

/// Step times replayed or resampled from a CSV file.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// CSV file with a header; relative to the scenario's folder.
    pub file: PathBuf,
    /// Column with the compute time of a step, in seconds.
    #[serde(default = "seconds_column")]
    pub seconds: String,
    /// Column with the worker's number; without it all rows form one list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// How the rows are used.
    #[serde(default)]
    pub mode: TraceMode,
}

/// How the rows of a trace are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Mode")]
pub enum TraceMode {
    /// In the order of the file, again from its start when it ends. Worker `w` replays the log of
    /// the logged worker `w` modulo their number; in a file without workers it starts at row `w`.
    #[default]
    Replay,
    /// Each step takes a row of its list at random.
    Resample,
}

fn seconds_column() -> String {
    "seconds".to_string()
}

/// A trace in memory.
#[derive(Clone, Debug)]
pub struct Trace {
    lists: Vec<Vec<SimSpan>>,
    mode: TraceMode,
}

impl Config {
    fn read(&self, folder: &Path) -> Result<Trace, LawError> {
        let path = folder.join(&self.file);
        let unreadable = |reason: String| LawError::Unreadable { path: path.clone(), reason };
        let row = |line, problem| LawError::Row { path: path.clone(), line, problem };
        let mut reader =
            csv::Reader::from_path(&path).map_err(|error| unreadable(error.to_string()))?;
        let header = reader.headers().map_err(|error| unreadable(error.to_string()))?.clone();
        let column = |name: &str| {
            header.iter().position(|h| h.trim() == name).ok_or_else(|| {
                let known: Vec<&str> = header.iter().collect();
                row(1, format!("no column \"{name}\"; the header has {}", known.join(", ")))
            })
        };
        let seconds = column(&self.seconds)?;
        let worker = self.worker.as_deref().map(column).transpose()?;
        let mut by_worker = std::collections::BTreeMap::<u32, Vec<SimSpan>>::new();
        for record in reader.records() {
            let record = record.map_err(|error| {
                let line = error.position().map_or(0, csv::Position::line);
                row(line, error.to_string())
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            let text = record.get(seconds).unwrap_or("").trim();
            let value: f64 = text
                .parse()
                .ok()
                .filter(|v: &f64| v.is_finite() && *v >= 0.0)
                .ok_or_else(|| row(line, format!("\"{text}\" is not a time in seconds")))?;
            let who = match worker {
                None => 0,
                Some(at) => {
                    let text = record.get(at).unwrap_or("").trim();
                    let problem = || format!("\"{text}\" is not a worker number");
                    text.parse().map_err(|_| row(line, problem()))?
                }
            };
            by_worker.entry(who).or_default().push(SimSpan::from_seconds(value));
        }
        if by_worker.is_empty() {
            return Err(row(1, "the trace has no rows".to_string()));
        }
        Ok(Trace { lists: by_worker.into_values().collect(), mode: self.mode })
    }
}

impl StepTimeConfig for Config {
    fn build(&self, folder: &Path) -> Result<Arc<dyn StepTimeLaw>, LawError> {
        Ok(Arc::new(self.read(folder)?))
    }

    fn scales(&self) -> bool {
        false
    }
}

impl StepTimeLaw for Trace {
    /// The base time is not used: the trace says how long a step takes.
    fn time(&self, _base: SimSpan, draw: Draw) -> SimSpan {
        let list = &self.lists[(draw.entity % self.lists.len() as u64) as usize];
        let at = match self.mode {
            TraceMode::Replay if self.lists.len() == 1 => draw.count + draw.entity,
            TraceMode::Replay => draw.count,
            TraceMode::Resample => draw.streams.key(draw.purpose, draw.entity, draw.count),
        };
        list[(at % list.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Streams};

    fn config(text: &str, mode: TraceMode) -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.csv"), text).unwrap();
        let config =
            Config { file: "log.csv".into(), seconds: "s".into(), worker: Some("w".into()), mode };
        (folder, config)
    }

    #[test]
    fn replays_the_log_of_its_worker() {
        let (folder, config) = config("w,s\n0,1\n1,5\n0,2\n", TraceMode::Replay);
        let trace = config.read(folder.path()).unwrap();
        let draw = |w, k| Streams::new(0).draw(Purpose::StepTime, w, k);
        let time = |w, k| trace.time(SimSpan(7), draw(w, k)).seconds();
        assert_eq!([time(0, 0), time(0, 1), time(0, 2)], [1.0, 2.0, 1.0]);
        assert_eq!([time(1, 0), time(3, 9)], [5.0, 5.0]);
    }

    #[test]
    fn a_bad_row_is_named_by_its_line() {
        for text in ["w,s\n0,1\n0,fast\n", "w,s\n0,1\n0,-2\n", "w,s\n0,1\nx,2\n"] {
            let (folder, config) = config(text, TraceMode::Replay);
            let error = config.read(folder.path()).unwrap_err().to_string();
            assert!(error.contains("line 3"), "{error}");
        }
        let (folder, config) = config("w,t\n0,1\n", TraceMode::Replay);
        let error = config.read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no column \"s\"; the header has w, t"), "{error}");
    }
}
