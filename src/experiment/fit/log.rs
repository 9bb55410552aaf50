//! A log of the steps of a real job: which worker did a step, when, and how stale it was.

use std::collections::BTreeMap;
use std::path::Path;

use super::FitError;
use super::columns::Columns;
use super::figures::Figures;
use super::rows::Rows;
use super::stay::Stay;
use super::stays::StayCurve;
use super::step::LoggedStep;
use crate::base::significant;

/// The shortest mean step of a worker, in seconds: the unit of a fitted time.
const SHORTEST_STEP: f64 = 1e-6;
/// The mean step of the slowest worker over that of the fastest, at most.
const MOST_UNLIKE: f64 = 1e8;
/// The longest log, in seconds: three years.
const LONGEST_LOG: f64 = 1e8;

/// The steps of a job, in the order of their pushes if these are known.
#[derive(Clone, PartialEq, Debug)]
pub struct StepLog {
    /// Names of the workers, in order; a worker's index is its place here.
    pub workers: Vec<String>,
    /// The steps.
    pub steps: Vec<LoggedStep>,
    /// Seconds from the first worker's first pull to the last worker's first pull, if these are
    /// known.
    pub start_spread: f64,
}

impl StepLog {
    /// Reads a CSV file with a header, compressed if its name ends in `.gz` or `.zst`.
    ///
    /// # Errors
    /// If it cannot be read, lacks a needed column, or has rows that cannot be right.
    pub fn read(path: &Path, columns: &Columns) -> Result<StepLog, FitError> {
        StepLog::from_rows(Rows::read(path, columns)?.all_right()?)
    }

    /// Reads the text of a CSV file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: &[u8], columns: &Columns) -> Result<StepLog, FitError> {
        StepLog::from_rows(Rows::parse(text, columns)?.all_right()?)
    }

    /// The log of some rows, each with the name of its worker.
    ///
    /// # Errors
    /// If they are too few, or their times are none.
    pub fn from_rows(mut rows: Vec<(String, LoggedStep)>) -> Result<StepLog, FitError> {
        let mut workers: Vec<String> = rows.iter().map(|(worker, _)| worker.clone()).collect();
        // Names that are numbers are sorted as numbers.
        workers.sort_by_key(|name| (name.parse::<u64>().unwrap_or(u64::MAX), name.clone()));
        workers.dedup();
        if rows.len() < 2 * workers.len() || rows.len() < 10 {
            return Err(FitError::Short { steps: rows.len() });
        }
        let index: BTreeMap<&String, usize> = workers.iter().zip(0..).collect();
        for (worker, step) in &mut rows {
            step.worker = index[&*worker];
        }
        let mut steps: Vec<LoggedStep> = rows.into_iter().map(|(_, step)| step).collect();
        steps.sort_by(|a, b| {
            let pushed = |step: &LoggedStep| step.at.map_or(0.0, |at| at.pushed);
            pushed(a).total_cmp(&pushed(b))
        });
        count_staleness(&mut steps);
        refuse_timeless(&workers, &steps)?;
        let start_spread = start_spread(&steps, workers.len());
        let log = StepLog { workers, steps, start_spread };
        match log.figures().seconds {
            seconds if seconds > 0.0 && seconds <= LONGEST_LOG => Ok(log),
            seconds if seconds > 0.0 => Err(FitError::Times(format!(
                "the log spans {seconds:.0} s, which is more than three years: times are read as seconds"
            ))),
            _ => Err(FitError::Times("all pushes of the log end at the same instant".to_string())),
        }
    }

    /// Whether the instants of the steps are known.
    pub fn is_timed(&self) -> bool {
        self.steps.iter().all(|step| step.at.is_some())
    }

    /// Only the steps `from..to`, with those workers that have one of them, as if there were no
    /// others.
    ///
    /// # Errors
    /// If they are too few.
    pub fn part(&self, from: usize, to: usize) -> Result<StepLog, FitError> {
        StepLog::from_rows(self.rows(&self.steps[from..to]))
    }

    /// Some of its steps, each with the name of its worker.
    pub(super) fn rows(&self, steps: &[LoggedStep]) -> Vec<(String, LoggedStep)> {
        steps.iter().map(|step| (self.workers[step.worker].clone(), step.clone())).collect()
    }

    /// How many steps have no row, as far as versions or else the workers' own counts of steps tell.
    /// Versions may count anything that grows by the same number with every update.
    pub fn unlogged(&self) -> u64 {
        let versions = gaps(self.steps.iter().map(|step| step.version).collect());
        versions.unwrap_or_else(|| {
            let of = |steps: Vec<&LoggedStep>| gaps(steps.iter().map(|step| step.number).collect());
            self.by_worker().into_iter().filter_map(of).sum()
        })
    }

    /// The steps of each worker, in order.
    pub fn by_worker(&self) -> Vec<Vec<&LoggedStep>> {
        let mut lists = vec![Vec::new(); self.workers.len()];
        for step in &self.steps {
            lists[step.worker].push(step);
        }
        lists
    }

    /// The stays at the servers: a step's push and its worker's next pull.
    pub fn stays(&self) -> Vec<Stay> {
        let mut stays = Vec::new();
        for steps in self.by_worker() {
            for pair in steps.windows(2) {
                let follows = match (pair[0].number, pair[1].number) {
                    (Some(a), Some(b)) => b == a + 1,
                    _ => true,
                };
                let (Some(a), Some(b)) = (pair[0].at, pair[1].at) else { continue };
                if follows && b.pulled >= a.pushed {
                    stays.push(Stay { begins: a.pushes, pushed: a.pushed, ends: b.pulled });
                }
            }
        }
        stays
    }

    /// The figures of the logged steps.
    pub fn figures(&self) -> Figures {
        let mut figures = Figures::new(self.workers.len());
        for step in &self.steps {
            figures.count(step.worker, step.staleness);
        }
        figures.curve = StayCurve::of(&self.stays());
        let pushed = |step: &LoggedStep| step.at.map(|at| at.pushed);
        let ends = self.steps.first().and_then(pushed).zip(self.steps.last().and_then(pushed));
        figures.seconds = match ends {
            // Steps without a row took their part of the time.
            Some((first, last)) => {
                let rows = self.steps.len() as f64;
                (last - first) * rows / (rows + self.unlogged() as f64)
            }
            // Only the compute time is known: all workers are taken to compute all the time.
            None => {
                let total: f64 = self.steps.iter().map(|step| step.compute).sum();
                total / self.workers.len() as f64
            }
        };
        figures
    }
}

/// How many of the numbers between the least and the largest are not there; `None` unless all steps
/// have numbers, and mostly different ones.
fn gaps(numbers: Vec<Option<u64>>) -> Option<u64> {
    let mut numbers: Vec<u64> = numbers.into_iter().collect::<Option<_>>()?;
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    let (first, last) = (*numbers.first()?, *numbers.last()?);
    let stride = numbers.windows(2).map(|pair| pair[1] - pair[0]).fold(0, common);
    let gone = (last - first) / stride.max(1) + 1 - numbers.len() as u64;
    // With more gone than there are, or many of the same number, it counts something else.
    (2 * numbers.len() > all && gone < all as u64).then_some(gone)
}

/// The largest number that divides both.
fn common(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common(b, a % b) }
}

/// Seconds from the first worker's first pull to the last worker's first pull.
fn start_spread(steps: &[LoggedStep], workers: usize) -> f64 {
    let mut first = vec![f64::INFINITY; workers];
    for step in steps {
        if let Some(asked) = step.asked {
            first[step.worker] = first[step.worker].min(asked);
        }
    }
    let known = || first.iter().copied().filter(|at| at.is_finite());
    let (latest, earliest) =
        (known().fold(f64::NEG_INFINITY, f64::max), known().fold(f64::INFINITY, f64::min));
    (latest - earliest).max(0.0)
}

/// Refuses workers whose steps take no time.
fn refuse_timeless(workers: &[String], steps: &[LoggedStep]) -> Result<(), FitError> {
    let mut sums = vec![(0.0, 0.0); workers.len()];
    for step in steps {
        sums[step.worker].0 += step.compute;
        sums[step.worker].1 += 1.0;
    }
    let means: Vec<f64> = sums.iter().map(|(sum, count)| sum / count).collect();
    let Some((worker, mean)) = workers.iter().zip(&means).find(|(_, mean)| **mean < SHORTEST_STEP)
    else {
        let slowest = means.iter().copied().fold(0.0, f64::max);
        let unlike = workers.iter().zip(&means).find(|(_, mean)| **mean * MOST_UNLIKE < slowest);
        return match unlike {
            None => Ok(()),
            Some((worker, mean)) => Err(FitError::Times(format!(
                "the steps of worker {worker} take {mean:.1e} s on average, and those of another worker \
                 {slowest:.1e} s: no cluster has machines that differ so much"
            ))),
        };
    };
    Err(FitError::Times(format!(
        "the steps of worker {worker} take {} s on average, and at least a microsecond is needed: times are read \
         as seconds; if the worker did nothing, remove its rows",
        significant(*mean, 2)
    )))
}

/// If no staleness is logged, counts the pushes that ended between a step's pull and its push.
fn count_staleness(steps: &mut [LoggedStep]) {
    if steps.iter().any(|step| step.staleness.is_some() || step.at.is_none()) {
        return;
    }
    let pushed: Vec<f64> = steps.iter().filter_map(|step| Some(step.at?.pushed)).collect();
    for (order, step) in steps.iter_mut().enumerate() {
        let pulled = step.at.map_or(0.0, |at| at.pulled);
        let before = pushed.partition_point(|&pushed| pushed <= pulled);
        step.staleness = Some((order - before.min(order)) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, columns: &Columns) -> Result<StepLog, FitError> {
        StepLog::parse(text.as_bytes(), columns)
    }

    fn rows(header: &str, row: impl Fn(usize) -> String) -> String {
        let rows: Vec<String> = (0..12).map(row).collect();
        format!("{header}\n{}\n", rows.join("\n"))
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let text = rows("who,took", |k| format!("w{},0.{}", k % 2, k + 1));
        let columns = Columns {
            worker: Some("who".into()),
            step_time: Some("took".into()),
            ..Columns::default()
        };
        let log = parse(&text, &columns).unwrap();
        assert_eq!(log.workers, ["w0", "w1"]);
        assert_eq!(log.steps[1].compute, 0.2);
        assert!(!log.is_timed() && log.steps[0].staleness.is_none());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let text = rows("who,took", |k| format!("0,0.{k}"));
        let error = parse(&text, &Columns::default()).unwrap_err().to_string();
        assert!(error.contains("--worker") && error.contains("who, took"), "{error}");
        let columns = Columns { pull_begin: Some("t_pul0".into()), ..Columns::default() };
        let error = parse(&text.replace("who", "worker"), &columns).unwrap_err().to_string();
        assert!(error.contains("\"t_pul0\""), "{error}");
        let columns = Columns { worker: Some("nobody".into()), ..Columns::default() };
        let error = parse(&text, &columns).unwrap_err().to_string();
        assert!(error.contains("\"nobody\""), "{error}");
        let text = rows("worker,seconds", |k| format!("0,{}", if k == 3 { "long" } else { "1" }));
        let error = parse(&text, &Columns::default()).unwrap_err().to_string();
        assert!(error.contains("line 5") && error.contains("long"), "{error}");
        let error = parse("worker,seconds\n0,1\n", &Columns::default()).unwrap_err().to_string();
        assert!(error.contains("1 step"), "{error}");
    }

    #[test]
    fn steps_that_cannot_have_been_are_refused_with_their_line() {
        let said = |header: &str, row: &dyn Fn(usize) -> String| {
            parse(&rows(header, row), &Columns::default()).unwrap_err().to_string()
        };
        // Everything twice.
        let error = said("worker,step,seconds", &|k| format!("0,{},1", k / 2));
        assert!(error.contains("line 3: worker 0 has its step 0 in line 2"), "{error}");
        let error = said("worker,t_pull1,t_push0,t_push1", &|k| {
            format!("0,{0},{0}.5,{0}.6", if k == 11 { 4 } else { k })
        });
        assert!(error.contains("line 13") && error.contains("in line 6"), "{error}");
        for (pulled, pushed) in [(8, 3), (3, 3)] {
            let error = said("worker,seconds,pull_version,push_version", &|k| match k {
                4 => format!("0,1,{pulled},{pushed}"),
                _ => format!("0,1,{k},{}", k + 1),
            });
            assert!(error.contains("line 6") && error.contains("a later one"), "{error}");
        }
        for wrong in ["-1", "0.5", "nan", "1e30"] {
            let error = said("worker,seconds,staleness", &|k| {
                format!("0,1,{}", if k == 0 { wrong } else { "0" })
            });
            assert!(error.contains("line 2") && error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for time in ["0", "1e-12", "0.0000001"] {
            let text = rows("worker,seconds", |k| {
                format!("{},{}", k % 2, if k % 2 == 1 { time } else { "1" })
            });
            let error = parse(&text, &Columns::default()).unwrap_err().to_string();
            assert!(error.contains("worker 1") && error.contains("read as seconds"), "{error}");
        }
        for time in ["inf", "NaN", "-1", "1e12", "1e300"] {
            let text = rows("worker,seconds", |k| format!("0,{}", if k == 3 { time } else { "1" }));
            let error = parse(&text, &Columns::default()).unwrap_err().to_string();
            assert!(error.contains("line 5"), "{error}");
        }
        let text = rows("worker,t_pull1,t_push0,t_push1", |k| format!("0,{k}e-9,1,1"));
        let error = parse(&text, &Columns::default()).unwrap_err().to_string();
        assert!(error.contains("the same instant"), "{error}");
        let text = rows("worker,t_pull1,t_push0,t_push1", |k| format!("0,{k}e12,{k}e12,{k}e12"));
        let error = parse(&text, &Columns::default()).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("read as seconds"), "{error}");
    }

    /// Worker 1 comes late and worker 2 leaves early: neither belongs to both halves.
    #[test]
    fn a_part_knows_only_its_own_workers_and_starts() {
        let mut text = String::from("worker,t_pull0,t_pull1,t_push0,t_push1\n");
        for k in 0..40 {
            let worker = if k % 2 == 0 { 0 } else { 1 + usize::from(k < 20) };
            text.push_str(&format!("{worker},{k},{k}.1,{k}.2,{k}.3\n"));
        }
        let log = parse(&text, &Columns::default()).unwrap();
        assert_eq!((log.workers.len(), log.start_spread), (3, 21.0));
        let halves = [log.part(0, 20).unwrap(), log.part(20, 40).unwrap()];
        assert_eq!(halves.each_ref().map(|half| half.workers.join(" ")), ["0 2", "0 1"]);
        assert_eq!(halves.each_ref().map(|half| half.start_spread), [1.0, 1.0]);
        assert_eq!(halves[1].steps[1].worker, 1);
        assert!(matches!(log.part(0, 3), Err(FitError::Short { steps: 3 })));
    }

    #[test]
    fn staleness_is_counted_where_it_is_not_logged() {
        // Two workers in turn: one push of the other worker between pull and push.
        let text = rows("worker,t_pull0,t_pull1,t_push0,t_push1", |k| {
            format!("{},{},{},{},{}", k % 2, k as f64 + 0.1, k as f64 + 0.2, k + 2, k + 2)
        });
        let log = parse(&text, &Columns::default()).unwrap();
        assert!(log.steps[2..].iter().all(|step| step.staleness == Some(1)));
        assert!((log.start_spread - 1.0).abs() < 1e-9);
    }
}
