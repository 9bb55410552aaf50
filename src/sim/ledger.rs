//! Conservation of staleness: an invariant that always holds, whatever the cluster.
//!
//! An update adds one to the staleness of every step that has read the shard and is not part of
//! the update itself. So the staleness of all landed steps, plus the ages of those in flight,
//! equals the sum over updates of the number of other holders. It is checked in integers.

/// The account of one shard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ledger {
    /// Steps that have read the shard and have not landed on it.
    holders: u64,
    /// Sum over updates of the other holders.
    owed: u128,
    /// Staleness of the steps that have landed.
    paid: u128,
}

impl Ledger {
    /// A step reads the shard, or continues with parameters that its worker read `age` updates ago.
    pub(super) fn read(&mut self, age: u64) {
        self.holders += 1;
        self.owed += u128::from(age);
    }

    /// The shard is updated by steps that have just landed: all holders left are other steps.
    pub(super) fn update(&mut self) {
        self.owed += u128::from(self.holders);
    }

    /// A step lands (applied, discarded or aborted) with this staleness.
    pub(super) fn land(&mut self, staleness: u64) {
        self.holders -= 1;
        self.paid += u128::from(staleness);
    }

    /// Whether the account balances, given the ages of the steps in flight.
    pub(super) fn balances(&self, ages: u128) -> bool {
        self.paid + ages == self.owed
    }
}

crate::persist!(Ledger { holders: state, owed: state, paid: state });
