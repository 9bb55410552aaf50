//! The registry of models.

use super::{ModelConfig, ModelError, din, logistic, mlp};

crate::registry! {
    /// Which network is trained.
    pub enum ModelChoice: ModelConfig {
        /// Logistic regression: one weight per id, one per numeric column, and a bias.
        "logistic" => Logistic(logistic::Config),
        /// Embeddings of all fields side by side, then fully connected layers.
        "mlp" => Mlp(mlp::Config),
        /// Deep Interest Network: attention of the candidate over the user's history (Zhou et al. 2017).
        "din" => Din(din::Config),
    }
}

impl Default for ModelChoice {
    fn default() -> ModelChoice {
        ModelChoice::Din(din::Config::default())
    }
}

/// Checks numbers of units; returns them.
pub(super) fn widths<'a>(key: &'static str, given: &'a [usize]) -> Result<&'a [usize], ModelError> {
    let most = if key == "embedding_dim" { 4096 } else { 65_536 };
    match given.iter().find(|&&width| width == 0 || width > most) {
        Some(&given) => Err(ModelError::WidthOutOfRange { key, given, most }),
        None => Ok(given),
    }
}

/// Checks a strength or a deviation; returns it.
pub(super) fn non_negative(key: &'static str, given: f64) -> Result<f64, ModelError> {
    if given.is_finite() && given >= 0.0 {
        Ok(given)
    } else {
        Err(ModelError::NotANonNegativeNumber { key, given: given.to_string() })
    }
}
