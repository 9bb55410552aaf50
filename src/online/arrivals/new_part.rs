//! Arrivals for tests only: all at once.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ArrivalLaw, ArrivalsConfig};
use crate::base::{SimSpan, Streams};
use crate::cluster::delay::Unusable;
use crate::online::Requests;

/// When they come.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// When all of them come.
    pub at: SimSpan,
}

impl ArrivalsConfig for Config {
    fn build(&self, _: &Arc<Requests>) -> Arc<dyn ArrivalLaw> {
        Arc::new(*self)
    }

    fn unusable(&self) -> Option<Unusable> {
        None
    }
}

impl ArrivalLaw for Config {
    fn gap(&self, request: u64, _: Streams) -> SimSpan {
        if request == 0 { self.at } else { SimSpan::ZERO }
    }
}
