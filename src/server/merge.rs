//! Several pushes become one update: by default the mean over their examples.

use crate::params::view::row_range;
use crate::params::{Gradient, Layout, Lookups};
use crate::protocol::{Merge, RowMean};
use crate::server::Carried;

/// Merges gradients; its memory is reused.
///
/// Sums run in the order in which the gradients are given, so the result does not depend on which
/// thread computed them or when.
#[derive(Clone, Debug)]
pub struct Merger {
    stamps: Vec<Vec<u32>>,
    positions: Vec<Vec<u32>>,
    current: u32,
    /// Examples of the parts that contain a distinct id, by id space and position.
    examples: Vec<Vec<u64>>,
    /// The distinct ids of the merged gradient.
    pub lookups: Lookups,
    /// The merged gradient.
    pub gradient: Gradient,
}

impl Merger {
    /// A merger for gradients of `layout`.
    pub fn new(layout: &Layout) -> Merger {
        let spaces = layout.tables.iter().map(|table| table.space + 1).max().unwrap_or(0);
        let rows = |space: usize| {
            let over = layout.tables.iter().filter(|table| table.space == space);
            over.map(|table| table.rows as usize).max().unwrap_or(0)
        };
        let zeros: Vec<Vec<u32>> = (0..spaces).map(|space| vec![0; rows(space)]).collect();
        Merger {
            stamps: zeros.clone(),
            positions: zeros,
            current: 0,
            examples: vec![Vec::new(); spaces],
            lookups: Lookups::default(),
            gradient: Gradient::default(),
        }
    }

    /// Replaces [`gradient`](Self::gradient) by `parts`, merged as `merge` says.
    pub fn merge(&mut self, layout: &Layout, parts: &[(&Lookups, &Gradient)], merge: Merge) {
        self.unite(parts);
        let rows = crate::params::view::rows_len(layout, &self.lookups);
        let into = &mut self.gradient;
        into.reset(layout.dense_len(), rows, layout.moving_len());
        let examples: u64 = parts.iter().map(|(_, g)| u64::from(g.examples)).sum();
        let scale = merge.over.map_or(1.0, |over| parts.len() as f64 / f64::from(over.max(1)));
        for (lookups, gradient) in parts {
            let of = |total: u64| f64::from(gradient.examples) / total.max(1) as f64;
            let share = of(examples);
            into.loss += share * gradient.loss;
            add(&mut into.dense, &gradient.dense, (scale * share) as f32);
            // Statistics are averaged, whatever the divisor of the gradients is.
            add(&mut into.moving, &gradient.moving, share as f32);
            for (t, table) in layout.tables.iter().enumerate() {
                let from = &gradient.rows[row_range(layout, lookups, t)];
                let to = &mut into.rows[row_range(layout, &self.lookups, t)];
                let ids = &lookups.ids[table.space];
                for (&id, row) in ids.iter().zip(from.chunks_exact(table.dim)) {
                    let position = self.positions[table.space][id as usize] as usize;
                    let share = match merge.rows {
                        RowMean::Pushes => scale * share,
                        RowMean::Contributors => of(self.examples[table.space][position]),
                    };
                    let at = position * table.dim;
                    add(&mut to[at..at + table.dim], row, share as f32);
                }
            }
        }
        into.examples = examples.min(u64::from(u32::MAX)) as u32;
    }

    /// Fills `into` with the carried slots of `parts`, the oldest part first, in the layout of the
    /// merged gradient. The first part that has a parameter decides.
    pub fn oldest(&self, layout: &Layout, parts: &[(&Lookups, &Carried)], into: &mut Carried) {
        let Some((_, first)) = parts.first() else { return };
        into.dense.clone_from(&first.dense);
        into.rows.clear();
        if !first.rows.is_empty() {
            into.rows.resize(crate::params::view::rows_len(layout, &self.lookups), 0.0);
        }
        for (lookups, carried) in parts.iter().rev().filter(|(_, part)| !part.rows.is_empty()) {
            for (t, table) in layout.tables.iter().enumerate() {
                let from = &carried.rows[row_range(layout, lookups, t)];
                let to = &mut into.rows[row_range(layout, &self.lookups, t)];
                let ids = &lookups.ids[table.space];
                for (&id, row) in ids.iter().zip(from.chunks_exact(table.dim)) {
                    let at = self.positions[table.space][id as usize] as usize * table.dim;
                    to[at..at + table.dim].copy_from_slice(row);
                }
            }
        }
    }

    fn unite(&mut self, parts: &[(&Lookups, &Gradient)]) {
        self.current = self.current.wrapping_add(1);
        if self.current == 0 {
            self.stamps.iter_mut().for_each(|stamps| stamps.fill(0));
            self.current = 1;
        }
        let spaces = parts.first().map_or(0, |(lookups, _)| lookups.ids.len());
        self.lookups.ids.resize_with(spaces, Vec::new);
        self.lookups.ids.iter_mut().for_each(Vec::clear);
        self.lookups.parts.forget();
        self.examples.iter_mut().for_each(Vec::clear);
        for (lookups, gradient) in parts {
            for (space, ids) in lookups.ids.iter().enumerate().take(self.stamps.len()) {
                for &id in ids {
                    let stamp = &mut self.stamps[space][id as usize];
                    if *stamp != self.current {
                        *stamp = self.current;
                        let known = &mut self.lookups.ids[space];
                        self.positions[space][id as usize] = known.len() as u32;
                        known.push(id);
                        self.examples[space].push(0);
                    }
                    let position = self.positions[space][id as usize] as usize;
                    self.examples[space][position] += u64::from(gradient.examples);
                }
            }
        }
    }
}

fn add(into: &mut [f32], from: &[f32], share: f32) {
    for (a, b) in into.iter_mut().zip(from) {
        *a += share * b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Init;

    #[test]
    fn rows_are_united_and_averaged_over_examples() {
        let mut layout = Layout::default();
        layout.add_table("item", 0, 10, 1, Init::Constant(0.0));
        layout.add_block("b", "bias", (1, 1), Init::Constant(0.0));
        let part = |ids: &[u32], rows: &[f32], dense: f32, examples| {
            let lookups = Lookups { ids: vec![ids.to_vec()], ..Lookups::default() };
            let gradient = Gradient {
                examples,
                loss: f64::from(dense),
                dense: vec![dense],
                rows: rows.to_vec(),
                moving: vec![],
            };
            (lookups, gradient)
        };
        let a = part(&[4, 7], &[1.0, 2.0], 10.0, 1);
        let b = part(&[7, 2], &[6.0, 8.0], 2.0, 3);
        let mut merger = Merger::new(&layout);
        for _ in 0..2 {
            merger.merge(&layout, &[(&a.0, &a.1), (&b.0, &b.1)], Merge::default());
            assert_eq!(merger.lookups.ids, vec![vec![4, 7, 2]]);
            assert_eq!(merger.gradient.rows, vec![0.25, 0.5 + 4.5, 6.0]);
            assert_eq!(merger.gradient.dense, vec![4.0]);
            assert_eq!(merger.gradient.examples, 4);
        }
        let carried =
            |dense: f32, rows: [f32; 2]| Carried { dense: vec![dense], rows: rows.into() };
        let (older, newer) = (carried(1.0, [60.0, 80.0]), carried(2.0, [10.0, 20.0]));
        let mut oldest = Carried::default();
        merger.oldest(&layout, &[(&b.0, &older), (&a.0, &newer)], &mut oldest);
        assert_eq!(oldest, Carried { dense: vec![1.0], rows: vec![10.0, 60.0, 80.0] });
        let merge = Merge { over: Some(4), rows: RowMean::Contributors };
        merger.merge(&layout, &[(&a.0, &a.1), (&b.0, &b.1)], merge);
        assert_eq!(merger.gradient.rows, vec![1.0, 0.5 + 4.5, 8.0]);
        assert_eq!(merger.gradient.dense, vec![2.0]);
    }
}
