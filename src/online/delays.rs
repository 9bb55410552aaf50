//! How late features and actions reach the joiner, and which of them never do.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::requests::Request;
use crate::base::{Purpose, SimSpan, SimTime, Streams};
use crate::cluster::{LawError, StepTimeChoice, StepTimeLaw};

/// A random delay.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Delay {
    /// Mean delay.
    pub mean: SimSpan,
    /// How it varies. `trace` with `mode = "resample"` draws measured delays from a column of a
    /// file, and needs no mean.
    pub law: StepTimeChoice,
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

/// When the messages of requests come; every answer is a pure function of the request.
#[derive(Clone, Debug)]
pub(super) struct Messages {
    features: (f64, SimSpan, Arc<dyn StepTimeLaw>),
    actions: (f64, f64, SimSpan, Arc<dyn StepTimeLaw>),
    streams: Streams,
}

impl Messages {
    /// The laws of these settings. Files are searched relative to `folder`.
    pub(super) fn new(
        features: &Features,
        actions: &Actions,
        folder: &Path,
        streams: Streams,
    ) -> Result<Messages, LawError> {
        let (late, acts) = (&features.delay, &actions.delay);
        Ok(Messages {
            features: (features.lost, late.mean, late.law.build(folder)?),
            actions: (actions.never, actions.twice, acts.mean, acts.law.build(folder)?),
            streams,
        })
    }

    /// When the joiner gets the features; `None` if they are lost.
    pub(super) fn features(&self, request: Request) -> Option<SimTime> {
        let (lost, mean, law) = &self.features;
        let is_lost = self.streams.uniform(Purpose::Features, 0, request.number) < *lost;
        let draw = self.streams.draw(Purpose::Features, 1, request.number);
        (!is_lost).then(|| request.at + law.time(*mean, draw))
    }

    /// When the action on a positive comes, and when its copy does, if they come.
    pub(super) fn actions(&self, request: Request) -> [Option<SimTime>; 2] {
        let (never, twice, mean, law) = &self.actions;
        let chance = |entity| self.streams.uniform(Purpose::Action, entity, request.number);
        let at = |entity| {
            let draw = self.streams.draw(Purpose::Action, entity, request.number);
            request.at + law.time(*mean, draw)
        };
        let comes = chance(0) >= *never;
        [comes.then(|| at(2)), (comes && chance(1) < *twice).then(|| at(3))]
    }
}
