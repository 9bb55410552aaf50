//! What else may have broken a training besides its learning rate: shards that came back with older
//! values, and rows that returned as if new.

use crate::base::counted;
use crate::cluster::ShardFailures;
use crate::cluster::shard_failures::Recovery;
use crate::results::tables::TableRowsRow;
use crate::scenario::Scenario;
use crate::server::eviction::ReturnsWith;
use crate::sim::ShardFailure;

/// The part of the updates until the fault in which something counts as shortly before it.
const SHORTLY: f64 = 0.25;
/// What returns without its optimizer state has.
const ANEW: &str = "optimizer state that began anew";

/// What happened before the fault that was first seen at `update`, as parts of a sentence; `None`
/// if nothing did.
pub(super) fn before(
    update: u64,
    scenario: &Scenario,
    failures: &[ShardFailure],
    tables: &[TableRowsRow],
) -> Option<String> {
    let all = [shard(update, &scenario.cluster.shard_failures, failures), rows(scenario, tables)];
    let all: Vec<String> = all.into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// The last return of a shard with another content than it had, if it was shortly before.
fn shard(update: u64, how: &ShardFailures, failures: &[ShardFailure]) -> Option<String> {
    let first = update - (SHORTLY * update as f64) as u64;
    let slots_anew = how.saves() && !how.checkpoint.slots;
    let is_upset = |failure: &&ShardFailure| {
        let is_near = (first..=update).contains(&failure.version) && failure.back.is_some();
        is_near && (failure.returned_to.is_some() && (failure.updates_lost > 0 || slots_anew))
    };
    let failure = failures.iter().rfind(is_upset)?;
    let who = match how.recovery {
        Recovery::All => "all shards",
        Recovery::Partial | Recovery::Replica => &format!("shard {}", failure.shard.0),
    };
    let old =
        |lost: u64| format!("values that were {} old", counted(lost as usize, "update", "updates"));
    let values = (failure.updates_lost > 0).then(|| old(failure.updates_lost));
    let slots = slots_anew.then(|| ANEW.to_string());
    let with: Vec<String> = values.into_iter().chain(slots).collect();
    let (with, at) = (with.join(" and "), failure.version);
    Some(format!("{who} came back with {with} after a crash at about update {at}"))
}

/// Rows that returned as if new.
fn rows(scenario: &Scenario, tables: &[TableRowsRow]) -> Option<String> {
    let eviction = scenario.eviction.as_ref().filter(|eviction| !eviction.dry_run)?;
    let returned: u64 = tables.iter().filter_map(|table| table.returned).sum();
    let weights = match eviction.returns {
        ReturnsWith::FirstValues => Some("their first values"),
        ReturnsWith::Zeros => Some("zeros"),
        ReturnsWith::OldWeights => None,
    };
    let slots = (!eviction.keep_slots).then_some(ANEW);
    let with: Vec<&str> = weights.into_iter().chain(slots).collect();
    (returned > 0 && !with.is_empty()).then(|| {
        let rows = counted(returned as usize, "evicted row", "evicted rows");
        format!("in the whole run {rows} returned with {}", with.join(" and "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ShardId, SimTime};
    use crate::server::Eviction;

    fn failure(shard: u32, version: u64, updates_lost: u64) -> ShardFailure {
        ShardFailure {
            shard: ShardId(shard),
            version,
            updates_lost,
            back: Some(SimTime(9)),
            returned_to: Some(SimTime(1)),
            ..ShardFailure::default()
        }
    }

    #[test]
    fn the_last_upset_shortly_before_the_fault_is_named() {
        let scenario = Scenario::default();
        let of = |failures: &[ShardFailure]| before(1000, &scenario, failures, &[]);
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[failure(1, 500, 30)]), None, "long before");
        assert_eq!(of(&[failure(1, 1001, 30)]), None, "later");
        assert_eq!(of(&[failure(1, 900, 0)]), None, "nothing was lost");
        let found = of(&[failure(1, 800, 30), failure(2, 900, 1), failure(3, 1200, 9)]);
        assert_eq!(
            found.unwrap(),
            "shard 2 came back with values that were 1 update old after a crash at about update 900"
        );
    }

    #[test]
    fn optimizer_state_and_rows_that_begin_anew_are_named() {
        let mut scenario = Scenario::default();
        scenario.cluster.shard_failures.checkpoint.slots = false;
        scenario.cluster.shard_failures.recovery = Recovery::All;
        scenario.cluster.shard_failures.every = Some(crate::base::SimSpan(1));
        scenario.eviction = Some(Eviction::default());
        let tables = [TableRowsRow { returned: Some(7), ..TableRowsRow::default() }];
        assert_eq!(
            before(10, &scenario, &[failure(0, 9, 0)], &tables).unwrap(),
            "all shards came back with optimizer state that began anew after a \
             crash at about update 9; in the whole run 7 evicted rows returned with their first \
             values and optimizer state that began anew"
        );
        let kept =
            Eviction { returns: ReturnsWith::OldWeights, keep_slots: true, ..Eviction::default() };
        scenario.eviction = Some(kept);
        assert_eq!(before(10, &scenario, &[], &tables), None);
    }
}
