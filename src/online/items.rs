//! How well known the item of a request was when it came: how often it had been in the log before,
//! and for how long.
//!
//! Both follow from the log and the times of the requests alone. So the requests of a class are the
//! same in all runs of a stream, whatever becomes of them afterwards.

use super::requests::{DAY, Request, Requests};
use crate::base::SimTime;
use crate::data::{Batch, DataSource, Day};

/// By what requests are divided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum ItemSplit {
    /// Examples of the log with the item before the request.
    #[default]
    Frequency,
    /// Simulated time since the item was first in the log.
    Age,
}

impl ItemSplit {
    /// All of them.
    pub const ALL: [ItemSplit; 2] = [ItemSplit::Frequency, ItemSplit::Age];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            ItemSplit::Frequency => "frequency",
            ItemSplit::Age => "age",
        }
    }
}

/// A range of numbers that doubles from one to the next: 0, 1, 2 to 3, 4 to 7, and so on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Doubling(u8);

impl Doubling {
    /// No number: items that were in the log before the stream, at a time that the stream does not
    /// know.
    pub const BEFORE: Doubling = Doubling(u8::MAX);

    /// The range of a number.
    pub fn of(number: u64) -> Doubling {
        Doubling((u64::BITS - number.leading_zeros()) as u8)
    }

    /// Its smallest and its largest number.
    pub fn ends(self) -> Option<(u64, u64)> {
        match self.0 {
            u8::MAX => None,
            0 => Some((0, 0)),
            bits => Some((1 << (bits - 1), u64::MAX >> (64 - u32::from(bits)))),
        }
    }
}

/// How well known the item of a request was.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ItemClass {
    /// Examples with it before the request.
    pub frequency: Doubling,
    /// Whole seconds since it was first in the log.
    pub age: Doubling,
}

impl ItemClass {
    /// The range of one of the two numbers.
    pub fn by(self, split: ItemSplit) -> Doubling {
        match split {
            ItemSplit::Frequency => self.frequency,
            ItemSplit::Age => self.age,
        }
    }
}

/// A request that has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arrived {
    /// The request.
    pub request: Request,
    /// How well known its item was, if the stream was [asked](super::Stream::with_items).
    pub item: Option<ItemClass>,
}

/// What is known of the items so far: 12 bytes for each.
#[derive(Clone, Debug)]
pub struct Items {
    field: usize,
    fields: usize,
    /// By id: examples so far.
    met: Vec<u32>,
    /// By id: when it was first in the log, in nanoseconds since the stream began.
    first: Vec<i64>,
}

/// An item that has not been in the log.
const NEVER: i64 = i64::MAX;
/// One that was in it before the stream, at an unknown time.
const BEFORE: i64 = i64::MIN;

/// Number of examples that are read at once.
const STRETCH: usize = 1024;

impl Items {
    /// The ids of `field` in the days of the log before these requests. With the `speed` at which the
    /// times of the log are replayed, the time of these days counts too.
    pub fn before(
        requests: &Requests,
        source: &dyn DataSource,
        field: usize,
        speed: Option<f64>,
    ) -> Items {
        let schema = source.schema();
        let rows = schema.spaces[schema.fields[field].space].rows as usize;
        let (met, first) = (vec![0; rows], vec![NEVER; rows]);
        let mut items = Items { field, fields: schema.fields.len(), met, first };
        let begins = requests.first_day();
        let mut batch = Batch::default();
        for day in source.days().iter().filter(|day| day.number < begins) {
            for from in day.ids().step_by(STRETCH) {
                let ids: Vec<u64> = (from..day.ids().end).take(STRETCH).collect();
                source.read(&ids, &mut batch);
                for (place, id) in ids.iter().enumerate() {
                    let at = speed.map_or(BEFORE, |speed| {
                        (instant(source, day, *id, begins) as f64 / speed) as i64
                    });
                    items.note(items.of(&batch, place), at);
                }
            }
        }
        items
    }

    /// The item of an example of a batch.
    pub(super) fn of(&self, batch: &Batch, place: usize) -> u32 {
        batch.fields[place * self.fields + self.field]
    }

    fn note(&mut self, item: u32, at: i64) {
        let (met, first) = (&mut self.met[item as usize], &mut self.first[item as usize]);
        *met = met.saturating_add(1);
        *first = (*first).min(at);
    }

    /// A request with this item comes: how well known it was.
    pub(super) fn meet(&mut self, item: u32, at: SimTime) -> ItemClass {
        let (met, first) = (self.met[item as usize], self.first[item as usize]);
        let now = i64::try_from(at.0).unwrap_or(NEVER - 1);
        self.note(item, now);
        let age = match first {
            BEFORE => Doubling::BEFORE,
            first => Doubling::of(now.abs_diff(first.min(now)) / 1_000_000_000),
        };
        ItemClass { frequency: Doubling::of(u64::from(met)), age }
    }
}

/// When an example of an earlier day happened, in nanoseconds from the start of day `begins`; the
/// examples of a day are spread over it where the log knows no more.
fn instant(source: &dyn DataSource, day: &Day, id: u64, begins: u32) -> i64 {
    let days = |number: u32| i64::from(number) * DAY as i64;
    let since_day_one = match source.instants() {
        Some(times) => (times.stamps[id as usize] - times.day_one).saturating_mul(1_000_000),
        None => {
            let place = u128::from(2 * (id - day.first) + 1) * u128::from(DAY);
            days(day.number.saturating_sub(1)) + (place / u128::from(2 * day.examples)) as i64
        }
    };
    since_day_one.saturating_sub(days(begins.saturating_sub(1))).min(0)
}

crate::persist!(Doubling(range: state));
crate::persist!(ItemClass { frequency: state, age: state });
crate::persist!(Arrived { request: state, item: state });
crate::persist!(Items { field: fixed, fields: fixed, met: sized, first: sized });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Streams;
    use crate::data::{Synthetic, synthetic};

    #[test]
    fn ranges_double_and_hold_their_numbers() {
        for number in [0, 1, 2, 3, 4, 7, 8, 1 << 40, u64::MAX] {
            let (low, high) = Doubling::of(number).ends().unwrap();
            assert!((low..=high).contains(&number), "{number}");
        }
        assert_eq!(Doubling::of(5).ends(), Some((4, 7)));
        assert_eq!(Doubling::of(u64::MAX).ends(), Some((1 << 63, u64::MAX)));
        assert_eq!(Doubling::BEFORE.ends(), None);
    }

    fn log() -> Synthetic {
        let text = "users = 20\nitems = 30\ndays = 4\nrows_per_day = 200";
        let config: synthetic::Config = toml::from_str(text).unwrap();
        Synthetic::new(&config, Streams::new(1)).unwrap()
    }

    /// Counted anew for each request, from all that came before it.
    #[test]
    fn an_item_is_as_known_as_a_full_count_says() {
        let (log, field) = (log(), 1);
        let requests = Requests::new(log.days()[2..].to_vec());
        let mut batch = Batch::default();
        let ids: Vec<u64> = (0..800).collect();
        log.read(&ids, &mut batch);
        let fields = log.schema().fields.len();
        let item = |id: u64| batch.fields[id as usize * fields + field];
        for speed in [None, Some(24.0)] {
            let mut items = Items::before(&requests, &log, field, speed);
            for request in 0..requests.len() {
                let id = requests.id(request);
                let at = SimTime(requests.instant(request).0 / 24);
                let found = items.meet(item(id), at);
                let earlier: Vec<u64> = (0..id).filter(|other| item(*other) == item(id)).collect();
                assert_eq!(found.frequency, Doubling::of(earlier.len() as u64));
                let age = match (earlier.first(), speed) {
                    (None, _) => Doubling::of(0),
                    (Some(first), None) if *first < 400 => Doubling::BEFORE,
                    // The examples of a day are spread evenly over it.
                    (Some(first), _) => {
                        let days = (id - first) as f64 / 200.0;
                        Doubling::of((days * 86_400.0 / 24.0 + 1e-9) as u64)
                    }
                };
                assert_eq!(found.age, age, "request {request} of {id}, {earlier:?}");
            }
        }
    }
}
