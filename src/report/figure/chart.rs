//! A figure as data: a chart, a sentence about it, and a table of the same data. The page and the
//! static picture are two ways to draw it.

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
    /// What it shows: sentences computed from its data.
    pub sentence: String,
    /// The chart.
    pub chart: Chart,
    /// The same data as a table.
    pub grid: Grid,
    /// The file from which its data comes.
    pub file: String,
}

/// The drawing of a figure.
#[derive(Clone, Debug)]
pub enum Chart {
    /// Lines or points over axes. A page shows the plot that its reader chooses; a picture shows
    /// several plots at once.
    Plots(Vec<Plot>, Panels),
    /// Bars that are divided into shares of a whole.
    Shares(Shares),
    /// What workers or shards do over time.
    Spans(Spans),
}

/// Which plots a picture shows, and how they are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panels {
    /// The number of plots shown: the first ones.
    pub shown: usize,
    /// The number of plots side by side.
    pub columns: usize,
    /// Whether the names of lines stand at their ends instead of in a legend.
    pub ends: bool,
}

impl Panels {
    /// The first plots below each other.
    pub const fn stacked(shown: usize) -> Panels {
        Panels { shown, columns: 1, ends: false }
    }

    /// All plots, `columns` of them side by side.
    pub const fn side_by_side(columns: usize) -> Panels {
        Panels { shown: usize::MAX, columns, ends: false }
    }

    /// The first plots below each other, with the names of lines at their ends.
    pub const fn with_ends(shown: usize) -> Panels {
        Panels { shown, columns: 1, ends: true }
    }
}

/// Lines over one pair of axes.
#[derive(Clone, Debug, Serialize)]
pub struct Plot {
    /// The text of the button that chooses it.
    pub label: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines.
    pub series: Vec<Series>,
    /// Upright lines behind the other lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uprights: Vec<Upright>,
    /// Lines of text that a picture shows above it.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// What lies outside the range of the vertical axis, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
}

impl Plot {
    /// A plot of lines over these axes. A line of one value is drawn as a dot: it would not be seen.
    pub fn new(label: impl Into<String>, x: Axis, y: Axis, mut series: Vec<Series>) -> Plot {
        let is_line = |series: &Series| matches!(series.style, Style::Line | Style::Dashes);
        for series in series.iter_mut().filter(|series| is_line(series)) {
            if series.points().count() == 1 {
                series.style = Style::Dots;
            }
        }
        let (uprights, notes, cut) = (Vec::new(), Vec::new(), None);
        Plot { label: label.into(), x, y, series, uprights, notes, cut }
    }
}

/// An upright line over the whole height of a plot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Upright {
    /// Its position on the horizontal axis.
    pub x: f64,
    /// The colour of the series to which it belongs; `None` if it belongs to the mesh.
    pub colour: Option<usize>,
}

/// One line.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its positions, ascending.
    pub x: Vec<f64>,
    /// Its values, one per position.
    pub y: Vec<Option<f64>>,
    /// Its band, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    /// How it is drawn.
    pub style: Style,
    /// Names of its points; empty if they have none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The value that stands with its name at its end, if it is not the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<f64>,
    /// The number of its colour; `None` for the colour of its place among the series.
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
    /// A dashed line: it shows another kind of thing than the lines beside it.
    Dashes,
    /// A line in steps, such as the outline of a histogram: a value holds until the next position.
    Steps,
    /// Points without a line.
    Points,
    /// A wide pale line behind the others, with which they are compared.
    Ground,
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
    /// A colour of the series, by its number.
    Series(usize),
    /// The colour of secondary text.
    Quiet,
}

/// Bars of equal length, divided into shares.
#[derive(Clone, Debug)]
pub struct Shares {
    /// The parts in order; the band of a look is the part of a bar's width that is filled.
    pub parts: Vec<Look>,
    /// One bar for each group, which a page shows above the table. With several groups the first
    /// bar is that of all together.
    pub groups: Vec<Bar>,
    /// The bars of a picture: one for each member or, if there are too many members, one for each
    /// group and for each of the slowest members.
    pub members: Vec<Bar>,
    /// The word for a member.
    pub member: &'static str,
    /// The whole that is divided into shares.
    pub whole: &'static str,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// The group to which it belongs.
    pub group: String,
    /// Its own name.
    pub name: String,
    /// The shares of the parts; their sum is 1.
    pub shares: Vec<f64>,
}

/// Rows of spans of time.
#[derive(Clone, Debug)]
pub struct Spans {
    /// What they are, for screen readers.
    pub about: &'static str,
    /// The axis of time; its range is the window shown.
    pub time: Axis,
    /// The window shown: its beginning and its end.
    pub window: (f64, f64),
    /// The part of the timeline whose spans the rows hold; a page can move the window within it.
    pub reach: (f64, f64),
    /// The looks of the spans, in the order of the legend.
    pub legend: Vec<Look>,
    /// The rows from top to bottom.
    pub rows: Vec<SpanRow>,
}

/// The spans of one worker or shard.
#[derive(Clone, Debug)]
pub struct SpanRow {
    /// Its name.
    pub name: String,
    /// Its spans within reach, in order of time.
    pub spans: Vec<Span>,
}

/// What a worker or shard did from one moment to another.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// How it looks.
    pub look: Look,
    /// Its beginning and its end.
    pub time: (f64, f64),
    /// The step to which it belongs, if it belongs to one.
    pub step: Option<u64>,
}

impl Span {
    /// The part of it that lies in a window.
    pub fn within(&self, window: (f64, f64)) -> Option<(f64, f64)> {
        let (from, until) = (self.time.0.max(window.0), self.time.1.min(window.1));
        (until > from).then_some((from, until))
    }
}

/// How one kind of span looks. Height and place differ, so that colour is not the only difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// The name of the kind.
    pub name: &'static str,
    /// Its colour.
    pub ink: Ink,
    /// Its upper and lower edge, as shares of the row from the top.
    pub band: (f64, f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_one_value_is_a_dot() {
        let series = |style, y: &[Option<f64>]| {
            let x = (0..y.len()).map(|x| x as f64).collect();
            Series { x, y: y.to_vec(), style, ..Series::default() }
        };
        let one = [None, Some(2.0)];
        let several = vec![
            series(Style::Line, &one),
            series(Style::Dashes, &one),
            series(Style::Line, &[Some(1.0), Some(2.0)]),
            series(Style::Limit, &one),
        ];
        let axis = || Axis::new("", super::super::axis::AxisUnit::Count);
        let styles: Vec<Style> =
            Plot::new("", axis(), axis(), several).series.iter().map(|s| s.style).collect();
        assert_eq!(styles, [Style::Dots, Style::Dots, Style::Line, Style::Limit]);
    }
}
