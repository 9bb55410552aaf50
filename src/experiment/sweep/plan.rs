//! The plan of a sweep: every trial with its scenario.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::results::folder::hex_digest;
use crate::results::outcome::Planned;
use crate::scenario::Scenario;
use crate::scenario::document::{DocumentInput, Loaded, Override, load, to_toml};
use crate::scenario::sweep::file::{Keys, Sweep};
use crate::scenario::sweep::points::json;
use crate::scenario::sweep::{Design, DesignAxis, Resolved, Seeds, Setting, SweepFile};

/// Name of the file with the sweep, in the sweep's folder.
pub const SWEEP: &str = "sweep.toml";

/// Name of the file with the scenario that is swept, beside it.
pub const SCENARIO: &str = "scenario.toml";

/// One trial of a plan.
#[derive(Clone, Debug)]
pub struct PlannedTrial {
    /// Its line in `plan.jsonl`.
    pub planned: Planned,
    /// Its scenario.
    pub scenario: Scenario,
}

/// Every trial of a sweep, seed by seed: all points with the first seed, then all with the second.
/// So first results of all points come early, and more seeds add to the end of the plan.
#[derive(Clone, Debug)]
pub struct SweepPlan {
    /// Short name.
    pub name: String,
    /// The first six hexadecimal digits of the hash of all points; it does not depend on the seeds.
    pub hash: String,
    /// The sweep as a file, for the scenario in [`SCENARIO`].
    pub sweep: String,
    /// The scenario that is swept, with the files that it extends in one.
    pub scenario: String,
    /// The scenario of each point, as TOML, with the seed of the scenario file.
    pub points: Vec<String>,
    /// The trials.
    pub trials: Vec<PlannedTrial>,
    /// Number of seeds. There may be trials of the first ones alone: a list needs no more.
    pub seeds: usize,
    /// The folder that the scenario's files are looked for in.
    pub files_from: PathBuf,
    /// Where its points were written, unless the plan was read from a results folder.
    pub written: Option<WrittenPoints>,
}

/// Where the points of a sweep were written.
#[derive(Clone, Debug)]
pub struct WrittenPoints {
    /// The scenario file.
    pub file: PathBuf,
    /// What is laid over it at every point.
    pub everywhere: Vec<Setting>,
    /// What is laid over it at each point.
    pub points: Vec<Vec<Setting>>,
}

impl SweepPlan {
    /// Assembles the plan of a sweep of `scenario`, the text of a file. `about` gives names and
    /// seeds; the keys come from `design`. At most `turns` of the seeds have trials.
    pub fn new(
        mut about: Sweep,
        turns: usize,
        design: &Design,
        points: &[Resolved],
        (swept, scenario): (PathBuf, String),
        files_from: PathBuf,
    ) -> SweepPlan {
        let texts: Vec<String> =
            points.iter().map(|point| point.with_seed(point.scenario.scenario.seed).1).collect();
        let unseeded: String = points.iter().map(|point| point.with_seed(0).1).collect();
        let mut hash = hex_digest(unseeded.as_bytes());
        hash.truncate(6);
        let mut trials = Vec::new();
        for (turn, &seed) in about.seeds.list().iter().enumerate().take(turns) {
            for (number, point) in points.iter().enumerate() {
                let seed = if about.pair { seed } else { own_seed(&about.seeds, turn, number) };
                let (scenario, text) = point.with_seed(seed);
                let settings = &point.point.settings;
                let settings = settings.iter().map(|s| (s.key.clone(), s.value.json()));
                let planned = Planned {
                    trial: format!("{:04}", trials.len()),
                    point: number,
                    label: point.point.label.clone(),
                    seed,
                    settings: settings.collect(),
                    sha256: hex_digest(text.as_bytes()),
                };
                trials.push(PlannedTrial { planned, scenario });
            }
        }
        let (name, seeds) = (about.name.clone(), about.seeds.list().len());
        about.scenario = SCENARIO.to_string();
        let file = SweepFile { sweep: with_keys(about, design), ..SweepFile::default() };
        let sweep = to_toml(&file).expect("a sweep is valid TOML");
        let written = WrittenPoints {
            file: swept,
            everywhere: design.everywhere.clone(),
            points: points.iter().map(|point| point.point.settings.clone()).collect(),
        };
        let written = Some(written);
        SweepPlan { name, hash, sweep, scenario, points: texts, trials, seeds, files_from, written }
    }

    /// The scenario of a point with the places of its values, as far as it can be read.
    pub fn loaded(&self, point: usize) -> Option<Loaded<Scenario>> {
        let name = format!("points/{point:04}.toml");
        let settings = |written: &WrittenPoints| -> Vec<Override> {
            written.everywhere.iter().chain(&written.points[point]).map(Setting::layer).collect()
        };
        let loaded = match &self.written {
            Some(written) => load(DocumentInput::File(&written.file), &settings(written)),
            None => load(DocumentInput::Text { name: &name, text: &self.points[point] }, &[]),
        };
        loaded.ok()
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether it has no points.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

/// Why a plan cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Its files cannot be read.
    #[error("cannot read {path}: {error}; is it the folder of a sweep?")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file is not as a sweep writes it.
    #[error("{path} is not as the sweep has written it: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// This program reads the scenario of a point differently than the one that planned it.
    #[error(
        "this version of straggler reads {path} in another way than the one that planned the sweep; go on \
         with that version, or begin in another folder"
    )]
    OtherVersion {
        /// The file of the point.
        path: PathBuf,
    },
}

impl SweepPlan {
    /// The plan of the sweep in `folder`, as it was written there.
    ///
    /// # Errors If it cannot be read, or this program reads a point differently.
    pub fn read(folder: &Path, files_from: PathBuf) -> Result<SweepPlan, PlanError> {
        let read = |name: &str| -> Result<(PathBuf, String), PlanError> {
            let path = folder.join(name);
            match std::fs::read_to_string(&path) {
                Ok(text) => Ok((path, text)),
                Err(error) => Err(PlanError::Read { path, error }),
            }
        };
        let (file, text) = read("plan.jsonl")?;
        let (_, sweep) = read(SWEEP)?;
        let (_, swept) = read(SCENARIO)?;
        let (mut points, mut scenarios) = (Vec::new(), Vec::<(PathBuf, Scenario)>::new());
        let mut trials = Vec::new();
        for line in text.lines() {
            let malformed = |problem| PlanError::Malformed { path: file.clone(), problem };
            let planned = Planned::read(line).map_err(malformed)?;
            if planned.point == points.len() {
                let (path, text) = read(&format!("points/{:04}.toml", planned.point))?;
                let scenario = Scenario::from_text(&text).map_err(|problems| {
                    PlanError::Malformed { path: path.clone(), problem: problems.to_string() }
                })?;
                points.push(text);
                scenarios.push((path, scenario));
            }
            let Some((path, scenario)) = scenarios.get(planned.point) else {
                return Err(malformed("its points are not in order".to_string()));
            };
            let mut scenario = scenario.clone();
            scenario.scenario.seed = planned.seed;
            let text = to_toml(&scenario).expect("a scenario is valid TOML");
            if hex_digest(text.as_bytes()) != planned.sha256 {
                return Err(PlanError::OtherVersion { path: path.clone() });
            }
            trials.push(PlannedTrial { planned, scenario });
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(SweepPlan {
            name,
            hash: String::new(),
            sweep,
            scenario: swept,
            seeds: trials.len().checked_div(points.len()).unwrap_or(0),
            points,
            trials,
            files_from,
            written: None,
        })
    }
}

/// A seed that no other trial has, if there are fewer than a million seeds: the seeds of point k
/// are those of point 0 plus k million.
fn own_seed(seeds: &Seeds, turn: usize, point: usize) -> u64 {
    seeds.list()[turn].wrapping_add(1_000_000 * point as u64) & (i64::MAX as u64)
}

/// The sweep with the keys of a design.
fn with_keys(mut about: Sweep, design: &Design) -> Sweep {
    let values = |axis: &DesignAxis| -> Value {
        axis.values.iter().map(|value| value.json()).collect::<Vec<_>>().into()
    };
    let axes = |axes: &[DesignAxis]| -> BTreeMap<String, Value> {
        axes.iter().map(|axis| (axis.key.clone(), values(axis))).collect()
    };
    let pair = |setting: &Setting| (setting.key.clone(), setting.value.json());
    about.set = Keys(design.everywhere.iter().map(pair).collect());
    about.grid = Keys(axes(&design.grid));
    about.zip = Vec::new();
    for bundle in &design.zips {
        let mut keys = axes(&bundle.axes);
        keys.extend(bundle.labels.iter().map(|labels| ("label".into(), labels.clone().into())));
        about.zip.push(Keys(keys));
    }
    about.list = Vec::new();
    for extra in &design.extra {
        let mut keys: BTreeMap<String, Value> = extra.settings.iter().map(pair).collect();
        keys.extend(extra.label.iter().map(|label| ("label".into(), label.clone().into())));
        about.list.push(Keys(keys));
    }
    let skip = design.skip.iter().map(|skip| {
        let line = |(key, values): &(String, Vec<String>)| {
            (key.clone(), values.iter().map(|text| json(text)).collect::<Vec<_>>().into())
        };
        Keys(skip.iter().map(line).collect())
    });
    about.skip = skip.collect();
    about
}
