//! The answer of a lab in sentences: which lost parts of the state cause a drop.

use super::LabResults;
use super::design::NO_RESTART;
use super::responses::RESPONSES;
use super::tables::MEDIAN;
use crate::base::counted;
use crate::results::tables::{ArmRow, EffectRow};
use crate::scenario::lab::Lab;

/// The response that the answer is about.
const RESPONSE: &str = "depth";
/// The level of significance, after Holm.
const LEVEL: f64 = 0.05;

/// The answer, from the tables of the lab: for the largest number of workers first.
pub(super) fn verdict(
    lab: &Lab,
    results: &LabResults,
    arms: &[ArmRow],
    effects: &[EffectRow],
) -> Vec<String> {
    let mut sentences: Vec<String> =
        lab.workers.iter().rev().map(|&workers| answer(lab, workers, effects)).collect();
    let early = lab.early.min(lab.updates);
    sentences.push(format!(
        "The figures are changes of the lowest AUC in the first {early} updates after the fork, in basis points \
         (0.0001): medians over {}, since lowest values have heavy tails, with 95 % intervals between two \
         seeds in order.",
        counted(lab.seeds, "seed", "seeds")
    ));
    let is_far = |statistic: &str, response: &str| {
        let extreme = RESPONSES.iter().any(|known| known.name == response && known.is_extreme);
        statistic == MEDIAN && !extreme
    };
    let far_arm = |row: &ArmRow| row.arm != NO_RESTART && is_far(&row.statistic, &row.response);
    if arms.iter().any(far_arm) || effects.iter().any(|row| is_far(&row.statistic, &row.response)) {
        sentences.push(
            "Some seeds are far from the others (a run broke down after the fork); medians of the other \
             figures are shown too where that is so."
                .to_string(),
        );
    }
    let broke = results.forks.iter().flat_map(|forked| &forked.curves);
    let broke = broke.filter(|curve| curve.broke.is_some()).count();
    if broke > 0 {
        sentences.push(format!("Runs after the fork that blew up or stalled: {broke}."));
    }
    sentences
}

fn answer(lab: &Lab, workers: u32, effects: &[EffectRow]) -> String {
    let who = if workers == 1 { "1 worker".to_string() } else { format!("{workers} workers") };
    let mine: Vec<&EffectRow> = effects
        .iter()
        .filter(|row| row.workers == workers && row.response == RESPONSE && row.effect.is_some())
        .collect();
    let Some(most) = mine.iter().max_by(|a, b| size(a).total_cmp(&size(b))) else {
        return format!("With {who}, no effect is defined: see arms.csv.");
    };
    let fewest = fewest_seeds(mine.len());
    if lab.seeds < fewest {
        return format!(
            "With {who}, the largest effect is that of {}: {}. With {} no effect can be told from chance; {} are \
             the fewest for {} (lab.seeds).",
            lost(most),
            points(most),
            counted(lab.seeds, "seed", "seeds"),
            fewest,
            counted(mine.len(), "term", "terms")
        );
    }
    let (mut causes, rest): (Vec<&&EffectRow>, Vec<&&EffectRow>) =
        mine.iter().partition(|row| row.p_holm.is_some_and(|p| p < LEVEL));
    causes.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let widest = rest.iter().filter_map(|row| reach(row)).fold(0.0, f64::max);
    if causes.is_empty() {
        return format!(
            "With {who}, no part that was lost makes a difference that {} seeds can see; every effect is within \
             ±{:.0}.",
            lab.seeds,
            1e4 * widest
        );
    }
    let named: Vec<String> =
        causes.iter().map(|row| format!("{} ({})", lost(row), points(row))).collect();
    let verb = match causes.iter().all(|row| row.effect.is_some_and(|effect| effect < 0.0)) {
        true => "causes the drop",
        false => "changes it",
    };
    // A wide interval is no proof that there is nothing: what matters is what it excludes.
    let named_size = causes.iter().map(|row| size(row)).fold(f64::INFINITY, f64::min);
    let rest = match rest.len() {
        0 => String::new(),
        _ if widest <= named_size / 2.0 => {
            format!("; nothing else makes a difference (all others within ±{:.0})", 1e4 * widest)
        }
        _ => format!(
            "; of the others {} seeds can see none, and an effect as large as {:.0} would not show",
            lab.seeds,
            1e4 * widest
        ),
    };
    format!("With {who}, {} {verb}{rest}.", named.join(" and "))
}

/// The fewest seeds with which one of so many effects can be significant: the sign test of `n` equal
/// signs has p = 2^(1 - n), and Holm multiplies the smallest p by the number of terms.
fn fewest_seeds(terms: usize) -> u32 {
    (2..).find(|n| terms as f64 * 0.5f64.powi(n - 1) < LEVEL).expect("p falls to zero") as u32
}

fn size(row: &EffectRow) -> f64 {
    row.effect.map_or(0.0, f64::abs)
}

/// The largest effect that the interval contains.
fn reach(row: &EffectRow) -> Option<f64> {
    Some(row.low?.abs().max(row.high?.abs()))
}

fn lost(row: &EffectRow) -> String {
    let what = match row.term.split_once(" x ") {
        Some((a, b)) => format!("losing {} and {} together", name(a), name(b)),
        None => format!("losing {}", name(&row.term)),
    };
    match row.aliases.is_empty() {
        true => what,
        false => format!("{what} (or {})", row.aliases.replace("; ", " or ")),
    }
}

/// A factor in words.
fn name(factor: &str) -> &str {
    match factor {
        "workers" => "the workers' own weights",
        "slots" => "the optimizer state (slots)",
        "counters" => "the optimizer's counters",
        "data" => "the place in the data",
        "moving" => "the moving statistics",
        "clock" => "the clock of the schedule",
        "remedies" => "the state of remedies",
        "in_flight" => "the gradients in flight",
        other => other,
    }
}

fn points(row: &EffectRow) -> String {
    let Some(effect) = row.effect else { return "-".to_string() };
    match row.low.zip(row.high) {
        Some((low, high)) => {
            format!("{:+.0} [{:+.0}, {:+.0}]", 1e4 * effect, 1e4 * low, 1e4 * high)
        }
        None => format!("{:+.0}", 1e4 * effect),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(term: &str, effect: f64, half: f64, p: Option<f64>) -> EffectRow {
        EffectRow {
            workers: 30,
            response: RESPONSE.into(),
            term: term.into(),
            aliases: String::new(),
            seeds: 10,
            statistic: "mean".into(),
            effect: Some(effect),
            low: p.map(|_| effect - half),
            high: p.map(|_| effect + half),
            p,
            p_holm: p,
        }
    }

    fn lab(seeds: u32) -> Lab {
        Lab { workers: vec![30], seeds, ..Lab::default() }
    }

    #[test]
    fn the_cause_is_named_with_its_size_and_the_others_with_their_limit() {
        let effects = [
            effect("slots", -0.0255, 0.0094, Some(0.007)),
            effect("workers", 0.0003, 0.0005, Some(0.9)),
            effect("workers x slots", -0.0004, 0.0007, Some(0.8)),
        ];
        assert_eq!(
            answer(&lab(10), 30, &effects),
            "With 30 workers, losing the optimizer state (slots) (-255 [-349, -161]) causes the drop; nothing \
             else makes a difference (all others within ±11)."
        );
    }

    #[test]
    fn wide_intervals_of_the_others_are_no_proof_that_they_do_nothing() {
        let effects = [
            effect("slots", -0.3972, 0.1270, Some(0.01)),
            effect("workers", 0.0300, 0.2392, Some(0.6)),
        ];
        assert_eq!(
            answer(&lab(8), 30, &effects),
            "With 30 workers, losing the optimizer state (slots) (-3972 [-5242, -2702]) causes the drop; of the \
             others 8 seeds can see none, and an effect as large as 2692 would not show."
        );
    }

    #[test]
    fn without_a_cause_it_says_what_could_have_been_seen() {
        let found = answer(&lab(10), 30, &[effect("slots", -0.0002, 0.0010, Some(0.5))]);
        assert!(found.ends_with("that 10 seeds can see; every effect is within ±12."), "{found}");
        let few = answer(&lab(2), 30, &[effect("slots", -0.0255, 0.0, None)]);
        assert!(
            few.contains("-255. With 2 seeds no effect can be told from chance; 6 are"),
            "{few}"
        );
        // Ten terms of four factors.
        assert_eq!((fewest_seeds(1), fewest_seeds(10)), (6, 9));
    }
}
