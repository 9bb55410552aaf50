//! Figures, tables and commands as HTML.

use super::drawing;
use super::section::SectionPart;
use crate::report::figure::Figure;
use crate::report::figure::chart::Chart;
use crate::report::figure::grid::Grid;
use maud::{Markup, PreEscaped, html};
use serde::Serialize;

/// One part of a section.
pub(super) fn part(part: &SectionPart) -> Markup {
    match part {
        SectionPart::Text(text) => html! { p class="text" { (text) } },
        SectionPart::Figure(figure) => self::figure(figure),
        SectionPart::Table(grid) => html! { div class="wide" { (table(grid)) } },
        SectionPart::Folded(summary, grid) => html! {
            details class="wide" { summary { (summary) } (table(grid)) }
        },
        SectionPart::Commands(what, commands) => html! {
            div class="commands" {
                p { (what) }
                pre { code { @for line in commands { (line) "\n" } } }
            }
        },
    }
}

fn figure(figure: &Figure) -> Markup {
    let title = format!("{}-title", figure.id);
    let wide = !matches!(figure.chart, Chart::Plots(..));
    html! {
        figure id=(figure.id) class=[wide.then_some("wide")] aria-labelledby=(title) {
            figcaption {
                h3 id=(title) { (figure.title) }
                p { (figure.sentence) }
            }
            @match &figure.chart {
                Chart::Plots(plots, layout) => {
                    div class="plot" data-ends[layout.ends] { (data(plots)) }
                    noscript { p class="text" { "The chart needs scripts; the table has its data." } }
                }
                Chart::Shares(shares) => div class="drawing" { (drawing::shares(shares)) },
                Chart::Spans(spans) => {
                    div class="drawing" {
                        (drawing::spans(spans))
                        (data(&drawing::SpanData::of(spans)))
                    }
                }
            }
            details class="data" {
                summary { "Data as a table" }
                (table(&figure.grid))
            }
            p class="source" { "From " code { (figure.file) } }
        }
    }
}

/// A table that can be scrolled and sorted.
fn table(grid: &Grid) -> Markup {
    html! {
        div class="scroll" role="region" tabindex="0" aria-label=(grid.caption) {
            table {
                caption { (grid.caption) }
                thead {
                    tr {
                        @for column in &grid.columns {
                            th scope="col" class=[column.numeric.then_some("number")] { (column.name) }
                        }
                    }
                }
                tbody {
                    @for row in &grid.rows {
                        tr {
                            @for (cell, column) in row.iter().zip(&grid.columns) {
                                td class=[column.numeric.then_some("number")] { (cell) }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(note) = &grid.note { p class="note" { (note) } }
    }
}

/// Data for a script, in an element that browsers do not execute. No text in it can end the
/// element: in JSON, `<` occurs only within strings, and there it is written as an escape.
fn data(value: &impl Serialize) -> Markup {
    let json = serde_json::to_string(value).expect("charts are numbers and texts");
    let json = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    html! { script type="application/json" { (PreEscaped(json)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_its_element() {
        let text = "</script><img src=x onerror=alert(1)><!--<script>";
        let markup = data(&vec![text]).into_string();
        assert_eq!(markup.matches('<').count(), 2, "{markup}");
        let json = markup.trim_start_matches("<script type=\"application/json\">");
        let back: Vec<String> =
            serde_json::from_str(json.trim_end_matches("</script>")).expect("JSON");
        assert_eq!(back, [text]);
    }
}
