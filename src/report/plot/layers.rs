//! `layers`: what becomes of the weights of each layer and table, and of the gradients applied to
//! them; one column per layer, weights above, gradients below.

use super::axes::{self, Axis};
use super::frame::{self, Panel, Swatch};
use super::picture::{Anchor, Picture, Rect, Type};
use super::style::{self, BLACK, BLUE, GREY, Ink, VERMILION};
use crate::results::RunResults;
use crate::results::tables::LayerRow;

/// Most layers side by side.
const MOST: usize = 10;
/// Bands of gradients that reach so many times further than those behind the first look are cut off.
const BEYOND: f64 = 1.3;

/// How strong the bands are: of the middle nine tenths, and on it of the middle half.
const OUTER: f64 = 0.25;
const INNER: f64 = 0.55;

/// A layer's looks, in order.
struct Column<'a> {
    name: &'a str,
    looks: Vec<&'a LayerRow>,
}

impl Column<'_> {
    fn last(&self) -> &LayerRow {
        self.looks[self.looks.len() - 1]
    }

    fn change(&self) -> f64 {
        self.last().change.filter(|change| change.is_finite()).unwrap_or(0.0)
    }
}

/// The quantiles of one kind of number at a look.
type Quantiles = fn(&LayerRow) -> Option<[f64; 5]>;

/// Draws the plot; a sentence that says why not when there is nothing to draw.
pub fn draw(folder: &RunResults) -> Result<Picture, String> {
    let rows = folder.layers.rows()?;
    let mut columns = columns(rows);
    columns.retain(|column| column.looks.len() > 1);
    if columns.is_empty() {
        return Err(folder.layers.unusable("holds one look alone"));
    }
    let found = columns.len();
    if found > MOST {
        let mut sizes: Vec<u64> = columns.iter().map(|column| column.last().parameters).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        columns.retain(|column| column.last().parameters >= sizes[MOST - 1]);
        columns.truncate(MOST);
    }
    let mut picture = Picture::new();
    let subtitle = subtitle(folder, &columns, found);
    frame::heading(&mut picture, "Weights and gradients, layer by layer", &subtitle);
    frame::legend(
        &mut picture,
        &[
            (Swatch::Block(BLUE.fade(INNER)), "weights, the middle half".to_string()),
            (Swatch::Block(BLUE.fade(OUTER)), "the middle nine tenths".to_string()),
            (
                Swatch::Block(VERMILION.fade(INNER)),
                "mean gradients since the last look".to_string(),
            ),
            (Swatch::Line(BLACK, style::NORMAL), "median".to_string()),
        ],
    );
    let of = columns.len();
    for (index, column) in columns.iter().enumerate() {
        head(&mut picture, column, slot(index, of, 0));
        fan(&mut picture, column, slot(index, of, 0), BLUE, LayerRow::weights);
        fan(&mut picture, column, slot(index, of, 1), VERMILION, LayerRow::gradients);
    }
    let at = (frame::RIGHT, frame::BOTTOM + 66.0);
    let set = Type::new(style::LABEL, BLACK).anchored(Anchor::End);
    picture.text(at, set, "examples trained on");
    Ok(picture)
}

fn columns(rows: &[LayerRow]) -> Vec<Column<'_>> {
    let mut columns: Vec<Column> = Vec::new();
    for row in rows {
        let known = columns.iter_mut().find(|c| c.name == row.layer && c.last().group == row.group);
        match known {
            Some(column) => column.looks.push(row),
            None => columns.push(Column { name: &row.layer, looks: vec![row] }),
        }
    }
    columns
}

fn subtitle(folder: &RunResults, columns: &[Column], found: usize) -> String {
    let by_change = |a: &&Column, b: &&Column| a.change().total_cmp(&b.change());
    let (Some(most), Some(least)) =
        (columns.iter().max_by(by_change), columns.iter().min_by(by_change))
    else {
        return folder.summary.name.clone();
    };
    let shown = match found > columns.len() {
        true => format!("; {} of {found} layers shown", columns.len()),
        false => String::new(),
    };
    format!(
        "{}: between the last two looks {} moved most, by {}, and {} least, by {}{shown}",
        folder.summary.name,
        most.name,
        axes::percent(most.change()),
        least.name,
        axes::percent(least.change())
    )
}

/// The place of a panel: 0 for weights, 1 for gradients.
fn slot(index: usize, of: usize, row: usize) -> Rect {
    let (left, gap) = (118.0, if of > 8 { 70.0 } else { 82.0 });
    let width = (frame::RIGHT - left - gap * (of - 1) as f64) / of as f64;
    let height = (frame::BOTTOM - frame::TOP - 90.0) / 2.0;
    let start = left + index as f64 * (width + gap);
    let top = frame::TOP + 50.0 + row as f64 * (height + 40.0);
    Rect::new(start, top, start + width, top + height)
}

/// Name of the layer, how much it still moves, and how many of its rows do.
fn head(picture: &mut Picture, column: &Column, rect: Rect) {
    let last = column.last();
    let lines = [
        Some((column.name.to_string(), true)),
        Some((format!("moved {}", axes::percent(column.change())), false)),
        last.rows_idle.map(|idle| (format!("idle {}", axes::percent(idle)), false)),
        last.rows_touched.map(|all| (format!("never {}", axes::percent(1.0 - all)), false)),
    ];
    for (k, (text, bold)) in lines.into_iter().flatten().enumerate() {
        let set = Type::new(style::SMALL, if bold { BLACK } else { GREY });
        let at = (rect.left - 30.0, rect.top - 68.0 + 19.0 * k as f64);
        picture.text(at, if bold { set.bold() } else { set }, text);
    }
}

/// A stepped fan: at each look, what lies between the quantiles.
fn fan(picture: &mut Picture, column: &Column, rect: Rect, ink: Ink, of: Quantiles) {
    let looks: Vec<(f64, [f64; 5])> = column
        .looks
        .iter()
        .filter_map(|look| Some((look.examples as f64, of(look)?)))
        .filter(|(_, quantiles)| quantiles.iter().all(|q| q.is_finite()))
        .collect();
    // The gradients of the beginning would hide all others.
    let skip = usize::from(looks.len() > 3 && ink == VERMILION);
    let of =
        |skip: usize| looks.iter().skip(skip).flat_map(|(_, quantiles)| quantiles.iter().copied());
    let low = of(0).fold(0.0, f64::min).max(BEYOND * of(skip).fold(0.0, f64::min));
    let high = of(0).fold(0.0, f64::max).min(BEYOND * of(skip).fold(0.0, f64::max));
    let room = 0.05 * (high - low).max(1e-12);
    let end = looks.last().map_or(1.0, |look| look.0);
    let panel = Panel {
        rect,
        x: Axis::counts(0.0, end.max(1.0), 2),
        y: Axis::numbers(low - room, high + room, 4),
    };
    axis(picture, &panel);
    let width = rect.width() / looks.len().max(1) as f64;
    let mut from = rect.left;
    let mut median = Vec::new();
    for (k, (examples, [p05, p25, p50, p75, p95])) in looks.iter().enumerate() {
        // The look before any update is as wide as one look, so that it is seen.
        let to = if k == 0 { from + width.min(6.0) } else { panel.column(*examples) };
        let row = |value: f64| panel.row(value).clamp(rect.top, rect.bottom);
        let mut band = |low: f64, high: f64, alpha| {
            let rect = Rect::new(from, row(high), to.max(from), row(low));
            picture.area(rect, ink.fade(alpha));
        };
        band(*p05, *p95, OUTER);
        band(*p25, *p75, INNER);
        median.extend([(from, row(*p50)), (to.max(from), row(*p50))]);
        from = to.max(from);
    }
    picture.line(median, style::THIN, BLACK);
}

fn axis(picture: &mut Picture, panel: &Panel) {
    let Rect { left, right, bottom, .. } = panel.rect;
    for (value, label) in &panel.y.ticks {
        let row = panel.row(*value);
        picture.line(vec![(left, row), (right, row)], style::THIN, style::MESH);
        let set = Type::new(style::SMALL, GREY).anchored(Anchor::End);
        picture.text((left - 6.0, row + style::SMALL * 0.35), set, label.as_str());
    }
    panel.draw_base(picture);
    for (value, label) in &panel.x.ticks {
        let column = panel.column(*value);
        picture.line(vec![(column, bottom), (column, bottom + 5.0)], style::THIN, GREY);
        let set = Type::new(style::SMALL, GREY).anchored(Anchor::Middle);
        picture.text((column, bottom + 20.0), set, label.as_str());
    }
}
