//! The update rules that PyTorch does not have: against published or worked-out values, against the
//! rules they are made of, and in the engine.

use std::sync::Arc;

use serde_json::{Value, json};
use straggler::base::{ShardId, Streams};
use straggler::optimizer::{Moment, Optimizer, OptimizerChoice, Slot, Tick};
use straggler::params::{Gradient, Init, Layout, Lookups};
use straggler::protocol::ProtocolChoice;
use straggler::scenario::Scenario;
use straggler::scenario::document::{DocumentInput, load};
use straggler::scenario::rules;
use straggler::server::{Carried, ParameterServer, Sharding, UpdateContext};

use crate::training::{Outcome, run, small, small_logistic, small_mlp};

fn choice(config: Value) -> OptimizerChoice {
    serde_json::from_value(config).expect("a rule")
}

fn protocol(config: Value) -> ProtocolChoice {
    serde_json::from_value(config).expect("a protocol")
}

/// One row of weights under one rule, updated once per tick.
struct Row {
    rule: Arc<dyn Optimizer>,
    weights: Vec<f32>,
    slots: Vec<f32>,
}

impl Row {
    fn new(config: Value, weights: &[f32]) -> Row {
        let rule = choice(config).build();
        let mut slots = vec![0.0; Slot::all(rule.slots(), weights.len())];
        Slot::begin(rule.slots(), weights.len(), &mut slots);
        Row { rule, weights: weights.to_vec(), slots }
    }

    fn update(&mut self, rate: f32, update: u64, gradient: &[f32]) {
        let progress = Moment { updates: update, ..Moment::default() };
        let (global, variable, row) = (update, update, update);
        let tick = Tick { rate, global, variable, row, progress, ..Tick::default() };
        self.rule.update(&mut self.weights, &mut self.slots, gradient, &tick);
    }
}

fn assert_near(found: f32, expected: f32) {
    assert!((found - expected).abs() < 2e-6 * expected.abs().max(1.0), "{found} for {expected}");
}

/// A server with one table of `rows` rows and one dense block of as many weights, all of them 1.
fn server(config: Value, rows: u32, dim: usize) -> ParameterServer {
    let mut layout = Layout::default();
    layout.add_table("item", 0, rows, dim, Init::Constant(1.0));
    layout.add_block("bias", "bias", (rows as usize, dim), Init::Constant(1.0));
    let rule = choice(config).build();
    let sharding = Sharding::new(&layout, 1);
    ParameterServer::new(Arc::new(layout), sharding, Arc::clone(&rule), rule, Streams::new(1))
}

fn lookups(ids: &[u32]) -> Lookups {
    Lookups { ids: vec![ids.to_vec()], ..Lookups::default() }
}

/// The test of DeepRec's AdagradDecay on embedding variables: the loss is the sum of twice the
/// weights of six rows.
#[test]
fn adagrad_decay_does_as_in_deeprec() {
    let config = json!({"kind": "adagrad_decay", "discount": 0.9, "period": {"updates": 2},
                        "initial": 0.1, "floor": 0.1});
    let mut server = server(config, 6, 3);
    let all = lookups(&[0, 1, 2, 3, 4, 5]);
    let twos = vec![2.0; 18];
    let gradient = Gradient { dense: twos.clone(), rows: twos, ..Gradient::default() };
    for (before, loss) in (0..).zip([36.0, 32.444_176, 29.847_788, 27.741_95, 25.852_505]) {
        let mut rows = vec![0.0; 18];
        server.table(0).copy(&all.ids[0], &mut rows);
        assert_near(2.0 * rows.iter().sum::<f32>(), loss);
        assert_near(2.0 * server.dense().iter().sum::<f32>(), loss);
        let progress = Moment { updates: before + 1, ..Moment::default() };
        let (version, rate) = (before + 1, 0.1);
        let context = UpdateContext {
            dense_rate: rate,
            sparse_rate: rate,
            version,
            progress,
            ..UpdateContext::default()
        };
        server.apply(ShardId(0), &all, &gradient, context).unwrap();
    }
}

#[test]
fn ftrl_has_the_known_values() {
    for (l1, expected) in [
        (0.1, [-0.045, -0.086_421_36, -0.066_421_36]),
        (0.0, [-0.05, -0.091_421_36, -0.071_421_36]),
    ] {
        let mut row = Row::new(json!({"kind": "ftrl", "l1": l1, "initial": 0.0}), &[0.0]);
        for (update, (g, w)) in (1..).zip([1.0, 1.0, -0.5].into_iter().zip(expected)) {
            row.update(0.1, update, &[g]);
            assert_near(row.weights[0], w);
        }
    }
}

/// Weights stay at zero while their gradients add up to less than `l1`, and return to it.
#[test]
fn l1_keeps_weights_at_exactly_zero() {
    let mut row = Row::new(json!({"kind": "ftrl", "l1": 1.0}), &[0.0, 0.0]);
    row.update(0.1, 1, &[0.5, -0.9]);
    assert_eq!(row.weights, [0.0, 0.0]);
    row.update(0.1, 2, &[0.6, 0.3]);
    assert!(row.weights[0] < 0.0 && row.weights[1] == 0.0);
    row.update(0.1, 3, &[-0.6, 0.0]);
    assert_eq!(row.weights, [0.0, 0.0]);
    assert!(row.weights.iter().all(|w| w.is_sign_positive()));
    // A first value within reach is taken back, one further away is not.
    let mut started = Row::new(json!({"kind": "ftrl", "l1": 0.2}), &[0.01, 1.0]);
    started.update(0.1, 1, &[0.5, 0.5]);
    assert!(started.weights[0] == 0.0 && started.weights[1] > 0.9, "{:?}", started.weights);
}

/// A rate that changes acts on the step alone; FTRL without L1 and L2 is a step along the gradient.
#[test]
fn ftrl_takes_steps_of_the_present_rate() {
    let mut row = Row::new(json!({"kind": "ftrl", "initial": 0.5, "beta": 0.3}), &[0.7]);
    let (mut w, mut n) = (0.7f64, 0.5f64);
    for (update, (rate, g)) in (1..).zip([(0.1, 0.4), (0.01, -0.9), (0.0, 5.0), (0.3, 0.2)]) {
        row.update(rate, update, &[g]);
        if rate > 0.0 {
            n += f64::from(g * g);
            w -= f64::from(rate * g) / (0.3 + n.sqrt());
        }
        assert_near(row.weights[0], w as f32);
    }
}

/// The discount of FTRL-SWAP moves no weight; the next steps are larger.
#[test]
fn a_discount_of_ftrl_moves_no_weight() {
    let keys = |kind| json!({"kind": kind, "l1": 0.05, "l2": 0.3});
    let mut swap = keys("ftrl_swap");
    swap["period"] = json!({"updates": 3});
    swap["discount"] = json!(0.25);
    let start = [0.4, -0.3, 0.0];
    let (mut plain, mut swapped) = (Row::new(keys("ftrl"), &start), Row::new(swap, &start));
    for (update, g) in (1..).zip([[1.0, -2.0, 0.01], [0.5, 0.5, 0.01], [0.0; 3]]) {
        plain.update(0.1, update, &g);
        swapped.update(0.1, update, &g);
    }
    for (a, b) in plain.weights.iter().zip(&swapped.weights) {
        assert_near(*a, *b);
    }
    assert!(plain.weights[0] != 0.0 && plain.weights[2] == 0.0 && swapped.weights[2] == 0.0);
    let step = |row: &mut Row| {
        let before = row.weights[0];
        row.update(0.1, 4, &[1.0, 0.0, 0.0]);
        before - row.weights[0]
    };
    assert!(step(&mut swapped) > 1.1 * step(&mut plain));
}

/// Within a period all gradients weigh the same, those of the period before `discount` times less.
#[test]
fn swap_weighs_by_period() {
    let gradients = [1.0f32, 3.0, 2.0, 0.5, 4.0];
    let mut row = Row::new(
        json!({"kind": "rmsprop_swap", "discount": 0.5, "period": {"updates": 2}}),
        &[0.0],
    );
    let mut before = 0.0;
    for (update, g) in (1..).zip(gradients) {
        row.update(1.0, update, &[g]);
        let weight = |k: u64| 0.5f64.powi((update / 2 - k / 2) as i32);
        let past = (1..=update).zip(gradients);
        let (mut sum, mut count) = (0.0, 0.0);
        for (k, g) in past {
            sum += weight(k) * f64::from(g * g);
            count += weight(k);
        }
        assert_near(before - row.weights[0], (f64::from(g) / (sum / count).sqrt()) as f32);
        before = row.weights[0];
    }
}

/// DeepRec's AdamAsync: powers of the betas that belong to a variable, epsilon hat; and its switch
/// for sparse variables, RMSProp with momentum and without powers.
#[test]
fn adam_async_is_covered_by_settings() {
    let keys = json!({"kind": "adam", "scope": "variable", "epsilon_hat": true});
    let mut adam = Row::new(keys, &[0.2]);
    let switched = json!({"kind": "rmsprop", "decay": 0.999, "momentum": 0.9,
                          "epsilon": 1e-8, "epsilon_inside": true});
    let mut rmsprop = Row::new(switched, &[0.2]);
    let (mut powers, mut moments, mut w) = ([0.9f64, 0.999], [0.0, 0.0], 0.2);
    let (mut square, mut sum, mut v) = (0.0, 0.0, 0.2);
    for (update, g) in (1..).zip([0.5f32, -1.0, 0.1, 0.3]) {
        adam.update(0.01, update, &[g]);
        rmsprop.update(0.01, update, &[g]);
        let g = f64::from(g);
        moments = [0.9 * moments[0] + 0.1 * g, 0.999 * moments[1] + 0.001 * g * g];
        let rate = 0.01 * (1.0 - powers[1]).sqrt() / (1.0 - powers[0]);
        w -= rate * moments[0] / (moments[1].sqrt() + 1e-8);
        powers = [0.9 * powers[0], 0.999 * powers[1]];
        assert_near(adam.weights[0], w as f32);
        square = 0.999 * square + 0.001 * g * g;
        sum = 0.9 * sum + 0.01 * g / (square + 1e-8).sqrt();
        v -= sum;
        assert_near(rmsprop.weights[0], v as f32);
    }
}

/// The worked-out values of AdaptiveRevision, with what two workers took along when they pulled: for
/// a row and for a dense weight.
#[test]
fn adaptive_revision_has_the_known_values_at_the_server() {
    let mut server = server(json!({"kind": "adaptive_revision"}), 4, 1);
    let row = lookups(&[2]);
    let read = |server: &ParameterServer| {
        let mut carried = Carried::default();
        server.carry(ShardId(0), &row, &mut carried);
        carried
    };
    let at_start = read(&server);
    let mut push = |g: f32, carried: &Carried, version, expected: f32| {
        let gradient = Gradient { dense: vec![g; 4], rows: vec![g], ..Gradient::default() };
        let context = UpdateContext {
            dense_rate: 1.0,
            sparse_rate: 1.0,
            version,
            carried: Some(carried),
            ..UpdateContext::default()
        };
        server.apply(ShardId(0), &row, &gradient, context).unwrap();
        assert_near(server.table(0).weights(2)[0] - 1.0, expected);
        assert_near(server.dense()[3] - 1.0, expected);
        assert_eq!(server.table(0).weights(1), [1.0]);
        read(&server)
    };
    let after_one = push(1.0, &at_start, 1, -f32::sqrt(0.5));
    push(1.0, &at_start, 2, -0.894_427_2);
    push(-1.0, &after_one, 3, -0.447_213_6);
}

fn with(config: Value) -> Scenario {
    let optimizer = choice(config);
    Scenario { sparse_optimizer: Some(optimizer.clone()), optimizer, ..small() }
}

fn same(a: &Outcome, b: &Outcome, what: &str) {
    assert!(a.weights == b.weights, "{what}: weights");
    assert!(a.records == b.records, "{what}: records");
}

/// A discount of 1 is the base rule, to the last bit, however often a period ends.
#[test]
fn without_a_discount_swap_is_the_base_rule() {
    let never = json!({"updates": 1_000_000_000});
    for (kind, base) in [
        ("adagrad_decay", json!({"kind": "adagrad"})),
        ("ftrl_swap", json!({"kind": "ftrl"})),
        ("rmsprop_swap", json!({"kind": "rmsprop_swap", "period": never})),
        ("adam_swap", json!({"kind": "adam_swap", "period": never})),
    ] {
        let base = run(&with(base), 1);
        for (period, catch_up) in [
            (json!({"updates": 5}), "exact"),
            (json!({"examples": 48}), "one_per_touch"),
            (json!({"sim_time": "3s"}), "exact"),
        ] {
            let mut keys = json!({"kind": kind, "discount": 1.0, "floor": 0.5, "catch_up": catch_up,
                                  "period": period});
            if !["adagrad_decay", "ftrl_swap"].contains(&kind) {
                keys.as_object_mut().unwrap().remove("floor");
            }
            same(&run(&with(keys.clone()), 1), &base, &keys.to_string());
            keys["discount"] = json!(0.5);
            assert!(run(&with(keys.clone()), 1).weights != base.weights, "{keys}");
        }
    }
    let period = json!({"updates": 5});
    let adam = with(json!({"kind": "adam_swap", "beta1": 0.0, "period": period}));
    let rmsprop = with(json!({"kind": "rmsprop_swap", "period": period}));
    same(&run(&adam, 1), &run(&rmsprop, 1), "Adam-SWAP without beta1");
}

/// Without staleness the delay-tolerant rules are Adagrad: one worker, or a barrier with several
/// shards, where what was taken along by all members of an update is the same.
#[test]
fn without_delay_the_delay_tolerant_rules_are_adagrad() {
    let (rate, initial) = (0.05, 1.0);
    for (rule, epsilon) in [
        (json!({"kind": "adaptive_revision", "learning_rate": rate, "initial": initial}), 0.0),
        (
            json!({"kind": "ada_delay", "learning_rate": rate, "initial": initial,
                   "smoothness": 0.25}),
            0.25,
        ),
    ] {
        let adagrad = json!({"kind": "adagrad", "learning_rate": rate, "initial": initial,
                             "epsilon": epsilon});
        let variants = |config: &Value| {
            let mut alone = with(config.clone());
            alone.cluster.workers = 1;
            let mut barrier = with(config.clone());
            barrier.cluster.shards = 3;
            barrier.protocol = protocol(json!({"kind": "synchronous"}));
            [alone, barrier, with(config.clone())].map(|scenario| run(&scenario, 1))
        };
        let [alone, barrier, stale] = variants(&rule);
        let [alone_too, barrier_too, stale_too] = variants(&adagrad);
        same(&alone, &alone_too, &format!("{rule} alone"));
        same(&barrier, &barrier_too, &format!("{rule} behind a barrier"));
        assert!(stale.weights != stale_too.weights, "{rule} does not mind staleness");
    }
}

/// What a worker takes along outlives dense parameters that it does not pull anew, and updates of
/// several pushes; threads and shards change nothing that they should not.
#[test]
fn revisions_go_with_every_routine() {
    let mut scenario = with(json!({"kind": "adaptive_revision"}));
    scenario.model = small_mlp();
    scenario.cluster.shards = 3;
    scenario.cluster.dense_shards = Some(1);
    scenario.worker.pull_every = 3;
    scenario.worker.push_every = 2;
    same(&run(&scenario, 1), &run(&scenario, 3), "rare pulls");
    scenario.protocol = protocol(json!({"kind": "softsync", "n": 2}));
    scenario.worker = Default::default();
    same(&run(&scenario, 1), &run(&scenario, 3), "merged pushes");
    // The rule of one group alone.
    let revision = scenario.optimizer.clone();
    let adam = choice(json!({"kind": "adam"}));
    for (dense, sparse) in [(revision.clone(), adam.clone()), (adam, revision)] {
        let one = Scenario { optimizer: dense, sparse_optimizer: Some(sparse), ..scenario.clone() };
        assert!(run(&one, 1).values().iter().all(|w| w.is_finite()));
    }
}

#[test]
fn l1_makes_a_trained_model_sparse() {
    let zeros = |l1: f64| {
        let mut scenario = with(json!({"kind": "ftrl", "l1": l1}));
        scenario.model = small_logistic();
        run(&scenario, 1).values().iter().filter(|w| **w == 0.0).count()
    };
    let (none, some) = (zeros(0.0), zeros(0.1));
    assert!(some > 2 * none, "{none} weights of zero without L1, {some} with it");
}

#[test]
fn a_period_without_length_is_refused() {
    for (group, period) in [("optimizer", "updates = 0"), ("sparse_optimizer", "sim_time = \"0s\"")]
    {
        let text = format!(
            "[data]\nkind = \"synthetic\"\n[{group}]\nkind = \"adagrad_decay\"\nperiod = {{ {period} }}\n"
        );
        let input = DocumentInput::Text { name: "periods", text: &text };
        let mut loaded = load::<Scenario>(input, &[]).expect("it reads well");
        rules::check(&mut loaded);
        let problems = loaded.finish().expect_err("a period without length").to_string();
        assert!(problems.contains(&format!("`{group}.period` has no length")), "{problems}");
    }
}
