//! From a batch to a matrix: which columns of the log a model reads, the tables behind them, and
//! where their rows go.

use std::ops::Range;

use crate::data::{Batch, History, Schema};
use crate::nn::{Column, Real};
use crate::params::view::row_range;
use crate::params::{Gradient, Init, Layout, Reads, View};

use super::ModelError;
use super::scale::Scaling;

/// The columns that a model was told to read, in the order of the schema.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ColumnSelection {
    /// Indices into the schema's fields.
    pub(super) fields: Vec<usize>,
    /// Indices into the schema's numeric columns.
    pub(super) numeric: Vec<usize>,
}

impl ColumnSelection {
    /// Resolves the `fields` of a configuration: names of fields and numeric columns, or nothing
    /// for all of them.
    pub(super) fn new(
        schema: &Schema,
        names: Option<&[String]>,
    ) -> Result<ColumnSelection, ModelError> {
        let known: Vec<&str> = schema
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .chain(schema.numeric.iter().map(String::as_str))
            .collect();
        let mut chosen = vec![names.is_none(); known.len()];
        for name in names.unwrap_or_default() {
            let found = known.iter().position(|known| known == name);
            let found = found.ok_or_else(|| unknown(name, &known))?;
            if std::mem::replace(&mut chosen[found], true) {
                return Err(ModelError::RepeatedField { name: name.clone() });
            }
        }
        let (fields, numeric) = chosen.split_at(schema.fields.len());
        let indices = |chosen: &[bool]| (0..chosen.len()).filter(|&i| chosen[i]).collect();
        Ok(ColumnSelection { fields: indices(fields), numeric: indices(numeric) })
    }

    /// What a model reads: these fields, the fields `besides`, and perhaps the history.
    pub(super) fn reads(&self, schema: &Schema, besides: &[usize], history: bool) -> Reads {
        let read = |field: usize| self.fields.contains(&field) || besides.contains(&field);
        Reads { fields: (0..schema.fields.len()).map(read).collect(), history }
    }
}

fn unknown(name: &str, known: &[&str]) -> ModelError {
    let similarity = |other: &str| strsim::jaro_winkler(name, other);
    let nearest = known
        .iter()
        .copied()
        .filter(|other| similarity(other) > 0.7)
        .max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    ModelError::UnknownField {
        name: name.to_string(),
        nearest: nearest.map(str::to_string),
        known: known.iter().map(|name| name.to_string()).collect(),
    }
}

/// The embedding tables of a model: one for every id space that it reads.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    of_space: Vec<Option<usize>>,
    dim: usize,
}

impl Tables {
    /// Adds a table of width `dim` for each of `spaces`, in the order of the schema.
    pub(super) fn new(
        schema: &Schema,
        spaces: impl Iterator<Item = usize>,
        dim: usize,
        init: Init,
        layout: &mut Layout,
    ) -> Tables {
        let mut used = vec![false; schema.spaces.len()];
        spaces.for_each(|space| used[space] = true);
        let add = |(space, used): (usize, bool)| {
            let of = &schema.spaces[space];
            used.then(|| layout.add_table(&of.name, space, of.rows, dim, init))
        };
        Tables { of_space: used.into_iter().enumerate().map(add).collect(), dim }
    }

    /// The lookups of `fields`, side by side from column `at` of a matrix of width `width`.
    pub(super) fn fields(
        &self,
        schema: &Schema,
        fields: &[usize],
        at: usize,
        width: usize,
    ) -> Vec<Lookup> {
        let from = fields.iter().map(|&field| (field, schema.fields[field].space));
        self.side_by_side(from, schema.fields.len(), at, width)
    }

    /// The lookups of the history's columns, side by side from column 0 of a matrix of width
    /// `width`: a row for every event.
    pub(super) fn events(&self, history: &History, width: usize) -> Vec<Lookup> {
        let columns = history.columns.len();
        let from = history.columns.iter().map(|column| column.space).enumerate();
        self.side_by_side(from, columns, 0, width)
    }

    /// Lookups of (column, id space) out of `columns` columns of positions.
    fn side_by_side(
        &self,
        from: impl Iterator<Item = (usize, usize)>,
        columns: usize,
        at: usize,
        width: usize,
    ) -> Vec<Lookup> {
        let dim = self.dim;
        from.enumerate()
            .map(|(i, (column, space))| Lookup {
                table: self.of_space[space].expect("a table for every space that is read"),
                column: Column { column, columns, dim, at: at + i * dim, width },
            })
            .collect()
    }
}

/// One embedded column: its table, and where its ids come from and its rows go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup {
    table: usize,
    column: Column,
}

/// Copies the rows of all `lookups` at `positions` into `out`.
pub(super) fn gather<F: Real>(
    lookups: &[Lookup],
    layout: &Layout,
    view: View<'_, F>,
    positions: &[u32],
    out: &mut [F],
) {
    for lookup in lookups {
        let rows = &view.rows[row_range(layout, view.lookups, lookup.table)];
        F::gather(lookup.column, rows, positions, out);
    }
}

/// Adds `d_out` to the gradients of the rows that [`gather`] copied.
pub(super) fn scatter_add<F: Real>(
    lookups: &[Lookup],
    layout: &Layout,
    view: View<'_, F>,
    positions: &[u32],
    d_out: &[F],
    gradient: &mut Gradient<F>,
) {
    for lookup in lookups {
        let rows = row_range(layout, view.lookups, lookup.table);
        F::scatter_add(lookup.column, d_out, positions, &mut gradient.rows[rows]);
    }
}

/// Numeric columns, which fill the last columns of a matrix.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Numeric {
    /// Columns of [`Batch::numeric`] that are read.
    columns: Vec<usize>,
    /// Number of columns of [`Batch::numeric`].
    of: usize,
    /// Columns of the matrix that are written.
    pub(super) to: Range<usize>,
    /// Number of columns of the matrix; at least one.
    pub(super) width: usize,
    scaling: Scaling,
}

impl Numeric {
    /// The selected numeric columns, behind `at` other columns. An error if there is neither.
    pub(super) fn new(
        schema: &Schema,
        selection: &ColumnSelection,
        at: usize,
        scaling: Scaling,
    ) -> Result<Numeric, ModelError> {
        let width = at + selection.numeric.len();
        if width == 0 {
            return Err(ModelError::NoInputs);
        }
        Ok(Numeric {
            columns: selection.numeric.clone(),
            of: schema.numeric.len(),
            to: at..width,
            width,
            scaling,
        })
    }

    /// Copies the numeric columns of every example into its place in `out`.
    pub(super) fn copy<F: Real>(&self, batch: &Batch, out: &mut [F]) {
        if self.columns.is_empty() {
            return;
        }
        let examples = batch.numeric.chunks_exact(self.of);
        for (values, place) in examples.zip(out.chunks_exact_mut(self.width)) {
            let places = self.columns.iter().zip(&mut place[self.to.clone()]);
            if self.scaling.is_plain() {
                places.for_each(|(&column, place)| *place = F::from_f64(f64::from(values[column])));
            } else {
                places.for_each(|(&c, place)| *place = self.scaling.of(c, values[c]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::schema;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn no_names_means_every_column() {
        let all = ColumnSelection::new(&schema(), None).unwrap();
        assert_eq!((all.fields, all.numeric), (vec![0, 1, 2, 3], vec![0, 1]));
    }

    #[test]
    fn names_choose_fields_and_numeric_columns() {
        let some = ColumnSelection::new(&schema(), Some(&names(&["age", "item"]))).unwrap();
        assert_eq!((some.fields, some.numeric), (vec![0], vec![1]));
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest() {
        let error = ColumnSelection::new(&schema(), Some(&names(&["catgory"]))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`fields` names `catgory`, which the data does not have (did you mean `category`?): \
             its columns are item, category, user, shelf, price, age"
        );
        let error = ColumnSelection::new(&schema(), Some(&names(&["zzz"]))).unwrap_err();
        assert!(!error.to_string().contains("did you mean"));
    }

    #[test]
    fn a_repeated_name_is_refused() {
        let error = ColumnSelection::new(&schema(), Some(&names(&["item", "item"]))).unwrap_err();
        assert_eq!(error, ModelError::RepeatedField { name: "item".to_string() });
    }
}
