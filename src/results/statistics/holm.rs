//! Holm's step-down correction (Holm 1979). With many questions at once, the chance of even one
//! false verdict stays below the level, for any dependence between the questions.

/// Adjusted p-values, in the order given: each is to be compared with the level itself.
pub fn adjust(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&one, &other| p[one].total_cmp(&p[other]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        largest = largest.max(p[index] * (p.len() - rank) as f64).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Streams};
    use proptest::prelude::*;

    /// From R: `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")` is 0.03, 0.06, 0.06, 0.02.
    #[test]
    fn adjusted_values_are_those_of_r() {
        let found = adjust(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in found.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert!(adjust(&[]).is_empty());
        assert_eq!(adjust(&[0.04]), [0.04]);
    }

    #[test]
    fn one_false_verdict_among_many_is_as_rare_as_promised() {
        let streams = Streams::new(3);
        let (families, size) = (10_000, 12);
        let mut wrong = 0;
        for family in 0..families {
            let uniform = |who| streams.uniform(Purpose::Custom, who, family);
            let p: Vec<f64> = (0..size).map(uniform).collect();
            wrong += u64::from(adjust(&p).iter().any(|p| *p < 0.05));
        }
        let share = wrong as f64 / families as f64;
        assert!((0.04..0.056).contains(&share), "{share}");
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter_and_nothing_gets_smaller(
            p in proptest::collection::vec(0.0f64..1.0, 1..20)
        ) {
            let adjusted = adjust(&p);
            let reversed: Vec<f64> = p.iter().rev().copied().collect();
            let mut again = adjust(&reversed);
            again.reverse();
            prop_assert_eq!(&adjusted, &again);
            prop_assert!(p.iter().zip(&adjusted).all(|(p, q)| q >= p && *q <= 1.0));
        }
    }
}
