//! A network whose ids share rows of their tables: the rows of an id are joined to its embedding,
//! the network is run on these embeddings, and their gradients go back to the rows.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Model, ModelError, Workspace};
use crate::data::coding::{CodedSpace, Join};
use crate::data::{Batch, Coding, Schema};
use crate::nn::Real;
use crate::params::view::{row_range, rows_len};
use crate::params::{Gradient, Layout, Lookups, Reads, View};

/// A network over a log whose ids share rows.
#[derive(Debug)]
pub struct Composed {
    network: Arc<dyn Model>,
    layout: Layout,
    spaces: Vec<CodedSpace>,
    /// By table of the network, those that its embeddings are made of, one for each part.
    tables: Vec<Vec<usize>>,
    /// By field of the network, its id space and the first of its columns; then the number of columns.
    fields: (Vec<(usize, usize)>, usize),
    /// By column of the history, likewise.
    history: (Vec<(usize, usize)>, usize),
}

impl Composed {
    /// The network over a log with this coding, whose columns are `schema`.
    ///
    /// # Errors
    /// If an embedding cannot be divided among the parts that lie side by side.
    pub fn new(
        network: Arc<dyn Model>,
        coding: &Coding,
        schema: &Schema,
    ) -> Result<Composed, ModelError> {
        let inner = network.layout();
        let mut layout = Layout { tables: Vec::new(), ..inner.clone() };
        let mut tables = Vec::new();
        for table in &inner.tables {
            let CodedSpace { parts, join } = &coding.spaces[table.space];
            let side_by_side = *join == Join::Concatenate && parts.len() > 1;
            let share = if side_by_side { parts.len() } else { 1 };
            if !table.dim.is_multiple_of(share) {
                let (table, dim) = (table.name.clone(), table.dim);
                return Err(ModelError::Indivisible { table, dim, parts: parts.len() });
            }
            let mut of_parts: Vec<(usize, usize)> = Vec::new();
            for part in parts {
                if !of_parts.iter().any(|(space, _)| *space == part.space) {
                    let plain = &coding.plain.spaces[table.space].name;
                    let space = &schema.spaces[part.space];
                    let suffix = space.name.strip_prefix(plain.as_str()).unwrap_or_default();
                    let name = format!("{}{suffix}", table.name);
                    let index = layout.add_table(
                        &name,
                        part.space,
                        space.rows,
                        table.dim / share,
                        table.init,
                    );
                    of_parts.push((part.space, index));
                }
            }
            let index =
                |space: usize| of_parts.iter().find(|(of, _)| *of == space).map(|(_, t)| *t);
            tables.push(parts.iter().filter_map(|part| index(part.space)).collect());
        }
        let of_fields = coding.plain.fields.iter().map(|field| field.space);
        let plain_history = coding.plain.history.iter().flat_map(|history| &history.columns);
        let of_history = plain_history.map(|column| column.space);
        let fields: Vec<(usize, usize)> = of_fields.zip(coding.fields.iter().copied()).collect();
        if let Some(reads) = &inner.reads {
            let parts = |f: usize| coding.spaces[fields[f].0].parts.len();
            let each = reads.fields.iter().enumerate();
            let read = each.flat_map(|(f, read)| std::iter::repeat_n(*read, parts(f)));
            layout.reads = Some(Reads { fields: read.collect(), history: reads.history });
        }
        Ok(Composed {
            spaces: coding.spaces.clone(),
            fields: (fields, schema.fields.len()),
            history: (
                of_history.zip(coding.history.iter().copied()).collect(),
                schema.history_columns(),
            ),
            network,
            layout,
            tables,
        })
    }

    /// The embeddings that a batch refers to: for each id space of the network the distinct
    /// combinations of positions of rows; and where the batch refers to them.
    fn embeddings(&self, lookups: &Lookups) -> (Lookups, Vec<Vec<u32>>) {
        let mut found: Vec<Combinations> = self.spaces.iter().map(Combinations::new).collect();
        let mut places = |positions: &[u32], (columns, width): &(Vec<(usize, usize)>, usize)| {
            let rows = positions.chunks_exact((*width).max(1));
            rows.flat_map(|row| columns.iter().map(move |(space, first)| (row, *space, *first)))
                .map(|(row, space, first)| found[space].place(&row[first..]))
                .collect::<Vec<u32>>()
        };
        let fields = places(&lookups.fields, &self.fields);
        let history = places(&lookups.history, &self.history);
        let whole = |(space, found): (&CodedSpace, Combinations)| match space.parts[..] {
            // All distinct rows, also those that only the history or another field has.
            [ref part] => (0..lookups.ids[part.space].len() as u32).collect(),
            _ => found.all,
        };
        let all: Vec<Vec<u32>> = self.spaces.iter().zip(found).map(whole).collect();
        let count = |(space, all): (&CodedSpace, &Vec<u32>)| {
            (0..(all.len() / space.parts.len()) as u32).collect()
        };
        let ids = self.spaces.iter().zip(&all).map(count).collect();
        (Lookups { ids, fields, history, ..Lookups::default() }, all)
    }

    /// Joins the rows of the view to embeddings.
    fn join<F: Real>(&self, view: View<'_, F>, inner: &Lookups, all: &[Vec<u32>]) -> Vec<F> {
        let layout = self.network.layout();
        let mut rows = vec![F::ZERO; rows_len(layout, inner)];
        for (t, table) in layout.tables.iter().enumerate() {
            let into = &mut rows[row_range(layout, inner, t)];
            let CodedSpace { parts, join } = &self.spaces[table.space];
            for (part, &outer) in self.tables[t].iter().enumerate() {
                let from = &view.rows[row_range(&self.layout, view.lookups, outer)];
                let dim = self.layout.tables[outer].dim;
                let combinations = all[table.space].chunks_exact(parts.len());
                for (row, at) in into.chunks_exact_mut(table.dim.max(1)).zip(combinations) {
                    let own = &from[at[part] as usize * dim..][..dim];
                    match join {
                        Join::Concatenate => row[part * dim..][..dim].copy_from_slice(own),
                        _ if part == 0 => row.copy_from_slice(own),
                        Join::Add => row.iter_mut().zip(own).for_each(|(a, b)| *a += *b),
                        Join::Multiply => row.iter_mut().zip(own).for_each(|(a, b)| *a *= *b),
                    }
                }
            }
        }
        rows
    }

    /// Gives the gradients of embeddings back to the rows.
    fn give_back<F: Real>(
        &self,
        view: View<'_, F>,
        (inner, all): (&Lookups, &[Vec<u32>]),
        of: &Gradient<F>,
        into: &mut Gradient<F>,
    ) {
        let (layout, rows) = (self.network.layout(), rows_len(&self.layout, view.lookups));
        into.reset(of.dense.len(), rows, of.moving.len());
        into.dense.copy_from_slice(&of.dense);
        into.moving.copy_from_slice(&of.moving);
        (into.loss, into.examples) = (of.loss, of.examples);
        for (t, table) in layout.tables.iter().enumerate() {
            let d_rows = &of.rows[row_range(layout, inner, t)];
            let CodedSpace { parts, join } = &self.spaces[table.space];
            for (part, &outer) in self.tables[t].iter().enumerate() {
                let dim = self.layout.tables[outer].dim;
                let target = row_range(&self.layout, view.lookups, outer);
                let combinations = all[table.space].chunks_exact(parts.len());
                for (d_row, at) in d_rows.chunks_exact(table.dim.max(1)).zip(combinations) {
                    let own = at[part] as usize * dim;
                    let sums = &mut into.rows[target.start + own..][..dim];
                    match join {
                        Join::Concatenate => {
                            let share = &d_row[part * dim..][..dim];
                            sums.iter_mut().zip(share).for_each(|(a, b)| *a += *b);
                        }
                        Join::Multiply if parts.len() > 1 => {
                            for k in 0..dim {
                                let others = (0..parts.len()).filter(|other| *other != part);
                                let factor = others.fold(F::ONE, |product, other| {
                                    let table = self.tables[t][other];
                                    let start = row_range(&self.layout, view.lookups, table).start;
                                    product * view.rows[start + at[other] as usize * dim + k]
                                });
                                sums[k] += d_row[k] * factor;
                            }
                        }
                        Join::Add | Join::Multiply => {
                            sums.iter_mut().zip(d_row).for_each(|(a, b)| *a += *b);
                        }
                    }
                }
            }
        }
    }
}

/// The distinct combinations of rows that ids of a space have.
struct Combinations {
    parts: usize,
    known: FxHashMap<[u32; 2], u32>,
    /// The positions of their rows, combination after combination.
    all: Vec<u32>,
}

impl Combinations {
    fn new(space: &CodedSpace) -> Combinations {
        let parts = space.parts.len();
        assert!((1..=2).contains(&parts), "an id has one or two rows");
        Combinations { parts, known: FxHashMap::default(), all: Vec::new() }
    }

    /// The place of the combination that begins with the first of these positions.
    fn place(&mut self, positions: &[u32]) -> u32 {
        if self.parts == 1 || positions[0] == Lookups::UNREAD {
            return positions[0];
        }
        let next = (self.all.len() / 2) as u32;
        let place = *self.known.entry([positions[0], positions[1]]).or_insert(next);
        if place == next {
            self.all.extend(&positions[..2]);
        }
        place
    }
}

impl Model for Composed {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn gradient(
        &self,
        view: View<'_, f32>,
        batch: &Batch,
        workspace: &mut Workspace,
        into: &mut Gradient<f32>,
    ) {
        let (lookups, all) = self.embeddings(view.lookups);
        let rows = self.join(view, &lookups, &all);
        let inner = View { rows: &rows, lookups: &lookups, ..view };
        let mut of = Gradient::default();
        self.network.gradient(inner, batch, workspace, &mut of);
        self.give_back(view, (&lookups, &all), &of, into);
    }

    fn scores(
        &self,
        view: View<'_, f32>,
        batch: &Batch,
        workspace: &mut Workspace,
        logits: &mut Vec<f32>,
    ) {
        let (lookups, all) = self.embeddings(view.lookups);
        let rows = self.join(view, &lookups, &all);
        let inner = View { rows: &rows, lookups: &lookups, ..view };
        self.network.scores(inner, batch, workspace, logits);
    }

    fn gradient_f64(&self, view: View<'_, f64>, batch: &Batch, into: &mut Gradient<f64>) {
        let (lookups, all) = self.embeddings(view.lookups);
        let rows = self.join(view, &lookups, &all);
        let inner = View { rows: &rows, lookups: &lookups, ..view };
        let mut of = Gradient::default();
        self.network.gradient_f64(inner, batch, &mut of);
        self.give_back(view, (&lookups, &all), &of, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Streams;
    use crate::data::{Coded, DataSource, Hashing, OpenContext, SourceChoice};
    use crate::model::{ModelChoice, ModelContext};
    use crate::params::Locator;
    use std::path::Path;

    fn log(hashing: serde_json::Value) -> Arc<dyn DataSource> {
        let keys =
            serde_json::json!({"kind": "synthetic", "rows_per_day": 100, "users": 9, "items": 40});
        let choice: SourceChoice = serde_json::from_value(keys).unwrap();
        let context = OpenContext::new(Path::new("."), Streams::new(1));
        let hashing: Hashing = serde_json::from_value(hashing).unwrap();
        let of = |space: &str| {
            if space == "item" || space == "user" { hashing.clone() } else { Hashing::default() }
        };
        Coded::over(choice.open(&context).unwrap(), of)
    }

    fn model(log: &dyn DataSource, model: &str) -> Composed {
        let keys = serde_json::json!({"kind": model});
        let mut choice: ModelChoice = serde_json::from_value(keys).unwrap();
        if let ModelChoice::Din(config) = &mut choice {
            (config.embedding_dim, config.hidden) = (4, vec![5]);
        }
        let coding = log.coding().unwrap();
        let network = choice.build(&coding.plain, ModelContext::default()).unwrap();
        Composed::new(network, coding, log.schema()).unwrap()
    }

    /// A batch, and parameters of which none is zero.
    fn example(log: &dyn DataSource, model: &Composed) -> (Batch, Lookups, [Vec<f64>; 3]) {
        let (mut batch, mut lookups) = (Batch::default(), Lookups::default());
        log.read(&(0..6).collect::<Vec<u64>>(), &mut batch);
        Locator::for_layout(log.schema(), model.layout()).locate(&batch, &mut lookups);
        let values = |len: usize, shift: usize| -> Vec<f64> {
            (0..len).map(|i| (((i + shift) * 7919 % 23) as f64 - 11.3) / 20.0).collect()
        };
        let layout = model.layout();
        let rows = values(rows_len(layout, &lookups), 5);
        (batch, lookups, [values(layout.dense_len(), 0), vec![0.5; layout.moving_len()], rows])
    }

    fn kinds() -> [serde_json::Value; 4] {
        [
            serde_json::json!({"kind": "double", "rows": 5}),
            serde_json::json!({"kind": "quotient_remainder", "rows": 3, "quotients": 4}),
            serde_json::json!({"kind": "quotient_remainder", "rows": 3, "join": "multiply"}),
            serde_json::json!({"kind": "quotient_remainder", "rows": 3, "join": "concatenate"}),
        ]
    }

    #[test]
    fn gradients_of_joined_rows_are_those_of_finite_differences() {
        for (hashing, name) in
            kinds().into_iter().flat_map(|h| [(h.clone(), "din"), (h, "logistic")])
        {
            // One number per row cannot be divided.
            if name == "logistic" && hashing["join"] == "concatenate" {
                continue;
            }
            let log = log(hashing.clone());
            let model = model(log.as_ref(), name);
            let (batch, lookups, [dense, moving, rows]) = example(log.as_ref(), &model);
            let gradient = |dense: &[f64], rows: &[f64]| {
                let view = View { dense, moving: &moving, rows, lookups: &lookups };
                let mut into = Gradient::default();
                model.gradient_f64(view, &batch, &mut into);
                into
            };
            let own = gradient(&dense, &rows);
            assert_eq!(own.rows.len(), rows.len());
            assert!(own.rows.iter().filter(|g| **g != 0.0).count() * 2 > rows.len());
            for at in (0..rows.len()).step_by(3) {
                let loss = |step: f64| {
                    let mut moved = rows.clone();
                    moved[at] += step;
                    gradient(&dense, &moved).loss
                };
                let wanted = (loss(1e-5) - loss(-1e-5)) / 2e-5;
                assert!(
                    (own.rows[at] - wanted).abs() < 1e-6,
                    "{hashing} {name} {at}: {} {wanted}",
                    own.rows[at]
                );
            }
            for at in (0..dense.len()).step_by(17) {
                let loss = |step: f64| {
                    let mut moved = dense.clone();
                    moved[at] += step;
                    gradient(&moved, &rows).loss
                };
                let wanted = (loss(1e-5) - loss(-1e-5)) / 2e-5;
                assert!((own.dense[at] - wanted).abs() < 1e-6, "{hashing} {name} dense {at}");
            }
        }
    }

    /// A table of quotients that holds zeros adds nothing: the network of the remainders alone.
    #[test]
    fn a_part_of_zeros_leaves_the_other_rows() {
        let log =
            log(serde_json::json!({"kind": "quotient_remainder", "rows": 64, "quotients": 1}));
        let model = model(log.as_ref(), "din");
        let (batch, lookups, [dense, moving, mut rows]) = example(log.as_ref(), &model);
        let layout = model.layout();
        for (t, table) in layout.tables.iter().enumerate() {
            if table.name.ends_with(".quotient") {
                rows[row_range(layout, &lookups, t)].fill(0.0);
            }
        }
        let (inner, all) = model.embeddings(&lookups);
        let view = View { dense: &dense, moving: &moving, rows: &rows, lookups: &lookups };
        let joined = model.join(view, &inner, &all);
        let item = layout.tables.iter().position(|table| table.name == "item.remainder").unwrap();
        let of_network = &model.network.layout().tables;
        let space = of_network.iter().find(|table| table.name == "item").unwrap().space;
        let dim = layout.tables[item].dim;
        let number = of_network.iter().position(|table| table.name == "item").unwrap();
        let joined = &joined[row_range(model.network.layout(), &inner, number)];
        let own = &rows[row_range(layout, &lookups, item)];
        for (number, at) in all[space].chunks_exact(2).enumerate() {
            let wanted = &own[at[0] as usize * dim..][..dim];
            assert_eq!(&joined[number * dim..][..dim], wanted);
        }
        let mut scores = Vec::new();
        let single = |values: &[f64]| values.iter().map(|x| *x as f32).collect::<Vec<f32>>();
        let (dense, moving, rows) = (single(&dense), single(&moving), single(&rows));
        let view = View { dense: &dense, moving: &moving, rows: &rows, lookups: &lookups };
        model.scores(view, &batch, &mut Workspace::default(), &mut scores);
        assert!(scores.len() == batch.len() && scores.iter().all(|score| score.is_finite()));
    }

    #[test]
    fn what_cannot_be_divided_is_refused() {
        let log = log(serde_json::json!({"kind": "quotient_remainder", "join": "concatenate"}));
        let choice: ModelChoice =
            serde_json::from_value(serde_json::json!({"kind": "logistic"})).unwrap();
        let coding = log.coding().unwrap();
        let network = choice.build(&coding.plain, ModelContext::default()).unwrap();
        let error = Composed::new(network, coding, log.schema()).unwrap_err();
        assert!(matches!(error, ModelError::Indivisible { parts: 2, .. }), "{error}");
    }
}
