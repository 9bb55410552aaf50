//! How the rate of requests varies: the time of day, and bursts.
//!
//! The laws are those of a machine's pace ([`crate::cluster::pace`]), read the other way round:
//! where a machine takes `f` times as long for its work, requests come at `1 / f` of their rate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{SimSpan, SimTime, Streams, TimeFactor};
use crate::cluster::delay::Unusable;
use crate::cluster::pace::{DailyLoad, EpisodeScope, Episodes};
use crate::cluster::{Pace, PaceConfig};

/// How the rate of requests varies over time.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestPace {
    /// A rate that follows the time of day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<DailyRequests>,
    /// Times in which requests come faster or slower; their factors multiply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bursts: Vec<Bursts>,
}

/// A rate that follows the time of day: `rate x sqrt(1 - swing^2) / (1 + swing x sin)`, whose mean
/// over a day is `rate`. It is lowest after a quarter of the day, and highest after three quarters.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DailyRequests {
    /// The highest rate is `(1 + swing) / (1 - swing)` times the lowest: three times at 0.5.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub swing: f64,
    /// Length of a day.
    pub period: SimSpan,
}

impl Default for DailyRequests {
    fn default() -> Self {
        DailyRequests { swing: 0.5, period: SimSpan(86_400_000_000_000) }
    }
}

/// Times in which requests come faster or slower, at random moments.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bursts {
    /// Mean time from the end of a burst to the next one.
    pub every: SimSpan,
    /// Mean length of a burst.
    pub lasting: SimSpan,
    /// How many times as many requests come meanwhile; 0 for none at all.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub factor: f64,
}

/// The pace of one run.
#[derive(Clone, Debug)]
pub(super) struct Warp {
    pace: Pace,
    /// Ordinary gaps are stretched by this, so that the mean over a day is kept.
    stretch: TimeFactor,
}

/// Shorter days than these are not followed: all of them between two requests are gone through.
const SHORTEST_DAY: SimSpan = SimSpan(1_000_000_000);

/// Bursts do not come more often, for the same reason.
const SHORTEST_BURST: SimSpan = SimSpan(1_000_000);

/// Requests have the number that no worker has, so that their bursts are not its slow episodes.
const REQUESTS: u32 = u32::MAX;

impl RequestPace {
    /// The path of one run; `None` if the rate never varies.
    pub(super) fn warp(&self, streams: Streams) -> Option<Warp> {
        let episodes = self.bursts.iter().map(|burst| Episodes {
            every: burst.every,
            lasting: burst.lasting,
            factor: (burst.factor > 0.0).then(|| 1.0 / burst.factor),
            whose: EpisodeScope::Worker,
        });
        let daily = self.daily.map(|daily| {
            let DailyRequests { swing, period } = daily;
            DailyLoad { swing, period, lag: 0.0 }
        });
        let stretch = daily.map_or(1.0, |daily| 1.0 / libm::sqrt(1.0 - daily.swing.powi(2)));
        let config = PaceConfig { workers_per_host: None, episodes: episodes.collect(), daily };
        let pace = config.of(REQUESTS, streams)?;
        Some(Warp { pace, stretch: TimeFactor::new(stretch) })
    }

    /// A setting without a meaning, if there is one.
    pub fn unusable(&self) -> Option<Unusable> {
        let (setting, why, help) = match (self.daily, &self.bursts[..]) {
            (Some(daily), _) if !(0.0..1.0).contains(&daily.swing) => {
                let help = "a number from 0 to 0.99: at 1 no request would ever come at night";
                ("daily.swing", "must be below 1", help)
            }
            (Some(daily), _) if daily.period < SHORTEST_DAY => {
                ("daily.period", "is no day", "at least a second, as in period = \"1d\"")
            }
            (_, bursts)
                if bursts.iter().any(|burst| !(0.0..f64::INFINITY).contains(&burst.factor)) =>
            {
                ("bursts", "has a factor below 0", "0 for no requests, 3 for three times as many")
            }
            (_, bursts) if bursts.iter().any(|burst| burst.every < SHORTEST_BURST) => (
                "bursts",
                "come too often",
                "at least a millisecond from one to the next (`every`)",
            ),
            _ => return None,
        };
        Some(Unusable { setting, why, help })
    }
}

impl Warp {
    /// When the next request comes, `gap` of ordinary time after one at `at`.
    pub(super) fn next(&mut self, at: SimTime, gap: SimSpan) -> SimTime {
        self.pace.finish(at, gap * self.stretch)
    }
}
