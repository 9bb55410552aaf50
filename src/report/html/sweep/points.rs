//! The table of points.

use crate::report::figure::grid::{self, Grid};
use crate::report::figure::number::counted;
use crate::report::figure::sweep::gather::{SweepPoint, short_key, swept};
use crate::report::figure::sweep::measures::plus_minus;
use crate::report::figure::sweep::target::{known, times_to};
use crate::results::outcome::State;

/// The most points in the page.
const MOST_POINTS: usize = 500;

/// One row per point: its settings, the numbers of its trials, and every measure with its interval.
/// With `labels`, the label of a point stands instead of its number and its settings.
pub(in crate::report::html) fn grid(
    points: &[SweepPoint],
    target: Option<f64>,
    labels: bool,
    file: &str,
) -> Grid {
    let keys = if labels { Vec::new() } else { swept(points) };
    let shown = known(points);
    let mut columns = vec![if labels { grid::text("name") } else { grid::number("point") }];
    let named = !labels && points.iter().any(SweepPoint::is_named);
    columns.extend(named.then(|| grid::text("name")));
    columns.extend(keys.iter().map(|key| {
        let numeric = points.iter().all(|point| point.number(key).is_some());
        let name = short_key(key, &keys);
        if numeric { grid::number(name) } else { grid::text(name) }
    }));
    columns.extend(["done", "blew up or failed"].map(grid::number));
    let broke = points.iter().any(|point| point.broken() > 0);
    columns.extend(broke.then(|| grid::number("broke")));
    columns.extend(target.map(|target| grid::number(format!("time to AUC {target:.3}, s"))));
    columns.extend(shown.iter().map(|measure| grid::number(header(measure.name))));
    let caption = "Points: means over seeds with 95 % intervals";
    let numbered: Vec<(usize, &SweepPoint)> = points.iter().enumerate().collect();
    Grid::new(caption, columns).fill(&numbered, MOST_POINTS, file, |(number, point)| {
        let mut cells = vec![if labels { point.label.clone() } else { number.to_string() }];
        cells.extend(named.then(|| point.label.clone()));
        cells.extend(keys.iter().map(|key| point.setting(key)));
        cells.push(point.count(State::Done).to_string());
        cells.push(point.count(State::Failed).to_string());
        cells.extend(broke.then(|| point.broken().to_string()));
        cells.extend(target.map(|target| timed(point, target)));
        cells.extend(shown.iter().map(|measure| plus_minus(point.seed_mean(measure))));
        cells
    })
}

fn header(name: &str) -> String {
    match name {
        "simulated time" => "simulated s".to_string(),
        name => name.to_string(),
    }
}

/// The time to the target, and the number of seeds that reach it if not all do.
fn timed(point: &SweepPoint, target: f64) -> String {
    let done = point.count(State::Done);
    match times_to(point, target) {
        (_, 0) => "–".to_string(),
        (interval, n) if n < done => {
            format!("{} ({n} of {})", plus_minus(interval), counted(done, "seed", "seeds"))
        }
        (interval, _) => plus_minus(interval),
    }
}
