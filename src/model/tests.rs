//! Every registered model, in many configurations, on ragged batches: gradients against central
//! differences, single against double precision, and the promises of a layout.

use std::sync::Arc;

use serde_json::json;

use super::{Model, ModelChoice, ModelContext, ModelError, Workspace};
use crate::base::{Purpose, Streams};
use crate::data::{Batch, Field, History, HistoryColumn, IdSpace, Schema};
use crate::nn::check::{assert_slopes, numbers, slopes};
use crate::params::{Gradient, Locator, Lookups, View, view};

/// Four fields over three id spaces (two share one), a history of items and categories, and two
/// numeric columns.
pub(super) fn schema() -> Schema {
    let space = |name: &str, rows| IdSpace { name: name.into(), rows };
    let field = |name: &str, space| Field { name: name.into(), space };
    let column = |space, target| HistoryColumn { space, target };
    Schema {
        spaces: vec![space("item", 9), space("category", 4), space("user", 6)],
        fields: vec![field("item", 0), field("category", 1), field("user", 2), field("shelf", 1)],
        history: Some(History { max_len: 5, columns: vec![column(0, 0), column(1, 1)] }),
        numeric: vec!["price".into(), "age".into()],
        group: "user".into(),
    }
}

/// `examples` examples with histories of zero to five events, and ids that repeat.
fn batch(schema: &Schema, examples: usize) -> Batch {
    let mut batch = Batch::default();
    batch.clear();
    let mut draws = 0;
    let mut draw = |below: u32| {
        draws += 1;
        (Streams::new(5).uniform(Purpose::Custom, 99, draws) * f64::from(below)) as u32
    };
    for example in 0..examples {
        batch.labels.push(draw(2) as f32);
        for field in &schema.fields {
            batch.fields.push(draw(schema.spaces[field.space].rows));
        }
        let events = if example % 3 == 1 { 0 } else { 1 + draw(5) };
        for _ in 0..events {
            for column in &schema.history.as_ref().unwrap().columns {
                batch.history.push(draw(schema.spaces[column.space].rows));
            }
        }
        batch.history_offsets.push(batch.history_offsets[example] + events);
        batch.numeric.extend([draw(100) as f32 / 50.0 - 1.0, draw(100) as f32 / 50.0]);
    }
    batch.info.resize(examples, Default::default());
    batch
}

/// Parameters of a model for one batch, in double precision and all of order one.
struct TestParameters {
    model: Arc<dyn Model>,
    lookups: Lookups,
    dense: Vec<f64>,
    moving: Vec<f64>,
    rows: Vec<f64>,
}

impl TestParameters {
    fn new(model: Arc<dyn Model>, schema: &Schema, batch: &Batch) -> TestParameters {
        let mut lookups = Lookups::default();
        let layout = model.layout();
        Locator::for_layout(schema, layout).locate(batch, &mut lookups);
        let halved = |numbers: Vec<f64>| numbers.into_iter().map(|x| 0.5 * x).collect();
        TestParameters {
            dense: halved(numbers(1, layout.dense_len())),
            rows: numbers(2, view::rows_len(layout, &lookups)),
            moving: numbers(3, layout.moving_len()).iter().map(|x| 1.0 + 0.5 * x).collect(),
            lookups,
            model,
        }
    }

    fn gradient(&self, batch: &Batch, dense: &[f64], rows: &[f64]) -> Gradient<f64> {
        let view = View { dense, rows, moving: &self.moving, lookups: &self.lookups };
        let mut gradient = Gradient::default();
        self.model.gradient_f64(view, batch, &mut gradient);
        gradient
    }

    /// The same parameters, gradient and scores in single precision.
    fn single(&self, batch: &Batch) -> (Gradient<f32>, Vec<f32>) {
        let single = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<f32>>();
        let (dense, moving) = (single(&self.dense), single(&self.moving));
        let rows = single(&self.rows);
        let view = View { dense: &dense, moving: &moving, rows: &rows, lookups: &self.lookups };
        let (mut workspace, mut gradient) = (Workspace::default(), Gradient::default());
        let mut logits = Vec::new();
        // Two runs: the second finds the buffers of the first in the workspace.
        for _ in 0..2 {
            self.model.gradient(view, batch, &mut workspace, &mut gradient);
            self.model.scores(view, batch, &mut workspace, &mut logits);
        }
        (gradient, logits)
    }
}

fn choice(config: serde_json::Value) -> ModelChoice {
    serde_json::from_value(config).expect("a model configuration")
}

/// Every registered model with its own defaults (made small), and the options of each.
fn configurations() -> Vec<ModelChoice> {
    let mut configs = vec![
        json!({"kind": "logistic"}),
        json!({"kind": "logistic", "fields": ["item", "shelf"]}),
        json!({"kind": "logistic", "fields": ["price"]}),
        json!({"kind": "logistic", "numeric": "log_standardise"}),
        json!({"kind": "mlp", "embedding_dim": 2, "hidden": []}),
        json!({"kind": "mlp", "embedding_dim": 1, "hidden": [3], "fields": ["age", "category"]}),
        json!({"kind": "din", "embedding_dim": 2, "hidden": [], "attention_hidden": []}),
        json!({"kind": "din", "embedding_dim": 2, "hidden": [3], "attention_hidden": [3, 2],
               "fields": ["item", "category"]}),
        json!({"kind": "din", "embedding_dim": 1, "hidden": [3], "attention_hidden": [4],
               "fields": []}),
    ];
    for kind in ["shared_batch", "local_batch"] {
        for activation in ["prelu", "sigmoid", "leaky_relu"] {
            for slopes in ["channel", "layer"] {
                let normalization = json!({"kind": kind, "epsilon": 0.05});
                configs.push(json!({"kind": "mlp", "embedding_dim": 3, "hidden": [5, 4],
                    "activation": activation, "slopes": slopes, "normalization": normalization}));
                configs.push(json!({"kind": "din", "embedding_dim": 2, "hidden": [4],
                    "attention_hidden": [4, 3], "activation": activation, "slopes": slopes,
                    "normalization": normalization, "numeric": "log"}));
            }
        }
    }
    for activation in ["prelu", "relu", "leaky_relu", "sigmoid", "dice"] {
        for slopes in ["channel", "layer"] {
            configs.push(json!({"kind": "mlp", "embedding_dim": 3, "hidden": [5, 4],
                "activation": activation, "slopes": slopes}));
            for (softmax, product) in [(true, true), (false, true), (true, false), (false, false)] {
                configs.push(json!({"kind": "din", "embedding_dim": 2, "hidden": [5, 4],
                    "attention_hidden": [4], "activation": activation, "slopes": slopes,
                    "attention_softmax": softmax, "product": product}));
            }
        }
    }
    // A model without settings in this list is tested with its defaults.
    for part in ModelChoice::PARTS {
        if !configs.iter().any(|config| config["kind"] == part.name) {
            configs.push(json!({"kind": part.name}));
        }
    }
    configs.into_iter().map(choice).collect()
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    let (schema, batch) = (schema(), batch(&schema(), 7));
    for choice in configurations() {
        let model = choice.build(&schema, ModelContext::default()).unwrap();
        let setting = TestParameters::new(model, &schema, &batch);
        let TestParameters { dense, rows, .. } = &setting;
        let gradient = setting.gradient(&batch, dense, rows);
        let by_dense = slopes(dense, |dense| setting.gradient(&batch, dense, rows).loss);
        let by_rows = slopes(rows, |rows| setting.gradient(&batch, dense, rows).loss);
        assert_slopes(&format!("dense of {choice:?}"), &by_dense, &gradient.dense);
        assert_slopes(&format!("rows of {choice:?}"), &by_rows, &gradient.rows);
    }
}

/// Weights of both signs, and offsets, as a live stream gives them.
#[test]
fn weights_and_offsets_are_part_of_the_loss() {
    let (schema, plain) = (schema(), batch(&schema(), 7));
    let mut batch = plain.clone();
    batch.weights = numbers(7, 7).into_iter().map(|x| x as f32).collect();
    batch.offsets = numbers(8, 7).into_iter().map(|x| 2.0 * x as f32).collect();
    let neutral = Batch { weights: vec![1.0; 7], offsets: vec![0.0; 7], ..plain.clone() };
    for choice in configurations().into_iter().take(9) {
        let model = choice.build(&schema, ModelContext::default()).unwrap();
        let setting = TestParameters::new(model, &schema, &batch);
        let TestParameters { dense, rows, .. } = &setting;
        let gradient = setting.gradient(&batch, dense, rows);
        let by_dense = slopes(dense, |dense| setting.gradient(&batch, dense, rows).loss);
        let by_rows = slopes(rows, |rows| setting.gradient(&batch, dense, rows).loss);
        assert_slopes(&format!("dense of {choice:?}"), &by_dense, &gradient.dense);
        assert_slopes(&format!("rows of {choice:?}"), &by_rows, &gradient.rows);
        assert_eq!(setting.single(&neutral), setting.single(&plain), "{choice:?}");
        // What is served has neither.
        assert_eq!(setting.single(&batch).1, setting.single(&plain).1, "{choice:?}");
    }
}

/// A batch may hold an example and its withdrawal: together they have no loss.
#[test]
fn an_example_of_weight_minus_one_takes_itself_back() {
    let (schema, some) = (schema(), batch(&schema(), 6));
    let mut both = some.clone();
    let events = some.events() as u32;
    both.labels.extend_from_within(..);
    both.fields.extend_from_within(..);
    both.history.extend_from_within(..);
    both.history_offsets.extend(some.history_offsets[1..].iter().map(|end| end + events));
    both.numeric.extend_from_within(..);
    both.info.extend_from_within(..);
    both.weights = [vec![1.0; 6], vec![-1.0; 6]].concat();
    for choice in configurations().into_iter().take(9) {
        let model = choice.build(&schema, ModelContext::default()).unwrap();
        let setting = TestParameters::new(model, &schema, &both);
        let gradient = setting.gradient(&both, &setting.dense, &setting.rows);
        let all = gradient.dense.iter().chain(&gradient.rows);
        assert!(all.into_iter().all(|g| g.abs() < 1e-14), "{choice:?}: {gradient:?}");
        assert!(gradient.loss.abs() < 1e-14, "{choice:?}");
    }
    let mut half = Batch::default();
    half.copy_part(&both, 6..12);
    assert_eq!(half, Batch { weights: vec![-1.0; 6], ..some });
}

#[test]
fn single_precision_is_close_to_double() {
    let (schema, batch) = (schema(), batch(&schema(), 40));
    for choice in configurations() {
        let model = choice.build(&schema, ModelContext::default()).unwrap();
        let setting = TestParameters::new(model, &schema, &batch);
        let double = setting.gradient(&batch, &setting.dense, &setting.rows);
        let (single, _) = setting.single(&batch);
        assert!((single.loss - double.loss).abs() < 1e-6 * double.loss.max(1.0), "{choice:?}");
        let pairs = [
            (&single.dense, &double.dense),
            (&single.rows, &double.rows),
            (&single.moving, &double.moving),
        ];
        for (single, double) in pairs {
            assert_eq!(single.len(), double.len());
            let largest = double.iter().fold(1e-2f64, |most, d| most.max(d.abs()));
            for (s, d) in single.iter().zip(double) {
                assert!((f64::from(*s) - d).abs() < 1e-5 * largest, "{choice:?}: {s} {d}");
            }
        }
    }
}

#[test]
fn histories_may_all_be_empty_and_so_may_the_batch() {
    let schema = schema();
    let mut without_history = batch(&schema, 4);
    without_history.history.clear();
    without_history.history_offsets.fill(0);
    let mut empty = Batch::default();
    empty.clear();
    for choice in configurations() {
        for batch in [&without_history, &empty] {
            let model = choice.build(&schema, ModelContext::default()).unwrap();
            let setting = TestParameters::new(model, &schema, batch);
            let (gradient, logits) = setting.single(batch);
            assert_eq!((gradient.examples as usize, logits.len()), (batch.len(), batch.len()));
            let all = [&gradient.dense, &gradient.rows, &gradient.moving, &logits];
            assert!(all.into_iter().flatten().all(|x| x.is_finite()), "{choice:?}");
        }
    }
}

#[test]
fn scores_do_not_depend_on_who_else_is_in_the_batch() {
    let (schema, all) = (schema(), batch(&schema(), 6));
    for choice in configurations() {
        let build = || choice.build(&schema, ModelContext::default()).unwrap();
        let (_, together) = TestParameters::new(build(), &schema, &all).single(&all);
        // The first example alone. It meets its rows first in both batches, but the full batch adds
        // others.
        let mut first = all.clone();
        first.labels.truncate(1);
        first.fields.truncate(schema.fields.len());
        first.history_offsets.truncate(2);
        first.history.truncate(2 * first.events());
        first.numeric.truncate(2);
        let setting = TestParameters::new(build(), &schema, &all);
        let mut alone = TestParameters::new(build(), &schema, &first);
        copy_rows(&setting, &mut alone);
        let (_, alone) = alone.single(&first);
        assert!((alone[0] - together[0]).abs() < 1e-5, "{choice:?}");
    }
}

/// Gives the rows of `to` the values that the same ids have in `from`.
fn copy_rows(from: &TestParameters, to: &mut TestParameters) {
    let layout = from.model.layout().clone();
    for (t, table) in layout.tables.iter().enumerate() {
        let source = view::row_range(&layout, &from.lookups, t).start;
        let target = view::row_range(&layout, &to.lookups, t).start;
        for (k, id) in to.lookups.ids[table.space].iter().enumerate() {
            let known = from.lookups.ids[table.space].iter().position(|other| other == id);
            let (s, t) = (source + known.unwrap() * table.dim, target + k * table.dim);
            to.rows[t..t + table.dim].copy_from_slice(&from.rows[s..s + table.dim]);
        }
    }
}

#[test]
fn the_regulariser_pulls_touched_rows_by_strength_over_count() {
    let (schema, batch) = (schema(), batch(&schema(), 7));
    let counts: Vec<Vec<u32>> =
        schema.spaces.iter().map(|space| (0..space.rows).map(|id| id % 4).collect()).collect();
    for kind in ModelChoice::PARTS.iter().map(|part| part.name) {
        for counts in [None, Some(Arc::new(counts.clone()))] {
            let gradient = |l2: f64| {
                let choice = choice(json!({"kind": kind, "l2_embedding": l2}));
                let context = ModelContext { counts: counts.clone(), ..ModelContext::default() };
                let setting =
                    TestParameters::new(choice.build(&schema, context).unwrap(), &schema, &batch);
                (setting.gradient(&batch, &setting.dense, &setting.rows), setting)
            };
            let ((plain, _), (pulled, setting)) = (gradient(0.0), gradient(0.3));
            assert_eq!((&plain.dense, plain.loss), (&pulled.dense, pulled.loss));
            let layout = setting.model.layout();
            for (t, table) in layout.tables.iter().enumerate() {
                let range = view::row_range(layout, &setting.lookups, t);
                for (k, at) in range.enumerate() {
                    let id = setting.lookups.ids[table.space][k / table.dim] as usize;
                    let count = counts.as_ref().map_or(1, |counts| counts[table.space][id].max(1));
                    let pull = 0.3 * setting.rows[at] / f64::from(count);
                    assert!((pulled.rows[at] - plain.rows[at] - pull).abs() < 1e-12, "{kind}");
                }
            }
        }
    }
}

#[test]
fn layers_carry_the_documented_names() {
    let din = choice(json!({"kind": "din"})).build(&schema(), ModelContext::default()).unwrap();
    let names: Vec<String> = din.layout().layers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["attention.0", "attention.last", "mlp.0", "mlp.1", "mlp.last"]);
    let tables: Vec<&str> = din.layout().tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(tables, ["item", "category", "user"]);
}

#[test]
fn parameters_are_counted_as_in_the_benchmark_workloads() {
    let spaces = |rows: &[u32]| Schema {
        spaces: rows.iter().map(|&rows| IdSpace { name: rows.to_string(), rows }).collect(),
        fields: (0..rows.len()).map(|space| Field { name: space.to_string(), space }).collect(),
        ..Schema::default()
    };
    let mut log = spaces(&[100_000, 1_000, 50_000, 1_000, 100, 10]);
    log.history =
        Some(History { max_len: 20, columns: vec![HistoryColumn { space: 0, target: 0 }] });
    let build = |config, log: &Schema| choice(config).build(log, ModelContext::default()).unwrap();
    let din = build(json!({"kind": "din", "product": false, "attention_softmax": false}), &log);
    assert_eq!((din.layout().dense_len(), din.layout().sparse_len()), (41_454, 152_110 * 16));
    let log = spaces(&[100_000, 50_000, 10_000, 1_000, 1_000, 100, 100, 10]);
    let small = build(json!({"kind": "mlp", "embedding_dim": 8, "hidden": [64, 32]}), &log);
    assert_eq!((small.layout().dense_len(), small.layout().sparse_len()), (6_369, 162_210 * 8));
}

/// A row that is in the batch but not in the model's columns must not look touched.
#[test]
fn only_the_rows_that_are_read_are_touched() {
    let (schema, batch) = (schema(), batch(&schema(), 40));
    let touched = |config| {
        let model = choice(config).build(&schema, ModelContext::default()).unwrap();
        let setting = TestParameters::new(model, &schema, &batch);
        setting.lookups.ids.iter().map(Vec::len).collect::<Vec<_>>()
    };
    let distinct = |columns: &[usize]| {
        let rows = batch.fields.chunks_exact(4);
        let ids = rows.flat_map(|row| columns.iter().map(|&column| row[column]));
        ids.collect::<std::collections::BTreeSet<_>>().len()
    };
    let item_and_user = vec![distinct(&[0]), 0, distinct(&[2])];
    let fields = json!(["item", "user"]);
    assert_eq!(touched(json!({"kind": "mlp", "fields": fields})), item_and_user);
    assert_eq!(touched(json!({"kind": "logistic", "fields": fields})), item_and_user);
    let din = touched(json!({"kind": "din", "fields": []}));
    assert!(din[0] >= distinct(&[0]) && din[1] > 0 && din[2] == 0, "{din:?}");
}

#[test]
fn what_does_not_fit_is_refused_with_the_remedy() {
    let error = |config, schema: &Schema| {
        choice(config).build(schema, ModelContext::default()).unwrap_err()
    };
    let without_history = Schema { history: None, ..schema() };
    assert_eq!(
        error(json!({"kind": "din"}), &without_history).to_string(),
        "model `din` needs a user history, and this data has none: give the data source a \
         history, or use model `mlp`"
    );
    assert_eq!(error(json!({"kind": "mlp", "fields": []}), &schema()), ModelError::NoInputs);
    assert_eq!(
        error(json!({"kind": "mlp", "hidden": [8, 0]}), &schema()).to_string(),
        "`hidden` must lie between 1 and 65536, but is 0"
    );
    let negative = json!({"kind": "din", "l2_embedding": -1.0});
    assert!(error(negative, &schema()).to_string().contains("at least 0"));
}

/// The moments that a normalized layer pushes are those of its batch. Evaluation uses the view's
/// moments: with the batch's own it gives the logits of training.
#[test]
fn moments_are_pushed_and_used_in_evaluation() {
    let (schema, batch) = (schema(), batch(&schema(), 9));
    let config = |normalization: serde_json::Value| {
        choice(json!({"kind": "mlp", "embedding_dim": 2, "hidden": [3],
                      "normalization": normalization}))
    };
    let build = |config: ModelChoice| config.build(&schema, ModelContext::default()).unwrap();
    let mut setting =
        TestParameters::new(build(config(json!({"kind": "local_batch"}))), &schema, &batch);
    let before = setting.gradient(&batch, &setting.dense, &setting.rows);
    let layout = setting.model.layout().clone();
    let names: Vec<&str> = layout.moving.iter().map(|block| block.name.as_str()).collect();
    assert_eq!(names, ["mlp.0.norm_mean", "mlp.0.norm_variance"]);
    // Computed by hand: the same network without the normalization gives z through its own first
    // layer.
    let plain = TestParameters::new(build(config(json!({"kind": "none"}))), &schema, &batch);
    let width = plain.model.layout().dense[0].shape.0;
    let z = |example: usize, unit: usize| {
        let mut x = Vec::new();
        for (column, field) in schema.fields.iter().enumerate() {
            let table = layout.tables.iter().position(|table| table.space == field.space).unwrap();
            let rows = &setting.rows[view::row_range(&layout, &setting.lookups, table)];
            let at = setting.lookups.fields[example * schema.fields.len() + column] as usize;
            x.extend_from_slice(&rows[2 * at..2 * at + 2]);
        }
        x.extend(batch.numeric[2 * example..2 * example + 2].iter().map(|&x| f64::from(x)));
        assert_eq!(x.len(), width);
        let weights = (0..width).map(|i| setting.dense[3 * i + unit]);
        x.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() + setting.dense[3 * width + unit]
    };
    for unit in 0..3 {
        let values: Vec<f64> = (0..9).map(|example| z(example, unit)).collect();
        let mean = values.iter().sum::<f64>() / 9.0;
        let variance = values.iter().map(|z| (z - mean) * (z - mean)).sum::<f64>() / 9.0;
        assert!((before.moving[unit] - mean).abs() < 1e-12);
        assert!((before.moving[3 + unit] - variance).abs() < 1e-12);
    }
    // Moments of the view change scores, but no gradient. With the batch's own, scores are those of
    // training.
    let other = setting.single(&batch).1;
    setting.moving.clone_from(&before.moving);
    let (_, scores) = setting.single(&batch);
    assert_ne!(other, scores);
    let after = setting.gradient(&batch, &setting.dense, &setting.rows);
    assert_eq!((&after.dense, after.loss), (&before.dense, before.loss));
    let loss = scores.iter().zip(&batch.labels).map(|(&z, &y)| {
        let z = f64::from(z);
        z.exp().ln_1p() - f64::from(y) * z
    });
    assert!((loss.sum::<f64>() / 9.0 - before.loss).abs() < 1e-6);
}

#[test]
fn numeric_columns_are_standardised_by_the_moments_given() {
    let (schema, batch) = (schema(), batch(&schema(), 6));
    let columns = Some(Arc::new(vec![(0.5, 2.0), (1.0, 0.25)]));
    let logits = |numeric: &str, columns: Option<Arc<Vec<(f64, f64)>>>, batch: &Batch| {
        let config = choice(json!({"kind": "logistic", "numeric": numeric}));
        let model = config.build(&schema, ModelContext { columns, ..Default::default() }).unwrap();
        TestParameters::new(model, &schema, batch).single(batch).1
    };
    let mut scaled = batch.clone();
    for row in scaled.numeric.chunks_exact_mut(2) {
        row[0] = (row[0] - 0.5) / 2.0;
        row[1] = (row[1] - 1.0) * 4.0;
    }
    let given = logits("standardise", columns, &batch);
    let by_hand = logits("as_is", None, &scaled);
    assert!(given.iter().zip(&by_hand).all(|(a, b)| (a - b).abs() < 1e-6), "{given:?} {by_hand:?}");
    assert_ne!(given, logits("as_is", None, &batch));
}
