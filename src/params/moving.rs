//! Where the moving averages of non-trainable parameters are kept, and what becomes of them when a
//! model is evaluated or saved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one non-trainable block moves.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Moving {
    /// Share of the old value that is kept at an update.
    pub keep: f32,
    /// Who keeps it.
    pub home: Home,
    /// For a variance that goes with a mean: the index of the mean's block.
    pub mean: Option<usize>,
}

impl Default for Moving {
    fn default() -> Moving {
        Moving { keep: 0.99, home: Home::Server, mean: None }
    }
}

/// Who keeps a moving average.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Home {
    /// The server: every push moves it, and every pull reads it.
    Server,
    /// Every worker its own, which nobody else sees before it is exported.
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
    /// The means over the workers, and to the variances is added that of the means between
    /// workers: the law of total variance.
    #[default]
    Pooled,
}
