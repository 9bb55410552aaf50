//! The guarantees of the generated log as a whole.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::users::Users;
use super::*;
use crate::base::stream::mix;

static LOG: LazyLock<Synthetic> = LazyLock::new(|| log(|_| (), 1));

/// The default log with some changes.
fn log(change: impl FnOnce(&mut Config), seed: u64) -> Synthetic {
    let mut config = Config::default();
    change(&mut config);
    Synthetic::new(&config, Streams::new(seed)).unwrap()
}

fn read(log: &Synthetic, ids: impl IntoIterator<Item = u64>) -> Batch {
    let ids: Vec<u64> = ids.into_iter().collect();
    let mut batch = Batch::default();
    log.read(&ids, &mut batch);
    batch
}

/// Every `step`-th example of the log; a step coprime to 12 visits every position.
fn every(log: &Synthetic, step: usize) -> Vec<u64> {
    (0..log.config.rows()).step_by(step).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn an_example_is_the_same_in_any_company(
        ids in prop::collection::vec(0u64..571_200, 1..60),
        near in 0u64..571_100,
    ) {
        let ids: Vec<u64> = ids.into_iter().chain(near..near + 40).collect();
        let together = read(&LOG, ids.iter().copied());
        let truth = LOG.truth(&ids).unwrap();
        for (i, &id) in ids.iter().enumerate() {
            let alone = read(&LOG, [id]);
            let events = together.history_offsets[i]..together.history_offsets[i + 1];
            let events = 2 * events.start as usize..2 * events.end as usize;
            prop_assert_eq!(alone.labels[0], together.labels[i]);
            prop_assert_eq!(alone.info[0], together.info[i]);
            prop_assert_eq!(&alone.fields[..], &together.fields[5 * i..5 * i + 5]);
            prop_assert_eq!(&alone.history[..], &together.history[events]);
            prop_assert_eq!(LOG.truth(&[id]).unwrap()[0], truth[i]);
        }
    }
}

/// Checked at the first reading and at a later one, with one thread and with two, with histories
/// and without, and at the end of a day, whose last session is short.
#[test]
fn what_is_kept_is_what_is_generated_anew() {
    for (history, seed) in [(0, 1), (8, 2), (31, 3)] {
        let change = |c: &mut Config| {
            (c.days, c.rows_per_day, c.history_length) = (4, 1_001, history);
            (c.users, c.item_churn_per_day) = (300, 0.5);
        };
        let (kept, mut anew) = (log(change, seed), log(change, seed));
        assert!(kept.pages.is_some());
        anew.pages = None;
        assert_eq!((kept.bytes() > 0, anew.bytes()), (true, 0));
        let ids: Vec<u64> = (0..kept.config.rows()).map(|i| i * 1_009 % 4_004).collect();
        let expected = read(&anew, ids.iter().copied());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(read(&kept, ids.iter().copied()), expected));
            }
        });
        assert_eq!(read(&kept, ids.iter().copied()), expected);
    }
}

#[test]
fn figures_of_the_sample_are_those_of_its_examples() {
    let ids = |session| {
        let (day, of_day) = (session / 3_400, session % 3_400);
        let first = day * 40_800 + of_day * 12;
        first..first + 12
    };
    let ids: Vec<u64> = LOG.sample_sessions().into_iter().flat_map(ids).collect();
    assert!((48_000..50_000).contains(&ids.len()), "{}", ids.len());
    assert_eq!(LOG.on_sample, LOG.bayes(&ids));
}

#[test]
fn long_logs_and_logs_of_many_items_are_not_kept() {
    assert!(log(|c| c.rows_per_day = 5_000_000, 1).pages.is_none());
    assert!(log(|c| c.items = 70_000, 1).pages.is_none());
}

#[test]
fn every_id_lies_in_its_space_and_days_and_sessions_are_right() {
    let log = log(|c| (c.rows_per_day, c.item_churn_per_day) = (1_001, 0.9), 3);
    let batch = read(&log, 0..log.config.rows());
    let spaces: Vec<u32> = log.schema.spaces.iter().map(|space| space.rows).collect();
    for fields in batch.fields.chunks(5) {
        assert!(fields.iter().zip(&spaces).all(|(id, rows)| id < rows), "{fields:?}");
        assert_eq!(fields[CATEGORY], log.world.shop().item(fields[ITEM], |i| i.category));
    }
    for event in batch.history.chunks(2) {
        assert!(event[0] < spaces[ITEM]);
        assert_eq!(event[1], log.world.shop().item(event[0], |i| i.category));
    }
    for day in log.days() {
        let info = &batch.info[day.first as usize..(day.first + day.examples) as usize];
        assert!(info.iter().all(|i| i.day == day.number));
        // 1001 rows are 83 sessions of 12 and one of 5.
        assert_eq!(info.chunk_by(|a, b| a.group == b.group).count(), 84);
    }
}

#[test]
fn a_session_has_one_user_and_no_item_twice() {
    let batch = read(&LOG, 120_000..132_000);
    for session in batch.fields.chunks(5 * 12) {
        let mut items: Vec<u32> = session.chunks(5).map(|fields| fields[ITEM]).collect();
        assert!(session.chunks(5).all(|fields| fields[0] == session[0]));
        assert!(session.chunks(5).map(|f| f[4]).eq(0..12));
        items.sort_unstable();
        items.dedup();
        // Redraws are bounded, so a very popular item may rarely appear twice.
        assert!(items.len() >= 11);
    }
}

#[test]
fn click_rate_and_bayes_auc_are_near_what_was_asked_for() {
    for seed in [1, 2, 3] {
        let log = log(|_| (), seed);
        let bayes = log.bayes(&every(&log, 5));
        assert!((bayes.base_rate - 0.12).abs() < 0.004, "{bayes:?}");
        assert!((bayes.auc - 0.87).abs() < 0.005, "{bayes:?}");
        assert!((0.7..bayes.auc).contains(&bayes.session_auc), "{bayes:?}");
    }
}

/// Of the examples with a true chance between 20 % and 30 %, the mean chance is the share clicked.
#[test]
fn labels_are_drawn_with_the_true_probabilities() {
    let ids = every(&LOG, 5);
    let (truth, labels) = (LOG.truth(&ids).unwrap(), read(&LOG, ids).labels);
    let chosen: Vec<(f64, f32)> =
        truth.into_iter().zip(labels).filter(|(p, _)| (0.2..0.3).contains(p)).collect();
    let n = chosen.len() as f64;
    let expected = chosen.iter().map(|c| c.0).sum::<f64>() / n;
    let clicked = chosen.iter().map(|c| f64::from(c.1)).sum::<f64>() / n;
    assert!(n > 5_000.0);
    assert!((clicked - expected).abs() < 4.0 * (0.1875 / n).sqrt(), "{clicked} {expected}");
}

#[test]
fn label_noise_keeps_the_rate_and_the_auc_and_caps_the_probabilities() {
    let log = log(|c| (c.label_noise, c.target_bayes_auc) = (0.2, 0.78), 5);
    let ids = every(&log, 7);
    let bayes = log.bayes(&ids);
    assert!((bayes.base_rate - 0.12).abs() < 0.006, "{bayes:?}");
    assert!((bayes.auc - 0.78).abs() < 0.01, "{bayes:?}");
    let truth = log.truth(&ids).unwrap();
    assert!(truth.iter().all(|p| (0.024..=0.824).contains(p)));
}

#[test]
fn histories_are_full_for_most_and_never_know_the_day_they_belong_to() {
    let mut session = Session::default();
    let (mut lengths, mut newest_gap) = ([0u32; 9], f64::INFINITY);
    for number in (0..LOG.days.len() as u64 * 3_400).step_by(7) {
        LOG.world.enter(number, &mut session);
        let day = f64::from(session.day);
        assert!(session.events.is_sorted_by(|a, b| a.time >= b.time));
        for event in &session.events {
            assert!(event.time < day);
            newest_gap = newest_gap.min(day - event.time);
            let shop = LOG.world.shop();
            let before = |d: i64| (0..2_000).any(|slot| shop.item_on(slot, d) == event.item);
            if number % 700 == 0 {
                assert!(before(event.time.floor() as i64));
            }
        }
        lengths[session.events.len()] += 1;
    }
    assert!(newest_gap < 0.01, "histories are fresh");
    assert!(lengths[8] > 5 * lengths[..8].iter().sum::<u32>(), "{lengths:?}");
    assert!(lengths[0] > 0, "some users are new: {lengths:?}");
}

#[test]
fn a_history_grows_at_its_front_from_day_to_day() {
    let users = Users::new(&LOG.config, Streams::new(1));
    let shop = LOG.world.shop();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for number in 0..500 {
        let mut user = users.user(number * 17, shop);
        user.history(6, &mut before);
        user.history(7, &mut after);
        let new = after.iter().take_while(|event| event.time >= 6.0).count();
        let kept = &after[new..];
        assert_eq!(kept, &before[..kept.len()]);
    }
}

#[test]
fn tastes_have_unit_variance_and_forget_half_in_a_half_life() {
    let users = Users::new(&LOG.config, Streams::new(8));
    let mean_product = |from: f64, to: f64| {
        let mut sum = 0.0;
        for number in 0..10_000 {
            let mut user = users.user(number, LOG.world.shop());
            let (a, b) = (user.taste(from), user.taste(to));
            sum += f64::from(draws::dot(&a, &b)) / 8.0;
        }
        sum / 10_000.0
    };
    let now = mean_product(4.0, 4.0);
    // Users share popular categories as favourites, so tastes do not average to zero.
    let common = mean_product(4.0, 400.0);
    let later = mean_product(4.0, 24.0);
    let kept = (later - common) / (now - common);
    assert!((0.8..1.6).contains(&now), "{now}");
    assert!((kept - 0.5).abs() < 0.04, "{kept}");
}

#[test]
fn every_effect_counts_for_about_its_weight() {
    let deviation = |choose: fn(&mut Weights) -> &mut f64| {
        let mut config = Config::default();
        let weights = &mut config.weights;
        for clear in WEIGHTS {
            *clear(weights) = 0.0;
        }
        *choose(weights) = 1.0;
        // A single effect can reach the target AUC.
        config.target_bayes_auc = 0.6;
        let log = Synthetic::new(&config, Streams::new(6)).unwrap();
        let sessions: Vec<u64> = (0..14 * 3_400).step_by(37).collect();
        let effects = log.sample(&sessions).impressions.effects;
        let mean = effects.iter().sum::<f64>() / effects.len() as f64;
        let square = effects.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        (square / effects.len() as f64).sqrt()
    };
    let deviations = WEIGHTS.map(deviation);
    assert!(deviations.iter().all(|d| (0.4..1.8).contains(d)), "{deviations:?}");
}

const WEIGHTS: [fn(&mut Weights) -> &mut f64; 6] = [
    |w| &mut w.taste,
    |w| &mut w.quality,
    |w| &mut w.brand,
    |w| &mut w.history,
    |w| &mut w.position,
    |w| &mut w.trend,
];

#[test]
fn campaigns_move_the_rate_of_whole_days() {
    let spread = |deviation: f64| {
        let change = |c: &mut Config| {
            (c.day_rate_deviation, c.trend_half_life_days) = (deviation, 1e6);
        };
        let log = log(change, 2);
        let rates = log.days.iter().map(|day| {
            let ids: Vec<u64> = day.ids().step_by(5).collect();
            log.bayes(&ids).base_rate
        });
        let rates: Vec<f64> = rates.collect();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        assert!((mean - 0.12).abs() < 0.01, "{mean}");
        let square = rates.iter().map(|r| (r - mean).powi(2)).sum::<f64>();
        (square / rates.len() as f64).sqrt() / mean
    };
    assert!(spread(0.0) < 0.1);
    assert!(spread(0.6) > 0.25);
}

#[test]
fn another_seed_is_another_log_and_the_same_seed_the_same() {
    let batch = |seed| read(&log(|c| c.rows_per_day = 1_200, seed), 0..1_200);
    assert_eq!(batch(1), batch(1));
    let (one, two) = (batch(1), batch(2));
    let differ = |column: usize| {
        let rows = one.fields.chunks(5).zip(two.fields.chunks(5));
        rows.filter(|(a, b)| a[column] != b[column]).count()
    };
    assert!(differ(0) > 1_100 && differ(ITEM) > 1_100);
    assert_ne!(one.labels, two.labels);
}

/// A change here changes every result on generated logs: it must be deliberate.
#[test]
fn values_are_stable() {
    let batch = read(&LOG, (0..571_200).step_by(601));
    let clicks = batch.labels.iter().map(|label| *label as u32);
    let words = batch.fields.iter().chain(&batch.history).copied().chain(clicks);
    let fingerprint = words.fold(0, |hash, word| mix(hash ^ u64::from(word)));
    assert_eq!(fingerprint, 18_108_323_789_571_147_884);
}

/// A longer log has the same beginning except for the strength of the effects: a day does not
/// depend on the number of days after it.
#[test]
fn more_days_do_not_change_what_is_shown() {
    let (short, long) = (log(|c| c.days = 3, 4), log(|c| c.days = 9, 4));
    let (a, b) = (read(&short, 0..5_000), read(&long, 0..5_000));
    assert_eq!((a.fields, a.history), (b.fields, b.history));
}

#[test]
fn a_log_without_histories_has_none_in_its_schema() {
    let log = log(|c| c.history_length = 0, 1);
    assert_eq!(log.schema.history, None);
    let batch = read(&log, 0..100);
    assert_eq!((batch.events(), batch.history_offsets.len()), (0, 101));
}

#[test]
fn the_smallest_and_oddest_logs_can_be_made() {
    let tiny = |c: &mut Config| {
        (c.days, c.rows_per_day, c.users, c.items, c.categories) = (1, 100, 1, 2, 2);
        (c.brands, c.impressions_per_session, c.target_bayes_auc) = (1, 200, 0.7);
    };
    let log = log(tiny, 1);
    assert_eq!(read(&log, 0..100).len(), 100);
    let fast = |c: &mut Config| {
        (c.taste_half_life_days, c.quality_half_life_days) = (0.05, 0.05);
        (c.trend_half_life_days, c.item_churn_per_day) = (1e6, 1.0);
    };
    assert!((super::tests::log(fast, 1).on_sample.auc - 0.87).abs() < 0.01);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    /// Any configuration within the ranges gives a log that can be read, or an error.
    #[test]
    fn no_configuration_panics(
        (days, rows_per_day, users) in (1u32..2_000, 100u64..3_000, 1u32..3_000),
        (items, categories, brands) in (2u32..3_000, 2u32..3_000, 1u32..300),
        (impressions_per_session, history_length) in (1u32..=200, 0u32..=64),
        (noise, churn, focus) in (0.0f64..0.2, 0.0f64..=1.0, 0.0f64..=1.0),
        (click_rate, target_bayes_auc) in (0.001f64..0.9, 0.51f64..0.99),
        (half_life, exponent, deviation) in (0.05f64..40.0, 0.0f64..=3.0, 0.0f64..=3.0),
    ) {
        let config = Config {
            days, rows_per_day, users, items, categories, brands, impressions_per_session,
            history_length, session_focus: focus, click_rate, target_bayes_auc, label_noise: noise,
            item_churn_per_day: churn, taste_half_life_days: half_life,
            quality_half_life_days: half_life, trend_half_life_days: half_life,
            day_rate_deviation: deviation, user_exponent: exponent, item_exponent: exponent,
            weights: Weights::default(),
        };
        if let Ok(log) = Synthetic::new(&config, Streams::new(9)) {
            let ids = every(&log, (log.config.rows() / 200 + 1) as usize);
            let batch = read(&log, ids.iter().copied());
            prop_assert!(log.truth(&ids).unwrap().iter().all(|p| (0.0..=1.0).contains(p)));
            let last = read(&log, [log.config.rows() - 1]);
            for fields in batch.fields.chunks(5).chain([&last.fields[..]]) {
                for (id, space) in fields.iter().zip(&log.schema.spaces) {
                    prop_assert!(*id < space.rows, "{} {} {}", space.name, id, space.rows);
                }
            }
        }
    }
}

#[test]
fn errors_of_the_target_name_what_can_be_reached() {
    let config = Config { label_noise: 0.6, ..Config::default() };
    let error = Synthetic::new(&config, Streams::new(1)).unwrap_err();
    assert!(matches!(error, SyntheticError::AucOutOfReach { high, .. } if high < 0.87));
}

/// Click counts by item, by user and category, and by position, taken as independent: the quality
/// possible without a model. It must be well above chance and below the truth.
#[test]
fn counting_clicks_learns_a_part_of_the_truth() {
    let train = read(&LOG, 0..12 * 40_800);
    let user_category = |f: &[u32]| (f[0] * 30 + f[CATEGORY]) as usize;
    let keys = |f: &[u32]| [f[ITEM] as usize, user_category(f), f[4] as usize];
    let mut counts = [2_520, 300_000, 12].map(|n| vec![(0.0, 0.0); n]);
    for (fields, label) in train.fields.chunks(5).zip(&train.labels) {
        for (table, key) in counts.iter_mut().zip(keys(fields)) {
            table[key].0 += f64::from(*label);
            table[key].1 += 1.0;
        }
    }
    let ids: Vec<u64> = LOG.days[13].ids().collect();
    let test = read(&LOG, ids.iter().copied());
    let outcome = |(i, fields): (usize, &[u32])| {
        let odds = counts.iter().zip(keys(fields)).map(|(table, key)| {
            let (clicks, shown) = table[key];
            libm::log((clicks + 0.12 * 20.0) / (shown - clicks + 0.88 * 20.0))
        });
        ExampleOutcome {
            session: test.info[i].group,
            probability: logistic::logistic(odds.sum()),
            clicked: test.labels[i] == 1.0,
        }
    };
    let counted = Bayes::of(test.fields.chunks(5).enumerate().map(outcome).collect());
    let truth = LOG.bayes(&ids);
    println!("counting {counted:?}\ntruth {truth:?}");
    assert!(counted.auc > 0.7 && counted.auc < truth.auc - 0.02);
    assert!(counted.session_auc > 0.6 && counted.session_auc < truth.session_auc - 0.02);
}
