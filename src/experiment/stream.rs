//! A live stream, as rows of `stream.csv` and in summaries.

use crate::results::summary::StreamSummary;
use crate::results::tables::StreamRow;
use crate::sim::Progress;
use crate::sim::live_feed::{Live, StreamLook};

/// What it is like at one moment.
pub(super) fn row(progress: &Progress, stream: &StreamLook) -> StreamRow {
    let StreamLook { requests: counts, joiner, queue, waiting, is_blocked, interval } = stream;
    StreamRow {
        update: progress.updates,
        examples: progress.examples,
        sim_s: progress.now.seconds(),
        requests: counts.requests,
        positives: counts.positives,
        features_lost: counts.features_lost,
        features_on_way: counts.features_on_way,
        in_memory: joiner.in_memory,
        on_disk: joiner.on_disk,
        emitted_positives: joiner.positives,
        emitted_negatives: joiner.negatives,
        unkept: joiner.negatives_unkept,
        never: counts.never,
        twice: counts.twice,
        joined: joiner.from_memory,
        from_disk: joiner.from_disk,
        after_action: joiner.after_action,
        actions_waiting: joiner.actions_waiting,
        actions_alone: joiner.actions_alone,
        actions_late: joiner.actions_late,
        actions_again: joiner.actions_again,
        second: joiner.second,
        taken_back: joiner.taken_back,
        queue: *waiting,
        queue_longest: interval.queue.longest,
        dropped_positives: queue.dropped_positives,
        dropped_negatives: queue.dropped_negatives,
        blocked: u64::from(*is_blocked),
        taken: queue.taken,
        queue_lag_s: interval.queue.lags.mean(),
        queue_lag_max_s: interval.queue.lags.longest_seconds(),
        update_lag_s: interval.updates.mean(),
        update_lag_max_s: interval.updates.longest_seconds(),
    }
}

/// The figures of the whole stream.
pub(super) fn summary(live: &Live) -> StreamSummary {
    let stream = live.stream();
    let (counts, joiner, queue) =
        (stream.counts(), stream.joiner().counts(), stream.queue().counts());
    let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
    StreamSummary {
        requests: counts.requests,
        taken: queue.taken,
        missed: share(counts.positives - joiner.positives, counts.positives),
        dropped: share(queue.dropped(), queue.offered),
        queue_longest: queue.longest,
        queue_lag_s: queue.lags.mean(),
        update_lag_s: live.update_lags().mean(),
        update_lag_max_s: live.update_lags().longest_seconds(),
        last_wait_s: (queue.taken > 0).then(|| queue.last_wait.seconds()),
        stood_still_s: Some(counts.stood_still.seconds()).filter(|seconds| *seconds > 0.0),
    }
}
