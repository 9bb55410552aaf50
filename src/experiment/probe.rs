//! How fast this machine is: about how long a run will take, by timing its parts before it starts.
//! No result depends on it.

use std::time::{Duration, Instant};

use crate::data::Batch;
use crate::model::Workspace;
use crate::params::view::rows_len;
use crate::params::{Gradient, Locator, Lookups, View};
use crate::scenario::estimate::sample;
use crate::scenario::{Prepared, StreamWork};
use crate::sim::evaluate::CHUNK;

/// The work of a run, as far as it determines its time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RunWork {
    /// Examples of a step.
    pub batch: usize,
    /// Steps.
    pub steps: u64,
    /// Examples scored in all evaluations together.
    pub scored: u64,
    /// A live stream, and what scores its requests.
    pub stream: Option<StreamWork>,
}

/// Pulling and applying, per number that a step moves: copies, slots and their bookkeeping. This
/// and the next two constants are fitted to the processor time of five scenarios with 8,000 to
/// 50,000 dense parameters.
const PER_NUMBER: f64 = 2e-9;
/// Events, records and reports of a step.
const PER_STEP: f64 = 5e-6;
/// The events of a step of timing alone, and those of its pull and push at one shard.
const PER_TIMED_STEP: f64 = 1e-6;
const PER_REQUESTS: f64 = 0.45e-6;
/// The messages of a request of a live stream; and of a request that is scored, its age and its place
/// among the scores. Set by the processor time of four variants of `scenarios/online.toml`.
const PER_REQUEST: f64 = 0.5e-6;
const PER_SCORE: f64 = 0.5e-6;
/// A group of requests that a copy scores together.
const PER_GROUP: f64 = 3e-6;
/// Starting a run, its report and its pictures.
pub const AROUND: f64 = 0.25;
/// Factor for all other work: divergence of views, order of examples, cold caches.
const BESIDES: f64 = 1.15;
/// Longest time that is spent on measuring one part.
const PATIENCE: Duration = Duration::from_millis(25);

/// Wall seconds of `work` on `threads` host threads.
pub fn seconds(prepared: &Prepared, work: RunWork, threads: usize) -> f64 {
    let layout = prepared.model.layout();
    let (batch, lookups) = sample(prepared, work.batch);
    // A step may have more examples than a day, from which the sample is.
    let times = work.batch as f64 / batch.len().max(1) as f64;
    let (mut read, mut found) = (Batch::default(), Lookups::default());
    let mut locator = Locator::for_layout(prepared.source.schema(), layout);
    let ids = spread(prepared, work.batch);
    let reading = quickest(|| {
        prepared.source.read(&ids, &mut read);
        locator.locate(&read, &mut found);
    });
    let numbers = layout.dense_len() + rows_len(layout, &lookups);
    let (mut workspace, mut gradient) = (Workspace::default(), Gradient::default());
    let values = ProbeParameters::of(prepared, &lookups);
    let computing = quickest(|| {
        prepared.model.gradient(values.view(&lookups), &batch, &mut workspace, &mut gradient);
    });
    let computing = computing * times;
    let (batch, lookups) = sample(prepared, CHUNK);
    let values = ProbeParameters::of(prepared, &lookups);
    let mut logits = Vec::new();
    let scoring = quickest(|| {
        prepared.model.scores(values.view(&lookups), &batch, &mut workspace, &mut logits);
    });
    let read_one = reading / work.batch.max(1) as f64;
    let forward = scoring / batch.len().max(1) as f64;
    let stream = work
        .stream
        .map_or((0.0, 0.0), |stream| of_stream(stream, work.steps, (read_one, forward), numbers));
    let scoring = forward * work.scored as f64;
    let steps = work.steps as f64;
    // Updates are applied one after the other, while several threads share the rest.
    let in_turn = steps * (PER_STEP + PER_NUMBER * numbers as f64) + stream.0;
    let shared = steps * (reading + computing) + scoring + stream.1;
    BESIDES * ((in_turn + shared) / threads.max(1) as f64).max(in_turn)
}

/// Seconds of a live stream beside its steps, of which each moves so many `numbers`: those of the
/// engine's own thread, and those of any thread. Reading an example and scoring it are measured.
fn of_stream(
    stream: StreamWork,
    steps: u64,
    (reading, forward): (f64, f64),
    numbers: usize,
) -> (f64, f64) {
    let StreamWork { requests, earlier, scored, copies, by_update, serves } = stream;
    let groups = if by_update { scored.min(steps) } else { scored.div_ceil(CHUNK as u64) };
    let noted = if serves { steps as f64 * PER_NUMBER * numbers as f64 } else { 0.0 };
    // Each request is read for its label.
    let in_turn = requests as f64 * (PER_REQUEST + reading)
        + earlier as f64 * reading
        + scored as f64 * (PER_SCORE + reading)
        + groups as f64 * copies as f64 * (PER_GROUP + PER_NUMBER * numbers as f64)
        + noted;
    (in_turn, scored as f64 * copies as f64 * forward)
}

/// Wall seconds of `steps` steps of timing alone. Events are done one after the other, so the number of
/// host threads does not matter. The figures are those of `scenarios/timing-only.toml` with 3 to 3,000
/// workers and 1 to 32 shards: they differ from measured times by less than a factor of 1.6.
pub fn seconds_of_timing(workers: u32, shards: u32, steps: u64) -> f64 {
    let per_shard = PER_REQUESTS * (1.0 + 0.1 * f64::from(workers.max(1)).log2());
    steps as f64 * (PER_TIMED_STEP + f64::from(shards) * per_shard)
}

/// Parameters of an untrained model.
struct ProbeParameters {
    dense: Vec<f32>,
    moving: Vec<f32>,
    rows: Vec<f32>,
}

impl ProbeParameters {
    fn of(prepared: &Prepared, lookups: &Lookups) -> ProbeParameters {
        let layout = prepared.model.layout();
        let small = |count: usize| (0..count).map(|i| ((i % 17) as f32 - 8.0) / 100.0).collect();
        ProbeParameters {
            dense: small(layout.dense_len()),
            moving: vec![1.0; layout.moving_len()],
            rows: small(rows_len(layout, lookups)),
        }
    }

    fn view<'a>(&'a self, lookups: &'a Lookups) -> View<'a, f32> {
        View { dense: &self.dense, moving: &self.moving, rows: &self.rows, lookups }
    }
}

/// Ids from the whole training window, as a shuffled batch has them.
fn spread(prepared: &Prepared, count: usize) -> Vec<u64> {
    let days = &prepared.train;
    let id = |k: usize| {
        let day = days[k * days.len() / count];
        day.first + (k as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % day.examples.max(1)
    };
    (0..count).map(id).collect()
}

/// The shortest of several times: the time without disturbance by other programs.
fn quickest(mut job: impl FnMut()) -> f64 {
    #[expect(clippy::disallowed_methods, reason = "it is the speed of this machine that is asked")]
    let began = Instant::now();
    let mut best = Duration::MAX;
    // The first one also allocates memory.
    for turn in 0..8 {
        #[expect(clippy::disallowed_methods, reason = "as above")]
        let started = Instant::now();
        job();
        if turn > 0 {
            best = best.min(started.elapsed());
        }
        if turn > 1 && began.elapsed() > PATIENCE {
            break;
        }
    }
    best.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use std::path::Path;

    #[test]
    fn twice_the_work_takes_longer_and_more_threads_never_do() {
        let text = "data = { kind = \"synthetic\", rows_per_day = 200, users = 50, items = 60 }\n\
                    model = { kind = \"mlp\", hidden = [8] }";
        let scenario = Scenario::from_text(text).unwrap();
        let prepared = scenario.prepare(Path::new(".")).unwrap().unwrap();
        let work = RunWork { batch: 32, steps: 1_000, scored: 0, stream: None };
        let one = seconds(&prepared, work, 1);
        assert!(one > 1e-3 && one < 1e3, "{one}");
        // The two numbers of steps differ so much that the noise of the clock does not matter.
        assert!(seconds(&prepared, RunWork { steps: 50_000, ..work }, 1) > one);
        let longer = RunWork { batch: 32_000, ..work };
        assert!(seconds(&prepared, longer, 1) > 100.0 * one);
        assert!(seconds(&prepared, RunWork { scored: 100_000_000, ..work }, 1) > one);
        assert!(seconds(&prepared, RunWork { steps: 50_000, ..work }, 8) < 50.0 * one);
        let timed = seconds_of_timing(300, 8, 300_000);
        assert!((1.0..4.0).contains(&timed), "{timed}");
        assert!(seconds_of_timing(300, 16, 300_000) > 1.5 * timed);
    }
}
