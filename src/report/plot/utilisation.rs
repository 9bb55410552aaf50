//! `utilisation`: what share of its time each worker computes, communicates and waits.

use super::axes::{self, Axis};
use super::fonts::fitted;
use super::frame::{self, Panel, Swatch};
use super::picture::{Anchor, Picture, Rect, Type};
use super::style::{self, BLACK, BLUE, GREY, ORANGE, PALE};
use crate::results::RunResults;
use crate::results::tables::WorkerRow;

/// With more workers than this, classes are averaged and only the slowest shown one by one.
const MOST_COLUMNS: usize = 64;
/// How many of the slowest then.
const SLOWEST: usize = 10;

/// Room for a column where there are few.
const WIDEST_COLUMN: f64 = 220.0;

/// One stacked bar.
struct Column {
    class: String,
    /// What stands below it, in two lines.
    labels: [String; 2],
    /// Seconds computing, communicating, waiting.
    seconds: [f64; 3],
}

/// Draws the plot; a sentence that says why not when there is nothing to draw.
pub fn draw(folder: &RunResults) -> Result<Picture, String> {
    let timed = |w: &&WorkerRow| {
        let total = w.busy_s + w.network_s + w.waiting_s;
        total.is_finite() && total > 0.0
    };
    let mut workers: Vec<&WorkerRow> = folder.workers.rows()?.iter().filter(timed).collect();
    if workers.is_empty() {
        return Err(folder.workers.unusable("records no time"));
    }
    sort_by_class(&mut workers);
    let condensed = workers.len() > MOST_COLUMNS;
    let columns = match condensed {
        true => condense(&workers),
        false => workers.iter().map(|w| column(w)).collect(),
    };
    let right = frame::RIGHT.min(150.0 + WIDEST_COLUMN * columns.len() as f64);
    let panel = Panel {
        rect: Rect::new(150.0, frame::TOP, right, 880.0),
        x: Axis::numbers(0.0, columns.len() as f64, 1),
        y: Axis::percent(0.0, 1.0, 5),
    };
    let mut picture = Picture::new();
    let title = match condensed {
        true => "What workers do with their time: class means and the slowest ten",
        false => "What each worker does with its time",
    };
    frame::heading(&mut picture, title, &subtitle(folder, &workers));
    frame::legend(&mut picture, &legend(&workers));
    panel.draw_y(&mut picture, "share of the simulated time");
    for (i, column) in columns.iter().enumerate() {
        draw_column(&mut picture, &panel, i as f64, &column.seconds);
    }
    if condensed {
        draw_labels(&mut picture, &panel, &columns);
    } else {
        draw_numbers(&mut picture, &panel, &columns);
    }
    Ok(picture)
}

/// Fast classes first; within a class by slowdown, then by number.
fn sort_by_class(workers: &mut [&WorkerRow]) {
    let slowdown = |w: &WorkerRow| w.slowdown.filter(|s| s.is_finite()).unwrap_or(1.0);
    let mut fastest: std::collections::BTreeMap<String, f64> = Default::default();
    for worker in workers.iter() {
        let known = fastest.entry(worker.class.clone()).or_insert(f64::INFINITY);
        *known = known.min(slowdown(worker));
    }
    workers.sort_by(|a, b| {
        let (fast_a, fast_b) = (fastest[&a.class], fastest[&b.class]);
        let by_class = fast_a.total_cmp(&fast_b).then_with(|| a.class.cmp(&b.class));
        let within = slowdown(a).total_cmp(&slowdown(b));
        by_class.then(within).then(a.worker.cmp(&b.worker))
    });
}

fn seconds(worker: &WorkerRow) -> [f64; 3] {
    [worker.busy_s, worker.network_s, worker.waiting_s]
}

fn column(worker: &WorkerRow) -> Column {
    let slow = match worker.slowdown {
        Some(slowdown) => format!("{} x{slowdown:.1}", worker.class),
        None => worker.class.clone(),
    };
    Column {
        class: worker.class.clone(),
        labels: [worker.worker.to_string(), slow],
        seconds: seconds(worker),
    }
}

/// Seconds of some workers together.
fn totals<'a>(workers: impl Iterator<Item = &'a &'a WorkerRow>) -> [f64; 3] {
    let mut sum = [0.0; 3];
    for worker in workers {
        for (total, own) in sum.iter_mut().zip(seconds(worker)) {
            *total += own;
        }
    }
    sum
}

/// One column per class, then those with the fewest steps per simulated second.
fn condense(workers: &[&WorkerRow]) -> Vec<Column> {
    let classes = workers.chunk_by(|a, b| a.class == b.class);
    let mean = |class: &[&WorkerRow]| Column {
        class: class[0].class.clone(),
        labels: [class[0].class.clone(), format!("{} workers", class.len())],
        seconds: totals(class.iter()),
    };
    let mut columns: Vec<Column> = classes.map(mean).collect();
    let mut slowest = workers.to_vec();
    let pace = |w: &WorkerRow| w.steps as f64 / seconds(w).iter().sum::<f64>();
    slowest.sort_by(|a, b| pace(a).total_cmp(&pace(b)).then(a.worker.cmp(&b.worker)));
    for worker in slowest.into_iter().take(SLOWEST) {
        let mut column = column(worker);
        column.labels[0] = format!("worker {}", worker.worker);
        columns.push(column);
    }
    columns
}

fn share(part: f64, of: &[f64; 3]) -> f64 {
    part / of.iter().sum::<f64>()
}

fn subtitle(folder: &RunResults, workers: &[&WorkerRow]) -> String {
    let idle = |w: &WorkerRow| share(w.waiting_s, &seconds(w));
    let total = totals(workers.iter());
    let most = workers.iter().copied().reduce(|a, b| if idle(b) > idle(a) { b } else { a });
    let most = match most {
        _ if workers.len() == 1 => String::new(),
        Some(w) if idle(w) > 0.005 => {
            format!("; worker {} ({}) waits most, {}", w.worker, w.class, axes::percent(idle(w)))
        }
        _ => "; nobody waits".to_string(),
    };
    let busy = axes::percent(share(total[0], &total));
    let whose = match workers.len() {
        1 => "the only worker's".to_string(),
        count => format!("the {count} workers'"),
    };
    let name = &folder.summary.name;
    format!("{name}: {busy} of {whose} time goes into computing{most}")
}

fn legend(workers: &[&WorkerRow]) -> Vec<(Swatch, String)> {
    let total = totals(workers.iter());
    let entry = |i: usize, ink, name: &str| {
        let text = format!("{name} {}", axes::percent(share(total[i], &total)));
        (Swatch::Block(ink), text)
    };
    vec![entry(0, BLUE, "computing"), entry(1, ORANGE, "on the network"), entry(2, PALE, "waiting")]
}

fn draw_column(picture: &mut Picture, panel: &Panel, index: f64, seconds: &[f64; 3]) {
    let pad = 0.12;
    let (left, right) = (panel.column(index + pad), panel.column(index + 1.0 - pad));
    let mut from = 0.0;
    for (part, ink) in seconds.iter().zip([BLUE, ORANGE, PALE]) {
        let to = from + share(*part, seconds);
        picture.area(Rect::new(left, panel.row(to), right, panel.row(from)), ink);
        from = to;
    }
}

/// Two lines below each column, as wide as it is.
fn draw_labels(picture: &mut Picture, panel: &Panel, columns: &[Column]) {
    let room = panel.rect.width() / columns.len() as f64 - 6.0;
    for (i, column) in columns.iter().enumerate() {
        let x = panel.column(i as f64 + 0.5);
        for (line, (text, ink)) in column.labels.iter().zip([BLACK, GREY]).enumerate() {
            let text = fitted(text, style::SMALL, false, room);
            let set = Type::new(style::SMALL, ink).anchored(Anchor::Middle);
            picture.text((x, panel.rect.bottom + 26.0 + 22.0 * line as f64), set, text);
        }
    }
}

/// The worker's number below each column, and a bracket with its name below each class.
fn draw_numbers(picture: &mut Picture, panel: &Panel, columns: &[Column]) {
    let bottom = panel.rect.bottom;
    for (i, column) in columns.iter().enumerate() {
        let set = Type::new(style::SMALL, GREY).anchored(Anchor::Middle);
        let at = (panel.column(i as f64 + 0.5), bottom + 24.0);
        picture.text(at, set, column.labels[0].as_str());
    }
    let mut first = 0.0;
    for class in columns.chunk_by(|a, b| a.class == b.class) {
        let end = first + class.len() as f64;
        let (left, right) = (panel.column(first + 0.12), panel.column(end - 0.12));
        picture.line(vec![(left, bottom + 38.0), (right, bottom + 38.0)], style::NORMAL, GREY);
        let name = fitted(&class[0].class, style::LABEL, false, right - left);
        let set = Type::new(style::LABEL, BLACK).anchored(Anchor::Middle);
        picture.text(((left + right) / 2.0, bottom + 64.0), set, name);
        first = end;
    }
    let set = Type::new(style::SMALL, GREY).anchored(Anchor::End);
    picture.text((panel.rect.left - 14.0, bottom + 24.0), set, "worker");
}
