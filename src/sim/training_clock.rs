//! The progress of training, for schedules and update rules: the run's own progress, plus that of a
//! checkpoint, minus what a restart forgets.

use super::progress::Progress;
use crate::base::ShardId;
use crate::optimizer::schedule::{self, Horizon};

/// The clocks of schedules and update rules.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TrainingClock {
    /// Updates and examples of earlier jobs; negative if those of this job are forgotten.
    updates: i64,
    examples: i64,
    seconds: f64,
    /// The same for the versions of each shard.
    versions: Vec<i64>,
    /// When the reduction of the rates began, by the run's own clocks, and its lengths.
    since: schedule::Moment,
    warm_up: Option<Horizon>,
    frozen: Option<Horizon>,
}

/// The clocks of a checkpoint's job.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Elapsed {
    /// Updates, examples and simulated seconds.
    pub progress: schedule::Moment,
    /// Updates of each shard.
    pub versions: Vec<u64>,
}

impl TrainingClock {
    /// The clocks before the next update.
    pub fn now(&self, progress: &Progress) -> schedule::Moment {
        let own = progress.clocks();
        schedule::Moment {
            updates: own.updates.saturating_add_signed(self.updates),
            examples: own.examples.saturating_add_signed(self.examples),
            seconds: own.seconds + self.seconds,
        }
    }

    /// The number of the update that makes a shard's version `version`, as update rules count.
    pub fn update(&self, shard: ShardId, version: u64) -> u64 {
        let before = self.versions.get(shard.index()).copied().unwrap_or(0);
        version.saturating_add_signed(before)
    }

    /// The factor of the learning rate since the last restart, for an update of `examples`
    /// examples.
    pub fn factor(&self, progress: &Progress, examples: u64) -> f64 {
        if self.frozen.is_none() && self.warm_up.is_none() {
            return 1.0;
        }
        let (own, since) = (progress.clocks(), self.since);
        let passed = schedule::Moment {
            updates: own.updates - since.updates,
            examples: own.examples - since.examples,
            seconds: own.seconds - since.seconds,
        };
        if self.frozen.is_some_and(|over| over.passed(passed) < 1.0) {
            return 0.0;
        }
        self.warm_up.map_or(1.0, |over| over.share(passed.with_update(examples)))
    }

    /// The job restarts here: from now on the rates are reduced over these lengths.
    pub fn hold_down(
        &mut self,
        progress: &Progress,
        warm_up: Option<Horizon>,
        frozen: Option<Horizon>,
    ) {
        self.since = progress.clocks();
        (self.warm_up, self.frozen) = (warm_up, frozen);
    }

    /// Forgets the progress of training.
    pub fn forget_progress(&mut self, progress: &Progress) {
        self.updates = -(progress.updates as i64);
        self.examples = -(progress.examples as i64);
        self.seconds = -progress.now.seconds();
    }

    /// Forgets the updates of all shards, which have these versions.
    pub fn forget_versions(&mut self, versions: &[u64]) {
        self.versions = versions.iter().map(|&version| -(version as i64)).collect();
    }

    /// A shard of version `version` returns to a state in which the rules had counted `counted`
    /// updates.
    pub fn set_update(&mut self, shard: ShardId, version: u64, counted: u64) {
        if self.update(shard, version) == counted {
            return;
        }
        let length = self.versions.len().max(shard.index() + 1);
        self.versions.resize(length, 0);
        self.versions[shard.index()] = counted as i64 - version as i64;
    }

    /// Continues from the progress of another job.
    pub fn continue_progress(&mut self, elapsed: &Elapsed) {
        self.updates = elapsed.progress.updates as i64;
        self.examples = elapsed.progress.examples as i64;
        self.seconds = elapsed.progress.seconds;
    }

    /// Continues from the versions of another job on `shards` shards; if it had another number of
    /// shards, from the largest version.
    pub fn continue_versions(&mut self, elapsed: &Elapsed, shards: usize) {
        let all = &elapsed.versions;
        let largest = all.iter().copied().max().unwrap_or(0);
        let of = |s: usize| if all.len() == shards { all[s] } else { largest };
        self.versions = (0..shards).map(|s| of(s) as i64).collect();
    }

    /// The clocks of this job, for its checkpoint.
    pub fn elapsed(&self, progress: &Progress, versions: &[u64]) -> Elapsed {
        let shards = (0..).map(ShardId).zip(versions);
        Elapsed {
            progress: self.now(progress),
            versions: shards.map(|(shard, &version)| self.update(shard, version)).collect(),
        }
    }
}

crate::persist!(TrainingClock {
    updates: state,
    examples: state,
    seconds: state,
    versions: state,
    since: state,
    warm_up: plain,
    frozen: plain
});
crate::persist!(Elapsed { progress: state, versions: state });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SimTime;

    fn at(updates: u64) -> Progress {
        Progress { updates, pushes: updates, examples: 8 * updates, now: SimTime(updates) }
    }

    #[test]
    fn without_a_restart_the_clocks_are_the_runs_own() {
        let clock = TrainingClock::default();
        assert_eq!(clock.now(&at(7)), at(7).clocks());
        assert_eq!((clock.update(ShardId(3), 9), clock.factor(&at(7), 8)), (9, 1.0));
    }

    #[test]
    fn what_is_forgotten_begins_at_the_first_update() {
        let mut clock = TrainingClock::default();
        clock.forget_progress(&at(100));
        clock.forget_versions(&[100, 103]);
        assert_eq!(clock.now(&at(100)).updates, 0);
        assert_eq!(clock.now(&at(100)).examples, 0);
        assert_eq!(clock.update(ShardId(1), 104), 1);
        clock.set_update(ShardId(2), 200, 150);
        assert_eq!([1, 2, 3].map(|shard| clock.update(ShardId(shard), 201)), [98, 151, 201]);
    }

    #[test]
    fn another_jobs_clocks_go_on() {
        let elapsed = TrainingClock::default().elapsed(&at(50), &[50, 51]);
        assert_eq!((elapsed.progress.updates, elapsed.progress.examples), (50, 400));
        let mut clock = TrainingClock::default();
        clock.continue_progress(&elapsed);
        clock.continue_versions(&elapsed, 2);
        assert_eq!(clock.now(&at(0)).updates, 50);
        assert_eq!(clock.update(ShardId(1), 1), 52);
        clock.continue_versions(&elapsed, 3);
        assert_eq!(clock.update(ShardId(0), 1), 52);
        assert_eq!(clock.elapsed(&at(2), &[2, 2, 2]).versions, [53, 53, 53]);
    }

    #[test]
    fn rates_are_zero_then_grow() {
        let mut clock = TrainingClock::default();
        for length in [Horizon::Updates(4), Horizon::Examples(32)] {
            let factors = |clock: &TrainingClock| {
                (10..15).map(|updates| clock.factor(&at(updates), 8)).collect::<Vec<f64>>()
            };
            clock.hold_down(&at(10), Some(length), None);
            assert_eq!(factors(&clock), [0.25, 0.5, 0.75, 1.0, 1.0]);
            clock.hold_down(&at(10), None, Some(length));
            assert_eq!(factors(&clock), [0.0, 0.0, 0.0, 0.0, 1.0]);
        }
    }
}
