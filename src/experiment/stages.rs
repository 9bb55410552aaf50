//! The stages of a run before its last. Each is a run of its own, in a folder named after what it
//! does. So a finished stage is never trained again, in this run or in another trial of its sweep.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::checkpoint::keeper;
use super::run::{RunError, RunOptions, Trial};
use crate::data::{Calendar, Date, check_holdout};
use crate::results::disk;
use crate::results::folder::{FolderError, hex_digest};
use crate::results::outcome::OutcomeError;
use crate::results::summary::{self, StageDone, Summary};
use crate::results::table::Rows;
use crate::results::tables::EvaluationRow;
use crate::scenario::Scenario;
use crate::scenario::build::{Opener, StageDays};
use crate::scenario::document;
use crate::scenario::stage::{StageRef, Which};
use crate::scenario::stages::ResolvedStage;
use crate::sim::NoObserver;

/// The folder of the stages, below that of the results.
pub const FOLDER: &str = "stages";
/// Time between two checks of a stage that another process is training.
const WAIT: Duration = Duration::from_millis(200);

/// Where the stages are that a stage may start from.
#[derive(Clone, Debug, Default)]
pub(super) struct StageFolders(Vec<StageFolder>);

#[derive(Clone, Debug)]
struct StageFolder {
    stage: String,
    folder: PathBuf,
    /// The file of the model that serves after the stage.
    serving: PathBuf,
}

impl StageFolders {
    /// The file that `start.from` names. It is relative to `folder` if it is not a reference to a
    /// stage.
    pub(super) fn file(&self, from: &str, folder: &Path) -> PathBuf {
        let Some(Ok(StageRef { stage, which })) = StageRef::parse(from) else {
            return folder.join(from);
        };
        let Some(place) = self.0.iter().find(|place| place.stage == stage) else {
            return folder.join(from);
        };
        match which {
            Which::Best => checkpoint(&place.folder, "best"),
            Which::Last => checkpoint(&place.folder, "last"),
            Which::Average => checkpoint(&place.folder, "average"),
            Which::Update(update) => {
                let name = format!("update-{update:09}");
                let increment = checkpoint(&place.folder, &format!("{name}{}", keeper::INCREMENT));
                if increment.exists() { increment } else { checkpoint(&place.folder, &name) }
            }
            Which::Serving => place.serving.clone(),
        }
    }
}

fn checkpoint(folder: &Path, name: &str) -> PathBuf {
    folder.join(keeper::FOLDER).join(format!("{name}.safetensors"))
}

/// Refuses a stage that is evaluated on days that an earlier stage was trained on, if it started
/// from that stage.
pub(super) fn check_leaks(
    stages: &[ResolvedStage],
    files_from: &Path,
    open: &Opener<'_>,
) -> Result<(), RunError> {
    let mut days = Vec::with_capacity(stages.len());
    for stage in stages {
        let opened = stage.scenario.open_days(files_from, open);
        days.push(opened.map_err(|error| RunError::from(error).in_stage(Some(&stage.name)))?);
    }
    let calendar = count_from_one_date(&mut days);
    for (index, stage) in stages.iter().enumerate() {
        let mut parent = origin(stages, stage);
        while let Some(earlier) = parent {
            let allow_past = true;
            let (train, held) = (&days[earlier].train, &days[index].held_out);
            check_holdout(train, held, allow_past, calendar).map_err(|error| {
                let (stage, of) = (stage.name.clone(), stages[earlier].name.clone());
                RunError::StageLeak { stage, of, error }
            })?;
            parent = origin(stages, &stages[earlier]);
        }
    }
    Ok(())
}

/// Numbers the days of all stages from the same date, if all their logs have dates: logs may begin
/// on different days. Returns what the days are called.
fn count_from_one_date(stages: &mut [StageDays]) -> Calendar {
    let firsts: Option<Vec<Date>> = stages.iter().map(|stage| stage.calendar.first).collect();
    let Some(first) = firsts.and_then(|firsts| firsts.into_iter().min()) else {
        return Calendar::default();
    };
    let calendar = Calendar { first: Some(first) };
    for stage in stages {
        let number = |day: u32| {
            let date = stage.calendar.date(day)?;
            u32::try_from(calendar.number(date)?).ok()
        };
        for day in stage.train.iter_mut().chain(&mut stage.held_out) {
            day.number = number(day.number).unwrap_or(day.number);
        }
    }
    calendar
}

/// The stage that a stage starts from.
fn origin(stages: &[ResolvedStage], stage: &ResolvedStage) -> Option<usize> {
    let from = &stage.scenario.start.as_ref()?.from;
    let reference = StageRef::parse(from)?.ok()?;
    stages.iter().position(|earlier| earlier.name == reference.stage)
}

/// A name for what a stage does, and for what the stages do that it starts from.
fn key(stages: &[ResolvedStage], stage: &ResolvedStage) -> String {
    let mut digest = hex_digest(identity(stages, stage).as_bytes());
    digest.truncate(12);
    format!("{}-{digest}", stage.name)
}

fn identity(stages: &[ResolvedStage], stage: &ResolvedStage) -> String {
    let own = text(&stage.scenario);
    match origin(stages, stage) {
        Some(earlier) => {
            format!("{own}\n{}", hex_digest(identity(stages, &stages[earlier]).as_bytes()))
        }
        None => own,
    }
}

fn text(scenario: &Scenario) -> String {
    document::to_toml(scenario).expect("a scenario is valid TOML")
}

/// Trains the missing stages of `stages`, in their order, into folders below `root`.
pub(super) fn run(
    stages: &[ResolvedStage],
    root: &Path,
    files_from: &Path,
    (threads, open): (usize, &Opener<'_>),
    options: &RunOptions<'_>,
) -> Result<(StageFolders, Vec<StageDone>), RunError> {
    let (mut places, mut done) = (StageFolders::default(), Vec::new());
    // Shared stages are not trained again, since another trial may be using them.
    let again = options.again && options.stages.is_none();
    let options = &RunOptions { again, ..options.clone() };
    disk::create_inner_folder(root)
        .map_err(|error| FolderError::Io { path: root.to_path_buf(), error })?;
    for stage in stages {
        let folder = key(stages, stage);
        let path = root.join(&folder);
        if !path.join(summary::FILE).exists() {
            (options.tell)(&format!("stage {}: {}", stage.name, path.display()));
        }
        let was_there = path.join(summary::FILE).exists();
        run_one(stage, &places, &path, files_from, (threads, open), options)?;
        let figures = figures(stage, folder, &path)?;
        if !was_there {
            (options.tell)(&figures.to_string());
        }
        let began = stage.scenario.start.as_ref().map(|start| places.file(&start.from, files_from));
        let serving = match began {
            Some(file) if figures.better == Some(false) => file,
            _ => checkpoint(&path, "best"),
        };
        done.push(figures);
        places.0.push(StageFolder { stage: stage.name.clone(), folder: path, serving });
    }
    Ok((places, done))
}

fn run_one(
    stage: &ResolvedStage,
    places: &StageFolders,
    path: &Path,
    files_from: &Path,
    (threads, open): (usize, &Opener<'_>),
    options: &RunOptions<'_>,
) -> Result<(), RunError> {
    loop {
        let scenario = stage.scenario.clone();
        let trial = Trial::of_stage(scenario, files_from, (threads, open), places.clone())?;
        match trial.run(path, options, &mut NoObserver) {
            Ok(_) => return Ok(()),
            // Another trial is training it, and will get the same results.
            Err(RunError::Folder(FolderError::Busy { .. })) => {
                if let Some(signal) = options.stop.asked() {
                    return Err(RunError::Interrupted {
                        signal,
                        saved: true,
                        path: path.to_path_buf(),
                    });
                }
                std::thread::sleep(WAIT);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The figures of a finished stage.
fn figures(stage: &ResolvedStage, folder: String, path: &Path) -> Result<StageDone, OutcomeError> {
    let summary = Summary::read(path)?.unwrap_or_default();
    let evaluations = Rows::<EvaluationRow>::read(path, true)?.into_vec();
    let first_auc = evaluations.first().and_then(|first| first.auc);
    let best_auc = summary.best.and_then(|best| best.quality.auc);
    let starts = stage.scenario.start.is_some();
    Ok(StageDone {
        first_auc,
        better: first_auc.zip(best_auc).filter(|_| starts).map(|(first, best)| best > first),
        name: stage.name.clone(),
        folder,
        updates: Some(summary.updates),
        best_auc,
        undefined: summary.undefined_text(),
        last_auc: summary.last.and_then(|last| last.quality.auc),
    })
}
