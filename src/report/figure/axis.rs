//! The axes of figures: what they measure, how they are scaled, and where their labels stand.

use super::number;
use serde::Serialize;

/// The most labels that a figure may place itself.
const MOST_TICKS: usize = 12;

/// An axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// What it measures.
    pub title: String,
    /// How its values are written.
    pub unit: AxisUnit,
    /// How its values are spread.
    pub scale: Scale,
    /// The positions of its labels; if empty, the chart chooses them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ticks: Vec<f64>,
    /// Names of the values 0, 1, 2, ...; empty for numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The range that is shown first, and in a picture always, because a picture cannot be zoomed;
    /// all values if `None`. A page takes over only that of a vertical axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
}

/// How values of an axis are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AxisUnit {
    /// As numbers.
    Number,
    /// As numbers with thousands and millions abbreviated.
    Count,
    /// As seconds, minutes or hours.
    Time,
    /// As percentages of 1.
    Percent,
}

/// How values of an axis are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal distances are equal differences.
    Linear,
    /// Equal distances are equal ratios.
    Ratios,
    /// Equal distances are equal ratios of 1 + x, so that 0 has a place.
    Doublings,
}

impl Axis {
    /// An axis of numbers with equal distances.
    pub fn new(title: impl Into<String>, unit: AxisUnit) -> Axis {
        let (ticks, names) = (Vec::new(), Vec::new());
        Axis { title: title.into(), unit, scale: Scale::Linear, ticks, names, range: None }
    }

    /// The same axis with equal ratios at equal distances, if `ratios`.
    pub fn scaled(self, ratios: bool) -> Axis {
        Axis { scale: if ratios { Scale::Ratios } else { self.scale }, ..self }
    }

    /// The same axis with equal ratios of 1 + x at equal distances, if `doublings`.
    pub fn doubling(self, doublings: bool) -> Axis {
        Axis { scale: if doublings { Scale::Doublings } else { self.scale }, ..self }
    }

    /// The same axis; shown is the part between `low` and `high`.
    pub fn between(self, low: f64, high: f64) -> Axis {
        Axis { range: Some((low, high)), ..self }
    }

    /// The same axis with labels at `values`, if these are few.
    pub fn labelled(self, values: impl IntoIterator<Item = f64>) -> Axis {
        let mut ticks: Vec<f64> = values.into_iter().collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        if ticks.len() > MOST_TICKS {
            ticks.clear();
        }
        Axis { ticks, ..self }
    }

    /// The position of a value: equal distances on the axis are equal differences of positions.
    pub fn position(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Ratios => libm::log2(value.max(1e-300)),
            // No value is less than -0.5, the lower edge of the bin of 0.
            Scale::Doublings => libm::log2(1.0 + value.max(-0.5)),
        }
    }

    /// About `count` round values from `low` to `high` with their labels.
    pub fn labels(&self, low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
        let within = |value: &f64| (low..=high).contains(value);
        if !self.names.is_empty() {
            let names = self.names.iter().enumerate();
            return names.map(|(place, name)| (place as f64, name.clone())).collect();
        }
        if self.scale == Scale::Linear && self.ticks.is_empty() {
            return self.even(low, high, count);
        }
        let powers = (-9..=18).flat_map(|p| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(p)));
        let values: Vec<f64> = match (self.ticks.as_slice(), self.scale) {
            ([], Scale::Doublings) => {
                std::iter::once(0.0).chain(powers.filter(|value| *value >= 1.0)).collect()
            }
            ([], _) => powers.collect(),
            (ticks, _) => ticks.to_vec(),
        };
        let label = |value: f64| {
            let (scale, name) = self.unit.scale(value.abs());
            (value, with_unit(value, (value / scale).to_string(), name))
        };
        values.into_iter().filter(within).map(label).collect()
    }

    fn even(&self, low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
        let largest =
            if self.unit == AxisUnit::Time { high - low } else { high.abs().max(low.abs()) };
        let (scale, name) = self.unit.scale(largest);
        let mut step = round_step((high - low) / scale / count.max(1) as f64);
        let ends = |step: f64| ((low / scale / step).ceil(), (high / scale / step).floor());
        // One label says nothing about the scale.
        if ends(step).1 - ends(step).0 < 1.0 {
            step = round_step(step / 3.0);
        }
        let (first, last) = ends(step);
        (0..=(last - first).clamp(0.0, 100.0) as usize)
            .map(|i| (first + i as f64) * step)
            .map(|tick| (tick * scale, with_unit(tick, fixed(tick, step), name)))
            .filter(|tick| (low..=high).contains(&tick.0))
            .collect()
    }
}

impl AxisUnit {
    /// A value in a sentence or a table.
    pub fn write(self, value: impl Into<Option<f64>>) -> String {
        match self {
            AxisUnit::Time => number::time(value),
            AxisUnit::Percent => number::percent(value),
            AxisUnit::Number | AxisUnit::Count => number::figure(value),
        }
    }

    /// The size and the name of the unit for the labels of an axis whose largest value is
    /// `largest`.
    fn scale(self, largest: f64) -> (f64, &'static str) {
        match (self, largest) {
            (AxisUnit::Number, _) => (1.0, ""),
            (AxisUnit::Percent, _) => (0.01, "%"),
            (AxisUnit::Count, v) if v < 1e4 => (1.0, ""),
            (AxisUnit::Count, v) if v < 1e6 => (1e3, "k"),
            (AxisUnit::Count, v) if v < 1e9 => (1e6, "M"),
            (AxisUnit::Count, _) => (1e9, "G"),
            (AxisUnit::Time, s) if s < 1e-3 => (1e-6, "µs"),
            (AxisUnit::Time, s) if s < 1.0 => (1e-3, "ms"),
            (AxisUnit::Time, s) if s < 120.0 => (1.0, "s"),
            (AxisUnit::Time, s) if s < 7200.0 => (60.0, "min"),
            (AxisUnit::Time, s) if s < 172_800.0 => (3600.0, "h"),
            (AxisUnit::Time, _) => (86_400.0, "d"),
        }
    }
}

/// A range that is finite and not empty.
pub fn proper(low: f64, high: f64) -> (f64, f64) {
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

/// `tick` with the decimals that multiples of `step` need; with an exponent if these are many.
fn fixed(tick: f64, step: f64) -> String {
    if tick == 0.0 && step < 1e-5 {
        return "0".to_string();
    }
    if step < 1e-5 || tick.abs() >= 1e8 {
        let digits = (libm::log10(tick.abs() / step) + 1e-9).clamp(0.0, 9.0) as usize;
        return format!("{tick:.digits$e}");
    }
    let decimals = (-libm::floor(libm::log10(step) + 1e-9)).clamp(0.0, 9.0) as usize;
    // Adding zero turns a minus zero into a plus zero.
    format!("{:.decimals$}", tick + 0.0)
}

fn with_unit(tick: f64, number: String, unit: &str) -> String {
    if unit.is_empty() || (tick == 0.0 && unit != "%") {
        number
    } else {
        format!("{number} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(unit: AxisUnit, low: f64, high: f64, count: usize) -> Vec<String> {
        let axis = Axis::new("", unit);
        axis.labels(low, high, count).into_iter().map(|label| label.1).collect()
    }

    #[test]
    fn ticks_are_round_in_the_unit_of_the_range() {
        let examples = labels(AxisUnit::Count, 0.0, 489_600.0, 5);
        assert_eq!(examples, ["0", "100 k", "200 k", "300 k", "400 k"]);
        assert_eq!(labels(AxisUnit::Time, 0.0, 4000.0, 4), ["0", "20 min", "40 min", "60 min"]);
        assert_eq!(labels(AxisUnit::Number, 0.731, 0.749, 4), ["0.735", "0.740", "0.745"]);
        assert_eq!(labels(AxisUnit::Percent, 0.0, 0.03, 3), ["0 %", "1 %", "2 %", "3 %"]);
        let doublings = Axis::new("", AxisUnit::Count).doubling(true).labels(0.0, 12.0, 5);
        let doublings: Vec<&str> = doublings.iter().map(|label| label.1.as_str()).collect();
        assert_eq!(doublings, ["0", "1", "2", "5", "10"]);
    }

    #[test]
    fn an_axis_has_at_least_two_labels_and_they_are_short() {
        for high in [0.19, 0.21, 0.49, 0.51, 0.99, 1.01] {
            assert!(labels(AxisUnit::Number, 0.0, high * 2.0, 2).len() > 1, "{high}");
        }
        assert_eq!(labels(AxisUnit::Number, 0.0, 4e-7, 2), ["0", "2e-7", "4e-7"]);
        assert_eq!(labels(AxisUnit::Number, 0.0, 2e9, 2), ["0", "1e9", "2e9"]);
    }

    #[test]
    fn impossible_ranges_still_make_an_axis() {
        for (low, high) in [(0.5, 0.5), (0.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            let (low, high) = proper(low, high);
            assert!(
                high > low && !labels(AxisUnit::Number, low, high, 5).is_empty(),
                "{low} {high}"
            );
        }
    }

    proptest! {
        #[test]
        fn ticks_are_few_ascending_and_inside(low in -1e9f64..1e9, width in 1e-6f64..1e9) {
            let (low, high) = proper(low, low + width);
            let ticks = Axis::new("", AxisUnit::Number).labels(low, high, 6);
            prop_assert!(ticks.len() <= 9);
            prop_assert!(ticks.windows(2).all(|t| t[0].0 < t[1].0));
            prop_assert!(ticks.iter().all(|t| (low..=high).contains(&t.0)));
        }
    }
}
