//! `straggler race`: protocols and remedies on one scenario and the same seeds.

use std::collections::BTreeMap;

use super::args::RaceArgs;
use super::exit::{Exit, Failure};
use super::say::tell;
use super::shorthand::Typed;
use super::{load, sweep};
use crate::base::counted;
use crate::scenario::Scenario;
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
    let turns = args.sweeping.turns(args.list);
    let plan =
        sweep::plan_with(contestants, &args.file, &settings, Some(&seeds), arguments, turns)?;
    if plan.len() != words.len() {
        return Err(usage("a setting of a race has one value; `run` takes lists of values".into()));
    }
    let scenarios: Vec<&Scenario> =
        plan.trials[..words.len()].iter().map(|trial| &trial.scenario).collect();
    without_effect(&words, &scenarios).map_err(usage)?;
    if let Some(warning) = unequal(&words, &scenarios) {
        tell(&format!("warning: {warning}\n"));
    }
    if args.list {
        return sweep::list(&plan, &args.sweeping);
    }
    sweep::execute(&plan, args.out.as_deref(), &args.sweeping)
}

/// Refuses contestants that would be the same run: where staleness is imposed there is no cluster, so
/// a protocol changes nothing.
fn without_effect(words: &[String], scenarios: &[&Scenario]) -> Result<(), String> {
    for (number, own) in scenarios.iter().enumerate() {
        if own.imposed_staleness.is_none() {
            continue;
        }
        let other = scenarios[..number].iter().position(|other| other.remedy == own.remedy);
        if let Some(other) = other {
            return Err(format!(
                "`{}` and `{}` would be the same run: with `imposed_staleness` no cluster is simulated, and \
                 protocols have no effect; race remedies, or remove `imposed_staleness`",
                words[other], words[number]
            ));
        }
    }
    Ok(())
}

/// Says that contestants end after different numbers of examples, if an end in updates makes them.
fn unequal(words: &[String], scenarios: &[&Scenario]) -> Option<String> {
    let stops_by_updates = |scenario: &&&Scenario| scenario.train.stop.updates.is_some();
    let pushes =
        |scenario: &Scenario| scenario.protocol.pushes_per_update(scenario.cluster.workers);
    let all = || words.iter().zip(scenarios).filter(|(_, scenario)| stops_by_updates(scenario));
    let (most, fewest) =
        (all().max_by_key(|(_, own)| pushes(own))?, all().min_by_key(|(_, own)| pushes(own))?);
    (pushes(most.1) != pushes(fewest.1)).then(|| {
        format!(
            "`train.stop.updates` is no equal end: an update of `{}` is made of {} and one of `{}` of {}; \
             train.stop.passes and train.stop.examples are equal for all",
            most.0,
            counted(pushes(most.1), "push", "pushes"),
            fewest.0,
            counted(pushes(fewest.1), "push", "pushes"),
        )
    })
}
