//! The arms of a lab: a factorial of kept and lost factors, and single restarts in addition.

use crate::optimizer::schedule::Horizon;
use crate::scenario::lab::{Factor, Lab};
use crate::sim::restart::InFlight;
use crate::sim::{Restart, Save};

/// Most factors of a full factorial. With more factors, a fraction of it is run.
const FULL: usize = 4;

/// One way to go on from the fork.
#[derive(Clone, PartialEq, Debug)]
pub struct Arm {
    /// Its name.
    pub label: String,
    /// By factor, whether it is lost; empty for arms outside the factorial.
    pub lost: Vec<bool>,
    /// What happens at the fork; `None` for the run without a restart.
    pub restart: Option<Restart>,
}

/// An effect that a factorial estimates: of one factor, or of the interaction of two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Term {
    /// `slots`, or `slots x counters`.
    pub name: String,
    /// Interactions of two factors that have the same estimate as this one.
    pub aliases: Vec<String>,
    /// Indices of its factors.
    factors: Vec<usize>,
}

/// The name of the run without a restart.
pub const NO_RESTART: &str = "no restart";
/// The name of the arm whose weights stay for one step of every worker.
pub const RATE_ZERO: &str = "coalesce, first step of each worker at rate zero";

/// The arms of the factorial; the arm that loses nothing comes first.
pub fn factorial(factors: &[Factor], save: Option<&Save>) -> Vec<Arm> {
    let basic = factors.len().min(FULL);
    let arm = |number: usize| {
        let bit = |k: usize| number >> k & 1 == 1;
        let level = |k: usize| {
            // Beyond the basic factors, the levels of each factor are the product of some of these.
            if k < basic {
                bit(k)
            } else {
                generator(k, factors.len()).iter().fold(false, |sign, &b| sign ^ bit(b))
            }
        };
        let lost: Vec<bool> = (0..factors.len()).map(level).collect();
        let mut restart = Restart::nothing_lost();
        restart.in_flight =
            if factors.contains(&Factor::InFlight) { InFlight::Requeue } else { InFlight::Drop };
        let chosen = || factors.iter().zip(&lost).filter(|(_, lost)| **lost).map(|(f, _)| *f);
        chosen().for_each(|factor| factor.lose(&mut restart, save));
        let names: Vec<&str> = chosen().map(Factor::name).collect();
        let label = if names.is_empty() {
            "everything kept".to_owned()
        } else {
            format!("lost: {}", names.join(", "))
        };
        Arm { label, lost, restart: Some(restart) }
    };
    (0..1 << basic).map(arm).collect()
}

/// The basic factors whose product gives the levels of a further factor. They are chosen so that no
/// main effect is confounded with an interaction of two (resolution IV; with one further factor,
/// V).
fn generator(factor: usize, factors: usize) -> &'static [usize] {
    const TRIPLES: [&[usize]; 4] = [&[0, 1, 2], &[0, 1, 3], &[0, 2, 3], &[1, 2, 3]];
    if factors == FULL + 1 { &[0, 1, 2, 3] } else { TRIPLES[factor - FULL] }
}

/// All arms of a lab with `workers` workers.
pub fn arms(lab: &Lab, workers: u32) -> Vec<Arm> {
    let beside = |label: &str, restart| Arm { label: label.to_owned(), lost: Vec::new(), restart };
    let mut arms = vec![beside(NO_RESTART, None)];
    arms.extend(factorial(&lab.factors, lab.save.as_ref()));
    let frozen = Some(Horizon::Updates(u64::from(workers)));
    arms.push(beside(RATE_ZERO, Some(Restart { frozen, ..Restart::default() })));
    arms.extend(lab.arm.iter().map(|arm| beside(&arm.label, Some(arm.restart.clone()))));
    arms
}

/// The effects that this factorial can estimate: every factor, then every interaction of two.
/// Interactions with the same levels in all arms are one term.
pub fn terms(factors: &[Factor]) -> Vec<Term> {
    let arms = factorial(factors, None);
    let name = |chosen: &[usize]| {
        let names: Vec<&str> = chosen.iter().map(|&k| factors[k].name()).collect();
        names.join(" x ")
    };
    let mut terms: Vec<Term> = (0..factors.len())
        .map(|k| Term { name: name(&[k]), aliases: Vec::new(), factors: vec![k] })
        .collect();
    for a in 0..factors.len() {
        for b in a + 1..factors.len() {
            let pair = Term { name: name(&[a, b]), aliases: Vec::new(), factors: vec![a, b] };
            let signs = |term: &Term| arms.iter().map(|arm| term.sign(arm)).collect::<Vec<f64>>();
            let known = terms[factors.len()..].iter().position(|term| signs(term) == signs(&pair));
            match known {
                Some(at) => terms[factors.len() + at].aliases.push(pair.name),
                None => terms.push(pair),
            }
        }
    }
    terms
}

impl Term {
    /// For one factor: +1 if it is lost, else -1. For two: +1 if both or neither are lost, else -1.
    fn sign(&self, arm: &Arm) -> f64 {
        self.factors.iter().map(|&k| if arm.lost[k] { 1.0 } else { -1.0 }).product()
    }

    /// The effect on a response, one value per arm of the factorial. For a factor: the mean where
    /// it is lost minus the mean where it is kept. For an interaction: half the difference that
    /// losing one factor makes to the effect of the other.
    pub fn effect(&self, arms: &[Arm], responses: &[f64]) -> f64 {
        let sum: f64 = arms.iter().zip(responses).map(|(arm, y)| self.sign(arm) * y).sum();
        2.0 * sum / arms.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EIGHT: [Factor; 8] = [
        Factor::Workers,
        Factor::Slots,
        Factor::Counters,
        Factor::Data,
        Factor::Moving,
        Factor::Clock,
        Factor::Remedies,
        Factor::InFlight,
    ];

    #[test]
    fn a_full_factorial_has_every_combination_once() {
        let arms = factorial(&EIGHT[..3], None);
        let mut levels: Vec<Vec<bool>> = arms.iter().map(|arm| arm.lost.clone()).collect();
        levels.sort();
        levels.dedup();
        assert_eq!((arms.len(), levels.len()), (8, 8));
        assert_eq!(arms[0].restart, Some(Restart::nothing_lost()));
        assert_eq!(arms[0].label, "everything kept");
        assert_eq!(arms[3].label, "lost: workers, slots");
    }

    #[test]
    fn no_main_effect_is_confounded_with_an_interaction_of_two() {
        for count in 1..=EIGHT.len() {
            let factors = &EIGHT[..count];
            let arms = factorial(factors, None);
            assert_eq!(arms.len(), 1 << count.min(4));
            let terms = terms(factors);
            let dot =
                |a: &Term, b: &Term| arms.iter().map(|arm| a.sign(arm) * b.sign(arm)).sum::<f64>();
            for (i, a) in terms.iter().enumerate() {
                assert_eq!(dot(a, a), arms.len() as f64);
                for b in &terms[i + 1..] {
                    assert_eq!(dot(a, b), 0.0, "{} and {} of {count}", a.name, b.name);
                }
            }
            let pairs = terms[count..].iter().map(|term| 1 + term.aliases.len()).sum::<usize>();
            assert_eq!(pairs, count * (count - 1) / 2);
            assert_eq!(count <= 5, terms.iter().all(|term| term.aliases.is_empty()));
        }
    }

    #[test]
    fn effects_are_those_of_the_model_that_made_the_responses() {
        let factors = &EIGHT[..3];
        let (arms, terms) = (factorial(factors, None), terms(factors));
        // y = 10 - 3 [workers lost] + 2 [slots and counters both lost].
        let respond = |arm: &Arm| {
            10.0 - 3.0 * f64::from(arm.lost[0]) + 2.0 * f64::from(arm.lost[1] && arm.lost[2])
        };
        let responses: Vec<f64> = arms.iter().map(respond).collect();
        let effect = |name: &str| {
            terms.iter().find(|term| term.name == name).unwrap().effect(&arms, &responses)
        };
        assert_eq!(effect("workers"), -3.0);
        assert_eq!((effect("slots"), effect("counters")), (1.0, 1.0));
        assert_eq!(effect("slots x counters"), 1.0);
        assert_eq!(effect("workers x slots"), 0.0);
    }
}
