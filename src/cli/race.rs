//! `straggler race`: protocols and remedies on one scenario and the same seeds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::args::SweepingArgs;
use super::exit::{Exit, Failure};
use super::{load, sweep};
use crate::base::SimSpan;
use crate::report::terminal::{Align, TextTable};
use crate::results::outcome::Results;
use crate::results::race::Race;
use crate::scenario::sweep::contestants::{DEFAULT, contestant, is_contestant};
use crate::scenario::sweep::{Seeds, is_sweep};

/// Seeds of a race that names none.
const SEEDS: u64 = 3;

#[derive(Debug, clap::Args)]
pub(super) struct RaceArgs {
    /// The scenario file.
    pub(super) file: PathBuf,
    /// Contestants, such as `stale_synchronous:lead=8` or `asynchronous+power`, and settings for all,
    /// such as `cluster.workers=30`. Without contestants: asynchronous, synchronous,
    /// stale_synchronous.
    #[arg(value_name = "CONTESTANT|KEY=VALUE")]
    pub(super) overrides: Vec<String>,
    /// The results folder; `results/<name>-<hash>` when left out.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// The seeds of every contestant: `10` for 1 to 10, `5..14`, or `3,7,11` [default: 3]
    #[arg(long, value_name = "SEEDS")]
    pub(super) seeds: Option<Seeds>,
    /// Print the contestants, with the time, memory and disk that they will need; runs nothing.
    #[arg(long)]
    pub(super) list: bool,
    #[command(flatten)]
    pub(super) sweeping: SweepingArgs,
}

pub(super) fn race(args: &RaceArgs, arguments: &[OsString]) -> Result<Exit, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    if is_sweep(&load::file_of(&args.file)) {
        return Err(usage(
            "a race needs a scenario file, and this is a sweep; `run` runs it".into(),
        ));
    }
    let (named, settings): (Vec<String>, Vec<String>) =
        args.overrides.iter().cloned().partition(|word| is_contestant(word));
    let words = if named.is_empty() { DEFAULT.map(String::from).to_vec() } else { named };
    let mut contestants = Vec::new();
    let mut known = BTreeMap::new();
    for word in &words {
        let place = load::argument(word, arguments).place;
        let read =
            contestant(word, &place).map_err(|reason| usage(format!("{place}: {reason}")))?;
        let same: Vec<_> =
            read.settings.iter().map(|s| (s.key.clone(), s.value.text.clone())).collect();
        if let Some(other) = known.insert(same, word) {
            return Err(usage(format!(
                "`{other}` and `{word}` are the same; remove one of the two"
            )));
        }
        contestants.push(read);
    }
    let seeds = match &args.seeds {
        Some(seeds) => seeds.clone(),
        None => Seeds::first(SEEDS).map_err(|error| usage(error.to_string()))?,
    };
    let plan = sweep::plan_with(contestants, &args.file, &settings, Some(&seeds), arguments)?;
    if plan.len() != words.len() {
        return Err(usage("a setting of a race has one value; `run` takes lists of values".into()));
    }
    if args.list {
        return sweep::list(&plan, &args.sweeping);
    }
    sweep::execute(&plan, args.out.as_deref(), &args.sweeping)
}

/// The contestants at equal time and at equal examples; empty for a sweep that is no race.
pub(super) fn table(results: &Results) -> Result<String, Failure> {
    let Some(race) = Race::of(results)? else { return Ok(String::new()) };
    let mut table = TextTable::new(&[
        Align::Left,
        Align::Right,
        Align::Left,
        Align::Right,
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Right,
    ]);
    let of_first = "to the first";
    table.row([
        "contestant",
        "AUC, equal time",
        of_first,
        "AUC, equal examples",
        of_first,
        "end, s",
        "staleness",
        "waiting",
    ]);
    for row in &race.rows {
        table.row(row.cells_for_readers());
    }
    let time = race.time.as_ref().map_or_else(String::new, |at| {
        format!("equal time: {}, ", SimSpan::from_seconds(at.place))
    });
    Ok(format!(
        "{}{time}equal examples: {}; the AUC is that of the last evaluation until then\n\
         differences are paired by seed, with 95 % intervals, which need three seeds\n\n",
        table.render(),
        race.examples.place
    ))
}
