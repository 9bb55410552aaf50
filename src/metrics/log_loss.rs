//! Losses and calibration of predicted click probabilities, computed from logits.

use super::order;

/// `sigmoid(logit)`, without overflow at either end.
fn probability(logit: f32) -> f64 {
    let e = libm::exp(-f64::from(logit).abs());
    if logit >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// `-y ln p - (1 - y) ln (1 - p)` of one example, without forming `p`.
fn loss(logit: f32, label: f32) -> f64 {
    let (z, y) = (f64::from(logit), f64::from(label));
    // An infinite logit on the side of its label is a perfect answer, not infinity minus infinity.
    if z.is_infinite() {
        return match (z > 0.0) == order::is_positive(label) {
            true => 0.0,
            false => f64::INFINITY,
        };
    }
    z.max(0.0) - z * y + libm::log1p(libm::exp(-z.abs()))
}

fn defined(logits: &[f32], labels: &[f32]) -> bool {
    assert_eq!(logits.len(), labels.len(), "one label per logit");
    !logits.is_empty() && !logits.iter().any(|z| z.is_nan())
}

/// Mean binary cross-entropy in nats. `None` without examples or when any logit is NaN.
pub fn log_loss(logits: &[f32], labels: &[f32]) -> Option<f64> {
    Some(log_loss_with_error(logits, labels)?.0)
}

/// The same with its standard error: how much it would vary with the examples. The error is `None`
/// for one example, and if the loss is infinite.
pub fn log_loss_with_error(logits: &[f32], labels: &[f32]) -> Option<(f64, Option<f64>)> {
    if !defined(logits, labels) {
        return None;
    }
    let (mut sum, mut squares) = (0.0, 0.0);
    for loss in logits.iter().zip(labels).map(|(&z, &y)| loss(z, y)) {
        sum += loss;
        squares += loss * loss;
    }
    let count = logits.len() as f64;
    let mean = sum / count;
    let error = || {
        let variance = (squares - count * mean * mean).max(0.0) / (count - 1.0);
        (variance / count).sqrt()
    };
    Some((mean, (count > 1.0 && squares.is_finite()).then(error)))
}

/// Log-loss divided by the entropy of the mean label: 1 for a model that knows only the click rate,
/// less is better (He et al. 2014, "Practical Lessons from Predicting Clicks on Ads at Facebook",
/// section 3). `None` if log-loss is, and when all labels agree.
pub fn normalised_entropy(logits: &[f32], labels: &[f32]) -> Option<f64> {
    let log_loss = log_loss(logits, labels)?;
    let entropy = label_entropy(labels);
    (entropy > 0.0).then(|| log_loss / entropy)
}

/// Entropy in nats of a coin with the mean label as its probability; zero without examples.
fn label_entropy(labels: &[f32]) -> f64 {
    let clicks: f64 = labels.iter().map(|&y| f64::from(y)).sum();
    let rate = clicks / labels.len().max(1) as f64;
    if rate <= 0.0 || rate >= 1.0 {
        return 0.0;
    }
    -rate * libm::log(rate) - (1.0 - rate) * libm::log1p(-rate)
}

/// Clicks predicted per click observed (PCOC): 1 is calibrated, more is overconfident. `None`
/// without a click or when any logit is NaN.
pub fn calibration(logits: &[f32], labels: &[f32]) -> Option<f64> {
    if !defined(logits, labels) {
        return None;
    }
    let clicks: f64 = labels.iter().map(|&y| f64::from(y)).sum();
    let predicted: f64 = logits.iter().map(|&z| probability(z)).sum();
    (clicks > 0.0).then(|| predicted / clicks)
}

/// The mean of the predicted probabilities. `None` without examples or when any logit is NaN.
pub fn mean_probability(logits: &[f32]) -> Option<f64> {
    let known = !logits.is_empty() && !logits.iter().any(|z| z.is_nan());
    let sum = || logits.iter().map(|&z| probability(z)).sum::<f64>();
    known.then(|| sum() / logits.len() as f64)
}

/// Expected calibration error: the mean of |mean prediction - mean label| over `bins` bins of
/// equal counts in order of score, weighted by count (Naeini et al. 2015 with equal-count bins).
///
/// Equal scores are never split, so bins can differ in size and fewer than `bins` can result.
/// `None` without examples or bins, or when any logit is NaN.
pub fn expected_calibration_error(logits: &[f32], labels: &[f32], bins: usize) -> Option<f64> {
    if bins == 0 || !defined(logits, labels) {
        return None;
    }
    let mut by_score: Vec<usize> = (0..logits.len()).collect();
    by_score.sort_by_key(|&i| order::score_key(logits[i]));
    let (mut error, mut start) = (0.0, 0);
    for bin in 1..=bins {
        let mut end = (by_score.len() * bin / bins).max(start);
        while end > start
            && end < by_score.len()
            && logits[by_score[end]] == logits[by_score[end - 1]]
        {
            end += 1;
        }
        let gap: f64 = by_score[start..end]
            .iter()
            .map(|&i| probability(logits[i]) - f64::from(labels[i]))
            .sum();
        error += gap.abs();
        start = end;
    }
    Some(error / by_score.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_that_of_a_mean() {
        let (logits, labels) = ([0.0, 2.0, -1.0, 0.5], [1.0, 1.0, 0.0, 0.0]);
        let losses: Vec<f64> = logits.iter().zip(&labels).map(|(&z, &y)| loss(z, y)).collect();
        let mean = losses.iter().sum::<f64>() / 4.0;
        let variance = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / 3.0;
        let (found, error) = log_loss_with_error(&logits, &labels).unwrap();
        assert_eq!(Some(found), log_loss(&logits, &labels));
        assert!((error.unwrap() - (variance / 4.0).sqrt()).abs() < 1e-12);
        assert_eq!(log_loss_with_error(&logits[..1], &labels[..1]).unwrap().1, None);
        let wrong = log_loss_with_error(&[f32::INFINITY, 0.0], &[0.0, 1.0]).unwrap();
        assert_eq!(wrong, (f64::INFINITY, None));
    }
    use crate::nn::loss::cross_entropy;
    use proptest::prelude::*;

    fn close(a: Option<f64>, b: f64) {
        let a = a.expect("defined");
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }

    #[test]
    fn a_model_of_the_click_rate_alone_has_entropy_one() {
        let labels = [1.0, 0.0, 0.0, 0.0];
        let logits = [-(3.0f64.ln()) as f32; 4];
        let value = normalised_entropy(&logits, &labels).unwrap();
        assert!((value - 1.0).abs() < 1e-6);
        assert!((calibration(&logits, &labels).unwrap() - 1.0).abs() < 1e-6);
        assert!(expected_calibration_error(&logits, &labels, 3).unwrap() < 1e-6);
    }

    #[test]
    fn extreme_logits_are_finite_or_honestly_infinite() {
        close(log_loss(&[1000.0, -1000.0], &[1.0, 0.0]), 0.0);
        close(log_loss(&[1000.0], &[0.0]), 1000.0);
        close(log_loss(&[f32::INFINITY, f32::NEG_INFINITY], &[1.0, 0.0]), 0.0);
        assert_eq!(log_loss(&[f32::INFINITY], &[0.0]), Some(f64::INFINITY));
    }

    #[test]
    fn undefined_inputs_give_none() {
        assert_eq!(log_loss(&[], &[]), None);
        assert_eq!(log_loss(&[f32::NAN, 0.0], &[0.0, 1.0]), None);
        assert_eq!(normalised_entropy(&[0.0, 1.0], &[1.0, 1.0]), None);
        assert_eq!(calibration(&[0.0], &[0.0]), None);
        assert_eq!((mean_probability(&[]), mean_probability(&[f32::NAN])), (None, None));
        assert_eq!(mean_probability(&[0.0, f32::INFINITY]), Some(0.75));
        assert_eq!(calibration(&[f32::NAN], &[1.0]), None);
        assert_eq!(expected_calibration_error(&[f32::NAN], &[1.0], 2), None);
        assert_eq!(expected_calibration_error(&[0.0], &[1.0], 0), None);
    }

    #[test]
    fn calibration_error_by_hand() {
        // Two bins: predictions of .5 with labels 0, 1 and certain predictions with labels 0, 1.
        let (logits, labels) = ([0.0, 0.0, 800.0, 900.0], [0.0, 1.0, 0.0, 1.0]);
        close(expected_calibration_error(&logits, &labels, 2), 0.25);
        close(calibration(&logits, &labels), 1.5);
    }

    proptest! {
        #[test]
        fn the_loss_is_the_one_trained_on(
            examples in prop::collection::vec((-30.0f32..30.0, any::<bool>()), 1..50)
        ) {
            let logits: Vec<f32> = examples.iter().map(|e| e.0).collect();
            let labels: Vec<f32> = examples.iter().map(|e| f32::from(u8::from(e.1))).collect();
            let wide: Vec<f64> = logits.iter().map(|&z| f64::from(z)).collect();
            let trained = cross_entropy(&wide, &labels, &mut Vec::new());
            prop_assert!((log_loss(&logits, &labels).unwrap() - trained).abs() < 1e-12);
        }

        #[test]
        fn calibration_error_is_between_the_offset_and_one(
            examples in prop::collection::vec((-3i8..3, any::<bool>()), 1..60),
            bins in 1usize..12,
        ) {
            let logits: Vec<f32> = examples.iter().map(|e| f32::from(e.0)).collect();
            let labels: Vec<f32> = examples.iter().map(|e| f32::from(u8::from(e.1))).collect();
            let offset = expected_calibration_error(&logits, &labels, 1).unwrap();
            let error = expected_calibration_error(&logits, &labels, bins).unwrap();
            prop_assert!(offset <= error + 1e-12 && error <= 1.0);
        }
    }
}
