//! What a restart does to the content of servers and to the position in the data, and what a
//! checkpoint takes from them.

use super::copied::Copied;
use super::last_pushes::LastPushes;
use super::progress::Progress;
use super::restart::{DataAt, InFlight, Kept, Restart, SlotsAt, WorkersAt};
use super::training::Training;
use super::training_clock::Elapsed;
use crate::base::{Purpose, Streams};
use crate::data::order::Position;
use crate::protocol::Merge;
use crate::server::table::TableStore;
use crate::server::{Aspects, Selection};

impl Training {
    /// Forgets everything that workers keep from step to step. Their own moving statistics are in
    /// the checkpoint as they are exported.
    pub(super) fn forget_workers(&mut self) {
        let exported = self.exported_moving();
        self.server.content_mut().moving.copy_from_slice(&exported);
        self.worker_states.clear();
        self.kept.clear();
        self.last = LastPushes::default();
        self.merged = (Vec::new(), Merge::default());
        self.moments.begin_at(self.server.moving());
    }

    /// Gives the servers the saved content. If examples in flight are lost, training continues with
    /// the examples that followed when the save began.
    pub(super) fn restore_copy(&mut self, saved: &Copied, restart: &Restart) {
        let layout = self.server.layout().clone();
        let all = Selection::all(&layout);
        let content = self.server.content_mut();
        content.copy_from(&saved.content, &all, Aspects::ALL);
        content.copy_moving_from(&saved.moving, &layout, &all);
        if restart.workers == WorkersAt::Anew && restart.in_flight != InFlight::Requeue {
            self.feed.seek(saved.position);
        }
    }

    /// Resets the server's content and the position in the data, as the switches say.
    pub(super) fn begin_anew(
        &mut self,
        restart: &Restart,
        reinit: Option<&Selection>,
        streams: Streams,
    ) {
        let redraws = reinit.is_some_and(|names| !names.is_empty()) || restart.perturb > 0.0;
        let all = Selection::all(self.server.layout());
        let slots = restart.slots == SlotsAt::Zero;
        let counters = restart.counters == Kept::Reset;
        if slots || counters || restart.moving == Kept::Reset {
            // Initial values of slots and statistics are not drawn.
            let first = self.server.first_content(streams);
            let what = Aspects { weights: false, slots, counters };
            self.server.content_mut().copy_from(&first, &all, what);
            if restart.moving == Kept::Reset {
                let layout = self.server.layout().clone();
                self.server.content_mut().copy_moving_from(&first.moving, &layout, &all);
            }
        }
        if restart.admission == Kept::Reset {
            let tables = &mut self.server.content_mut().tables;
            tables.iter_mut().for_each(TableStore::forget_admission);
        }
        if restart.shrink < 1.0 || redraws {
            let seed = streams.key(Purpose::Reinit, 0, 0);
            let first = self.server.first_content(Streams::new(seed));
            let layout = self.server.layout().clone();
            let content = self.server.content_mut();
            if restart.shrink < 1.0 || restart.perturb > 0.0 {
                content.shrink_and_perturb(restart.shrink, restart.perturb, &first);
            }
            if let Some(names) = reinit {
                content.copy_from(&first, names, Aspects::ALL);
                content.copy_moving_from(&first.moving, &layout, names);
            }
        }
        if restart.moving == Kept::Reset {
            self.moments.begin_at(self.server.moving());
        }
        self.server.load_row_indexes();
        match restart.data {
            DataAt::Continue => {}
            DataAt::Reshuffle => {
                self.feed.seek(Position { pass: self.feed.position().pass + 1, offset: 0 });
            }
            DataAt::Replay => self.feed.seek(Position::default()),
        }
    }

    /// The progress of the job, for its checkpoint.
    pub fn elapsed(&self, progress: &Progress, versions: &[u64]) -> Elapsed {
        self.clock.elapsed(progress, versions)
    }

    /// The current content of the servers, for the checkpoint of a job with these clocks.
    pub(super) fn copied(&self, elapsed: Elapsed) -> Copied {
        Copied {
            content: self.server.content().clone(),
            moving: self.exported_moving(),
            elapsed,
            position: self.feed.position(),
            parts: Vec::new(),
        }
    }
}
