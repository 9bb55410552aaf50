//! How long workers stay at the servers, by the number of others that are there.
//!
//! From the begin of its push to the end of its next pull a worker is at the servers. If the time of
//! a stay grows with the company, the servers' capacity is divided among those who are there. How it
//! grows is what a log of a small job knows about a large one.

use super::order::CatchUp;
use super::stay::{Stay, Times};

/// Mean times at the servers by company: the number of other workers that are there at the begin.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StayCurve {
    /// From the begin of a push to its end.
    pub push: Vec<Times>,
    /// From the end of a push to the end of the next pull.
    pub pull: Vec<Times>,
    /// How far those that come later catch up.
    pub order: CatchUp,
}

/// One stay in so many is left out: the first ones, in which processes warm up.
const WARM: usize = 10;
/// Means of fewer times are not compared.
const FEWEST: u64 = 20;
/// Parts of a log in which the speed of the servers is compared.
const PARTS: usize = 12;

impl StayCurve {
    /// The curve of some stays of one job.
    pub fn of(stays: &[Stay]) -> StayCurve {
        let mut curve = StayCurve::default();
        curve.add(stays);
        curve
    }

    /// Adds the stays of another run.
    pub fn add(&mut self, stays: &[Stay]) {
        let company = Company::of(stays);
        let add = |list: &mut Vec<Times>, company: usize, time: f64| {
            if list.len() <= company {
                list.resize(company + 1, Times::default());
            }
            list[company].add(time);
        };
        let warm: Vec<&Stay> = company.warm(stays).collect();
        self.order.add(&warm);
        for stay in warm {
            add(&mut self.push, company.at(stay.begins), stay.pushed - stay.begins);
            add(&mut self.pull, company.at(stay.pushed), stay.ends - stay.pushed);
        }
    }

    /// Adds the times of another curve.
    pub fn merge(&mut self, other: &StayCurve) {
        let merge = |own: &mut Vec<Times>, other: &[Times]| {
            own.resize(own.len().max(other.len()), Times::default());
            own.iter_mut().zip(other).for_each(|(own, other)| own.merge(other));
        };
        merge(&mut self.push, &other.push);
        merge(&mut self.pull, &other.pull);
        self.order.merge(&other.order);
    }

    /// By which share the means of pushes and of pulls differ from those of the other: the root
    /// mean square over the companies, weighted by how often the other has them.
    pub fn differs(&self, other: &StayCurve) -> [f64; 2] {
        [apart(&self.push, &other.push), apart(&self.pull, &other.pull)]
    }
}

/// Who is at the servers when.
struct Company {
    begins: Vec<f64>,
    ends: Vec<f64>,
}

impl Company {
    fn of(stays: &[Stay]) -> Company {
        let sorted = |of: fn(&Stay) -> f64| {
            let mut times: Vec<f64> = stays.iter().map(of).collect();
            times.sort_by(f64::total_cmp);
            times
        };
        Company { begins: sorted(|stay| stay.begins), ends: sorted(|stay| stay.ends) }
    }

    /// How many others are there when one comes.
    fn at(&self, time: f64) -> usize {
        let came = self.begins.partition_point(|&at| at <= time);
        let left = self.ends.partition_point(|&at| at <= time);
        (came - left.min(came)).saturating_sub(1)
    }

    /// The stays after the warm-up.
    fn warm<'a>(&self, stays: &'a [Stay]) -> impl Iterator<Item = &'a Stay> {
        let warm = self.begins.get(stays.len() / WARM).copied().unwrap_or(0.0);
        stays.iter().filter(move |stay| stay.begins >= warm)
    }
}

/// By which share the speed of the servers wanders from one part of a log to another: the standard
/// deviation over twelve parts of the mean stay, compared with what is usual in the same company,
/// without what chance makes of it.
pub fn drift(stays: &[Stay]) -> f64 {
    let company = Company::of(stays);
    let mut stays: Vec<&Stay> = company.warm(stays).collect();
    stays.sort_by(|a, b| a.begins.total_cmp(&b.begins));
    let mut usual: Vec<Times> = Vec::new();
    for stay in &stays {
        let others = company.at(stay.begins);
        usual.resize(usual.len().max(others + 1), Times::default());
        usual[others].add(stay.ends - stay.begins);
    }
    let relative = |stay: &&Stay| {
        let mean = usual[company.at(stay.begins)].mean();
        if mean > 0.0 { (stay.ends - stay.begins) / mean } else { 1.0 }
    };
    let (mut parts, mut chance) = (Times::default(), 0.0);
    for part in stays.chunks(stays.len().div_ceil(PARTS).max(1)) {
        let mut times = Times::default();
        part.iter().for_each(|stay| times.add(relative(stay)));
        parts.add(times.mean());
        chance += times.error() * times.error();
    }
    if parts.count < 2 {
        return 0.0;
    }
    let n = parts.count as f64;
    (parts.error() * parts.error() * n - chance / n).max(0.0).sqrt()
}

fn apart(own: &[Times], other: &[Times]) -> f64 {
    let (mut squares, mut all) = (0.0, 0.0);
    for (own, other) in own.iter().zip(other) {
        if own.count.min(other.count) < FEWEST || other.mean() <= 0.0 {
            continue;
        }
        let (off, count) = (own.mean() / other.mean() - 1.0, other.count as f64);
        squares += count * off * off;
        all += count;
    }
    if all > 0.0 { (squares / all).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One worker stays from 0 to 10, the other one comes at 4, and its push ends after the first
    /// has left.
    #[test]
    fn company_is_counted_at_the_begin_of_each_part() {
        let first = Stay { begins: 0.0, pushed: 5.0, ends: 10.0 };
        let second = Stay { begins: 4.0, pushed: 11.0, ends: 12.0 };
        let curve = StayCurve::of(&[first, second]);
        let means = |list: &[Times]| list.iter().map(Times::mean).collect::<Vec<_>>();
        assert_eq!(means(&curve.push), [5.0, 7.0]);
        assert_eq!(means(&curve.pull), [1.0, 5.0]);
    }

    #[test]
    fn curves_are_compared_where_both_have_many_times() {
        let apart = |lone: f64, company: usize| {
            let stay = |k: usize| {
                let begins = (k / (company + 1)) as f64 * 100.0;
                Stay { begins, pushed: begins + lone, ends: begins + 2.0 * lone }
            };
            StayCurve::of(&(0..60).map(stay).collect::<Vec<_>>())
        };
        let [push, pull] = apart(1.1, 0).differs(&apart(1.0, 0));
        assert!((push - 0.1).abs() < 1e-9 && (pull - 0.1).abs() < 1e-9);
        // In other company there is nothing to compare.
        assert_eq!(apart(1.1, 1).differs(&apart(1.0, 0)), [0.0, 0.0]);
    }

    /// One worker, whose stays take 1 s in the first half and 1.2 s in the second.
    #[test]
    fn servers_that_become_slower_drift() {
        let stays = |slower: f64, noise: f64| -> Vec<Stay> {
            (0..1_200)
                .map(|k| {
                    let begins = 10.0 * f64::from(k);
                    let chance = 1.0 + noise * f64::from((k * 7919) % 101 - 50) / 50.0;
                    let time = chance * if k < 660 { 1.0 } else { 1.0 + slower };
                    Stay { begins, pushed: begins + 0.5, ends: begins + time }
                })
                .collect()
        };
        let steady = drift(&stays(0.0, 0.5));
        assert!(steady < 0.02, "{steady}");
        // Half of what counts is faster by a tenth of the mean, and half slower.
        let found = drift(&stays(0.2, 0.0));
        assert!((found - 0.1 / 1.1).abs() < 0.01, "{found}");
        assert!((drift(&stays(0.2, 0.5)) - found).abs() < 0.02);
        assert_eq!(drift(&[]), 0.0);
    }
}
