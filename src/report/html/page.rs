//! The document around the sections: head, policy, heading, contents, scripts.

use super::markup;
use super::policy::{LICENCE, SCRIPTS, STYLES, content_policy};
use super::section::Section;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A report before it is written as HTML. All texts are plain; they are escaped when they enter the
/// document.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// What kind of report it is: `Run`, `Sweep` or `Comparison`.
    pub kind: &'static str,
    /// Its heading.
    pub title: String,
    /// The question of the scenario.
    pub question: String,
    /// Facts such as name and seed: pairs of a word and a value.
    pub facts: Vec<(String, String)>,
    /// Warnings that the reader must see, for example that the run blew up.
    pub notices: Vec<String>,
    /// The results in words, one sentence each.
    pub words: Vec<String>,
    /// The sections of the page.
    pub sections: Vec<Section>,
}

impl Page {
    /// The whole document.
    pub(super) fn render(&self) -> String {
        let title = format!("{}: {}", self.kind, self.title);
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(content_policy());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    title { (title) " · straggler" }
                    @for style in STYLES { style { (PreEscaped(style)) } }
                    script { (PreEscaped(SCRIPTS[0])) }
                }
                body {
                    a class="skip" href="#main" { "Skip to the report" }
                    (self.heading())
                    (self.contents())
                    main id="main" {
                        (self.answer())
                        @for section in &self.sections { (self.section(section)) }
                    }
                    (footer())
                    p id="announcer" class="unseen" role="status" aria-live="polite" {}
                    @for script in &SCRIPTS[1..] { script { (PreEscaped(script)) } }
                }
            }
        }
        .into_string()
    }

    fn heading(&self) -> Markup {
        html! {
            header class="top" {
                p class="kind" { span class="brand" { "straggler" } " " (self.kind) }
                h1 { (self.title) }
                @if !self.question.is_empty() { p class="question" { (self.question) } }
                @if !self.facts.is_empty() {
                    dl class="facts" {
                        @for (name, value) in &self.facts {
                            div { dt { (name) } dd { (value) } }
                        }
                    }
                }
            }
        }
    }

    fn contents(&self) -> Markup {
        html! {
            nav class="contents" aria-label="Contents" {
                ul {
                    @for section in &self.sections {
                        li { a href={ "#" (section.id) } { (section.title) } }
                    }
                }
            }
        }
    }

    fn answer(&self) -> Markup {
        html! {
            @for notice in &self.notices { p class="notice" role="note" { (notice) } }
            @if !self.words.is_empty() {
                section class="words" aria-label="In words" {
                    ul { @for sentence in &self.words { li { (sentence) } } }
                }
            }
        }
    }

    fn section(&self, section: &Section) -> Markup {
        html! {
            section id=(section.id) {
                h2 { (section.title) }
                div class="parts" { @for part in &section.parts { (markup::part(part)) } }
            }
        }
    }
}

fn footer() -> Markup {
    html! {
        footer {
            p class="hint" {
                "Charts: drag to zoom, double-click to reset; with the keyboard, left and right move the \
                 cursor, up and down change the line, + and - zoom, 0 resets. Every chart's data is in \
                 the table below it."
            }
            details {
                summary { "Licence of the charting library in this file (uPlot)" }
                pre { (LICENCE) }
            }
        }
    }
}
