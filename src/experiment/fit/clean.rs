//! What can be taken out of a log that would spoil a fit: wrong clocks, pauses, and the time in
//! which some workers were away.
//!
//! Rows that cannot be right are left out before (`rows`).

use super::FitError;
use super::log::StepLog;
use super::refusals::{clock_slack, early_pushes};
use super::remarks::outliers;
use super::step::LoggedStep;
use crate::base::counted;

/// Rounds in which the clocks are compared with each other.
const ROUNDS: usize = 20;

/// The log without what is no part of the job's normal run, and a sentence for each thing done.
///
/// # Errors
/// If too little is left.
pub fn clean(log: StepLog) -> Result<(StepLog, Vec<String>), FitError> {
    let mut said = Vec::new();
    let log = set_clocks(log, &mut said)?;
    let log = without_pauses(log, &mut said)?;
    let log = together(log, &mut said)?;
    Ok((log, said))
}

/// Moves the times of workers whose clocks disagree with the versions.
fn set_clocks(log: StepLog, said: &mut Vec<String>) -> Result<StepLog, FitError> {
    if early_pushes(&log) == 0 {
        return Ok(log);
    }
    let timed = |step: &LoggedStep| Some((step.version?, step.worker, step.at?.pushed));
    let mut pushes: Vec<(u64, usize, f64)> = log.steps.iter().filter_map(timed).collect();
    pushes.sort_by_key(|push| push.0);
    let mut behind = vec![0.0; log.workers.len()];
    for _ in 0..ROUNDS {
        for worker in 1..behind.len() {
            let at = |push: &(u64, usize, f64)| push.2 + behind[push.1];
            // A push lies between those of the versions before and after it.
            let between = pushes.windows(3).filter(|three| {
                three[1].1 == worker && three[0].1 != worker && three[2].1 != worker
            });
            let found: Vec<f64> =
                between.map(|three| 0.5 * (at(&three[0]) + at(&three[2])) - three[1].2).collect();
            if !found.is_empty() {
                behind[worker] = median(found);
            }
        }
    }
    let slack = clock_slack(&log);
    let wrong: Vec<usize> =
        (0..behind.len()).filter(|&worker| behind[worker].abs() > slack).collect();
    let mut rows = log.rows(&log.steps);
    for ((_, row), step) in rows.iter_mut().zip(&log.steps) {
        if !wrong.contains(&step.worker) {
            continue;
        }
        let by = behind[step.worker];
        row.asked = row.asked.map(|at| at + by);
        if let Some(at) = &mut row.at {
            at.pulled += by;
            at.pushes += by;
            at.pushed += by;
        }
    }
    let names = wrong
        .iter()
        .map(|&worker| format!("{} by {:+.3} s", log.workers[worker], behind[worker]))
        .collect::<Vec<_>>();
    said.push(format!(
        "the clocks of {} were moved to agree with the versions ({})",
        counted(wrong.len(), "worker", "workers"),
        names.join(", ")
    ));
    StepLog::from_rows(rows)
}

/// Leaves out steps that are outliers. If the instants are known, the longest stretch of the log
/// without any is kept, because the other workers are alone meanwhile.
fn without_pauses(log: StepLog, said: &mut Vec<String>) -> Result<StepLog, FitError> {
    let far = outliers(&log);
    if far.is_empty() {
        return Ok(log);
    }
    let many = counted(far.len(), "step that takes", "steps that take");
    if !log.is_timed() {
        said.push(format!("left out: {many} more than 30 times the median of the worker"));
        let kept = (0..log.steps.len()).filter(|number| !far.contains(number));
        let kept: Vec<LoggedStep> = kept.map(|number| log.steps[number].clone()).collect();
        return StepLog::from_rows(log.rows(&kept));
    }
    let mut pauses: Vec<(f64, f64)> = far
        .iter()
        .filter_map(|&number| {
            let step = &log.steps[number];
            Some((step.asked?, step.at?.pushed))
        })
        .collect();
    pauses.push((f64::INFINITY, f64::INFINITY));
    pauses.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut from, mut best) = (f64::NEG_INFINITY, (0, (0.0, 0.0)));
    for (begins, ends) in pauses {
        let steps = inside(&log, (from, begins)).len();
        if steps > best.0 {
            best = (steps, (from, begins));
        }
        from = from.max(ends);
    }
    let kept = inside(&log, best.1);
    said.push(format!(
        "of {} the longest stretch without {many} more than 30 times the median of the worker was kept: {}",
        counted(log.steps.len(), "step", "steps"),
        kept.len()
    ));
    StepLog::from_rows(log.rows(&kept))
}

/// Keeps the time in which all workers are there.
fn together(log: StepLog, said: &mut Vec<String>) -> Result<StepLog, FitError> {
    let away = super::remarks::away(&log);
    if away.is_empty() {
        return Ok(log);
    }
    let (mut from, mut to) = (f64::NEG_INFINITY, f64::INFINITY);
    for steps in log.by_worker() {
        from = from.max(steps.first().and_then(|step| step.asked).unwrap_or(from));
        to = to.min(steps.last().and_then(|step| step.at).map_or(to, |at| at.pushed));
    }
    let kept = inside(&log, (from, to));
    let all = (log.workers.len(), log.steps.len());
    let only = StepLog::from_rows(log.rows(&kept)).ok().filter(|only| only.workers.len() == all.0);
    let Some(only) = only else {
        return Err(FitError::Unfit(format!(
            "there is no time in which all {} workers are there ({}): remove the rows of those that were there \
             too briefly",
            all.0,
            away.join(", ")
        )));
    };
    said.push(format!(
        "{} late or early ({}): the {} of {} steps were kept that lie in the time in which all were there",
        counted(away.len(), "worker comes or leaves", "workers come or leave"),
        away.iter().take(5).copied().collect::<Vec<_>>().join(", "),
        kept.len(),
        all.1
    ));
    Ok(only)
}

/// The steps that begin and end in a time.
fn inside(log: &StepLog, (from, to): (f64, f64)) -> Vec<LoggedStep> {
    let lies = |step: &&LoggedStep| {
        step.asked.is_some_and(|at| at >= from) && step.at.is_some_and(|at| at.pushed <= to)
    };
    log.steps.iter().filter(lies).cloned().collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::columns::Columns;
    use super::*;

    /// Three workers in turn, a push every second, 90 steps.
    fn cleaned(change: impl Fn(u64, &mut [f64; 7]) -> bool) -> (StepLog, String) {
        let mut text =
            String::from("worker,step,t_pull0,t_pull1,t_push0,t_push1,pull_version,push_version\n");
        for k in 0..90u64 {
            let at = k as f64;
            let mut row =
                [(k / 3) as f64, at, at + 0.1, at + 2.8, at + 2.9, at.max(2.0) - 2.0, at + 1.0];
            if change(k, &mut row) {
                let cells = row.map(|cell| cell.to_string()).join(",");
                text.push_str(&format!("{},{cells}\n", k % 3));
            }
        }
        let log = StepLog::parse(text.as_bytes(), &Columns::default()).unwrap();
        let (log, said) = clean(log).unwrap();
        (log, said.join("\n"))
    }

    #[test]
    fn a_good_log_stays_as_it_is() {
        let (log, said) = cleaned(|_, _| true);
        assert_eq!((log.steps.len(), said.as_str()), (90, ""));
    }

    #[test]
    fn clocks_are_moved_to_where_the_versions_say() {
        let (log, said) = cleaned(|k, row| {
            let wrong = [0.0, -7.0, 4.0][(k % 3) as usize];
            row[1..5].iter_mut().for_each(|time| *time += wrong);
            true
        });
        assert!(said.contains("2 workers") && said.contains("1 by +7.0"), "{said}");
        assert_eq!(early_pushes(&log), 0);
        assert!((log.figures().throughput() - 1.0).abs() < 0.05);
    }

    #[test]
    fn the_longest_stretch_without_a_pause_is_kept() {
        let (log, said) = cleaned(|k, row| {
            row[3..5].iter_mut().for_each(|time| *time += 3600.0 * f64::from(u32::from(k == 20)));
            true
        });
        assert!(said.contains("1 step that takes"), "{said}");
        assert!(log.steps.iter().all(|step| step.compute < 3.0));
        // The pause hides all that comes after it: what remains lies before.
        assert!((18..=20).contains(&log.steps.len()), "{}", log.steps.len());
    }

    #[test]
    fn only_the_time_with_all_workers_is_kept() {
        let (log, said) = cleaned(|k, _| k % 3 != 1 || (30..60).contains(&k));
        assert!(said.contains("1 worker comes or leaves"), "{said}");
        assert_eq!(log.workers.len(), 3);
        let ends = log.steps.iter().filter_map(|step| step.at).map(|at| at.pushed);
        assert!(ends.fold(0.0, f64::max) <= 62.0);
    }
}
