//! Whether training broke: the model became worse than a constant, or no better than guessing after
//! it had been better. Such a run ends without an error, and its figures mean little.

use crate::base::significant::brief;
use crate::metrics::Quality;
use crate::online::Correction;
use crate::results::summary::BrokenTraining;
use crate::scenario::Scenario;
use crate::scenario::rate_edge::RateEdge;
use crate::sim::Progress;
use crate::sim::checkpoint::MissingState;

/// Share of the run for which a model has to be worse than a constant to the end.
const LONG: f64 = 0.25;
/// A normalised entropy above which one evaluation is enough.
const FAR: f64 = 2.0;
/// An AUC that counts as better than guessing.
const BETTER: f64 = 0.55;
/// It counts if it lies so many standard errors above 0.5.
const CERTAIN: f64 = 4.0;
/// If less than this share of the best distance from 0.5 is left, the model is guessing.
const LEFT: f64 = 0.1;
/// Fewest intervals of training to judge a run without evaluations.
const INTERVALS: u64 = 8;

/// What has been seen of the health of a run's training.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Health {
    /// Normalised entropy of the first evaluation.
    first: Option<f64>,
    last: Quality,
    best_auc: f64,
    /// Worse than a constant.
    worse: Stretch,
    /// Worse than a constant and than the first evaluation.
    worse_than_first: Stretch,
    guessing: Stretch,
    /// Loss of the first interval, and the number of intervals.
    first_loss: Option<f64>,
    /// Loss of the last interval.
    last_loss: Option<f64>,
    intervals: u64,
    /// Loss above that of the first interval, and its sum.
    risen: Stretch,
    risen_loss: f64,
    /// Updates so far.
    end: u64,
}

/// The last observations, as long as all of them are bad.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Stretch {
    /// Updates and examples at the first.
    begins: (u64, u64),
    count: u64,
}

impl Stretch {
    fn see(&mut self, progress: &Progress, is_bad: bool) {
        match (is_bad, self.count) {
            (false, _) => *self = Stretch::default(),
            (true, 0) => {
                *self = Stretch { begins: (progress.updates, progress.examples), count: 1 };
            }
            (true, _) => self.count += 1,
        }
    }
}

/// A fault and the updates and examples at which it begins.
type Fault = ((u64, u64), String);

impl Health {
    /// Considers an evaluation of the server's parameters.
    pub fn evaluated(&mut self, progress: &Progress, quality: &Quality) {
        self.end = progress.updates;
        self.last = *quality;
        if let Some(entropy) = quality.ne {
            let first = *self.first.get_or_insert(entropy);
            self.worse.see(progress, entropy > 1.0);
            self.worse_than_first.see(progress, entropy > first.max(1.0));
        }
        if let Some(auc) = quality.auc {
            // A high AUC of a small holdout may be chance.
            if auc - 0.5 > CERTAIN * quality.auc_error().unwrap_or(0.0) {
                self.best_auc = self.best_auc.max(auc);
            }
            let limit = 0.5 + LEFT * (self.best_auc - 0.5);
            self.guessing.see(progress, self.best_auc >= BETTER && auc < limit);
        }
    }

    /// Considers the mean training loss of an interval.
    pub fn trained(&mut self, progress: &Progress, loss: f64) {
        self.end = progress.updates;
        self.intervals += 1;
        let first = *self.first_loss.get_or_insert(loss);
        self.last_loss = Some(loss);
        self.risen.see(progress, loss > first);
        self.risen_loss = if self.risen.count > 0 { self.risen_loss + loss } else { 0.0 };
    }

    /// What is wrong with the training so far; `None` if nothing is. `upset` is given the update at
    /// which it was first seen, and says what else may have caused it.
    pub fn broken(
        &self,
        scenario: &Scenario,
        upset: impl FnOnce(u64) -> Option<String>,
    ) -> Option<BrokenTraining> {
        // Where negatives are left out and training is not corrected for it, losses on a holdout that
        // has them all say nothing.
        let is_biased = scenario.online.as_ref().is_some_and(|online| {
            online.negatives.leaves_out() && online.negatives.correct != Correction::Training
        });
        let fault = match self.first {
            Some(_) if is_biased => self.guesses(),
            Some(first) => self.worse_than_constant(first).or_else(|| self.guesses()),
            None => self.loss_rises(),
        };
        let ((update, examples), what) = fault?;
        let learned = (self.first.is_some() && self.fits_better()).then(|| {
            "the training loss fell meanwhile, so the examples may have been learned by heart, as in \
             further passes over the same days: stop earlier, or train on more days"
                .to_string()
        });
        let causes = [upset(update), learned, Some(cause(scenario))];
        let cause = causes.into_iter().flatten().collect::<Vec<String>>().join("; or ");
        Some(BrokenTraining { update, examples, what, cause })
    }

    /// Whether the loss on what is trained on fell.
    fn fits_better(&self) -> bool {
        self.first_loss.zip(self.last_loss).is_some_and(|(first, last)| last < first)
    }

    fn is_long(&self, stretch: &Stretch) -> bool {
        stretch.count > 1 && (self.end - stretch.begins.0) as f64 >= LONG * self.end as f64
    }

    fn worse_than_constant(&self, first: f64) -> Option<Fault> {
        // A model that was never better than a constant may only be at its beginning: then it has
        // to have become worse than it began.
        let always = self.worse.count > 0 && self.worse.begins.0 == 0;
        let stretch = if always { &self.worse_than_first } else { &self.worse };
        let entropy = self.last.ne.filter(|_| stretch.count > 0)?;
        (self.is_long(stretch) || entropy > FAR.max(first)).then(|| {
            let ratio = match entropy {
                entropy if entropy < 1.1 => "above".to_string(),
                entropy => format!("{} times", brief(entropy)),
            };
            let loss = brief(self.last.log_loss.unwrap_or(f64::NAN));
            let what = format!(
                "the log-loss on the holdout is {loss} at the end, {ratio} that of predicting the base rate"
            );
            (stretch.begins, what)
        })
    }

    fn guesses(&self) -> Option<Fault> {
        let auc = self.last.auc.filter(|_| self.guessing.count > 0)?;
        let best = self.best_auc;
        let what = format!(
            "the AUC on the holdout is {auc:.3} at the end, no better than guessing, and was {best:.3}"
        );
        Some((self.guessing.begins, what))
    }

    fn loss_rises(&self) -> Option<Fault> {
        let first = self.first_loss?;
        let mean = self.risen_loss / self.risen.count as f64;
        let rises = self.intervals >= INTERVALS && self.is_long(&self.risen) && mean > 1.05 * first;
        rises.then(|| {
            let (mean, first) = (brief(mean), brief(first));
            let what = format!(
                "the training loss is {mean} on average from there on, above {first} at the beginning"
            );
            (self.risen.begins, what)
        })
    }
}

crate::persist!(Stretch { begins: plain, count: state });
crate::persist!(Health {
    first: state,
    last: state,
    best_auc: state,
    worse: state,
    worse_than_first: state,
    guessing: state,
    first_loss: state,
    last_loss: state,
    intervals: state,
    risen: state,
    risen_loss: state,
    end: state
});

/// The likely cause, with a remedy.
fn cause(scenario: &Scenario) -> String {
    if scenario.start.as_ref().is_some_and(|start| start.missing == MissingState::Garbage) {
        return "the run began with arbitrary memory in some optimizer slots (start.missing = \"garbage\")"
            .to_string();
    }
    if let Some(online) = scenario.online.as_ref().filter(|online| online.mistakes_late_actions()) {
        return format!(
            "actions that come after the window of {} are trained on as negatives, and stay so: a longer \
             `online.join.window`, or `online.join.late = \"correct\"`",
            online.join.window
        );
    }
    match RateEdge::of(scenario) {
        Some(edge) => format!(
            "{}, and with {} asynchronous training often breaks down from {} on: a smaller learning rate, or \
             fewer workers",
            edge.words(),
            scenario.optimizer.name(),
            brief(edge.edge)
        ),
        None => format!(
            "a learning rate of {} may be too high here: try a tenth of it",
            brief(scenario.optimizer.learning_rate())
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(updates: u64) -> Progress {
        Progress { updates, examples: 8 * updates, ..Progress::default() }
    }

    fn since(series: &[(f64, f64)]) -> Option<u64> {
        let mut health = Health::default();
        for (step, &(entropy, auc)) in (0..).zip(series) {
            let (ne, log_loss) = (Some(entropy), Some(0.4 * entropy));
            let quality = Quality { auc: Some(auc), ne, log_loss, ..Quality::default() };
            health.evaluated(&at(100 * step), &quality);
        }
        health.broken(&Scenario::default(), |_| None).map(|broken| broken.update)
    }

    #[test]
    fn a_model_that_becomes_worse_than_a_constant_is_broken_from_there_on() {
        assert_eq!(
            since(&[(1.8, 0.5), (0.9, 0.7), (0.8, 0.75), (1.4, 0.7), (1.3, 0.7)]),
            Some(300)
        );
        // At one evaluation only, if it is far off.
        assert_eq!(
            since(&[(1.8, 0.5), (0.9, 0.7), (0.8, 0.75), (0.8, 0.7), (90.0, 0.6)]),
            Some(400)
        );
        // From the start.
        assert_eq!(since(&[(1.8, 0.5), (5.0, 0.4), (7.0, 0.4), (9.0, 0.4)]), Some(100));
    }

    #[test]
    fn a_model_that_learns_is_not_broken() {
        assert_eq!(since(&[(1.8, 0.5), (1.7, 0.52), (1.5, 0.55)]), None);
        assert_eq!(since(&[(1.8, 0.5), (0.9, 0.7), (0.8, 0.75), (0.79, 0.76)]), None);
        // A last evaluation a little above is not long.
        assert_eq!(since(&[(0.9, 0.7), (0.8, 0.7), (0.9, 0.7), (0.95, 0.7), (1.02, 0.7)]), None);
        assert_eq!(since(&[]), None);
    }

    #[test]
    fn a_model_that_falls_back_to_guessing_is_broken() {
        assert_eq!(since(&[(1.0, 0.5), (0.9, 0.8), (0.99, 0.51), (0.99, 0.50)]), Some(200));
        // 0.6 from ten positive examples of a hundred is no proof that it was better.
        let mut health = Health::default();
        for (step, auc) in [(0, 0.5), (1, 0.6), (2, 0.5)] {
            let (ne, auc) = (Some(0.99), Some(auc));
            let quality = Quality { auc, ne, positives: 10, examples: 100, ..Quality::default() };
            health.evaluated(&at(step), &quality);
        }
        assert_eq!(health.broken(&Scenario::default(), |_| None), None);
    }

    #[test]
    fn without_a_holdout_the_training_loss_decides() {
        let broken = |losses: [f64; 8]| {
            let mut health = Health::default();
            (1..).zip(losses).for_each(|(step, loss)| health.trained(&at(10 * step), loss));
            health.broken(&Scenario::default(), |_| None)
        };
        assert_eq!(broken([0.6, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]), None);
        let found = broken([0.6, 0.5, 0.4, 0.9, 2.0, 9.0, 50.0, 1e19]).unwrap();
        assert_eq!(found.update, 40);
        assert!(found.what.contains("2.00e18"), "{}", found.what);
    }

    #[test]
    fn what_happened_shortly_before_stands_before_the_learning_rate() {
        let mut health = Health::default();
        for (step, entropy) in [(0, 0.9), (1, 90.0)] {
            let quality = Quality { ne: Some(entropy), ..Quality::default() };
            health.evaluated(&at(100 * step), &quality);
        }
        let upset = |update: u64| Some(format!("shard 3 came back before {update}"));
        let broken = health.broken(&Scenario::default(), upset).unwrap();
        let begins = "shard 3 came back before 100; or a learning rate of";
        assert!(broken.cause.starts_with(begins), "{}", broken.cause);
    }

    #[test]
    fn a_loss_that_falls_where_it_is_trained_is_another_cause() {
        let cause = |losses: [f64; 2]| {
            let mut health = Health::default();
            for ((step, entropy), loss) in [(0, 0.9), (1, 90.0)].into_iter().zip(losses) {
                health.trained(&at(100 * step), loss);
                let quality = Quality { ne: Some(entropy), ..Quality::default() };
                health.evaluated(&at(100 * step), &quality);
            }
            health.broken(&Scenario::default(), |_| None).unwrap().cause
        };
        assert!(cause([0.5, 0.1]).contains("learned by heart"), "{}", cause([0.5, 0.1]));
        assert!(cause([0.1, 0.5]).starts_with("a learning rate"), "{}", cause([0.1, 0.5]));
    }

    #[test]
    fn late_actions_that_are_dropped_are_named_before_the_rate() {
        let cause = |settings: &str| {
            let online = toml::from_str(settings).unwrap();
            super::cause(&Scenario { online: Some(online), ..Scenario::default() })
        };
        let named = |settings: &str| cause(settings).contains("online.join.window");
        assert!(named("actions.delay.mean = \"1h\"\njoin.window = \"15min\""));
        assert!(!named("actions.delay.mean = \"5min\"\njoin.window = \"15min\""));
        assert!(!named(
            "actions.delay.mean = \"1h\"\njoin = { window = \"15min\", late = \"correct\" }"
        ));
    }

    #[test]
    fn losses_on_a_holdout_say_nothing_of_training_on_a_share_of_the_negatives() {
        let broken = |correct: Correction| {
            let mut health = Health::default();
            for (step, entropy) in [(0, 0.9), (1, 1.8), (2, 2.9)] {
                let (ne, auc) = (Some(entropy), Some(0.7));
                health.evaluated(&at(100 * step), &Quality { ne, auc, ..Quality::default() });
            }
            let mut online: crate::online::Online = toml::from_str("negatives.keep = 0.1").unwrap();
            online.negatives.correct = correct;
            let scenario = Scenario { online: Some(online), ..Scenario::default() };
            health.broken(&scenario, |_| None).is_some()
        };
        assert!(broken(Correction::Training));
        assert!(!broken(Correction::Serving) && !broken(Correction::None));
    }

    #[test]
    fn the_cause_names_the_edge_which_belongs_to_it() {
        let mut scenario = Scenario::default();
        scenario.cluster.workers = 300;
        let text = serde_json::json!({"kind": "adam", "learning_rate": 1e-3});
        scenario.optimizer = serde_json::from_value(text).unwrap();
        assert!(cause(&scenario).contains("0.001 x 300 workers = 0.3"), "{}", cause(&scenario));
        scenario.cluster.workers = 299;
        assert!(cause(&scenario).contains("a tenth of it"), "{}", cause(&scenario));
    }
}
