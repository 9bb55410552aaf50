//! Leads an arriving push through all remedies in order.

use std::ops::Range;

use super::{Arrival, Chances, Factors, Moved, Needs, ParameterSet, Remedy, RowGradients};
use crate::base::{ShardId, WorkerId};
use crate::nn::kernels::amend::scale;
use crate::nn::kernels::{TouchedRow, squares};
use crate::params::view::row_range;
use crate::params::{Gradient, Layout, Lookups};
use crate::server::ParameterServer;

/// The remedies of a run, in order.
#[derive(Debug, Default)]
pub struct Remedies {
    list: Vec<Box<dyn Remedy>>,
    workers: u32,
    /// Step factors of the rows of the current push, id space after id space.
    row_steps: Vec<f32>,
    /// What a shard held before the current update: dense blocks, then the touched rows.
    before: Vec<f32>,
    /// Rows of the current push at its shard.
    held: HeldRows,
}

/// The rows of a push that a shard holds.
#[derive(Debug, Default)]
struct HeldRows {
    /// Table after table; a position is an index into the push's rows of that table.
    touched: Vec<TouchedRow>,
    /// By table, where its rows lie in `touched`.
    tables: Vec<Range<usize>>,
}

impl HeldRows {
    fn find(&mut self, server: &ParameterServer, shard: ShardId, lookups: &Lookups) {
        let sharding = server.sharding();
        self.touched.clear();
        self.tables.clear();
        for table in &server.layout().tables {
            let ids = &lookups.ids[table.space];
            let touched = |position: u32| TouchedRow { id: ids[position as usize], position };
            let from = self.touched.len();
            if sharding.shards() == 1 {
                self.touched.extend((0..ids.len() as u32).map(touched));
            } else {
                self.touched.extend(sharding.held(lookups, table.space, shard).map(touched));
            }
            self.tables.push(from..self.touched.len());
        }
    }

    /// The rows of every table: its index, its part of the arena of distinct rows, the rows.
    fn tables<'a>(
        &'a self,
        layout: &'a Layout,
        lookups: &'a Lookups,
    ) -> impl Iterator<Item = (usize, Range<usize>, &'a [TouchedRow])> + 'a {
        let touched = self.tables.iter().map(|range| &self.touched[range.clone()]);
        touched.enumerate().map(|(t, touched)| (t, row_range(layout, lookups, t), touched))
    }
}

/// A push that has arrived.
#[derive(Debug)]
pub struct ArrivedPush<'a> {
    /// The worker that sent it.
    pub worker: WorkerId,
    /// Version of the shard.
    pub version: u64,
    /// Versions of the shard applied since the worker read it.
    pub staleness: u64,
    /// Its distinct rows.
    pub lookups: &'a Lookups,
    /// What the worker had read, if a remedy asks for it.
    pub seen: Option<SeenParameters<'a>>,
    /// Its gradient.
    pub gradient: &'a mut Gradient,
}

/// What a worker had read.
#[derive(Clone, Copy, Debug)]
pub struct SeenParameters<'a> {
    /// The dense arena.
    pub dense: &'a [f32],
    /// The distinct rows.
    pub rows: &'a [f32],
    /// How often each row had been updated, id space after id space; empty if no remedy needs it.
    pub row_updates: &'a [u32],
}

/// Factors of the step that is made from a push.
#[derive(Clone, Copy, Debug)]
pub struct StepFactors<'a> {
    /// The factor of everything.
    pub all: f32,
    /// The factors of the rows, one per distinct id, if they have their own; in place of `all`.
    pub rows: Option<&'a [f32]>,
}

impl Remedies {
    /// These remedies, in this order, for `workers` workers.
    pub fn new(list: Vec<Box<dyn Remedy>>, workers: u32) -> Remedies {
        Remedies { list, workers, ..Remedies::default() }
    }

    /// Whether there are no remedies.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What the remedies need to be given.
    pub fn needs(&self) -> Needs {
        self.list.iter().fold(Needs::default(), |needs, remedy| needs.and(remedy.needs()))
    }

    /// Amends the part of a push that a shard holds. `rates` are the learning rates of dense
    /// parameters and of rows. `merged` says whether the push is one of several in an update: the
    /// update has only one step, so all factors of the push, those of its rows too, then act on its
    /// gradient, and its step factors are 1.
    pub fn amend(
        &mut self,
        server: &ParameterServer,
        shard: ShardId,
        rates: (f32, f32),
        mut push: ArrivedPush<'_>,
        merged: bool,
    ) -> StepFactors<'_> {
        self.row_steps.clear();
        self.held.find(server, shard, push.lookups);
        let mut all = 1.0;
        for at in 0..self.list.len() {
            let needs = self.list[at].needs();
            let (norm, dense_norm) = norms(server, (shard, &self.held), &push, needs);
            let arrival = Arrival {
                worker: push.worker,
                workers: self.workers,
                shard,
                version: push.version,
                staleness: push.staleness,
                dense_rate: rates.0,
                sparse_rate: rates.1,
                norm,
                dense_norm,
            };
            let mut factors = self.list[at].arrive(&arrival);
            if merged {
                factors = Factors { gradient: factors.gradient * factors.step, step: 1.0 };
            }
            scale_dense(server, shard, &mut push, factors.gradient);
            if needs.row_staleness {
                if !merged {
                    self.begin_rows(push.lookups, all);
                }
                self.scale_rows(at, &arrival, server, &mut push, merged);
            } else {
                scale_rows(server, &self.held, &mut push, factors.gradient);
                self.row_steps.iter_mut().for_each(|step| *step *= factors.step);
            }
            all *= factors.step;
            amend(self.list[at].as_mut(), &arrival, (server, &self.held), &mut push);
        }
        let rows = (!self.row_steps.is_empty()).then_some(self.row_steps.as_slice());
        StepFactors { all, rows }
    }

    /// Gives the rows factors of their own, starting from the common factor of the remedies before.
    fn begin_rows(&mut self, lookups: &Lookups, all: f32) {
        if self.row_steps.is_empty() {
            self.row_steps.resize(lookups.distinct(), all);
        }
    }

    /// Scales each row by its own staleness.
    fn scale_rows(
        &mut self,
        at: usize,
        arrival: &Arrival,
        server: &ParameterServer,
        push: &mut ArrivedPush<'_>,
        merged: bool,
    ) {
        let Some(seen) = push.seen else { return };
        let layout = server.layout();
        let mut factors = RowFactors::default();
        let mut first = 0;
        for (space, ids) in push.lookups.ids.iter().enumerate() {
            let tables = || layout.tables.iter().enumerate().filter(|(_, t)| t.space == space);
            let Some((counted, _)) = tables().next() else {
                first += ids.len();
                continue;
            };
            for k in server.sharding().held(push.lookups, space, arrival.shard) {
                let k = k as usize;
                let id = ids[k];
                let read = seen.row_updates.get(first + k).copied().unwrap_or(0);
                let staleness = server.table(counted).updates(id).saturating_sub(read);
                let Some(mut own) = factors.of(staleness, self.list[at].as_ref(), arrival) else {
                    continue;
                };
                if merged {
                    own = Factors { gradient: own.gradient * own.step, step: 1.0 };
                } else {
                    self.row_steps[first + k] *= own.step;
                }
                if own.gradient != 1.0 {
                    for (t, table) in tables() {
                        let from = row_range(layout, push.lookups, t).start + k * table.dim;
                        let row = &mut push.gradient.rows[from..from + table.dim];
                        row.iter_mut().for_each(|g| *g *= own.gradient);
                    }
                }
            }
            first += ids.len();
        }
    }

    /// Notes what a shard holds before an update of these rows, if a remedy needs to see steps.
    pub fn before_step(&mut self, server: &ParameterServer, shard: ShardId, lookups: &Lookups) {
        if !self.needs().steps {
            return;
        }
        let Remedies { before, held, .. } = self;
        held.find(server, shard, lookups);
        before.clear();
        for block in blocks(server, shard) {
            before.extend_from_slice(&server.dense()[block]);
        }
        for (t, _, touched) in held.tables(server.layout(), lookups) {
            let dim = server.layout().tables[t].dim;
            server.table(t).records().append(dim, touched, before);
        }
    }

    /// Shows the remedies the steps made since [`before_step`](Self::before_step).
    pub fn after_step(&mut self, server: &ParameterServer, shard: ShardId, lookups: &Lookups) {
        let Remedies { list, before, held, .. } = self;
        for remedy in list.iter_mut().filter(|remedy| remedy.needs().steps) {
            let mut rest = before.as_slice();
            for block in blocks(server, shard) {
                let (before, after) = rest.split_at(block.len());
                rest = after;
                let moved = Moved::block(before, &server.dense()[block.clone()]);
                remedy.stepped(&ParameterSet::Dense(block), moved);
            }
            for (t, _, touched) in held.tables(server.layout(), lookups) {
                let dim = server.layout().tables[t].dim;
                let (before, after) = rest.split_at(touched.len() * dim);
                rest = after;
                let now = server.table(t).records();
                remedy.stepped(&ParameterSet::Rows(t), Moved { dim, touched, before, now });
            }
        }
    }

    /// Chances that a worker transmits the dense parameters of a shard: the product over all
    /// remedies.
    pub fn chances(&self, shard: ShardId) -> Chances {
        let sparing = self.list.iter().filter(|remedy| remedy.needs().spares);
        sparing.fold(Chances { pull: 1.0, push: 1.0 }, |all, remedy| {
            let Chances { pull, push } = remedy.chances(shard);
            Chances { pull: all.pull * pull, push: all.push * push }
        })
    }

    /// Changes the dense parameters of a shard in a view that is being pulled.
    pub fn look_ahead(
        &self,
        server: &ParameterServer,
        shard: ShardId,
        rate: f32,
        dense: &mut [f32],
    ) {
        for remedy in self.list.iter().filter(|remedy| remedy.needs().look_ahead) {
            for block in blocks(server, shard) {
                remedy.look_ahead(rate, block.clone(), &mut dense[block]);
            }
        }
    }
}

/// Factors of rows by their staleness, each computed once for a push.
#[derive(Default)]
struct RowFactors(Vec<Option<Option<Factors>>>);

impl RowFactors {
    fn of(&mut self, staleness: u32, remedy: &dyn Remedy, arrival: &Arrival) -> Option<Factors> {
        const MOST: usize = 1 << 10;
        let find = || remedy.row(arrival, u64::from(staleness));
        let at = staleness as usize;
        if at >= MOST {
            return find();
        }
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        *self.0[at].get_or_insert_with(find)
    }
}

/// The dense blocks that a shard holds, as ranges of the dense arena.
fn blocks(server: &ParameterServer, shard: ShardId) -> impl Iterator<Item = Range<usize>> {
    server.sharding().dense_blocks(server.layout(), shard).map(|(_, block)| block.range())
}

/// Leads the part of a push that a shard holds through one remedy, as far as the remedy needs it.
fn amend(
    remedy: &mut dyn Remedy,
    arrival: &Arrival,
    (server, held): (&ParameterServer, &HeldRows),
    push: &mut ArrivedPush<'_>,
) {
    let needs = remedy.needs();
    let Gradient { dense, rows, .. } = &mut *push.gradient;
    for block in blocks(server, arrival.shard).filter(|_| needs.dense) {
        let seen = push.seen.map_or(&[][..], |seen| &seen.dense[block.clone()]);
        let now = &server.dense()[block.clone()];
        let mut gradients = RowGradients::of_block(&mut dense[block.clone()], now, seen);
        remedy.amend(arrival, &ParameterSet::Dense(block), &mut gradients);
    }
    if !needs.rows {
        return;
    }
    for (t, arena, touched) in held.tables(server.layout(), push.lookups) {
        let dim = server.layout().tables[t].dim;
        let seen = push.seen.map_or(&[][..], |seen| &seen.rows[arena.clone()]);
        let (values, now) = (&mut rows[arena], server.table(t).records());
        let mut gradients = RowGradients { dim, touched, values, now, seen };
        remedy.amend(arrival, &ParameterSet::Rows(t), &mut gradients);
    }
}

fn scale_dense(server: &ParameterServer, shard: ShardId, push: &mut ArrivedPush<'_>, factor: f32) {
    if factor != 1.0 {
        blocks(server, shard).for_each(|block| scale(&mut push.gradient.dense[block], factor));
    }
}

fn scale_rows(server: &ParameterServer, held: &HeldRows, push: &mut ArrivedPush<'_>, factor: f32) {
    if factor == 1.0 {
        return;
    }
    for (t, arena, touched) in held.tables(server.layout(), push.lookups) {
        let dim = server.layout().tables[t].dim;
        let rows = &mut push.gradient.rows[arena];
        if touched.len() * dim == rows.len() {
            scale(rows, factor);
            continue;
        }
        for row in touched {
            let own = &mut rows[row.position as usize * dim..][..dim];
            own.iter_mut().for_each(|g| *g *= factor);
        }
    }
}

/// Norms of the part that has arrived: of all of it, and of its dense parameters, as far as needed.
fn norms(
    server: &ParameterServer,
    (shard, held): (ShardId, &HeldRows),
    push: &ArrivedPush<'_>,
    needs: Needs,
) -> (f64, f64) {
    if !needs.norm && !needs.dense_norm {
        return (0.0, 0.0);
    }
    let dense: f64 = blocks(server, shard).map(|block| squares(&push.gradient.dense[block])).sum();
    let mut all = dense;
    for (t, arena, touched) in held.tables(server.layout(), push.lookups).filter(|_| needs.norm) {
        let dim = server.layout().tables[t].dim;
        let rows = &push.gradient.rows[arena];
        all += if touched.len() * dim == rows.len() {
            squares(rows)
        } else {
            let own = |row: &TouchedRow| &rows[row.position as usize * dim..][..dim];
            let square = |&g: &f32| f64::from(g) * f64::from(g);
            touched.iter().flat_map(own).map(square).sum::<f64>()
        };
    }
    (all.sqrt(), dense.sqrt())
}

crate::persist!(Remedies {
    list: each,
    workers: fixed,
    row_steps: scratch,
    before: scratch,
    held: scratch
});
