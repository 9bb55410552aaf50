//! How late features and actions reach the joiner, and which of them never do.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{StreamError, numbers};
use super::requests::{Request, Requests};
use crate::base::{Draw, Purpose, SimSpan, SimTime, Streams};
use crate::cluster::{StepTimeChoice, StepTimeLaw};
use crate::data::DataSource;

/// A random delay.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Delay {
    /// Mean delay.
    pub mean: SimSpan,
    /// How it varies. `trace` with `mode = "resample"` draws measured delays from a column of a
    /// file, and needs no mean.
    pub law: StepTimeChoice,
    /// Name of a column of `data.extra` with the seconds of each request, instead of a mean and a
    /// law. Where its cell is empty, nothing comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

impl Delay {
    /// The seconds of each of these requests, if a column has them; NaN where nothing comes. `key`
    /// names that column.
    pub(super) fn own(
        &self,
        requests: &Requests,
        source: &dyn DataSource,
        key: &'static str,
    ) -> Result<Option<Arc<[f64]>>, StreamError> {
        let what = "seconds, 0 or more, or an empty cell";
        let read = |name: &String| numbers(requests, source, name, &(0.0..=f64::MAX), what);
        let own = self.column.as_ref().map(read).transpose();
        own.map_err(|error| StreamError::Column { key, error })
    }
}

/// The actions on positive examples. Negative ones have none.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Actions {
    /// Time from a request to its action.
    pub delay: Delay,
    /// Share of the positives whose action never comes.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub never: f64,
    /// Share of the actions that are sent twice, each with a delay of its own.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub twice: f64,
}

/// The features of requests.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Features {
    /// Time from a request until the joiner has its features. They may come after the action.
    pub delay: Delay,
    /// Share of the requests whose features never come.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lost: f64,
}

/// How late the messages of one kind are.
#[derive(Clone, Debug)]
struct Lateness {
    mean: SimSpan,
    law: Arc<dyn StepTimeLaw>,
    /// By request, in seconds.
    own: Option<Arc<[f64]>>,
}

impl Lateness {
    /// When the message of a request comes, if it does. Not all laws use the draw.
    fn at(&self, request: Request, draw: Draw) -> Option<SimTime> {
        let Some(own) = &self.own else { return Some(request.at + self.law.time(self.mean, draw)) };
        let seconds = own[request.number as usize];
        (!seconds.is_nan()).then(|| request.at + SimSpan::from_seconds(seconds))
    }
}

/// When the messages of requests come; every answer is a pure function of the request.
#[derive(Clone, Debug)]
pub(super) struct Messages {
    lost: f64,
    features: Lateness,
    never: f64,
    twice: f64,
    actions: Lateness,
    streams: Streams,
}

impl Messages {
    /// The laws of these settings, for these requests of a log. Files are searched relative to
    /// `folder`.
    pub(super) fn new(
        features: &Features,
        actions: &Actions,
        (requests, source): (&Requests, &dyn DataSource),
        folder: &Path,
        streams: Streams,
    ) -> Result<Messages, StreamError> {
        let lateness = |delay: &Delay, key| {
            Ok::<Lateness, StreamError>(Lateness {
                mean: delay.mean,
                law: delay.law.build(folder)?,
                own: delay.own(requests, source, key)?,
            })
        };
        Ok(Messages {
            lost: features.lost,
            features: lateness(&features.delay, "features.delay.column")?,
            never: actions.never,
            twice: actions.twice,
            actions: lateness(&actions.delay, "actions.delay.column")?,
            streams,
        })
    }

    /// When the joiner gets the features; `None` if they are lost.
    pub(super) fn features(&self, request: Request) -> Option<SimTime> {
        let is_lost = self.streams.uniform(Purpose::Features, 0, request.number) < self.lost;
        let draw = self.streams.draw(Purpose::Features, 1, request.number);
        self.features.at(request, draw).filter(|_| !is_lost)
    }

    /// When the action on a positive comes, and when its copy does, if they come.
    pub(super) fn actions(&self, request: Request) -> [Option<SimTime>; 2] {
        let chance = |entity| self.streams.uniform(Purpose::Action, entity, request.number);
        let at = |entity| {
            let draw = self.streams.draw(Purpose::Action, entity, request.number);
            self.actions.at(request, draw)
        };
        let action = at(2).filter(|_| chance(0) >= self.never);
        let copy = action.filter(|_| chance(1) < self.twice).and_then(|_| at(3));
        [action, copy]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Log;

    const SECOND: u64 = 1_000_000_000;

    fn messages(features: &str, actions: &str, folder: &Path) -> Messages {
        let (features, actions) = (toml::from_str(features), toml::from_str(actions));
        let (features, actions) = (features.unwrap(), actions.unwrap());
        let (requests, log) = (Requests::new(Vec::new()), Log::default());
        let log: (&Requests, &dyn DataSource) = (&requests, &log);
        Messages::new(&features, &actions, log, folder, Streams::new(9)).unwrap()
    }

    fn request(number: u64) -> Request {
        Request { number, at: SimTime(number * SECOND) }
    }

    #[test]
    fn messages_have_their_shares_and_mean_delays() {
        let delay = |mean| format!("delay = {{ mean = \"{mean}s\", law.kind = \"exponential\" }}");
        let features = format!("lost = 0.2\n{}", delay(3));
        let actions = format!("never = 0.3\ntwice = 0.4\n{}", delay(60));
        let messages = messages(&features, &actions, Path::new("."));
        let n = 20_000;
        let mut seconds = [const { Vec::new() }; 3];
        for request in (0..n).map(request) {
            let [action, copy] = messages.actions(request);
            assert!(copy.is_none() || action.is_some());
            let all = [messages.features(request), action, copy];
            for (at, list) in all.into_iter().zip(&mut seconds) {
                list.extend(at.map(|at| at.since(request.at).seconds()));
            }
        }
        let expected = [(0.8, 3.0), (0.7, 60.0), (0.28, 60.0)];
        for (list, (share, mean)) in seconds.iter().zip(expected) {
            let (found, count) = (list.len() as f64 / n as f64, list.len() as f64);
            assert!((found - share).abs() < 4.0 * (0.25 / n as f64).sqrt(), "{share}: {found}");
            let found = list.iter().sum::<f64>() / count;
            assert!((found / mean - 1.0).abs() < 4.0 / count.sqrt(), "{mean}: {found}");
        }
        // An action and its copy have delays of their own.
        assert_ne!(seconds[1][..5], seconds[2][..5]);
    }

    #[test]
    fn delays_may_be_measured_ones() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.csv"), "delay\n5\n700\n").unwrap();
        let law = r#"{ kind = "trace", file = "log.csv", seconds = "delay", mode = "resample" }"#;
        let messages = messages("", &format!("delay.law = {law}"), folder.path());
        let delays: Vec<f64> = (0..1000)
            .filter_map(|number| messages.actions(request(number))[0])
            .zip((0..).map(request))
            .map(|(at, request)| at.since(request.at).seconds())
            .collect();
        let short = delays.iter().filter(|delay| **delay == 5.0).count();
        let long = delays.iter().filter(|delay| **delay == 700.0).count();
        assert_eq!((short + long, delays.len()), (1000, 1000));
        assert!((400..600).contains(&short), "{short}");
    }

    #[test]
    fn without_settings_everything_comes_at_once() {
        let messages = messages("", "", Path::new("."));
        let (request, at) = (request(3), SimTime(3 * SECOND));
        assert_eq!(messages.features(request), Some(at));
        assert_eq!(messages.actions(request), [Some(at), None]);
    }
}
