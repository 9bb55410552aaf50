//! One step of a log.

/// The instants of a step, in seconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Instants {
    /// The pull ends.
    pub pulled: f64,
    /// The push begins.
    pub pushes: f64,
    /// The push ends.
    pub pushed: f64,
}

/// One step.
#[derive(Clone, PartialEq, Debug)]
pub struct LoggedStep {
    /// Index of its worker.
    pub worker: usize,
    /// Its number among the worker's steps, if it is logged.
    pub number: Option<u64>,
    /// Seconds of computing.
    pub compute: f64,
    /// Second at which its pull began, if that is logged; otherwise that at which it ended.
    pub asked: Option<f64>,
    /// When it happened.
    pub at: Option<Instants>,
    /// Version after its push, if it is logged.
    pub version: Option<u64>,
    /// Updates between its pull and its push.
    pub staleness: Option<u64>,
}

impl LoggedStep {
    /// What only one step of a worker can have: its number, or its instants.
    pub(super) fn identity(&self) -> Option<[u64; 3]> {
        let instants = |at: Instants| [at.pulled, at.pushes, at.pushed].map(f64::to_bits);
        self.number.map(|number| [number, 0, 0]).or(self.at.map(instants))
    }
}
