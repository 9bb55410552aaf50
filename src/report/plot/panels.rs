//! Lines over axes, one panel per plot.

use super::ends;
use super::fonts::{fitted, text_width};
use super::legend;
use super::sheet::{
    BOTTOM, Drawing, INNER, LEFT, PlotArea, PlotContext, RIGHT, Ruler, Sheet, WIDTH,
};
use super::style::{self, BLACK, GREY, LineStyle, PALE, stroke, units};
use super::whiskers;
use crate::report::figure::axis::{Axis, AxisUnit, Scale, proper};
use crate::report::figure::chart::{Band, Panels, Plot, Series, Style};
use crate::report::figure::number;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

/// With more panels side by side than this, they are small.
const MOST_LARGE: usize = 3;
/// The most lines with a band of their own; more bands would hide each other, so then a bar at the
/// end of each line shows its interval there.
const MOST_BANDS: usize = 3;
/// Distance between the bars of two lines.
const BARS: f64 = 9.0;
/// Opacity of the area under a histogram.
const UNDER: f64 = 0.14;
/// Opacity of a band around a line; several may overlap.
const RIBBON: f64 = 0.15;

/// The positions of a value on both scales.
type PlotPoint = (f64, f64);

/// Draws the plots that the layout shows, below `top`.
pub(super) fn draw<DB: DrawingBackend>(
    sheet: &Sheet<DB>,
    top: f64,
    plots: &[Plot],
    layout: &Panels,
) -> Drawing<DB> {
    let plots = &plots[..plots.len().min(layout.shown)];
    let top = match layout.ends {
        true => top,
        false => sheet.legend(top, &legend::of(plots))?,
    };
    for (index, plot) in plots.iter().enumerate() {
        let below = index + layout.columns >= plots.len();
        let below = below || has_own_x(plots);
        let panel = Panel::new(plot, slot(index, plots, layout, top), layout, below);
        Panel { head: head(plots), ..panel }.draw(sheet)?;
    }
    if is_small(layout)
        && let Some(plot) = plots.last()
    {
        let at = (RIGHT, BOTTOM + 66.0);
        sheet.text(at, (style::LABEL, false), BLACK, HPos::Right, &plot.x.title)?;
    }
    Ok(())
}

/// Whether panels below each other have different horizontal axes.
fn has_own_x(plots: &[Plot]) -> bool {
    plots.iter().any(|plot| plot.x.title != plots[0].x.title)
}

fn is_small(layout: &Panels) -> bool {
    layout.columns > MOST_LARGE
}

/// Height of the notes above small panels.
fn head(plots: &[Plot]) -> f64 {
    19.0 * plots.iter().map(|plot| plot.notes.len()).max().unwrap_or(0) as f64
}

/// Where the data of a panel lie.
fn slot(index: usize, plots: &[Plot], layout: &Panels, top: f64) -> PlotArea {
    let small = is_small(layout);
    let (left, between, gap) = match (small, layout.columns) {
        (true, columns) => (118.0, if columns > 8 { 70.0 } else { 82.0 }, 60.0),
        (false, 1) if has_own_x(plots) => (INNER, 130.0, 136.0),
        (false, _) => (INNER, 130.0, 80.0),
    };
    let top = top + if small { head(plots) } else { 34.0 };
    let right = if layout.ends { RIGHT - ends::room(plots, layout) } else { RIGHT };
    let (columns, rows) = (layout.columns, plots.len().div_ceil(layout.columns));
    let share =
        |from: f64, to: f64, gap: f64, of: usize| (to - from - gap * (of - 1) as f64) / of as f64;
    let (width, height) = (share(left, right, between, columns), share(top, BOTTOM, gap, rows));
    let left = left + (index % columns) as f64 * (width + between);
    let top = top + (index / columns) as f64 * (height + gap);
    PlotArea { left, top, right: left + width, bottom: top + height }
}

/// Whether a series is a line with a band around it.
fn is_banded_line(series: &Series) -> bool {
    let is_line = matches!(series.style, Style::Line | Style::Dashes | Style::Dots | Style::Ground);
    is_line && series.band.is_some()
}

/// Whether only one position of a line has an interval.
fn has_one_interval(series: &Series) -> bool {
    series.band.as_ref().is_some_and(|band| band.low.iter().flatten().count() == 1)
}

/// One plot and its place.
struct Panel<'a> {
    plot: &'a Plot,
    /// The lines drawn.
    series: &'a [Series],
    rect: PlotArea,
    x: Ruler,
    y: Ruler,
    small: bool,
    /// Height of the notes above a small panel.
    head: f64,
    /// Whether the names of its lines stand at their ends.
    ends: bool,
    /// Whether it is in the last row of panels.
    below: bool,
}

impl Panel<'_> {
    fn new<'a>(plot: &'a Plot, rect: PlotArea, layout: &Panels, below: bool) -> Panel<'a> {
        let small = is_small(layout);
        let per_label = if small { (60.0, 70.0) } else { (190.0, 80.0) };
        let count = |length: f64, per: f64| (length / per).ceil().max(2.0) as usize;
        let edges = |series: &Series| {
            let band = series.band.as_ref().into_iter().flat_map(|b| b.low.iter().chain(&b.high));
            let band: Vec<f64> = band.copied().flatten().collect();
            series.points().map(|point| point.1).chain(band).collect::<Vec<f64>>()
        };
        let series = ends::drawn(plot, layout);
        let x = series.iter().flat_map(|series| series.x.iter().copied());
        let y = series.iter().flat_map(edges);
        let mut x = ruler(&plot.x, x, count(rect.right - rect.left, per_label.0));
        if !below && !small {
            x.labels.clear();
        }
        let y = ruler(&plot.y, y, count(rect.bottom - rect.top, per_label.1));
        Panel { plot, series, rect, x, y, small, head: 0.0, ends: layout.ends, below }
    }

    fn draw<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawing<DB> {
        self.titles(sheet)?;
        let (size, room) = if self.small { (style::SMALL, 80.0) } else { (style::TICK, 100.0) };
        let mut chart = sheet.chart(&self.rect, (&self.x, &self.y), size, room)?;
        for upright in &self.plot.uprights {
            let x = self.plot.x.position(upright.x);
            let colour = upright.colour.map_or(PALE, style::colour);
            let width = if upright.colour.is_some() { style::NORMAL } else { style::THIN };
            let line = LineStyle { colour: colour.mix(1.0), width, dashed: true };
            self.line(&mut chart, &[(x, self.y.low), (x, self.y.high)], line)?;
        }
        // In reverse order, so that the first line is on top; bands from the widest to the
        // narrowest.
        let mut order: Vec<usize> = match legend::is_fan(self.plot) {
            true => (0..self.series.len()).collect(),
            false => (0..self.series.len()).rev().collect(),
        };
        order.sort_by_key(|place| self.series[*place].style != Style::Ground);
        for place in order {
            self.series(&mut chart, place)?;
        }
        for series in self.series.iter().filter(|series| series.style == Style::Mark) {
            self.marks(sheet, &mut chart, series)?;
        }
        self.bars(sheet)?;
        if self.ends { self.names_at_ends(sheet) } else { Ok(()) }
    }

    fn titles<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawing<DB> {
        let PlotArea { left, top, right, bottom } = self.rect;
        if self.small {
            for (row, note) in self.plot.notes.iter().enumerate() {
                let head = row == 0;
                let at = (left - 30.0, top - self.head + 5.0 + 19.0 * row as f64);
                let colour = if head { BLACK } else { GREY };
                sheet.text(at, (style::SMALL, head), colour, HPos::Left, note)?;
            }
            return Ok(());
        }
        let at = (left - INNER + LEFT, top - 20.0);
        sheet.text(at, (style::LABEL, false), BLACK, HPos::Left, &self.plot.y.title)?;
        if let Some(cut) = &self.plot.cut {
            let after = at.0 + text_width(&self.plot.y.title, style::LABEL, false) + 16.0;
            let note = self.plot.notes.first().map_or(0.0, |n| text_width(n, style::LABEL, true));
            let cut = fitted(cut, style::SMALL, false, right - note - 16.0 - after);
            sheet.text((after, at.1), (style::SMALL, false), GREY, HPos::Left, &cut)?;
        }
        if let Some(note) = self.plot.notes.first() {
            let at = (right, top - 12.0);
            sheet.text(at, (style::LABEL, true), BLACK, HPos::Right, note)?;
        }
        if !self.below {
            return Ok(());
        }
        let at = (right, bottom + 66.0);
        sheet.text(at, (style::LABEL, false), BLACK, HPos::Right, &self.plot.x.title)
    }

    fn at(&self, (x, y): (f64, f64)) -> PlotPoint {
        (self.plot.x.position(x), self.plot.y.position(y))
    }

    fn series<DB: DrawingBackend>(
        &self,
        chart: &mut PlotContext<'_, DB>,
        place: usize,
    ) -> Drawing<DB> {
        let series = &self.series[place];
        let line = style::line(series, place);
        match (series.style, &series.band) {
            (Style::Mark, _) => Ok(()),
            (Style::Steps, Some(band)) => self.bands(chart, series, band, line),
            (Style::Steps, None) => self.steps(chart, series, line),
            (Style::Points, _) => {
                let ends = whiskers::of(series).map(|ends| ends.map(|end| self.at(end)));
                ends.into_iter().try_for_each(|ends| self.line(chart, &ends, line))?;
                self.dots(chart, series, line, 5.0)
            }
            (Style::Dots, _) => {
                self.through(chart, series, line)?;
                self.dots(chart, series, line, 4.0)
            }
            (Style::Line | Style::Dashes | Style::Quiet | Style::Limit | Style::Ground, _) => {
                self.ribbon(chart, series, line)?;
                self.through(chart, series, line)
            }
        }
    }

    /// The band around a line, between its positions.
    fn ribbon<DB: DrawingBackend>(
        &self,
        chart: &mut PlotContext<'_, DB>,
        series: &Series,
        line: LineStyle,
    ) -> Drawing<DB> {
        let Some(band) = series.band.as_ref().filter(|_| self.has_ribbons()) else {
            return Ok(());
        };
        let edge = |edge: &[Option<f64>], place: usize| {
            let (x, y) = self.at((series.x[place], edge[place]?));
            Some((x, y.clamp(self.y.low, self.y.high)))
        };
        // One area for each stretch without a gap: neighbouring areas would overlap in stripes.
        let corners = |i: usize| Some((edge(&band.low, i)?, edge(&band.high, i)?));
        let visible =
            |corners: &(PlotPoint, PlotPoint)| (self.x.low..=self.x.high).contains(&corners.0.0);
        let corners: Vec<Option<(PlotPoint, PlotPoint)>> =
            (0..series.x.len()).map(|i| corners(i).filter(visible)).collect();
        let stretches = corners.split(Option::is_none).filter(|stretch| stretch.len() > 1);
        let area = |stretch: &[Option<(PlotPoint, PlotPoint)>]| {
            let low = stretch.iter().flatten().map(|corners| corners.0);
            let high = stretch.iter().rev().flatten().map(|corners| corners.1);
            Polygon::new(low.chain(high).collect::<Vec<_>>(), line.colour.mix(RIBBON).filled())
        };
        chart.draw_series(stretches.map(area)).map(|_| ())
    }

    fn has_ribbons(&self) -> bool {
        self.series.iter().filter(|series| is_banded_line(series)).count() <= MOST_BANDS
    }

    /// The interval at the end of each line with a band, as a bar beside the bars of other lines.
    fn bars<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawing<DB> {
        let has_bar = |series: &Series| !self.has_ribbons() || has_one_interval(series);
        let banded = self.series.iter().enumerate();
        let banded = banded.filter(|(_, series)| is_banded_line(series) && has_bar(series));
        for (count, (place, series)) in banded.enumerate() {
            let Some(band) = &series.band else { continue };
            let ends = series.x.iter().zip(band.low.iter().zip(&band.high)).rev();
            let mut ends = ends.filter_map(|(x, (low, high))| Some((*x, (*low)?, (*high)?)));
            let Some((x, low, high)) = ends.next() else { continue };
            let PlotArea { left, top, right, bottom } = self.rect;
            let share = (self.plot.x.position(x) - self.x.low) / (self.x.high - self.x.low);
            let at = left + share.clamp(0.0, 1.0) * (right - left) - BARS * count as f64;
            let row = |value: f64| {
                let share = (self.plot.y.position(value) - self.y.low) / (self.y.high - self.y.low);
                (bottom - share * (bottom - top)).clamp(top, bottom)
            };
            let line = LineStyle { dashed: false, width: style::BAR, ..style::line(series, place) };
            sheet.line((at, row(low)), (at, row(high)), line)?;
        }
        Ok(())
    }

    fn through<DB: DrawingBackend>(
        &self,
        chart: &mut PlotContext<'_, DB>,
        series: &Series,
        line: LineStyle,
    ) -> Drawing<DB> {
        let points: Vec<PlotPoint> = series.points().map(|point| self.at(point)).collect();
        self.line(chart, &points, line)
    }

    /// A line through points, cut off at the edges of the panel.
    fn line<DB: DrawingBackend>(
        &self,
        chart: &mut PlotContext<'_, DB>,
        points: &[PlotPoint],
        line: LineStyle,
    ) -> Drawing<DB> {
        let style = stroke(line.colour, line.width);
        for piece in self.visible(points) {
            if line.dashed {
                let dash = units(style::DASH);
                chart.draw_series(DashedLineSeries::new(piece, dash, dash, style))?;
            } else {
                chart.draw_series(LineSeries::new(piece, style))?;
            }
        }
        Ok(())
    }

    fn dots<DB: DrawingBackend>(
        &self,
        chart: &mut PlotContext<'_, DB>,
        series: &Series,
        line: LineStyle,
        radius: f64,
    ) -> Drawing<DB> {
        let points = series.points().map(|point| self.at(point));
        let dots = points.filter(|point| self.is_inside(*point));
        let dots = dots.map(|point| Circle::new(point, units(radius), line.colour.filled()));
        chart.draw_series(dots).map(|_| ())
    }

    /// Where each value of a series in steps begins and ends, cut off at the panel's sides.
    fn stretches(&self, series: &Series) -> Vec<(usize, f64, f64)> {
        let at: Vec<f64> = series.x.iter().map(|x| self.plot.x.position(*x)).collect();
        let cut = |(place, pair): (usize, &[f64])| {
            (place, pair[0].max(self.x.low), pair[1].min(self.x.high))
        };
        let all = at.windows(2).enumerate().map(cut);
        all.filter(|(_, from, to)| to > from).collect()
    }

    fn block(&self, (from, to): (f64, f64), (low, high): (f64, f64)) -> [PlotPoint; 2] {
        let within = |y: f64| self.plot.y.position(y).clamp(self.y.low, self.y.high);
        [(from, within(low)), (to, within(high))]
    }

    fn bands<DB: DrawingBackend>(
        &self,
        chart: &mut PlotContext<'_, DB>,
        series: &Series,
        band: &Band,
        line: LineStyle,
    ) -> Drawing<DB> {
        let block = |(place, from, to): (usize, f64, f64)| {
            let corners = self.block((from, to), (band.low[place]?, band.high[place]?));
            Some(Rectangle::new(corners, line.colour.mix(style::BAND).filled()))
        };
        chart.draw_series(self.stretches(series).into_iter().filter_map(block)).map(|_| ())
    }

    /// Steps over the stretches that have a value; the area under a histogram is lightly filled.
    fn steps<DB: DrawingBackend>(
        &self,
        chart: &mut PlotContext<'_, DB>,
        series: &Series,
        line: LineStyle,
    ) -> Drawing<DB> {
        let histogram = !legend::is_fan(self.plot);
        let mut outline: Vec<PlotPoint> = Vec::new();
        for (place, from, to) in self.stretches(series) {
            let value = series.y[place].filter(|value| !histogram || *value > 0.0);
            if let Some(value) = value {
                let y = self.plot.y.position(value);
                if histogram {
                    let corners = self.block((from, to), (0.0, value));
                    let filled = line.colour.mix(UNDER).filled();
                    chart.draw_series([Rectangle::new(corners, filled)])?;
                    if outline.is_empty() {
                        outline.push((from, 0.0));
                    }
                }
                outline.extend([(from, y), (to, y)]);
            } else {
                self.outline(chart, std::mem::take(&mut outline), histogram, line)?;
            }
        }
        self.outline(chart, outline, histogram, line)
    }

    fn outline<DB: DrawingBackend>(
        &self,
        chart: &mut PlotContext<'_, DB>,
        mut outline: Vec<PlotPoint>,
        histogram: bool,
        line: LineStyle,
    ) -> Drawing<DB> {
        if let (Some(&(end, _)), true) = (outline.last(), histogram) {
            outline.push((end, 0.0));
        }
        let width = if self.small { style::THIN } else { line.width };
        self.line(chart, &outline, LineStyle { width, ..line })
    }

    /// Rings around values, with the numbers above them.
    fn marks<DB: DrawingBackend>(
        &self,
        sheet: &Sheet<DB>,
        chart: &mut PlotContext<'_, DB>,
        series: &Series,
    ) -> Drawing<DB> {
        for point in series.points().filter(|point| self.is_inside(self.at(*point))) {
            let (x, y) = self.at(point);
            let style = stroke(BLACK, style::NORMAL);
            chart.draw_series([Circle::new((x, y), units(8.0), style)])?;
            let share = (x - self.x.low) / (self.x.high - self.x.low);
            let height = (y - self.y.low) / (self.y.high - self.y.low);
            let PlotArea { left, top, right, bottom } = self.rect;
            let at = (left + share * (right - left), bottom - height * (bottom - top) - 17.0);
            let (end, aside) = match share {
                share if share > 0.9 => (HPos::Right, 8.0),
                share if share < 0.1 => (HPos::Left, -8.0),
                _ => (HPos::Center, 0.0),
            };
            let text = number::figure(point.1);
            sheet.text((at.0 + aside, at.1), (style::LABEL, true), BLACK, end, &text)?;
        }
        Ok(())
    }

    /// The name and the last value of each line beside its end, moved apart if they would overlap.
    fn names_at_ends<DB: DrawingBackend>(&self, sheet: &Sheet<DB>) -> Drawing<DB> {
        let PlotArea { top, right, bottom, .. } = self.rect;
        let lines = self.series.iter().enumerate();
        let ends: Vec<(LineStyle, f64, String)> = lines
            .filter_map(|(place, series)| {
                let (last, text) = ends::text(self.plot, series)?;
                Some((style::line(series, place), last, text))
            })
            .collect();
        let row = |value: f64| {
            let share = (self.plot.y.position(value) - self.y.low) / (self.y.high - self.y.low);
            (bottom - share * (bottom - top)).clamp(top, bottom)
        };
        let rows: Vec<f64> = ends.iter().map(|end| row(end.1)).collect();
        let moved = ends::spread(&rows, style::LABEL * 1.25, top, bottom);
        for (((line, _, text), row), to) in ends.iter().zip(&rows).zip(moved) {
            let faded =
                LineStyle { colour: line.colour.mix(0.6), width: style::THIN, dashed: false };
            sheet.line((right + 2.0, *row), (right + 16.0, to), faded)?;
            let text = fitted(text, style::LABEL, false, WIDTH - right - 30.0);
            let at = (right + 20.0, to + style::LABEL * 0.35);
            let colour = RGBColor(line.colour.0, line.colour.1, line.colour.2);
            sheet.text(at, (style::LABEL, false), colour, HPos::Left, &text)?;
        }
        let more = match self.plot.series.len() - self.series.len() {
            0 => return Ok(()),
            _ => "others are not drawn",
        };
        let at = (right + 20.0, top - 20.0);
        sheet.text(at, (style::LABEL, false), GREY, HPos::Left, more)
    }

    fn is_inside(&self, (x, y): PlotPoint) -> bool {
        (self.x.low..=self.x.high).contains(&x) && (self.y.low..=self.y.high).contains(&y)
    }

    /// The pieces of a line that lie within the panel.
    fn visible(&self, points: &[PlotPoint]) -> Vec<Vec<PlotPoint>> {
        let mut pieces: Vec<Vec<PlotPoint>> = Vec::new();
        for pair in points.windows(2) {
            let Some((from, to)) = self.clip(pair[0], pair[1]) else { continue };
            match pieces.last_mut() {
                Some(piece) if piece.last() == Some(&from) => piece.push(to),
                _ => pieces.push(vec![from, to]),
            }
        }
        pieces
    }

    /// The part of a straight piece within the panel (Liang and Barsky 1984).
    fn clip(&self, from: PlotPoint, to: PlotPoint) -> Option<(PlotPoint, PlotPoint)> {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let (mut enter, mut leave) = (0.0f64, 1.0f64);
        let sides = [
            (-dx, from.0 - self.x.low),
            (dx, self.x.high - from.0),
            (-dy, from.1 - self.y.low),
            (dy, self.y.high - from.1),
        ];
        for (speed, room) in sides {
            if speed == 0.0 && room < 0.0 {
                return None;
            } else if speed < 0.0 {
                enter = enter.max(room / speed);
            } else if speed > 0.0 {
                leave = leave.min(room / speed);
            }
        }
        let along = |share: f64| match share {
            0.0 => from,
            1.0 => to,
            _ => (from.0 + share * dx, from.1 + share * dy),
        };
        (enter < leave).then(|| (along(enter), along(leave)))
    }
}

/// The scale of an axis over its range, or over all values with some room.
fn ruler(axis: &Axis, values: impl Iterator<Item = f64>, count: usize) -> Ruler {
    let all = values.filter(|value| value.is_finite());
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let wide = match axis.unit {
        AxisUnit::Percent => (0.0, high * 1.06),
        // Equal ratios have no 0.
        _ if axis.scale == Scale::Ratios => (low, high * 1.02),
        // Time and counts begin at 0, and the last value has some room.
        AxisUnit::Time | AxisUnit::Count => (low.min(0.0), high + 0.02 * high.abs()),
        AxisUnit::Number => (low, high),
    };
    let (low, high) = axis.range.unwrap_or(wide);
    let (low, high) = match axis.unit {
        AxisUnit::Number => proper(low, high),
        // Nothing but zeros still begins at zero.
        _ if low == 0.0 && high == 0.0 => (0.0, 1.0),
        _ => proper(low, high),
    };
    let labels = axis.labels(low, high, count);
    Ruler {
        low: axis.position(low),
        high: axis.position(high),
        labels: labels.into_iter().map(|(value, label)| (axis.position(value), label)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_panel() {
        let axis = |high| Axis::new("", AxisUnit::Number).between(0.0, high);
        let plot = Plot::new("", axis(10.0), axis(1.0), Vec::new());
        let rect = PlotArea { left: 100.0, top: 100.0, right: 200.0, bottom: 200.0 };
        let panel = Panel::new(&plot, rect, &Panels::stacked(1), true);
        let pieces = panel.visible(&[(0.0, -1.0), (4.0, 1.0), (8.0, 3.0), (9.0, 0.5)]);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0], [(2.0, 0.0), (4.0, 1.0)]);
        assert!(pieces[1].iter().all(|p| p.1 <= 1.0));
        assert!(panel.visible(&[(-5.0, 0.5), (-1.0, 0.5)]).is_empty());
        assert_eq!(panel.visible(&[(0.0, 0.5), (5.0, 0.5), (10.0, 1.0)])[0].len(), 3);
    }
}
