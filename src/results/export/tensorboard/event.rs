//! The events of an event file (`event.proto` and `summary.proto` of TensorBoard).

use super::message::ProtoMessage;
use super::record;

/// A moment: TensorBoard's step is the update, and its wall time is the simulated time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct EventTime {
    pub(super) update: u64,
    pub(super) sim_s: f64,
}

/// The buckets of a histogram: lower end, upper end, count.
pub(super) type Buckets = Vec<(f64, f64, f64)>;

/// The content of an event.
pub(super) enum Shown {
    Scalar(f64),
    Histogram(Buckets),
    /// Content for the plugin of hyperparameters.
    Settings(ProtoMessage),
}

/// The events of one folder, in any order.
#[derive(Default)]
pub(super) struct FolderEvents {
    list: Vec<(EventTime, String, Shown)>,
}

impl FolderEvents {
    pub(super) fn add(&mut self, moment: EventTime, tag: String, shown: Shown) {
        self.list.push((moment, tag, shown));
    }

    /// The last moment of all.
    pub(super) fn last(&self) -> EventTime {
        let moments = self.list.iter().map(|(moment, ..)| *moment);
        let later = |a: EventTime, b: EventTime| if b.update > a.update { b } else { a };
        moments.reduce(later).unwrap_or(EventTime { update: 0, sim_s: 0.0 })
    }

    /// The event file: its version, then the events in the order of their updates.
    pub(super) fn into_file(mut self) -> Vec<u8> {
        self.list.sort_by_key(|(moment, ..)| moment.update);
        let mut file = Vec::new();
        // Without this TensorBoard treats decreasing steps as a restart.
        let version = ProtoMessage::default().double(1, 0.0).text(3, "brain.Event:2");
        record::push(&mut file, &version.bytes);
        for (moment, tag, shown) in &self.list {
            let value = value(tag, shown);
            let summary = ProtoMessage::default().message(1, &value);
            let event = ProtoMessage::default()
                .double(1, moment.sim_s)
                .whole(2, moment.update)
                .message(5, &summary);
            record::push(&mut file, &event.bytes);
        }
        file
    }
}

fn value(tag: &str, shown: &Shown) -> ProtoMessage {
    let value = ProtoMessage::default().text(1, tag);
    match shown {
        Shown::Scalar(number) => value.float(2, *number as f32),
        Shown::Histogram(buckets) => value.message(5, &histogram(buckets)),
        Shown::Settings(content) => {
            let plugin = ProtoMessage::default().text(1, "hparams").message(2, content);
            let metadata = ProtoMessage::default().message(1, &plugin);
            // Readers drop values without content, so this is a single zero as a tensor of 32-bit
            // floats.
            let shape = ProtoMessage::default().message(2, &ProtoMessage::default().whole(1, 1));
            let tensor = ProtoMessage::default().whole(1, 1).message(2, &shape).float(5, 0.0);
            value.message(9, &metadata).message(8, &tensor)
        }
    }
}

/// The given buckets and the gaps between them, because readers let each bucket begin where the one
/// before ends. Sums are those of the buckets' middles.
fn histogram(buckets: &Buckets) -> ProtoMessage {
    let (mut limits, mut counts) = (Vec::new(), Vec::new());
    let (mut all, mut sum, mut squares) = (0.0, 0.0, 0.0);
    let first = buckets.first().map_or(0.0, |(low, ..)| *low);
    let mut end = first;
    for (low, high, count) in buckets {
        if *low > end {
            limits.push(*low);
            counts.push(0.0);
        }
        limits.push(*high);
        counts.push(*count);
        let middle = (low + high) / 2.0;
        all += count;
        sum += count * middle;
        squares += count * middle * middle;
        end = *high;
    }
    let about = ProtoMessage::default().double(1, first).double(2, end).double(3, all);
    about.double(4, sum).double(5, squares).doubles(6, &limits).doubles(7, &counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_between_buckets_is_a_bucket_without_pushes() {
        let encoded = histogram(&vec![(0.0, 1.0, 4.0), (1.0, 2.0, 3.0), (5.0, 8.0, 1.0)]).bytes;
        let wanted = ProtoMessage::default().double(1, 0.0).double(2, 8.0).double(3, 8.0);
        let wanted = wanted.double(4, 2.0 + 4.5 + 6.5).double(5, 1.0 + 6.75 + 42.25);
        let wanted = wanted.doubles(6, &[1.0, 2.0, 5.0, 8.0]).doubles(7, &[4.0, 3.0, 0.0, 1.0]);
        assert_eq!(encoded, wanted.bytes);
    }

    #[test]
    fn events_come_in_the_order_of_their_updates() {
        let mut events = FolderEvents::default();
        for update in [7, 3, 5] {
            let moment = EventTime { update, sim_s: update as f64 };
            events.add(moment, "tag".to_string(), Shown::Scalar(1.0));
        }
        assert_eq!(events.last(), EventTime { update: 7, sim_s: 7.0 });
        let file = events.into_file();
        // Each event: a frame of 12 bytes before and 4 behind, the time, the step, the summary.
        let steps: Vec<u8> =
            file.windows(3).filter(|w| w[0] == 0x10 && w[2] == 0x2a).map(|w| w[1]).collect();
        assert_eq!(steps, [3, 5, 7]);
    }
}
