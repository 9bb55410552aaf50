//! How the workers spent their time, by machine class and for each worker.

use super::absent::NoFigure;
use super::chart::{Bar, Chart, Figure, Shares};
use super::classes::Classes;
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, counted, percent};
use super::worker_state::WorkerState;
use crate::results::RunResults;
use crate::results::summary::Utilisation;
use crate::results::tables::WorkerRow;

/// The most bars of classes.
const MOST_CLASSES: usize = 30;
/// With more workers than this, a picture shows only the classes and the slowest workers.
const MOST_WORKERS: usize = 64;
/// The number of slowest workers that it then shows.
const SLOWEST: usize = 10;

/// The states in the order of the bars, and their names in sentences and in one line.
const STATES: [(WorkerState, &str, &str); 7] = [
    (WorkerState::Computing, "computing", "computing"),
    (WorkerState::Network, "with messages on the way", "network"),
    (WorkerState::Queue, "in the queues of shards", "queue"),
    (WorkerState::Served, "being served", "served"),
    (WorkerState::Held, "held by the protocol", "held"),
    (WorkerState::Waiting, "waiting for something else", "waiting"),
    (WorkerState::Starved, "waiting for examples", "without examples"),
];

/// Smaller shares of the time are not named in words.
const LITTLE: f64 = 0.001;

/// Times in the order of [`STATES`].
type Times = [f64; STATES.len()];

/// The sum of the times of some workers, in seconds.
struct Spent {
    name: String,
    workers: usize,
    seconds: Times,
}

impl Spent {
    fn of(name: &str, workers: &[&WorkerRow]) -> Spent {
        let mut seconds = Times::default();
        for own in workers.iter().map(|worker| self::seconds(worker)) {
            seconds.iter_mut().zip(own).for_each(|(sum, more)| *sum += more);
        }
        Spent { name: name.to_string(), workers: workers.len(), seconds }
    }

    fn shares(&self) -> Times {
        shares(self.seconds)
    }
}

fn seconds(worker: &WorkerRow) -> Times {
    let [queued, served, held, starved] =
        [worker.queued_s, worker.served_s, worker.held_s, worker.starved_s]
            .map(Option::unwrap_or_default);
    [worker.busy_s, worker.network_s, queued, served, held, worker.waiting_s, starved]
}

fn shares(seconds: Times) -> Times {
    let all: f64 = seconds.iter().sum();
    seconds.map(|seconds| seconds / all)
}

fn of_all(time: &Utilisation) -> Times {
    let starved = time.starved.unwrap_or_default();
    [time.busy, time.network, time.queued, time.served, time.held, time.waiting, starved]
}

/// Where the workers' time went, in words for a sentence.
pub fn in_words(time: &Utilisation) -> String {
    listed(of_all(time))
}

/// The same in one line of a table: `computing 94.4 %, network 5.6 %`.
pub fn in_short(time: &Utilisation) -> String {
    let spent = STATES.iter().zip(of_all(time)).filter(|(_, share)| *share >= LITTLE);
    let parts: Vec<String> =
        spent.map(|((_, _, name), share)| format!("{name} {}", percent(share))).collect();
    parts.join(", ")
}

fn listed(shares: Times) -> String {
    let spent = STATES.iter().zip(shares).filter(|(_, share)| *share >= LITTLE);
    let mut parts: Vec<String> =
        spent.map(|((_, name, _), share)| format!("{} {name}", percent(share))).collect();
    match parts.pop() {
        Some(last) if parts.is_empty() => last,
        Some(last) => format!("{} and {last}", parts.join(", ")),
        None => "none of it in the job".to_string(),
    }
}

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let timed = |worker: &&WorkerRow| {
        let total: f64 = seconds(worker).iter().sum();
        total.is_finite() && total > 0.0
    };
    let mut workers: Vec<&WorkerRow> = run.workers.rows()?.iter().filter(timed).collect();
    if workers.is_empty() {
        return Err(run.workers.unusable("records no time").into());
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
    // A state that took none of anybody's time is left out.
    let took = |k: usize| workers.iter().any(|worker| seconds(worker)[k] > 0.0);
    let shown: Vec<usize> = (0..STATES.len()).filter(|&k| took(k)).collect();
    let name = |k: usize| STATES[k].0.look().name;
    let columns = [grid::text("class"), grid::number("workers")].into_iter();
    let columns = columns.chain(shown.iter().map(|&k| grid::number(name(k))));
    let columns = columns.chain(shown.iter().map(|&k| grid::number(format!("{}, s", name(k)))));
    let grid = Grid::new("Time of the workers by class", columns.collect());
    Ok(Figure {
        id: "time-spent".to_string(),
        title: "How the workers spend their time".to_string(),
        sentence: sentence(&groups, &workers) + &left_out,
        chart: Chart::Shares(Shares {
            parts: shown.iter().map(|&k| STATES[k].0.look()).collect(),
            groups: groups.iter().map(|class| bar_of_class(class, &shown)).collect(),
            members: members(&workers, &groups, &shown),
            member: "worker",
            whole: "share of the workers' time",
        }),
        grid: grid.fill(&groups, MOST_ROWS, "workers.csv", |class| {
            let shares = shown.iter().map(|&k| percent(class.shares()[k]));
            let seconds = shown.iter().map(|&k| number::figure(class.seconds[k]));
            let head = [class.name.clone(), class.workers.to_string()];
            head.into_iter().chain(shares).chain(seconds).collect()
        }),
        file: "workers.csv".to_string(),
    })
}

fn bar_of_class(class: &Spent, shown: &[usize]) -> Bar {
    let name = counted(class.workers, "worker", "workers");
    bar(class.name.clone(), name, class.seconds, shown)
}

fn bar(group: String, name: String, seconds: Times, shown: &[usize]) -> Bar {
    let shares = shares(seconds);
    Bar { group, name, shares: shown.iter().map(|&k| shares[k]).collect() }
}

/// One bar per worker; with many workers, one per class and one for each of the slowest workers.
fn members(workers: &[&WorkerRow], groups: &[Spent], shown: &[usize]) -> Vec<Bar> {
    if workers.len() <= MOST_WORKERS {
        let own = |worker: &&WorkerRow| {
            bar(worker.class.clone(), worker.worker.to_string(), seconds(worker), shown)
        };
        return workers.iter().map(own).collect();
    }
    let pace = |worker: &WorkerRow| worker.steps as f64 / seconds(worker).iter().sum::<f64>();
    let mut slowest = workers.to_vec();
    slowest.sort_by(|a, b| pace(a).total_cmp(&pace(b)));
    let slowest = slowest.iter().take(SLOWEST);
    let slowest = slowest.map(|worker| {
        let name = format!("{} {}", worker.class, worker.worker);
        bar("the slowest workers".to_string(), name, seconds(worker), shown)
    });
    groups.iter().map(|class| bar_of_class(class, shown)).chain(slowest).collect()
}

fn sentence(groups: &[Spent], workers: &[&WorkerRow]) -> String {
    let Some(all) = groups.first() else { return String::new() };
    // The state in which somebody stood still the longest, and who; of equal workers the first.
    let still = STATES.iter().enumerate().skip_while(|(_, state)| state.0 != WorkerState::Held);
    let stood = still.map(|(k, (_, name, _))| {
        let share = |worker: &WorkerRow| shares(seconds(worker))[k];
        let most = workers.iter().rev().max_by(|a, b| share(a).total_cmp(&share(b)));
        most.map(|worker| (share(worker), *worker, name))
    });
    let most = stood.flatten().max_by(|a, b| a.0.total_cmp(&b.0));
    let most = match most.filter(|(share, ..)| workers.len() > 1 && *share > 0.0) {
        Some((share, worker, name)) => {
            let share = percent(share);
            format!(" Worker {} ({}) was {name} most: {share}.", worker.worker, worker.class)
        }
        None => String::new(),
    };
    format!(
        "The time of {}: {}.{most}",
        counted(all.workers, "worker", "workers"),
        listed(all.shares())
    )
}
