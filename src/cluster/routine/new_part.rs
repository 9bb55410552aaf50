//! Local work for tests only: steps at a rate of one, from the view or on a replica.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LocalConfig, LocalPlan, LocalSteps};

/// Where the steps start.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// On a replica.
    pub replica: bool,
}

impl LocalConfig for Config {
    fn plan(&self) -> LocalPlan {
        let steps = LocalSteps { learning_rate: 1.0, momentum: 0.0 };
        if self.replica {
            LocalPlan::Replica { steps, alpha: 0.5 }
        } else {
            LocalPlan::Steps(steps)
        }
    }
}
