//! How far a worker catches up at the servers with the one that came before it.
//!
//! Workers with equal steps stay together if those behind catch up, and spread if they fall back: so
//! the staleness of constant steps depends on it more than on anything else. Each pair of workers
//! that come one after the other shows it, whatever the law of their steps. So a log of random steps
//! knows it too.

use super::stay::{Stay, Times};

/// Limits of the time between two arrivals, as shares of the mean stay.
const LIMITS: [f64; 4] = [0.1, 0.25, 0.45, 0.7];
/// Means of fewer pairs are not compared.
const FEWEST: u64 = 20;
/// More than this share of a stay is an accident, and counts as if it were this.
const MOST: f64 = 1.0;

/// Shares of the mean stay by which a worker is nearer to the one before it when it leaves than when
/// it came, by the time between their arrivals.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CatchUp {
    gains: [Times; LIMITS.len()],
}

impl CatchUp {
    /// Adds the stays of a run.
    pub fn add(&mut self, stays: &[&Stay]) {
        let mut stays = stays.to_vec();
        stays.sort_by(|a, b| a.begins.total_cmp(&b.begins));
        let mean =
            stays.iter().map(|stay| stay.ends - stay.begins).sum::<f64>() / stays.len() as f64;
        for pair in stays.windows(2).filter(|pair| pair[1].begins < pair[0].ends) {
            let apart = (pair[1].begins - pair[0].begins) / mean;
            let then = (pair[1].ends - pair[0].ends) / mean;
            if let Some(place) = LIMITS.iter().position(|limit| apart < *limit) {
                self.gains[place].add((apart - then).clamp(-MOST, MOST));
            }
        }
    }

    /// Adds what other runs have shown.
    pub fn merge(&mut self, other: &CatchUp) {
        self.gains.iter_mut().zip(&other.gains).for_each(|(own, other)| own.merge(other));
    }

    /// By which share of a stay it differs from the other: the root mean square, weighted by how
    /// many pairs the other has.
    pub fn differs(&self, other: &CatchUp) -> f64 {
        let (mut squares, mut all) = (0.0, 0.0);
        for (own, other) in self.gains.iter().zip(&other.gains) {
            if own.count.min(other.count) >= FEWEST {
                let (off, count) = (own.mean() - other.mean(), other.count as f64);
                squares += count * off * off;
                all += count;
            }
        }
        if all > 0.0 { (squares / all).sqrt() } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of which the second comes 0.2 of a stay later, and leaves `then` of a stay later.
    fn pairs(then: f64) -> CatchUp {
        let stay = |k: u32| {
            let (pair, second) = (f64::from(k / 2) * 100.0, k % 2 == 1);
            let begins = if second { pair + 2.0 } else { pair };
            let ends = if second { pair + 10.0 + 10.0 * then } else { pair + 10.0 };
            Stay { begins, pushed: begins + 1.0, ends }
        };
        let stays: Vec<Stay> = (0..80).map(stay).collect();
        let mut found = CatchUp::default();
        found.add(&stays.iter().collect::<Vec<_>>());
        found
    }

    #[test]
    fn workers_that_catch_up_differ_from_those_that_do_not() {
        assert!(pairs(0.2).differs(&pairs(0.2)) < 1e-12);
        // The mean stay is a little below or above 10 when the second one leaves early or late.
        assert!((pairs(0.1).differs(&pairs(0.2)) - 0.1).abs() < 0.01);
        assert!((pairs(0.3).differs(&pairs(0.2)) - 0.1).abs() < 0.01);
        assert_eq!(CatchUp::default().differs(&pairs(0.2)), 0.0);
        let mut both = pairs(0.1);
        both.merge(&pairs(0.3));
        assert!(both.differs(&pairs(0.2)) < 0.01);
    }
}
