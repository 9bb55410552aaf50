//! The room of the serving copy: what is due, the copies, and the requests that wait for scores.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use super::freshness::RowFreshness;
use super::post::{Due, Message, Post};
use super::scores::{Age, Scores, Sent, ServedCopy, ServedLook, Stretch};
use super::scoring::{GROUP, Part, Scorer};
use super::settings::{Beside, Serving};
use super::slices::ServedSlice;
use super::touched::TouchedRows;
use crate::base::{Pool, Purpose, ShardId, SimSpan, SimTime, Streams};
use crate::cluster::LawError;
use crate::data::{Batch, DataSource};
use crate::model::Model;
use crate::online::{Arrived, Stream};
use crate::optimizer::RowSemantics;
use crate::params::{Layout, Lookups};
use crate::server::{DenseValues, ParameterServer, RowKey, ServingCopy, Sharding};
use crate::sim::moments::LocalMoments;
use crate::sim::workspace::ThreadWorkspace;

/// Requests that wait for their scores although they need not: a bound on memory.
const MOST_WAITING: usize = 16 * GROUP;

/// What the serving copy sees of the training job.
#[derive(Debug)]
pub struct Trainer<'a> {
    /// The servers.
    pub server: &'a ParameterServer,
    /// The non-trainable parameters that workers keep for themselves.
    pub moments: &'a LocalMoments,
    /// The log.
    pub source: &'a dyn DataSource,
    /// The network.
    pub model: &'a Arc<dyn Model>,
    /// The stream of requests.
    pub stream: &'a Stream,
    /// Host threads.
    pub pool: &'a mut Pool<ThreadWorkspace>,
}

impl Trainer<'_> {
    /// The dense and the non-trainable parameters now, as they are evaluated and saved.
    fn dense(&self) -> DenseValues {
        let mut moving = self.server.moving().to_vec();
        self.moments.export(&mut moving);
        DenseValues { dense: Arc::new(self.server.dense().to_vec()), moving: Arc::new(moving) }
    }
}

/// The serving copy and what reaches it.
#[derive(Debug)]
pub struct ServingRoom {
    how: Serving,
    streams: Streams,
    layout: Arc<Layout>,
    sharding: Sharding,
    /// Id spaces with a table.
    spaces: Vec<usize>,
    serving: ServingCopy,
    batch: Option<ServingCopy>,
    touched: TouchedRows,
    freshness: RowFreshness,
    post: Post,
    /// When the dense parameters of each shard were read, or of all together.
    dense_read: Vec<SimTime>,
    /// When the values of the last message that arrived were read, by kind and sender.
    newest: [Vec<SimTime>; 2],
    /// Requests to be scored.
    waiting: VecDeque<Arrived>,
    /// Requests that came, by the number of their stretch.
    came: BTreeMap<u64, u64>,
    all_came: u64,
    scorer: Scorer,
    scores: Scores,
    /// What was sent in the current stretch, and before.
    sent: (Sent, Sent),
    /// Number of the current stretch.
    stretch: u64,
    /// Stretches that have ended, of which observers were not told.
    closed: Vec<Stretch>,
}

impl ServingRoom {
    /// Copies of a server at the start of a run, with `exported` as its non-trainable arena. Files
    /// are searched relative to `folder`. The settings are [usable](Serving::unusable).
    ///
    /// # Errors
    /// If a file with delays cannot be read.
    pub fn new(
        how: &Serving,
        (server, exported): (&ParameterServer, Vec<f32>),
        folder: &Path,
        streams: Streams,
    ) -> Result<ServingRoom, LawError> {
        let (layout, sharding) = (Arc::clone(server.layout()), server.sharding().clone());
        let shards = sharding.shards();
        let mut rows = Vec::new();
        for table in &layout.tables {
            rows.resize(rows.len().max(table.space + 1), 0);
            rows[table.space] = table.rows;
        }
        let spaces = (0..rows.len()).filter(|&space| rows[space] > 0).collect();
        let serving = ServingCopy::of(server, exported);
        Ok(ServingRoom {
            how: how.clone(),
            streams,
            spaces,
            batch: how.has(Beside::Batch).then(|| serving.clone()),
            serving,
            touched: TouchedRows::new(&how.rows, &rows, shards),
            freshness: RowFreshness::new(&rows, shards),
            post: Post::new(how, shards, folder, streams)?,
            dense_read: vec![SimTime::ZERO; shards as usize],
            newest: [vec![SimTime::ZERO; shards as usize], vec![SimTime::ZERO; shards as usize]],
            waiting: VecDeque::new(),
            came: BTreeMap::new(),
            all_came: 0,
            scorer: Scorer::default(),
            scores: Scores::new(&how.beside),
            sent: (Sent::default(), Sent::default()),
            stretch: 0,
            closed: Vec::new(),
            layout,
            sharding,
        })
    }

    /// Copies the server anew, before the first event: it starts from a checkpoint.
    pub fn begin(&mut self, server: &ParameterServer, exported: Vec<f32>) {
        self.serving = ServingCopy::of(server, exported);
        self.batch = self.how.has(Beside::Batch).then(|| self.serving.clone());
    }

    /// The scores so far, without those that are being computed.
    pub fn scores(&self) -> &Scores {
        &self.scores
    }

    /// Whether something must be [done](Self::catch_up) before the servers change at `now`.
    pub fn is_due(&self, now: SimTime) -> bool {
        let sends = self.post.next_send().is_some_and(|at| at <= now);
        sends || self.boundary() <= now || self.follows_updates()
    }

    /// When the current stretch ends.
    fn boundary(&self) -> SimTime {
        SimTime::ZERO + self.how.every.times(self.stretch + 1)
    }

    /// Whether scores depend on each update of the servers.
    fn follows_updates(&self) -> bool {
        self.how.has(Beside::Oracle)
            || self.how.ways().iter().any(|way| way.every.is_some_and(SimSpan::is_zero))
    }

    /// Does everything that is due up to `now`, this instant included, before the servers change.
    /// `arrived` are the requests up to `now` since the last call.
    pub fn catch_up(&mut self, now: SimTime, arrived: Vec<Arrived>, trainer: &mut Trainer<'_>) {
        self.note(arrived);
        loop {
            let boundary = self.boundary();
            let (at, due) = match self.post.next().filter(|(at, _)| *at <= boundary.min(now)) {
                Some((at, due)) => (at, Some(due)),
                None if boundary <= now => (boundary, None),
                None => break,
            };
            match due {
                Some(Due::Arrival(number)) => {
                    self.score_until(at, trainer);
                    self.take_in(number);
                }
                Some(due) => {
                    self.send(due, at, trainer);
                    self.post.done(due);
                }
                None => self.close(at, trainer),
            }
        }
        if self.follows_updates() || self.waiting.len() > MOST_WAITING {
            self.score_until(now, trainer);
        }
    }

    /// The run ends at `now`: closes the last stretch.
    pub fn end(&mut self, now: SimTime, arrived: Vec<Arrived>, trainer: &mut Trainer<'_>) {
        self.catch_up(now, arrived, trainer);
        if SimTime::ZERO + self.how.every.times(self.stretch) < now {
            self.close(now, trainer);
        }
    }

    /// What every copy has served in the stretches that have ended, all together.
    pub fn whole(&self, end: SimTime) -> Vec<ServedLook> {
        self.scores.whole(end, self.all_came, self.sent.1)
    }

    /// The same by how well known the items of the requests were; nothing if the stream does not know.
    pub fn slices(&self) -> Vec<ServedSlice> {
        self.scores.slices()
    }

    /// Waits for all scores, so that the state can be saved.
    pub fn finish(&mut self, model: &Arc<dyn Model>, pool: &mut Pool<ThreadWorkspace>) {
        self.scorer.finish(model, pool, &mut self.scores);
    }

    /// Tells what was served in the stretches of time that have ended since the last call.
    pub fn tell_closed(&mut self, tell: impl FnMut(ServedLook)) {
        let closed = std::mem::take(&mut self.closed);
        closed.iter().flat_map(|stretch| self.scores.look(stretch)).for_each(tell);
    }

    /// A shard has updated the rows that it holds of these gradients, and its dense parameters.
    pub fn updated<'l>(
        &mut self,
        shard: ShardId,
        lookups: impl IntoIterator<Item = &'l Lookups>,
        now: SimTime,
        server: &mut ParameterServer,
    ) {
        match server.rules().1.rows() {
            RowSemantics::Lazy if self.how.rows.every != Some(SimSpan::ZERO) => {
                for lookups in lookups {
                    self.touch_all(lookups, shard, now);
                }
                self.rows_changed(Vec::new(), now, server);
            }
            RowSemantics::Lazy => {
                let keys = lookups.into_iter().flat_map(|lookups| self.keys_of(lookups, shard));
                self.rows_changed(keys.collect(), now, server);
            }
            RowSemantics::Dense => {
                let keys = self.all_keys(shard, server);
                self.rows_changed(keys, now, server);
            }
        }
        if self.how.dense.every.is_some_and(SimSpan::is_zero) {
            self.serving.copy_blocks(server, shard);
            let bytes = DenseValues::bytes(&self.layout, &self.sharding, Some(shard));
            self.sent.0.dense_bytes += bytes;
        }
    }

    /// The pull of a step may have admitted the rows of a shard.
    pub fn pulled(
        &mut self,
        shard: ShardId,
        lookups: &Lookups,
        now: SimTime,
        server: &mut ParameterServer,
    ) {
        let keys = self.keys_of(lookups, shard).collect();
        self.rows_changed(keys, now, server);
    }

    /// The servers have changed these rows, and those that they have evicted meanwhile.
    pub fn rows_changed(
        &mut self,
        mut keys: Vec<RowKey>,
        now: SimTime,
        server: &mut ParameterServer,
    ) {
        let evicted = server.take_evicted();
        if self.how.rows.deletions {
            keys.extend(evicted);
        }
        match self.how.rows.every {
            Some(SimSpan::ZERO) => {
                keys.sort_unstable();
                keys.dedup();
                let values = server.read_rows(keys, self.how.rows.deletions);
                self.serving.write_rows(&values);
                self.sent.0.row_bytes += values.bytes();
            }
            _ => {
                for key in keys {
                    let shard = self.sharding.of_row(key.0 as usize, key.1);
                    let lists = (&mut self.touched, &mut self.freshness);
                    touch(lists, &self.how, (shard, key), now);
                }
            }
        }
    }

    /// A shard has changed the rows that it holds of a gradient: they wait to be sent.
    fn touch_all(&mut self, lookups: &Lookups, shard: ShardId, now: SimTime) {
        let ServingRoom { spaces, sharding, touched, freshness, how, .. } = self;
        for &space in spaces.iter().filter(|space| **space < lookups.ids.len()) {
            let ids = &lookups.ids[space];
            sharding.held(lookups, space, shard).for_each(|at| {
                let key = (space as u32, ids[at as usize]);
                touch((touched, freshness), how, (shard, key), now);
            });
        }
    }

    /// The rows that a shard holds among those of a gradient.
    fn keys_of<'a>(
        &'a self,
        lookups: &'a Lookups,
        shard: ShardId,
    ) -> impl Iterator<Item = RowKey> + 'a {
        self.spaces.iter().filter(|space| **space < lookups.ids.len()).flat_map(move |&space| {
            let held = self.sharding.held(lookups, space, shard);
            held.map(move |at| (space as u32, lookups.ids[space][at as usize]))
        })
    }

    /// All rows that a shard holds.
    fn all_keys(&self, shard: ShardId, server: &ParameterServer) -> Vec<RowKey> {
        let mut keys = Vec::new();
        for &space in &self.spaces {
            let table = self.layout.tables.iter().position(|table| table.space == space);
            let rows = table.map_or(0, |table| server.table(table).rows());
            let here = (0..rows).filter(|&id| self.sharding.of_row(space, id) == shard);
            keys.extend(here.map(|id| (space as u32, id)));
        }
        keys
    }

    /// Counts requests, and keeps those that are drawn.
    fn note(&mut self, arrived: Vec<Arrived>) {
        let every = self.how.every.0.max(1);
        for came in arrived {
            let request = came.request;
            // A request at the end of a stretch belongs to it.
            *self.came.entry(request.at.0.saturating_sub(1) / every).or_default() += 1;
            self.all_came += 1;
            if self.streams.uniform(Purpose::Served, 0, request.number) < self.how.share {
                self.waiting.push_back(came);
            }
        }
    }

    /// A sender reads its values and sends them.
    fn send(&mut self, due: Due, now: SimTime, trainer: &Trainer<'_>) {
        let message = match due {
            Due::Arrival(_) => return,
            Due::Rows(shard) => {
                // Taken before the values are read.
                let keys = self.touched.take(shard);
                if keys.is_empty() {
                    return;
                }
                let rows = trainer.server.read_rows(keys, self.how.rows.deletions);
                Message { shard: Some(shard), sent: now, rows: Some(rows), dense: None }
            }
            Due::Dense(shard) => {
                if DenseValues::bytes(&self.layout, &self.sharding, shard) == 0 {
                    return;
                }
                Message { shard, sent: now, rows: None, dense: Some(trainer.dense()) }
            }
        };
        let keys = message.rows.as_ref().map(|rows| rows.keys.clone());
        let row_bytes = message.rows.as_ref().map_or(0, |rows| rows.bytes());
        let shard = message.shard;
        let is_dense = message.dense.is_some();
        let posted = self.post.send(message);
        let sent = &mut self.sent.0;
        sent.lost += posted.lost;
        sent.row_bytes += posted.attempts * row_bytes;
        if is_dense {
            let bytes = DenseValues::bytes(&self.layout, &self.sharding, shard);
            sent.dense_bytes += posted.attempts * bytes;
        }
        if let (Some(keys), Some(shard)) = (keys, shard) {
            self.freshness.send(shard, posted.number.unwrap_or(u64::MAX), &keys);
            if posted.number.is_none() {
                self.freshness.lose_last(shard);
            }
        }
    }

    /// A message arrives. An older one that comes after a newer one wins, as it does where a server
    /// writes what it gets.
    fn take_in(&mut self, number: u64) {
        let Message { shard, sent, rows, dense } = self.post.take(number);
        let sender = shard.map_or(0, ShardId::index);
        let newest = &mut self.newest[usize::from(dense.is_some())][sender];
        self.sent.0.overtaken += u64::from(sent < *newest);
        *newest = (*newest).max(sent);
        if let (Some(rows), Some(shard)) = (rows, shard) {
            self.serving.write_rows(&rows);
            self.freshness.arrive(shard, number);
        }
        if let Some(dense) = dense {
            self.serving.write_dense(&dense, &self.sharding, shard);
            match shard {
                Some(shard) => self.dense_read[shard.index()] = sent,
                None => self.dense_read.fill(sent),
            }
        }
    }

    /// A stretch ends.
    fn close(&mut self, at: SimTime, trainer: &mut Trainer<'_>) {
        self.score_until(at, trainer);
        self.finish(trainer.model, trainer.pool);
        let requests = self.came.remove(&self.stretch).unwrap_or(0);
        let from = SimTime::ZERO + self.how.every.times(self.stretch);
        let mut sent = std::mem::take(&mut self.sent.0);
        sent.forgotten = self.touched.take_forgotten();
        self.sent.1 = self.sent.1.plus(sent);
        self.closed.push(self.scores.close((from, at), requests, sent));
        self.stretch += 1;
    }

    /// Scores the requests that came until `at`, this instant included.
    fn score_until(&mut self, at: SimTime, trainer: &mut Trainer<'_>) {
        if self.waiting.front().is_none_or(|came| came.request.at > at) {
            return;
        }
        if self.how.dense.every.is_some_and(SimSpan::is_zero) && !trainer.moments.is_empty() {
            self.serving.write_kept_by_workers(&trainer.dense().moving);
        }
        let oracle = self.how.has(Beside::Oracle).then(|| trainer.dense());
        loop {
            let due = self.waiting.iter().take_while(|came| came.request.at <= at).take(GROUP);
            let requests: Vec<Arrived> = due.copied().collect();
            if requests.is_empty() {
                return;
            }
            self.waiting.drain(..requests.len());
            self.score(&requests, oracle.as_ref(), at, trainer);
        }
    }

    /// Scores these requests.
    fn score(
        &mut self,
        requests: &[Arrived],
        oracle: Option<&DenseValues>,
        now: SimTime,
        trainer: &mut Trainer<'_>,
    ) {
        let numbers = requests.iter().map(|came| came.request.number);
        let ids: Vec<u64> = numbers.clone().map(|n| trainer.stream.requests().id(n)).collect();
        let (batch, lookups) = self.scorer.read(&ids, trainer.source, trainer.model.as_ref());
        let negatives = trainer.stream.negatives();
        let offsets = numbers.map(|number| negatives.at_serving(number) as f32).collect();
        let ages = self.ages(requests, (&batch, &lookups), trainer.source);
        let (mut rows, mut dense) = (Vec::new(), Vec::new());
        for copy in self.scores.copies() {
            let mut gathered = Vec::new();
            dense.push(match (copy, oracle, &self.batch) {
                (ServedCopy::Oracle, Some(values), _) => {
                    trainer.server.evaluated().gather(&lookups, &mut gathered);
                    values.clone()
                }
                (ServedCopy::Batch, _, Some(batch)) => {
                    batch.evaluated().gather(&lookups, &mut gathered);
                    batch.dense().clone()
                }
                _ => {
                    self.serving.evaluated().gather(&lookups, &mut gathered);
                    self.serving.dense().clone()
                }
            });
            rows.push(gathered);
        }
        let items = requests.iter().filter_map(|came| came.item).collect();
        let part = Part { batch, lookups, ages, items, offsets, rows };
        let host = (&mut *trainer.pool, now);
        self.scorer.score(part, dense, trainer.model, host, &mut self.scores);
    }

    /// How old the serving copy's parameters are for each request.
    fn ages(
        &self,
        requests: &[Arrived],
        (batch, lookups): (&Batch, &Lookups),
        source: &dyn DataSource,
    ) -> Vec<Age> {
        // By id space and distinct id: the first update that the copy does not have.
        let behind: Vec<Vec<Option<SimTime>>> = lookups
            .ids
            .iter()
            .enumerate()
            .map(|(space, ids)| match self.spaces.contains(&space) {
                true => ids.iter().map(|&id| self.freshness.behind_since(space, id)).collect(),
                false => vec![None; ids.len()],
            })
            .collect();
        let schema = source.schema();
        let fields: Vec<usize> = schema.fields.iter().map(|field| field.space).collect();
        let columns = schema.history.iter().flat_map(|history| &history.columns);
        let columns: Vec<usize> = columns.map(|column| column.space).collect();
        let since = |(&position, &space): (&u32, &usize)| match position {
            Lookups::UNREAD => None,
            position => behind[space][position as usize],
        };
        let at_once = self.how.dense.every.is_some_and(SimSpan::is_zero);
        let read = self.dense_read.iter().enumerate().filter(|(shard, _)| {
            let shard = Some(ShardId(*shard as u32));
            DenseValues::bytes(&self.layout, &self.sharding, shard) > 0
        });
        let read = read.map(|(_, at)| *at).min();
        let mut ages = Vec::with_capacity(requests.len());
        for (example, Arrived { request, .. }) in requests.iter().enumerate() {
            let own = fields.len() * example..fields.len() * (example + 1);
            let of_fields = lookups.fields[own].iter().zip(&fields).filter_map(since);
            let events = match columns.is_empty() {
                true => 0..0,
                false => {
                    let offsets = &batch.history_offsets[example..];
                    offsets[0] as usize..offsets[1] as usize
                }
            };
            let own = events.start * columns.len()..events.end * columns.len();
            let of_history =
                lookups.history[own].iter().zip(columns.iter().cycle()).filter_map(since);
            // Updates after the request, but before it was scored, do not concern it.
            let oldest = of_fields.chain(of_history).min().filter(|since| *since < request.at);
            ages.push(Age {
                row_lag: oldest.map_or(SimSpan::ZERO, |since| request.at.since(since)),
                is_stale: oldest.is_some(),
                dense: match read {
                    Some(read) if !at_once => request.at.since(read),
                    _ => SimSpan::ZERO,
                },
            });
        }
        ages
    }
}

/// A shard has changed a row.
#[inline]
fn touch(
    (touched, freshness): (&mut TouchedRows, &mut RowFreshness),
    how: &Serving,
    (shard, key): (ShardId, RowKey),
    now: SimTime,
) {
    // A row that waits to be sent was changed before, and that was noted.
    if !touched.is_remembered(key) {
        freshness.touch(key, now);
        if how.rows.every.is_some() {
            touched.touch(shard, key);
        }
    }
}

// Between two events, and after `finish`.
crate::persist!(ServingRoom {
    how: fixed,
    streams: fixed,
    layout: fixed,
    sharding: fixed,
    spaces: fixed,
    serving: state,
    batch: each,
    touched: state,
    freshness: state,
    post: state,
    dense_read: sized,
    newest: each,
    waiting: state,
    came: state,
    all_came: state,
    scorer: state,
    scores: state,
    sent: state,
    stretch: state,
    closed: state
});
