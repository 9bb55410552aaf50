//! Looks at layers say what the updates did, and no more.

use straggler::optimizer::{OptimizerChoice, sgd};
use straggler::scenario::Scenario;
use straggler::sim::record::LayerObservation;
use straggler::sim::{Every, Record};

use crate::absence::run_with;
use crate::training::{run, run_in_pieces, small, small_mlp};

const RATE: f64 = 0.2;

fn watched() -> Scenario {
    let rule = OptimizerChoice::Sgd(sgd::Config { learning_rate: RATE });
    let mut scenario =
        Scenario { optimizer: rule.clone(), sparse_optimizer: Some(rule), ..small() };
    scenario.record.layers = Some(Every::Updates(7));
    scenario
}

fn looks(scenario: &Scenario) -> Vec<(u64, Vec<LayerObservation>)> {
    let mut looks = Vec::new();
    run_with(scenario, &mut |record: &Record<'_>| {
        if let Record::Layers { progress, layers } = record {
            looks.push((progress.updates, layers.to_vec()));
        }
    });
    looks
}

/// Plain gradient descent moves the weights by the rate times the sum of the gradients.
#[test]
fn weights_move_by_what_the_gradients_add_up_to() {
    let looks = looks(&watched());
    let at: Vec<u64> = looks.iter().map(|look| look.0).collect();
    assert_eq!(at, [0, 7, 14, 21, 28, 35, 42, 49, 56, 60], "at the start, on time, at the end");
    assert!(looks[0].1.iter().all(|layer| layer.change.is_none() && layer.gradients.is_none()));
    for (update, layers) in &looks[1..] {
        for layer in layers {
            let gradients = layer.gradients.unwrap();
            let moved = layer.change.unwrap() * layer.weights.norm;
            let wanted = RATE * layer.pushes as f64 * gradients.mean.norm;
            let name = &layer.layer;
            // Weights are rounded at every update.
            let rounding = 1e-6 * layer.weights.norm;
            let near = (moved - wanted).abs() < 1e-3 * wanted + rounding;
            assert!(near, "{name} at {update}: {moved} {wanted}");
            let agreement = gradients.agreement.unwrap();
            assert!(agreement <= (layer.pushes as f64).sqrt() * 1.0001, "{name}: {agreement}");
            assert!(gradients.mean.norm <= gradients.norm * 1.0001, "{name}");
        }
    }
}

/// A table whose rows are few is touched everywhere; one of users is not, and rests in part.
#[test]
fn rows_that_nobody_touches_are_counted() {
    let looks = looks(&watched());
    let of = |table: &str| {
        let rows = looks.iter().map(|(_, layers)| layers.iter().find(|l| l.layer == table));
        rows.map(|layer| layer.unwrap().rows.unwrap()).collect::<Vec<_>>()
    };
    let users = of("user");
    assert_eq!((users[0].touched, users[0].norm), (0.0, None));
    assert!(users.windows(2).all(|pair| pair[0].touched <= pair[1].touched), "{users:?}");
    assert!(users.iter().all(|rows| rows.idle <= rows.touched));
    let last = users.last().unwrap();
    assert!(last.idle > 0.1 && last.touched < 1.0, "{last:?}");
    let categories = of("category");
    assert_eq!((categories[1].touched, categories[1].idle), (1.0, 0.0));
    assert!(looks[1].1.iter().all(|layer| layer.rows.is_some() == (layer.group == "sparse")));
}

#[test]
fn looks_are_the_same_in_pieces_and_for_any_number_of_threads() {
    let mut scenario = watched();
    scenario.model = small_mlp();
    scenario.cluster.shards = 2;
    let whole = run(&scenario, 1);
    assert!(!whole.of_kind("Layers").is_empty());
    assert_eq!(whole.of_kind("Layers"), run(&scenario, 3).of_kind("Layers"));
    assert_eq!(whole.of_kind("Layers"), run_in_pieces(&scenario, 1, 37).of_kind("Layers"));
}
