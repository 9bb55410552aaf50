//! When requests come: by chance, evenly, or as they came in the log.

#[cfg(test)]
mod new_part;

use std::fmt::Debug;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pace::{RequestPace, Warp};
use super::requests::{Request, Requests};
use crate::base::{Purpose, SimSpan, SimTime, Streams};
use crate::cluster::delay::Unusable;
use crate::cluster::step_time::exponential::standard_exponential;

/// Requests that come independently of each other.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Poisson {
    /// Mean number of requests in a second of simulated time.
    #[schemars(range(min = 1e-6, max = 1e7))]
    pub rate: f64,
}

/// Requests at equal intervals.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Even {
    /// Number of requests in a second of simulated time.
    #[schemars(range(min = 1e-6, max = 1e7))]
    pub rate: f64,
}

/// Requests as they came in the log. If the log knows the day of an example alone, the examples of
/// a day are spread evenly over it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Replay {
    /// How many times as fast as in the log they come: 24 makes an hour of a day.
    #[schemars(range(min = 1e-6, max = 1e9))]
    pub speed: f64,
}

impl Default for Poisson {
    fn default() -> Self {
        Poisson { rate: 1000.0 }
    }
}

impl Default for Even {
    fn default() -> Self {
        Even { rate: 1000.0 }
    }
}

impl Default for Replay {
    fn default() -> Self {
        Replay { speed: 1.0 }
    }
}

crate::registry! {
    /// When requests come.
    pub enum ArrivalsChoice: ArrivalsConfig {
        /// Independently of each other, at a mean rate.
        "poisson" => Poisson(Poisson),
        /// At equal intervals.
        "even" => Even(Even),
        /// As they came in the log, faster or slower.
        "replay" => Replay(Replay),
        /// For tests.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for ArrivalsChoice {
    fn default() -> Self {
        ArrivalsChoice::Replay(Replay::default())
    }
}

/// The configuration of arrivals.
pub trait ArrivalsConfig {
    /// The law for these requests.
    fn build(&self, requests: &Arc<Requests>) -> Arc<dyn ArrivalLaw>;

    /// How many times as fast as in the log requests come, if they come when they came there.
    fn speed(&self) -> Option<f64> {
        None
    }

    /// Whether requests come when they came in the log: a log without times has none to follow.
    fn follows_log(&self) -> bool {
        self.speed().is_some()
    }

    /// A setting with which no request ever comes, if there is one.
    fn unusable(&self) -> Option<Unusable>;
}

/// When requests come at an ordinary rate, which the time of day and bursts change.
pub trait ArrivalLaw: Send + Sync + Debug {
    /// The time from the request before to this one, or from the start of the run to the first
    /// one; a pure function of its arguments.
    fn gap(&self, request: u64, streams: Streams) -> SimSpan;
}

/// A setting that must be a positive number.
fn positive(value: f64, setting: &'static str, help: &'static str) -> Option<Unusable> {
    let is_good = value > 0.0 && value.is_finite();
    (!is_good).then_some(Unusable { setting, why: "must be a positive number", help })
}

/// The span between two instants in nanoseconds, each rounded: so that spans do not drift.
fn span(from: f64, to: f64) -> SimSpan {
    SimSpan((to.round() as u64).saturating_sub(from.round() as u64))
}

const A_RATE: &str = "requests in a second of simulated time, as in rate = 2000.0";

impl ArrivalsConfig for Poisson {
    fn build(&self, _: &Arc<Requests>) -> Arc<dyn ArrivalLaw> {
        Arc::new(*self)
    }

    fn unusable(&self) -> Option<Unusable> {
        positive(self.rate, "rate", A_RATE)
    }
}

impl ArrivalLaw for Poisson {
    fn gap(&self, request: u64, streams: Streams) -> SimSpan {
        let mut rng = streams.rng(Purpose::Arrival, 0, request);
        span(0.0, standard_exponential(&mut rng) * 1e9 / self.rate)
    }
}

impl ArrivalsConfig for Even {
    fn build(&self, _: &Arc<Requests>) -> Arc<dyn ArrivalLaw> {
        Arc::new(*self)
    }

    fn unusable(&self) -> Option<Unusable> {
        positive(self.rate, "rate", A_RATE)
    }
}

impl ArrivalLaw for Even {
    fn gap(&self, request: u64, _: Streams) -> SimSpan {
        let at = |count: u64| count as f64 * 1e9 / self.rate;
        span(at(request), at(request + 1))
    }
}

impl ArrivalsConfig for Replay {
    fn build(&self, requests: &Arc<Requests>) -> Arc<dyn ArrivalLaw> {
        Arc::new(Replayed { speed: self.speed, requests: Arc::clone(requests) })
    }

    fn speed(&self) -> Option<f64> {
        Some(self.speed)
    }

    fn unusable(&self) -> Option<Unusable> {
        let help = "how many times as fast as in the log, as in speed = 24.0";
        positive(self.speed, "speed", help)
    }
}

/// The times of a log, at a speed.
#[derive(Debug)]
struct Replayed {
    speed: f64,
    requests: Arc<Requests>,
}

impl ArrivalLaw for Replayed {
    fn gap(&self, request: u64, _: Streams) -> SimSpan {
        let at = |request: u64| self.requests.instant(request).0 as f64 / self.speed;
        span(request.checked_sub(1).map_or(0.0, at), at(request))
    }
}

/// All requests of a stream, drawn ahead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drawn {
    /// When the last request comes, if any comes.
    pub last: Option<SimTime>,
    /// Requests that never come, since the simulated clock does not go so far.
    pub missing: u64,
}

/// The requests of a run, one after the other.
#[derive(Clone, Debug)]
pub struct Arrivals {
    law: Arc<dyn ArrivalLaw>,
    warp: Option<Warp>,
    streams: Streams,
    total: u64,
    /// The request that comes next.
    next: Request,
}

impl Arrivals {
    /// The first `total` requests by a law, whose rate varies by `pace`.
    pub fn new(
        law: Arc<dyn ArrivalLaw>,
        pace: &RequestPace,
        total: u64,
        streams: Streams,
    ) -> Arrivals {
        let warp = pace.warp(streams);
        let mut arrivals = Arrivals { law, warp, streams, total, next: Request::default() };
        arrivals.next.at = arrivals.after(SimTime::ZERO);
        arrivals
    }

    /// When the next request comes, given when the one before it came.
    fn after(&mut self, before: SimTime) -> SimTime {
        if self.next.number >= self.total {
            return SimTime::MAX;
        }
        let gap = self.law.gap(self.next.number, self.streams);
        match &mut self.warp {
            Some(warp) => warp.next(before, gap),
            None => before + gap,
        }
    }

    /// When the next request comes; `None` if none comes any more.
    pub fn next_time(&self) -> Option<SimTime> {
        Some(self.next.at).filter(|at| *at < SimTime::MAX)
    }

    /// Draws all requests that are left.
    pub fn draw_all(&self) -> Drawn {
        let mut rest = self.clone();
        let all = std::iter::from_fn(|| rest.next(SimTime::MAX));
        let begin = Drawn { missing: self.total.saturating_sub(self.next.number), last: None };
        all.fold(begin, |drawn, request| Drawn {
            missing: drawn.missing - 1,
            last: Some(request.at),
        })
    }

    /// The next request, if it comes up to `until`.
    pub fn next(&mut self, until: SimTime) -> Option<Request> {
        let request = self.next;
        if self.next_time()? > until {
            return None;
        }
        self.next.number += 1;
        self.next.at = self.after(request.at);
        Some(request)
    }
}

// The pace is a pure function of time, so that its position on its path need not be saved.
crate::persist!(Arrivals { law: fixed, warp: fixed, streams: fixed, total: fixed, next: state });

#[cfg(test)]
mod tests {
    use super::super::pace::{Bursts, DailyRequests};
    use super::*;
    use crate::base::Persist;
    use crate::base::persist::{Loader, Saver};
    use crate::data::Day;

    const SECOND: u64 = 1_000_000_000;

    fn requests() -> Arc<Requests> {
        Arc::new(Requests::new(vec![Day { number: 1, first: 0, examples: 4 }]))
    }

    fn arrivals(choice: &ArrivalsChoice, pace: &RequestPace, total: u64) -> Arrivals {
        Arrivals::new(choice.build(&requests()), pace, total, Streams::new(5))
    }

    fn times(arrivals: &mut Arrivals) -> Vec<u64> {
        let all = std::iter::from_fn(|| arrivals.next(SimTime::MAX));
        all.map(|request| request.at.0).collect()
    }

    #[test]
    fn even_arrivals_do_not_drift() {
        let even = ArrivalsChoice::Even(Even { rate: 3.0 });
        let mut arrivals = arrivals(&even, &RequestPace::default(), 300_000);
        let times = times(&mut arrivals);
        assert_eq!(times[..3], [333_333_333, 666_666_667, SECOND]);
        assert_eq!(times[299_999], 100_000 * SECOND);
        assert_eq!(arrivals.next_time(), None);
    }

    /// The number of requests in a second has the mean and the variance of its law.
    #[test]
    fn poisson_arrivals_have_their_rate_and_variance() {
        let (rate, seconds) = (20.0, 4_000);
        let poisson = ArrivalsChoice::Poisson(Poisson { rate });
        let mut arrivals = arrivals(&poisson, &RequestPace::default(), u64::MAX);
        let mut counts = vec![0.0f64; seconds];
        while let Some(request) = arrivals.next(SimTime(seconds as u64 * SECOND - 1)) {
            counts[(request.at.0 / SECOND) as usize] += 1.0;
        }
        let mean = counts.iter().sum::<f64>() / seconds as f64;
        let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>();
        let (variance, error) = (variance / seconds as f64, (rate / seconds as f64).sqrt());
        assert!((mean - rate).abs() < 4.0 * error, "{mean}");
        let spread = rate * (2.0 / seconds as f64).sqrt();
        assert!((variance - rate).abs() < 4.0 * spread, "{variance}");
    }

    #[test]
    fn a_log_is_replayed_at_its_speed() {
        let replay = ArrivalsChoice::Replay(Replay { speed: 24.0 });
        let mut arrivals = arrivals(&replay, &RequestPace::default(), 4);
        let last = arrivals.draw_all();
        let times = times(&mut arrivals);
        assert_eq!(last, Drawn { last: Some(SimTime(times[3])), missing: 0 });
        assert_eq!(arrivals.draw_all(), Drawn::default());
        let minutes: Vec<f64> = times.iter().map(|at| *at as f64 / (60.0 * 1e9)).collect();
        assert_eq!(minutes, [7.5, 22.5, 37.5, 52.5]);
    }

    #[test]
    fn the_time_of_day_keeps_the_mean_rate_and_moves_its_peak() {
        let day = 1_000 * SECOND;
        let daily = Some(DailyRequests { swing: 0.5, period: SimSpan(day) });
        let pace = RequestPace { daily, ..RequestPace::default() };
        let even = ArrivalsChoice::Even(Even { rate: 10.0 });
        let mut arrivals = arrivals(&even, &pace, u64::MAX);
        let mut tenths = [0.0f64; 40];
        while let Some(request) = arrivals.next(SimTime(10 * day - 1)) {
            tenths[(request.at.0 % day * 40 / day) as usize] += 1.0;
        }
        let total: f64 = tenths.iter().sum();
        assert!((total / (10.0 * 10_000.0) - 1.0).abs() < 1e-3, "{total}");
        let (low, high) = (tenths[9] + tenths[10], tenths[29] + tenths[30]);
        assert!((high / low - 3.0).abs() < 0.1, "{high} {low}");
    }

    #[test]
    fn bursts_change_the_rate_by_their_factor() {
        let even = ArrivalsChoice::Even(Even { rate: 1.0 });
        for (factor, expected) in [(5.0, 2.0), (0.0, 0.75)] {
            let burst =
                Bursts { every: SimSpan(30 * SECOND), lasting: SimSpan(10 * SECOND), factor };
            let pace = RequestPace { bursts: vec![burst], ..RequestPace::default() };
            let mut arrivals = arrivals(&even, &pace, u64::MAX);
            let seconds = 200_000;
            let mut count = 0.0;
            while arrivals.next(SimTime(seconds * SECOND)).is_some() {
                count += 1.0;
            }
            // The mean rate is 1 + (factor - 1) x lasting / (every + lasting) of the ordinary one.
            let found = count / seconds as f64;
            assert!((found / expected - 1.0).abs() < 0.05, "{factor}: {found}");
        }
    }

    #[test]
    fn the_rest_of_the_requests_can_be_saved() {
        let daily = Some(DailyRequests { swing: 0.3, period: SimSpan(SECOND) });
        let bursts =
            vec![Bursts { every: SimSpan(SECOND), lasting: SimSpan(SECOND / 2), factor: 3.0 }];
        let pace = RequestPace { daily, bursts };
        let poisson = ArrivalsChoice::Poisson(Poisson { rate: 40.0 });
        let make = || arrivals(&poisson, &pace, 400);
        let mut one = make();
        for _ in 0..150 {
            one.next(SimTime::MAX);
        }
        let mut saver = Saver::default();
        one.save(&mut saver);
        let bytes = saver.into_bytes();
        let mut other = make();
        other.load(&mut Loader::new(&bytes)).unwrap();
        assert_eq!(times(&mut one), times(&mut other));
    }

    #[test]
    fn requests_that_never_come_are_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Poisson { rate }.unusable().is_some());
            assert!(Even { rate }.unusable().is_some());
            assert!(Replay { speed: rate }.unusable().is_some());
        }
        let none = ArrivalsChoice::Poisson(Poisson { rate: 0.0 });
        assert_eq!(arrivals(&none, &RequestPace::default(), 9).next_time(), None);
        // The clock ends after 584 years.
        let rare = ArrivalsChoice::Even(Even { rate: 1e-10 });
        let drawn = arrivals(&rare, &RequestPace::default(), 9).draw_all();
        assert_eq!((drawn.missing, drawn.last), (8, Some(SimTime(10 * 1_000_000_000 * SECOND))));
    }
}
