//! Where the moving averages of non-trainable parameters are kept, and how they are used when a
//! model is evaluated or saved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one non-trainable block moves.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Moving {
    /// Share of the old value that an update keeps.
    pub keep: f32,
    /// Where it is kept.
    pub home: Home,
    /// For a variance that goes with a mean: the index of the mean's block.
    pub mean: Option<usize>,
}

impl Default for Moving {
    fn default() -> Moving {
        Moving { keep: 0.99, home: Home::Server, mean: None }
    }
}

/// Where a moving average is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Home {
    /// The server: every push moves it, and every pull reads it.
    Server,
    /// Every worker has its own, which no other part reads before it is exported.
    Workers(Export),
}

/// How the workers' own moving averages become one for evaluation and checkpoints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Export {
    /// Those of worker 0, as TensorFlow's chief writes them.
    Chief,
    /// The means over the workers of means and of variances.
    Mean,
    /// The means over the workers; the variances also include the variance of the means between
    /// workers (law of total variance).
    #[default]
    Pooled,
}
