//! What `straggler fit` prints about a fit.

use super::step_log::{number, off, short};
use crate::base::SimSpan;
use crate::experiment::fit::Fitted;
use crate::experiment::fit::figures::Figures;
use crate::experiment::fit::log::StepLog;
use crate::experiment::fit::machines::Machines;
use crate::experiment::fit::servers::Servers;
use crate::experiment::fit::stay::Times;
use crate::report::terminal::{Align, TextTable};

/// Workers listed one by one.
const LISTED: usize = 32;
/// Means of fewer times at the servers are not shown, nor more than so many.
const FEWEST: u64 = 20;
const COMPANIES: usize = 12;
/// A number whose range spans more than this factor is not known from the log.
const UNKNOWN: f64 = 2.0;

/// The table of logged and predicted figures. The two may have other workers, with names.
pub(super) fn comparison(
    log: &StepLog,
    (logged, predicted): (&Figures, &Figures),
    simulated: &[String],
    halves: bool,
) -> String {
    let mut table = TextTable::new(&[Align::Left, Align::Right, Align::Right, Align::Right]);
    table.row([if halves { "second half" } else { "" }, "logged", "predicted", "off"]);
    let mut row = |name: String, logged: Option<f64>, predicted: Option<f64>| {
        table.row([name, number(logged), number(predicted), off(predicted, logged)]);
    };
    row("steps per second".into(), Some(logged.throughput()), Some(predicted.throughput()));
    row("mean staleness".into(), logged.mean(), predicted.mean());
    for (worker, name) in log.workers.iter().enumerate().take(LISTED) {
        let other = simulated.iter().position(|other| other == name);
        let predicted = other.and_then(|other| predicted.mean_of(other));
        row(format!("  worker {}", short(name)), logged.mean_of(worker), predicted);
    }
    let mut text = table.render();
    if let Some(distance) = predicted.distance(logged) {
        text.push_str(&format!(
            "total variation distance of the staleness histograms: {distance:.3}\n"
        ));
    }
    if !log.is_timed() {
        text.push_str("the log has no instants: steps are taken to follow each other at once\n");
    }
    text
}

/// The classes with their laws.
pub(super) fn machines(log: &StepLog, machines: &Machines) -> String {
    let mut table = TextTable::new(&[Align::Left, Align::Right, Align::Left, Align::Left]);
    table.row(["class", "mean", "law", "workers"]);
    for (number, (group, law)) in machines.groups.iter().zip(&machines.laws).enumerate() {
        let names: Vec<String> =
            group.workers.iter().take(LISTED).map(|&worker| short(&log.workers[worker])).collect();
        let more = if group.workers.len() > LISTED { " ..." } else { "" };
        table.row([
            format!("{}", number + 1),
            SimSpan::from_seconds(group.mean()).to_string(),
            law.name().to_string(),
            names.join(" ") + more,
        ]);
    }
    table.render()
}

fn plain(value: f64) -> String {
    format!("{value:.2}")
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", 1e3 * seconds)
}

/// What is known about the servers.
pub(super) fn servers(fitted: &Fitted) -> String {
    let Some(found) = &fitted.servers else { return String::new() };
    let mut table = TextTable::new(&[Align::Left, Align::Right, Align::Right, Align::Left]);
    table.row(["servers", "best", "range", ""]);
    type Row = (&'static str, fn(&Servers) -> f64, fn(f64) -> String);
    let rows: [Row; 6] = [
        ("cores", |s| s.cores, plain),
        ("a push, alone", |s| s.push + s.own_push, milliseconds),
        ("a pull, alone", |s| s.pull + s.own_pull, milliseconds),
        ("share that waits for nobody", own_share, plain),
        ("weight of a push", |s| s.weight, plain),
        ("variation", |s| s.variation, plain),
    ];
    for (name, of, written) in rows {
        let (low, high) = found.range(of);
        let open = if name.starts_with("share") { high - low > 0.3 } else { high > UNKNOWN * low };
        table.row([
            name.to_string(),
            written(of(&found.best)),
            format!("{} to {}", written(low), written(high)),
            if open { "the log does not tell" } else { "" }.to_string(),
        ]);
    }
    let drift = format!("{:.0} %", 100.0 * found.drift);
    table.row(["drift of their speed", drift.as_str(), "", ""]);
    table.render()
        + "range: what does as well, within the chance that is in the log; drift: from part to part of the log\n"
}

fn own_share(servers: &Servers) -> f64 {
    let own = servers.own_push + servers.own_pull;
    own / (own + servers.push + servers.pull).max(f64::MIN_POSITIVE)
}

/// Logged and predicted times at the servers by company.
pub(super) fn stays(fitted: &Fitted, logged: &Figures, predicted: &Figures) -> String {
    if fitted.servers.is_none() {
        return String::new();
    }
    let often = |list: &[Times]| list.iter().take_while(|times| times.count >= FEWEST).count();
    let shown = often(&logged.curve.push).max(often(&logged.curve.pull)).min(COMPANIES);
    if shown == 0 {
        return String::new();
    }
    let mut table = TextTable::new(&[&[Align::Left][..], &vec![Align::Right; shown]].concat());
    let companies = (0..shown).map(|company| company.to_string());
    table.row(["time at the servers, by others there".to_string()].into_iter().chain(companies));
    for (name, curve) in [
        ("push, logged", &logged.curve.push),
        ("push, predicted", &predicted.curve.push),
        ("pull, logged", &logged.curve.pull),
        ("pull, predicted", &predicted.curve.pull),
    ] {
        let cell = |company: usize| match curve.get(company) {
            Some(times) if times.count >= FEWEST => milliseconds(times.mean()),
            _ => "-".to_string(),
        };
        table.row([name.to_string()].into_iter().chain((0..shown).map(cell)));
    }
    table.render() + "\n"
}
