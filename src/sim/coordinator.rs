//! The protocol, with all that it knows and has decided. The rest of the engine reaches it only
//! through this struct.

use crate::base::persist::{Loader, Persist, Saver};
use crate::base::{ShardId, SimTime, WorkerId};
use crate::protocol::{Arrived, ClusterState, Decisions, Protocol, PushId, Read};

/// A notice to the protocol.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notice {
    /// A worker asks to pull.
    Asks(WorkerId),
    /// A shard was read.
    Read(Read),
    /// A push has arrived at a shard.
    Arrived(Arrived),
    /// A worker is absent, and this step of it is lost.
    Left(WorkerId, Option<PushId>),
    /// A worker is present.
    Joined(WorkerId),
}

/// A protocol in use.
#[derive(Debug)]
pub(super) struct Coordinator {
    protocol: Box<dyn Protocol>,
    /// Decisions that have not been carried out.
    decisions: Decisions,
    /// Updates applied, by shard.
    versions: Vec<u64>,
    /// The same since the protocol began: what it sees. A job that begins anew goes on with its
    /// versions, and its protocol begins at zero.
    seen: Vec<u64>,
    /// Steps finished, by worker, and the largest of these numbers.
    steps: Vec<u64>,
    fastest: u64,
}

impl Coordinator {
    /// A protocol before the first event.
    pub(super) fn new(protocol: Box<dyn Protocol>, workers: usize, shards: usize) -> Coordinator {
        Coordinator {
            protocol,
            decisions: Decisions::default(),
            versions: vec![0; shards],
            seen: vec![0; shards],
            steps: vec![0; workers],
            fastest: 0,
        }
    }

    /// Tells the protocol what has happened, and collects its decisions.
    pub(super) fn consult(&mut self, now: SimTime, notice: Notice) {
        let Coordinator { protocol, decisions, versions, seen, steps, .. } = self;
        let before = |shard: ShardId| versions[shard.index()] - seen[shard.index()];
        let cluster = ClusterState { now, versions: seen, steps };
        match notice {
            Notice::Asks(worker) => protocol.on_ready(worker, &cluster, decisions),
            Notice::Read(read) => {
                let version = read.version - before(read.shard);
                protocol.on_read(Read { version, ..read }, &cluster, decisions);
            }
            Notice::Arrived(arrived) => {
                let pulled = arrived.pulled - before(arrived.shard);
                protocol.on_push(Arrived { pulled, ..arrived }, &cluster, decisions);
            }
            Notice::Left(worker, lost) => protocol.on_leave(worker, lost, &cluster, decisions),
            Notice::Joined(worker) => protocol.on_join(worker, &cluster, decisions),
        }
    }

    /// The decisions to carry out, if there are any.
    pub(super) fn take_decisions(&mut self) -> Option<Decisions> {
        (!self.decisions.is_empty()).then(|| std::mem::take(&mut self.decisions))
    }

    /// Takes the memory of decisions back.
    pub(super) fn reuse(&mut self, mut decisions: Decisions) {
        decisions.clear();
        self.decisions = decisions;
    }

    /// Updates applied, by shard.
    pub(super) fn versions(&self) -> &[u64] {
        &self.versions
    }

    /// Updates that a shard has applied.
    pub(super) fn version(&self, shard: ShardId) -> u64 {
        self.versions[shard.index()]
    }

    /// Updates that every shard has applied.
    pub(super) fn updates(&self) -> u64 {
        self.versions.iter().copied().min().unwrap_or(0)
    }

    /// Counts an update of a shard.
    pub(super) fn count_update(&mut self, shard: ShardId) {
        self.versions[shard.index()] += 1;
        self.seen[shard.index()] += 1;
    }

    /// Steps that a worker has finished.
    pub(super) fn steps(&self, worker: WorkerId) -> u64 {
        self.steps[worker.index()]
    }

    /// Counts a step that a worker has finished; returns how many steps it is behind the fastest.
    pub(super) fn count_step(&mut self, worker: WorkerId) -> u64 {
        let steps = &mut self.steps[worker.index()];
        *steps += 1;
        self.fastest = self.fastest.max(*steps);
        self.fastest - *steps
    }

    /// The state of the protocol, to return to it later.
    pub(super) fn state(&self) -> Vec<u8> {
        let mut out = Saver::default();
        self.protocol.save(&mut out);
        out.into_bytes()
    }

    /// Continues with the protocol in this state of it, after all steps have ended.
    ///
    /// # Panics
    /// If it is no state of this protocol.
    pub(super) fn begin_anew(&mut self, state: &[u8]) {
        self.protocol.load(&mut Loader::new(state)).expect("a state of this protocol");
        self.seen.fill(0);
        self.steps.fill(0);
        self.fastest = 0;
    }

    /// Continues with this protocol, after all steps have ended.
    pub(super) fn restart(&mut self, protocol: Box<dyn Protocol>) {
        self.protocol = protocol;
        self.seen.fill(0);
        self.steps.fill(0);
        self.fastest = 0;
    }
}

crate::persist!(Coordinator {
    protocol: state,
    decisions: scratch,
    versions: sized,
    seen: sized,
    steps: sized,
    fastest: state
});
