//! What the copies have said about the scored requests, and how fresh they were.

use serde::{Deserialize, Serialize};

use super::settings::Beside;
use crate::base::{SimSpan, SimTime};
use crate::metrics::{LabelCounts, Quality, Undefined};
use crate::online::ItemClass;

/// A copy that scores requests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum ServedCopy {
    /// The serving copy.
    #[default]
    Serving,
    /// The training servers' own parameters.
    Oracle,
    /// The parameters with which the run started.
    Batch,
}

impl ServedCopy {
    /// All of them, in the order of `served.csv`.
    pub const ALL: [ServedCopy; 3] = [ServedCopy::Serving, ServedCopy::Oracle, ServedCopy::Batch];

    /// The name in files and plots.
    pub fn name(self) -> &'static str {
        match self {
            ServedCopy::Serving => "serving",
            ServedCopy::Oracle => "oracle",
            ServedCopy::Batch => "batch",
        }
    }
}

impl From<Beside> for ServedCopy {
    fn from(beside: Beside) -> ServedCopy {
        match beside {
            Beside::Oracle => ServedCopy::Oracle,
            Beside::Batch => ServedCopy::Batch,
        }
    }
}

/// How old the parameters were with which a request was scored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Age {
    /// Time since the first update of one of its rows that the copy did not have; zero if it had all.
    pub row_lag: SimSpan,
    /// Whether there was such an update.
    pub is_stale: bool,
    /// Time since the oldest of the copy's dense parameters were read.
    pub dense: SimSpan,
}

/// How old the parameters of a copy were, over some requests.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Ages {
    /// Share of the requests scored with a row that was behind.
    pub stale: f64,
    /// Mean of [`Age::row_lag`], seconds.
    pub row_lag: f64,
    /// Its 99th percentile, seconds.
    pub row_lag_p99: f64,
    /// Mean age of the dense parameters, seconds.
    pub dense: f64,
}

/// What was sent to the serving copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sent {
    /// Bytes of rows.
    pub row_bytes: u64,
    /// Bytes of dense and non-trainable parameters.
    pub dense_bytes: u64,
    /// Updated rows that their shards forgot before they were sent.
    pub forgotten: u64,
    /// Messages lost, each attempt counted.
    pub lost: u64,
    /// Messages that arrived after one that was sent later.
    pub overtaken: u64,
}

impl Sent {
    /// Both together.
    pub fn plus(self, other: Sent) -> Sent {
        Sent {
            row_bytes: self.row_bytes + other.row_bytes,
            dense_bytes: self.dense_bytes + other.dense_bytes,
            forgotten: self.forgotten + other.forgotten,
            lost: self.lost + other.lost,
            overtaken: self.overtaken + other.overtaken,
        }
    }
}

/// What one copy served in a stretch of time, or in the whole run.
#[derive(Clone, PartialEq, Debug)]
pub struct ServedLook {
    /// The start of the stretch, which does not belong to it.
    pub from: SimTime,
    /// Its end.
    pub to: SimTime,
    /// The copy.
    pub copy: ServedCopy,
    /// Requests that came.
    pub requests: u64,
    /// Quality on those that were scored.
    pub quality: Quality,
    /// Why figures are not defined.
    pub undefined: Vec<Undefined>,
    /// Only of the serving copy, if it scored any request.
    pub ages: Option<Ages>,
    /// Only of the serving copy.
    pub sent: Option<Sent>,
}

/// A stretch of time that has ended, and its scored requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Stretch {
    pub(super) from: SimTime,
    pub(super) to: SimTime,
    /// Requests that came.
    pub(super) requests: u64,
    pub(super) sent: Sent,
    /// The first of the scored requests, and the one after the last.
    first: usize,
    end: usize,
}

/// The scores of the whole run.
#[derive(Clone, Debug)]
pub struct Scores {
    pub(super) copies: Vec<ServedCopy>,
    pub(super) labels: Vec<f32>,
    pub(super) groups: Vec<u64>,
    /// By copy.
    pub(super) logits: Vec<Vec<f32>>,
    pub(super) ages: Vec<Age>,
    /// How well known items were; empty if nobody knows.
    pub(super) items: Vec<ItemClass>,
    /// Where the current stretch begins.
    first: usize,
}

impl Scores {
    /// No scores, of these copies besides the serving copy.
    pub fn new(beside: &[Beside]) -> Scores {
        let has = |copy: &ServedCopy| {
            *copy == ServedCopy::Serving
                || beside.iter().any(|beside| ServedCopy::from(*beside) == *copy)
        };
        let copies: Vec<ServedCopy> = ServedCopy::ALL.into_iter().filter(has).collect();
        let logits = vec![Vec::new(); copies.len()];
        let (labels, groups, ages) = (Vec::new(), Vec::new(), Vec::new());
        Scores { copies, labels, groups, logits, ages, items: Vec::new(), first: 0 }
    }

    /// The copies that score.
    pub fn copies(&self) -> &[ServedCopy] {
        &self.copies
    }

    /// The logits of a copy so far, request by request.
    pub fn logits(&self, copy: ServedCopy) -> &[f32] {
        let at = self.copies.iter().position(|other| *other == copy);
        at.map_or(&[], |at| &self.logits[at])
    }

    /// The ages with which the serving copy scored, request by request.
    pub fn ages(&self) -> &[Age] {
        &self.ages
    }

    /// Adds requests, with the logits of each copy, and how well known their items were, if anybody
    /// knows.
    pub fn add(
        &mut self,
        labels: &[f32],
        groups: &[u64],
        (ages, items): (&[Age], &[ItemClass]),
        logits: &[Vec<f32>],
    ) {
        self.labels.extend_from_slice(labels);
        self.groups.extend_from_slice(groups);
        self.ages.extend_from_slice(ages);
        self.items.extend_from_slice(items);
        for (all, new) in self.logits.iter_mut().zip(logits) {
            all.extend_from_slice(new);
        }
    }

    /// A stretch of time ends, in which all requests since the last call were scored.
    pub(super) fn close(
        &mut self,
        (from, to): (SimTime, SimTime),
        requests: u64,
        sent: Sent,
    ) -> Stretch {
        let end = self.labels.len();
        let first = std::mem::replace(&mut self.first, end);
        Stretch { from, to, requests, sent, first, end }
    }

    /// What every copy served in the whole run.
    pub(super) fn whole(&self, to: SimTime, requests: u64, sent: Sent) -> Vec<ServedLook> {
        let (from, end) = (SimTime::ZERO, self.labels.len());
        self.look(&Stretch { from, to, requests, sent, first: 0, end })
    }

    /// What every copy served in a stretch of time.
    pub(super) fn look(&self, stretch: &Stretch) -> Vec<ServedLook> {
        let Stretch { from, to, requests, sent, first, end } = *stretch;
        let (labels, groups) = (&self.labels[first..end], &self.groups[first..end]);
        let of = |(place, &copy): (usize, &ServedCopy)| {
            let quality = Quality::of(&self.logits[place][first..end], labels, groups);
            let is_own = copy == ServedCopy::Serving;
            ServedLook {
                from,
                to,
                copy,
                requests,
                undefined: undefined(&quality, LabelCounts::of(labels, groups)),
                quality,
                ages: mean(&self.ages[first..end]).filter(|_| is_own),
                sent: is_own.then_some(sent),
            }
        };
        self.copies.iter().enumerate().map(of).collect()
    }
}

pub(super) fn mean(ages: &[Age]) -> Option<Ages> {
    let count = ages.len() as f64;
    let mean = |of: fn(&Age) -> f64| ages.iter().map(of).sum::<f64>() / count;
    let mut lags: Vec<SimSpan> = ages.iter().map(|age| age.row_lag).collect();
    lags.sort_unstable();
    // The smallest lag that at least 99 % of the requests do not exceed.
    let p99 = lags.get((lags.len() * 99).div_ceil(100).checked_sub(1)?)?;
    Some(Ages {
        stale: mean(|age| f64::from(u8::from(age.is_stale))),
        row_lag: mean(|age| age.row_lag.seconds()),
        row_lag_p99: p99.seconds(),
        dense: mean(|age| age.dense.seconds()),
    })
}

/// Why figures are not defined.
pub(super) fn undefined(quality: &Quality, labels: LabelCounts) -> Vec<Undefined> {
    let one_label = match labels {
        LabelCounts { examples: 0, .. } => Some("no request was scored"),
        LabelCounts { positives: 0, .. } => Some("no scored request is positive"),
        labels if !labels.has_both() => Some("no scored request is negative"),
        _ => None,
    };
    let reason = |figure: &str| match figure {
        "log_loss" => one_label.filter(|_| labels.examples == 0),
        "calibration" => one_label.filter(|_| labels.positives == 0),
        "session_auc" if labels.mixed_groups == 0 => {
            one_label.or(Some("no group of scored requests has both labels"))
        }
        _ => one_label,
    };
    let of = |figure| {
        let reason = reason(figure).unwrap_or("some scores of the model are not finite numbers");
        Undefined { figure, reason: reason.to_string() }
    };
    quality.undefined().map(of).collect()
}

crate::persist_plain!(ServedCopy);
crate::persist!(Age { row_lag: state, is_stale: state, dense: state });
crate::persist!(Sent {
    row_bytes: state,
    dense_bytes: state,
    forgotten: state,
    lost: state,
    overtaken: state
});
crate::persist!(Stretch {
    from: state,
    to: state,
    requests: state,
    sent: state,
    first: state,
    end: state
});
crate::persist!(Scores {
    copies: fixed,
    labels: state,
    groups: state,
    logits: each,
    ages: state,
    items: state,
    first: state
});

#[cfg(test)]
mod tests {
    use super::*;

    fn age(seconds: f64) -> Age {
        let row_lag = SimSpan::from_seconds(seconds);
        Age { row_lag, is_stale: seconds > 0.0, dense: SimSpan::from_seconds(10.0) }
    }

    #[test]
    fn stretches_and_the_whole_run_have_figures_of_each_copy() {
        let mut scores = Scores::new(&[Beside::Batch]);
        assert_eq!(scores.copies(), [ServedCopy::Serving, ServedCopy::Batch]);
        let ages: Vec<Age> = [0.0, 4.0, 2.0, 0.0].map(age).to_vec();
        let logits = [vec![0.0, 1.0, 2.0, -1.0], vec![1.0, 0.0, -1.0, 2.0]];
        scores.add(&[0.0, 1.0, 1.0, 0.0], &[1, 1, 2, 2], (&ages, &[]), &logits);
        let sent = Sent { row_bytes: 5, ..Sent::default() };
        let (from, to) = (SimTime::ZERO, SimTime(9));
        let first = scores.close((from, to), 40, sent);
        let looks = scores.look(&first);
        let aucs: Vec<Option<f64>> = looks.iter().map(|look| look.quality.auc).collect();
        assert_eq!(aucs, [Some(1.0), Some(0.0)]);
        assert_eq!((looks[0].requests, looks[0].quality.examples), (40, 4));
        let ages = looks[0].ages.unwrap();
        assert_eq!((ages.stale, ages.row_lag, ages.row_lag_p99, ages.dense), (0.5, 1.5, 4.0, 10.0));
        assert_eq!((looks[0].sent, looks[1].sent, looks[1].ages), (Some(sent), None, None));
        // A stretch without requests.
        let empty = scores.close((to, SimTime(18)), 3, Sent::default());
        let empty = scores.look(&empty);
        assert_eq!((empty[0].quality.examples, empty[0].ages), (0, None));
        assert!(empty[0].undefined.iter().all(|one| one.reason == "no request was scored"));
        // One that lacks a label.
        scores.add(&[1.0], &[7], (&[age(0.0)], &[]), &[vec![0.3], vec![0.1]]);
        let positive = scores.close((SimTime(18), SimTime(27)), 1, Sent::default());
        let positive = scores.look(&positive);
        // Later scores do not belong to an earlier stretch.
        assert_eq!(scores.look(&first), looks);
        let names: Vec<&str> = positive[1].undefined.iter().map(|one| one.figure).collect();
        assert_eq!(names, ["auc", "session_auc", "normalised_entropy"]);
        let whole = scores.whole(SimTime(27), 44, sent);
        assert_eq!((whole[0].quality.examples, whole[0].requests), (5, 44));
        assert_eq!(whole[0].from, SimTime::ZERO);
    }
}
