//! Updates made of a number of pushes: what barriers, backup workers, buffers and the K-family have
//! in common.
//!
//! Each shard collects pushes and makes an update of the first `size` of them. It takes them in the
//! order of the workers, so the order of arrival does not affect the sums. Variants differ in four
//! ways: whether a worker waits until its push has been applied; what happens to a push of an older
//! version; whether other steps are aborted when a round is closed; and how large an update is when
//! workers have left, since no worker must wait for them.

use super::{
    Arrived, ClusterState, Decisions, Fit, Protocol, ProtocolConfig, ProtocolFacts, PushId,
};
use crate::base::{ShardId, WorkerId};

/// Three ways in which protocols of this family differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// A worker may pull again only when every shard has applied its push.
    pub wait: bool,
    /// A push that was computed from an older version of the shard is discarded.
    pub fresh: bool,
    /// When every shard has closed a round, running steps are aborted.
    pub abort: bool,
}

/// How many pushes make an update.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoundSize {
    /// One push of every present worker. A push of a worker that has left comes on top.
    Everybody,
    /// As many as there are present workers, minus this number.
    AllBut(u32),
    /// The number of present workers divided by this number.
    Split(u32),
    /// This number of pushes of distinct workers, or one of every present worker if these are
    /// fewer.
    Distinct(u32),
    /// This number, from any workers.
    Any(u32),
}

impl RoundSize {
    /// The pushes of an update when so many workers are present.
    fn of(self, there: u32) -> u32 {
        match self {
            RoundSize::Everybody => there,
            RoundSize::AllBut(backups) => there.saturating_sub(backups),
            RoundSize::Split(parts) => there / parts.max(1),
            RoundSize::Distinct(k) => k.min(there),
            RoundSize::Any(k) => k,
        }
        .max(1)
    }
}

/// The configuration of a protocol of this family. The size of its updates and its rules determine
/// everything else.
pub trait RoundsConfig {
    /// How many pushes make an update.
    fn size(&self) -> RoundSize;

    /// In which ways the protocol differs from the others.
    fn rules(&self) -> Rules;

    /// As [`ProtocolConfig::fit`].
    fn fit(&self, workers: u32) -> Fit;
}

impl<C: RoundsConfig> ProtocolConfig for C {
    fn build(&self, workers: u32, shards: u32) -> Box<dyn Protocol> {
        Box::new(Rounds::new(self.size(), workers, shards, self.rules()))
    }

    fn pushes_per_update(&self, workers: u32) -> u32 {
        self.size().of(workers)
    }

    fn facts(&self) -> ProtocolFacts {
        let Rules { wait, fresh, abort } = self.rules();
        ProtocolFacts {
            discards: fresh,
            wants_whole_steps: fresh,
            never_waits: !wait && !fresh,
            aborts: abort,
            never_stale: fresh || wait && self.size() == RoundSize::Everybody,
            bounds_age: false,
        }
    }

    fn fit(&self, workers: u32) -> Fit {
        RoundsConfig::fit(self, workers)
    }
}

/// The working protocol.
#[derive(Clone, Debug)]
pub struct Rounds {
    size: RoundSize,
    rules: Rules,
    /// Number of workers that take part.
    there: u32,
    /// Number of workers that will take part from the next round on.
    joining: u32,
    /// What each shard has collected.
    held: Vec<Vec<(WorkerId, PushId)>>,
    workers: Vec<State>,
    /// The pushes of the update under way.
    pushes: Vec<PushId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Shards that hold a part of a push of this worker.
    held: u32,
    /// Whether the worker has asked and was not granted yet.
    asking: bool,
    /// Its latest push, and at how many shards it has arrived.
    latest: Option<(PushId, u32)>,
    /// Whether the worker has left, or does not take part yet.
    gone: bool,
    /// Whether the worker will take part from the next round on.
    joining: bool,
}

impl Rounds {
    /// Updates of `size` pushes (at least one) for `workers` workers and `shards` shards.
    pub fn new(size: RoundSize, workers: u32, shards: u32, rules: Rules) -> Rounds {
        Rounds {
            size,
            rules,
            there: workers,
            joining: 0,
            held: vec![Vec::new(); shards as usize],
            workers: vec![State::default(); workers as usize],
            pushes: Vec::new(),
        }
    }

    /// Whether a shard holds enough pushes for an update.
    fn is_full(&self, held: &[(WorkerId, PushId)]) -> bool {
        let needed = self.size.of(self.there) as usize;
        if held.len() < needed
            || self.size != RoundSize::Everybody
            || self.there as usize == self.workers.len()
        {
            return held.len() >= needed;
        }
        let there = |(worker, _): &&(WorkerId, PushId)| !self.workers[worker.index()].gone;
        held.iter().filter(there).count() >= self.there as usize
    }

    fn close(&mut self, shard: ShardId, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        let mut members = std::mem::take(&mut self.held[shard.index()]);
        members.sort_unstable();
        self.pushes.clear();
        self.pushes.extend(members.iter().map(|(_, push)| *push));
        decide.apply(shard, &self.pushes);
        // This shard was the last to close the round if the others are already ahead of it.
        let version = cluster.versions[shard.index()];
        let ahead = |(s, v): (usize, &u64)| s == shard.index() || *v > version;
        let last = cluster.versions.iter().enumerate().all(ahead);
        // Aborts come first: after the grants below they would abort the new steps.
        if last && self.rules.abort {
            (0..self.workers.len() as u32).for_each(|w| self.abort(WorkerId(w), decide));
        }
        for (worker, _) in members.drain(..) {
            let state = &mut self.workers[worker.index()];
            state.held -= 1;
            if state.held == 0 && std::mem::take(&mut state.asking) {
                decide.grant(worker);
            }
        }
        // The empty list keeps its memory for the next round.
        self.held[shard.index()] = members;
        if last {
            self.admit(decide);
        }
    }

    /// Lets the workers take part that joined in the middle of a round.
    fn admit(&mut self, decide: &mut Decisions) {
        if std::mem::take(&mut self.joining) == 0 {
            return;
        }
        for (worker, state) in (0..).map(WorkerId).zip(&mut self.workers) {
            if std::mem::take(&mut state.joining) {
                state.gone = false;
                self.there += 1;
                if state.held == 0 && std::mem::take(&mut state.asking) {
                    decide.grant(worker);
                }
            }
        }
    }

    /// Aborts the worker's step, unless its push has arrived everywhere.
    fn abort(&mut self, worker: WorkerId, decide: &mut Decisions) {
        let state = &mut self.workers[worker.index()];
        let whole = self.held.len() as u32;
        if let Some((lost, _)) = state.latest.take_if(|(_, arrived)| *arrived < whole) {
            state.forget(lost, &mut self.held);
        }
        decide.abort(worker);
    }
}

impl State {
    /// Forgets the parts of a push whose step was aborted.
    fn forget(&mut self, lost: PushId, shards: &mut [Vec<(WorkerId, PushId)>]) {
        for held in shards {
            let before = held.len();
            held.retain(|(_, push)| *push != lost);
            self.held -= (before - held.len()) as u32;
        }
    }
}

impl Protocol for Rounds {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        let state = &mut self.workers[worker.index()];
        if self.rules.wait && (state.held > 0 || state.joining) {
            state.asking = true;
        } else {
            decide.grant(worker);
        }
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        let Arrived { push, worker, shard, pulled, .. } = arrived;
        let state = &mut self.workers[worker.index()];
        match &mut state.latest {
            Some((latest, parts)) if *latest == push => *parts += 1,
            latest => *latest = Some((push, 1)),
        }
        if self.rules.fresh && pulled < cluster.versions[shard.index()] {
            decide.discard(shard, push);
            return;
        }
        state.held += 1;
        self.held[shard.index()].push((worker, push));
        if self.is_full(&self.held[shard.index()]) {
            self.close(shard, cluster, decide);
        }
    }

    fn on_leave(
        &mut self,
        worker: WorkerId,
        lost: Option<PushId>,
        cluster: &ClusterState<'_>,
        decide: &mut Decisions,
    ) {
        let state = &mut self.workers[worker.index()];
        state.asking = false;
        if let Some(lost) = lost {
            state.latest.take_if(|(latest, _)| *latest == lost);
            state.forget(lost, &mut self.held);
        }
        if std::mem::take(&mut state.joining) {
            self.joining -= 1;
        }
        if !std::mem::replace(&mut state.gone, true) {
            self.there -= 1;
        }
        // Workers that waited for this one need not wait any longer.
        for shard in (0..self.held.len() as u32).map(ShardId) {
            let held = &self.held[shard.index()];
            if !held.is_empty() && self.is_full(held) {
                self.close(shard, cluster, decide);
            }
        }
        if self.there == 0 {
            self.admit(decide);
        }
    }

    fn on_join(&mut self, worker: WorkerId, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        let state = &mut self.workers[worker.index()];
        if state.gone && !std::mem::replace(&mut state.joining, true) {
            self.joining += 1;
        }
        // Between two rounds all shards have the same version. In the middle of one, some shards
        // have closed it and others have not: a push of the new worker would belong to two rounds.
        let between = cluster.versions.windows(2).all(|pair| pair[0] == pair[1]);
        if between || !self.rules.wait || self.there == 0 {
            self.admit(decide);
        }
    }
}

crate::persist!(State { held: state, asking: state, latest: state, gone: state, joining: state });

crate::persist!(Rounds {
    size: fixed,
    rules: fixed,
    there: state,
    joining: state,
    held: state,
    workers: state,
    pushes: state
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SimTime;
    use crate::protocol::Decision;

    /// A barrier of three workers on two shards, with what the engine would keep for it.
    struct Told {
        barrier: Rounds,
        versions: [u64; 2],
        decide: Decisions,
    }

    impl Told {
        fn new() -> Told {
            let rules = Rules { wait: true, ..Rules::default() };
            let barrier = Rounds::new(RoundSize::Everybody, 3, 2, rules);
            Told { barrier, versions: [0, 0], decide: Decisions::default() }
        }

        /// Calls the barrier; returns what is applied where, and which workers are granted.
        fn tell(
            &mut self,
            what: impl FnOnce(&mut Rounds, &ClusterState<'_>, &mut Decisions),
        ) -> (Vec<(u32, usize)>, Vec<u32>) {
            let versions = self.versions;
            let cluster = ClusterState { now: SimTime(0), versions: &versions, steps: &[0; 3] };
            what(&mut self.barrier, &cluster, &mut self.decide);
            let (mut applied, mut granted) = (Vec::new(), Vec::new());
            for index in 0..self.decide.len() {
                match self.decide.get(index) {
                    Decision::Apply(shard, pushes, _) => {
                        self.versions[shard.index()] += 1;
                        applied.push((shard.0, pushes.len()));
                    }
                    Decision::Grant(worker, _) => granted.push(worker.0),
                    other => panic!("{other:?}"),
                }
            }
            self.decide.clear();
            (applied, granted)
        }

        fn push(&mut self, worker: u32, shard: u32) -> (Vec<(u32, usize)>, Vec<u32>) {
            let (worker, shard) = (WorkerId(worker), ShardId(shard));
            let push = PushId(u64::from(worker.0) + 10 * self.versions[shard.index()]);
            let arrived = Arrived { push, worker, shard, step: 0, pulled: 0 };
            self.tell(|barrier, cluster, decide| barrier.on_push(arrived, cluster, decide))
        }

        fn leave(&mut self, worker: u32, lost: Option<PushId>) -> (Vec<(u32, usize)>, Vec<u32>) {
            self.tell(|barrier, cluster, decide| {
                barrier.on_leave(WorkerId(worker), lost, cluster, decide);
            })
        }

        fn ready(&mut self, worker: u32) -> (Vec<(u32, usize)>, Vec<u32>) {
            self.tell(|barrier, cluster, decide| {
                barrier.on_ready(WorkerId(worker), cluster, decide);
            })
        }

        fn join(&mut self, worker: u32) -> (Vec<(u32, usize)>, Vec<u32>) {
            self.tell(|barrier, cluster, decide| {
                barrier.on_join(WorkerId(worker), cluster, decide);
            })
        }
    }

    const NOTHING: (Vec<(u32, usize)>, Vec<u32>) = (Vec::new(), Vec::new());

    #[test]
    fn who_goes_is_not_waited_for_and_what_it_lost_is_forgotten() {
        let mut told = Told::new();
        for (worker, shard) in [(0, 0), (0, 1), (1, 0), (2, 1)] {
            assert_eq!(told.push(worker, shard), NOTHING);
        }
        // Worker 2 leaves, with a part of a push at shard 1: shard 0 has all that it can get.
        assert_eq!(told.leave(2, Some(PushId(2))), (vec![(0, 2)], vec![]));
        assert_eq!(told.ready(0), NOTHING);
        assert_eq!(told.push(1, 1), (vec![(1, 2)], vec![0]));
        // The push of a worker that leaves afterwards takes part, but replaces no other worker's
        // push.
        let mut told = Told::new();
        assert_eq!((told.push(2, 0), told.push(2, 1)), (NOTHING, NOTHING));
        assert_eq!(told.leave(2, None), NOTHING);
        assert_eq!(told.push(0, 0), NOTHING);
        assert_eq!(told.push(1, 0), (vec![(0, 3)], vec![]));
    }

    #[test]
    fn who_joins_in_the_middle_of_a_round_waits_for_the_next() {
        let mut told = Told::new();
        assert_eq!(told.leave(2, None), NOTHING);
        assert_eq!((told.push(0, 0), told.push(0, 1)), (NOTHING, NOTHING));
        assert_eq!(told.push(1, 0), (vec![(0, 2)], vec![]));
        // Shard 0 has closed the round, shard 1 has not.
        assert_eq!((told.join(2), told.ready(2)), (NOTHING, NOTHING));
        assert_eq!(told.push(1, 1), (vec![(1, 2)], vec![2]));
        // From now on shards wait for worker 2.
        assert_eq!((told.push(0, 0), told.push(1, 0)), (NOTHING, NOTHING));
        assert_eq!(told.push(2, 0), (vec![(0, 3)], vec![]));
    }
}
