//! The page of a restart lab.

use super::commands::{self, HERE, Purpose, REPORT};
use super::page::Page;
use super::read::{Defaults, defaults_of};
use super::section::{Section, SectionPart};
use super::settings;
use crate::report::error::ReportError;
use crate::report::figure::grid::{self, Grid};
use crate::report::figure::number::{counted, figure};
use crate::report::figure::restart;
use crate::results::lab::LabFolder;
use crate::results::outcome::TrialOutcome;
use crate::results::table::Rows;
use crate::results::tables::{ArmRow, CurveRow, EffectRow};

/// The most rows of a table.
const MOST: usize = 500;

/// The page of a lab, which may be unfinished.
pub(super) fn page(lab: &LabFolder, defaults: Defaults<'_>) -> Result<Page, ReportError> {
    let curves = Rows::<CurveRow>::read(&lab.path, true)?.into_vec();
    let arms = Rows::<ArmRow>::read(&lab.path, true)?.into_vec();
    let effects = Rows::<EffectRow>::read(&lab.path, true)?.into_vec();
    let file = lab.done.clone().unwrap_or_default();
    let defaults = defaults_of(&TrialOutcome::of_run(&lab.path, 0), defaults);
    let table = |title, id, grid| Section { id, title, parts: vec![SectionPart::Table(grid)] };
    let mut sections = vec![
        Section::of_figures(
            "restart",
            "Quality after the fork",
            [restart::figure(&curves, &file.verdict)],
        ),
        table("What each lost part causes", "effects", grid_of_effects(&effects)),
        table("What each arm does", "arms", grid_of_arms(&arms)),
        settings::section(&lab.settings, defaults.as_ref(), "the lab"),
    ];
    let commands = vec![
        Purpose::new("Run the lab again:", "straggler lab restart . --out ../again"),
        Purpose::new("Write this page again from the folder's files:", REPORT),
        Purpose::new("Write the tables for other programs:", "straggler export . --format csv"),
    ];
    sections.push(commands::section(HERE, commands, &sections, REPORT));
    let title = if file.title.is_empty() { file.name.clone() } else { file.title.clone() };
    let controls = file.controls.iter().map(|control| {
        let workers = counted(control.workers as usize, "worker", "workers");
        let name = format!("control with {workers}: {}", control.name);
        (name, format!("{} of {}", control.holds, control.of))
    });
    Ok(Page {
        kind: "Restart lab",
        title,
        question: file.question.clone(),
        facts: controls.collect(),
        notices: notices(lab),
        words: file.verdict.clone(),
        sections,
    })
}

fn notices(lab: &LabFolder) -> Vec<String> {
    let mut notices = Vec::new();
    if lab.done.is_none() {
        notices.push(format!(
            "This lab is not finished: {} of {} done. The command straggler resume . in this folder goes on.",
            lab.bases_done,
            counted(lab.bases, "base run is", "base runs are")
        ));
    }
    let controls = lab.done.iter().flat_map(|file| &file.controls);
    let failed = controls.filter(|control| control.holds < control.of).count();
    if failed > 0 {
        notices.push("A control does not hold: the simulator is wrong, please report it.".into());
    }
    notices
}

/// A difference of AUC in basis points, with its interval.
fn points(value: Option<f64>, interval: Option<(f64, f64)>) -> Vec<String> {
    let points = |value: Option<f64>| figure(value.map(|value| 1e4 * value));
    vec![points(value), points(interval.map(|i| i.0)), points(interval.map(|i| i.1))]
}

/// Responses that are differences of AUC.
fn is_auc(response: &str) -> bool {
    response != "recovered_after"
}

fn grid_of_effects(rows: &[EffectRow]) -> Grid {
    let columns = vec![
        grid::number("workers"),
        grid::text("response"),
        grid::text("lost"),
        grid::text("statistic"),
        grid::number("effect, basis points"),
        grid::number("low"),
        grid::number("high"),
        grid::number("p after Holm"),
    ];
    let shown: Vec<&EffectRow> = rows.iter().filter(|row| is_auc(&row.response)).collect();
    Grid::new("Effects of the factors", columns).fill(&shown, MOST, "effects.csv", |row| {
        let name = match row.aliases.as_str() {
            "" => row.term.clone(),
            aliases => format!("{} (or {aliases})", row.term),
        };
        let mut cells =
            vec![row.workers.to_string(), row.response.clone(), name, row.statistic.clone()];
        cells.extend(points(row.effect, row.low.zip(row.high)));
        cells.push(figure(row.p_holm));
        cells
    })
}

fn grid_of_arms(rows: &[ArmRow]) -> Grid {
    let columns = vec![
        grid::number("workers"),
        grid::text("arm"),
        grid::text("response"),
        grid::text("statistic"),
        grid::number("basis points"),
        grid::number("low"),
        grid::number("high"),
        grid::number("seeds"),
    ];
    let shown: Vec<&ArmRow> = rows.iter().filter(|row| is_auc(&row.response)).collect();
    Grid::new("Responses of the arms", columns).fill(&shown, MOST, "arms.csv", |row| {
        let head = [row.workers.to_string(), row.arm.clone(), row.response.clone()];
        let mut cells = head.to_vec();
        cells.push(row.statistic.clone());
        cells.extend(points(row.value, row.low.zip(row.high)));
        cells.push(row.seeds.to_string());
        cells
    })
}
