//! Properties of every registered rule, in every row semantics and scope.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Moment, Optimizer, OptimizerChoice, RowSemantics, Slot, Tick};

/// A table as a server keeps it: the simplest implementation of what the row semantics mean.
#[derive(Clone, PartialEq, Debug)]
struct TestTable {
    weights: Vec<Vec<f32>>,
    slots: Vec<Vec<f32>>,
    touches: Vec<u64>,
    updates: u64,
}

impl TestTable {
    fn new(rule: &dyn Optimizer, weights: &[Vec<f32>]) -> TestTable {
        let slots_of = |row: &Vec<f32>| {
            let mut memory = vec![0.0; Slot::all(rule.slots(), row.len())];
            Slot::begin(rule.slots(), row.len(), &mut memory);
            memory
        };
        TestTable {
            weights: weights.to_vec(),
            slots: weights.iter().map(slots_of).collect(),
            touches: vec![0; weights.len()],
            updates: 0,
        }
    }

    /// Applies the gradients of some rows, in the order given.
    fn apply(&mut self, rule: &dyn Optimizer, rate: f32, gradients: &[(usize, Vec<f32>)]) {
        self.updates += 1;
        for (row, gradient) in gradients {
            self.update_row(rule, rate, *row, gradient);
        }
        if rule.rows() == RowSemantics::Dense {
            for row in 0..self.weights.len() {
                if gradients.iter().all(|(touched, _)| *touched != row) {
                    let zeros = vec![0.0; self.weights[row].len()];
                    self.update_row(rule, rate, row, &zeros);
                }
            }
        }
    }

    fn update_row(&mut self, rule: &dyn Optimizer, rate: f32, row: usize, gradient: &[f32]) {
        self.touches[row] += 1;
        let (global, row_count) = (self.updates, self.touches[row]);
        let progress = Moment { updates: global, ..Moment::default() };
        // Some staleness, for the rules that depend on it.
        let staleness = (global % 3) as f64;
        let tick = Tick { rate, global, variable: global, row: row_count, staleness, progress };
        rule.update(&mut self.weights[row], &mut self.slots[row], gradient, &tick);
    }
}

/// Every registered rule, with every option that it has.
fn rules() -> Vec<(String, Arc<dyn Optimizer>)> {
    let options = [
        json!({}),
        json!({"rows": "dense"}),
        json!({"scope": "variable"}),
        json!({"scope": "row"}),
        json!({"epsilon_hat": true}),
        json!({"epsilon_inside": true}),
        json!({"initial": 0.0}),
        json!({"epsilon": 0.0}),
        json!({"period": {"updates": 2}}),
        json!({"period": {"updates": 1}, "discount": 0.1, "catch_up": "exact"}),
        json!({"l1": 0.2, "l2": 0.5, "keeps_start": false}),
        json!({"momentum": 0.9}),
        json!({"growth": 0.5, "times_rate": false}),
    ];
    let mut rules = Vec::new();
    for part in OptimizerChoice::PARTS {
        for option in &options {
            let mut config = option.clone();
            config["kind"] = Value::from(part.name);
            // A rule without the option refuses the key; the list has the rule with its defaults
            // anyway.
            if let Ok(choice) = serde_json::from_value::<OptimizerChoice>(config.clone()) {
                rules.push((config.to_string(), choice.build()));
            }
        }
    }
    assert!(rules.len() > 2 * OptimizerChoice::PARTS.len());
    rules
}

fn rule(config: Value) -> Arc<dyn Optimizer> {
    serde_json::from_value::<OptimizerChoice>(config).expect("a rule").build()
}

fn row() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-2.0f32..2.0, 3)
}

/// A few updates, each of a non-empty set of the rows of a table.
fn history(rows: usize) -> impl Strategy<Value = Vec<Vec<(usize, Vec<f32>)>>> {
    let update = prop::collection::vec((any::<bool>(), row()), rows).prop_map(|rows| {
        let numbered = rows.into_iter().enumerate();
        numbered.filter(|(_, (touched, _))| *touched).map(|(i, (_, g))| (i, g)).collect()
    });
    prop::collection::vec(update, 1..8)
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter(updates in history(5), start in row()) {
        for (name, rule) in rules() {
            let mut forwards = TestTable::new(&*rule, &vec![start.clone(); 5]);
            let mut backwards = forwards.clone();
            for update in &updates {
                forwards.apply(&*rule, 0.1, update);
                let reversed: Vec<_> = update.iter().rev().cloned().collect();
                backwards.apply(&*rule, 0.1, &reversed);
            }
            prop_assert_eq!(&forwards, &backwards, "{}", name);
        }
    }

    #[test]
    fn a_row_is_updated_as_its_elements_alone(updates in history(1), start in row()) {
        for (name, rule) in rules() {
            let mut whole = TestTable::new(&*rule, std::slice::from_ref(&start));
            let mut parts: Vec<TestTable> =
                start.iter().map(|&w| TestTable::new(&*rule, &[vec![w]])).collect();
            for update in &updates {
                whole.apply(&*rule, 0.1, update);
                for (i, part) in parts.iter_mut().enumerate() {
                    let own: Vec<_> = update.iter().map(|(row, g)| (*row, vec![g[i]])).collect();
                    part.apply(&*rule, 0.1, &own);
                }
            }
            let parts: Vec<f32> = parts.iter().map(|part| part.weights[0][0]).collect();
            prop_assert_eq!(&whole.weights[0], &parts, "{}", name);
        }
    }

    #[test]
    fn lazy_is_dense_when_every_row_is_touched(updates in prop::collection::vec(row(), 1..8)) {
        for part in OptimizerChoice::PARTS {
            let with = |rows: &str| json!({"kind": part.name, "rows": rows});
            if serde_json::from_value::<OptimizerChoice>(with("lazy")).is_err() {
                continue;
            }
            let run = |rule: Arc<dyn Optimizer>| {
                let mut table = TestTable::new(&*rule, &vec![vec![0.5; 3]; 2]);
                for g in &updates {
                    table.apply(&*rule, 0.1, &[(0, g.clone()), (1, g.clone())]);
                }
                table
            };
            prop_assert_eq!(run(rule(with("lazy"))), run(rule(with("dense"))), "{}", part.name);
        }
    }

    #[test]
    fn extreme_gradients_leave_finite_weights(
        sizes in prop::collection::vec((-30.0f32..30.0, any::<bool>()), 1..12),
    ) {
        for (name, rule) in rules() {
            let mut table = TestTable::new(&*rule, &[vec![1.0]]);
            for (exponent, negative) in &sizes {
                let size = 10.0f32.powf(*exponent);
                let g = if *negative { -size } else { size };
                table.apply(&*rule, 1e-3, &[(0, vec![g])]);
                prop_assert!(table.weights[0][0].is_finite(), "{} after {}", name, g);
            }
        }
    }

    #[test]
    fn a_zero_gradient_leaves_the_weights_of_rules_without_momentum(
        updates in history(1), start in row(),
    ) {
        for kind in ["sgd", "adagrad", "rmsprop", "adagrad_decay", "rmsprop_swap", "ada_delay"] {
            let rule = rule(json!({"kind": kind}));
            let mut table = TestTable::new(&*rule, std::slice::from_ref(&start));
            for update in &updates {
                table.apply(&*rule, 0.1, update);
            }
            let before = table.clone();
            table.apply(&*rule, 0.1, &[(0, vec![0.0; 3])]);
            prop_assert_eq!(&table.weights, &before.weights, "{}", kind);
        }
    }

    #[test]
    fn a_first_update_goes_against_the_gradient(g in row(), start in row()) {
        for (name, rule) in rules() {
            if name.contains("adamw") || name.contains("l1") {
                continue; // The pull towards zero may be larger than the step.
            }
            // FTRL computes the weight anew, with a rounding of its own.
            let tolerance = if name.contains("ftrl") { 1e-6 } else { 0.0 };
            let mut table = TestTable::new(&*rule, std::slice::from_ref(&start));
            table.apply(&*rule, 0.1, &[(0, g.clone())]);
            for ((new, old), g) in table.weights[0].iter().zip(&start).zip(&g) {
                prop_assert!((new - old) * g <= tolerance, "{}", name);
            }
        }
    }
}

#[test]
fn a_not_a_number_is_not_hidden() {
    for (name, rule) in rules() {
        let mut table = TestTable::new(&*rule, &[vec![1.0]]);
        table.apply(&*rule, 0.1, &[(0, vec![f32::NAN])]);
        assert!(table.weights[0][0].is_nan(), "{name}");
    }
}

/// The rows that a lazy rule leaves alone keep moving under the dense one.
#[test]
fn untouched_rows_move_only_in_dense_semantics() {
    for kind in ["momentum", "nesterov", "adam", "adamw"] {
        for (rows, moves) in [("lazy", false), ("dense", true)] {
            let rule = rule(json!({"kind": kind, "rows": rows}));
            let mut table = TestTable::new(&*rule, &vec![vec![0.5]; 2]);
            table.apply(&*rule, 0.1, &[(0, vec![1.0]), (1, vec![1.0])]);
            let before = table.clone();
            table.apply(&*rule, 0.1, &[(0, vec![1.0])]);
            assert_eq!(table.weights[1] != before.weights[1], moves, "{kind} {rows}");
            assert_eq!(table.slots[1] != before.slots[1], moves, "{kind} {rows}");
        }
    }
}

/// In a steady state of pure noise, Adam's steps have the size `sqrt((1 - b1) / (1 + b1))` times
/// the rate.
#[test]
fn steps_of_adam_under_noise_have_the_known_size() {
    use crate::base::{Purpose, Streams};
    let rule = rule(json!({"kind": "adam"}));
    let mut table = TestTable::new(&*rule, &[vec![0.0; 64]]);
    let (mut squares, mut count) = (0.0, 0);
    for update in 0..6_000u64 {
        let noise = |i| Streams::new(8).uniform(Purpose::Custom, update, i) as f32 - 0.5;
        let before = table.weights[0].clone();
        table.apply(&*rule, 1.0, &[(0, (0..64).map(noise).collect())]);
        if update >= 4_000 {
            for (new, old) in table.weights[0].iter().zip(&before) {
                squares += f64::from(new - old).powi(2);
                count += 1;
            }
        }
    }
    let size = (squares / f64::from(count)).sqrt();
    assert!((size - 0.2294).abs() < 0.005, "{size}");
}
