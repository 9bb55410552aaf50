//! Drawings that need no script: bars of shares, and a timeline of spans.

use crate::report::figure::chart::{Bar, Ink, Look, Shares, Span, SpanRow, Spans};
use crate::report::figure::number::{percent, short};
use maud::{Markup, html};
use serde::Serialize;
use std::fmt::Write;

/// Width of a drawing, in its own units.
const WIDTH: f64 = 1000.0;
/// Left edge of the bars, to the right of the names.
const BARS: f64 = 160.0;
/// Height of a row of bars, and of the bar in it.
const BAR_ROW: f64 = 34.0;
const BAR: f64 = 22.0;
/// Left and right edge of the spans.
const SPANS: (f64, f64) = (120.0, WIDTH - 12.0);
/// Height of a row of spans, and of the time axis below them.
const ROW: f64 = 22.0;
const AXIS: f64 = 30.0;

/// The spans as data for the script that shows the activities under the cursor.
#[derive(Serialize)]
pub(super) struct SpanData<'a> {
    /// The window shown, in simulated seconds: beginning and end.
    window: (f64, f64),
    /// The part of the timeline that is held.
    reach: (f64, f64),
    /// Where the window begins and ends in the drawing, in its own units.
    frame: (f64, f64),
    /// Height of a row.
    row: f64,
    looks: Vec<LookData>,
    rows: Vec<RowData<'a>>,
}

/// How a kind of span looks.
#[derive(Serialize)]
struct LookData {
    name: &'static str,
    class: String,
    band: (f64, f64),
}

#[derive(Serialize)]
struct RowData<'a> {
    name: &'a str,
    /// The place of the look in the legend, beginning, end and step, in order of time.
    spans: Vec<(usize, f64, f64, Option<u64>)>,
}

impl<'a> SpanData<'a> {
    /// The data of a figure.
    pub(super) fn of(spans: &'a Spans) -> SpanData<'a> {
        let place = |look: &Look| spans.legend.iter().position(|known| known == look);
        let span = |span: &Span| {
            let (from, until) = span.time;
            place(&span.look).map(|place| (place, short(from), short(until), span.step))
        };
        let row = |row: &'a SpanRow| RowData {
            name: &row.name,
            spans: row.spans.iter().filter_map(span).collect(),
        };
        let look =
            |look: &Look| LookData { name: look.name, class: class(look.ink), band: look.band };
        SpanData {
            window: spans.window,
            reach: spans.reach,
            frame: (SPANS.0, SPANS.1),
            row: ROW,
            looks: spans.legend.iter().map(look).collect(),
            rows: spans.rows.iter().map(row).collect(),
        }
    }
}

fn class(ink: Ink) -> String {
    match ink {
        Ink::Series(colour) => format!("ink-{colour}"),
        Ink::Quiet => "ink-quiet".to_string(),
    }
}

fn legend(entries: &[(Markup, &str)]) -> Markup {
    html! {
        div class="legend" aria-hidden="true" {
            @for (swatch, name) in entries {
                span class="entry" {
                    svg class="swatch" viewBox="0 0 24 16" width="24" height="16" { (swatch) }
                    (name)
                }
            }
        }
    }
}

/// A bar for each group.
pub(super) fn shares(shares: &Shares) -> Markup {
    let height = BAR_ROW * shares.groups.len() as f64;
    let entry = |look: &Look| (bar(*look, (0.0, 24.0), 1.0, 14.0), look.name);
    let entries: Vec<(Markup, &str)> = shares.parts.iter().map(entry).collect();
    html! {
        (legend(&entries))
        svg class="shares" viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
            aria-label="Shares of the workers' time; the table has the data" {
            @for (index, group) in shares.groups.iter().enumerate() {
                (bar_row(group, &shares.parts, index as f64 * BAR_ROW))
            }
        }
    }
}

fn bar_row(group: &Bar, parts: &[Look], top: f64) -> Markup {
    let name = cut(&group.group, 16);
    let mut left = BARS;
    let bars = parts.iter().zip(&group.shares).map(|(look, share)| {
        let from = left;
        left += share * (WIDTH - BARS);
        (*look, from, left - from, *share)
    });
    html! {
        text class="tick" x=(BARS - 10.0) y=(top + 22.0) text-anchor="end" { (name) }
        @for (look, from, width, share) in bars {
            @if width > 0.0 { (bar(look, (from, width), top + 5.0, BAR)) }
            @if width > 60.0 {
                text class={ "inside " (class(look.ink)) } x=(format!("{:.1}", from + width / 2.0))
                    y=(top + 21.0) text-anchor="middle" { (percent(share)) }
            }
        }
    }
}

/// A part of a bar.
fn bar(look: Look, (left, width): (f64, f64), top: f64, height: f64) -> Markup {
    html! {
        rect class={ "share " (class(look.ink)) } x=(format!("{left:.1}"))
            y=(format!("{:.1}", top + height * look.band.0))
            width=(format!("{:.1}", width.max(0.5)))
            height=(format!("{:.1}", height * (look.band.1 - look.band.0))) {}
    }
}

/// A row of blocks for each worker.
pub(super) fn spans(spans: &Spans) -> Markup {
    let height = ROW * spans.rows.len() as f64 + AXIS;
    let column = |seconds: f64| {
        let share = (seconds - spans.window.0) / (spans.window.1 - spans.window.0);
        SPANS.0 + share * (SPANS.1 - SPANS.0)
    };
    let swatch = |look: &Look| (path(*look, &block(*look, 0.0, 24.0, 0.0, 16.0)), look.name);
    let entries: Vec<(Markup, &str)> = spans.legend.iter().map(swatch).collect();
    html! {
        (legend(&entries))
        svg class="gantt" viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
            aria-label=(format!("{}; the table has its data", spans.about)) {
            g class="axis" {
                @for (tick, label) in spans.time.labels(spans.window.0, spans.window.1, 6) {
                    line class="mesh" x1=(short(column(tick))) x2=(short(column(tick)))
                        y1="0" y2=(height - AXIS) {}
                    text class="tick" x=(short(column(tick))) y=(height - AXIS + 18.0)
                        text-anchor="middle" { (label) }
                }
            }
            g class="blocks" {
                @for (index, row) in spans.rows.iter().enumerate() {
                    (span_row(row, spans, index as f64 * ROW, column))
                }
            }
            @for (index, row) in spans.rows.iter().enumerate() {
                text class="tick" x=(SPANS.0 - 8.0) y=(index as f64 * ROW + ROW * 0.68)
                    text-anchor="end" { (short_name(&row.name)) }
            }
        }
    }
}

fn span_row(row: &SpanRow, spans: &Spans, top: f64, column: impl Fn(f64) -> f64) -> Markup {
    let outline = |look: &Look| {
        let own = row.spans.iter().filter(|span| span.look == *look);
        let parts = own.filter_map(|span| span.within(spans.window));
        let blocks = parts.map(|(from, until)| {
            block(*look, column(from), column(until), top + 3.0, top + ROW - 3.0)
        });
        (*look, blocks.collect::<String>())
    };
    let outlines: Vec<(Look, String)> = spans.legend.iter().map(outline).collect();
    html! {
        @for (look, blocks) in &outlines {
            @if !blocks.is_empty() { (path(*look, blocks)) }
        }
    }
}

/// A name that fits: the class is cut, and the number of the worker at the end is kept.
fn short_name(name: &str) -> String {
    let (class, number) = name.rsplit_once(' ').unwrap_or((name, ""));
    format!("{} {number}", cut(class, 10))
}

/// The first `most` letters of a name, the last of them an ellipsis if there are more.
fn cut(name: &str, most: usize) -> String {
    match name.chars().nth(most) {
        Some(_) => name.chars().take(most - 1).chain(['…']).collect(),
        None => name.to_string(),
    }
}

fn path(look: Look, blocks: &str) -> Markup {
    html! { path class=(class(look.ink)) d=(blocks) {} }
}

/// The outline of a span.
fn block(look: Look, left: f64, right: f64, top: f64, bottom: f64) -> String {
    let (from, until) = (top + (bottom - top) * look.band.0, top + (bottom - top) * look.band.1);
    // A thin gap separates neighbours if there is room for it.
    let edge = if right - left > 3.0 { 0.4 } else { 0.0 };
    let (left, right) = (left + edge, (right - edge).max(left + edge + 0.3));
    let mut outline = String::new();
    _ = write!(outline, "M{left:.1} {from:.1}H{right:.1}V{until:.1}H{left:.1}Z");
    outline
}
