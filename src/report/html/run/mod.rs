//! The page of one run.

mod headline;
mod workers;

use super::commands::{self, HERE, Purpose, REPORT};
use super::page::Page;
use super::read::Run;
use super::section::{Section, SectionPart};
use super::settings;
use crate::report::figure::OF_A_RUN;
use crate::report::words;

/// The sections of figures.
const SECTIONS: [(&str, &str); 10] = [
    ("quality", "Quality on the holdout"),
    ("training", "Training"),
    ("staleness", "Staleness"),
    ("divergence", "Divergence of views"),
    ("layers", "Layers"),
    ("rows", "Rows of tables"),
    ("stream", "The live stream"),
    ("served", "The serving copy"),
    ("shards", "Shards"),
    (WORKERS, "Workers"),
];
const WORKERS: &str = "workers";

/// The page of a run; it shows as much as the folder contains.
pub(super) fn page(run: &Run) -> Page {
    let mut sections: Vec<Section> =
        SECTIONS.iter().filter_map(|(id, title)| figures(run, id, title)).collect();
    sections.push(settings::section(&run.folder.settings, run.defaults.as_ref(), "the run"));
    sections.push(commands::section(HERE, commands(run), &sections, REPORT));
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

/// A section with its figures; `None` if the run does not record any of them.
fn figures(run: &Run, id: &'static str, title: &'static str) -> Option<Section> {
    let title = if id == "training" && !run.folder.trains() { "Over time" } else { title };
    let topics = OF_A_RUN.iter().filter(|topic| topic.section == Some(id));
    let recorded = topics.filter(|topic| (topic.recorded)(&run.folder));
    let mut section =
        Section::of_figures(id, title, recorded.map(|topic| (topic.build)(&run.folder)));
    if let (WORKERS, Ok(workers)) = (id, run.folder.workers.rows()) {
        section.parts.push(SectionPart::Table(workers::grid(workers)));
    }
    (!section.parts.is_empty()).then_some(section)
}

/// The commands that answer the scenario's question, and that make the results and the page again.
fn commands(run: &Run) -> Vec<Purpose> {
    let answered_by = run.summary.as_ref().map_or("", |summary| summary.answered_by.as_str());
    let answer = words::answer(answered_by, ".");
    let answer =
        answer.map(|command| Purpose::new("Answer the question of the scenario:", command));
    let own = [
        Purpose::new(
            "Run it again with the same settings; the same version of the program gives the same bytes on \
             the same kind of processor:",
            "straggler run . --out ../again",
        ),
        Purpose::new(
            "Write this page and the pictures in plots/ again from the folder's files:",
            REPORT,
        ),
        Purpose::new(
            "Write the timeline of the first steps for Perfetto:",
            "straggler export . --format perfetto",
        ),
    ];
    answer.into_iter().chain(own).collect()
}
