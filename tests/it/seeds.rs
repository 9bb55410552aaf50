//! Seeds of single parts: what each of them changes, and what it leaves alone.

use straggler::scenario::Scenario;
use straggler::scenario::seeds::SeedOf;

use crate::training::{run, small};

fn with(seed: u64, seed_of: SeedOf) -> Scenario {
    let mut scenario = small();
    (scenario.scenario.seed, scenario.scenario.seed_of) = (seed, seed_of);
    scenario
}

#[test]
fn the_four_seeds_together_are_the_seed_of_the_run() {
    let all = |seed| SeedOf {
        data: Some(seed),
        weights: Some(seed),
        order: Some(seed),
        cluster: Some(seed),
    };
    let usual = run(&with(7, SeedOf::default()), 1);
    let apart = run(&with(99, all(7)), 1);
    assert!(usual.weights == apart.weights);
    assert_eq!(usual.records, apart.records);
}

#[test]
fn each_seed_changes_its_part() {
    let usual = run(&with(7, SeedOf::default()), 1);
    let other = Some(8);
    let weights = run(&with(7, SeedOf { weights: other, ..SeedOf::default() }), 1);
    let order = run(&with(7, SeedOf { order: other, ..SeedOf::default() }), 1);
    let cluster = run(&with(7, SeedOf { cluster: other, ..SeedOf::default() }), 1);
    let data = run(&with(7, SeedOf { data: other, ..SeedOf::default() }), 1);
    for changed in [&weights, &order, &cluster, &data] {
        assert!(changed.weights != usual.weights);
    }
    // Only the cluster decides when what happens.
    let times = |of: &crate::training::Outcome| {
        of.finished.iter().map(|push| (push.at, push.worker)).collect::<Vec<_>>()
    };
    assert_eq!(times(&usual), times(&weights));
    assert_eq!(times(&usual), times(&order));
    assert_eq!(times(&usual), times(&data));
    assert_ne!(times(&usual), times(&cluster));
}
