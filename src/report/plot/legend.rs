//! The entries of a legend of lines.

use super::sheet::{Swatch, WHOLE};
use super::style::{self, LineStyle};
use crate::report::figure::chart::{Plot, Style};
use plotters::prelude::*;

/// Every line of the plots once; many quiet lines get one entry with the first and the last name.
pub(super) fn of(plots: &[Plot]) -> Vec<(Swatch, String)> {
    let mut entries: Vec<(Swatch, String)> = Vec::new();
    let mut quiet: Vec<(LineStyle, &str)> = Vec::new();
    for plot in plots {
        for (place, series) in plot.series.iter().enumerate() {
            let is_in_view = |(_, y): (f64, f64)| {
                plot.y.range.is_none_or(|(low, high)| (low..=high).contains(&y))
            };
            let is_aside = matches!(series.style, Style::Mark | Style::Limit);
            if is_aside && !series.points().any(is_in_view) {
                continue;
            }
            let line = style::line(series, place);
            let swatch = match series.style {
                Style::Mark => Swatch::Ring(line),
                Style::Points => Swatch::Dot(line.colour),
                // Each band lies on the ones before it.
                Style::Steps if series.band.is_some() => {
                    let tone = 1.0 - (1.0 - style::BAND).powi(place as i32 + 1);
                    Swatch::Block(line.colour.mix(tone), WHOLE)
                }
                Style::Steps if series.colour.is_some() && !is_fan(plot) => {
                    Swatch::Block(line.colour, WHOLE)
                }
                _ => Swatch::Line(line),
            };
            if series.style == Style::Quiet {
                if !quiet.iter().any(|(_, name)| *name == series.name) {
                    quiet.push((line, &series.name));
                }
            } else if !entries.iter().any(|(_, name)| *name == series.name) {
                entries.push((swatch, series.name.clone()));
            }
        }
    }
    match quiet.as_slice() {
        [] => {}
        [(line, name)] => entries.push((Swatch::Line(*line), (*name).to_string())),
        [(line, first), .., (_, last)] => {
            entries.push((Swatch::Line(*line), format!("{first} to {last}")));
        }
    }
    entries
}

/// Whether a plot shows bands in steps: quantiles over time.
pub(super) fn is_fan(plot: &Plot) -> bool {
    plot.series.iter().any(|series| series.style == Style::Steps && series.band.is_some())
}
