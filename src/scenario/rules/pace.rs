//! Slow episodes that follow each other so fast that a run would do nothing else.

use super::codes::UNUSABLE;
use crate::cluster::pace::Episodes;
use crate::scenario::Scenario;
use crate::scenario::document::{Loaded, Problem};

/// The path of a machine's pace is followed from one switch to the next. So many of them in a
/// single step take about a second, in which the program hears no signal.
const MOST_SWITCHES: u64 = 5_000_000;

/// A stay on the path takes at least so long, in nanoseconds.
const SHORTEST: u64 = 1_000;

pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { cluster, imposed_staleness, .. } = &loaded.value;
    if imposed_staleness.is_some() {
        return;
    }
    let slowest = cluster.class.iter().map(|class| class.slowdown).fold(1.0, f64::max);
    let base = cluster.compute.base(loaded.value.examples_per_step()).0 as f64 * slowest;
    let ever = |episodes: &&Episodes| !episodes.lasting.is_zero();
    for (index, episodes) in cluster.pace.episodes.iter().enumerate().filter(|(_, e)| ever(e)) {
        let others = cluster.pace.episodes.iter().enumerate().filter(|(other, _)| *other != index);
        // Whatever else makes a step long: the work itself, or standing still for another reason.
        let (mut still, mut factor) = (0u64, 1.0);
        for (_, other) in others.filter(|(_, e)| ever(e)) {
            match other.factor {
                None => still = still.max(other.lasting.0),
                Some(own) => factor *= own,
            }
        }
        let (every, lasting) = (episodes.every.0.max(SHORTEST), episodes.lasting.0.max(SHORTEST));
        let in_work = base * factor / every as f64;
        let in_stillness = still as f64 / every.saturating_add(lasting) as f64;
        let switches = in_work.max(in_stillness);
        if switches > MOST_SWITCHES as f64 {
            let key = format!("cluster.pace.episodes.{index}.every");
            let message = format!(
                "these episodes begin {switches:.0} times within a single step, which a run cannot follow"
            );
            found
                .push(Problem::error(&UNUSABLE, &key, message).label(loaded.origin(&key), "").help(
                "raise `every`: episodes much shorter than a step are a `slowdown` of the class",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;

    #[test]
    fn episodes_that_no_run_can_follow_are_refused() {
        let of = |every: &str, other: &str| {
            let text = format!(
                "timing_only = {{}}\ntrain.stop.updates = 3\n[cluster.pace]\n\
                 episodes = [{{ every = \"{every}\", lasting = \"1us\" }}, {{ every = \"1h\", \
                 lasting = \"{other}\" }}]\n"
            );
            Scenario::from_text(&text).err().map_or(String::new(), |found| found.to_string())
        };
        assert!(of("1ns", "10h").contains("which a run cannot follow"));
        assert_eq!(of("1ms", "10min"), "");
        assert_eq!(of("1us", "1ms"), "");
    }
}
