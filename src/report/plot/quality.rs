//! `quality-by-examples` and `quality-by-time`: AUC and session AUC on the holdout as training
//! goes on, with the server's best, the workers' own views and the Bayes limit.

use super::axes::{self, Axis};
use super::frame::{self, Panel, Swatch};
use super::picture::{Anchor, Picture, Rect, Type};
use super::style::{self, BLACK, BLUE, GREEN, GREY, Ink, ORANGE, PALE, VERMILION};
use crate::results::RunResults;
use crate::results::tables::{EvaluatedView, EvaluationRow};
use std::collections::BTreeMap;

/// What quality is plotted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// Examples trained on.
    Examples,
    /// Simulated time.
    Time,
}

impl Against {
    fn of(self, evaluation: &EvaluationRow) -> f64 {
        match self {
            Against::Examples => evaluation.examples as f64,
            Against::Time => evaluation.sim_s,
        }
    }

    fn axis(self, high: f64) -> Axis {
        match self {
            Against::Examples => Axis::counts(0.0, high, 8),
            Against::Time => Axis::time(0.0, high, 8),
        }
    }

    fn write(self, value: f64) -> String {
        match self {
            Against::Examples => format!("{} examples", axes::count(value)),
            Against::Time => axes::time(value),
        }
    }
}

/// Position and quality of one evaluation.
type Value = (f64, f64);
type Series = BTreeMap<EvaluatedView, Vec<Value>>;

/// Draws the plot; a sentence that says why not when there is nothing to draw.
pub fn draw(folder: &RunResults, against: Against) -> Result<Picture, String> {
    let rows = folder.evaluations.rows()?;
    let measures = [
        ("AUC", collect(rows, against, |e| e.auc)),
        ("session AUC", collect(rows, against, |e| e.session_auc)),
    ];
    let measures: Vec<(&str, Series)> = measures
        .into_iter()
        .filter(|(_, series)| series.contains_key(&EvaluatedView::Server))
        .collect();
    if measures.is_empty() {
        let reason = "has no AUC of the server's parameters";
        return Err(folder.evaluations.unusable(reason));
    }
    let chosen = chosen(rows, against);
    let high = rows.iter().map(|e| against.of(e)).fold(0.0, f64::max);
    let mut picture = Picture::new();
    let title = match against {
        Against::Examples => "Quality on the holdout by examples trained on",
        Against::Time => "Quality on the holdout by simulated time",
    };
    frame::heading(&mut picture, title, &subtitle(folder, &measures[0], against, chosen));
    frame::legend(&mut picture, &legend(&measures));
    let panels = measures.len();
    for (i, (name, series)) in measures.iter().enumerate() {
        let bayes = folder.summary.bayes_auc.filter(|_| *name == "AUC");
        let panel = Panel {
            rect: slot(i, panels),
            x: against.axis(high * 1.02),
            y: quality_axis(series, bayes, if panels > 1 { 5 } else { 8 }),
        };
        panel.draw_y(&mut picture, name);
        if i + 1 == panels {
            panel.draw_x(&mut picture, x_title(against));
        } else {
            panel.draw_base(&mut picture);
        }
        if let Some(bayes) = bayes {
            draw_bayes(&mut picture, &panel, bayes);
        }
        draw_series(&mut picture, &panel, series, bayes, chosen);
    }
    Ok(picture)
}

fn x_title(against: Against) -> &'static str {
    match against {
        Against::Examples => "examples trained on",
        Against::Time => "simulated time",
    }
}

fn collect(
    rows: &[EvaluationRow],
    against: Against,
    measure: impl Fn(&EvaluationRow) -> Option<f64>,
) -> Series {
    let mut series = Series::new();
    for row in rows {
        let x = against.of(row);
        if let Some(value) = measure(row).filter(|v| v.is_finite() && x.is_finite()) {
            series.entry(row.view).or_default().push((x, value));
        }
    }
    series
}

/// Where the best step is: the earliest with the highest AUC of the server on the selection half of
/// the holdout. The curves show the other half, so their own maximum would be a winner's curse.
fn chosen(rows: &[EvaluationRow], against: Against) -> Option<f64> {
    let server = rows.iter().filter(|row| row.view == EvaluatedView::Server);
    let scored = server.filter_map(|row| Some((row.selection_auc?, against.of(row))));
    scored.reduce(|a, b| if b.0 > a.0 { b } else { a }).map(|(_, x)| x)
}

/// The value at the best step; without one the highest value, the earliest of equals.
fn best(values: &[Value], chosen: Option<f64>) -> Option<Value> {
    let there = values.iter().copied().find(|value| Some(value.0) == chosen);
    there.or_else(|| values.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a }))
}

fn subtitle(
    folder: &RunResults,
    (name, series): &(&str, Series),
    against: Against,
    chosen: Option<f64>,
) -> String {
    let server = &series[&EvaluatedView::Server];
    let (Some(best), Some(last)) = (best(server, chosen), server.last()) else {
        return folder.summary.name.clone();
    };
    let at = match against {
        Against::Examples => format!("after {}", against.write(best.0)),
        Against::Time => format!("at {}", against.write(best.0)),
    };
    let end = if last.0 > best.0 {
        format!(", {:.4} at the end", last.1)
    } else {
        ", the last evaluation".to_string()
    };
    format!("{}: {name} {:.4} at the best step, {at}{end}", folder.summary.name, best.1)
}

/// Colour, width and name of a view's line.
fn look(view: EvaluatedView) -> (Ink, f64, &'static str) {
    match view {
        EvaluatedView::Server => (BLUE, style::HEAVY, "server's parameters"),
        EvaluatedView::Worker(_) => (PALE, style::THIN, "each worker's view"),
        EvaluatedView::MeanOfViews => (GREEN, style::NORMAL, "mean of the views"),
        EvaluatedView::MeanOfPredictions => (ORANGE, style::NORMAL, "mean of their predictions"),
    }
}

fn legend(measures: &[(&str, Series)]) -> Vec<(Swatch, String)> {
    let mut entries: Vec<(Swatch, String)> = Vec::new();
    for view in measures.iter().flat_map(|(_, series)| series.keys()) {
        let (ink, width, text) = look(*view);
        let entry = (Swatch::Line(ink, width.max(2.0)), text.to_string());
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries.push((Swatch::Disc(VERMILION), "best step".to_string()));
    entries
}

fn slot(index: usize, of: usize) -> Rect {
    let gap = 58.0;
    let height = (frame::BOTTOM - frame::TOP - gap * (of - 1) as f64) / of as f64;
    let top = frame::TOP + index as f64 * (height + gap);
    Rect::new(150.0, top, frame::RIGHT, top + height)
}

/// A range that shows the server's line without its first rise from chance, which would flatten
/// all that follows. The rise ends at four fifths of the way from the first value to the best.
fn quality_axis(series: &Series, bayes: Option<f64>, ticks: usize) -> Axis {
    let server = &series[&EvaluatedView::Server];
    let high = server.iter().map(|v| v.1).fold(f64::NEG_INFINITY, f64::max);
    let risen = server[0].1 + 0.8 * (high - server[0].1);
    let settled = server.iter().map(|v| v.1).skip_while(|v| *v < risen);
    let low = settled.fold(high, f64::min);
    let room = (high - low).max(1e-4);
    // The Bayes line is shown if it costs the data no more than a third of the panel.
    let high = match bayes {
        Some(bayes) if bayes > high && bayes < high + 0.5 * room => bayes,
        _ => high,
    };
    Axis::numbers(low - 0.06 * room, high + 0.16 * room, ticks)
}

/// The limit set by the noise of the labels: a line if it is in range, else a remark above.
fn draw_bayes(picture: &mut Picture, panel: &Panel, bayes: f64) {
    let Rect { left, right, .. } = panel.rect;
    let set = Type::new(style::LABEL, GREY);
    if bayes <= panel.y.high && bayes >= panel.y.low {
        let row = panel.row(bayes);
        picture.dashes(&[(left, row), (right, row)], 9.0, style::NORMAL, GREY);
        let text = format!("true click probabilities: {bayes:.4}");
        picture.text((left + 8.0, row - 10.0), set, text);
    } else {
        let text = format!("the true click probabilities reach {bayes:.4}");
        let at = (right, panel.rect.top - 24.0);
        picture.text(at, set.anchored(Anchor::End), text);
    }
}

fn draw_series(
    picture: &mut Picture,
    panel: &Panel,
    series: &Series,
    bayes: Option<f64>,
    chosen: Option<f64>,
) {
    // Backwards, so that the server's line lies on top.
    for (view, values) in series.iter().rev() {
        let (ink, width, _) = look(*view);
        panel.line(picture, values, width, ink);
    }
    let Some(best) = best(&series[&EvaluatedView::Server], chosen) else {
        return;
    };
    let (x, y) = panel.at(best.0, best.1);
    picture.disc((x, y), 8.0, VERMILION);
    let (anchor, aside) = match panel.x.share(best.0) {
        share if share > 0.9 => (Anchor::End, 8.0),
        share if share < 0.1 => (Anchor::Start, -8.0),
        _ => (Anchor::Middle, 0.0),
    };
    let set = Type::new(style::LABEL, BLACK).bold().anchored(anchor);
    // Not across the line of the Bayes limit.
    let limit = bayes.map_or(0.0, |bayes| panel.row(bayes));
    let baseline = match limit > y - 45.0 && limit <= y {
        true => limit - 10.0,
        false => y - 17.0,
    };
    picture.text((x + aside, baseline), set, format!("{:.4}", best.1));
}
