//! Why nothing was started, shown with its code at its place in the scenario.

use super::exit::{Exit, Failure};
use super::say::is_told_on_terminal;
use crate::experiment::RunError;
use crate::experiment::lab::LabError;
use crate::experiment::lab::fork::ForkError;
use crate::scenario::document::node::{Node, Value};
use crate::scenario::document::{Code, Loaded, Origin, Problem, ProblemStyle, Problems};
use crate::scenario::rules::{ABOVE_LIMIT, BAD_DATA, BAD_START, CONFLICT};
use crate::scenario::{BuildError, Scenario};

/// What asks for the impossible.
struct Cause {
    code: &'static Code,
    /// The key of the scenario.
    key: String,
    /// The stage that it belongs to, if it is one of several.
    stage: Option<String>,
    /// The file that is at fault, if it is one of the log.
    file: Option<String>,
}

impl Cause {
    fn new(code: &'static Code, key: impl Into<String>) -> Cause {
        Cause { code, key: key.into(), stage: None, file: None }
    }

    fn of_build(error: &BuildError) -> Cause {
        let file = match error {
            BuildError::Data(error) => error.path().map(str::to_owned),
            _ => None,
        };
        Cause { file, ..Cause::new(error.code(), error.key()) }
    }

    /// `None` if the error is about something else than the scenario.
    fn of_run(error: &RunError) -> Option<Cause> {
        let in_stage = |stage: &String, cause: Cause| Cause { stage: Some(stage.clone()), ..cause };
        Some(match error {
            RunError::Build(error) => Cause::of_build(error),
            RunError::InStage { stage, error } => in_stage(stage, Cause::of_run(error)?),
            RunError::TooLarge { what, .. } => Cause::new(&ABOVE_LIMIT, format!("limits.{what}")),
            RunError::Stages(_) => Cause::new(&CONFLICT, "stage"),
            RunError::StageLeak { stage, .. } => {
                in_stage(stage, Cause::new(&BAD_DATA, "holdout.days"))
            }
            RunError::NoBest { stage, .. } => in_stage(stage, Cause::new(&BAD_START, "start.from")),
            RunError::SameHash { .. } => Cause::new(&BAD_DATA, "checkpoint.ids"),
            RunError::Start(_) => Cause::new(&BAD_START, "start.from"),
            RunError::Folder(_)
            | RunError::Read(_)
            | RunError::Write { .. }
            | RunError::Changed { .. }
            | RunError::Simulation { .. }
            | RunError::Interrupted { .. } => return None,
        })
    }

    fn of_lab(error: &LabError) -> Option<Cause> {
        let LabError::Fork { error, .. } = error else {
            let is_workers = matches!(error, LabError::Workers { .. });
            return is_workers.then(|| Cause::new(&CONFLICT, "lab.workers"));
        };
        Some(match error {
            ForkError::Build(error) => Cause::of_build(error),
            ForkError::TooShort { .. } | ForkError::NoBest => Cause::new(&CONFLICT, "lab.fork"),
            ForkError::Restart { number: Some(number), .. } => {
                Cause::new(&CONFLICT, format!("lab.arm.{number}.restart"))
            }
            ForkError::Restart { number: None, .. } => Cause::new(&CONFLICT, "lab.factors"),
            ForkError::NothingToMeasure => Cause::new(&CONFLICT, "lab"),
            ForkError::NoCluster => Cause::new(&CONFLICT, "imposed_staleness"),
            ForkError::Base(_) | ForkError::State(_) | ForkError::Stopped(_) => return None,
        })
    }

    /// Its place, and that of its stage.
    fn places(&self, loaded: &Loaded<Scenario>) -> (Origin, Option<Origin>) {
        let stage = self.stage.as_ref().map(|name| {
            let number = loaded.value.stage.iter().position(|stage| stage.name == *name);
            number.map_or("daily".to_string(), |number| format!("stage.{number}"))
        });
        let own = stage.as_ref().map(|stage| loaded.origin(&format!("{stage}.set.{}", self.key)));
        let file = || {
            let data = loaded.tree.find("data")?.node;
            self.file.as_ref().and_then(|file| text_in(data, file))
        };
        let written = |origin: &Origin| !origin.is_default();
        let of_stage = stage.map(|stage| loaded.key_origin(&stage)).filter(written);
        let found = own
            .filter(written)
            .or_else(file)
            .or_else(|| Some(loaded.nearest_origin(&self.key)).filter(written))
            .or(of_stage)
            .unwrap_or_else(|| loaded.nearest_place(&self.key));
        (found, of_stage.filter(|stage| *stage != found))
    }
}

/// Where a text stands below `node` that is a part of `whole`.
fn text_in(node: &Node, whole: &str) -> Option<Origin> {
    match &node.value {
        Value::Table(table) => {
            table.in_order().into_iter().find_map(|(_, entry)| text_in(&entry.node, whole))
        }
        Value::Array(items) => items.iter().find_map(|item| text_in(item, whole)),
        _ => {
            let is_part = |text: &str| !text.is_empty() && whole.ends_with(text);
            let written = !node.origin.is_default();
            (written && node.as_str().is_some_and(is_part)).then_some(node.origin)
        }
    }
}

/// The refusal of a scenario, with its code and place if it is about the scenario.
pub(super) fn of_run(loaded: &Loaded<Scenario>, error: RunError) -> Failure {
    match Cause::of_run(&error) {
        Some(cause) => shown(loaded, &cause, Failure::exit_of(&error), &error.to_string()),
        None => error.into(),
    }
}

/// The refusal of a lab, likewise.
pub(super) fn of_lab(loaded: &Loaded<Scenario>, error: LabError) -> Failure {
    match Cause::of_lab(&error) {
        Some(cause) => {
            // The same is found in the middle of a lab if it was not known before.
            let is_short =
                matches!(error, LabError::Fork { error: ForkError::TooShort { .. }, .. });
            let exit = if is_short { Exit::Usage } else { Failure::exit_of_lab(&error) };
            shown(loaded, &cause, exit, &error.to_string())
        }
        None => error.into(),
    }
}

fn shown(loaded: &Loaded<Scenario>, cause: &Cause, exit: Exit, message: &str) -> Failure {
    let (place, stage) = cause.places(loaded);
    let mut problem = Problem::error(cause.code, &cause.key, message).label(place, "");
    if let Some(stage) = stage {
        problem = problem.label(stage, "in this stage");
    }
    let mut problems = loaded.problems.clone();
    // Its warnings have been shown.
    problems.list = vec![problem];
    Failure { exit, ..of_text(&problems) }
}

/// What is wrong with a text that the user wrote.
pub(super) fn of_text(problems: &Problems) -> Failure {
    Failure::rendered(problems.render(look()))
}

/// Colours on a terminal, unless NO_COLOR forbids them.
pub(super) fn look() -> ProblemStyle {
    let colour = is_told_on_terminal() && std::env::var_os("NO_COLOR").is_none();
    ProblemStyle { colour }
}
