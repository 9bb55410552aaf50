//! Restarting a job that was built from a scenario.

use super::job::Job;
use super::spec::Scenario;
use crate::params::Layout;
use crate::sim::{Observer, Restart, RestartError};

impl Scenario {
    /// Restarts `job`, which was built from this scenario.
    ///
    /// # Errors [`RestartError`], for example if staleness is imposed, so that there are no
    /// workers.
    pub fn restart(
        &self,
        job: &mut Job,
        restart: &Restart,
        observer: &mut dyn Observer,
    ) -> Result<(), RestartError> {
        let Job::Cluster(simulation) = job else { return Err(RestartError::NoCluster) };
        let training = simulation.session().work.training();
        let none = Layout::default();
        let fresh = self.fresh(training.map_or(&none, |training| training.model().layout()));
        simulation.restart(restart, fresh, observer)
    }
}
