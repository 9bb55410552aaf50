//! The training job tells its serving copy the time before its servers change, and what has changed.

use std::sync::Arc;

use super::serving::{ServedLook, ServingRoom, Trainer};
use super::training::{Member, Training};
use crate::base::{ShardId, SimTime};
use crate::online::Arrived;

impl Training {
    /// The same job with a serving copy.
    pub fn with_serving(mut self, room: Option<ServingRoom>) -> Training {
        if room.is_some() {
            self.server.note_evicted();
            if let Some(live) = self.feed.stream_mut() {
                live.note_requests();
            }
        }
        self.serving = room.map(Box::new);
        self
    }

    /// The serving copy.
    pub fn serving(&self) -> Option<&ServingRoom> {
        self.serving.as_deref()
    }

    /// The job starts from other parameters than those with which it was built.
    pub(super) fn begin_serving(&mut self) {
        let exported = self.exported_moving();
        if let Some(room) = &mut self.serving {
            room.begin(&self.server, exported);
        }
    }

    /// The servers are about to change: the serving copy does what was due until then.
    #[inline]
    pub(super) fn serve_until(&mut self, now: SimTime) {
        if self.serving.as_ref().is_some_and(|room| room.is_due(now)) {
            self.serve_now(now);
        }
    }

    /// Everything that is due until now, whether or not a score depends on it.
    pub(super) fn serve_now(&mut self, now: SimTime) {
        self.serve(now, ServingRoom::catch_up);
    }

    /// The run ends.
    pub(super) fn end_serving(&mut self, now: SimTime) {
        self.serve(now, ServingRoom::end);
    }

    fn serve(
        &mut self,
        now: SimTime,
        act: fn(&mut ServingRoom, SimTime, Vec<Arrived>, &mut Trainer<'_>),
    ) {
        let Training { serving: Some(room), server, feed, pool, model, moments, .. } = self else {
            return;
        };
        let source = Arc::clone(feed.source());
        let Some(live) = feed.stream_mut() else { return };
        let arrived = live.take_arrived(now);
        let source = source.as_ref();
        let mut trainer = Trainer { server, moments, source, model, stream: live.stream(), pool };
        act(room, now, arrived, &mut trainer);
    }

    /// A shard has made an update with these pushes.
    #[inline]
    pub(super) fn note_update(&mut self, shard: ShardId, members: &[Member<'_>], now: SimTime) {
        if let Some(room) = &mut self.serving {
            let lookups = members.iter().map(|member| member.cargo.lookups());
            room.updated(shard, lookups, now, &mut self.server);
        }
    }

    /// Rows were evicted, perhaps.
    pub(super) fn note_evictions(&mut self, now: SimTime) {
        if let Some(room) = &mut self.serving {
            room.rows_changed(Vec::new(), now, &mut self.server);
        }
    }

    /// Waits for all scores, so that the state can be saved.
    pub(super) fn finish_serving(&mut self) {
        if let Some(room) = &mut self.serving {
            room.finish(&self.model, &mut self.pool);
        }
    }

    /// Tells what was served in the stretches of time that have ended since the last call.
    pub(super) fn tell_served(&mut self, tell: impl FnMut(ServedLook)) {
        if let Some(room) = &mut self.serving {
            room.tell_closed(tell);
        }
    }
}
