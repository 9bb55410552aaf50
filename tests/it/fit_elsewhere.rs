//! Fits of logs of a real parameter server, asked for worlds that are not the log's: another number
//! of workers, no straggler, other step times. Each has a log of its own to compare with.
//!
//! `cargo test --release --test it -- --ignored --nocapture fit` prints the tables of
//! `docs/src/trust/real-server.md`.

use std::path::Path;

use straggler::experiment::fit::log::{Columns, StepLog};
use straggler::experiment::fit::machines::{Machines, Own};
use straggler::experiment::fit::prediction::{Interval, Prediction, predict_changed};
use straggler::experiment::fit::whatif::Change;
use straggler::experiment::fit::{FitSettings, Fitted, fit};

use super::fit::{largest_distance, traces};

const KINDS: [&str; 5] = ["const", "exp", "hetero", "lognormal", "straggler"];

/// What a prediction missed.
struct Missed {
    throughput: f64,
    mean: f64,
    distance: f64,
    inside: [bool; 2],
}

impl Missed {
    fn of(found: &Prediction, log: &StepLog) -> Missed {
        let logged = log.figures();
        let inside = |interval: &Interval, value| (interval.low..=interval.high).contains(&value);
        Missed {
            throughput: found.throughput.middle / logged.throughput() - 1.0,
            mean: found.staleness.middle / logged.mean().unwrap() - 1.0,
            distance: found.figures.distance(&logged).unwrap(),
            inside: [
                inside(&found.throughput, logged.throughput()),
                inside(&found.staleness, logged.mean().unwrap()),
            ],
        }
    }

    fn meets(&self, kind: &str) -> bool {
        self.throughput.abs() < 0.03
            && self.mean.abs() < 0.03
            && self.distance < largest_distance(kind)
    }

    fn print(&self, name: &str, kind: &str, found: &Prediction) {
        let share = |x: f64| format!("{:+.1} %", 100.0 * x);
        let width = |interval: &Interval| {
            let half = 0.5 * (interval.high - interval.low) / interval.middle;
            format!("±{:.1} %", 100.0 * half)
        };
        let yes = |b| if b { "yes" } else { "no" };
        println!(
            "| {name} | {} ({}, {}) | {} ({}, {}) | {:.3} | {} |",
            share(self.throughput),
            width(&found.throughput),
            yes(self.inside[0]),
            share(self.mean),
            width(&found.staleness),
            yes(self.inside[1]),
            self.distance,
            yes(self.meets(kind))
        );
    }
}

fn read(name: &str) -> StepLog {
    let path = traces().unwrap().join(format!("tf2ps_{name}.csv.gz"));
    StepLog::read(&path, &Columns::default()).unwrap()
}

/// Predicts a log with its own machines, as a user describes them, and the servers of a fit.
fn with_machines_of(fitted: &Fitted, log: &StepLog) -> Prediction {
    let machines = Machines::of(log, 0, None).unwrap();
    let clusters = vec![machines.cluster(Own::Each)];
    let servers = fitted.servers.clone();
    let other = Fitted { own: Own::Each, machines: vec![machines], clusters, servers };
    predict_changed(&other, 0, &[], log.steps.len(), Path::new(".")).unwrap()
}

fn changed(fitted: &Fitted, log: &StepLog, changes: &[Change]) -> Prediction {
    predict_changed(fitted, 0, changes, log.steps.len(), Path::new(".")).unwrap()
}

fn fitted(logs: &[&str]) -> (Vec<StepLog>, Fitted) {
    let logs: Vec<StepLog> = logs.iter().map(|name| read(name)).collect();
    let fitted = fit(&logs, &FitSettings { ranges: true, ..FitSettings::default() }).unwrap();
    if std::env::var_os("SHOW").is_some() {
        let servers = fitted.servers.as_ref().unwrap();
        println!("{:?} score {:.2}, {} likely", servers.best, servers.score, servers.likely.len());
        let range =
            |of: fn(&straggler::experiment::fit::servers::Servers) -> f64| servers.range(of);
        println!(
            "cores {:?} weight {:?} variation {:?}",
            range(|s| s.cores),
            range(|s| s.weight),
            range(|s| s.variation)
        );
    }
    (logs, fitted)
}

/// Prints the tables; returns how many of the predictions of another size met the targets.
pub(crate) fn print_worlds(kinds: &[&str]) -> [usize; 2] {
    let mut met = [0, 0];
    println!("| prediction | throughput | mean staleness | distance | targets |");
    println!("|---|---|---|---|---|");
    for kind in kinds {
        for (from, to) in [(4, 8), (8, 4)] {
            let (logs, fit) = fitted(&[&format!("{kind}_{from}w")]);
            let target = read(&format!("{kind}_{to}w"));
            let name = format!("{kind}, {from} to {to}");
            let asked = changed(&fit, &logs[0], &[Change::Workers(to)]);
            let missed = Missed::of(&asked, &target);
            missed.print(&name, kind, &asked);
            met[0] += usize::from(missed.meets(kind));
            let known = with_machines_of(&fit, &target);
            let missed = Missed::of(&known, &target);
            missed.print(&format!("{name}, machines known"), kind, &known);
            met[1] += usize::from(missed.meets(kind));
            if *kind == "straggler" {
                let without = changed(&fit, &logs[0], &[Change::Without(0)]);
                println!(
                    "{name}: without the straggler {:.2} steps/s, staleness {:.2}",
                    without.throughput.middle, without.staleness.middle
                );
            }
            if *kind != "const" {
                let constant = read(&format!("const_{from}w"));
                let other = with_machines_of(&fit, &constant);
                let missed = Missed::of(&other, &constant);
                missed.print(&format!("{kind}, {from}: constant steps"), "const", &other);
            }
        }
        let (logs, fit) = fitted(&[&format!("{kind}_4w"), &format!("{kind}_8w")]);
        for (number, log) in logs.iter().enumerate() {
            let found =
                predict_changed(&fit, number, &[], log.steps.len(), Path::new(".")).unwrap();
            let missed = Missed::of(&found, log);
            missed.print(&format!("{kind}, both: {}", found.workers), kind, &found);
        }
    }
    println!("targets met: {} of 10; with known machines {} of 10", met[0], met[1]);
    met
}

#[test]
#[ignore = "takes minutes: run it in release mode"]
fn other_worlds_than_the_logs_are_predicted() {
    if traces().is_some() {
        print_worlds(&KINDS);
    }
}
