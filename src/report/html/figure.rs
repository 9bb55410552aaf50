//! A figure: a title, a sentence, a chart and the same data as a table.

use super::grid::Grid;
use maud::Markup;
use serde::Serialize;

/// Most labels of an axis that are not left to the chart.
const MOST_TICKS: usize = 12;

/// One figure of a page.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// Its name in the page: small letters, digits and hyphens.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it shows, in a sentence computed from its data.
    pub sentence: String,
    /// What is drawn.
    pub chart: Chart,
    /// The same data as a table.
    pub grid: Grid,
    /// The file its data comes from.
    pub file: String,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) enum Chart {
    /// Lines or points against an axis, drawn by the script of the page; the reader chooses among
    /// the plots.
    Plots(Vec<Plot>),
    /// A drawing that needs no script, with the spans behind it for those who move along it.
    Drawing {
        /// The SVG element.
        svg: Markup,
        /// The spans of a timeline.
        spans: Option<Spans>,
    },
}

/// Lines over one pair of axes.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Plot {
    /// What the reader chooses it by.
    pub label: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Axis {
    /// What it measures.
    pub title: String,
    /// How its values are written.
    pub unit: Unit,
    /// Whether equal distances are equal ratios.
    pub log: bool,
    /// Where its labels stand; empty to leave that to the chart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ticks: Vec<f64>,
    /// Names of the values 0, 1, 2, ...; empty for numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// How values of an axis are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    /// As numbers.
    Number,
    /// As numbers with thousands and millions abbreviated.
    Count,
    /// As seconds, minutes or hours.
    Time,
    /// As percentages of 1.
    Percent,
}

impl Axis {
    /// An axis of numbers with equal distances.
    pub(super) fn new(title: impl Into<String>, unit: Unit) -> Axis {
        Axis { title: title.into(), unit, log: false, ticks: Vec::new(), names: Vec::new() }
    }

    /// The same axis with equal ratios at equal distances, if `log`.
    pub(super) fn scaled(self, log: bool) -> Axis {
        Axis { log, ..self }
    }

    /// The same axis with labels at `values`, if these are few.
    pub(super) fn labelled(self, values: impl IntoIterator<Item = f64>) -> Axis {
        let mut ticks: Vec<f64> = values.into_iter().collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        if ticks.len() > MOST_TICKS {
            ticks.clear();
        }
        Axis { ticks, ..self }
    }
}

/// One line.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its positions, ascending.
    pub x: Vec<f64>,
    /// Its values, as many.
    pub y: Vec<Option<f64>>,
    /// Lower and upper edges of its band; empty without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    /// How it is drawn.
    pub style: Style,
    /// Names of its points; empty without them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// The edges of a band around a line.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Band {
    /// Lower edge.
    pub low: Vec<Option<f64>>,
    /// Upper edge.
    pub high: Vec<Option<f64>>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Style {
    /// A line.
    #[default]
    Line,
    /// A line with a dot at every value.
    Dots,
    /// A histogram's outline: the value holds until the next position.
    Steps,
    /// Points without a line.
    Points,
    /// A thin line in the background, such as a limit.
    Limit,
    /// A ring around a value of another line.
    Mark,
}

/// What every worker does when.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Spans {
    /// The simulated seconds shown: from, until.
    pub window: (f64, f64),
    /// Where the drawing begins and ends, in its own units.
    pub frame: (f64, f64),
    /// The workers from top to bottom.
    pub rows: Vec<SpanRow>,
}

/// The spans of one worker.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SpanRow {
    /// Its class and number.
    pub name: String,
    /// Activity, from, until; in order of time.
    pub spans: Vec<(String, f64, f64)>,
}
