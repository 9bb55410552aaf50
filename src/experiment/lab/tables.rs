//! The rows of a lab's tables: curves, arms, effects, views.

use super::LabResults;
use super::curve::Curve;
use super::design::{factorial, terms};
use super::fork::Forked;
use super::responses::{RESPONSES, Response, ResponseSettings, respond};
use crate::results::statistics::{holm, mean, median, student};
use crate::results::tables::{ArmRow, CurveRow, EffectRow, LabViewRow};
use crate::scenario::lab::Lab;

/// One row per arm and moment.
pub(super) fn curve_rows(results: &LabResults) -> impl Iterator<Item = CurveRow> {
    results.forks.iter().flat_map(|forked| {
        let curves = forked.curves.iter();
        let points = curves.flat_map(|curve| curve.points.iter().map(move |point| (curve, point)));
        points.map(|(curve, point)| {
            let [auc_rare, auc_middle, auc_frequent] = point.by_frequency;
            CurveRow {
                workers: forked.workers,
                seed: forked.seed,
                arm: curve.arm.clone(),
                updates: point.updates,
                examples: point.examples,
                sim_s: point.sim_s,
                auc: point.auc,
                selection_auc: point.selection_auc,
                session_auc: point.session_auc,
                log_loss: point.log_loss,
                auc_rare,
                auc_middle,
                auc_frequent,
            }
        })
    })
}

/// One row per moment at which the workers' views were measured, and one per layer at that moment.
pub(super) fn view_rows(results: &LabResults) -> Vec<LabViewRow> {
    let mut rows = Vec::new();
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
            rows.extend(qualities.into_iter().chain(layers).map(|(what, value)| LabViewRow {
                workers: forked.workers,
                seed: forked.seed,
                arm: at.arm.clone(),
                updates: at.updates,
                what,
                value,
            }));
        }
    }
    rows
}

/// The statistic of the median in the tables.
pub const MEDIAN: &str = "median";

/// Mean, ends of its interval, and p-value. The same of the median for extremes of curves, and if a
/// seed is far from the others, because a run broke down.
fn figures(response: &Response, values: &[f64]) -> (&'static str, [Option<f64>; 4]) {
    let robust = response.is_extreme || median::has_outliers(values);
    let (value, estimate) = match robust {
        true => (median::of(values), median::estimate(values)),
        false => (mean(values), student::of_mean(values)),
    };
    let interval = estimate.map(|estimate| estimate.interval);
    let [low, high] = [interval.map(|i| i.low), interval.map(|i| i.high)];
    let statistic = if robust { MEDIAN } else { "mean" };
    (statistic, [value, low, high, estimate.map(|estimate| estimate.p)])
}

fn measure(lab: &Lab) -> ResponseSettings {
    ResponseSettings { early: lab.early.min(lab.updates), recovered_within: lab.recovered_within }
}

/// Numbers of workers in the order of the base runs, each with its base runs.
fn by_workers(results: &LabResults) -> Vec<(u32, Vec<&Forked>)> {
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

/// The responses of every arm, by number of workers, then by arm, then by response.
pub fn arm_rows(lab: &Lab, results: &LabResults) -> Vec<ArmRow> {
    let mut rows = Vec::new();
    for (workers, bases) in by_workers(results) {
        for (number, curve) in bases[0].curves.iter().enumerate() {
            let found: Vec<_> =
                bases.iter().map(|forked| responses(lab, forked, &forked.curves[number])).collect();
            for (k, response) in RESPONSES.iter().enumerate() {
                let values: Vec<f64> = found.iter().filter_map(|found| found[k]).collect();
                let (statistic, [value, low, high, p]) = figures(response, &values);
                rows.push(ArmRow {
                    workers,
                    arm: curve.arm.clone(),
                    response: response.name.to_owned(),
                    seeds: values.len(),
                    statistic: statistic.to_owned(),
                    value,
                    low,
                    high,
                    p,
                });
            }
        }
    }
    rows
}

/// The effects of the factorial, by number of workers, then by response, then by term.
pub fn effect_rows(lab: &Lab, results: &LabResults) -> Vec<EffectRow> {
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
                let (statistic, [effect, low, high, p]) = figures(response, &values);
                rows.push(EffectRow {
                    workers,
                    response: response.name.to_owned(),
                    term: term.name.clone(),
                    aliases: term.aliases.join("; "),
                    seeds: values.len(),
                    statistic: statistic.to_owned(),
                    effect,
                    low,
                    high,
                    p,
                    p_holm: None,
                });
            }
            let p: Option<Vec<f64>> = rows[first..].iter().map(|row| row.p).collect();
            let adjusted = p.map(|p| holm::adjust(&p)).unwrap_or_default();
            for (row, p) in rows[first..].iter_mut().zip(adjusted) {
                row.p_holm = Some(p);
            }
        }
    }
    rows
}
