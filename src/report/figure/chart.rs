//! A figure as data: what is drawn, in words too, and the same as a table. The page and the static
//! picture are two ways to draw it.

use super::axis::Axis;
use super::grid::Grid;
use serde::Serialize;

/// One figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its name: small letters, digits and hyphens.
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
pub enum Chart {
    /// Lines or points over axes. A page shows the plot that its reader chooses; a picture shows
    /// some of them at once.
    Plots(Vec<Plot>, Panels),
    /// Shares of a whole, one bar for each.
    Shares(Shares),
    /// What everybody does when.
    Spans(Spans),
}

/// Which plots a picture shows, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panels {
    /// The first so many.
    pub shown: usize,
    /// So many side by side.
    pub columns: usize,
    /// Whether lines are named where they end instead of in a legend.
    pub ends: bool,
}

impl Panels {
    /// The first plots below each other.
    pub const fn stacked(shown: usize) -> Panels {
        Panels { shown, columns: 1, ends: false }
    }

    /// All plots, so many side by side.
    pub const fn side_by_side(columns: usize) -> Panels {
        Panels { shown: usize::MAX, columns, ends: false }
    }

    /// The first plot alone, its lines named where they end.
    pub const fn with_ends() -> Panels {
        Panels { shown: 1, columns: 1, ends: true }
    }
}

/// Lines over one pair of axes.
#[derive(Clone, Debug, Serialize)]
pub struct Plot {
    /// What the reader chooses it by.
    pub label: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines.
    pub series: Vec<Series>,
    /// Upright lines behind them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uprights: Vec<Upright>,
    /// What a picture says above it.
    #[serde(skip)]
    pub notes: Vec<String>,
}

impl Plot {
    /// Lines over these axes.
    pub fn new(label: impl Into<String>, x: Axis, y: Axis, series: Vec<Series>) -> Plot {
        Plot { label: label.into(), x, y, series, uprights: Vec::new(), notes: Vec::new() }
    }
}

/// An upright line over the whole height of a plot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Upright {
    /// Where it stands.
    pub x: f64,
    /// The colour of the series that it belongs to; none of the mesh.
    pub colour: Option<usize>,
}

/// One line.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its positions, ascending.
    pub x: Vec<f64>,
    /// Its values, as many.
    pub y: Vec<Option<f64>>,
    /// Lower and upper edges of its band.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    /// How it is drawn.
    pub style: Style,
    /// Names of its points; empty without them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Its colour among those of series; that of its place without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<usize>,
}

impl Series {
    /// Its points that have a value.
    pub fn points(&self) -> impl DoubleEndedIterator<Item = (f64, f64)> {
        self.x.iter().zip(&self.y).filter_map(|(x, y)| Some((*x, (*y)?)))
    }
}

/// The edges of a band around a line.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Band {
    /// Lower edge.
    pub low: Vec<Option<f64>>,
    /// Upper edge.
    pub high: Vec<Option<f64>>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// A line.
    #[default]
    Line,
    /// A line with a dot at every value.
    Dots,
    /// A dashed line: of another kind than those beside it.
    Dashes,
    /// A histogram's outline: the value holds until the next position.
    Steps,
    /// Points without a line.
    Points,
    /// A thin pale line, one of many.
    Quiet,
    /// A thin line in the background, such as a limit.
    Limit,
    /// A ring around a value of another line.
    Mark,
}

/// A colour that a page and a picture have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// One of those of series.
    Series(usize),
    /// That of secondary text.
    Quiet,
}

/// Bars of equal length, parted by shares.
#[derive(Clone, Debug)]
pub struct Shares {
    /// The parts in order, with their colours.
    pub parts: [(&'static str, Ink); 3],
    /// One bar for each group, the first for all where there are several: for a page, which has
    /// the table beside it.
    pub groups: Vec<Bar>,
    /// One bar for each member, or for groups and the slowest: for a picture.
    pub members: Vec<Bar>,
    /// What a member is.
    pub member: &'static str,
    /// What the shares are of.
    pub whole: &'static str,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// The group that it belongs to.
    pub group: String,
    /// Its own name.
    pub name: String,
    /// The parts, 1 together.
    pub shares: [f64; 3],
}

/// Rows of spans of time.
#[derive(Clone, Debug)]
pub struct Spans {
    /// The axis of time; its range is the window shown.
    pub time: Axis,
    /// The window: from, until.
    pub window: (f64, f64),
    /// The looks that occur, in the order of a legend.
    pub legend: Vec<Look>,
    /// From top to bottom.
    pub rows: Vec<SpanRow>,
}

/// The spans of one worker.
#[derive(Clone, Debug)]
pub struct SpanRow {
    /// Its name.
    pub name: String,
    /// In order of time: what, from, until.
    pub spans: Vec<(Look, f64, f64)>,
}

/// How one kind of span looks: height and place differ, so that none is told by colour alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// What it is called.
    pub name: &'static str,
    /// Its colour.
    pub ink: Ink,
    /// Its upper and lower edge, as shares of the row from the top.
    pub band: (f64, f64),
}
