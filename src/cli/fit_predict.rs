//! `straggler fit --predict`: the job of a log after changes, with intervals.

use std::path::Path;

use super::exit::{Exit, Failure};
use super::log_args::{HowMany, MOST};
use super::say::out;
use super::step_log::{failure, number};
use super::whatif::worker;
use crate::base::SimSpan;
use crate::experiment::fit::Fitted;
use crate::experiment::fit::log::StepLog;
use crate::experiment::fit::prediction::{Interval, Prediction, predict_changed};
use crate::experiment::fit::whatif::Change;
use crate::report::terminal::{Align, TextTable};
use crate::scenario::sweep::contestants::protocol;

/// What stands below the predictions.
const EXPLAINED: &str = concat!(
    "\nin between: nine of ten runs, each with other servers that the log does not tell apart, another\n",
    "speed of them within their drift, other mean step times within their errors, and another seed.\n",
    "Machines of which the log has one stay one, and classes of several grow and shrink together; if\n",
    "all machines differ, new ones lie between them. Nothing here was checked against a log of the\n",
    "changed job.\n",
);

/// What is known when predictions begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) fitted: &'a Fitted,
    /// The first log.
    pub(super) log: &'a StepLog,
    /// Where its traces are.
    pub(super) folder: &'a Path,
}

/// Changes that are predicted together, and the text that asks for them.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Asked {
    text: String,
    changes: Vec<Change>,
}

/// Reads `workers=16,without=slowest`.
pub(super) fn asked(text: &str, log: &StepLog) -> Result<Asked, Failure> {
    let wrong = |why: String| Failure::new(Exit::Usage, format!("--predict {text}: {why}"));
    let now = log.workers.len() as u32;
    let (mut changes, mut left) = (Vec::new(), now);
    for change in text.split(',') {
        let (key, value) = change.split_once('=').ok_or_else(|| {
            wrong("write workers=16, protocol=synchronous, without=slowest or shards=2".to_string())
        })?;
        let many = || value.parse::<HowMany>().map_err(wrong);
        changes.push(match key.trim() {
            "workers" => {
                left = many()?.of(now);
                Change::Workers(left)
            }
            "shards" => Change::Shards(many()?.of(1)),
            "protocol" => Change::Protocol(protocol(value).map_err(wrong)?),
            "without" => {
                left -= 1;
                Change::Without(worker(log, value)?)
            }
            other => {
                let known = "use workers, protocol, without or shards";
                return Err(wrong(format!("\"{other}\" cannot be changed: {known}")));
            }
        });
    }
    if left == 0 || left > MOST {
        return Err(wrong(format!("use 1 to {MOST} workers")));
    }
    let same = |k: usize| {
        let kind = |change: &Change| std::mem::discriminant(change);
        changes[..k].iter().any(|before| kind(before) == kind(&changes[k]))
    };
    if (0..changes.len()).any(same) {
        return Err(wrong("the same thing is changed twice".to_string()));
    }
    // A worker is removed before others are added.
    changes.sort_by_key(|change| !matches!(change, Change::Without(_)));
    Ok(Asked { text: text.to_string(), changes })
}

/// Prints the predictions.
pub(super) fn predict(known: &Known<'_>, asked: &[Asked]) -> Result<(), Failure> {
    for Asked { text, changes } in asked {
        let found = run(known, changes)?;
        out(&format!("\n{}", table(known, text, &found)))?;
    }
    if !asked.is_empty() {
        out(EXPLAINED)?;
    }
    Ok(())
}

fn run(known: &Known<'_>, changes: &[Change]) -> Result<Prediction, Failure> {
    let steps = known.log.steps.len();
    predict_changed(known.fitted, 0, changes, steps, known.folder).map_err(|error| failure(&error))
}

fn between(interval: &Interval) -> String {
    format!("{} to {}", number(Some(interval.low)), number(Some(interval.high)))
}

fn table(known: &Known<'_>, text: &str, found: &Prediction) -> String {
    let logged = known.log.figures();
    let mut table = TextTable::new(&[Align::Left, Align::Right, Align::Right, Align::Left]);
    table.row(["", "the log", text, "in between"]);
    let mut row = |name: &str, logged: Option<f64>, found: &Interval| {
        table.row([name.to_string(), number(logged), number(Some(found.middle)), between(found)]);
    };
    row("steps per second", Some(logged.throughput()), &found.throughput);
    row("mean staleness", logged.mean(), &found.staleness);
    for (class, workers, staleness) in &found.classes {
        let group = &known.fitted.machines[0].groups[*class];
        let name = format!("  class {} ({} now, {workers} then)", class + 1, group.workers.len());
        row(&name, logged.mean_over(&group.workers), staleness);
    }
    let steps = known.log.steps.len() as f64;
    let time = |throughput: f64| SimSpan::from_seconds(steps / throughput).to_string();
    let Interval { middle, low, high } = found.throughput;
    table.row([
        format!("time of a pass of {steps} steps"),
        time(logged.throughput()),
        time(middle),
        format!("{} to {}", time(high), time(low)),
    ]);
    table.render()
}

/// Draws throughput and mean staleness against the number of workers.
#[cfg(feature = "plot")]
pub(super) fn draw(known: &Known<'_>, asked: &[Asked], file: &Path) -> Result<(), Failure> {
    use crate::report::figure::workers::{Logged, figure};
    let now = known.log.workers.len() as u32;
    let of = |asked: &Asked| {
        asked.changes.iter().find_map(|change| match change {
            Change::Workers(workers) => Some(*workers),
            _ => None,
        })
    };
    let most = asked.iter().filter_map(of).fold(4 * now, u32::max);
    let mut sizes: Vec<u32> = (0..).map(|k| 1 << k).take_while(|size| *size < most).collect();
    sizes.extend([now, most]);
    sizes.extend(asked.iter().filter_map(of));
    sizes.sort_unstable();
    sizes.dedup();
    let mut found = Vec::new();
    for size in sizes {
        let found_here = run(known, &[Change::Workers(size)])?;
        let three = |interval: Interval| [interval.low, interval.middle, interval.high];
        found.push((size, three(found_here.throughput), three(found_here.staleness)));
    }
    let logged = known.log.figures();
    let logged = Logged { workers: now, throughput: logged.throughput(), staleness: logged.mean() };
    let stem = if file.extension().is_some_and(|e| e == "svg" || e == "png") {
        file.with_extension("")
    } else {
        file.to_path_buf()
    };
    crate::report::plot::draw_figure(&figure(&found, logged), &stem)
        .map_err(|error| Failure::new(Exit::Write, error))?;
    out(&format!("\n{}.png\n", stem.display()))
}

#[cfg(not(feature = "plot"))]
pub(super) fn draw(_: &Known<'_>, _: &[Asked], _: &Path) -> Result<(), Failure> {
    Err(Failure::new(Exit::Usage, "this program was built without plots"))
}
