//! An arriving push, led through all remedies in order.

use super::{Arrival, Chances, Factors, Needs, Place, Remedy, Stretch};
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::base::{ShardId, WorkerId};
use crate::params::view::row_range;
use crate::params::{Gradient, Lookups};
use crate::server::ParameterServer;

/// The remedies of a run, in order.
#[derive(Debug, Default)]
pub struct Remedies {
    list: Vec<Box<dyn Remedy>>,
    workers: u32,
    /// Step factors of the rows of the present push, id space after id space.
    row_steps: Vec<f32>,
    /// What a shard held before the present update, in the order of the stretches.
    before: Vec<f32>,
}

/// A push that has arrived.
#[derive(Debug)]
pub struct Push<'a> {
    /// Whose it is.
    pub worker: WorkerId,
    /// Version of the shard.
    pub version: u64,
    /// Versions of the shard applied since the worker read it.
    pub staleness: u64,
    /// Its distinct rows.
    pub lookups: &'a Lookups,
    /// What the worker had read, where it was asked for.
    pub seen: Option<Seen<'a>>,
    /// Its gradient.
    pub gradient: &'a mut Gradient,
}

/// What a worker had read.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The dense arena.
    pub dense: &'a [f32],
    /// The distinct rows.
    pub rows: &'a [f32],
    /// How often each had been updated, id space after id space; empty if nobody asked.
    pub row_updates: &'a [u32],
}

/// Factors of the step that is made of a push.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// Of everything.
    pub all: f32,
    /// Of the rows, one per distinct id, where they have their own; in place of `all`.
    pub rows: Option<&'a [f32]>,
}

impl Remedies {
    /// These remedies, in this order, for `workers` workers.
    pub fn new(list: Vec<Box<dyn Remedy>>, workers: u32) -> Remedies {
        Remedies { list, workers, row_steps: Vec::new(), before: Vec::new() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What they have to be given.
    pub fn needs(&self) -> Needs {
        self.list.iter().fold(Needs::default(), |needs, remedy| needs.and(remedy.needs()))
    }

    /// Amends the part of a push that a shard holds. `rates` are the learning rates of dense
    /// parameters and of rows; `merged` is whether the push is one of several in an update, which
    /// has but one step: then step factors act on the gradient.
    pub fn amend(
        &mut self,
        server: &ParameterServer,
        shard: ShardId,
        rates: (f32, f32),
        mut push: Push<'_>,
        merged: bool,
    ) -> Steps<'_> {
        self.row_steps.clear();
        let mut all = 1.0;
        for at in 0..self.list.len() {
            let needs = self.list[at].needs();
            let (norm, dense_norm) =
                if needs.norm { norms(server, shard, &push) } else { (0.0, 0.0) };
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
            if needs.row_staleness {
                self.begin_rows(push.lookups, all);
                self.scale_rows(at, &arrival, server, &mut push, merged);
                scale(server, shard, &mut push, factors.gradient, Scope::Dense);
            } else {
                scale(server, shard, &mut push, factors.gradient, Scope::All);
                self.row_steps.iter_mut().for_each(|step| *step *= factors.step);
            }
            all *= factors.step;
            if needs.stretches {
                let remedy = &mut self.list[at];
                for_each(server, shard, push.lookups, |place, offset| {
                    let now = now(server, &place);
                    let (gradient, seen) = match (&place, push.seen) {
                        (Place::Dense(range), seen) => (
                            &mut push.gradient.dense[range.clone()],
                            seen.map(|seen| &seen.dense[range.clone()]),
                        ),
                        (Place::Row { .. }, seen) => (
                            &mut push.gradient.rows[offset..offset + now.len()],
                            seen.map(|seen| &seen.rows[offset..offset + now.len()]),
                        ),
                    };
                    let seen = seen.unwrap_or(&[]);
                    remedy.amend(&arrival, &mut Stretch { place, gradient, now, seen });
                });
            }
        }
        let rows = (!self.row_steps.is_empty()).then_some(self.row_steps.as_slice());
        Steps { all, rows }
    }

    /// Rows go their own way, with the common factor of the remedies before.
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
        push: &mut Push<'_>,
        merged: bool,
    ) {
        let Some(seen) = push.seen else { return };
        let layout = server.layout();
        let mut first = 0;
        for (space, ids) in push.lookups.ids.iter().enumerate() {
            let tables = || layout.tables.iter().enumerate().filter(|(_, t)| t.space == space);
            let Some((counted, _)) = tables().next() else {
                first += ids.len();
                continue;
            };
            for (k, &id) in ids.iter().enumerate() {
                if server.sharding().of_row(space, id) != arrival.shard {
                    continue;
                }
                let read = seen.row_updates.get(first + k).copied().unwrap_or(0);
                let staleness = u64::from(server.table(counted).updates(id).saturating_sub(read));
                let Some(mut own) = self.list[at].row(arrival, staleness) else { continue };
                if merged {
                    own = Factors { gradient: own.gradient * own.step, step: 1.0 };
                }
                self.row_steps[first + k] *= own.step;
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

    /// Notes what a shard holds before an update of these rows, if somebody wants to know steps.
    pub fn before_step(&mut self, server: &ParameterServer, shard: ShardId, lookups: &Lookups) {
        if self.needs().steps {
            let before = &mut self.before;
            before.clear();
            for_each(server, shard, lookups, |place, _| {
                before.extend_from_slice(now(server, &place));
            });
        }
    }

    /// Tells of the steps made since [`before_step`](Self::before_step).
    pub fn after_step(&mut self, server: &ParameterServer, shard: ShardId, lookups: &Lookups) {
        let Remedies { list, before, .. } = self;
        for remedy in list.iter_mut().filter(|remedy| remedy.needs().steps) {
            let mut at = 0;
            for_each(server, shard, lookups, |place, _| {
                let after = now(server, &place);
                remedy.stepped(&place, &before[at..at + after.len()], after);
                at += after.len();
            });
        }
    }

    /// Chances that a worker transmits the dense parameters of a shard: those of all remedies
    /// together.
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
            for (index, block) in server.layout().dense.iter().enumerate() {
                if server.sharding().of_block(index) == shard {
                    remedy.look_ahead(rate, block.range(), &mut dense[block.range()]);
                }
            }
        }
    }
}

/// Which stretches are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    Dense,
}

fn scale(server: &ParameterServer, shard: ShardId, push: &mut Push<'_>, factor: f32, scope: Scope) {
    if factor == 1.0 {
        return;
    }
    let Gradient { dense, rows, .. } = &mut *push.gradient;
    for_each(server, shard, push.lookups, |place, offset| {
        let part = match place {
            Place::Dense(range) => &mut dense[range],
            Place::Row { .. } if scope == Scope::Dense => return,
            Place::Row { table, .. } => {
                &mut rows[offset..offset + server.layout().tables[table].dim]
            }
        };
        part.iter_mut().for_each(|g| *g *= factor);
    });
}

/// Norms of what has arrived: of all of it, and of its dense parameters.
fn norms(server: &ParameterServer, shard: ShardId, push: &Push<'_>) -> (f64, f64) {
    let (mut all, mut dense) = (0.0, 0.0);
    for_each(server, shard, push.lookups, |place, offset| {
        let part = match &place {
            Place::Dense(range) => &push.gradient.dense[range.clone()],
            Place::Row { table, .. } => {
                &push.gradient.rows[offset..offset + server.layout().tables[*table].dim]
            }
        };
        let square = part.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
        all += square;
        if matches!(place, Place::Dense(_)) {
            dense += square;
        }
    });
    (all.sqrt(), dense.sqrt())
}

/// The server's parameters at a place.
fn now<'a>(server: &'a ParameterServer, place: &Place) -> &'a [f32] {
    match place {
        Place::Dense(range) => &server.dense()[range.clone()],
        Place::Row { table, id } => server.table(*table).weights(*id),
    }
}

/// Calls `each` for every stretch that a shard holds of a push: its place, and where a row lies in
/// the arena of distinct rows.
fn for_each(
    server: &ParameterServer,
    shard: ShardId,
    lookups: &Lookups,
    mut each: impl FnMut(Place, usize),
) {
    let (layout, sharding) = (server.layout(), server.sharding());
    for (index, block) in layout.dense.iter().enumerate() {
        if sharding.of_block(index) == shard {
            each(Place::Dense(block.range()), 0);
        }
    }
    for (table, shape) in layout.tables.iter().enumerate() {
        let start = row_range(layout, lookups, table).start;
        for (k, &id) in lookups.ids[shape.space].iter().enumerate() {
            if sharding.of_row(shape.space, id) == shard {
                each(Place::Row { table, id }, start + k * shape.dim);
            }
        }
    }
}

impl Persist for Remedies {
    fn save(&self, out: &mut Saver<'_>) {
        out.each(&self.list);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        from.each(&mut self.list)
    }
}
