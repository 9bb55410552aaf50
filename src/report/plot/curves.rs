//! `curves`: quality on the holdout as training goes on, a line per point of a sweep, mean over its
//! trials.

use std::path::Path;

use super::axes::Axis;
use super::frame::{self, Panel, Swatch};
use super::picture::{Picture, Rect};
use super::style::{self, CATEGORIES};
use super::{Outcome, write};
use crate::report::error::ReportError;
use crate::results::outcome::{Point, Results};
use crate::results::tables::EvaluationRow;

/// A line that begins further than this below the others, since layers begin anew, rises into the
/// picture from below.
const FAR: f64 = 0.02;

/// Updates, and the mean over a point's trials.
type Line = Vec<(f64, f64)>;

/// A panel: its title, and the figure of an evaluation that it shows.
type Measure = (&'static str, fn(&EvaluationRow) -> Option<f64>);

const MEASURES: [Measure; 2] = [("AUC", |e| e.auc), ("session AUC", |e| e.session_auc)];

/// Draws `curves.svg` and `curves.png` into the folder of a sweep: its first points, as many as there
/// are colours.
///
/// # Errors
/// If its plan or an evaluation cannot be read, or a file cannot be written.
pub fn draw_sweep(folder: &Path) -> Result<Outcome, ReportError> {
    let results = Results::open(folder)?;
    let mut points: Vec<(String, Vec<Vec<EvaluationRow>>)> = Vec::new();
    for point in results.points.iter().take(CATEGORIES.len()) {
        points.push((point.label.clone(), evaluations(&results, point)?));
    }
    leave_out_short(&mut points);
    match draw(&results.name, &points) {
        Some(picture) => write(&picture, folder, "curves"),
        None => Ok(Outcome::Skipped("no trial has been evaluated after its start".to_owned())),
    }
}

/// Leaves out what would be a dot: a model that is evaluated and not trained, say.
fn leave_out_short(points: &mut Vec<(String, Vec<Vec<EvaluationRow>>)>) {
    let end = |trials: &[Vec<EvaluationRow>]| {
        trials.iter().filter_map(|trial| trial.last()).map(|e| e.update).max().unwrap_or(0)
    };
    let longest = points.iter().map(|(_, trials)| end(trials)).max().unwrap_or(0);
    points.retain(|(_, trials)| end(trials) > longest / 100);
}

/// Of each trial that has any.
fn evaluations(results: &Results, point: &Point) -> Result<Vec<Vec<EvaluationRow>>, ReportError> {
    let mut all = Vec::new();
    for trial in results.trials_of(point) {
        if trial.folder.join("evaluations.csv").exists() {
            all.push(trial.evaluations()?);
        }
    }
    Ok(all)
}

fn draw(name: &str, points: &[(String, Vec<Vec<EvaluationRow>>)]) -> Option<Picture> {
    let of = |figure: fn(&EvaluationRow) -> Option<f64>| -> Vec<Line> {
        points.iter().map(|(_, trials)| mean(trials, figure)).collect()
    };
    let panels: Vec<(&str, Vec<Line>)> =
        MEASURES.iter().map(|(title, figure)| (*title, of(*figure))).collect();
    let panels: Vec<(&str, Vec<Line>)> =
        panels.into_iter().filter(|(_, lines)| lines.iter().any(|line| line.len() > 1)).collect();
    let last = panels.iter().flat_map(|(_, lines)| lines.iter().flatten()).map(|v| v.0);
    let last = last.fold(0.0, f64::max);
    if panels.is_empty() || last == 0.0 {
        return None;
    }
    let mut picture = Picture::new();
    let subtitle =
        "on the reporting half of the holdout; mean over seeds, as far as all of them go";
    frame::heading(&mut picture, &format!("{name}: quality by updates"), subtitle);
    let entries: Vec<(Swatch, String)> = points
        .iter()
        .zip(CATEGORIES)
        .map(|((label, _), ink)| (Swatch::Line(ink, style::HEAVY), label.clone()))
        .collect();
    frame::legend(&mut picture, &entries);
    for (index, (title, lines)) in panels.iter().enumerate() {
        let panel = Panel {
            rect: slot(index, panels.len()),
            x: Axis::counts(0.0, last, 8),
            y: range(lines),
        };
        panel.draw_y(&mut picture, title);
        if index + 1 == panels.len() {
            panel.draw_x(&mut picture, "updates");
        } else {
            panel.draw_base(&mut picture);
        }
        for (line, ink) in lines.iter().zip(CATEGORIES).rev() {
            panel.line(&mut picture, line, style::HEAVY, ink);
        }
    }
    Some(picture)
}

/// The mean over trials, at the updates at which all of them were evaluated: where one is missing
/// the mean would jump.
fn mean(trials: &[Vec<EvaluationRow>], figure: fn(&EvaluationRow) -> Option<f64>) -> Line {
    let Some((first, others)) = trials.split_first() else { return Line::new() };
    let at = |trial: &[EvaluationRow], update: u64| -> Option<f64> {
        let found = trial.binary_search_by_key(&update, |e| e.update).ok()?;
        figure(&trial[found])
    };
    let mut line = Line::new();
    for evaluation in first {
        let update = evaluation.update;
        let values = others.iter().map(|trial| at(trial, update));
        let sum = values.fold(figure(evaluation), |sum, value| Some(sum? + value?));
        if let Some(sum) = sum {
            line.push((update as f64, sum / trials.len() as f64));
        }
    }
    line
}

/// From the lowest value of the lines that begin high to the highest of all.
fn range(lines: &[Line]) -> Axis {
    let begin = lines.iter().filter_map(|line| line.first()).map(|v| v.1).fold(0.0, f64::max);
    let near = |line: &&Line| line.first().is_some_and(|first| first.1 > begin - FAR);
    let low = lines.iter().filter(near).flatten().map(|v| v.1).fold(f64::INFINITY, f64::min);
    let high = lines.iter().flatten().map(|v| v.1).fold(0.0, f64::max);
    let room = (high - low).max(1e-4);
    Axis::numbers(low - 0.05 * room, high + 0.08 * room, 6)
}

fn slot(index: usize, of: usize) -> Rect {
    let gap = 70.0;
    let height = (frame::BOTTOM - frame::TOP - gap * (of - 1) as f64) / of as f64;
    let top = frame::TOP + index as f64 * (height + gap);
    Rect::new(150.0, top, frame::RIGHT, top + height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::Rows;

    fn trial(values: &[(u64, f64)]) -> Vec<EvaluationRow> {
        let row = |(update, auc): &(u64, f64)| format!("{update},0,0,server,{auc}\n");
        let rows: String = values.iter().map(row).collect();
        Rows::parse(&format!("update,examples,sim_s,view,auc\n{rows}")).unwrap().into_vec()
    }

    #[test]
    fn a_line_is_the_mean_where_all_trials_have_been_evaluated() {
        let trials = [trial(&[(0, 0.6), (10, 0.7), (20, 0.75)]), trial(&[(0, 0.5), (10, 0.8)])];
        let line = mean(&trials, |e| e.auc);
        assert_eq!(line.len(), 2);
        assert!((line[0].1 - 0.55).abs() < 1e-12 && (line[1].1 - 0.75).abs() < 1e-12);
        assert!(mean(&trials, |e| e.session_auc).is_empty());
    }

    #[test]
    fn a_model_that_is_not_trained_has_no_line() {
        let point = |name: &str, end| (name.to_owned(), vec![trial(&[(0, 0.6), (end, 0.7)])]);
        let mut points = vec![point("a", 1_000), point("b", 1), point("c", 900)];
        leave_out_short(&mut points);
        assert_eq!(points.iter().map(|point| point.0.as_str()).collect::<String>(), "ac");
    }

    #[test]
    fn without_curves_there_is_no_picture() {
        assert!(draw("x", &[]).is_none());
        assert!(
            draw("x", &[("a".into(), vec![]), ("b".into(), vec![trial(&[(0, 0.6)])])]).is_none()
        );
        let points = [("a".to_owned(), vec![trial(&[(0, 0.6), (5, 0.7)])])];
        assert!(draw("x", &points).is_some());
    }
}
