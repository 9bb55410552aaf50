//! The workers' own moving statistics, as local batch normalization keeps them, and their export.

use std::ops::Range;

use crate::base::WorkerId;
use crate::params::{Export, Home, Layout};

/// Statistics that workers keep; empty if a model has none.
#[derive(Clone, Debug, Default)]
pub struct LocalMoments {
    blocks: Vec<MomentBlock>,
    /// Initial values of the non-trainable arena.
    first: Vec<f32>,
    /// By worker, allocated at its first batch: the non-trainable arena. Only the workers' own
    /// blocks of it are used.
    by_worker: Vec<Option<Vec<f32>>>,
}

#[derive(Clone, Debug)]
struct MomentBlock {
    range: Range<usize>,
    keep: f32,
    export: Export,
    /// Where the mean begins that belongs to a variance.
    mean: Option<usize>,
}

impl LocalMoments {
    /// The statistics of a model with this layout, whose non-trainable arena begins as `first`.
    pub fn new(layout: &Layout, first: &[f32]) -> LocalMoments {
        let own = |(index, block): (usize, &crate::params::Block)| {
            let rule = layout.moving_rule(index);
            let Home::Workers(export) = rule.home else { return None };
            let mean = rule.mean.map(|mean| layout.moving[mean].start);
            Some(MomentBlock { range: block.range(), keep: rule.keep, export, mean })
        };
        LocalMoments {
            blocks: layout.moving.iter().enumerate().filter_map(own).collect(),
            first: first.to_vec(),
            by_worker: Vec::new(),
        }
    }

    /// Whether workers keep no statistics.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Overwrites the workers' own blocks of a view with those of `worker`.
    pub fn overlay(&self, worker: WorkerId, moving: &mut [f32]) {
        let own = self.by_worker.get(worker.index()).and_then(Option::as_ref);
        let own = own.unwrap_or(&self.first);
        for MomentBlock { range, .. } in &self.blocks {
            moving[range.clone()].copy_from_slice(&own[range.clone()]);
        }
    }

    /// Moves the statistics of `worker` towards those of a batch.
    pub fn learn(&mut self, worker: WorkerId, seen: &[f32]) {
        if self.is_empty() {
            return;
        }
        if self.by_worker.len() <= worker.index() {
            self.by_worker.resize(worker.index() + 1, None);
        }
        let own = self.by_worker[worker.index()].get_or_insert_with(|| self.first.clone());
        for MomentBlock { range, keep, .. } in &self.blocks {
            for (own, &seen) in own[range.clone()].iter_mut().zip(&seen[range.clone()]) {
                *own = keep * *own + (1.0 - keep) * seen;
            }
        }
    }

    /// Resets the statistics of a worker.
    pub fn forget(&mut self, worker: WorkerId) {
        if let Some(own) = self.by_worker.get_mut(worker.index()) {
            *own = None;
        }
    }

    /// Resets the statistics of all workers to these values of the non-trainable arena.
    pub fn begin_at(&mut self, first: &[f32]) {
        self.first.copy_from_slice(first);
        self.by_worker.clear();
    }

    /// Overwrites the workers' own blocks with the values that are evaluated and saved; before any
    /// batch they do not change. If worker 0 has seen no batch, the first that has is the chief.
    pub fn export(&self, moving: &mut [f32]) {
        let workers: Vec<&Vec<f32>> = self.by_worker.iter().flatten().collect();
        let Some(chief) = workers.first() else { return };
        let count = workers.len() as f64;
        let mean = |at: usize| workers.iter().map(|own| f64::from(own[at])).sum::<f64>() / count;
        for MomentBlock { range, export, mean: of_mean, .. } in &self.blocks {
            for (k, at) in range.clone().enumerate() {
                moving[at] = match (export, of_mean) {
                    (Export::Chief, _) => chief[at],
                    (Export::Mean, _) | (Export::Pooled, None) => mean(at) as f32,
                    (Export::Pooled, Some(start)) => {
                        let at_mean = start + k;
                        let centre = mean(at_mean);
                        let apart = |own: &&Vec<f32>| (f64::from(own[at_mean]) - centre).powi(2);
                        let between = workers.iter().map(apart).sum::<f64>() / count;
                        (mean(at) + between) as f32
                    }
                };
            }
        }
    }
}

crate::persist!(LocalMoments { blocks: fixed, first: state, by_worker: state });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Init, Moving};

    fn layout(export: Export) -> Layout {
        let mut layout = Layout::default();
        layout.add_moving_block("elsewhere", "mean", (1, 1), Init::Constant(0.0));
        let rule = Moving { keep: 0.5, home: Home::Workers(export), mean: None };
        let mean = layout.add_moving_block_by("a", "mean", (1, 2), Init::Constant(0.0), rule);
        let rule = Moving { mean: Some(mean), ..rule };
        layout.add_moving_block_by("a", "variance", (1, 2), Init::Constant(1.0), rule);
        layout
    }

    /// Two workers that have seen one batch each, a third that has seen none.
    fn exported(export: Export) -> Vec<f32> {
        let mut moments = LocalMoments::new(&layout(export), &[9.0, 0.0, 0.0, 1.0, 1.0]);
        let mut moving = vec![7.0, 0.0, 0.0, 1.0, 1.0];
        moments.export(&mut moving);
        assert_eq!(moving, [7.0, 0.0, 0.0, 1.0, 1.0]);
        moments.learn(WorkerId(2), &[5.0, 2.0, 8.0, 3.0, 1.0]);
        moments.learn(WorkerId(0), &[5.0, 6.0, 0.0, 1.0, 5.0]);
        let mut view = vec![7.0; 5];
        moments.overlay(WorkerId(2), &mut view);
        assert_eq!(view, [7.0, 1.0, 4.0, 2.0, 1.0]);
        moments.overlay(WorkerId(0), &mut view);
        assert_eq!(view, [7.0, 3.0, 0.0, 1.0, 3.0]);
        moments.overlay(WorkerId(1), &mut view);
        assert_eq!(view, [7.0, 0.0, 0.0, 1.0, 1.0]);
        moments.export(&mut moving);
        moving
    }

    #[test]
    fn every_export_gives_what_it_says() {
        assert_eq!(exported(Export::Chief), [7.0, 3.0, 0.0, 1.0, 3.0]);
        assert_eq!(exported(Export::Mean), [7.0, 2.0, 2.0, 1.5, 2.0]);
        // Means 3 and 1 differ by 1 from their mean, 0 and 4 by 2 from theirs.
        assert_eq!(exported(Export::Pooled), [7.0, 2.0, 2.0, 2.5, 6.0]);
    }

    #[test]
    fn models_without_own_statistics_keep_none() {
        let mut moments = LocalMoments::new(&Layout::default(), &[]);
        moments.learn(WorkerId(3), &[]);
        assert!(moments.is_empty() && moments.by_worker.is_empty());
    }
}
