//! Fits of logs of a real parameter server, asked for worlds that are not the log's: another number
//! of workers, no straggler, other step times. Each has a log of its own to compare with.
//!
//! `cargo test --release --test it -- --ignored --nocapture fit` prints the tables of
//! `docs/src/trust/real-server.md`.

use std::path::Path;

use straggler::experiment::fit::columns::Columns;
use straggler::experiment::fit::log::StepLog;
use straggler::experiment::fit::machines::{Machines, Own};
use straggler::experiment::fit::prediction::{Interval, Prediction, predict_changed};
use straggler::experiment::fit::whatif::Change;
use straggler::experiment::fit::{FitSettings, Fitted, fit};

use super::fit::{largest_distance, traces};

const KINDS: [&str; 5] = ["const", "exp", "hetero", "lognormal", "straggler"];

/// The logs of one system.
#[derive(Clone, Copy)]
struct System {
    folder: &'static str,
    prefix: &'static str,
}

const TENSORFLOW: System = System { folder: "real-ps-traces", prefix: "tf2ps" };
/// Recorded with `tools/torch_parameter_server.py`.
const PYTORCH: System = System { folder: "torch-ps-traces", prefix: "torch" };

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

impl System {
    fn is_here(self, name: &str) -> bool {
        traces(self.folder).is_some_and(|folder| folder.join(self.file(name)).is_file())
    }

    fn file(self, name: &str) -> String {
        format!("{}_{name}.csv.gz", self.prefix)
    }

    fn read(self, name: &str) -> StepLog {
        let path = traces(self.folder).unwrap().join(self.file(name));
        StepLog::read(&path, &Columns::default()).unwrap()
    }

    fn fitted(self, names: &[&str]) -> (Vec<StepLog>, Fitted) {
        let logs: Vec<StepLog> = names.iter().map(|name| self.read(name)).collect();
        let fitted = fit(&logs, &FitSettings { ranges: true, ..FitSettings::default() }).unwrap();
        let servers = fitted.servers.as_ref().unwrap();
        println!(
            "{names:?}: {:?} score {:.2} drift {:.3}",
            servers.best, servers.score, servers.drift
        );
        (logs, fitted)
    }

    /// How far two recordings of the same setting differ, and the halves of one.
    fn print_noise(self, kinds: &[&str]) {
        let off = |a: f64, b: f64| format!("{:+.1} %", 100.0 * (a / b - 1.0));
        let differ = |name: &str, a: &StepLog, b: &StepLog| {
            let (a, b) = (a.figures(), b.figures());
            println!(
                "| {name} | {} | {} | {:.3} |",
                off(b.throughput(), a.throughput()),
                off(b.mean().unwrap(), a.mean().unwrap()),
                a.distance(&b).unwrap()
            );
        };
        for kind in kinds {
            for size in [4, 8] {
                let name = format!("{kind}_{size}w");
                let log = self.read(&name);
                let (half, all) = (log.steps.len() / 2, log.steps.len());
                let name_of_halves = format!("{kind}, {size}: halves of {all} rows");
                differ(&name_of_halves, &log.part(0, half).unwrap(), &log.part(half, all).unwrap());
                if self.is_here(&format!("{name}_again")) {
                    let again = self.read(&format!("{name}_again"));
                    differ(&format!("{kind}, {size}: recorded again"), &log, &again);
                }
            }
        }
    }
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

/// Prints the tables; returns how many of the predictions of another size met the targets.
fn print_worlds(system: System, kinds: &[&str]) -> [usize; 2] {
    let (mut met, mut inside) = ([0, 0], 0);
    println!("| prediction | throughput | mean staleness | distance | targets |");
    println!("|---|---|---|---|---|");
    for kind in kinds {
        for (from, to) in [(4, 8), (8, 4)] {
            let (logs, fit) = system.fitted(&[&format!("{kind}_{from}w")]);
            let target = system.read(&format!("{kind}_{to}w"));
            let name = format!("{kind}, {from} to {to}");
            let asked = changed(&fit, &logs[0], &[Change::Workers(to)]);
            let missed = Missed::of(&asked, &target);
            missed.print(&name, kind, &asked);
            met[0] += usize::from(missed.meets(kind));
            inside += missed.inside.iter().filter(|inside| **inside).count();
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
                let constant = system.read(&format!("const_{from}w"));
                let other = with_machines_of(&fit, &constant);
                let missed = Missed::of(&other, &constant);
                missed.print(&format!("{kind}, {from}: constant steps"), "const", &other);
            }
        }
        let (logs, fit) = system.fitted(&[&format!("{kind}_4w"), &format!("{kind}_8w")]);
        for (number, log) in logs.iter().enumerate() {
            let found =
                predict_changed(&fit, number, &[], log.steps.len(), Path::new(".")).unwrap();
            let missed = Missed::of(&found, log);
            missed.print(&format!("{kind}, both: {}", found.workers), kind, &found);
        }
    }
    let asked = 2 * kinds.len();
    println!("targets met: {} of {asked}; with known machines {}", met[0], met[1]);
    println!("intervals that contain the measured figure: {inside} of {}", 2 * asked);
    met
}

#[test]
#[ignore = "takes minutes: run it in release mode"]
fn other_worlds_than_the_logs_are_predicted() {
    if traces(TENSORFLOW.folder).is_some() {
        TENSORFLOW.print_noise(&KINDS);
        print_worlds(TENSORFLOW, &KINDS);
    }
}

/// The second system, whose logs nobody has looked at while the fit was made.
#[test]
#[ignore = "takes minutes: run it in release mode"]
fn other_worlds_of_a_second_system_are_predicted() {
    let both =
        |kind: &&str| ["4w", "8w"].iter().all(|size| PYTORCH.is_here(&format!("{kind}_{size}")));
    let kinds: Vec<&str> = KINDS.into_iter().filter(both).collect();
    PYTORCH.print_noise(&kinds);
    print_worlds(PYTORCH, &kinds);
}
