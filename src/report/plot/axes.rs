//! Axes: ranges, ticks at round numbers, and how numbers of each kind are written.

/// One axis: its range and its labelled ticks.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The value at its beginning.
    pub low: f64,
    /// The value at its end; above `low`.
    pub high: f64,
    /// Positions and labels, within the range.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Where `value` lies: 0 at the beginning, 1 at the end.
    pub fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// An axis from `low` to `high` with about `count` ticks, each written by `write(tick, step)`.
    fn with_ticks(
        low: f64,
        high: f64,
        count: usize,
        scale: f64,
        write: impl Fn(f64, f64) -> String,
    ) -> Axis {
        let (low, high) = proper(low, high);
        let step = round_step((high - low) / scale / count.max(1) as f64);
        let (first, last) = ((low / scale / step).ceil(), (high / scale / step).floor());
        let ticks = (0..=(last - first).clamp(0.0, 100.0) as usize)
            .map(|i| (first + i as f64) * step)
            .map(|tick| (tick * scale, write(tick, step)))
            .filter(|tick| (low..=high).contains(&tick.0))
            .collect();
        Axis { low, high, ticks }
    }

    /// Plain numbers, with as many decimals as the ticks need.
    pub fn numbers(low: f64, high: f64, count: usize) -> Axis {
        Axis::with_ticks(low, high, count, 1.0, fixed)
    }

    /// Shares, written in percent.
    pub fn percent(low: f64, high: f64, count: usize) -> Axis {
        Axis::with_ticks(low, high, count, 0.01, |tick, step| format!("{} %", fixed(tick, step)))
    }

    /// Counts: 500, 20 k, 1.5 M.
    pub fn counts(low: f64, high: f64, count: usize) -> Axis {
        let (scale, letter) = count_unit(high);
        Axis::with_ticks(low, high, count, scale, |tick, step| {
            unless_zero(tick, fixed(tick, step), letter)
        })
    }

    /// Simulated seconds, in the unit that fits the range.
    pub fn time(low: f64, high: f64, count: usize) -> Axis {
        let (scale, unit) = time_unit(high - low);
        Axis::with_ticks(low, high, count, scale, |tick, step| {
            unless_zero(tick, fixed(tick, step), unit)
        })
    }

    /// Numbers of any magnitude, zero included, on a scale of log2(1 + x): its positions are
    /// `log2(1 + x)`, its labels are `x`.
    pub fn doublings(low: f64, high: f64) -> Axis {
        let low = doubling(low);
        let high = doubling(high).max(low + 1.0);
        let rounds = [0.0, 1.0, 2.0, 5.0].into_iter();
        let powers = (1..=18).flat_map(|p| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(p)));
        let mut ticks: Vec<(f64, String)> = Vec::new();
        for value in rounds.chain(powers) {
            if (low..=high).contains(&doubling(value)) {
                ticks.push((doubling(value), count(value)));
            }
        }
        Axis { low, high, ticks }
    }
}

/// The position of `value` on an axis of [`Axis::doublings`]; values below -0.5, the lower edge of
/// the whole number 0, are taken for it.
pub fn doubling(value: f64) -> f64 {
    libm::log2(1.0 + value.max(-0.5))
}

/// A range that is finite and not empty.
fn proper(low: f64, high: f64) -> (f64, f64) {
    match low.is_finite() && high.is_finite() {
        true if high - low > low.abs().max(high.abs()) * 1e-9 => (low, high),
        true => (low - low.abs().max(1.0) * 0.05, low + low.abs().max(1.0) * 0.05),
        false => (0.0, 1.0),
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = libm::pow(10.0, libm::floor(libm::log10(step)));
    let rounded = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
    rounded.into_iter().find(|r| *r >= step * 0.999).unwrap_or(rounded[3])
}

/// `tick` with the decimals that multiples of `step` need.
fn fixed(tick: f64, step: f64) -> String {
    let decimals = (-libm::floor(libm::log10(step) + 1e-9)).clamp(0.0, 9.0) as usize;
    // Adding zero turns a minus zero positive.
    format!("{:.decimals$}", tick + 0.0)
}

fn unless_zero(tick: f64, number: String, unit: &str) -> String {
    if tick == 0.0 || unit.is_empty() { number } else { format!("{number} {unit}") }
}

fn count_unit(largest: f64) -> (f64, &'static str) {
    match largest {
        v if v < 1e4 => (1.0, ""),
        v if v < 1e6 => (1e3, "k"),
        v if v < 1e9 => (1e6, "M"),
        _ => (1e9, "G"),
    }
}

fn time_unit(seconds: f64) -> (f64, &'static str) {
    match seconds {
        s if s < 2e-3 => (1e-6, "µs"),
        s if s < 2.0 => (1e-3, "ms"),
        s if s < 180.0 => (1.0, "s"),
        s if s < 3.0 * 3600.0 => (60.0, "min"),
        s if s < 4.0 * 86_400.0 => (3600.0, "h"),
        _ => (86_400.0, "d"),
    }
}

/// A number with three digits and its letter, as in `245 k` or `1.22 M`.
pub fn count(value: f64) -> String {
    let (scale, letter) = match value.abs() < 1000.0 {
        true => (1.0, ""),
        false => count_unit(value.abs().max(1e4)),
    };
    unless_zero(value, significant(value / scale), letter)
}

/// Simulated seconds in the unit that fits, with three digits.
pub fn time(seconds: f64) -> String {
    let (scale, unit) = time_unit(seconds);
    unless_zero(seconds, significant(seconds / scale), unit)
}

/// A share in percent with about two digits.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value.abs() {
        v if v >= 9.95 || v == 0.0 => format!("{value:.0} %"),
        v if v >= 0.995 => format!("{value:.1} %"),
        _ => format!("{value:.2} %"),
    }
}

/// Three significant digits, whole numbers without decimals.
fn significant(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 || v.fract() == 0.0 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|t| t.1.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_in_the_unit_of_the_range() {
        let examples = Axis::counts(0.0, 489_600.0, 5);
        assert_eq!(labels(&examples), ["0", "100 k", "200 k", "300 k", "400 k"]);
        let minutes = Axis::time(0.0, 4000.0, 4);
        assert_eq!(labels(&minutes), ["0", "20 min", "40 min", "60 min"]);
        let auc = Axis::numbers(0.731, 0.749, 4);
        assert_eq!(labels(&auc), ["0.735", "0.740", "0.745"]);
        assert_eq!(labels(&Axis::percent(0.0, 0.03, 3)), ["0 %", "1 %", "2 %", "3 %"]);
        assert_eq!(labels(&Axis::doublings(0.0, 12.0)), ["0", "1", "2", "5", "10"]);
    }

    #[test]
    fn numbers_in_sentences() {
        assert_eq!(count(245_300.0), "245 k");
        assert_eq!(count(1_224_000.0), "1.22 M");
        assert_eq!(count(28.4), "28.4");
        assert_eq!(count(0.0), "0");
        assert_eq!(time(63.2), "63.2 s");
        assert_eq!(time(5400.0), "90 min");
        assert_eq!(percent(0.0241), "2.4 %");
        assert_eq!(percent(0.0054), "0.54 %");
        assert_eq!(percent(0.94), "94 %");
    }

    #[test]
    fn impossible_ranges_still_make_an_axis() {
        for (low, high) in [(0.5, 0.5), (0.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            let axis = Axis::numbers(low, high, 5);
            assert!(axis.high > axis.low && !axis.ticks.is_empty(), "{low} {high}: {axis:?}");
        }
    }

    proptest! {
        #[test]
        fn ticks_are_few_ascending_and_inside(low in -1e9f64..1e9, width in 1e-6f64..1e9) {
            let axis = Axis::numbers(low, low + width, 6);
            prop_assert!(axis.ticks.len() <= 9);
            prop_assert!(axis.ticks.windows(2).all(|t| t[0].0 < t[1].0));
            prop_assert!(axis.ticks.iter().all(|t| (axis.low..=axis.high).contains(&t.0)));
        }
    }
}
