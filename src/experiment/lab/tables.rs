//! The tables of a lab: curves, arms, effects, views.

use super::Results;
use super::curve::{BUCKETS, Curve, Point};
use super::design::{factorial, terms};
use super::fork::Forked;
use super::responses::{Measure, RESPONSES, respond};
use crate::experiment::statistics::{Estimate, holm, mean, student};
use crate::experiment::table::{Cell, TableText};
use crate::scenario::lab::Lab;

/// What an arm does, by number of workers and response.
#[derive(Clone, PartialEq, Debug)]
pub struct ArmResponse {
    /// Workers.
    pub workers: u32,
    /// The arm.
    pub arm: String,
    /// The response.
    pub response: &'static str,
    /// Seeds that have it.
    pub seeds: usize,
    /// Mean over the seeds.
    pub mean: Option<f64>,
    /// The same with its interval, from three seeds on.
    pub estimate: Option<Estimate>,
}

/// An effect of the factorial, by number of workers and response.
#[derive(Clone, PartialEq, Debug)]
pub struct EffectRow {
    /// Workers.
    pub workers: u32,
    /// The response.
    pub response: &'static str,
    /// The factor, or the interaction.
    pub term: String,
    /// Interactions that cannot be told apart from it.
    pub aliases: Vec<String>,
    /// Seeds that have it.
    pub seeds: usize,
    /// Mean over the seeds of the effect in each of them.
    pub mean: Option<f64>,
    /// The same with its interval, from three seeds on.
    pub estimate: Option<Estimate>,
    /// p-value, corrected after Holm for all terms of the response at this number of workers.
    pub p_holm: Option<f64>,
}

/// One row per arm and moment.
pub(super) fn curves(results: &Results) -> String {
    let mut table = TableText::default();
    let mut header = vec!["workers", "seed", "arm", "updates", "examples", "sim_s", "auc"];
    header.extend(["selection_auc", "session_auc", "log_loss"]);
    let buckets: Vec<String> = BUCKETS.iter().map(|bucket| format!("auc_{bucket}")).collect();
    header.extend(buckets.iter().map(String::as_str));
    table.row(&header.iter().map(|name| Cell::Text(name)).collect::<Vec<_>>());
    for forked in &results.forks {
        for curve in &forked.curves {
            for point in &curve.points {
                let Point { updates, examples, sim_s, auc, selection_auc, .. } = *point;
                let mut cells = vec![
                    Cell::Whole(u64::from(forked.workers)),
                    Cell::Whole(forked.seed),
                    Cell::Text(&curve.arm),
                    Cell::Whole(updates),
                    Cell::Whole(examples),
                    Cell::Number(sim_s),
                    auc.into(),
                    selection_auc.into(),
                    point.session_auc.into(),
                    point.log_loss.into(),
                ];
                cells.extend(point.by_frequency.map(Cell::from));
                table.row(&cells);
            }
        }
    }
    table.text
}

/// One row per arm and response.
pub(super) fn arms(lab: &Lab, results: &Results) -> String {
    let mut table = TableText::default();
    let header = ["workers", "arm", "response", "seeds", "mean", "low", "high", "p"];
    table.row(&header.map(Cell::Text));
    for row in arm_responses(lab, results) {
        let ArmResponse { workers, arm, response, seeds, mean, estimate } = &row;
        let mut cells = vec![
            Cell::Whole(u64::from(*workers)),
            Cell::Text(arm),
            Cell::Text(response),
            Cell::Whole(*seeds as u64),
            (*mean).into(),
        ];
        cells.extend(interval(estimate.as_ref()));
        table.row(&cells);
    }
    table.text
}

/// One row per term and response.
pub(super) fn effects(lab: &Lab, results: &Results) -> String {
    let mut table = TableText::default();
    let header =
        ["workers", "response", "term", "aliases", "seeds", "effect", "low", "high", "p", "p_holm"];
    table.row(&header.map(Cell::Text));
    for row in effect_rows(lab, results) {
        let aliases = row.aliases.join("; ");
        let mut cells = vec![
            Cell::Whole(u64::from(row.workers)),
            Cell::Text(row.response),
            Cell::Text(&row.term),
            Cell::Text(&aliases),
            Cell::Whole(row.seeds as u64),
            row.mean.into(),
        ];
        cells.extend(interval(row.estimate.as_ref()));
        cells.push(row.p_holm.into());
        table.row(&cells);
    }
    table.text
}

/// One row per moment at which the workers' views were looked at, and one per layer of it.
pub(super) fn views(results: &Results) -> String {
    let mut table = TableText::default();
    let header = ["workers", "seed", "arm", "updates", "what", "value"];
    table.row(&header.map(Cell::Text));
    for forked in &results.forks {
        for at in &forked.views {
            let qualities = [
                ("auc server", at.server),
                ("auc single view", at.single),
                ("auc mean of views", at.mean_of_views),
                ("auc mean of predictions", at.mean_of_predictions),
            ];
            let qualities = qualities.map(|(what, value)| (what.to_owned(), value));
            let layers = at.distance.iter();
            let layers = layers.map(|(layer, value)| (format!("distance {layer}"), Some(*value)));
            for (what, value) in qualities.into_iter().chain(layers) {
                table.row(&[
                    Cell::Whole(u64::from(forked.workers)),
                    Cell::Whole(forked.seed),
                    Cell::Text(&at.arm),
                    Cell::Whole(at.updates),
                    Cell::Text(&what),
                    value.into(),
                ]);
            }
        }
    }
    table.text
}

fn interval(estimate: Option<&Estimate>) -> [Cell<'static>; 3] {
    [
        estimate.map(|e| e.interval.low).into(),
        estimate.map(|e| e.interval.high).into(),
        estimate.map(|e| e.p).into(),
    ]
}

fn measure(lab: &Lab) -> Measure {
    Measure { early: lab.early.min(lab.updates), recovered_within: lab.recovered_within }
}

/// Numbers of workers in the order of the base runs, each with these.
fn by_workers(results: &Results) -> Vec<(u32, Vec<&Forked>)> {
    let mut groups: Vec<(u32, Vec<&Forked>)> = Vec::new();
    for forked in &results.forks {
        match groups.last_mut().filter(|(workers, _)| *workers == forked.workers) {
            Some((_, list)) => list.push(forked),
            None => groups.push((forked.workers, vec![forked])),
        }
    }
    groups
}

fn responses(lab: &Lab, forked: &Forked, curve: &Curve) -> [Option<f64>; RESPONSES.len()] {
    respond(measure(lab), curve, &forked.curves[0])
}

/// What every arm does, by number of workers, then by arm, then by response.
pub fn arm_responses(lab: &Lab, results: &Results) -> Vec<ArmResponse> {
    let mut rows = Vec::new();
    for (workers, bases) in by_workers(results) {
        for (number, curve) in bases[0].curves.iter().enumerate() {
            let found: Vec<_> =
                bases.iter().map(|forked| responses(lab, forked, &forked.curves[number])).collect();
            for (k, response) in RESPONSES.iter().enumerate() {
                let values: Vec<f64> = found.iter().filter_map(|found| found[k]).collect();
                rows.push(ArmResponse {
                    workers,
                    arm: curve.arm.clone(),
                    response: response.name,
                    seeds: values.len(),
                    mean: mean(&values),
                    estimate: student::of_mean(&values),
                });
            }
        }
    }
    rows
}

/// What the factorial attributes, by number of workers, then by response, then by term.
pub fn effect_rows(lab: &Lab, results: &Results) -> Vec<EffectRow> {
    let (arms, terms) = (factorial(&lab.factors, lab.save.as_ref()), terms(&lab.factors));
    let mut rows = Vec::new();
    for (workers, bases) in by_workers(results) {
        for (k, response) in RESPONSES.iter().enumerate() {
            // The first curve is that of no restart.
            let of_base = |forked: &&Forked| -> Option<Vec<f64>> {
                let curves = &forked.curves[1..=arms.len()];
                curves.iter().map(|curve| responses(lab, forked, curve)[k]).collect()
            };
            let all: Vec<Vec<f64>> = bases.iter().filter_map(of_base).collect();
            let first = rows.len();
            for term in &terms {
                let values: Vec<f64> = all.iter().map(|y| term.effect(&arms, y)).collect();
                rows.push(EffectRow {
                    workers,
                    response: response.name,
                    term: term.name.clone(),
                    aliases: term.aliases.clone(),
                    seeds: values.len(),
                    mean: mean(&values),
                    estimate: student::of_mean(&values),
                    p_holm: None,
                });
            }
            let p: Option<Vec<f64>> =
                rows[first..].iter().map(|row| row.estimate.as_ref().map(|e| e.p)).collect();
            let adjusted = p.map(|p| holm::adjust(&p)).unwrap_or_default();
            for (row, p) in rows[first..].iter_mut().zip(adjusted) {
                row.p_holm = Some(p);
            }
        }
    }
    rows
}
