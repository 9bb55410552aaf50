//! A part for tests only: a normalization that cannot be built.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ModelError, MomentsRule, NormalizationConfig};

/// This part has no settings.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl NormalizationConfig for Config {
    fn rule(&self) -> Result<Option<MomentsRule>, ModelError> {
        Err(ModelError::NotANonNegativeNumber { key: "normalization", given: "new".into() })
    }
}
