//! Gradients and optimizer trajectories against those of PyTorch (`tests/reference/README.md`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use straggler::data::{Batch, Field, History, HistoryColumn, IdSpace, Schema};
use straggler::model::{Model, ModelChoice, ModelContext, Workspace};
use straggler::optimizer::{Optimizer, OptimizerChoice, RowSemantics, Slot, Tick};
use straggler::params::view::{row_range, rows_len};
use straggler::params::{Block, Gradient, Layout, Locator, Lookups, View};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/fixtures")
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> T {
    let text = fs::read_to_string(path).expect("a committed fixture");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Values by the name of their block or table.
type Named = BTreeMap<String, Vec<f64>>;

#[derive(Deserialize)]
struct ModelFixture {
    model: ModelChoice,
    schema: SchemaFixture,
    counts: Vec<Vec<u32>>,
    batch: BatchFixture,
    dense: Named,
    tables: Named,
    moving: Named,
    scores: Vec<f64>,
    loss: f64,
    gradient: GradientFixture,
}

#[derive(Deserialize)]
struct GradientFixture {
    dense: Named,
    tables: Named,
    moving: Named,
}

#[derive(Deserialize)]
struct SchemaFixture {
    spaces: Vec<SpaceFixture>,
    fields: Vec<FieldFixture>,
    history: Vec<ColumnFixture>,
    numeric: Vec<String>,
}

#[derive(Deserialize)]
struct SpaceFixture {
    name: String,
    rows: u32,
}

#[derive(Deserialize)]
struct FieldFixture {
    name: String,
    space: usize,
}

#[derive(Deserialize)]
struct ColumnFixture {
    space: usize,
    target: usize,
}

#[derive(Deserialize)]
struct BatchFixture {
    labels: Vec<f32>,
    fields: Vec<u32>,
    history_offsets: Vec<u32>,
    history: Vec<u32>,
    numeric: Vec<f32>,
}

impl SchemaFixture {
    fn schema(&self) -> Schema {
        let columns = self.history.iter();
        let column = |c: &ColumnFixture| HistoryColumn { space: c.space, target: c.target };
        let space = |s: &SpaceFixture| IdSpace { name: s.name.clone(), rows: s.rows };
        let field = |f: &FieldFixture| Field { name: f.name.clone(), space: f.space };
        Schema {
            spaces: self.spaces.iter().map(space).collect(),
            fields: self.fields.iter().map(field).collect(),
            history: Some(History { max_len: 5, columns: columns.map(column).collect() }),
            numeric: self.numeric.clone(),
            group: "user".to_string(),
        }
    }
}

impl BatchFixture {
    fn batch(self) -> Batch {
        Batch {
            info: vec![Default::default(); self.labels.len()],
            labels: self.labels,
            fields: self.fields,
            history_offsets: self.history_offsets,
            history: self.history,
            numeric: self.numeric,
            ..Batch::default()
        }
    }
}

/// The values of all blocks, one after the other.
fn arena(blocks: &[Block], values: &Named) -> Vec<f64> {
    assert_eq!(blocks.len(), values.len(), "number of blocks");
    blocks.iter().flat_map(|block| values[&block.name].clone()).collect()
}

/// The distinct rows of a batch out of whole tables.
fn rows(layout: &Layout, lookups: &Lookups, tables: &Named) -> Vec<f64> {
    assert_eq!(layout.tables.len(), tables.len(), "number of tables");
    let mut rows = Vec::new();
    for table in &layout.tables {
        for &id in &lookups.ids[table.space] {
            rows.extend(&tables[&table.name][id as usize * table.dim..][..table.dim]);
        }
    }
    rows
}

#[track_caller]
fn assert_near(what: &str, given: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(given.len(), wanted.len(), "{what}: number of values");
    for (i, (given, wanted)) in given.iter().zip(wanted).enumerate() {
        let near = (given - wanted).abs() <= tolerance * wanted.abs().max(1.0);
        assert!(near, "{what}[{i}]: {given} instead of {wanted}");
    }
}

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn check_model(name: &str, fixture: ModelFixture) {
    let schema = fixture.schema.schema();
    let context =
        ModelContext { counts: Some(Arc::new(fixture.counts)), ..ModelContext::default() };
    let model = fixture.model.build(&schema, context).unwrap();
    let layout = model.layout();
    let batch = fixture.batch.batch();
    let mut lookups = Lookups::default();
    Locator::for_layout(&schema, layout).locate(&batch, &mut lookups);

    let wanted = [
        arena(&layout.dense, &fixture.gradient.dense),
        rows(layout, &lookups, &fixture.gradient.tables),
        arena(&layout.moving, &fixture.gradient.moving),
        vec![fixture.loss],
    ];
    let (dense, moving) =
        (arena(&layout.dense, &fixture.dense), arena(&layout.moving, &fixture.moving));
    let values = rows(layout, &lookups, &fixture.tables);
    let view = View { dense: &dense, moving: &moving, rows: &values, lookups: &lookups };
    let mut gradient = Gradient::default();
    model.gradient_f64(view, &batch, &mut gradient);
    let loss = vec![gradient.loss];
    let given = [gradient.dense, gradient.rows, gradient.moving, loss];
    for (given, wanted) in given.iter().zip(&wanted) {
        assert_near(&format!("{name}, double precision"), given, wanted, 1e-11);
    }

    let (dense, moving, values) = (single(&dense), single(&moving), single(&values));
    let view = View { dense: &dense, moving: &moving, rows: &values, lookups: &lookups };
    let (mut gradient, mut logits) = (Gradient::default(), Vec::new());
    let mut workspace = Workspace::default();
    model.gradient(view, &batch, &mut workspace, &mut gradient);
    let loss = vec![gradient.loss];
    let given = [double(&gradient.dense), double(&gradient.rows), double(&gradient.moving), loss];
    for (given, wanted) in given.iter().zip(&wanted) {
        assert_near(&format!("{name}, single precision"), given, wanted, 1e-5);
    }
    model.scores(view, &batch, &mut workspace, &mut logits);
    assert_near(&format!("{name}, scores"), &double(&logits), &fixture.scores, 1e-5);

    untouched_rows_have_no_gradient(&*model, &lookups, &fixture.gradient.tables);
}

/// What PyTorch reports for rows that we do not push.
fn untouched_rows_have_no_gradient(model: &dyn Model, lookups: &Lookups, tables: &Named) {
    let layout = model.layout();
    assert_eq!(row_range(layout, lookups, layout.tables.len() - 1).end, rows_len(layout, lookups));
    for table in &layout.tables {
        for (id, row) in tables[&table.name].chunks_exact(table.dim).enumerate() {
            let touched = lookups.ids[table.space].contains(&(id as u32));
            assert!(touched || row.iter().all(|&g| g == 0.0), "{} {id}", table.name);
        }
    }
}

#[test]
fn models_agree_with_pytorch() {
    let mut checked = Vec::new();
    let mut paths: Vec<PathBuf> =
        fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name.starts_with("model_") {
            let fixture: ModelFixture = read(&path);
            checked.push(fixture.model.name());
            check_model(&name, fixture);
        }
    }
    for part in ModelChoice::PARTS {
        assert!(checked.contains(&part.name), "no fixture for {}", part.name);
    }
}

#[derive(Deserialize)]
struct OptimizerFixture {
    start: Vec<Vec<f32>>,
    steps: BTreeMap<String, Vec<StepFixture>>,
    cases: Vec<CaseFixture>,
}

#[derive(Deserialize)]
struct StepFixture {
    rows: Vec<usize>,
    gradients: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct CaseFixture {
    rule: OptimizerChoice,
    steps: String,
    weights: Vec<Vec<f64>>,
}

/// A table as a server keeps it, with what its rows' counters say.
struct Rows {
    rule: Arc<dyn Optimizer>,
    weights: Vec<Vec<f32>>,
    slots: Vec<Vec<f32>>,
    touches: Vec<u64>,
}

impl Rows {
    fn new(rule: Arc<dyn Optimizer>, weights: Vec<Vec<f32>>) -> Rows {
        let first = |row: &Vec<f32>| {
            let mut memory = vec![0.0; Slot::all(rule.slots(), row.len())];
            Slot::begin(rule.slots(), row.len(), &mut memory);
            memory
        };
        Rows {
            slots: weights.iter().map(first).collect(),
            touches: vec![0; weights.len()],
            rule,
            weights,
        }
    }

    fn apply(&mut self, rate: f32, update: u64, step: &StepFixture) {
        for row in 0..self.weights.len() {
            let touched = step.rows.iter().position(|&touched| touched == row);
            let zeros = vec![0.0; self.weights[row].len()];
            let gradient = match (touched, self.rule.rows()) {
                (Some(at), _) => &step.gradients[at],
                (None, RowSemantics::Dense) => &zeros,
                (None, RowSemantics::Lazy) => continue,
            };
            self.touches[row] += 1;
            let tick = Tick {
                rate,
                global: update,
                variable: update,
                row: self.touches[row],
                ..Tick::default()
            };
            let (weights, slots) = (&mut self.weights[row], &mut self.slots[row]);
            self.rule.update(weights, slots, gradient, &tick);
        }
    }
}

/// Rules that PyTorch does not have; `tests/it/optimizers.rs` holds them against other values.
const NOT_IN_PYTORCH: [&str; 8] = [
    "ada_delay",
    "adagrad_decay",
    "adam_ar",
    "adam_swap",
    "adaptive_revision",
    "ftrl",
    "ftrl_swap",
    "rmsprop_swap",
];

#[test]
fn optimizers_agree_with_pytorch() {
    let fixture: OptimizerFixture = read(&fixtures().join("optimizers.json"));
    for case in &fixture.cases {
        let rate = case.rule.learning_rate() as f32;
        let mut table = Rows::new(case.rule.build(), fixture.start.clone());
        let steps = &fixture.steps[&case.steps];
        assert_eq!((steps.len(), case.weights.len()), (20, 20));
        for (update, (step, wanted)) in (1u64..).zip(steps.iter().zip(&case.weights)) {
            table.apply(rate, update, step);
            let what = format!("{:?} on {}, update {update}", case.rule, case.steps);
            assert_near(&what, &double(&table.weights.concat()), wanted, 2e-6);
        }
    }
    for part in OptimizerChoice::PARTS {
        let checked = fixture.cases.iter().any(|case| case.rule.name() == part.name)
            || NOT_IN_PYTORCH.contains(&part.name);
        assert!(checked, "no fixture for {}", part.name);
    }
}
