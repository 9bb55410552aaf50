//! `straggler compare`: results side by side, with their uncertainty.

use std::path::{Path, PathBuf};

use super::args::{CompareArgs, IntervalBy, PairBy, SPREAD_OF, SpectrumArgs, SpreadArgs};
use super::exit::{Exit, Failure};
use super::named_file;
use super::say::{out, out_json, tell};
use super::{comparison, spectrum, spread};
use crate::metrics::measure::{Goal, Measure};
use crate::metrics::scalar;
use crate::results::compare::gate::Gate;
use crate::results::compare::pareto::{self, Front};
use crate::results::compare::{self, CompareError, Method, Options, Pairing, Side};
use crate::results::outcome::{Kind, OutcomeError, Point, Results};
use crate::scenario::document::suggest;

pub(super) fn compare(args: &CompareArgs) -> Result<Exit, Failure> {
    if args.pareto {
        return front(args);
    }
    if args.spread {
        return spread::spread(&spread_args(args)?);
    }
    if args.oscillation {
        let folders = args.results.iter().map(PathBuf::from).collect();
        let CompareArgs { of, skip, json, plot, .. } = args;
        let plot = plot.clone();
        return spectrum::spectrum(&SpectrumArgs {
            folders,
            of: *of,
            skip: *skip,
            plot,
            json: *json,
        });
    }
    let gates = gates(args)?;
    let options = options(args, &gates)?;
    let (baseline, others, is_sweep) = sides(args)?;
    let comparison = compare::compare(&baseline, &others, &options)?;
    if args.json {
        print_json(&comparison)?;
    } else {
        out(&comparison::text(&comparison, is_sweep))?;
    }
    let mut exit = Exit::Done;
    for gate in &gates {
        for finding in gate.findings(&comparison) {
            tell(&format!("fail: {gate} ({}): {}\n", finding.side, finding.found));
            exit = Exit::Check;
        }
    }
    Ok(exit)
}

/// What `--spread` shows, and of which sweep.
fn spread_args(args: &CompareArgs) -> Result<SpreadArgs, Failure> {
    let [folder] = &args.results[..] else {
        return Err(usage("--spread is about the points of one sweep: name one folder"));
    };
    let metric = match &args.metric[..] {
        [] => SPREAD_OF.to_string(),
        [metric] => metric.clone(),
        _ => return Err(usage("--spread shows one --metric at a time")),
    };
    let baseline = args.baseline.clone().unwrap_or_else(|| "0".to_string());
    Ok(SpreadArgs { folder: folder.into(), metric, baseline, json: args.json })
}

fn usage(message: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, message)
}

fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).expect("a comparison is valid JSON");
    out_json(&format!("{text}\n"))
}

fn gates(args: &CompareArgs) -> Result<Vec<Gate>, Failure> {
    args.fail_if.iter().map(|text| text.parse().map_err(usage)).collect()
}

fn options(args: &CompareArgs, gates: &[Gate]) -> Result<Options, Failure> {
    let measures = args.metric.iter().map(|text| text.parse().map_err(usage));
    Ok(Options {
        measures: measures.collect::<Result<Vec<Measure>, _>>()?,
        also: gates.iter().map(|gate| gate.measure.clone()).collect(),
        pairing: match args.pair {
            PairBy::Seed => Pairing::Seed,
            PairBy::None => Pairing::None,
        },
        method: match args.interval {
            IntervalBy::T => Method::T,
            IntervalBy::Bootstrap => Method::Bootstrap,
        },
        practical: args.practical.iter().map(|text| practical(text)).collect::<Result<_, _>>()?,
        force: args.force,
    })
}

/// `0.001`, or `best.auc=0.001`; a measure may hold a `=` itself.
fn practical(text: &str) -> Result<(Option<String>, f64), Failure> {
    let (measure, size) = match text.rsplit_once('=') {
        Some((measure, size)) => (Some(measure.parse::<Measure>().map_err(usage)?), size),
        None => (None, text),
    };
    match size.trim().parse::<f64>() {
        Ok(size) if size >= 0.0 && size.is_finite() => Ok((measure.map(|m| m.to_string()), size)),
        _ => Err(usage(format!(
            "--practical {text}: write a size, or METRIC=SIZE; none is negative"
        ))),
    }
}

/// The baseline, the other sides, and whether they are all points of one sweep.
fn sides(args: &CompareArgs) -> Result<(Side, Vec<Side>, bool), Failure> {
    if let [only] = &args.results[..] {
        let (results, point) = find(only)?;
        if point.is_some() || results.kind == Kind::Run || results.points.len() < 2 {
            let message =
                format!("{only} is one point: compare it with another, as in `compare A B`");
            return Err(usage(message));
        }
        let baseline = results.point(args.baseline.as_deref().unwrap_or("0"))?.index;
        let mut sides = points(&results)?;
        let baseline = sides.remove(baseline);
        return Ok((baseline, sides, true));
    }
    if args.baseline.is_some() {
        return Err(usage(
            "--baseline goes with one sweep; of several results the first is the baseline",
        ));
    }
    let mut sides = Vec::new();
    for argument in &args.results {
        let (results, point) = find(argument)?;
        let point = match point {
            Some(index) => &results.points[index],
            None => only_point(&results, argument)?,
        };
        let name = argument.trim_end_matches('/');
        sides.push(Side::load(&results, point, name)?);
    }
    let baseline = sides.remove(0);
    Ok((baseline, sides, false))
}

/// A side for every point of a sweep.
fn points(results: &Results) -> Result<Vec<Side>, OutcomeError> {
    results.points.iter().map(|point| Side::load(results, point, &point.label)).collect()
}

/// The results at `FOLDER` or `FOLDER@POINT`, and the number of the point.
fn find(argument: &str) -> Result<(Results, Option<usize>), Failure> {
    // A folder may have an @ in its name.
    if let Some((folder, point)) = argument.rsplit_once('@')
        && !Path::new(argument).exists()
    {
        let results = Results::open(Path::new(folder))?;
        let index = results.point(point)?.index;
        return Ok((results, Some(index)));
    }
    Ok((Results::open(Path::new(argument))?, None))
}

fn only_point<'a>(results: &'a Results, argument: &str) -> Result<&'a Point, Failure> {
    match &results.points[..] {
        [point] => Ok(point),
        points => Err(usage(format!(
            "{argument} has {} points: name one, as in {argument}@0; `compare {argument}` alone \
             compares them all",
            points.len()
        ))),
    }
}

fn front(args: &CompareArgs) -> Result<Exit, Failure> {
    let goal: Option<Goal> = match &args.goal {
        None => None,
        Some(text) => {
            Some(text.parse().map_err(|reason| usage(format!("--goal {text}: {reason}")))?)
        }
    };
    let [only] = &args.results[..] else {
        return Err(usage("--pareto takes one sweep"));
    };
    let (results, _) = find(only)?;
    let sides = points(&results)?;
    let Some(goal) = goal.or_else(|| pareto::common_goal(&sides)) else {
        return Err(Failure::new(Exit::Folder, format!("no trial of {only} has a best AUC yet")));
    };
    let front: Front = pareto::front(&sides, goal)?;
    if let Some(path) = &args.csv {
        named_file::write(path, args.force, front.csv().as_bytes())?;
    }
    if args.json {
        print_json(&front)?;
    } else {
        out(&comparison::front(&front))?;
    }
    Ok(Exit::Done)
}

impl From<CompareError> for Failure {
    fn from(error: CompareError) -> Self {
        match &error {
            CompareError::Outcome(_) | CompareError::Empty(_) => Failure::new(Exit::Folder, error),
            CompareError::NoPairs(..) => usage(error),
            CompareError::NotComparable(_) => Failure::new(Exit::Refused, error),
            CompareError::Unknown { name, known } => {
                let meant = nearest_metric(name, known.iter().map(String::as_str));
                let help = meant.map_or_else(
                    || format!("known are {}", known.join(", ")),
                    |meant| format!("did you mean {meant}?"),
                );
                usage(format!("{error}; {help}"))
            }
        }
    }
}

/// The name that was probably meant: the same name after `best.`, or a similar one.
fn nearest_metric<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    match scalar::find(&format!("best.{name}")) {
        Some(best) => Some(best.name.to_string()),
        None => suggest::nearest(name, known).map(str::to_string),
    }
}
