//! How the workers spent their time, by machine class and for each worker.

use super::chart::{Bar, Chart, Figure, Shares};
use super::classes::Classes;
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, counted, percent};
use super::worker_state::WorkerState;
use crate::results::RunResults;
use crate::results::tables::WorkerRow;

/// The most bars of classes.
const MOST_CLASSES: usize = 30;
/// With more workers than this, a picture shows only the classes and the slowest workers.
const MOST_WORKERS: usize = 64;
/// The number of slowest workers that it then shows.
const SLOWEST: usize = 10;

/// The states in the order of the bars.
const STATES: [WorkerState; 3] =
    [WorkerState::Computing, WorkerState::Network, WorkerState::Waiting];

/// The sum of the times of some workers, in seconds: busy, network, waiting.
struct Spent {
    name: String,
    workers: usize,
    seconds: [f64; 3],
}

impl Spent {
    fn of(name: &str, workers: &[&WorkerRow]) -> Spent {
        let mut seconds = [0.0; 3];
        for own in workers.iter().map(|worker| self::seconds(worker)) {
            seconds.iter_mut().zip(own).for_each(|(sum, more)| *sum += more);
        }
        Spent { name: name.to_string(), workers: workers.len(), seconds }
    }

    fn shares(&self) -> [f64; 3] {
        shares(self.seconds)
    }
}

fn seconds(worker: &WorkerRow) -> [f64; 3] {
    [worker.busy_s, worker.network_s, worker.waiting_s]
}

fn shares(seconds: [f64; 3]) -> [f64; 3] {
    let all: f64 = seconds.iter().sum();
    seconds.map(|seconds| seconds / all)
}

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, String> {
    let timed = |worker: &&WorkerRow| {
        let total: f64 = seconds(worker).iter().sum();
        total.is_finite() && total > 0.0
    };
    let mut workers: Vec<&WorkerRow> = run.workers.rows()?.iter().filter(timed).collect();
    if workers.is_empty() {
        return Err(run.workers.unusable("records no time"));
    }
    let order = Classes::of(run);
    workers.sort_by_key(|worker| (order.place(&worker.class), worker.worker));
    let classes = workers.chunk_by(|a, b| a.class == b.class);
    let classes: Vec<Spent> = classes.map(|class| Spent::of(&class[0].class, class)).collect();
    let left_out = match classes.len().saturating_sub(MOST_CLASSES - 1) {
        0 => String::new(),
        more => {
            format!(" Bars and table by class leave out {}.", counted(more, "class", "classes"))
        }
    };
    let groups: Vec<Spent> = match classes.len() {
        1 => classes,
        _ => {
            let all = std::iter::once(Spent::of("all workers", &workers));
            all.chain(classes).take(MOST_CLASSES).collect()
        }
    };
    let columns = [grid::text("class"), grid::number("workers")].into_iter();
    let columns = columns.chain(STATES.map(|state| grid::number(state.look().name)));
    let seconds = |state: WorkerState| grid::number(format!("{}, s", state.look().name));
    let columns = columns.chain(STATES.map(seconds));
    let grid = Grid::new("Time of the workers by class", columns.collect());
    Ok(Figure {
        id: "time-spent".to_string(),
        title: "How the workers spend their time".to_string(),
        sentence: sentence(&groups, &workers) + &left_out,
        chart: Chart::Shares(Shares {
            parts: STATES.map(|state| (state.look().name, state.look().ink)),
            groups: groups.iter().map(bar_of_class).collect(),
            members: members(&workers, &groups),
            member: "worker",
            whole: "share of the workers' time",
        }),
        grid: grid.fill(&groups, MOST_ROWS, "workers.csv", |class| {
            let shares = class.shares().map(percent).into_iter();
            let seconds = class.seconds.map(number::figure);
            let head = [class.name.clone(), class.workers.to_string()];
            head.into_iter().chain(shares).chain(seconds).collect()
        }),
        file: "workers.csv".to_string(),
    })
}

fn bar_of_class(class: &Spent) -> Bar {
    let name = counted(class.workers, "worker", "workers");
    Bar { group: class.name.clone(), name, shares: class.shares() }
}

/// One bar per worker; with many workers, one per class and one for each of the slowest workers.
fn members(workers: &[&WorkerRow], groups: &[Spent]) -> Vec<Bar> {
    let bar = |worker: &&WorkerRow| Bar {
        group: worker.class.clone(),
        name: worker.worker.to_string(),
        shares: shares(seconds(worker)),
    };
    if workers.len() <= MOST_WORKERS {
        return workers.iter().map(bar).collect();
    }
    let pace = |worker: &WorkerRow| worker.steps as f64 / seconds(worker).iter().sum::<f64>();
    let mut slowest = workers.to_vec();
    slowest.sort_by(|a, b| pace(a).total_cmp(&pace(b)));
    let slowest = slowest.iter().take(SLOWEST);
    let slowest = slowest.map(|worker| Bar {
        group: "the slowest workers".to_string(),
        name: format!("{} {}", worker.class, worker.worker),
        ..bar(worker)
    });
    groups.iter().map(bar_of_class).chain(slowest).collect()
}

fn sentence(groups: &[Spent], workers: &[&WorkerRow]) -> String {
    let Some(all) = groups.first() else { return String::new() };
    let [busy, network, waiting] = all.shares().map(percent);
    let waits = |worker: &WorkerRow| shares(seconds(worker))[2];
    // Of equal workers the first.
    let most = workers.iter().rev().max_by(|a, b| waits(a).total_cmp(&waits(b)));
    let most = match most.filter(|worker| workers.len() > 1 && waits(worker) > 0.0) {
        Some(worker) => {
            let share = percent(waits(worker));
            format!(" Worker {} ({}) waited most: {share}.", worker.worker, worker.class)
        }
        None => String::new(),
    };
    format!(
        "{} spent {busy} of the time computing, {network} pulling and pushing, and {waiting} waiting.{most}",
        counted(all.workers, "worker", "workers")
    )
}
