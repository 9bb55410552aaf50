//! The work of a worker in a step, besides the plain pull, gradient and push: several batches per
//! pull, local steps, a private replica, dense parameters pulled or pushed only in some steps.

#[cfg(test)]
mod new_part;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Machine;
use crate::base::{SimSpan, Streams, WorkerId};

/// The routine of all workers. The default is the plain one: a pull, one batch, a push.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Routine {
    /// Batches per step. Their rows are pulled together; each batch takes its own compute time.
    #[schemars(range(min = 1, max = 10_000))]
    pub batches: u32,
    /// How the worker uses them.
    pub local: Local,
    /// Every this many steps, dense parameters are pulled, if they are on shards of their own
    /// (`cluster.dense_shards`). In between the worker continues with the ones that it has:
    /// `n_fetch` of Downpour (Dean et al. 2012).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub pull_every: u64,
    /// Every this many steps, gradients of dense parameters are pushed, if the parameters are on
    /// shards of their own. In between the worker adds them up: `n_push` of Downpour.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub push_every: u64,
    /// Whether a worker pulls for its next step while it computes the current one: this hides the
    /// time of the pull, and gradients are one step older. For protocols in which no worker waits.
    #[serde(skip_serializing_if = "is_false")]
    #[schemars(extend("x-default" = Routine::default().prefetch))]
    pub prefetch: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The gradient on the pulled view; it has no settings.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Gradient")]
pub struct PlainGradient {}

/// Gradient descent by the worker itself, one step per batch, with Nesterov's momentum on the dense
/// group.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LocalSteps {
    /// Learning rate.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Momentum of the dense group.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
}

impl Default for LocalSteps {
    fn default() -> LocalSteps {
        LocalSteps { learning_rate: 0.1, momentum: 0.0 }
    }
}

/// Local steps on a replica that the worker keeps.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Elastic {
    /// Learning rate of the local steps.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Momentum of the dense group: EAMSGD.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// Share of the difference by which both sides move: beta / N with beta = 0.9 in the paper.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub alpha: f64,
}

impl Default for Elastic {
    fn default() -> Elastic {
        Elastic { learning_rate: 0.1, momentum: 0.0, alpha: 0.1 }
    }
}

crate::registry! {
    /// How a worker uses the batches of a step, and what it pushes.
    pub enum Local: LocalConfig {
        /// The mean of their gradients, all on the pulled view.
        "gradient" => Gradient(PlainGradient),
        /// Local steps from the view; minus the distance covered is pushed (local SGD, GEO).
        "local_steps" => Steps(LocalSteps),
        /// Local steps on a replica; it and the server's parameters attract each other (EASGD).
        "elastic" => Elastic(Elastic),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

/// The configuration of a worker's use of its batches.
pub trait LocalConfig {
    /// The plan for the batches of a step.
    fn plan(&self) -> LocalPlan;
}

/// How a worker uses the batches of a step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum LocalPlan {
    /// It pushes the mean of their gradients on the view.
    Gradient,
    /// It makes local steps from the view, and pushes minus the distance covered.
    Steps(LocalSteps),
    /// It makes local steps on a replica that it keeps, and pushes a share of the distance between
    /// the replica and the view; the replica moves by the same amount.
    Replica {
        /// The local steps.
        steps: LocalSteps,
        /// The share.
        alpha: f64,
    },
}

impl LocalPlan {
    /// Whether differences of weights are pushed instead of gradients.
    pub fn pushes_differences(&self) -> bool {
        *self != LocalPlan::Gradient
    }

    /// Whether the worker keeps a replica.
    pub fn keeps_replica(&self) -> bool {
        matches!(self, LocalPlan::Replica { .. })
    }
}

impl LocalConfig for PlainGradient {
    fn plan(&self) -> LocalPlan {
        LocalPlan::Gradient
    }
}

impl LocalConfig for LocalSteps {
    fn plan(&self) -> LocalPlan {
        LocalPlan::Steps(*self)
    }
}

impl LocalConfig for Elastic {
    fn plan(&self) -> LocalPlan {
        let Elastic { learning_rate, momentum, alpha } = *self;
        LocalPlan::Replica { steps: LocalSteps { learning_rate, momentum }, alpha }
    }
}

impl Default for Local {
    fn default() -> Local {
        Local::Gradient(PlainGradient {})
    }
}

impl Default for Routine {
    fn default() -> Routine {
        Routine {
            batches: 1,
            local: Local::default(),
            pull_every: 1,
            push_every: 1,
            prefetch: false,
        }
    }
}

impl Routine {
    /// Whether it is the plain routine: the gradient of one batch, pushed unchanged.
    pub fn is_plain(&self) -> bool {
        self.batches == 1 && !self.local.plan().pushes_differences() && self.push_every == 1
    }

    /// Whether the worker keeps state after the step.
    pub fn keeps(&self) -> bool {
        self.push_every > 1 || self.local.plan().keeps_replica()
    }

    /// Whether the worker computes before it asks to pull.
    pub fn computes_first(&self) -> bool {
        self.local.plan().keeps_replica()
    }

    /// Whether dense parameters on shards of their own are pulled in the worker's step `step`.
    pub fn pulls(&self, step: u64) -> bool {
        step.is_multiple_of(self.pull_every.max(1))
    }

    /// Whether their gradients are pushed in the worker's step `step`.
    pub fn pushes(&self, step: u64) -> bool {
        (step + 1).is_multiple_of(self.push_every.max(1))
    }

    /// Compute time of the worker's step `step`; a batch takes `base` on average.
    pub fn time(
        &self,
        machine: &Machine,
        base: SimSpan,
        (worker, step): (WorkerId, u64),
        streams: Streams,
    ) -> SimSpan {
        let batches = u64::from(self.batches.max(1));
        let batch = |i: u64| machine.time(base, worker, step * batches + i, streams);
        (0..batches).map(batch).fold(SimSpan::ZERO, |sum, span| sum + span)
    }
}
