//! `straggler race`: protocols and remedies on one scenario and the same seeds.

use std::collections::BTreeMap;

use super::args::RaceArgs;
use super::exit::{Exit, Failure};
use super::shorthand::Typed;
use super::{load, sweep};
use crate::scenario::sweep::contestants::{DEFAULT, contestant, is_contestant};
use crate::scenario::sweep::{Seeds, is_sweep};

/// Seeds of a race that names none.
const SEEDS: u64 = 3;

pub(super) fn race(args: &RaceArgs, arguments: &[Typed]) -> Result<Exit, Failure> {
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
