//! The responses of an arm: single numbers of its curve, compared with the run without a restart.

use super::curve::{BUCKETS, Curve, CurvePoint};

/// A number of a curve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Response {
    /// The word in files and tables.
    pub name: &'static str,
    /// Its meaning.
    pub about: &'static str,
    /// Whether it is an extreme of a noisy curve: over seeds it has a heavy tail, and its mean says
    /// little.
    pub is_extreme: bool,
}

impl Response {
    const fn new(name: &'static str, about: &'static str) -> Response {
        Response { name, about, is_extreme: false }
    }

    const fn extreme(name: &'static str, about: &'static str) -> Response {
        Response { name, about, is_extreme: true }
    }
}

/// All responses, in the order of [`respond`]. They are differences of AUC unless they say
/// otherwise, and positive is better.
pub const RESPONSES: [Response; 10] = [
    Response::new("at_once", "AUC before any update, minus that at the fork"),
    Response::extreme("depth", "lowest AUC early after the fork, minus that at the fork"),
    Response::extreme("depth_selection", "the same on the half of the holdout that chose the fork"),
    Response::new("early", "mean over the early updates of AUC minus that of no restart"),
    Response::new("area", "mean over all updates of AUC minus that of no restart"),
    Response::new("final", "AUC at the end minus that of no restart"),
    Response::extreme(
        "recovered_after",
        "updates until it is never again further below no restart than `recovered_within`",
    ),
    Response::new("early_rare", "as `early`, examples with the rarest rows"),
    Response::new("early_middle", "as `early`, examples in between"),
    Response::new("early_frequent", "as `early`, examples with the most frequent rows"),
];

/// How responses are measured.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ResponseSettings {
    /// Updates that count as early.
    pub early: u64,
    /// Tolerance of `recovered_after`.
    pub recovered_within: f64,
}

/// The responses of a curve compared with that of no restart; `None` if an AUC is missing, or the
/// arm never recovers.
pub fn respond(measure: ResponseSettings, curve: &Curve, plain: &Curve) -> [Option<f64>; 10] {
    let whole = curve.broke.is_none();
    let auc = |point: &CurvePoint| point.auc;
    let last = plain.points.last().map_or(0, |point| point.updates);
    let first = |of: fn(&CurvePoint) -> Option<f64>| plain.points.first().and_then(of);
    let depth = |of: fn(&CurvePoint) -> Option<f64>| {
        let early = curve.points.iter().filter(|point| point.updates <= measure.early);
        let values: Option<Vec<f64>> = early.map(of).collect();
        Some(values?.into_iter().reduce(f64::min)? - first(of)?)
    };
    let mean_until = |until: u64, of: &dyn Fn(&CurvePoint) -> Option<f64>| {
        mean_difference(curve, plain, until, of).filter(|_| whole)
    };
    let bucket = |k: usize| mean_until(measure.early, &|point: &CurvePoint| point.by_frequency[k]);
    debug_assert_eq!(BUCKETS.len(), 3);
    [
        curve.points.first().and_then(auc).zip(first(auc)).map(|(y, at)| y - at),
        depth(auc),
        depth(|point| point.selection_auc),
        mean_until(measure.early, &auc),
        mean_until(last, &auc),
        curve
            .points
            .last()
            .and_then(auc)
            .zip(plain.points.last().and_then(auc))
            .map(|(y, at)| y - at)
            .filter(|_| whole),
        recovered_after(measure.recovered_within, curve, plain).filter(|_| whole),
        bucket(0),
        bucket(1),
        bucket(2),
    ]
}

/// Mean difference of two curves over the updates up to `until`, by trapezes. Both curves were
/// measured at the same moments.
fn mean_difference(
    curve: &Curve,
    plain: &Curve,
    until: u64,
    of: &dyn Fn(&CurvePoint) -> Option<f64>,
) -> Option<f64> {
    let pairs = curve.points.iter().zip(&plain.points).filter(|(_, at)| at.updates <= until);
    let differences: Option<Vec<(f64, f64)>> =
        pairs.map(|(y, at)| Some((at.updates as f64, of(y)? - of(at)?))).collect();
    let differences = differences?;
    let (first, last) = (differences.first()?, differences.last()?);
    if differences.len() == 1 || last.0 <= first.0 {
        return Some(first.1);
    }
    let trapeze = |pair: &[(f64, f64)]| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0;
    Some(differences.windows(2).map(trapeze).sum::<f64>() / (last.0 - first.0))
}

fn recovered_after(within: f64, curve: &Curve, plain: &Curve) -> Option<f64> {
    let pairs: Vec<(&CurvePoint, &CurvePoint)> = curve.points.iter().zip(&plain.points).collect();
    let is_near = |(y, at): &(&CurvePoint, &CurvePoint)| {
        y.auc.zip(at.auc).is_some_and(|(y, at)| y >= at - within)
    };
    let bad = pairs.iter().rposition(|pair| !is_near(pair));
    pairs.get(bad.map_or(0, |bad| bad + 1)).map(|(_, at)| at.updates as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(u64, f64)]) -> Curve {
        let point = |&(updates, auc): &(u64, f64)| CurvePoint {
            updates,
            auc: Some(auc),
            selection_auc: Some(auc + 0.1),
            by_frequency: [Some(auc); 3],
            ..CurvePoint::default()
        };
        Curve { points: points.iter().map(point).collect(), ..Curve::default() }
    }

    fn near(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?} instead of {expected}");
    }

    #[test]
    fn responses_of_a_drop_that_recovers() {
        let measure = ResponseSettings { early: 100, recovered_within: 0.001 };
        let plain = curve(&[(0, 0.80), (50, 0.80), (100, 0.80), (200, 0.81)]);
        let drop = curve(&[(0, 0.79), (50, 0.70), (100, 0.78), (200, 0.8095)]);
        let found = respond(measure, &drop, &plain);
        near(found[0], -0.01);
        near(found[1], -0.10);
        near(found[2], -0.10);
        near(found[3], (50.0 * -0.055 + 50.0 * -0.06) / 100.0);
        near(found[5], -0.0005);
        near(found[6], 200.0);
        near(found[7], found[3].unwrap());
        let none = respond(measure, &plain, &plain);
        assert_eq!(none[..7], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0].map(Some));
    }

    #[test]
    fn what_never_recovers_or_breaks_has_no_such_number() {
        let measure = ResponseSettings { early: 100, recovered_within: 0.001 };
        let plain = curve(&[(0, 0.8), (50, 0.8), (100, 0.8)]);
        let mut low = curve(&[(0, 0.8), (50, 0.7), (100, 0.7)]);
        assert_eq!(respond(measure, &low, &plain)[6], None);
        low.broke = Some("it blew up".into());
        let found = respond(measure, &low, &plain);
        assert_eq!((found[3], found[4], found[5]), (None, None, None));
        near(found[1], -0.1);
    }
}
