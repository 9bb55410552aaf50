//! The page of one run.

mod divergence;
mod headline;
mod layers;
mod quality;
mod rows;
mod staleness;
mod time_spent;
mod timeline;
mod training;
mod workers;

use super::commands::{self, quoted};
use super::page::{Page, Part, Section};
use super::read::Run;
use super::settings;

/// Where the section of layers stands: behind the divergence of views.
const LAYERS: usize = 4;

/// The page of a run, as much of it as its folder holds.
pub(super) fn page(run: &Run) -> Page {
    let folder = &run.folder;
    let mut sections = vec![
        Section::of_figures("quality", "Quality on the holdout", quality::figures(folder)),
        Section::of_figures("training", "Training", training::figures(folder)),
        Section::of_figures(
            "staleness",
            "Staleness",
            [staleness::figure(folder), rows::figure(folder)],
        ),
        Section::of_figures("divergence", "Divergence of views", [divergence::figure(folder)]),
        workers_section(run),
        settings::section(&run.settings, run.defaults.as_ref(), "the run"),
    ];
    let again = format!("straggler report {}", quoted(&run.name));
    // Layers are watched on request; who has not asked for it need not read that it is missing.
    if let Ok(figure) = layers::figure(folder) {
        sections.insert(LAYERS, Section::of_figures("layers", "Layers", [Ok(figure)]));
    }
    sections.push(commands::section(again_and_again(run, &again), &sections, &again));
    Page {
        kind: "Run",
        title: headline::title(run),
        question: headline::question(run),
        facts: headline::facts(run),
        notices: headline::notices(run),
        words: headline::words(run),
        sections,
    }
}

fn workers_section(run: &Run) -> Section {
    let figures = [timeline::figure(&run.folder), time_spent::figure(&run.folder)];
    let mut section = Section::of_figures("workers", "Workers", figures);
    if let Ok(workers) = run.folder.workers.rows() {
        section.parts.push(Part::Table(workers::grid(workers)));
    }
    section
}

fn again_and_again(run: &Run, again: &str) -> Vec<(String, Vec<String>)> {
    let resolved = quoted(&format!("{}/resolved.toml", run.name));
    vec![
        (
            "Run it again, with every value as it was; the same program version and kind of processor \
             give the same bytes:"
                .to_string(),
            vec![format!("straggler run {resolved} --out again")],
        ),
        (
            "Write this file and the pictures in plots/ again, from the folder's files alone:"
                .to_string(),
            vec![again.to_string()],
        ),
        (
            "The first steps as a timeline for Perfetto:".to_string(),
            vec![format!("straggler trace {}", quoted(&run.name))],
        ),
    ]
}
