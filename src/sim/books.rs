//! The books: how every step ended, and the staleness that each shard owes and has paid.

use super::coordinator::Coordinator;
use super::flight::{Flight, Flights};
use super::ledger::Ledger;
use crate::base::ShardId;

/// How many steps ended in each way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StepCounts {
    /// Begun.
    pub begun: u64,
    /// Decided on by every shard.
    pub landed: u64,
    /// Of these: discarded by at least one shard.
    pub discarded: u64,
    /// Aborted by the protocol.
    pub aborted: u64,
    /// Pushed nothing: the worker keeps their gradients.
    pub kept: u64,
}

/// The accounts of a run.
#[derive(Debug)]
pub(super) struct Books {
    /// One ledger per shard.
    ledgers: Vec<Ledger>,
    /// The steps of all workers.
    pub steps: StepCounts,
}

impl Books {
    /// Empty accounts.
    pub(super) fn new(shards: usize) -> Books {
        Books { ledgers: vec![Ledger::default(); shards], steps: StepCounts::default() }
    }

    /// A step that pushes to the shard has read it; the data that it read is `age` updates old.
    pub(super) fn read(&mut self, shard: ShardId, age: u64) {
        self.ledgers[shard.index()].read(age);
    }

    /// A shard has applied or discarded its part of a push.
    pub(super) fn land(&mut self, shard: ShardId, staleness: u64) {
        self.ledgers[shard.index()].land(staleness);
    }

    /// A shard is updated by steps that have just landed on it.
    pub(super) fn update(&mut self, shard: ShardId) {
        self.ledgers[shard.index()].update();
    }

    /// A step ends without landing: it is removed from the accounts of all shards that it holds.
    pub(super) fn close(&mut self, flight: &Flight, versions: &[u64]) {
        for (s, ledger) in self.ledgers.iter_mut().enumerate() {
            let shard = ShardId(s as u32);
            if flight.holds(shard) {
                let read = flight.version(shard).expect("what is held was read");
                ledger.land(versions[s] - read);
            }
        }
    }

    /// Checks the invariants of the accounts; `lost` steps were lost with their workers.
    ///
    /// # Panics
    /// If one does not hold: a bug of the simulator.
    pub(super) fn check(&self, flights: &Flights, coordinator: &Coordinator, lost: u64) {
        for (s, ledger) in self.ledgers.iter().enumerate() {
            let shard = ShardId(s as u32);
            // A flight that has already landed on this shard holds nothing of it.
            let ages: u128 = flights
                .iter()
                .filter(|flight| flight.holds(shard))
                .filter_map(|flight| flight.version(shard))
                .map(|read| u128::from(coordinator.version(shard) - read))
                .sum();
            assert!(ledger.balances(ages), "staleness is not conserved at {shard}");
        }
        let StepCounts { begun, landed, aborted, kept, .. } = self.steps;
        let ended = landed + aborted + kept + lost;
        assert_eq!(begun, ended + flights.len() as u64, "a step was lost or made up");
    }
}

crate::persist!(StepCounts {
    begun: state,
    landed: state,
    discarded: state,
    aborted: state,
    kept: state
});
crate::persist!(Books { ledgers: each, steps: state });
