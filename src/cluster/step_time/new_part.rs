//! A law for tests only: every step takes a second.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LawError, StepTimeConfig, StepTimeLaw};
use crate::base::{Draw, SimSpan};

/// It has no settings.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl StepTimeConfig for Config {
    fn build(&self, _: &Path) -> Result<Arc<dyn StepTimeLaw>, LawError> {
        Ok(Arc::new(*self))
    }

    fn scales(&self) -> bool {
        false
    }
}

impl StepTimeLaw for Config {
    fn time(&self, _: SimSpan, _: Draw) -> SimSpan {
        SimSpan(1_000_000_000)
    }
}
