//! Logs that a fit would take for what they are not. Each has a switch for those who know better.

use super::FitError;
use super::log::StepLog;
use super::step::LoggedStep;
use crate::base::counted;

/// Refuses a log whose clocks disagree with its versions, and one of a synchronous job unless it is
/// `asynchronous` all the same.
///
/// # Errors
/// What is wrong with it.
pub fn refuse_unfit(log: &StepLog, asynchronous: bool) -> Result<(), FitError> {
    let early = early_pushes(log);
    if early > 0 {
        return Err(FitError::Unfit(format!(
            "{} earlier than one of an older version, by more than a fifth of a step: the clocks of the workers \
             differ, and times at the servers cannot be known. --clean moves the clocks to where the versions say",
            counted(early, "push ends", "pushes end")
        )));
    }
    match synchronous(log).filter(|_| !asynchronous) {
        None => Ok(()),
        Some(why) => Err(FitError::Unfit(format!(
            "{why}: this looks like a synchronous job, and what is fitted is an asynchronous one. --asynchronous \
             fits it all the same"
        ))),
    }
}

/// Pushes that end earlier than one of an older version: clocks of workers that differ.
pub(super) fn early_pushes(log: &StepLog) -> usize {
    let timed = |step: &LoggedStep| Some((step.version?, step.at?.pushed));
    let mut pushes: Vec<(u64, f64)> = log.steps.iter().filter_map(timed).collect();
    pushes.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let slack = clock_slack(log);
    let mut latest = f64::NEG_INFINITY;
    let mut early = 0;
    for (_, at) in pushes {
        early += usize::from(at < latest - slack);
        latest = latest.max(at);
    }
    // A few answers that come late are no wrong clock.
    if early > log.steps.len() / 200 { early } else { 0 }
}

/// By how much clocks may differ.
pub(super) fn clock_slack(log: &StepLog) -> f64 {
    let mut times: Vec<f64> = log.steps.iter().map(|step| step.compute).collect();
    times.sort_by(f64::total_cmp);
    0.2 * times.get(times.len() / 2).copied().unwrap_or(0.0)
}

/// Why the job seems to be synchronous: no step is stale, or the pushes of each round of workers
/// have the staleness 0, 1, 2 and so on, because all of them read the same version.
fn synchronous(log: &StepLog) -> Option<String> {
    let workers = log.workers.len() as u64;
    let mut known: Vec<(u64, u64)> = Vec::new();
    for (number, step) in (0..).zip(&log.steps) {
        known.push((step.version.unwrap_or(number), step.staleness?));
    }
    let all = known.len();
    let nearly = |count: usize| count as f64 > 0.99 * all as f64;
    let fresh = known.iter().filter(|(_, staleness)| *staleness == 0).count();
    if workers < 2 {
        return None;
    }
    if nearly(fresh) {
        return Some(format!("{fresh} of {all} steps are not stale at all"));
    }
    known.sort_unstable();
    // The staleness at which the first round begins is not known.
    let begin = known.first()?.1;
    let in_turn =
        (begin..).zip(&known).filter(|(place, (_, stale))| place % workers == *stale).count();
    nearly(in_turn).then(|| {
        format!(
            "{in_turn} of {all} steps have the staleness of their place in a round of {workers}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::columns::Columns;
    use super::*;

    /// Three workers in turn, a push every second, with this staleness and this error of the clock.
    fn refused(staleness: impl Fn(u64) -> u64, clock: impl Fn(u64) -> f64) -> String {
        let mut text = String::from("worker,t_pull1,t_push0,t_push1,pull_version,push_version\n");
        for k in 10..100u64 {
            let at = k as f64 + clock(k);
            let pulled = k - staleness(k);
            text.push_str(&format!(
                "{},{at},{},{},{pulled},{}\n",
                k % 3,
                at + 2.7,
                at + 2.8,
                k + 1
            ));
        }
        let log = StepLog::parse(text.as_bytes(), &Columns::default()).unwrap();
        let said =
            refuse_unfit(&log, false).map_or_else(|error| error.to_string(), |()| String::new());
        if !said.contains("clocks") {
            refuse_unfit(&log, true).unwrap();
        }
        said
    }

    #[test]
    fn an_asynchronous_job_is_accepted() {
        assert_eq!(refused(|_| 2, |_| 0.0), "");
        assert_eq!(refused(|k| if k % 10 == 0 { 1 } else { 2 }, |_| 0.0), "");
    }

    #[test]
    fn a_job_of_rounds_is_not() {
        let said = refused(|_| 0, |_| 0.0);
        assert!(said.contains("90 of 90") && said.contains("--asynchronous"), "{said}");
        let said = refused(|k| k % 3, |_| 0.0);
        assert!(said.contains("in a round of 3"), "{said}");
    }

    #[test]
    fn clocks_that_disagree_with_the_versions_are_not() {
        let said = refused(|_| 2, |k| if k % 3 == 1 { -10.0 } else { 0.0 });
        // Nothing is before the first of them.
        let many = (11..100).filter(|k| k % 3 == 1).count();
        assert!(said.contains(&format!("{many} pushes end earlier")), "{said}");
        assert!(said.contains("--clean"), "{said}");
    }
}
