//! What a worker does in a step besides the plain pull, gradient, push: several batches to a pull,
//! local steps, a replica of its own, dense parameters pulled or pushed only now and then.

use crate::base::{SimSpan, Streams, WorkerId};
use crate::cluster::Machine;

/// The routine of all workers. The default is the plain one: a pull, one batch, a push.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Routine {
    /// Batches to a step. Their rows are pulled together; each batch takes its own compute time.
    pub batches: u32,
    /// What the worker makes of them.
    pub local: Local,
    /// Dense parameters are pulled in every so many steps, if they lie on shards of their own
    /// (`n_fetch` of Downpour). In between the worker keeps those that it has.
    pub pull_every: u64,
    /// Gradients of dense parameters are pushed in every so many steps, if they lie on shards of
    /// their own (`n_push` of Downpour). In between the worker adds them up.
    pub push_every: u64,
}

/// What a worker makes of the batches of a step.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Local {
    /// The mean of their gradients, all on the view that was pulled.
    #[default]
    Gradient,
    /// Local steps from the view, one per batch; it pushes minus the distance gone. A server whose
    /// rule is plain descent with rate 1 adds up distances (GEO), or their mean under a barrier
    /// (local SGD).
    Steps(LocalRule),
    /// Local steps on a replica of its own, before it pulls; then replica and server are drawn
    /// together by `alpha` times their difference (EASGD, Zhang et al. 2015; with momentum
    /// EAMSGD). The server's rule has to be plain descent with rate 1.
    Elastic {
        /// The local steps.
        rule: LocalRule,
        /// Share of the difference that both sides move; the paper's beta / N.
        alpha: f32,
    },
}

/// How a worker updates what it holds: gradient descent, with Nesterov's momentum on the dense
/// group.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LocalRule {
    /// Learning rate.
    pub rate: f32,
    /// Momentum of the dense group.
    pub momentum: f32,
}

impl Default for Routine {
    fn default() -> Routine {
        Routine { batches: 1, local: Local::Gradient, pull_every: 1, push_every: 1 }
    }
}

impl Routine {
    /// Whether it is the plain routine: the gradient of one batch, pushed as it is.
    pub fn is_plain(&self) -> bool {
        self.batches == 1 && self.local == Local::Gradient && self.push_every == 1
    }

    /// Whether something of the worker's outlives the step.
    pub fn keeps(&self) -> bool {
        self.push_every > 1 || matches!(self.local, Local::Elastic { .. })
    }

    /// Whether the worker computes before it asks to pull.
    pub fn computes_first(&self) -> bool {
        matches!(self.local, Local::Elastic { .. })
    }

    /// Whether dense parameters on shards of their own are pulled in the worker's step `step`.
    pub fn pulls(&self, step: u64) -> bool {
        step.is_multiple_of(self.pull_every.max(1))
    }

    /// Whether their gradients are pushed in the worker's step `step`.
    pub fn pushes(&self, step: u64) -> bool {
        (step + 1).is_multiple_of(self.push_every.max(1))
    }

    /// Compute time of the worker's step `step`, a batch of which takes `base` on the mean.
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
