//! Updates made of so many pushes: what barriers, backup workers, buffers and the K-family have in
//! common.
//!
//! Each shard collects pushes and makes an update of the first `size` of them, in the order of the
//! workers, so that the order of arrival does not show in the sums. Variants differ in three ways:
//! whether a worker waits until its push has been applied, what happens to a push from an older
//! point, and whether the others are broken off when a round is closed. And in how large an update is
//! when workers are gone, for whom nobody must wait.

use super::{Arrived, Cluster, Decisions, Fit, Protocol, ProtocolConfig, ProtocolFacts, PushId};
use crate::base::{ShardId, WorkerId};

/// The three ways in which protocols of this family differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// A worker may pull again only when every shard has applied its push.
    pub wait: bool,
    /// A push that was computed on an older version of the shard is discarded.
    pub fresh: bool,
    /// When every shard has closed a round, steps under way are broken off.
    pub abort: bool,
}

/// How many pushes make an update.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// One of every worker that is there: a push of one that is gone comes on top.
    Everybody,
    /// As many as workers are there, but for so many.
    AllBut(u32),
    /// The workers that are there, split into so many parts.
    Split(u32),
    /// So many pushes of distinct workers, or of all that are there if these are fewer.
    Distinct(u32),
    /// So many, of any workers.
    Any(u32),
}

impl Size {
    /// The pushes of an update when so many workers are there.
    fn of(self, there: u32) -> u32 {
        match self {
            Size::Everybody => there,
            Size::AllBut(backups) => there.saturating_sub(backups),
            Size::Split(parts) => there / parts.max(1),
            Size::Distinct(k) => k.min(there),
            Size::Any(k) => k,
        }
        .max(1)
    }
}

/// The configuration of a protocol of this family: how large its updates are and in which ways it
/// differs say all else of it.
pub trait RoundsConfig {
    /// How many pushes make an update.
    fn size(&self) -> Size;

    /// In which ways it differs from the others.
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
            never_stale: fresh || wait && self.size() == Size::Everybody,
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
    size: Size,
    rules: Rules,
    /// How many workers take part.
    there: u32,
    /// How many are to take part from the next round on.
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
    /// Whether it has asked and was not granted yet.
    asking: bool,
    /// Its latest push, and at how many shards it has arrived.
    latest: Option<(PushId, u32)>,
    /// Whether it is gone, or takes no part yet.
    gone: bool,
    /// Whether it is to take part from the next round on.
    joining: bool,
}

impl Rounds {
    /// Updates of `size` pushes (one at least) for `workers` workers and `shards` shards.
    pub fn new(size: Size, workers: u32, shards: u32, rules: Rules) -> Rounds {
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

    /// Whether a shard holds what an update is made of.
    fn is_full(&self, held: &[(WorkerId, PushId)]) -> bool {
        let needed = self.size.of(self.there) as usize;
        if held.len() < needed
            || self.size != Size::Everybody
            || self.there as usize == self.workers.len()
        {
            return held.len() >= needed;
        }
        let there = |(worker, _): &&(WorkerId, PushId)| !self.workers[worker.index()].gone;
        held.iter().filter(there).count() >= self.there as usize
    }

    fn close(&mut self, shard: ShardId, cluster: &Cluster<'_>, decide: &mut Decisions) {
        let mut members = std::mem::take(&mut self.held[shard.index()]);
        members.sort_unstable();
        self.pushes.clear();
        self.pushes.extend(members.iter().map(|(_, push)| *push));
        decide.apply(shard, &self.pushes);
        // This shard was the last to close the round if the others are already ahead of it.
        let version = cluster.versions[shard.index()];
        let ahead = |(s, v): (usize, &u64)| s == shard.index() || *v > version;
        let last = cluster.versions.iter().enumerate().all(ahead);
        // First, or it would break off what is granted below.
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
        // Its memory goes on.
        self.held[shard.index()] = members;
        if last {
            self.admit(decide);
        }
    }

    /// Lets those take part who have joined in the middle of a round.
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

    /// Breaks off the worker's step, if its push has not arrived everywhere.
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
    /// Forgets the parts of a push that was broken off.
    fn forget(&mut self, lost: PushId, shards: &mut [Vec<(WorkerId, PushId)>]) {
        for held in shards {
            let before = held.len();
            held.retain(|(_, push)| *push != lost);
            self.held -= (before - held.len()) as u32;
        }
    }
}

impl Protocol for Rounds {
    fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
        let state = &mut self.workers[worker.index()];
        if self.rules.wait && (state.held > 0 || state.joining) {
            state.asking = true;
        } else {
            decide.grant(worker);
        }
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &Cluster<'_>, decide: &mut Decisions) {
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
        cluster: &Cluster<'_>,
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
        // Those who have waited for it need not wait any longer.
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

    fn on_join(&mut self, worker: WorkerId, cluster: &Cluster<'_>, decide: &mut Decisions) {
        let state = &mut self.workers[worker.index()];
        if state.gone && !std::mem::replace(&mut state.joining, true) {
            self.joining += 1;
        }
        // Some shards may have closed a round that others have not: its push would be in two rounds.
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

    /// A barrier of three workers on two shards, and how it is told things.
    struct Told {
        barrier: Rounds,
        versions: [u64; 2],
        decide: Decisions,
    }

    impl Told {
        fn new() -> Told {
            let rules = Rules { wait: true, ..Rules::default() };
            let barrier = Rounds::new(Size::Everybody, 3, 2, rules);
            Told { barrier, versions: [0, 0], decide: Decisions::default() }
        }

        /// Tells it something; returns what is applied where, and who is granted.
        fn tell(
            &mut self,
            what: impl FnOnce(&mut Rounds, &Cluster<'_>, &mut Decisions),
        ) -> (Vec<(u32, usize)>, Vec<u32>) {
            let versions = self.versions;
            let cluster = Cluster { now: SimTime(0), versions: &versions, steps: &[0; 3] };
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
        // Worker 2 is lost with a part at shard 1: shard 0 has all that it can get.
        assert_eq!(told.leave(2, Some(PushId(2))), (vec![(0, 2)], vec![]));
        assert_eq!(told.ready(0), NOTHING);
        assert_eq!(told.push(1, 1), (vec![(1, 2)], vec![0]));
        // The push of one who goes afterwards takes part, and counts for nobody else.
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
        // From now on it is waited for.
        assert_eq!((told.push(0, 0), told.push(1, 0)), (NOTHING, NOTHING));
        assert_eq!(told.push(2, 0), (vec![(0, 3)], vec![]));
    }
}
