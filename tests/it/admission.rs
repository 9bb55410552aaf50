//! Rows that are admitted by filters, and by look-ups.

use straggler::scenario::Scenario;
use straggler::server::Admission;
use straggler::server::admission::{AdmittedBy, BloomFilter, Occurrences, SlidingFilter};

use crate::training::{job, run, run_in_pieces, server, small};

fn with(admission: Admission) -> Scenario {
    Scenario { admission: Some(admission), ..small() }
}

const SLIDING: AdmittedBy = AdmittedBy::Sliding(SlidingFilter { capacity: 300, parts: 12 });

#[test]
fn threads_and_pieces_change_nothing() {
    let bloom = AdmittedBy::Bloom(BloomFilter { counters: 90, hashes: 2, bits: 4 });
    for by in [AdmittedBy::Count, AdmittedBy::Chance, bloom, SLIDING] {
        for counts in [Occurrences::Pushes, Occurrences::Lookups] {
            let mut scenario = with(Admission { after: 3, by, counts, ..Admission::default() });
            scenario.cluster.shards = 2;
            let one = run(&scenario, 1);
            let (three, pieces) = (run(&scenario, 3), run_in_pieces(&scenario, 2, 41));
            assert!(one.weights == three.weights && one.records == three.records, "{by:?}");
            assert!(one.weights == pieces.weights && one.records == pieces.records, "{by:?}");
        }
    }
}

/// With one look-up no row ever reads zeros: what it means not to have admission. With one push
/// the first gradient of a row is lost.
#[test]
fn the_first_lookup_reads_the_first_weights() {
    // Rows that are never pulled hold zeros here: losses are compared.
    let losses = |scenario: &Scenario| -> Vec<u64> {
        run(scenario, 1).finished.iter().map(|push| push.loss.to_bits()).collect()
    };
    let of = |counts| losses(&with(Admission { after: 1, counts, ..Admission::default() }));
    let plain = losses(&small());
    assert!(of(Occurrences::Lookups) == plain);
    assert!(of(Occurrences::Pushes) != plain);
}

#[test]
fn every_pull_of_a_row_counts_until_it_is_admitted() {
    let scenario =
        with(Admission { after: u32::MAX, counts: Occurrences::Lookups, ..Admission::default() });
    let mut job = job(&scenario, 1);
    job.run(&mut straggler::sim::NoObserver).unwrap();
    let store = server(job.session()).table(0);
    let seen: u64 = store.gate().unwrap().seen().iter().map(|&seen| u64::from(seen)).sum();
    assert!(seen > 0 && store.rows_waiting() > 0);
    assert!((0..store.rows()).all(|id| store.updates(id) == 0 && store.weights(id)[0] == 0.0));
}
