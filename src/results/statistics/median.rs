//! The median of a few values, for distributions with heavy tails: its interval between two values
//! in order, and the sign test. Both are exact for any continuous distribution (Conover 1999,
//! sections 3.2 and 3.4).

use super::{CONFIDENCE, Estimate, Interval, deviation};

/// The median; `None` without values.
pub fn of(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(0.5 * (sorted[middle - 1] + sorted[middle])),
    }
}

/// The median with its interval; `None` for fewer than six values, of which not even the smallest
/// and the largest are such an interval.
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    let value = of(values)?;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // The most values that may be left out at each end.
    let outside = (0..sorted.len() / 2)
        .take_while(|&k| 2.0 * at_most(k, sorted.len()) <= 1.0 - CONFIDENCE)
        .last()?;
    let interval = Interval { low: sorted[outside], high: sorted[sorted.len() - 1 - outside] };
    let above = values.iter().filter(|value| **value > 0.0).count();
    let below = values.iter().filter(|value| **value < 0.0).count();
    let p = match above + below {
        0 => 1.0,
        all => (2.0 * at_most(above.min(below), all)).min(1.0),
    };
    Some(Estimate { value, interval, p })
}

/// The probability of at most `k` heads in `n` throws of a fair coin.
fn at_most(k: usize, n: usize) -> f64 {
    let mut term = 0.5f64.powi(n as i32);
    let mut sum = term;
    for i in 0..k {
        term *= (n - i) as f64 / (i + 1) as f64;
        sum += term;
    }
    sum
}

/// Whether some value is so far from the others that their mean says little: more than ten times
/// as far from the median as half of the values are, and no small share of the spread.
pub fn has_outliers(values: &[f64]) -> bool {
    let (Some(median), Some(all)) = (of(values), deviation(values)) else { return false };
    let distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    let typical = of(&distances).unwrap_or(0.0);
    let furthest = distances.iter().copied().fold(0.0, f64::max);
    values.len() > 3 && typical > 0.0 && furthest > 10.0 * typical && all > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let found = estimate(&values).unwrap();
        // Conover 1999, table A3: 2nd and 9th of ten values, 97.9 %.
        assert_eq!((found.value, found.interval.low, found.interval.high), (5.5, 2.0, 9.0));
        assert!((found.p - 2.0 / 1024.0).abs() < 1e-12);
        assert_eq!(estimate(&values[..5]), None);
        let six = estimate(&values[..6]).unwrap().interval;
        assert_eq!((six.low, six.high), (1.0, 6.0));
        assert_eq!(of(&[3.0, 1.0, 2.0]), Some(2.0));
    }

    #[test]
    fn a_crashed_seed_is_seen_and_moves_the_median_little() {
        let values = [-0.02, -0.03, -0.025, -0.028, -0.6];
        assert!(has_outliers(&values) && of(&values) == Some(-0.028));
        assert!(!has_outliers(&values[..4]) && !has_outliers(&[1.0, 1.0, 1.0, 1.0]));
    }
}
