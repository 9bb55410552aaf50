//! The names at the ends of lines: which lines have one, what it says, and where it stands.

use super::fonts::text_width;
use super::sheet::{RIGHT, WIDTH};
use super::style;
use crate::report::figure::chart::{Panels, Plot, Series};

/// The least and the most room for names at the ends of lines.
const ROOM: (f64, f64) = (120.0, 430.0);

/// The lines that are drawn. If names stand at the ends of lines, no colour is used twice: dashes
/// have a meaning there and cannot distinguish two lines of one colour.
pub(super) fn drawn<'a>(plot: &'a Plot, layout: &Panels) -> &'a [Series] {
    let most = if layout.ends { style::COLOURS } else { usize::MAX };
    &plot.series[..plot.series.len().min(most)]
}

/// The text at the end of a line: its name, and its last value or the one that it has to say.
pub(super) fn text(plot: &Plot, series: &Series) -> Option<(f64, String)> {
    let last = series.points().next_back()?.1;
    let said = series.said.unwrap_or(last);
    Some((last, format!("{} {}", series.name, plot.y.unit.write(said))))
}

/// The room for the names at the ends of lines.
pub(super) fn room(plots: &[Plot], layout: &Panels) -> f64 {
    let texts = plots.iter().flat_map(|plot| {
        drawn(plot, layout).iter().filter_map(|series| Some(text(plot, series)?.1))
    });
    let widest = texts.map(|text| text_width(&text, style::LABEL, false)).fold(0.0, f64::max);
    (widest + 40.0 - (WIDTH - RIGHT) / 2.0).clamp(ROOM.0, ROOM.1)
}

/// Positions at least `gap` apart, in the order of `wanted` and near these positions, and between
/// `low` and `high` if they fit there.
pub(super) fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut placed = wanted.to_vec();
    let mut free = low;
    for &i in &order {
        placed[i] = placed[i].max(free);
        free = placed[i] + gap;
    }
    let mut free = high;
    for &i in order.iter().rev() {
        placed[i] = placed[i].min(free);
        free = placed[i] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moved_apart_in_order() {
        let placed = spread(&[50.0, 52.0, 51.0, 190.0], 20.0, 40.0, 200.0);
        assert_eq!(placed, [50.0, 90.0, 70.0, 190.0]);
        let placed = spread(&[199.0, 200.0], 20.0, 0.0, 200.0);
        assert_eq!(placed, [180.0, 200.0]);
    }
}
