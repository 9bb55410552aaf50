//! A part for tests only: a source with a small generated log.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OpenContext, SourceConfig};
use crate::data::{DataError, DataSource, Synthetic, synthetic};

/// The size of the log.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Examples per day.
    pub rows: u64,
}

impl SourceConfig for Config {
    fn draws(&self) -> bool {
        false
    }

    fn open(&self, context: &OpenContext<'_>) -> Result<Arc<dyn DataSource>, DataError> {
        if self.rows == 0 {
            return Err(DataError::Setting { key: "rows", problem: "there are none".into() });
        }
        let config = synthetic::Config {
            days: 2,
            rows_per_day: self.rows,
            users: 50,
            items: 60,
            ..synthetic::Config::default()
        };
        Ok(Arc::new(Synthetic::new(&config, context.streams)?))
    }
}
