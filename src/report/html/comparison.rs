//! The page that compares several folders: their curves in one plot, their figures, and the
//! settings that differ.

use super::commands::{self, Purpose};
use super::page::Page;
use super::section::{Section, SectionPart};
use super::settings::compared;
use super::sweep::points;
use crate::base::shell_word;
use crate::report::error::ReportError;
use crate::report::figure::number::{counted, figure};
use crate::report::figure::sweep::curves;
use crate::report::figure::sweep::gather::{SweepPoint, gather};
use crate::report::figure::sweep::measures::BEST_AUC;
use crate::report::figure::sweep::target::target;
use crate::results::compare::told_apart;
use crate::results::outcome::{Kind, Results, Settings, State};

/// The page. The points of a sweep stand beside runs; their names begin with that of their folder.
pub(super) fn page(all: &[Results]) -> Result<Page, ReportError> {
    let settings: Vec<Settings> =
        all.iter().map(|results| results.trials[0].settings()).collect::<Result<_, _>>()?;
    let own: Vec<Settings> = all.iter().zip(&settings).map(|(r, s)| unswept(r, s)).collect();
    let own: Vec<&Settings> = own.iter().collect();
    let names = told_apart(&own).unwrap_or_else(|| names(all));
    let mut points = Vec::new();
    for (results, name) in all.iter().zip(&names) {
        for point in gather(results)? {
            points.push(SweepPoint { label: label(results, name, &point), ..point });
        }
    }
    let table = points::grid(&points, target(&points), true, "summary.json of each folder");
    let named: Vec<(String, &Settings)> = names.iter().cloned().zip(&settings).collect();
    let differing = compared(&named);
    let count = differing.rows.len();
    let parts = match count {
        0 => vec![SectionPart::Text("All settings are the same.".to_string())],
        _ => vec![SectionPart::Table(differing)],
    };
    let file = "evaluations.csv of each folder";
    let mut sections = vec![
        Section { id: "figures", title: "Figures", parts: vec![SectionPart::Table(table)] },
        Section::of_figures("quality", "Quality on the holdout", curves::figures(&points, file)),
        Section { id: "settings", title: "What differs in the settings", parts },
    ];
    let folders: Vec<String> = all.iter().map(|results| shell_word(&results.name)).collect();
    let again = format!("straggler report {}", folders.join(" "));
    sections.push(commands::section(
        "the folder above these folders",
        commands(all, &folders, &again),
        &sections,
        &again,
    ));
    Ok(Page {
        kind: "Comparison",
        title: joined(&names),
        question: String::new(),
        facts: Vec::new(),
        notices: notices(&points),
        words: words(&points, count),
        sections,
    })
}

/// The settings that all trials of the results share.
fn unswept(results: &Results, settings: &Settings) -> Settings {
    let swept = results.swept_keys();
    let mut settings = settings.clone();
    settings.retain(|key, _| !swept.contains(&key.as_str()));
    settings
}

/// The names of the folders; equal names get a number.
fn names(all: &[Results]) -> Vec<String> {
    let same = |name: &str| all.iter().filter(|results| results.name == name).count() > 1;
    let name = |(index, results): (usize, &Results)| match same(&results.name) {
        true => format!("{} ({})", results.name, index + 1),
        false => results.name.clone(),
    };
    all.iter().enumerate().map(name).collect()
}

fn label(results: &Results, name: &str, point: &SweepPoint) -> String {
    match results.kind {
        Kind::Run => name.to_string(),
        Kind::Sweep => format!("{name}: {}", point.label),
    }
}

fn joined(names: &[String]) -> String {
    let between = if names.iter().any(|name| name.contains(',')) { "; " } else { ", " };
    match names {
        [first, second] if between == ", " => format!("{first} and {second}"),
        [first, .., last] if names.len() > 4 => {
            format!("{first} to {last}, {} folders", names.len())
        }
        _ => names.join(between),
    }
}

/// The most points that a notice names.
const MOST_NAMED: usize = 10;

fn notices(points: &[SweepPoint]) -> Vec<String> {
    let open = points.iter().filter(|point| point.count(State::Done) < point.trials.len());
    let labels: Vec<&str> = open.map(|point| point.label.as_str()).collect();
    let more = match labels.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = &labels[..labels.len().min(MOST_NAMED)];
    let mut notices = match named {
        [] => Vec::new(),
        _ => vec![format!(
            "Trials of these are not finished, blew up or failed: {}{more}.",
            named.join(", ")
        )],
    };
    let broke = points.iter().filter_map(|point| Some((point, point.broke()?)));
    let broke: Vec<String> =
        broke.map(|(point, broke)| format!("{}: {broke}", point.label)).collect();
    if !broke.is_empty() {
        let more = match broke.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        notices.push(format!(
            "Training broke, and the figures mean little: {}{more}.",
            broke[..broke.len().min(MOST_NAMED)].join("; ")
        ));
    }
    notices
}

fn words(points: &[SweepPoint], differing: usize) -> Vec<String> {
    let named = |point: &SweepPoint| match point.broke() {
        Some(broke) => format!("{} ({broke})", point.label),
        None => point.label.clone(),
    };
    let known = points.iter().filter_map(|point| Some((point, point.seed_mean(&BEST_AUC)?)));
    let mut words = Vec::new();
    let best = known.clone().max_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    let worst = known.min_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    if let (Some((best, high)), Some((worst, low))) = (best, worst)
        && !std::ptr::eq(best, worst)
    {
        words.push(format!(
            "AUC at the best step is highest for {} ({}) and lowest for {} ({}). With few seeds, such a \
             difference can be due to chance; straggler compare shows how certain it is.",
            named(best),
            figure(high.mean),
            named(worst),
            figure(low.mean)
        ));
    }
    words.push(match differing {
        0 => "The folders have the same settings.".to_string(),
        n => format!("The folders differ in {}.", counted(n, "setting", "settings")),
    });
    words
}

/// The commands that make the page and its figures again.
fn commands(all: &[Results], folders: &[String], again: &str) -> Vec<Purpose> {
    let mut commands = vec![Purpose::new("Write this page again from the folders' files:", again)];
    // Of a sweep one would have to choose a point.
    if all.iter().all(|results| results.points.len() == 1) {
        commands.push(Purpose::new(
            "Show paired differences to the first with their intervals:",
            format!("straggler compare {}", folders.join(" ")),
        ));
    }
    commands
}
