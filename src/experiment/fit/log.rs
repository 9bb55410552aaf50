//! A log of the steps of a real job: which worker did a step, when, and how stale it was.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::FitError;
use super::figures::Figures;
use super::stays::{Stay, StayCurve};
use crate::base::significant;

/// The shortest mean step of a worker, in seconds: the unit of a fitted time.
const SHORTEST_STEP: f64 = 1e-6;
/// The mean step of the slowest worker over that of the fastest, at most.
const MOST_UNLIKE: f64 = 1e8;
/// The longest step, in seconds: a day.
const LONGEST_STEP: f64 = 86_400.0;
/// The longest log, in seconds: three years.
const LONGEST_LOG: f64 = 1e8;
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
}

/// The instants of a step, in seconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Instants {
    /// The pull ends.
    pub pulled: f64,
    /// The push begins.
    pub pushes: f64,
    /// The push ends.
    pub pushed: f64,
}

/// One step.
#[derive(Clone, PartialEq, Debug)]
pub struct LoggedStep {
    /// Index of its worker.
    pub worker: usize,
    /// Its number among the worker's steps, if it is logged.
    pub number: Option<u64>,
    /// Seconds of computing.
    pub compute: f64,
    /// Second at which its pull began, if that is logged; otherwise that at which it ended.
    pub asked: Option<f64>,
    /// When it happened.
    pub at: Option<Instants>,
    /// Version after its push, if it is logged.
    pub version: Option<u64>,
    /// Updates between its pull and its push.
    pub staleness: Option<u64>,
}

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

/// The columns that a file has.
struct FoundColumns {
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
    fn find(header: &csv::StringRecord, columns: &Columns) -> Result<FoundColumns, FitError> {
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
        let found = FoundColumns {
            worker: find(&columns.worker, &["worker"])?
                .ok_or_else(|| missing("the worker", "--worker"))?,
            step: find(&columns.step, &["step"])?,
            step_time: find(&columns.step_time, &["step_s", "sleep_s", "seconds"])?,
            pull_begin: find(&columns.pull_begin, &["t_pull0"])?,
            pull_end: find(&columns.pull_end, &["t_pull1"])?,
            push_begin: find(&columns.push_begin, &["t_push0"])?,
            push_end: find(&columns.push_end, &["t_push1"])?,
            pull_version: find(&columns.pull_version, &["pull_version"])?,
            push_version: find(&columns.push_version, &["push_version"])?,
            staleness: find(&columns.staleness, &["staleness"])?,
        };
        if found.step_time.is_none() && found.instants().is_none() {
            return Err(missing("the time of a step", "--step-time"));
        }
        Ok(found)
    }

    fn instants(&self) -> Option<[usize; 3]> {
        Some([self.pull_end?, self.push_begin?, self.push_end?])
    }
}

impl StepLog {
    /// Reads a CSV file with a header, compressed if its name ends in `.gz` or `.zst`.
    ///
    /// # Errors
    /// If it cannot be read, lacks a needed column, or a row is malformed.
    pub fn read(path: &Path, columns: &Columns) -> Result<StepLog, FitError> {
        let unreadable = |error: std::io::Error| FitError::Unreadable {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        let file = File::open(path).map_err(unreadable)?;
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => StepLog::parse(flate2::read::MultiGzDecoder::new(file), columns),
            Some("zst") => {
                StepLog::parse(zstd::stream::read::Decoder::new(file).map_err(unreadable)?, columns)
            }
            _ => StepLog::parse(file, columns),
        }
    }

    /// Reads the text of a CSV file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: impl Read, columns: &Columns) -> Result<StepLog, FitError> {
        let mut reader = csv::Reader::from_reader(text);
        let malformed = |error: csv::Error| FitError::Row {
            line: error.position().map_or(0, csv::Position::line),
            problem: error.to_string(),
        };
        let header = reader.headers().map_err(malformed)?.clone();
        let found = FoundColumns::find(&header, columns)?;
        let mut rows = Vec::new();
        let mut seen = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(malformed)?;
            let line = record.position().map_or(0, csv::Position::line);
            let (worker, mut step) = read_step(&record, line, &found)?;
            if let Some(identity) = step.identity() {
                refuse_second(&mut seen, &worker, &step, identity, line)?;
            }
            if let Some(at) = found.pull_begin.or(found.pull_end) {
                step.asked = Some(instant(&record, at, line)?);
            }
            rows.push((worker, step));
        }
        StepLog::assemble(rows)
    }

    fn assemble(mut rows: Vec<(String, LoggedStep)>) -> Result<StepLog, FitError> {
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
        let steps = self.steps[from..to].iter();
        StepLog::assemble(steps.map(|s| (self.workers[s.worker].clone(), s.clone())).collect())
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
            Some((first, last)) => last - first,
            // Only the compute time is known: all workers are taken to compute all the time.
            None => {
                let total: f64 = self.steps.iter().map(|step| step.compute).sum();
                total / self.workers.len() as f64
            }
        };
        figures
    }
}

fn read_step(
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
    Ok((worker, LoggedStep { worker: 0, number, compute, asked: None, at, version, staleness }))
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

impl LoggedStep {
    /// What only one step of a worker can have: its number, or its instants.
    fn identity(&self) -> Option<[u64; 3]> {
        let instants = |at: Instants| [at.pulled, at.pushes, at.pushed].map(f64::to_bits);
        self.number.map(|number| [number, 0, 0]).or(self.at.map(instants))
    }
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

/// Refuses a step that the log has already: with it, a worker would seem to do twice the work.
fn refuse_second(
    seen: &mut BTreeMap<(String, [u64; 3]), u64>,
    worker: &str,
    step: &LoggedStep,
    identity: [u64; 3],
    line: u64,
) -> Result<(), FitError> {
    let Some(first) = seen.insert((worker.to_string(), identity), line) else { return Ok(()) };
    let problem = match step.number {
        Some(number) => format!(
            "worker {worker} has its step {number} in line {first} already; remove one of the two. If numbers \
             start again during the job, rename their column, and they are not used"
        ),
        None => format!(
            "worker {worker} has a step with the same instants in line {first}; remove one of the two"
        ),
    };
    Err(FitError::Row { line, problem })
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
