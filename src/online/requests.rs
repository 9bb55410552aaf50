//! The requests of a stream: which example of the log each of them is, and when it happened there.

use std::sync::Arc;

use crate::base::SimTime;
use crate::data::order::ExampleSequence;
use crate::data::{Batch, DataSource, Day, Instants};

/// A request: somebody saw something, and may act on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Request {
    /// Its number in the stream, from 0.
    pub number: u64,
    /// When it came: the event time of its example.
    pub at: SimTime,
}

/// The examples of a window in the order of the log: request `k` of a stream is the `k`-th. Each
/// comes once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requests {
    sequence: ExampleSequence,
    /// Number of the first day.
    first_day: u32,
    /// When each happened, if the log knows it.
    instants: Option<Vec<SimTime>>,
}

/// The clock of a log goes backwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the clock of the log goes backwards: request {request} happened at {at}, and the one before it \
     at {before}; sort the log by time"
)]
pub struct BackwardClock {
    /// The request that is earlier than the one before it.
    pub request: u64,
    /// Its time since the log began.
    pub at: SimTime,
    /// The time of the one before it.
    pub before: SimTime,
}

/// Nanoseconds of a day.
pub(super) const DAY: u64 = 86_400_000_000_000;

impl Requests {
    /// The requests of these days, which rise. The log says on which day an example happened, and
    /// no more: the examples of a day are spread evenly over it, in their order.
    pub fn new(days: Vec<Day>) -> Requests {
        let first_day = days.first().map_or(0, |day| day.number);
        Requests { sequence: ExampleSequence::new(days), first_day, instants: None }
    }

    /// The same with the instants of a log that knows them, one per request, from the start of its
    /// first day.
    ///
    /// # Errors
    /// If an instant is earlier than the one before it.
    ///
    /// # Panics
    /// If there is not one instant per request.
    pub fn with_instants(self, instants: Vec<SimTime>) -> Result<Requests, BackwardClock> {
        assert_eq!(instants.len() as u64, self.len());
        let falls = instants.windows(2).position(|pair| pair[1] < pair[0]);
        if let Some(before) = falls {
            let (at, earlier) = (instants[before + 1], instants[before]);
            return Err(BackwardClock { request: before as u64 + 1, at, before: earlier });
        }
        Ok(Requests { instants: Some(instants), ..self })
    }

    /// The same with the instants of a log, if it knows them.
    ///
    /// # Errors
    /// If the clock of the log goes backwards.
    pub fn as_logged(self, source: &dyn DataSource) -> Result<Requests, BackwardClock> {
        let Some(Instants { stamps, day_one }) = source.instants() else { return Ok(self) };
        let days = u64::from(self.first_day.saturating_sub(1));
        let of = |request| {
            let since = stamps[self.id(request) as usize].saturating_sub(day_one);
            let nanoseconds = u64::try_from(since).unwrap_or(0).saturating_mul(1_000_000);
            SimTime(nanoseconds.saturating_sub(days.saturating_mul(DAY)))
        };
        let instants = (0..self.len()).map(of).collect();
        self.with_instants(instants)
    }

    /// Number of the first day.
    pub(super) fn first_day(&self) -> u32 {
        self.first_day
    }

    /// Number of requests.
    pub fn len(&self) -> u64 {
        self.sequence.examples()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of a request's example in the log.
    ///
    /// # Panics
    /// If there is no such request.
    pub fn id(&self, request: u64) -> u64 {
        self.sequence.id(request)
    }

    /// The day of a request's example, and its place in the day from 0.
    ///
    /// # Panics
    /// If there is no such request.
    pub(super) fn place(&self, request: u64) -> (u32, u64) {
        let (day, place) = self.sequence.locate(request);
        (day.number, place)
    }

    /// When a request happened in the log, from the start of its first day.
    ///
    /// # Panics
    /// If there is no such request.
    pub fn instant(&self, request: u64) -> SimTime {
        if let Some(instants) = &self.instants {
            return instants[request as usize];
        }
        let (day, place) = self.sequence.locate(request);
        let (halves, all) = (2 * place + 1, 2 * day.examples);
        // `DAY * halves / all` without numbers of 128 bits: no day has 2^31 examples.
        let within = DAY / all * halves + DAY % all * halves / all;
        let days = u64::from(day.number - self.first_day);
        SimTime(days.saturating_mul(DAY).saturating_add(within))
    }
}

/// The labels of a log's examples, in the order of the requests.
#[derive(Debug)]
pub(super) struct Labels {
    source: Arc<dyn DataSource>,
    requests: Arc<Requests>,
    /// A stretch of the log from request `first`.
    stretch: Batch,
    first: u64,
}

/// Number of examples that are read at once.
const STRETCH: u64 = 256;

impl Labels {
    pub(super) fn new(source: Arc<dyn DataSource>, requests: Arc<Requests>) -> Labels {
        Labels { source, requests, stretch: Batch::default(), first: 0 }
    }

    /// Whether the example of a request is positive. Cheap for requests that rise.
    pub(super) fn is_positive(&mut self, request: u64) -> bool {
        let has = self.first..self.first + self.stretch.len() as u64;
        if !has.contains(&request) {
            let end = self.requests.len().min(request + STRETCH);
            let ids: Vec<u64> = (request..end).map(|request| self.requests.id(request)).collect();
            self.source.read(&ids, &mut self.stretch);
            self.first = request;
        }
        self.stretch.labels[(request - self.first) as usize] > 0.5
    }

    /// Where the example of the request lies whose label was asked for last.
    pub(super) fn example(&self, request: u64) -> (&Batch, usize) {
        (&self.stretch, (request - self.first) as usize)
    }
}

crate::persist!(Request { number: state, at: state });
crate::persist!(Labels { source: fixed, requests: fixed, stretch: emptied, first: emptied });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Streams;
    use crate::data::{OpenContext, SourceChoice};

    fn days() -> Vec<Day> {
        vec![
            Day { number: 3, first: 10, examples: 2 },
            Day { number: 4, first: 12, examples: 0 },
            Day { number: 6, first: 40, examples: 4 },
        ]
    }

    #[test]
    fn requests_are_the_examples_of_the_window_spread_over_its_days() {
        let requests = Requests::new(days());
        let ids: Vec<u64> = (0..requests.len()).map(|request| requests.id(request)).collect();
        assert_eq!(ids, [10, 11, 40, 41, 42, 43]);
        let hour = DAY / 24;
        let hours: Vec<u64> = (0..6).map(|request| requests.instant(request).0 / hour).collect();
        assert_eq!(hours, [6, 18, 75, 81, 87, 93]);
    }

    #[test]
    fn requests_follow_the_clock_of_a_log_that_has_one() {
        let folder = tempfile::tempdir().unwrap();
        let open = |format: &str, times: [&str; 4], instants: bool| {
            let rows: Vec<String> = times.iter().map(|time| format!("1,{time},a\n")).collect();
            let text = format!("label,t,item\n{}", rows.concat());
            std::fs::write(folder.path().join("log.csv"), text).unwrap();
            let choice: SourceChoice = toml::from_str(&format!(
                "kind = \"table\"\nfiles = [\"log.csv\"]\ntime = \"t\"\ntime_format = \"{format}\"\n\
                 categorical = [\"item\"]"
            ))
            .unwrap();
            let context = OpenContext::new(folder.path(), Streams::new(1));
            choice.open_log(&context.with_instants(instants)).unwrap()
        };
        let (times, day) = (["100000", "86401", "100000", "172800"], 86_400);
        let seconds = |log: &dyn DataSource, from: usize| {
            let requests = Requests::new(log.days()[from..].to_vec()).as_logged(log).unwrap();
            let all = 0..requests.len();
            all.map(|request| requests.instant(request).0 / 1_000_000_000).collect::<Vec<u64>>()
        };
        let log = open("unix_seconds", times, true);
        assert_eq!(seconds(log.as_ref(), 0), [1, 100_000 - day, 100_000 - day, day]);
        assert_eq!(seconds(log.as_ref(), 1), [0], "from the start of the first day of the window");
        // Not asked for, or no more than the day is known: the requests of a day are spread over it.
        for log in [
            open("unix_seconds", times, false),
            open("date_time", ["1970-01-02", "1970-01-02", "1970-01-02", "1970-01-03"], true),
        ] {
            assert!(log.instants().is_none());
            assert_eq!(seconds(log.as_ref(), 0), [day / 6, day / 2, day * 5 / 6, day + day / 2]);
        }
    }

    #[test]
    fn a_clock_that_goes_backwards_is_refused_with_the_place() {
        let at = |times: [u64; 6]| {
            Requests::new(days()).with_instants(times.into_iter().map(SimTime).collect())
        };
        assert_eq!(at([1, 1, 2, 3, 3, 9]).unwrap().instant(3), SimTime(3));
        let error = at([1, 1, 2, 3, 2, 9]).unwrap_err();
        assert_eq!((error.request, error.at, error.before), (4, SimTime(2), SimTime(3)));
        assert!(error.to_string().contains("sort the log by time"), "{error}");
    }
}
