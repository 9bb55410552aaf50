//! The page of a sweep.

pub(super) mod points;

use super::commands::{self, HERE, Purpose, REPORT};
use super::page::Page;
use super::read::{Defaults, defaults_of};
use super::section::{Section, SectionPart};
use super::settings;
use crate::report::conclusion::{self, SAME_AUC};
use crate::report::error::ReportError;
use crate::report::figure::Figure;
use crate::report::figure::grid::{self, Grid, MOST_ROWS};
use crate::report::figure::number::counted;
use crate::report::figure::sweep::gather::{self, SweepPoint, gather, swept};
use crate::report::figure::sweep::measures::{BEST_AUC, plus_minus};
use crate::report::figure::sweep::{curves, pareto, response, served, target};
use crate::results::folder::RESOLVED;
use crate::results::outcome::{Results, Settings, State, SweepHeading};
use crate::results::race::Race;

/// The most points that a notice names.
const MOST_NAMED: usize = 10;
/// The most figures of responses.
const MOST_KEYS: usize = 8;

/// The page of a sweep, which may be unfinished.
pub(super) fn page(results: &Results, defaults: Defaults<'_>) -> Result<Page, ReportError> {
    let points = gather(results)?;
    let keys = swept(&points);
    let target = target::target(&points);
    let begun = results.trials.iter().find(|trial| trial.folder.join(RESOLVED).exists());
    let base = match begun {
        Some(trial) => trial.settings()?,
        None => Settings::new(),
    };
    let defaults = begun.and_then(|trial| defaults_of(trial, defaults));
    let series = "trials/*/evaluations.csv";
    let table = points::grid(&points, target, false, "points.csv");
    let mut sections = vec![
        Section { id: "points", title: "Points", parts: vec![SectionPart::Table(table)] },
        Section::of_figures("response", "Effects of the settings", responses(&points, &keys)),
        Section::of_figures("pareto-front", "Time and cost", [pareto::figure(&points, &keys)]),
        Section::of_figures("quality", "Quality on the holdout", curves::figures(&points, series)),
        differed(&points, &keys),
        settings::section(&without(&base, &keys), defaults.as_ref(), "every trial"),
    ];
    if let Some(figure) = served::figure_of(&points) {
        let section = Section::of_figures("served", "The serving copy", [Ok::<_, String>(figure)]);
        sections.insert(4, section);
    }
    if let Some(race) = Race::of(results)? {
        let figure = curves::race(&points, &race, series);
        sections.insert(0, Section::of_figures("race", "Race", [figure]));
        sections[0].parts.push(SectionPart::Table(race_grid(&race)));
    }
    // Before the settings.
    let faults = failures(&points).into_iter().chain(broke(&points));
    sections.splice(sections.len() - 2..sections.len() - 2, faults);
    sections.push(commands::section(HERE, commands(results), &sections, REPORT));
    let heading = SweepHeading::read(&results.path)?;
    Ok(Page {
        kind: "Sweep",
        title: heading.line().to_string(),
        question: heading.question,
        facts: facts(results, &points, &keys),
        notices: notices(results, &points),
        words: words(results, &points, &keys)?,
        sections,
    })
}

/// The rows of `race.csv` for readers.
fn race_grid(race: &Race) -> Grid {
    let columns = vec![
        grid::text("contestant"),
        grid::number("AUC at equal time"),
        grid::number("difference to the first"),
        grid::number("AUC at equal examples"),
        grid::number("difference to the first"),
        grid::number("end, simulated s"),
        grid::number("mean staleness, updates"),
        grid::number("held by the protocol"),
    ];
    Grid::new("The contestants", columns).fill(&race.rows, MOST_ROWS, "race.csv", |row| {
        let cells = row.cells_for_readers();
        cells.to_vec()
    })
}

fn responses(points: &[SweepPoint], keys: &[String]) -> Vec<Result<Figure, String>> {
    let shown = response::axes(points, keys).into_iter().take(MOST_KEYS).enumerate();
    shown.map(|(number, by)| response::figure(points, by, keys, number)).collect()
}

fn count(points: &[SweepPoint], state: State) -> usize {
    points.iter().map(|point| point.count(state)).sum()
}

fn facts(results: &Results, points: &[SweepPoint], keys: &[String]) -> Vec<(String, String)> {
    let mut facts = vec![
        ("points".to_string(), points.len().to_string()),
        ("trials".to_string(), results.trials.len().to_string()),
        ("done".to_string(), count(points, State::Done).to_string()),
    ];
    let failed = count(points, State::Failed);
    if failed > 0 {
        facts.push(("blew up or failed".to_string(), failed.to_string()));
    }
    let broken = broken(points);
    if broken > 0 {
        facts.push(("broke".to_string(), broken.to_string()));
    }
    if !keys.is_empty() {
        facts.push(("swept".to_string(), keys.join(", ")));
    }
    facts
}

fn notices(results: &Results, points: &[SweepPoint]) -> Vec<String> {
    let mut notices = Vec::new();
    let open = count(points, State::ToDo);
    if open > 0 {
        notices.push(format!(
            "{open} of {} {} not done yet; the page shows the others. The command straggler resume . in \
             this folder runs what is missing.",
            counted(results.trials.len(), "trial", "trials"),
            if open == 1 { "is" } else { "are" },
        ));
    }
    let failed = count(points, State::Failed);
    if failed > 0 {
        notices.push(format!(
            "{} blew up or failed, and {} left out of all means; see the section Trials without figures.",
            counted(failed, "trial", "trials"),
            if failed == 1 { "is" } else { "are" }
        ));
    }
    let broken = broken(points);
    if broken > 0 {
        let named = points.iter().filter_map(|point| Some((point, point.broke()?)));
        let mut named: Vec<String> =
            named.map(|(point, broke)| format!("{}: {broke}", point.label)).collect();
        let more = named.len().saturating_sub(MOST_NAMED);
        named.truncate(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more points") } else { String::new() };
        notices.push(format!(
            "Training broke in {}, whose figures mean little, though they are in the means: {}{more}. See the \
             section Trials that broke.",
            counted(broken, "trial", "trials"),
            named.join("; "),
        ));
    }
    notices
}

/// How many trials broke.
fn broken(points: &[SweepPoint]) -> usize {
    points.iter().map(SweepPoint::broken).sum()
}

fn words(
    results: &Results,
    points: &[SweepPoint],
    keys: &[String],
) -> Result<Vec<String>, ReportError> {
    let seeds = points.iter().map(|point| point.trials.len()).max().unwrap_or(0);
    let mut words = vec![format!(
        "The sweep has {} with {}{}.{}",
        counted(points.len(), "point", "points"),
        counted(seeds, "seed", "seeds"),
        if points.len() == 1 { "" } else { " each at most" },
        if keys.is_empty() { String::new() } else { format!(" It sets {}.", keys.join(", ")) }
    )];
    let sentences = conclusion::sentences(results)?;
    let brackets = sentences.iter().any(|sentence| sentence.contains('['));
    words.extend(sentences);
    words.extend(brackets.then(|| format!("{}.", conclusion::BRACKETS)));
    let known = points.iter().filter_map(|point| Some((point, point.seed_mean(&BEST_AUC)?)));
    let known: Vec<_> = known.collect();
    let best = known.iter().copied().max_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    // No point is the best of equal ones.
    let best = best.filter(|(_, best)| {
        known.iter().filter(|(_, own)| (best.mean - own.mean).abs() < SAME_AUC).count() == 1
    });
    if let Some((point, best)) = best {
        words.push(format!(
            "The highest mean AUC at the best step is that of {}: {}{}.",
            point.label,
            plus_minus(Some(best)),
            point.broke().map_or_else(String::new, |broke| format!("; {broke}"))
        ));
    }
    Ok(words)
}

/// The trials that blew up or failed, with the reasons.
fn failures(points: &[SweepPoint]) -> Option<Section> {
    let failed: Vec<(&SweepPoint, &gather::SweepTrial)> = points
        .iter()
        .flat_map(|point| point.trials.iter().map(move |trial| (point, trial)))
        .filter(|(_, trial)| trial.state == State::Failed)
        .collect();
    let title = "Trials without figures";
    if failed.is_empty() {
        return None;
    }
    let columns =
        vec![grid::text("trial"), grid::text("point"), grid::number("seed"), grid::text("reason")];
    let grid = Grid::new("Trials that blew up or failed", columns).fill(
        &failed,
        MOST_ROWS,
        "trials.csv",
        |(point, trial)| {
            vec![
                trial.id.clone(),
                point.label.clone(),
                trial.seed.to_string(),
                trial.reason.clone().unwrap_or_else(|| "unknown".to_string()),
            ]
        },
    );
    Some(Section { id: "failures", title, parts: vec![SectionPart::Table(grid)] })
}

/// The trials that broke, with what is wrong.
fn broke(points: &[SweepPoint]) -> Option<Section> {
    let trials = points
        .iter()
        .flat_map(|point| point.trials.iter().map(move |trial| (point, trial)))
        .filter_map(|(point, trial)| Some((point, trial, trial.broken.as_ref()?)));
    let broken: Vec<(&SweepPoint, &gather::SweepTrial, &String)> = trials.collect();
    if broken.is_empty() {
        return None;
    }
    let columns =
        vec![grid::text("trial"), grid::text("point"), grid::number("seed"), grid::text("reason")];
    let grid = Grid::new("Trials whose training broke", columns).fill(
        &broken,
        MOST_ROWS,
        "trials.csv",
        |(point, trial, what)| {
            vec![trial.id.clone(), point.label.clone(), trial.seed.to_string(), what.to_string()]
        },
    );
    let title = "Trials that broke";
    Some(Section { id: "broke", title, parts: vec![SectionPart::Table(grid)] })
}

/// Every swept setting with its values.
fn differed(points: &[SweepPoint], keys: &[String]) -> Section {
    let columns =
        vec![grid::text("setting"), grid::number("number of values"), grid::text("values")];
    let mut grid = Grid::new("Settings that differ between points", columns);
    for key in keys {
        let mut values: Vec<String> = Vec::new();
        for value in points.iter().map(|point| point.setting(key)) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let shown = values.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
        let more = if values.len() > 20 { ", ..." } else { "" };
        grid.rows.push(vec![key.clone(), values.len().to_string(), format!("{shown}{more}")]);
    }
    Section {
        id: "differed",
        title: "Settings of the sweep",
        parts: vec![SectionPart::Table(grid)],
    }
}

/// The settings that all trials share.
fn without(all: &Settings, keys: &[String]) -> Settings {
    let mut settings = all.clone();
    settings.retain(|key, _| {
        let below = |swept: &String| key == swept || key.starts_with(&format!("{swept}."));
        key != "scenario.seed" && !keys.iter().any(below)
    });
    settings
}

/// The commands that make the results and the page again.
fn commands(results: &Results) -> Vec<Purpose> {
    let mut commands =
        vec![Purpose::new("Run all trials again:", "straggler run . --out ../again".to_string())];
    if let Some(trial) = results.trials.first() {
        let folder = format!("trials/{}", trial.id);
        commands.push(Purpose::new(
            format!("Run one trial again, here trial {}:", trial.id),
            format!("straggler run {folder} --out ../again"),
        ));
        commands.push(Purpose::new(
            "Write the report of one trial:",
            format!("straggler report {folder}"),
        ));
    }
    commands.push(Purpose::new("Write this page again from the folder's files:", REPORT));
    commands
}
