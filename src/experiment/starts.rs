//! Starts that a run would refuse, found before anything is trained.

use std::path::{Path, PathBuf};

use super::checkpoint::replay::ReplayError;
use super::checkpoint::start::{StartFailed, StartFile};
use super::identity::window;
use super::run::{RunError, Trial};
use crate::scenario::Scenario;
use crate::scenario::build::Prepared;
use crate::scenario::seeds::SeededPart;
use crate::scenario::stage::{StageRef, Which};
use crate::scenario::stages::ResolvedStage;
use crate::server::TensorError;
use crate::sim::StartError;

impl Trial {
    /// Refuses a start that the run would refuse, now or after the stages before: from a file or a
    /// stage that does not fit the model, or from the best step of a stage whose holdout cannot tell
    /// one.
    ///
    /// # Errors
    /// [`RunError::Start`], or [`RunError::NoBest`].
    pub fn check_starts(&self) -> Result<(), RunError> {
        for (number, stage) in self.earlier.iter().enumerate() {
            let later = self.earlier[number + 1..].iter().map(|s| (s.name.as_str(), &s.scenario));
            let last = (self.last_stage.as_deref().unwrap_or_default(), &self.scenario);
            let wants_best = |(_, own): &(&str, &Scenario)| {
                let from = own.start.as_ref().map(|start| StageRef::parse(&start.from));
                matches!(from, Some(Some(Ok(StageRef { stage: of, which: Which::Best | Which::Serving })))
                    if of == stage.name)
            };
            let starts_from_best = later.chain([last]).find(wants_best).map(|(name, _)| name);
            if starts_from_best.is_none() && stage.scenario.start.is_none() {
                continue;
            }
            let inside = |error: RunError| error.in_stage(Some(&stage.name));
            let prepared =
                stage.scenario.prepare(&self.folder).map_err(|error| inside(error.into()))?;
            let can_tell = |prepared: &Prepared| stage.scenario.can_tell_best(prepared);
            if let Some(name) =
                starts_from_best.filter(|_| !prepared.as_ref().is_some_and(can_tell))
            {
                return Err(RunError::NoBest { stage: name.into(), of: stage.name.clone() });
            }
            self.check_start(&stage.scenario, prepared).map_err(inside)?;
        }
        self.check_start(&self.scenario, self.prepared.clone())
            .map_err(|error| error.in_stage(self.last_stage.as_deref()))
    }

    fn check_start(&self, own: &Scenario, prepared: Option<Prepared>) -> Result<(), RunError> {
        if let Some(prepared) = &prepared {
            check_hashes(own, prepared)?;
        }
        let Some(start) = &own.start else { return Ok(()) };
        let (file, may_know_more) = match StageRef::parse(&start.from) {
            None => {
                let path = self.folder.join(&start.from);
                (StartFile::read(start, path, own.scenario.seed_of(SeededPart::Weights))?, false)
            }
            Some(reference) => {
                // What refers to no stage was refused before.
                let reference = reference.ok();
                let stage = reference.as_ref().and_then(|reference| {
                    self.earlier.iter().find(|stage| stage.name == reference.stage)
                });
                let most = stage.and_then(|stage| most_increments(stage, reference));
                let needs = start.replay.needs();
                if let Some(increments) = most.filter(|increments| *increments < needs) {
                    let error = ReplayError::TooFew { increments, needs };
                    return Err(
                        StartFailed::Replay { path: start.from.clone().into(), error }.into()
                    );
                }
                let Some(stage) = stage.filter(|stage| !fits_surely(&stage.scenario, own)) else {
                    return Ok(());
                };
                let name = PathBuf::from(&start.from);
                let Some(file) = first_checkpoint(&stage.scenario, &self.folder, name)? else {
                    return Ok(());
                };
                // A stage may know more ids than its log has.
                (file, stage.scenario.start.is_some())
            }
        };
        let window = window(own, prepared.as_ref());
        let prepared = prepared.map(|prepared| file.widen(own, prepared)).transpose()?;
        let mut job = own.build(prepared, &self.folder, 1)?;
        match file.start(&mut job, start, &window, own.scenario.seed_of(SeededPart::Weights)) {
            Err(StartFailed::Content {
                error: StartError::Tensor(TensorError::OtherIds { .. }),
                ..
            }) if may_know_more => Ok(()),
            started => Ok(started.map(drop)?),
        }
    }
}

/// Refuses to list hashes alone if two ids have the same.
fn check_hashes(own: &Scenario, prepared: &Prepared) -> Result<(), RunError> {
    if own.checkpoint.as_ref().is_none_or(|saving| saving.ids.is_values()) {
        return Ok(());
    }
    let spaces = prepared.source.schema().spaces.iter().enumerate();
    for (ids, space) in spaces.filter_map(|(s, space)| Some((prepared.source.ids(s)?, space))) {
        if let Some((one, other)) = ids.same_key() {
            let text = |row| String::from_utf8_lossy(ids.text(row)).into_owned();
            let (space, ids) = (space.name.clone(), [text(one), text(other)]);
            return Err(RunError::SameHash { space, ids });
        }
    }
    Ok(())
}

/// The most increments that this checkpoint of a stage can stand for, if that is known. The one that
/// serves may be an increment from which the stage had started.
fn most_increments(stage: &ResolvedStage, which: Option<StageRef>) -> Option<usize> {
    let saving = stage.scenario.checkpoint.as_ref();
    match which?.which {
        Which::Update(_) => Some(saving.map_or(0, |saving| saving.increments as usize)),
        Which::Serving => None,
        Which::Best | Which::Last | Which::Average => Some(0),
    }
}

/// Whether a stage with these settings has all that the other needs, so that nothing must be tried.
fn fits_surely(before: &Scenario, after: &Scenario) -> bool {
    let parts = |of: &Scenario| {
        let Scenario { data, model, optimizer, sparse_optimizer, admission, tables, .. } =
            of.clone();
        (data, model, optimizer, sparse_optimizer, admission, tables)
    };
    parts(before) == parts(after)
}

/// The checkpoint of a stage before its first update: it has the tensors of any later one.
fn first_checkpoint(
    stage: &Scenario,
    folder: &Path,
    name: PathBuf,
) -> Result<Option<StartFile>, RunError> {
    let job = stage.build(stage.prepare(folder)?, folder, 1)?;
    Ok(job.checkpoint().map(|checkpoint| StartFile::of(name, checkpoint)))
}
