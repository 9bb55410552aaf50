//! Presets: the semantics of real systems under their names.
//!
//! A preset is a bundle of settings in a file beside this one, with the evidence for each in its
//! comments. `preset = "xdl"` at the top of a scenario lays it under all settings of the scenario:
//! defaults < preset < files < sweep < command line. It is only a shorthand: the resolved scenario
//! holds the settings, not the name (that is in `run-info.json`). `straggler check --show` tells
//! where each setting comes from.
//!
//! To add one, write `name.toml` here and one line below.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::registry::Part;

/// Declares the presets: a line of documentation and a name each. The file has the name of the
/// preset.
macro_rules! presets {
    ($( #[doc = $summary:literal] $name:literal => $variant:ident, )+) => {
        /// A named bundle of the settings of a real system.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
        pub enum Preset {
            $(
                #[doc = $summary]
                #[serde(rename = $name)]
                #[schemars(extend("x-settings" = include_str!(concat!($name, ".toml"))))]
                $variant,
            )+
        }

        impl Preset {
            /// Every preset, in the order of registration.
            pub const PARTS: &'static [Part] =
                &[ $( Part { name: $name, aliases: &[], summary: $summary }, )+ ];

            /// The name, as in a scenario file.
            pub fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )+
                }
            }
        }
    };
}

presets! {
    /// TensorFlow 1.x parameter servers through its Estimator, asynchronous, with its own Adam.
    "tensorflow-ps" => TensorflowPs,
    /// The same with SyncReplicasOptimizer: rounds by tokens, which are not strictly synchronous.
    "tensorflow-sync" => TensorflowSync,
    /// XDL (Alibaba), asynchronous: blocks balanced over servers, Adam's powers per variable (partly reconstructed).
    "xdl" => Xdl,
    /// Monolith (ByteDance): logarithmic slow start, rows by hash, Adam's powers per row.
    "monolith" => Monolith,
    /// DeepRec (Alibaba): TensorFlow's parameter servers with AdamAsync.
    "deeprec" => Deeprec,
    /// ElasticDL in its asynchronous mode: tasks from one queue, a lost task is given out again (partly reconstructed).
    "elasticdl" => Elasticdl,
    /// Persia: synchronous dense parameters beside asynchronous embeddings (reconstructed).
    "persia" => Persia,
    /// Paddle's GEO mode: many local steps, then the difference is pushed (reconstructed).
    "paddle-geo" => PaddleGeo,
    /// Monolith's serving copy: rows each minute, dense parameters every half hour; needs `[online]`.
    "monolith-online" => MonolithOnline,
    /// A model server that loads a whole exported model every hour; needs `[online]`.
    "tf-serving-hourly" => TfServingHourly,
    /// TorchEasyRec's online export of dense parameters each minute; needs `[online]`.
    "torcheasyrec-export" => TorcheasyrecExport,
}

#[cfg(test)]
mod tests;
