//! The pace of a machine over time: slow episodes, pauses, and the time of day.
//!
//! An episode source is a two-state Markov process: ordinary for an exponential time of mean
//! `every`, then slow for one of mean `lasting`. The work of a step is integrated along the path,
//! so that its speed changes within the step if a switch falls into it. With rates q01 = 1/every
//! and q10 = 1/lasting and factor s, the long-run mean speed is (q10 + q01/s) / (q01 + q10).
//!
//! The path of a source is a pure function of (seed, source, machine or host, number of the
//! switch). A machine keeps its position on the path, so that a step costs no more late in a run
//! than early.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scripted::Spell;
use super::step_time::exponential::standard_exponential;
use crate::base::{Purpose, SimSpan, SimTime, Streams};

/// Which workers share an episode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Whose")]
pub enum EpisodeScope {
    /// Each worker has its own episodes.
    #[default]
    Worker,
    /// All workers of a host are slow at the same time: a burst of a co-tenant.
    Host,
}

/// Episodes in which machines are slow, at random times.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Episodes {
    /// Mean time from the end of an episode to the next one.
    pub every: SimSpan,
    /// Mean length of an episode.
    pub lasting: SimSpan,
    /// How many times longer everything takes meanwhile; when left out, the machine stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1.0, max = 1_000_000.0))]
    pub factor: Option<f64>,
    /// Which workers share them.
    #[serde(default)]
    pub whose: EpisodeScope,
}

/// A load that follows the time of day: everything takes `1 + swing x sin` of its time.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Daily")]
pub struct DailyLoad {
    /// Largest deviation of the factor from 1, to both sides.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub swing: f64,
    /// Length of a day.
    pub period: SimSpan,
    /// Delay of each host's day behind that of the host before, as a share of a day.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lag: f64,
}

impl Default for DailyLoad {
    fn default() -> Self {
        DailyLoad { swing: 0.2, period: SimSpan(86_400_000_000_000), lag: 0.0 }
    }
}

/// How the pace of machines varies.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PaceConfig {
    /// Workers per host, in the order of their numbers: with 3, the first host has 0, 1 and 2.
    #[schemars(range(min = 1, max = 100_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers_per_host: Option<u32>,
    /// Sources of slow episodes; their factors multiply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub episodes: Vec<Episodes>,
    /// A load that follows the time of day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<DailyLoad>,
}

impl PaceConfig {
    /// The pace of a worker's machine; `None` if it never varies.
    pub fn of(&self, worker: u32, streams: Streams) -> Option<Pace> {
        let host = worker / self.workers_per_host.unwrap_or(1).max(1);
        let source = |(index, episodes): (usize, &Episodes)| {
            let (kind, entity) = match episodes.whose {
                EpisodeScope::Worker => (0, worker),
                EpisodeScope::Host => (1, host),
            };
            let entity = (index as u64) << 33 | kind << 32 | u64::from(entity);
            EpisodeSource::new(episodes, entity, streams)
        };
        let ever = |(_, episodes): &(usize, &Episodes)| !episodes.lasting.is_zero();
        let sources: Vec<EpisodeSource> =
            self.episodes.iter().enumerate().filter(ever).map(source).collect();
        let daily = self.daily.filter(|daily| daily.swing > 0.0 && daily.period.0 >= STEPS);
        let varies = !sources.is_empty() || daily.is_some();
        varies.then_some(Pace { sources, spells: Vec::new(), daily, host, streams })
    }

    /// The pace of a worker's machine, with these scripted spells.
    pub fn of_with(&self, worker: u32, spells: Vec<Spell>, streams: Streams) -> Option<Pace> {
        let pace = self.of(worker, streams);
        if spells.is_empty() {
            return pace;
        }
        let steady =
            || Pace { sources: Vec::new(), spells: Vec::new(), daily: None, host: 0, streams };
        Some(Pace { spells, ..pace.unwrap_or_else(steady) })
    }
}

/// Steps of a day; the factor is constant within each.
const STEPS: u64 = 288;

/// The pace of one machine, and the position reached on its path.
#[derive(Clone, PartialEq, Debug)]
pub struct Pace {
    sources: Vec<EpisodeSource>,
    /// Scripted spells.
    spells: Vec<Spell>,
    daily: Option<DailyLoad>,
    host: u32,
    streams: Streams,
}

/// One source of episodes along one path.
#[derive(Clone, PartialEq, Debug)]
struct EpisodeSource {
    every: SimSpan,
    lasting: SimSpan,
    /// Infinite if the machine stands still.
    factor: f64,
    entity: u64,
    /// Whether it is slow from `from` to `until`, after `switches` switches.
    slow: bool,
    switches: u64,
    from: SimTime,
    until: SimTime,
}

impl EpisodeSource {
    fn new(episodes: &Episodes, entity: u64, streams: Streams) -> EpisodeSource {
        let mut source = EpisodeSource {
            every: episodes.every,
            lasting: episodes.lasting,
            factor: episodes.factor.unwrap_or(f64::INFINITY),
            entity,
            slow: false,
            switches: 0,
            from: SimTime::ZERO,
            until: SimTime::ZERO,
        };
        source.begin(streams);
        source
    }

    /// Starts the process in its stationary state.
    fn begin(&mut self, streams: Streams) {
        let (every, lasting) = (self.every.seconds(), self.lasting.seconds());
        let first = streams.uniform(Purpose::Episode, self.entity, 0);
        self.slow = first * (every + lasting) < lasting;
        (self.switches, self.from) = (0, SimTime::ZERO);
        self.until = SimTime::ZERO + self.stay(streams);
    }

    /// The time from the latest switch to the next.
    fn stay(&self, streams: Streams) -> SimSpan {
        let mut rng = streams.rng(Purpose::Episode, self.entity, self.switches + 1);
        let mean = if self.slow { self.lasting } else { self.every };
        // At least a microsecond, so that the path advances.
        SimSpan(((mean.0 as f64 * standard_exponential(&mut rng)) as u64).max(1_000))
    }

    /// The factor at `time`, and the end of the time for which it is valid.
    fn at(&mut self, time: SimTime, streams: Streams) -> (f64, SimTime) {
        if time < self.from {
            self.begin(streams);
        }
        while self.until <= time && self.until < SimTime::MAX {
            self.slow = !self.slow;
            self.switches += 1;
            self.from = self.until;
            self.until = self.from + self.stay(streams);
        }
        (if self.slow { self.factor } else { 1.0 }, self.until)
    }
}

impl DailyLoad {
    fn at(&self, time: SimTime, host: u32) -> (f64, SimTime) {
        let step = self.period.0 / STEPS;
        let number = time.0 / step;
        let day = (number as f64 + 0.5) / STEPS as f64 - self.lag * f64::from(host);
        let factor = 1.0 + self.swing * libm::sin(2.0 * std::f64::consts::PI * day);
        (factor, SimTime((number + 1).saturating_mul(step)))
    }
}

impl Pace {
    /// The end of work that begins at `start` and takes `work` on the ordinary machine.
    pub fn finish(&mut self, start: SimTime, work: SimSpan) -> SimTime {
        let (mut now, mut left) = (start, work.0 as f64);
        loop {
            let (factor, until) = self.at(now);
            let needed = left * factor;
            let stretch = until.since(now).0 as f64;
            if left <= 0.0 || needed <= stretch || until == SimTime::MAX {
                return now + SimSpan(needed.max(0.0).round() as u64);
            }
            left -= stretch / factor;
            now = until;
        }
    }

    fn at(&mut self, time: SimTime) -> (f64, SimTime) {
        let (mut factor, mut until) = match &self.daily {
            Some(daily) => daily.at(time, self.host),
            None => (1.0, SimTime::MAX),
        };
        for source in &mut self.sources {
            let (own, stays) = source.at(time, self.streams);
            factor *= own;
            until = until.min(stays);
        }
        for spell in &self.spells {
            if time < spell.from {
                until = until.min(spell.from);
            } else if time < spell.until {
                factor *= spell.factor;
                until = until.min(spell.until);
            }
        }
        (factor, until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn episodes(factor: Option<f64>) -> PaceConfig {
        let (every, lasting) = (SimSpan(6_000_000_000), SimSpan(2_000_000_000));
        let episodes = vec![Episodes { every, lasting, factor, whose: EpisodeScope::Worker }];
        PaceConfig { episodes, ..PaceConfig::default() }
    }

    fn speed(config: &PaceConfig, steps: u64) -> f64 {
        let mut pace = config.of(3, Streams::new(5)).unwrap();
        let (mut now, work) = (SimTime::ZERO, SimSpan(1_300_000_000));
        for _ in 0..steps {
            now = pace.finish(now, work);
        }
        work.times(steps).seconds() / now.seconds()
    }

    #[test]
    fn the_mean_speed_is_that_of_the_markov_process() {
        let (q01, q10) = (1.0 / 6.0, 1.0 / 2.0);
        for factor in [1.0, 2.0, 5.0] {
            let expected = (q10 + q01 / factor) / (q01 + q10);
            let found = speed(&episodes(Some(factor)), 60_000);
            assert!((found / expected - 1.0).abs() < 0.01, "{factor}: {found} {expected}");
        }
        let found = speed(&episodes(None), 60_000);
        assert!((found / 0.75 - 1.0).abs() < 0.01, "{found}");
    }

    #[test]
    fn a_step_changes_speed_where_it_straddles_a_switch() {
        // In small pieces or at once, the end is the same, except for rounding.
        let config = episodes(Some(3.0));
        let mut pieces = config.of(1, Streams::new(2)).unwrap();
        let mut whole = pieces.clone();
        let mut now = SimTime::ZERO;
        for _ in 0..10_000 {
            now = pieces.finish(now, SimSpan(5_000_000));
        }
        let end = whole.finish(SimTime::ZERO, SimSpan(50_000_000_000));
        assert!(end.0.abs_diff(now.0) < 10_000, "{end} {now}");
    }

    #[test]
    fn the_path_is_the_same_however_it_is_followed() {
        let config = episodes(Some(3.0));
        let mut forth = config.of(1, Streams::new(2)).unwrap();
        let at = |pace: &mut Pace, s: u64| pace.at(SimTime(s * 1_000_000_000));
        let path: Vec<_> = (0..200).map(|s| at(&mut forth, s)).collect();
        let back: Vec<_> = (0..200).rev().map(|s| at(&mut forth, s)).collect();
        assert!(path.iter().eq(back.iter().rev()));
        assert!(path.iter().any(|(factor, _)| *factor == 3.0));
    }

    #[test]
    fn a_host_has_its_episodes_together_and_days_average_out() {
        let mut config = episodes(Some(3.0));
        config.episodes[0].whose = EpisodeScope::Host;
        config.workers_per_host = Some(4);
        let finish = |w| {
            config.of(w, Streams::new(1)).unwrap().finish(SimTime::ZERO, SimSpan(90_000_000_000))
        };
        assert_eq!(finish(4), finish(7));
        assert_ne!(finish(3), finish(4));
        let daily = Some(DailyLoad { swing: 0.5, period: SimSpan(86_400_000_000), lag: 0.0 });
        let config = PaceConfig { daily, ..PaceConfig::default() };
        // The mean of 1 / (1 + a sin) is 1 / sqrt(1 - a^2).
        let found = speed(&config, 20_000);
        assert!((found / (1.0 / 0.75f64.sqrt()) - 1.0).abs() < 0.01, "{found}");
    }

    #[test]
    fn a_scripted_spell_stretches_what_falls_into_it() {
        let second = 1_000_000_000;
        let spell = |from: u64, until: u64, factor| Spell {
            from: SimTime(from * second),
            until: SimTime(until * second),
            factor,
        };
        let spells = vec![spell(2, 4, f64::INFINITY), spell(6, 12, 3.0)];
        let mut pace = PaceConfig::default().of_with(0, spells, Streams::new(1)).unwrap();
        let mut done = |work: u64| pace.finish(SimTime::ZERO, SimSpan(work * second)).0 / second;
        // Two batches at once, a sleep until 4, two until 6, then three time units each until 12.
        assert_eq!([done(1), done(2), done(3), done(5), done(6), done(7)], [1, 2, 5, 9, 12, 13]);
        assert!(PaceConfig::default().of_with(0, Vec::new(), Streams::new(1)).is_none());
    }

    #[test]
    fn without_settings_there_is_no_pace() {
        assert!(PaceConfig::default().of(0, Streams::new(1)).is_none());
    }
}
