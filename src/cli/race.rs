//! `straggler race`: protocols and remedies on one scenario and the same seeds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::args::SweepingArgs;
use super::exit::{Exit, Failure};
use super::{load, sweep};
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
