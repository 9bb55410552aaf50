//! What looks unintended in a log. It is fitted as it is; the remark says what that means.

use super::laws::{fit_laws, misfit};
use super::log::{LoggedStep, StepLog};
use super::machines::{MISFIT, Machines};
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
    found.extend(disordered(log));
    found.extend(outliers(log));
    found.extend(absent(log));
    found.extend(synchronous(log));
    found.extend(lawless(machines));
    found
}

/// Versions that no step has made, and numbers of steps that a worker does not have.
fn missing(log: &StepLog) -> Option<String> {
    let versions: Vec<u64> = log.steps.iter().filter_map(|step| step.version).collect();
    let span = versions.iter().max()? - versions.iter().min()? + 1;
    let mut different = versions;
    different.sort_unstable();
    different.dedup();
    let gone = span - different.len() as u64;
    (gone > 0).then(|| {
        format!(
            "{} of the versions in between {} no row: steps that are not logged seem not to exist, so the throughput \
             is too low by as much",
            gone,
            if gone == 1 { "has" } else { "have" }
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

/// Pushes in another order than their versions: clocks of workers that differ.
fn disordered(log: &StepLog) -> Option<String> {
    let timed = |step: &LoggedStep| Some((step.version?, step.at?.pushed));
    let mut pushes: Vec<(u64, f64)> = log.steps.iter().filter_map(timed).collect();
    pushes.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let slack = 0.2 * median(log.steps.iter().map(|step| step.compute).collect());
    let mut latest = f64::NEG_INFINITY;
    let mut early = 0;
    for (_, at) in pushes {
        early += usize::from(at < latest - slack);
        latest = latest.max(at);
    }
    (early > 0).then(|| {
        format!(
            "{} earlier than one of an older version, by more than a fifth of a step: the clocks of the workers differ, \
             and times at the servers cannot be trusted",
            counted(early, "push ends", "pushes end")
        )
    })
}

fn outliers(log: &StepLog) -> Option<String> {
    let mut far = 0;
    let mut most: f64 = 0.0;
    for steps in log.by_worker() {
        let usual = median(steps.iter().map(|step| step.compute).collect());
        for step in steps.iter().filter(|step| step.compute > OUTLIER * usual) {
            far += 1;
            most = most.max(step.compute);
        }
    }
    (far > 0).then(|| {
        format!(
            "{} more than {OUTLIER:.0} times the median of the worker, up to {most:.1} s: they count as steps like any \
             other; remove their rows if they are none",
            counted(far, "step takes", "steps take")
        )
    })
}

/// Workers that come late or leave early.
fn absent(log: &StepLog) -> Option<String> {
    let ends = || log.steps.iter().filter_map(|step| Some(step.at?.pushed));
    let (first, last) = (ends().next()?, ends().next_back()?);
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
    (!away.is_empty()).then(|| {
        format!(
            "{} late or {} early ({}): the fitted cluster has all workers all the time, so it is too fast",
            counted(away.len(), "worker comes", "workers come"),
            if away.len() == 1 { "leaves" } else { "leave" },
            away.iter().take(5).copied().collect::<Vec<_>>().join(", ")
        )
    })
}

/// A barrier has no stale steps, or as many of each staleness below the number of workers.
fn synchronous(log: &StepLog) -> Option<String> {
    let workers = log.workers.len();
    let known: Vec<u64> = log.steps.iter().filter_map(|step| step.staleness).collect();
    let fresh = known.iter().filter(|&&staleness| staleness == 0).count();
    (workers > 1 && !known.is_empty() && fresh as f64 > 0.99 * known.len() as f64).then(|| {
        format!(
            "{fresh} of {} steps are not stale at all: this looks like a synchronous job, and an asynchronous one is fitted",
            known.len()
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
    use super::super::log::Columns;
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
        assert!(missing.contains("3 of the versions"), "{missing}");
        let doubled = said(|k, row| {
            row[6] -= f64::from(u32::from(k == 30));
            true
        });
        assert!(doubled.contains("1 row has the same push_version"), "{doubled}");
        let clocks = said(|k, row| {
            let behind = f64::from(u32::from(k % 2 == 1)) * 10.0;
            row[1..5].iter_mut().for_each(|time| *time -= behind);
            true
        });
        assert!(clocks.contains("30 pushes end earlier"), "{clocks}");
        let hour = said(|k, row| {
            row[3..5].iter_mut().for_each(|time| *time += 3600.0 * f64::from(u32::from(k == 59)));
            true
        });
        assert!(hour.contains("1 step takes") && hour.contains("3601.7 s"), "{hour}");
        let late = said(|k, _| k % 2 == 0 || k > 30);
        assert!(late.contains("1 worker comes late") && late.contains("(1)"), "{late}");
        let together = said(|k, row| {
            (row[5], row[6]) = (k as f64, k as f64 + 1.0);
            true
        });
        assert!(together.contains("60 of 60 steps are not stale"), "{together}");
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
