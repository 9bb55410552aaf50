//! The workspace of one host thread.

use crate::data::Batch;
use crate::model::Workspace;
use crate::params::Locator;

/// Memory that a host thread keeps from job to job.
#[derive(Debug, Default)]
pub struct ThreadWorkspace {
    /// Memory for running networks.
    pub network: Workspace,
    /// Finds distinct rows; made on first use.
    pub locator: Option<Locator>,
    /// The examples whose distinct rows are located.
    pub batch: Batch,
}
