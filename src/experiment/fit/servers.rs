//! What a fit finds out about the servers, and the cluster that has them.

use super::{rounded, span};
use crate::cluster::step_time::gamma;
use crate::cluster::{Discipline, StepTimeChoice};
use crate::scenario::spec::Cluster;

/// The servers of a job: all that does not depend on the number and the speed of its workers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Servers {
    /// Cores of the processor that all requests share.
    pub cores: f64,
    /// Seconds of work for a push.
    pub push: f64,
    /// Seconds of work for a pull.
    pub pull: f64,
    /// Seconds of a push that do not depend on other workers (latency, a client's own work).
    pub own_push: f64,
    /// The same from the end of a push to the end of the next pull.
    pub own_pull: f64,
    /// How much more of the processor a push gets than a pull.
    pub weight: f64,
    /// Variation of the times of service (standard deviation over mean).
    pub variation: f64,
}

impl Servers {
    /// The same servers, slower by a factor.
    pub fn slower(mut self, factor: f64) -> Servers {
        let times = [&mut self.push, &mut self.pull, &mut self.own_push, &mut self.own_pull];
        times.into_iter().for_each(|time| *time *= factor);
        self
    }

    /// The cluster `bare` with these servers.
    pub fn of(&self, bare: &Cluster) -> Cluster {
        let mut cluster = bare.clone();
        let law = StepTimeChoice::Gamma(gamma::Config { variation: rounded(self.variation) });
        let (push, pull) = (span(self.push), span(self.pull));
        let server = &mut cluster.server;
        (server.push_fixed, server.pull_fixed) = (push, pull);
        if !(push.is_zero() && pull.is_zero()) {
            server.law = Some(law.clone());
            server.discipline = Discipline::ProcessorSharing;
            server.push_weight = rounded(self.weight);
            server.cores = rounded(self.cores);
        }
        // Two messages carry a push and its answer, and two carry a request and the values.
        let latency = 0.5 * self.own_push.min(self.own_pull);
        cluster.network.latency = span(latency);
        cluster.network.jitter = (!cluster.network.latency.is_zero()).then_some(law);
        cluster.compute.between = span(self.own_push + self.own_pull - 4.0 * latency);
        cluster
    }
}
