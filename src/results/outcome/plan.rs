//! `plan.jsonl`: the trials of a sweep, one per line.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Kind, OutcomeError, Point, Results, Settings, TrialOutcome, folder_name, read_text};

/// The file with the plan of a sweep.
pub(super) const FILE: &str = "plan.jsonl";

/// One line of a plan. Unknown keys are ignored, so that the file may grow.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Planned {
    /// The trial's name, and its folder below `trials/`.
    pub trial: String,
    /// The number of its point.
    pub point: usize,
    /// What distinguishes the point.
    pub label: String,
    /// The trial's seed.
    pub seed: u64,
    /// The settings of the sweep, by dotted key.
    #[serde(default)]
    pub settings: Settings,
    /// SHA-256 of the trial's `resolved.toml`.
    #[serde(default)]
    pub sha256: String,
}

impl Planned {
    /// A line of a plan. Whoever reads a plan goes through here, so no trial lies outside the
    /// sweep's folder.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(line: &str) -> Result<Planned, String> {
        let planned: Planned = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if !is_plain(&planned.trial) {
            return Err(format!("{:?} is no name of a trial's folder", planned.trial));
        }
        if i64::try_from(planned.seed).is_err() {
            return Err(format!("seed {} is above the largest, {}", planned.seed, i64::MAX));
        }
        Ok(planned)
    }
}

/// What `sweep.toml` says about a sweep to people.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SweepHeading {
    /// Short name.
    pub name: String,
    /// One line for titles; may be empty.
    pub title: String,
    /// The question that the sweep is to answer; may be empty.
    pub question: String,
    /// Whether its points are the contestants of a race.
    pub race: bool,
}

impl SweepHeading {
    /// Reads the heading of the sweep in `folder`; empty without `sweep.toml`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(folder: &Path) -> Result<SweepHeading, OutcomeError> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct File {
            sweep: SweepHeading,
        }
        let path = folder.join("sweep.toml");
        let Some(text) = read_text(&path)? else { return Ok(SweepHeading::default()) };
        let file: File = toml::from_str(&text).map_err(|error| OutcomeError::Malformed {
            line: error.span().map_or(1, |span| text[..span.start].lines().count().max(1)),
            problem: error.message().to_string(),
            path,
        })?;
        Ok(file.sweep)
    }

    /// The heading: the title or, without one, the name.
    pub fn line(&self) -> &str {
        if self.title.is_empty() { &self.name } else { &self.title }
    }
}

/// The sweep at `path`.
pub(super) fn open(path: &Path) -> Result<Results, OutcomeError> {
    let file = path.join(FILE);
    let text = read_text(&file)?.unwrap_or_default();
    let malformed = |line: usize, problem: String| OutcomeError::Malformed {
        path: file.clone(),
        line: line + 1,
        problem,
    };
    let (mut trials, mut points) = (Vec::new(), Vec::<Point>::new());
    for (line, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let planned = Planned::read(text).map_err(|problem| malformed(line, problem))?;
        if planned.point == points.len() {
            points.push(Point {
                index: planned.point,
                label: planned.label,
                settings: planned.settings,
                trials: Vec::new(),
            });
        }
        let Some(point) = points.get_mut(planned.point) else {
            let problem = format!("point {} comes before its predecessors", planned.point);
            return Err(malformed(line, problem));
        };
        point.trials.push(trials.len());
        trials.push(TrialOutcome {
            folder: path.join("trials").join(&planned.trial),
            id: planned.trial,
            point: planned.point,
            seed: planned.seed,
        });
    }
    let name = folder_name(path);
    Ok(Results { path: path.to_path_buf(), name, kind: Kind::Sweep, trials, points })
}

/// Whether a name stays inside its folder.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}
