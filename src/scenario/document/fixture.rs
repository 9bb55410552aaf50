//! A small typed document in the shape of a real scenario, for the tests of this folder.
#![allow(unreachable_pub, dead_code, reason = "what `registry!` declares is public")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Bandwidth, ByteSize, SimSpan};

/// The parts that a section chooses from.
pub mod parts {
    use super::*;

    /// Plain gradient descent.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    pub struct Sgd {
        /// Step size.
        #[schemars(range(min = 0.0))]
        pub lr: f32,
    }

    impl Default for Sgd {
        fn default() -> Self {
            Sgd { lr: 0.1 }
        }
    }

    /// Moments move only for rows that got a gradient.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    pub struct LazyAdam {
        /// Step size.
        #[schemars(range(min = 0.0))]
        pub lr: f32,
        /// Decay of the first moment.
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
        pub beta1: f64,
        /// Decay of the second moment.
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
        pub beta2: f64,
    }

    impl Default for LazyAdam {
        fn default() -> Self {
            LazyAdam { lr: 5e-4, beta1: 0.9, beta2: 0.999 }
        }
    }

    /// No randomness at all.
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    pub struct Constant {}

    /// A log-normal multiplier with mean one.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    pub struct Lognormal {
        /// Standard deviation of the logarithm.
        #[schemars(range(min = 0.0, max = 10.0))]
        pub sigma: f64,
    }

    impl Default for Lognormal {
        fn default() -> Self {
            Lognormal { sigma: 0.3 }
        }
    }

    /// A heavy tail.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Pareto {
        /// Tail index: the smaller, the heavier.
        #[schemars(extend("exclusiveMinimum" = 1.0))]
        pub shape: f64,
    }
}

crate::registry! {
    /// How a group of parameters is updated.
    pub enum OptimizerChoice: std::fmt::Debug {
        /// Plain gradient descent.
        "sgd" => Sgd(parts::Sgd),
        /// Adam whose moments move only for rows that got a gradient.
        "lazy_adam" | "lazy" => LazyAdam(parts::LazyAdam),
    }
}

crate::registry! {
    /// A random multiplier of a duration.
    pub enum JitterChoice: std::fmt::Debug {
        /// Always one.
        "constant" | "none" => Constant(parts::Constant),
        /// Log-normal with mean one.
        "lognormal" => Lognormal(parts::Lognormal),
        /// A heavy tail.
        "pareto" => Pareto(parts::Pareto),
    }
}

impl Default for OptimizerChoice {
    fn default() -> Self {
        OptimizerChoice::LazyAdam(parts::LazyAdam::default())
    }
}

impl Default for JitterChoice {
    fn default() -> Self {
        JitterChoice::Lognormal(parts::Lognormal { sigma: 0.15 })
    }
}

/// What a run is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Doc {
    /// What it is called and asks.
    pub scenario: About,
    /// How parameters are updated.
    pub optimizer: OptimizerChoice,
    /// The machines.
    pub cluster: Cluster,
    /// Training periods, in order.
    pub stage: Vec<Stage>,
    /// When to stop.
    pub limits: Limits,
}

/// Name and question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct About {
    /// Used in paths.
    pub name: String,
    /// Root of every random draw.
    pub seed: u64,
    /// What the run should answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
}

impl Default for About {
    fn default() -> Self {
        About { name: "untitled".into(), seed: 1, question: None }
    }
}

/// Who waits for whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nobody waits.
    #[default]
    Async,
    /// Everybody waits for the slowest.
    Sync,
    /// Nobody runs ahead too far.
    Ssp,
}

/// The machines and what connects them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cluster {
    /// Who waits for whom.
    pub mode: Mode,
    /// Number of workers.
    #[schemars(range(min = 1, max = 100_000))]
    pub workers: usize,
    /// Time of one batch.
    pub compute: Compute,
    /// Kinds of machines; shares add up to one.
    #[schemars(length(min = 1))]
    pub class: Vec<Class>,
    /// What lies between workers and servers.
    pub network: Network,
}

impl Default for Cluster {
    fn default() -> Self {
        Cluster {
            mode: Mode::Async,
            workers: 30,
            compute: Compute::default(),
            class: vec![Class::default()],
            network: Network::default(),
        }
    }
}

/// Time of one batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Compute {
    /// Time that every batch takes.
    pub fixed: SimSpan,
    /// Time per example.
    pub median: SimSpan,
    /// Randomness of the time.
    pub jitter: JitterChoice,
}

impl Default for Compute {
    fn default() -> Self {
        Compute {
            fixed: SimSpan(4_000_000),
            median: SimSpan(80_000_000),
            jitter: JitterChoice::default(),
        }
    }
}

/// One kind of machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Class {
    /// How overrides and results call it.
    pub name: String,
    /// Its part of the workers.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
    /// Factor on the time of a batch.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub slowdown: f64,
    /// Replaces the jitter of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<JitterChoice>,
}

impl Default for Class {
    fn default() -> Self {
        Class { name: "all".into(), share: 1.0, slowdown: 1.0, jitter: None }
    }
}

/// What lies between workers and servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// One way.
    pub latency: SimSpan,
    /// Of each link.
    pub bandwidth: Bandwidth,
}

impl Default for Network {
    fn default() -> Self {
        Network { latency: SimSpan(300_000), bandwidth: Bandwidth(10_000_000_000) }
    }
}

/// One training period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// How later stages call it.
    pub name: String,
    /// Days trained on, such as `"1..30"`.
    #[schemars(length(min = 1))]
    pub days: Vec<String>,
    /// Layers made new at the start.
    #[serde(default)]
    pub reinit: Vec<String>,
    /// Passes over the window.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub epochs: u32,
}

fn one() -> u32 {
    1
}

/// When to stop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Memory that may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
    /// Whether estimates above the limits only warn.
    pub force: bool,
}
