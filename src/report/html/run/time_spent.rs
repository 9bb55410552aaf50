//! Where the workers' time went, by machine class.

use crate::report::html::figure::{Chart, Figure};
use crate::report::html::grid::{self, Grid, MOST_ROWS};
use crate::report::html::number::{self, counted, percent};
use crate::results::RunResults;
use crate::results::tables::WorkerRow;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Most bars.
const MOST_CLASSES: usize = 30;
/// Width of the drawing and of its margin with the names, in its own units.
const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 160.0;
/// Height of a row and of the bar in it.
const ROW: f64 = 34.0;
const BAR: f64 = 22.0;

/// The time of all workers of a class, seconds: busy, network, waiting.
#[derive(Clone, Default)]
struct Class {
    name: String,
    workers: usize,
    seconds: [f64; 3],
}

/// The states in order, with their style and place in the bar.
const STATES: [&str; 3] = ["busy", "network", "waiting"];

impl Class {
    fn shares(&self) -> [f64; 3] {
        let all: f64 = self.seconds.iter().sum();
        self.seconds.map(|seconds| if all > 0.0 { seconds / all } else { 0.0 })
    }
}

/// The figure.
pub(super) fn figure(folder: &RunResults) -> Result<Figure, String> {
    let classes = classes(folder.workers.rows()?);
    let columns = [grid::text("class"), grid::number("workers")].into_iter();
    let columns = columns.chain(STATES.map(grid::number));
    let columns = columns.chain(STATES.map(|state| grid::number(format!("{state}, s")))).collect();
    let grid = Grid::new("Time of the workers by class", columns);
    Ok(Figure {
        id: "time-spent".to_string(),
        title: "Where the workers' time goes".to_string(),
        sentence: sentence(&classes),
        chart: Chart::Drawing { svg: drawing(&classes), spans: None },
        grid: grid.fill(&classes, MOST_ROWS, "workers.csv", |class| {
            let shares = class.shares().map(percent).into_iter();
            let seconds = class.seconds.map(number::figure);
            let head = [class.name.clone(), class.workers.to_string()];
            head.into_iter().chain(shares).chain(seconds).collect()
        }),
        file: "workers.csv".to_string(),
    })
}

/// All workers first, then the classes, where there are several.
fn classes(workers: &[WorkerRow]) -> Vec<Class> {
    let mut classes: BTreeMap<&str, Class> = BTreeMap::new();
    let mut all = Class { name: "all workers".to_string(), ..Class::default() };
    for worker in workers {
        let class = classes.entry(&worker.class).or_default();
        for class in [class, &mut all] {
            class.workers += 1;
            let spent = [worker.busy_s, worker.network_s, worker.waiting_s];
            class.seconds.iter_mut().zip(spent).for_each(|(sum, more)| *sum += more);
        }
    }
    let named = classes.into_iter().map(|(name, class)| Class { name: name.to_string(), ..class });
    let named: Vec<Class> = named.collect();
    match named.len() {
        1 => named,
        _ => std::iter::once(all).chain(named).take(MOST_CLASSES).collect(),
    }
}

fn drawing(classes: &[Class]) -> Markup {
    let height = ROW * classes.len() as f64;
    html! {
        div class="legend" aria-hidden="true" {
            @for (state, name) in STATES.iter().enumerate() {
                span class="entry" {
                    svg class="swatch" viewBox="0 0 24 16" width="24" height="16" {
                        (bar(state, 0.0, 24.0, 1.0, 14.0))
                    }
                    (name)
                }
            }
        }
        svg class="shares" viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
            aria-label="Shares of the workers' time; the data is in the table" {
            @for (index, class) in classes.iter().enumerate() {
                (row(class, index as f64 * ROW))
            }
        }
    }
}

fn row(class: &Class, top: f64) -> Markup {
    let name: String = class.name.chars().take(16).collect();
    let mut left = MARGIN;
    let bars = class.shares().map(|share| {
        let from = left;
        left += share * (WIDTH - MARGIN);
        (from, left - from, share)
    });
    html! {
        text class="tick" x=(MARGIN - 10.0) y=(top + 22.0) text-anchor="end" { (name) }
        @for (state, (from, width, share)) in bars.into_iter().enumerate() {
            @if width > 0.0 { (bar(state, from, width, top + 5.0, BAR)) }
            @if width > 60.0 {
                text class={ "inside " (STATES[state]) } x=(format!("{:.1}", from + width / 2.0))
                    y=(top + 21.0) text-anchor="middle" { (percent(share)) }
            }
        }
    }
}

/// A part of a bar; the network's is lower, and waiting is an outline.
fn bar(state: usize, left: f64, width: f64, top: f64, height: f64) -> Markup {
    let inset = [0.0, height * 0.15, 0.5][state];
    html! {
        rect class={ "share " (STATES[state]) } x=(format!("{left:.1}"))
            y=(format!("{:.1}", top + inset)) width=(format!("{:.1}", width.max(0.5)))
            height=(format!("{:.1}", height - 2.0 * inset)) {}
    }
}

fn sentence(classes: &[Class]) -> String {
    let Some(all) = classes.first() else { return String::new() };
    let [busy, network, waiting] = all.shares().map(percent);
    let idlest = classes[1..].iter().max_by(|a, b| a.shares()[2].total_cmp(&b.shares()[2]));
    let idlest = match idlest.filter(|class| class.shares()[2] > 0.0) {
        Some(class) => format!("; {} waits most, {}", class.name, percent(class.shares()[2])),
        None => String::new(),
    };
    format!(
        "{} computed {busy} of the time, pulled and pushed {network}, and waited {waiting}{idlest}.",
        counted(all.workers, "worker", "workers")
    )
}
