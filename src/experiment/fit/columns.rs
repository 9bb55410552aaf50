//! The columns of a log of steps, and what one row means.

use super::FitError;
use super::step::{Instants, LoggedStep};

/// The longest step, in seconds: a day.
const LONGEST_STEP: f64 = 86_400.0;
/// The latest instant, in seconds. Clocks that count from 1970 are far below it, if they count
/// seconds.
const LATEST: f64 = 1e11;
/// Up to here a number with a fraction is exact.
const MOST_COUNTED: f64 = 9_007_199_254_740_992.0;

/// Names of the columns. A column that is left out here is looked for under its usual name. It may
/// be missing, as long as a step's worker and time are known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Columns {
    /// Name of the worker (`worker`).
    pub worker: Option<String>,
    /// Number of the step among those of its worker (`step`).
    pub step: Option<String>,
    /// Compute time in seconds (`step_s`, `sleep_s` or `seconds`), for logs without the end of the
    /// pull and the begin of the push.
    pub step_time: Option<String>,
    /// Second at which the pull begins (`t_pull0`).
    pub pull_begin: Option<String>,
    /// Second at which the pull ends (`t_pull1`).
    pub pull_end: Option<String>,
    /// Second at which the push begins (`t_push0`).
    pub push_begin: Option<String>,
    /// Second at which the push ends (`t_push1`).
    pub push_end: Option<String>,
    /// Version that was pulled (`pull_version`).
    pub pull_version: Option<String>,
    /// Version after the push (`push_version`).
    pub push_version: Option<String>,
    /// Updates between pull and push (`staleness`), if the versions are not known.
    pub staleness: Option<String>,
    /// Second at which a step begins, for logs with nothing but its two ends: it is the end of the
    /// pull.
    pub begin: Option<String>,
    /// Second at which such a step ends: the push begins and ends there.
    pub end: Option<String>,
}

/// The columns that a file has.
pub(super) struct FoundColumns {
    worker: usize,
    step: Option<usize>,
    step_time: Option<usize>,
    pull_begin: Option<usize>,
    pull_end: Option<usize>,
    push_begin: Option<usize>,
    push_end: Option<usize>,
    pull_version: Option<usize>,
    push_version: Option<usize>,
    staleness: Option<usize>,
}

impl FoundColumns {
    pub(super) fn find(
        header: &csv::StringRecord,
        columns: &Columns,
    ) -> Result<FoundColumns, FitError> {
        let find = |asked: &Option<String>, usual: &[&str]| -> Result<Option<usize>, FitError> {
            let at = |name: &str| header.iter().position(|h| h.trim() == name);
            match asked {
                Some(name) => at(name).map(Some).ok_or_else(|| FitError::Column {
                    name: name.clone(),
                    known: header.iter().map(str::trim).collect::<Vec<_>>().join(", "),
                }),
                None => Ok(usual.iter().find_map(|name| at(name))),
            }
        };
        let known = || header.iter().map(str::trim).collect::<Vec<_>>().join(", ");
        let missing = |what, flag| FitError::Missing { what, flag, known: known() };
        let (begin, end) = (find(&columns.begin, &[])?, find(&columns.end, &[])?);
        let found = FoundColumns {
            worker: find(&columns.worker, &["worker"])?
                .ok_or_else(|| missing("the worker", "--worker"))?,
            step: find(&columns.step, &["step"])?,
            step_time: find(&columns.step_time, &["step_s", "sleep_s", "seconds"])?,
            pull_begin: find(&columns.pull_begin, &["t_pull0"])?,
            pull_end: begin.or(find(&columns.pull_end, &["t_pull1"])?),
            push_begin: end.or(find(&columns.push_begin, &["t_push0"])?),
            push_end: end.or(find(&columns.push_end, &["t_push1"])?),
            pull_version: find(&columns.pull_version, &["pull_version"])?,
            push_version: find(&columns.push_version, &["push_version"])?,
            staleness: find(&columns.staleness, &["staleness"])?,
        };
        let asked = [
            &columns.pull_end,
            &columns.push_begin,
            &columns.push_end,
            &columns.begin,
            &columns.end,
        ];
        // An instant that was named is meant to be used; it is of no use without the others.
        if asked.iter().any(|name| name.is_some()) {
            for (column, what, flag) in [
                (found.pull_end, "the end of the pull", "--pull-end (or --start)"),
                (found.push_begin, "the begin of the push", "--push-begin (or --end)"),
                (found.push_end, "the end of the push", "--push-end (or --end)"),
            ] {
                column.ok_or_else(|| missing(what, flag))?;
            }
        }
        if found.step_time.is_none() && found.instants().is_none() {
            let flags = "--step-time, or its begin and its end with --start and --end";
            return Err(missing("the time of a step", flags));
        }
        Ok(found)
    }

    fn instants(&self) -> Option<[usize; 3]> {
        Some([self.pull_end?, self.push_begin?, self.push_end?])
    }
}

pub(super) fn read_step(
    record: &csv::StringRecord,
    line: u64,
    found: &FoundColumns,
) -> Result<(String, LoggedStep), FitError> {
    let whole = |at: Option<usize>| at.map(|at| whole(record, at, line)).transpose();
    let refused = |problem: String| FitError::Row { line, problem };
    let instant = |column: usize| instant(record, column, line);
    let at = match found.instants() {
        Some([pulled, pushes, pushed]) => Some(Instants {
            pulled: instant(pulled)?,
            pushes: instant(pushes)?,
            pushed: instant(pushed)?,
        }),
        None => None,
    };
    let compute = match (at, found.step_time) {
        (Some(at), _) => at.pushes - at.pulled,
        (None, Some(column)) => number(record, column, line)?,
        (None, None) => unreachable!("one of them was found"),
    };
    if compute < 0.0 || at.is_some_and(|at| at.pushed < at.pushes) {
        return Err(refused("the step ends before it begins".to_string()));
    }
    if compute > LONGEST_STEP || at.is_some_and(|at| at.pushed - at.pushes > LONGEST_STEP) {
        let problem = "the step takes more than a day: times are read as seconds";
        return Err(refused(problem.to_string()));
    }
    let versions = whole(found.pull_version)?.zip(whole(found.push_version)?);
    if let Some((pulled, pushed)) = versions.filter(|(pulled, pushed)| pushed <= pulled) {
        return Err(refused(format!(
            "the step has pulled version {pulled}, and its push has made version {pushed}, which must be a \
             later one: the second is the version after the push"
        )));
    }
    let staleness = match (whole(found.staleness)?, versions) {
        (Some(staleness), _) => Some(staleness),
        (None, Some((pulled, pushed))) => Some(pushed - 1 - pulled),
        (None, None) => None,
    };
    let version = whole(found.push_version)?;
    let number = whole(found.step)?;
    let worker = record.get(found.worker).unwrap_or("").trim().to_string();
    let asked = found.pull_begin.or(found.pull_end).map(instant).transpose()?;
    if asked.zip(at).is_some_and(|(asked, at)| asked > at.pulled) {
        return Err(refused("the pull ends before it begins".to_string()));
    }
    Ok((worker, LoggedStep { worker: 0, number, compute, asked, at, version, staleness }))
}

fn number(record: &csv::StringRecord, column: usize, line: u64) -> Result<f64, FitError> {
    let text = record.get(column).unwrap_or("").trim();
    let value = text.parse().ok().filter(|value: &f64| value.is_finite());
    value.ok_or_else(|| FitError::Row { line, problem: format!("\"{text}\" is not a number") })
}

fn instant(record: &csv::StringRecord, column: usize, line: u64) -> Result<f64, FitError> {
    let at = number(record, column, line)?;
    if at.abs() <= LATEST {
        return Ok(at);
    }
    let problem = format!("the instant {at:e} is no second: times are read as seconds");
    Err(FitError::Row { line, problem })
}

fn whole(record: &csv::StringRecord, column: usize, line: u64) -> Result<u64, FitError> {
    let value = number(record, column, line)?;
    if value.fract() == 0.0 && (0.0..=MOST_COUNTED).contains(&value) {
        return Ok(value as u64);
    }
    let text = record.get(column).unwrap_or("").trim();
    Err(FitError::Row { line, problem: format!("\"{text}\" is not a whole number from 0 on") })
}
