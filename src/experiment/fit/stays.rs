//! How long workers stay at the servers, by the number of others that are there.
//!
//! From the begin of its push to the end of its next pull a worker is at the servers. If the time of
//! a stay grows with the company, the servers' capacity is divided among those who are there. How it
//! grows is what a log of a small job knows about a large one.

/// One stay at the servers, in seconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stay {
    /// The push begins.
    pub begins: f64,
    /// The push ends.
    pub pushed: f64,
    /// The worker's next pull ends.
    pub ends: f64,
}

/// Times of one part of a stay in the same company.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// Their sum, in seconds.
    sum: f64,
    /// The sum of their squares.
    squares: f64,
}

impl Times {
    fn add(&mut self, time: f64) {
        self.count += 1;
        self.sum += time;
        self.squares += time * time;
    }

    /// Their mean, in seconds.
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// The standard error of the mean, in seconds, if the times are independent.
    pub fn error(&self) -> f64 {
        let (n, mean) = (self.count as f64, self.mean());
        let variance = (self.squares / n - mean * mean).max(0.0);
        (variance / (n - 1.0).max(1.0)).sqrt()
    }
}

/// Mean times at the servers by company: the number of other workers that are there at the begin.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StayCurve {
    /// From the begin of a push to its end.
    pub push: Vec<Times>,
    /// From the end of a push to the end of the next pull.
    pub pull: Vec<Times>,
}

/// One stay in so many is left out: the first ones, in which processes warm up.
const WARM: usize = 10;
/// Means of fewer times are not compared.
const FEWEST: u64 = 20;

impl StayCurve {
    /// The curve of some stays of one job.
    pub fn of(stays: &[Stay]) -> StayCurve {
        let mut curve = StayCurve::default();
        curve.add(stays);
        curve
    }

    /// Adds the stays of another run.
    pub fn add(&mut self, stays: &[Stay]) {
        let sorted = |of: fn(&Stay) -> f64| {
            let mut times: Vec<f64> = stays.iter().map(of).collect();
            times.sort_by(f64::total_cmp);
            times
        };
        let (begins, ends) = (sorted(|stay| stay.begins), sorted(|stay| stay.ends));
        let company = |at: f64| {
            let came = begins.partition_point(|&time| time <= at);
            let left = ends.partition_point(|&time| time <= at);
            (came - left.min(came)).saturating_sub(1)
        };
        let add = |list: &mut Vec<Times>, company: usize, time: f64| {
            if list.len() <= company {
                list.resize(company + 1, Times::default());
            }
            list[company].add(time);
        };
        let warm = begins.get(stays.len() / WARM).copied().unwrap_or(0.0);
        for stay in stays.iter().filter(|stay| stay.begins >= warm) {
            add(&mut self.push, company(stay.begins), stay.pushed - stay.begins);
            add(&mut self.pull, company(stay.pushed), stay.ends - stay.pushed);
        }
    }

    /// Adds the times of another curve.
    pub fn merge(&mut self, other: &StayCurve) {
        let merge = |own: &mut Vec<Times>, other: &[Times]| {
            own.resize(own.len().max(other.len()), Times::default());
            for (own, other) in own.iter_mut().zip(other) {
                own.count += other.count;
                own.sum += other.sum;
                own.squares += other.squares;
            }
        };
        merge(&mut self.push, &other.push);
        merge(&mut self.pull, &other.pull);
    }

    /// By which share the means of pushes and of pulls differ from those of the other: the root
    /// mean square over the companies, weighted by how often the other has them.
    pub fn differs(&self, other: &StayCurve) -> [f64; 2] {
        [apart(&self.push, &other.push), apart(&self.pull, &other.pull)]
    }
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

    #[test]
    fn the_error_of_a_mean_shrinks_with_its_number() {
        let mut times = Times::default();
        [1.0, 3.0].iter().for_each(|&time| times.add(time));
        assert_eq!((times.mean(), times.error()), (2.0, 1.0));
    }
}
