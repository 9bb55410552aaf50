//! The Pareto front of the points of a sweep: the points that no other point beats. Three figures
//! count: time to a quality, best quality, and cost.

use serde::Serialize;

use super::side::{Side, value};
use crate::metrics::measure::{Cost, Goal, Measure, Reach};
use crate::metrics::scalar::FigureRange;
use crate::results::outcome::OutcomeError;
use crate::results::statistics::{Interval, interval_of_mean, mean};
use crate::results::table::TableText;
use crate::results::tables::FrontRow;

/// A mean over seeds and its interval, if there are enough seeds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Its interval.
    pub interval: Option<Interval>,
}

/// Where a point stands.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ParetoPoint {
    /// Number of the point.
    pub point: usize,
    /// Its label.
    pub label: String,
    /// Its trials, of any state.
    pub trials: usize,
    /// Those that finished.
    pub done: usize,
    /// Those that blew up, stalled or failed.
    pub failed: usize,
    /// Those of the finished ones whose training broke.
    pub broken: usize,
    /// Those that reached the goal.
    pub reached: usize,
    /// Best quality over the finished trials.
    pub quality: Option<Mean>,
    /// Simulated seconds to the goal; only if every finished trial reached it.
    pub time: Option<Mean>,
    /// Worker-seconds to the goal, likewise.
    pub cost: Option<Mean>,
    /// Whether no other point is at least as good in all three and better in one.
    pub on_front: bool,
    /// A point that is at least as good in all three and better in one, if there is one.
    pub dominated_by: Option<usize>,
}

/// The points of a sweep and their goal.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Front {
    /// The quality to be reached.
    #[serde(serialize_with = "as_text")]
    pub goal: Goal,
    /// The points, by number.
    pub places: Vec<ParetoPoint>,
}

fn as_text<S: serde::Serializer>(goal: &Goal, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(goal)
}

/// The best AUC that every finished trial of every point reached, rounded down to four digits;
/// `None` if none has one.
pub fn common_goal(sides: &[Side]) -> Option<Goal> {
    let reached = sides.iter().flat_map(|side| &side.done);
    let lowest = reached.filter_map(|done| done.scalars.get("best.auc")).min_by(f64::total_cmp)?;
    let bound = (lowest * 1e4).floor() / 1e4;
    Some(Goal { best: true, figure: "auc".to_string(), rise: true, bound })
}

/// Places the points, one side each, by this goal.
///
/// # Errors
/// If a series cannot be read.
pub fn front(sides: &[Side], goal: Goal) -> Result<Front, OutcomeError> {
    let mut places = Vec::new();
    for (point, side) in sides.iter().enumerate() {
        places.push(place(point, side, &goal)?);
    }
    let keys: Vec<Option<[f64; 3]>> = places.iter().map(|place| key(place, &goal)).collect();
    for (index, place) in places.iter_mut().enumerate() {
        let Some(own) = keys[index] else { continue };
        let dominates = |other: &Option<[f64; 3]>| {
            other.is_some_and(|other| {
                other.iter().zip(own).all(|(other, own)| *other <= own) && other != own
            })
        };
        place.dominated_by = keys.iter().position(dominates);
        place.on_front = place.dominated_by.is_none();
    }
    Ok(Front { goal, places })
}

fn place(point: usize, side: &Side, goal: &Goal) -> Result<ParetoPoint, OutcomeError> {
    let of = |measure: Measure| -> Result<Vec<f64>, OutcomeError> {
        let values = side.done.iter().map(|done| value(done, &measure));
        Ok(values.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    };
    let to = |cost| of(Measure::Reach(Reach { cost, goal: goal.clone() }));
    let times = to(Cost::Time)?;
    let all = |values: &[f64], range| {
        if values.len() == side.done.len() { summarised(values, range) } else { None }
    };
    let quality = Measure::Scalar(format!("best.{}", goal.figure));
    Ok(ParetoPoint {
        point,
        label: side.name.clone(),
        trials: side.done.len() + side.failed.len() + side.to_do.len(),
        done: side.done.len(),
        failed: side.failed.len(),
        broken: side.broken().len(),
        reached: times.len(),
        quality: all(&of(quality.clone())?, quality.range()),
        time: all(&times, FigureRange::Positive),
        cost: all(&to(Cost::WorkerTime)?, FigureRange::Positive),
        on_front: false,
        dominated_by: None,
    })
}

fn summarised(values: &[f64], range: FigureRange) -> Option<Mean> {
    let interval = interval_of_mean(values, range);
    Some(Mean { value: mean(values)?, interval })
}

/// Time, quality and cost, such that less is better. `None` for a point that is not compared: some
/// of its trials failed, broke, are not done, or missed the goal.
fn key(place: &ParetoPoint, goal: &Goal) -> Option<[f64; 3]> {
    if place.done < place.trials || place.broken > 0 {
        return None;
    }
    let quality = place.quality?.value;
    Some([place.time?.value, if goal.rise { -quality } else { quality }, place.cost?.value])
}

impl Front {
    /// The points as CSV, one row each, by number.
    pub fn csv(&self) -> String {
        TableText::of(self.places.iter().map(ParetoPoint::row))
    }
}

impl ParetoPoint {
    fn row(&self) -> FrontRow {
        let parts = |mean: Option<Mean>| {
            let interval = mean.and_then(|mean| mean.interval);
            [mean.map(|mean| mean.value), interval.map(|i| i.low), interval.map(|i| i.high)]
        };
        let [quality, quality_low, quality_high] = parts(self.quality);
        let [time_s, time_s_low, time_s_high] = parts(self.time);
        let [cost_worker_s, cost_worker_s_low, cost_worker_s_high] = parts(self.cost);
        FrontRow {
            point: self.point,
            label: self.label.clone(),
            trials: self.trials,
            done: self.done,
            failed: self.failed,
            broken: self.broken,
            reached: self.reached,
            quality,
            quality_low,
            quality_high,
            time_s,
            time_s_low,
            time_s_high,
            cost_worker_s,
            cost_worker_s_low,
            cost_worker_s_high,
            on_front: u8::from(self.on_front),
            dominated_by: self.dominated_by,
        }
    }
}
