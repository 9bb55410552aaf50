//! First values of dense layers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::params::Init;

/// How the weights of a linear layer with `n` inputs and `m` outputs begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DenseInit {
    /// Weights and biases uniform within `1 / sqrt(n)`: what PyTorch's `Linear` does by default.
    #[default]
    Pytorch,
    /// Weights uniform within `sqrt(6 / (n + m))`, biases zero (Glorot & Bengio 2010).
    Glorot,
    /// Weights uniform within `sqrt(6 / n)`, biases zero (He et al. 2015).
    He,
    /// Weights normal with variance `1 / n`, biases zero (LeCun et al. 1998).
    Lecun,
}

impl DenseInit {
    /// First values of the weights.
    pub fn weight(self, inputs: usize, outputs: usize) -> Init {
        let (n, m) = (inputs as f64, outputs as f64);
        match self {
            DenseInit::Pytorch => Init::Uniform(1.0 / n.sqrt()),
            DenseInit::Glorot => Init::Uniform((6.0 / (n + m)).sqrt()),
            DenseInit::He => Init::Uniform((6.0 / n).sqrt()),
            DenseInit::Lecun => Init::Normal(1.0 / n.sqrt()),
        }
    }

    /// First values of the bias.
    pub fn bias(self, inputs: usize) -> Init {
        match self {
            DenseInit::Pytorch => Init::Uniform(1.0 / (inputs as f64).sqrt()),
            DenseInit::Glorot | DenseInit::He | DenseInit::Lecun => Init::Constant(0.0),
        }
    }
}
