//! The scores of a model that knows the truth: the limit with which a learned model is compared.

/// Scores of the true click probabilities on given examples, against the real labels of these
/// examples. On a small set they vary by chance, together with the scores of a model.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bayes {
    /// Number of examples.
    pub examples: usize,
    /// Share of clicked examples.
    pub base_rate: f64,
    /// Chance that a clicked example has a higher probability than one that was not clicked; NaN
    /// without both.
    pub auc: f64,
    /// The same within a session: unweighted mean over the sessions with both labels; NaN without
    /// any.
    pub session_auc: f64,
    /// Mean negative log-likelihood of the labels, in nats.
    pub log_loss: f64,
}

/// One example: its session, true probability and label.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct ExampleOutcome {
    pub(super) session: u64,
    pub(super) probability: f64,
    pub(super) clicked: bool,
}

impl Bayes {
    /// The figures of some examples, in any order.
    pub(super) fn of(mut outcomes: Vec<ExampleOutcome>) -> Bayes {
        let n = outcomes.len() as f64;
        let clicks = outcomes.iter().filter(|o| o.clicked).count() as f64;
        let by_probability =
            |a: &ExampleOutcome, b: &ExampleOutcome| a.probability.total_cmp(&b.probability);
        // Examples mostly come session by session, and a stable sort is fast then.
        outcomes.sort_by_key(|o| o.session);
        let sessions: Vec<f64> = outcomes
            .chunk_by_mut(|a, b| a.session == b.session)
            .map(|session| {
                session.sort_unstable_by(by_probability);
                auc(session)
            })
            .filter(|auc| !auc.is_nan())
            .collect();
        outcomes.sort_unstable_by(by_probability);
        let over_all = auc(&outcomes);
        let log_loss = -outcomes.iter().map(log_likelihood).sum::<f64>() / n;
        Bayes {
            examples: outcomes.len(),
            base_rate: clicks / n,
            auc: over_all,
            session_auc: sessions.iter().sum::<f64>() / sessions.len() as f64,
            log_loss,
        }
    }
}

fn log_likelihood(outcome: &ExampleOutcome) -> f64 {
    let p = if outcome.clicked { outcome.probability } else { 1.0 - outcome.probability };
    libm::log(p.max(f64::MIN_POSITIVE))
}

/// Chance that a clicked outcome has the higher probability; ties count one half; NaN without both
/// labels. `sorted` by rising probability.
fn auc(sorted: &[ExampleOutcome]) -> f64 {
    let (mut won, mut clicks, mut others) = (0.0, 0.0, 0.0);
    let (mut tied_clicks, mut tied_others, mut of) = (0.0, 0.0, f64::NAN);
    for outcome in sorted {
        if outcome.probability != of {
            won += tied_clicks * (others + 0.5 * tied_others);
            clicks += tied_clicks;
            others += tied_others;
            (tied_clicks, tied_others, of) = (0.0, 0.0, outcome.probability);
        }
        if outcome.clicked {
            tied_clicks += 1.0;
        } else {
            tied_others += 1.0;
        }
    }
    won += tied_clicks * (others + 0.5 * tied_others);
    won / ((clicks + tied_clicks) * (others + tied_others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(session: u64, probability: f64, clicked: bool) -> ExampleOutcome {
        ExampleOutcome { session, probability, clicked }
    }

    #[test]
    fn figures_match_a_count_by_hand() {
        let bayes = Bayes::of(vec![
            outcome(2, 0.5, true),
            outcome(1, 0.9, true),
            outcome(1, 0.5, false),
            outcome(2, 0.8, false),
            outcome(3, 0.1, false),
        ]);
        // Pairs: 0.9 beats all three; 0.5 ties with 0.5, loses to 0.8, beats 0.1.
        assert!((bayes.auc - (3.0 + 0.5 + 1.0) / 6.0).abs() < 1e-12);
        // Session 1 is right, session 2 wrong, session 3 has one label only.
        assert!((bayes.session_auc - 0.5).abs() < 1e-12);
        assert!((bayes.base_rate - 0.4).abs() < 1e-12);
        let likelihood: f64 = 0.5 * 0.9 * 0.5 * 0.2 * 0.9;
        assert!((bayes.log_loss + likelihood.ln() / 5.0).abs() < 1e-12);
    }

    #[test]
    fn one_label_only_has_no_auc() {
        let bayes = Bayes::of(vec![outcome(1, 0.9, true)]);
        assert!(bayes.auc.is_nan() && bayes.session_auc.is_nan());
    }
}
