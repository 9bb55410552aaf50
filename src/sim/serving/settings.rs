//! The settings of the serving copy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::SimSpan;
use crate::cluster::delay::Unusable;
use crate::online::Delay;

/// A copy of the model that scores the requests of a [live stream](#online), each when it comes and
/// before anybody trains on it. Training servers send it what has changed. It changes no weight and no
/// time of the training job.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Serving {
    /// Share of the requests that are scored, drawn at random.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
    /// Simulated time between two rows of `served.csv`.
    pub every: SimSpan,
    /// The column of the log whose ids are the items by which
    /// `served_slices.csv` divides the scored requests. Left out: `item`, if the
    /// log has such a column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Which other copies score the same requests, for comparison. Each costs a forward pass, and
    /// the oracle more: its requests are scored between any two updates, in small groups.
    pub beside: Vec<Beside>,
    /// How embedding rows reach the copy.
    pub rows: RowSync,
    /// How dense and non-trainable parameters reach the copy.
    pub dense: DenseSync,
}

/// A copy beside the serving copy.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Beside {
    /// The training servers' own parameters at the moment of the request: a copy without any lag.
    Oracle,
    /// The parameters with which the run starts, such as those that batch training left.
    Batch,
}

/// How embedding rows reach the serving copy.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RowSync {
    /// How often each shard sends the rows that were updated since it last did, with the values that
    /// they have then. `"0s"`: each update at once, without messages. Left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<SimSpan>,
    /// Most updated ids that a shard remembers until it sends. Left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub touched: Option<u64>,
    /// What becomes of the updated ids when a shard can remember no more.
    pub full: WhenTouchedFull,
    /// Whether evicted rows are sent, so that the copy forgets them too. Otherwise it goes on serving
    /// their last values.
    pub deletions: bool,
    /// How long a message travels.
    pub lag: Delay,
    /// Share of the messages that are lost.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lost: f64,
    /// Time after which a lost message is sent again, with the same values. Left out: never, so that
    /// its rows stay old until they are updated again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<SimSpan>,
}

/// What becomes of the updated ids when a shard can remember no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenTouchedFull {
    /// It forgets all of them and begins anew, as Monolith.
    #[default]
    Forget,
    /// It does not note new ones, as PERSIA.
    Drop,
}

/// How dense and non-trainable parameters reach the serving copy.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DenseSync {
    /// How often they are sent. `"0s"`: after each update, without messages. Left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<SimSpan>,
    /// Which shards send at the same moment.
    pub how: DenseHow,
    /// How long a message travels.
    pub lag: Delay,
    /// Share of the messages that are lost.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lost: f64,
    /// Time after which a lost message is sent again, with the same values. Left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<SimSpan>,
}

/// Which shards send dense parameters at the same moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DenseHow {
    /// All of them, in one message.
    #[default]
    Atomic,
    /// Each at a moment of its own, evenly spread over `every`, in a message of its own: the copy
    /// mixes parameters of different moments.
    ByShard,
}

impl Default for Serving {
    fn default() -> Serving {
        Serving {
            share: 0.1,
            every: SimSpan::from_seconds(3600.0),
            item: None,
            beside: Vec::new(),
            rows: RowSync::default(),
            dense: DenseSync::default(),
        }
    }
}

/// How the messages of one kind travel.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Way<'a> {
    /// Name of the table with these settings.
    pub table: &'static str,
    /// How often they are sent.
    pub every: Option<SimSpan>,
    /// How long each travels.
    pub lag: &'a Delay,
    /// Share of those that are lost.
    pub lost: f64,
    /// When a lost one is sent again.
    pub retry: Option<SimSpan>,
}

impl Way<'_> {
    /// Whether messages are sent at all.
    pub fn has_messages(&self) -> bool {
        self.every.is_some_and(|every| !every.is_zero())
    }
}

/// A setting that changes nothing, by its table and key, with the reason.
pub type Idle = (&'static str, &'static str, &'static str);

impl Serving {
    /// How rows and dense parameters travel.
    pub fn ways(&self) -> [Way<'_>; 2] {
        let Serving { rows, dense, .. } = self;
        let of = |table, every, lag, lost, retry| Way { table, every, lag, lost, retry };
        [
            of("rows", rows.every, &rows.lag, rows.lost, rows.retry),
            of("dense", dense.every, &dense.lag, dense.lost, dense.retry),
        ]
    }

    /// Whether this copy scores requests too.
    pub fn has(&self, beside: Beside) -> bool {
        self.beside.contains(&beside)
    }

    /// The settings with which the copy would not do what they say: the table that holds each
    /// (empty for `[serving]` itself), and what is wrong with it.
    pub fn unusable(&self) -> Vec<(&'static str, Unusable)> {
        let mut found = Vec::new();
        let mut add = |table, setting, why, help| {
            found.push((table, Unusable { setting, why, help }));
        };
        let share = "a number from 0 to 1";
        if !(0.0..=1.0).contains(&self.share) {
            add("", "share", "must be a share", share);
        }
        if self.every.is_zero() {
            add("", "every", "has no length", "a period longer than nothing, e.g. \"1h\"");
        }
        if self.rows.touched == Some(0) {
            let why = "lets a shard remember no updated row, so that none is ever sent";
            add("rows", "touched", why, "at least 1; leave out `rows.every` to send no rows");
        }
        for way in self.ways() {
            if !(0.0..=1.0).contains(&way.lost) {
                add(way.table, "lost", "must be a share", share);
            } else if way.lost > MOST_LOST && way.retry.is_some() && way.has_messages() {
                let why = "loses nearly every message, however often it is sent again";
                add(way.table, "lost", why, "at most 0.99, or no `retry`");
            }
        }
        found
    }

    /// The settings that change nothing, for a job with so many shards.
    pub fn without_effect(&self, shards: u32) -> Vec<Idle> {
        let mut found: Vec<Idle> = Vec::new();
        for Way { table, every, lag, lost, retry } in self.ways() {
            let is_at_once = every.is_some_and(SimSpan::is_zero);
            let why = match (every, is_at_once) {
                (None, _) => "nothing is sent without `every`",
                (_, true) => "no message travels if each update is copied at once",
                _ if retry.is_some() && lost == 0.0 => {
                    found.push((table, "retry", "no message is lost"));
                    continue;
                }
                _ => continue,
            };
            let set = [
                ("lag", *lag != Delay::default()),
                ("lost", lost != 0.0),
                ("retry", retry.is_some()),
                ("touched", table == "rows" && self.rows.touched.is_some()),
                ("how", table == "dense" && self.dense.how != DenseHow::default()),
            ];
            let set = set.into_iter().filter(|(_, is_set)| *is_set);
            found.extend(set.map(|(setting, _)| (table, setting, why)));
        }
        let rows = &self.rows;
        if rows.full != WhenTouchedFull::default() && rows.touched.is_none() {
            let why = "a shard remembers any number of updated rows";
            found.push(("rows", "full", why));
        }
        if self.dense.how == DenseHow::ByShard && shards == 1 && self.ways()[1].has_messages() {
            found.push(("dense", "how", "there is one shard"));
        }
        for way in self.ways().into_iter().filter(Way::has_messages) {
            if !way.lag.law.scales() && way.lag.mean != SimSpan::ZERO {
                let why = "the law holds the delays themselves";
                found.push((way.table, "lag.mean", why));
            } else if way.lag.law.scales()
                && way.lag.mean.is_zero()
                && way.lag.law != Delay::default().law
            {
                let why = "a delay of 0 on average does not vary";
                found.push((way.table, "lag.law", why));
            }
        }
        found
    }
}

/// Largest share of lost messages that are sent again until one arrives.
const MOST_LOST: f64 = 0.99;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Serving {
        toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
    }

    const ALL: &str = r#"
        share = 0.5
        every = "30min"
        beside = ["batch"]
        rows = { every = "1min", touched = 2_097_152, full = "drop", deletions = true, lag = { mean = "50ms", law.kind = "exponential" }, lost = 0.01, retry = "30s" }
        dense = { every = "1d", how = "by_shard", lag.mean = "1s", lost = 0.5, retry = "5s" }
    "#;

    #[test]
    fn settings_read_back_as_they_were_written() {
        for serving in [read(ALL), Serving::default(), read("rows.every = \"0s\"")] {
            let text = toml::to_string(&serving).unwrap();
            assert_eq!(read(&text), serving, "{text}");
            assert_eq!(serving.unusable(), []);
            assert_eq!(serving.without_effect(2), [], "{text}");
        }
        assert!(toml::from_str::<Serving>("row = 1").is_err());
        assert!(read(ALL).has(Beside::Batch) && !read(ALL).has(Beside::Oracle));
    }

    #[test]
    fn what_cannot_work_is_named_by_its_place() {
        let cases = [
            ("share = -0.5", "", "share"),
            ("every = \"0s\"", "", "every"),
            ("rows.touched = 0", "rows", "touched"),
            ("rows.lost = 1.5", "rows", "lost"),
            ("dense.lost = -0.1", "dense", "lost"),
            ("dense = { every = \"1s\", lost = 0.999, retry = \"1s\" }", "dense", "lost"),
        ];
        for (text, table, setting) in cases {
            let found = read(text).unusable();
            let [(place, wrong)] = found[..] else { panic!("{text}: {found:?}") };
            assert_eq!((place, wrong.setting), (table, setting), "{text}");
        }
        assert_eq!(read("dense = { every = \"1s\", lost = 1.0 }").unusable(), []);
    }

    #[test]
    fn what_changes_nothing_is_told() {
        let cases = [
            ("rows.lost = 0.5", "rows", "lost"),
            ("rows.touched = 5", "rows", "touched"),
            ("rows = { every = \"0s\", lag.mean = \"1s\" }", "rows", "lag"),
            ("rows = { every = \"1s\", retry = \"1s\" }", "rows", "retry"),
            ("rows = { every = \"1s\", full = \"drop\" }", "rows", "full"),
            ("dense.how = \"by_shard\"", "dense", "how"),
            ("dense = { every = \"1s\", how = \"by_shard\" }", "dense", "how"),
            ("dense = { every = \"1s\", lag.law.kind = \"exponential\" }", "dense", "lag.law"),
        ];
        for (text, table, setting) in cases {
            let found = read(text).without_effect(1);
            let [(place, key, ..)] = found[..] else { panic!("{text}: {found:?}") };
            assert_eq!((place, key), (table, setting), "{text}");
        }
    }
}
