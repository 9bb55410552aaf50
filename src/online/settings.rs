//! The settings of a live stream.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arrivals::{Arrivals, ArrivalsChoice, Drawn};
use super::columns::StreamError;
use super::delays::{Actions, Features};
use super::joiner::{Join, LateAction};
use super::negatives::{Keep, Negatives};
use super::pace::RequestPace;
use super::queue::{QueueSettings, WhenFull};
use super::requests::Requests;
use crate::base::Streams;
use crate::cluster::StepTimeChoice;
use crate::cluster::delay::Unusable;
use crate::data::DataSource;

/// Training on a live stream: requests come in simulated time, a joiner makes examples of their
/// features and actions, and workers take these as they come. Every example of the window is one
/// request, in the order of the log; the stream ends with the window.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Online {
    /// When requests come.
    pub arrivals: ArrivalsChoice,
    /// How their rate varies.
    pub pace: RequestPace,
    /// The actions on positive examples.
    pub actions: Actions,
    /// The features of requests.
    pub features: Features,
    /// How features are joined with actions.
    pub join: Join,
    /// Which negatives are trained on.
    pub negatives: Negatives,
    /// The queue between the joiner and the workers.
    pub queue: QueueSettings,
}

impl Online {
    /// The laws of its delays, by their keys.
    pub fn laws(&self) -> [(&'static str, &StepTimeChoice); 2] {
        let (actions, features) = (&self.actions.delay.law, &self.features.delay.law);
        [("actions.delay.law", actions), ("features.delay.law", features)]
    }

    /// Whether many actions come after the window of their request, and are dropped: if their mean
    /// delay, where there is one, is half of it or more.
    pub fn mistakes_late_actions(&self) -> bool {
        let delay = &self.actions.delay;
        let has_mean = delay.column.is_none() && delay.law.scales();
        self.join.late == LateAction::Drop
            && has_mean
            && !delay.mean.is_zero()
            && 2.0 * delay.mean.seconds() >= self.join.window.seconds()
    }

    /// Checks the columns that say something of each of these requests.
    ///
    /// # Errors
    /// If the log lacks one, or it does not have what it is asked for.
    pub fn check_columns(
        &self,
        requests: &Requests,
        source: &dyn DataSource,
    ) -> Result<(), StreamError> {
        self.features.delay.own(requests, source, "features.delay.column")?;
        self.actions.delay.own(requests, source, "actions.delay.column")?;
        self.negatives.of(requests, source).map(drop)
    }

    /// How many numbers each request has of its own.
    pub fn own_columns(&self) -> u64 {
        let delays = [&self.actions.delay, &self.features.delay];
        let columns = delays.iter().filter(|delay| delay.column.is_some()).count();
        columns as u64 + u64::from(matches!(self.negatives.keep, Keep::By(_)))
    }

    /// Draws all of these requests ahead.
    pub fn draw_all(&self, requests: &Arc<Requests>, streams: Streams) -> Drawn {
        self.all_arrivals(requests, streams).draw_all()
    }

    /// When requests come.
    pub(super) fn all_arrivals(&self, requests: &Arc<Requests>, streams: Streams) -> Arrivals {
        Arrivals::new(self.arrivals.build(requests), &self.pace, requests.len(), streams)
    }

    /// The settings with which the stream would not do what it says, for steps of `batch` examples:
    /// the table that holds each, and what is wrong with it.
    pub fn unusable(&self, batch: u64) -> Vec<(&'static str, Unusable)> {
        let mut found = Vec::new();
        found.extend(self.arrivals.unusable().map(|wrong| ("arrivals", wrong)));
        found.extend(self.negatives.unusable().map(|wrong| ("negatives", wrong)));
        found.extend(self.pace.unusable().map(|wrong| ("pace", wrong)));
        let shares = [
            ("actions", "never", self.actions.never),
            ("actions", "twice", self.actions.twice),
            ("features", "lost", self.features.lost),
        ];
        for (table, setting, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                let (why, help) = ("must be a share", "a number from 0 to 1");
                found.push((table, Unusable { setting, why, help }));
            }
        }
        if self.queue.limit.is_some_and(|limit| limit < batch) {
            let why = match self.queue.full {
                WhenFull::Block => {
                    "holds less than a step, so that joiner and workers wait for each other"
                }
                WhenFull::DropOldest | WhenFull::DropNewest => {
                    "holds less than a step, so that workers wait for ever"
                }
            };
            let help = "at least the examples of one step";
            found.push(("queue", Unusable { setting: "limit", why, help }));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Online {
        toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
    }

    const ALL: &str = r#"
        arrivals = { kind = "poisson", rate = 2000.0 }
        pace = { daily.swing = 0.4, bursts = [{ every = "1h", lasting = "5min", factor = 4.0 }] }
        actions = { delay = { mean = "10min", law = { kind = "lognormal", sigma = 1.5 } }, never = 0.1, twice = 0.02 }
        features = { delay = { mean = "2s", law = { kind = "exponential" } }, lost = 0.001 }
        join = { window = "1h", memory = 1_000_000, memory_time = "10min", disk = "20ms", late = "correct" }
        negatives = { keep = 0.1, correct = "serving" }
        queue = { limit = 100_000, full = "drop_oldest" }
    "#;

    #[test]
    fn settings_read_back_as_they_were_written() {
        for online in [read(ALL), Online::default()] {
            let text = toml::to_string(&online).unwrap();
            assert_eq!(read(&text), online, "{text}");
            assert_eq!(online.unusable(32), []);
        }
        assert!(toml::from_str::<Online>("joins = 1").is_err());
    }

    #[test]
    fn what_cannot_work_is_named_by_its_place() {
        let cases = [
            ("arrivals = { kind = \"even\", rate = -1.0 }", "arrivals", "rate"),
            ("negatives = { keep = 0.0 }", "negatives", "keep"),
            ("pace.daily.period = \"0s\"", "pace", "daily.period"),
            (
                "pace.bursts = [{ every = \"1s\", lasting = \"1s\", factor = -2.0 }]",
                "pace",
                "bursts",
            ),
            ("actions.never = 1.5", "actions", "never"),
            ("actions.twice = -0.5", "actions", "twice"),
            ("features.lost = 2.0", "features", "lost"),
            ("queue.limit = 31", "queue", "limit"),
            ("queue = { limit = 31, full = \"drop_newest\" }", "queue", "limit"),
        ];
        for (text, table, setting) in cases {
            let found = read(text).unusable(32);
            let [(place, wrong)] = found[..] else { panic!("{text}: {found:?}") };
            assert_eq!((place, wrong.setting), (table, setting), "{text}");
        }
    }
}
