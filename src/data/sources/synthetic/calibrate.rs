//! Scales the ground truth to a click rate and to the best possible AUC.
//!
//! Without this, the seed of the data has a larger influence on an AUC than anything under study:
//! the same effects with other random items differ by 0.02 in the best possible AUC.

use super::config::{Config, SyntheticError};
use super::logistic::{BLOCK, logistic, logistics};

/// The conversion of the sum of effects to a logit: `scale x effects + shift`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Calibration {
    /// Strength of all effects together.
    pub(super) scale: f64,
    /// The base rate, as a logit.
    pub(super) shift: f64,
}

/// The impressions that a log is calibrated on.
#[derive(Clone, Debug, Default)]
pub(super) struct Impressions {
    /// Sum of the effects on each impression.
    pub(super) effects: Vec<f64>,
    /// Base rate of the day of each impression, as a difference of logits.
    pub(super) day_shifts: Vec<f64>,
}

/// Scales beyond this decide every click.
const LARGEST_SCALE: f64 = 64.0;
/// The accuracy of AUC and click rate on the sample.
const AUC_TOLERANCE: f64 = 1e-6;
const RATE_TOLERANCE: f64 = 1e-9;

/// Finds scale and shift by false position on the scale: the end of the bracket that stays gets
/// half its weight (the Illinois rule), so that both ends converge.
///
/// # Errors
/// [`SyntheticError::AucOutOfReach`].
pub(super) fn calibrate(
    sample: &Impressions,
    config: &Config,
) -> Result<Calibration, SyntheticError> {
    let target = config.target_bayes_auc;
    let mut search = Search::new(sample, config);
    let (least, most) = (search.auc(0.0), search.auc(LARGEST_SCALE));
    if !(least..=most).contains(&target) {
        return Err(SyntheticError::AucOutOfReach { target, low: least, high: most });
    }
    // Ends of the bracket with their distances from the target.
    let (mut low, mut high) = ((0.0, least - target), (LARGEST_SCALE, most - target));
    let mut scale = 1.0;
    let mut rose = None;
    for _ in 0..60 {
        let apart = search.auc(scale) - target;
        if apart.abs() < AUC_TOLERANCE {
            break;
        }
        let rises = apart < 0.0;
        if rises {
            low = (scale, apart);
        } else {
            high = (scale, apart);
        }
        if rose == Some(rises) {
            let stays = if rises { &mut high.1 } else { &mut low.1 };
            *stays *= 0.5;
        }
        rose = Some(rises);
        scale = (low.0 * high.1 - high.0 * low.1) / (high.1 - low.1);
        if !(low.0 < scale && scale < high.0) {
            scale = 0.5 * (low.0 + high.0);
        }
    }
    let shift = search.shift(scale);
    Ok(Calibration { scale, shift })
}

/// The sample, with the state that is kept between two trial scales.
struct Search<'a> {
    sample: &'a Impressions,
    click_rate: f64,
    noise: f64,
    /// Logits and examples from the least to the most likely click. Another scale changes little or
    /// nothing in their order.
    ranked: Vec<(f64, u32)>,
    logits: Vec<f64>,
    /// Click probability of each example without noise, at `shift`.
    chances: Vec<f64>,
    shift: f64,
}

impl<'a> Search<'a> {
    fn new(sample: &'a Impressions, config: &Config) -> Search<'a> {
        let click_rate = config.click_rate;
        Search {
            sample,
            click_rate,
            noise: config.label_noise,
            ranked: (0..sample.effects.len() as u32).map(|example| (0.0, example)).collect(),
            logits: vec![0.0; sample.effects.len()],
            chances: vec![0.0; sample.effects.len()],
            shift: libm::log(click_rate / (1.0 - click_rate)),
        }
    }

    /// The expected AUC of the true probabilities at a scale.
    fn auc(&mut self, scale: f64) -> f64 {
        self.shift(scale);
        for (logit, example) in &mut self.ranked {
            *logit = self.logits[*example as usize];
        }
        if !self.ranked.is_sorted_by(|a, b| a.0 <= b.0) {
            // Examples with the same logit have the same chance, so their order does not matter.
            self.ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        }
        expected_auc(self.ranked.iter().map(|&(logit, example)| {
            let p = self.chances[example as usize];
            (logit, p + self.noise * (self.click_rate - p))
        }))
    }

    /// Finds the shift that gives the click rate: Newton's method, kept inside a bracket. Sets the
    /// logits without the shift, and the chances.
    fn shift(&mut self, scale: f64) -> f64 {
        let sample = self.sample.effects.iter().zip(&self.sample.day_shifts);
        for (logit, (effects, day)) in self.logits.iter_mut().zip(sample) {
            *logit = scale * effects + day;
        }
        let largest = self.logits.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let (mut low, mut high) = (-largest - 40.0, largest + 40.0);
        self.shift = self.shift.clamp(low, high);
        for _ in 0..200 {
            let (mean, slope) = self.mean_and_slope();
            let n = self.logits.len() as f64;
            let error = mean / n - self.click_rate;
            if error.abs() < RATE_TOLERANCE {
                return self.shift;
            }
            if error > 0.0 {
                high = self.shift;
            } else {
                low = self.shift;
            }
            let newton = self.shift - error * n / slope;
            let inside = newton > low && newton < high;
            self.shift = if inside { newton } else { 0.5 * (low + high) };
        }
        self.mean_and_slope();
        self.shift
    }

    /// Computes the chances at `shift`; returns their sum and its derivative by the shift.
    fn mean_and_slope(&mut self) -> (f64, f64) {
        let (mut mean, mut slope) = (0.0, 0.0);
        let mut add = |p: f64| {
            mean += p;
            slope += p * (1.0 - p);
        };
        let (logits, rest) = self.logits.as_chunks::<BLOCK>();
        let (chances, last) = self.chances.as_chunks_mut::<BLOCK>();
        for (chances, logits) in chances.iter_mut().zip(logits) {
            logistics(&logits.map(|logit| logit + self.shift), chances);
            chances.iter().copied().for_each(&mut add);
        }
        for (chance, logit) in last.iter_mut().zip(rest) {
            *chance = logistic(logit + self.shift);
            add(*chance);
        }
        (mean, slope)
    }
}

/// The expected AUC of scores whose true click probabilities are known, over all draws of the
/// labels: of all pairs, weighted by the chance that one is clicked and the other not, the share in
/// which the clicked one has the higher score (ties count one half).
///
/// `scored` gives (score, probability) by rising score.
pub(super) fn expected_auc(scored: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut won, mut clicks, mut others) = (0.0, 0.0, 0.0);
    // Clicks and others among the scores equal to the current one.
    let (mut tied_clicks, mut tied_others, mut of) = (0.0, 0.0, f64::NAN);
    let mut itself = 0.0;
    for (score, p) in scored {
        if score != of {
            won += tied_clicks * (others + 0.5 * tied_others);
            others += tied_others;
            (tied_clicks, tied_others, of) = (0.0, 0.0, score);
        }
        tied_clicks += p;
        tied_others += 1.0 - p;
        clicks += p;
        itself += p * (1.0 - p);
    }
    won += tied_clicks * (others + 0.5 * tied_others);
    others += tied_others;
    // A pair has two different examples.
    (won - 0.5 * itself) / (clicks * others - itself)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Streams};

    fn sample(n: u64) -> Impressions {
        let s = Streams::new(3);
        let triangle =
            |i| s.uniform(Purpose::Custom, 0, i) + s.uniform(Purpose::Custom, 1, i) - 1.0;
        Impressions {
            effects: (0..n).map(triangle).collect(),
            day_shifts: (0..n).map(|i| 0.3 * (i % 3) as f64).collect(),
        }
    }

    #[test]
    fn rate_and_auc_are_met_with_noise_included() {
        for noise in [0.0, 0.2] {
            let config = Config { target_bayes_auc: 0.75, label_noise: noise, ..Config::default() };
            let sample = sample(5_000);
            let found = calibrate(&sample, &config).unwrap();
            let mut scored: Vec<(f64, f64)> = sample
                .effects
                .iter()
                .zip(&sample.day_shifts)
                .map(|(x, day)| logistic(found.scale * x + day + found.shift))
                .map(|p| (p, p + noise * (0.12 - p)))
                .collect();
            let mean = scored.iter().map(|s| s.1).sum::<f64>() / scored.len() as f64;
            assert!((mean - 0.12).abs() < 1e-6, "{mean}");
            scored.sort_by(|a, b| a.0.total_cmp(&b.0));
            let auc = expected_auc(scored.into_iter());
            assert!((auc - 0.75).abs() < 1e-5, "{auc}");
        }
    }

    #[test]
    fn an_auc_out_of_reach_is_refused_with_the_reachable_ones() {
        let config = Config { label_noise: 0.5, ..Config::default() };
        let message = calibrate(&sample(2_000), &config).unwrap_err().to_string();
        assert!(message.contains("it can lie between 0.5"), "{message}");
    }

    #[test]
    fn expected_auc_is_the_mean_over_label_draws() {
        // Two examples: the pair counts only if the labels differ.
        let (a, b) = (0.2, 0.7);
        let by_hand = b * (1.0 - a) / (b * (1.0 - a) + a * (1.0 - b));
        assert!((expected_auc([(1.0, a), (2.0, b)].into_iter()) - by_hand).abs() < 1e-12);
        assert!((expected_auc([(1.0, a), (1.0, b)].into_iter()) - 0.5).abs() < 1e-12);
    }
}
