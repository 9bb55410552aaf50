//! What looks unintended in a log. It is fitted as it is; the remark says what that means.

use super::laws::{fit_laws, misfit};
use super::log::StepLog;
use super::machines::{MISFIT, Machines};
use super::step::LoggedStep;
use crate::base::counted;
use crate::cluster::StepTimeChoice;

/// Steps that take so many times the median of their worker are outliers.
const OUTLIER: f64 = 30.0;
/// Part of the log after which a worker is late, or before whose end it has left.
const AWAY: f64 = 0.1;

/// The remarks on a log and its machines, each a sentence.
pub fn remarks(log: &StepLog, machines: &Machines) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(missing(log));
    found.extend(twice(log));
    found.extend(timeless(log));
    found.extend(far(log));
    found.extend(absent(log));
    found.extend(lawless(machines));
    found
}

/// Steps that have no row.
fn missing(log: &StepLog) -> Option<String> {
    let gone = log.unlogged();
    (gone > 0).then(|| {
        format!(
            "{} no row, as the numbers in between tell: they count for the throughput, and nothing else is known of them",
            counted(gone, "step has", "steps have")
        )
    })
}

fn twice(log: &StepLog) -> Option<String> {
    let mut versions: Vec<u64> = log.steps.iter().filter_map(|step| step.version).collect();
    let all = versions.len();
    versions.sort_unstable();
    versions.dedup();
    let doubled = all - versions.len();
    (doubled > 0).then(|| {
        format!(
            "{} the same push_version as another: several pushes of one update are fitted as updates of their own",
            counted(doubled, "row has", "rows have")
        )
    })
}

/// Steps that take no time.
fn timeless(log: &StepLog) -> Option<String> {
    let none = log.steps.iter().filter(|step| step.compute == 0.0).count();
    (none > 0).then(|| {
        format!(
            "{} no time at all: they count as steps like any other; remove their rows if they are none",
            counted(none, "step takes", "steps take")
        )
    })
}

/// The numbers of the steps that take much longer than others of their worker.
pub(super) fn outliers(log: &StepLog) -> Vec<usize> {
    let usual = |steps: &Vec<&LoggedStep>| median(steps.iter().map(|step| step.compute).collect());
    let usual: Vec<f64> = log.by_worker().iter().map(usual).collect();
    let far = |number: &usize| {
        let step = &log.steps[*number];
        step.compute > OUTLIER * usual[step.worker] && usual[step.worker] > 0.0
    };
    (0..log.steps.len()).filter(far).collect()
}

fn far(log: &StepLog) -> Option<String> {
    let far = outliers(log);
    let most = far.iter().map(|&number| log.steps[number].compute).fold(0.0, f64::max);
    (!far.is_empty()).then(|| {
        format!(
            "{} more than {OUTLIER:.0} times the median of the worker, up to {most:.1} s: they count as steps like \
             any other. --clean keeps the longest stretch without them",
            counted(far.len(), "step takes", "steps take")
        )
    })
}

/// The names of workers that come late or leave early.
pub(super) fn away(log: &StepLog) -> Vec<&str> {
    let ends = || log.steps.iter().filter_map(|step| Some(step.at?.pushed));
    let Some((first, last)) = ends().next().zip(ends().next_back()) else { return Vec::new() };
    let span = last - first;
    let mut away = Vec::new();
    for (worker, steps) in log.by_worker().iter().enumerate() {
        let began = steps.first().and_then(|step| step.asked).unwrap_or(first);
        let ended = steps.last().and_then(|step| step.at).map_or(last, |at| at.pushed);
        let longest = steps.iter().map(|step| step.compute).fold(0.0, f64::max);
        let slack = (AWAY * span).max(2.0 * longest);
        if began > first + slack || ended < last - slack {
            away.push(log.workers[worker].as_str());
        }
    }
    away
}

fn absent(log: &StepLog) -> Option<String> {
    let away = away(log);
    (!away.is_empty()).then(|| {
        format!(
            "{} late or {} early ({}): the fitted cluster has all workers all the time, so it is too fast. --clean \
             fits the time in which all are there",
            counted(away.len(), "worker comes", "workers come"),
            if away.len() == 1 { "leaves" } else { "leave" },
            away.iter().take(5).copied().collect::<Vec<_>>().join(", ")
        )
    })
}

/// Classes whose step times follow no law.
fn lawless(machines: &Machines) -> Option<String> {
    let mut classes = Vec::new();
    for (number, (group, law)) in machines.groups.iter().zip(&machines.laws).enumerate() {
        let noise = 2.0 / (group.times.len() as f64).sqrt();
        let best = fit_laws(&group.times);
        let off = best.first().map_or(0.0, |best| misfit(&group.times, &best.law));
        if off > MISFIT.max(noise) && !matches!(law, StepTimeChoice::Trace(_)) {
            classes.push(format!("{} (off by {:.0} %)", number + 1, 100.0 * off));
        }
    }
    (!classes.is_empty()).then(|| {
        format!(
            "no law describes the step times of class {}: with --out they are written down and resampled",
            classes.join(", ")
        )
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::columns::Columns;
    use super::*;

    /// Two workers in turn, 60 steps; `change` may alter or drop a row.
    fn said(change: impl Fn(u64, &mut [f64; 7]) -> bool) -> String {
        let mut text =
            String::from("worker,step,t_pull0,t_pull1,t_push0,t_push1,pull_version,push_version\n");
        for k in 0..60u64 {
            let at = k as f64;
            let mut row =
                [(k / 2) as f64, at, at + 0.1, at + 1.8, at + 1.9, at.max(1.0) - 1.0, at + 1.0];
            if change(k, &mut row) {
                let cells = row.map(|cell| cell.to_string()).join(",");
                text.push_str(&format!("{},{cells}\n", k % 2));
            }
        }
        let log = StepLog::parse(text.as_bytes(), &Columns::default()).unwrap();
        remarks(&log, &Machines::of(&log, 0, None).unwrap()).join("\n")
    }

    #[test]
    fn a_clean_log_needs_no_remark() {
        assert_eq!(said(|_, _| true), "");
    }

    #[test]
    fn what_looks_unintended_is_said_with_its_number() {
        let missing = said(|k, _| k % 20 != 10);
        assert!(missing.contains("3 steps have no row"), "{missing}");
        let doubled = said(|k, row| {
            row[6] -= f64::from(u32::from(k == 30));
            true
        });
        assert!(doubled.contains("1 row has the same push_version"), "{doubled}");
        let zero = said(|k, row| {
            row[3] = if k % 30 == 7 { row[2] } else { row[3] };
            true
        });
        assert!(zero.contains("2 steps take no time"), "{zero}");
        let hour = said(|k, row| {
            row[3..5].iter_mut().for_each(|time| *time += 3600.0 * f64::from(u32::from(k == 59)));
            true
        });
        assert!(hour.contains("1 step takes") && hour.contains("3601.7 s"), "{hour}");
        let late = said(|k, _| k % 2 == 0 || k > 30);
        assert!(late.contains("1 worker comes late") && late.contains("(1)"), "{late}");
    }

    #[test]
    fn two_humps_are_named_unless_they_are_resampled() {
        let mut text = String::from("worker,seconds\n");
        (0..1000).for_each(|k| text.push_str(if k % 2 == 0 { "0,0.1\n" } else { "0,1\n" }));
        let log = StepLog::parse(text.as_bytes(), &Columns::default()).unwrap();
        let said = remarks(&log, &Machines::of(&log, 0, None).unwrap()).join("\n");
        assert!(said.contains("class 1 (off by"), "{said}");
    }
}
