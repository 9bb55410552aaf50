//! The pushes with each row, and the quality on the holdout by classes of rows.

use super::by_row::{EARLIER, EVICTED, RowClass, RowClassLook, RowSpace, RowSplit, UNKNOWN};
use super::evaluate::Evaluator;
use super::holdout::NO_SCORES;
use crate::metrics::log_loss::mean_probability;
use crate::metrics::{LabelCounts, Quality, Undefined};
use crate::optimizer::RowSemantics;
use crate::params::Lookups;
use crate::server::ParameterServer;

/// The pushes with each row of an id space.
#[derive(Clone, Debug)]
pub(super) struct RowWatch {
    of: RowSpace,
    /// Pushes with each row, from the first evaluation on in this run.
    pushes: Vec<u32>,
    /// Updates of the run at the last of them; 0 if there was none.
    last: Vec<u64>,
    /// Updates of each row with which the run began, if there were any.
    before: Vec<u32>,
    begun: bool,
}

crate::persist!(RowWatch { of: fixed, pushes: sized, last: sized, before: state, begun: state });

/// The class of every example of the holdout, by one property of the rows of one id space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Division {
    space: String,
    split: RowSplit,
    classes: Vec<RowClass>,
}

impl RowWatch {
    /// No push has been seen.
    pub(super) fn new(of: &RowSpace) -> RowWatch {
        let rows = of.rows as usize;
        RowWatch {
            of: of.clone(),
            pushes: vec![0; rows],
            last: vec![0; rows],
            before: Vec::new(),
            begun: false,
        }
    }

    /// Counts a push that every shard has applied, and after which the job has made so many updates.
    pub(super) fn count_push(&mut self, lookups: &Lookups, updates: u64) {
        for &id in &lookups.ids[self.of.space] {
            let at = id as usize;
            self.pushes[at] = self.pushes[at].saturating_add(1);
            self.last[at] = updates;
        }
    }

    /// Before the first push: a server that starts from a checkpoint knows how often rows were
    /// updated. A rule that updates all rows does not tell which of them were met.
    pub(super) fn begin(&mut self, server: &ParameterServer) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let table = server.table(self.of.table);
        if server.rules().1.rows() == RowSemantics::Lazy {
            let counted = table.counted();
            if counted.iter().any(|updates| *updates > 0) {
                self.before = counted;
            }
        }
    }

    /// The class of every example by every property that rows have, after so many updates.
    pub(super) fn divide(
        &self,
        evaluator: &Evaluator,
        server: &ParameterServer,
        updates: u64,
    ) -> Vec<Division> {
        let lives = server.table(self.of.table).lives();
        let splits = RowSplit::ALL.into_iter();
        let splits = splits.filter(|split| *split != RowSplit::Returned || lives.is_some());
        let of = |split| Division {
            space: self.of.name.clone(),
            split,
            classes: evaluator
                .ids(self.of.field)
                .map(|id| self.class(split, id, server, updates))
                .collect(),
        };
        splits.map(of).collect()
    }

    fn class(&self, split: RowSplit, id: u32, server: &ParameterServer, updates: u64) -> RowClass {
        let (table, at) = (server.table(self.of.table), id as usize);
        let evictions = table.lives().map_or(0, |lives| lives.evictions(id));
        if !table.is_known(id) {
            let is_gone = split == RowSplit::Returned && evictions > 0;
            return if is_gone { EVICTED } else { UNKNOWN };
        }
        let number = match split {
            RowSplit::Frequency => {
                let before = self.before.get(at).copied().unwrap_or(0);
                u64::from(before) + u64::from(self.pushes[at])
            }
            RowSplit::Age if self.last[at] == 0 => return EARLIER,
            RowSplit::Age => updates.saturating_sub(self.last[at]),
            RowSplit::Returned => u64::from(evictions),
        };
        split.class_of(number)
    }
}

impl Division {
    /// The quality of these logits on the reporting half, by class; classes without examples are
    /// left out.
    pub(super) fn judge(&self, evaluator: &Evaluator, logits: &[f32]) -> Vec<RowClassLook> {
        let reports = evaluator.reports();
        let all = reports.iter().filter(|reports| **reports).count();
        let look = |class: RowClass| {
            let of = |i: &usize| reports[*i] && self.classes[*i] == class;
            let chosen: Vec<usize> = (0..evaluator.len()).filter(of).collect();
            let (logits, labels, groups) = evaluator.among(logits, &chosen);
            let quality = Quality::of(&logits, &labels, &groups);
            (!chosen.is_empty()).then(|| RowClassLook {
                space: self.space.clone(),
                split: self.split,
                class,
                share: chosen.len() as f64 / all as f64,
                predicted: mean_probability(&logits),
                undefined: undefined(&quality, LabelCounts::of(&labels, &groups)),
                quality,
            })
        };
        self.split.classes().filter_map(look).collect()
    }
}

/// Why figures of a class are not defined.
fn undefined(quality: &Quality, labels: LabelCounts) -> Vec<Undefined> {
    let of_class = ["auc", "log_loss", "calibration"];
    let reason = |figure: &str| match figure {
        "log_loss" => NO_SCORES,
        _ if labels.positives == 0 => "no example of the class is positive",
        "auc" if labels.negatives() == 0 => "no example of the class is negative",
        _ => NO_SCORES,
    };
    let missing = quality.undefined().filter(|figure| of_class.contains(figure));
    missing.map(|figure| Undefined { figure, reason: reason(figure).to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_without_a_value_have_a_reason() {
        let of = |labels: &[f32], logit: f32| {
            let logits = vec![logit; labels.len()];
            let groups = vec![0; labels.len()];
            let quality = Quality::of(&logits, labels, &groups);
            let undefined = undefined(&quality, LabelCounts::of(labels, &groups));
            undefined.into_iter().map(|one| (one.figure, one.reason)).collect::<Vec<_>>()
        };
        assert_eq!(of(&[0.0, 1.0], 0.3), []);
        let names =
            |of: Vec<(&'static str, String)>| of.iter().map(|one| one.0).collect::<Vec<_>>();
        assert_eq!(names(of(&[0.0], 0.3)), ["auc", "calibration"]);
        assert_eq!(names(of(&[1.0], 0.3)), ["auc"]);
        let broken = of(&[0.0, 1.0], f32::NAN);
        assert!(broken.len() == 3 && broken.iter().all(|one| one.1 == NO_SCORES), "{broken:?}");
    }
}
