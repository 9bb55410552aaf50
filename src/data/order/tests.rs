//! The guarantees of every order policy, and the differences between them.

use proptest::prelude::*;

use super::*;

/// Three days of a log with a gap and an empty day.
fn window() -> Vec<Day> {
    let day = |number, first, examples| Day { number, first, examples };
    vec![day(1, 100, 40), day(2, 140, 0), day(3, 500, 25), day(9, 1_000, 35)]
}

/// The orders with known results in these tests.
fn known_choices() -> Vec<OrderChoice> {
    let buffer = |size| shuffle_buffer::Config { size, each_pass: true };
    vec![
        OrderChoice::ByDate(by_date::Config::default()),
        OrderChoice::ShuffledWithinDay(shuffled_within_day::Config::default()),
        OrderChoice::ShuffledWithinDay(shuffled_within_day::Config { each_pass: false }),
        OrderChoice::ShuffleBuffer(buffer(1)),
        OrderChoice::ShuffleBuffer(buffer(16)),
        OrderChoice::ShuffleBuffer(buffer(1_000)),
        OrderChoice::Shuffled(shuffled::Config::default()),
        OrderChoice::Shuffled(shuffled::Config { each_pass: false }),
    ]
}

/// These, and every registered order with default settings.
fn every_choice() -> Vec<OrderChoice> {
    let registered = OrderChoice::PARTS.iter().map(|part| {
        serde_json::from_value(serde_json::json!({"kind": part.name})).expect("defaults")
    });
    known_choices().into_iter().chain(registered).collect()
}

fn cursor(choice: &OrderChoice, seed: u64) -> Cursor {
    Order::new(choice.clone(), window(), Streams::new(seed)).unwrap().cursor()
}

fn take(cursor: &mut Cursor, count: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    cursor.next(count, &mut ids);
    ids
}

fn by_date() -> Vec<u64> {
    window().iter().flat_map(Day::ids).collect()
}

#[test]
fn every_pass_visits_every_example_once() {
    for choice in every_choice() {
        let mut cursor = cursor(&choice, 1);
        for pass in 0..4 {
            assert_eq!(cursor.position(), Position { pass, offset: 0 });
            let mut ids = take(&mut cursor, 100);
            ids.sort_unstable();
            assert_eq!(ids, by_date(), "{choice:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_stream_does_not_depend_on_how_it_is_taken(
        batches in prop::collection::vec(0usize..130, 1..8),
    ) {
        for choice in every_choice() {
            let (mut one, mut many) = (cursor(&choice, 2), cursor(&choice, 2));
            let whole = take(&mut one, batches.iter().sum());
            let parts: Vec<u64> = batches.iter().flat_map(|&n| take(&mut many, n)).collect();
            prop_assert_eq!(whole, parts);
            prop_assert_eq!(one.position(), many.position());
        }
    }

    #[test]
    fn a_cursor_goes_on_from_a_saved_position(
        before in 0usize..350,
        elsewhere in 0usize..350,
    ) {
        for choice in every_choice() {
            let mut walker = cursor(&choice, 3);
            take(&mut walker, before);
            let saved = serde_json::to_string(&walker.position()).unwrap();
            let mut restored = cursor(&choice, 3);
            take(&mut restored, elsewhere);
            restored.seek(serde_json::from_str(&saved).unwrap());
            prop_assert_eq!(take(&mut walker, 150), take(&mut restored, 150));
        }
    }
}

/// A change here changes every result: it must be deliberate.
#[test]
fn orders_are_stable() {
    let first = |choice: &OrderChoice| take(&mut cursor(choice, 1), 3);
    let firsts: Vec<Vec<u64>> = known_choices().iter().map(first).collect();
    let expected = [
        [100, 101, 102],
        [121, 132, 111],
        [121, 132, 111],
        [100, 101, 102],
        [105, 108, 107],
        [133, 511, 502],
        [1001, 520, 1005],
        [1001, 520, 1005],
    ];
    assert_eq!(firsts, expected);
}

#[test]
fn passes_and_seeds_differ_where_they_should() {
    for choice in known_choices() {
        let mut one = cursor(&choice, 1);
        let (first, second) = (take(&mut one, 100), take(&mut one, 100));
        let other_seed = take(&mut cursor(&choice, 2), 100);
        let (new_pass, new_seed) = match &choice {
            OrderChoice::ByDate(_) => (false, false),
            OrderChoice::ShuffledWithinDay(config) => (config.each_pass, true),
            OrderChoice::ShuffleBuffer(config) => (config.size > 1, config.size > 1),
            OrderChoice::Shuffled(config) => (config.each_pass, true),
            other => unreachable!("{other:?} is not known"),
        };
        assert_eq!(first != second, new_pass, "{choice:?}");
        assert_eq!(first != other_seed, new_seed, "{choice:?}");
    }
}

#[test]
fn by_date_follows_the_log() {
    let choice = OrderChoice::ByDate(by_date::Config::default());
    assert_eq!(take(&mut cursor(&choice, 1), 100), by_date());
    let one = shuffle_buffer::Config { size: 1, each_pass: true };
    let choice = OrderChoice::ShuffleBuffer(one);
    assert_eq!(take(&mut cursor(&choice, 1), 100), by_date());
}

#[test]
fn within_a_day_means_that_days_stay_in_order_and_are_shuffled_differently() {
    let choice = OrderChoice::ShuffledWithinDay(shuffled_within_day::Config::default());
    let ids = take(&mut cursor(&choice, 1), 100);
    let day_of = ids.iter().map(|id| id / 100 * 100);
    assert!(day_of.is_sorted_by_key(|day| day));
    assert!(!ids[..40].is_sorted());
    assert_ne!(
        ids[..25].iter().map(|id| id - 100).collect::<Vec<_>>(),
        ids[40..65].iter().map(|id| id - 500).collect::<Vec<_>>()
    );
}

/// An example leaves the buffer only after it has entered. By the geometric law it waits on average
/// as many places as the buffer is large.
#[test]
fn a_buffer_brings_examples_early_by_its_size_at_most() {
    let day = Day { number: 1, first: 0, examples: 20_000 };
    let config = shuffle_buffer::Config { size: 500, each_pass: true };
    let choice = OrderChoice::ShuffleBuffer(config);
    let order = Order::new(choice, vec![day], Streams::new(4)).unwrap();
    let ids = take(&mut order.cursor(), 20_000);
    let late: Vec<i64> =
        ids.iter().enumerate().map(|(place, id)| place as i64 - *id as i64).collect();
    assert!(late.iter().all(|&places| places > -500));
    // Examples that entered a full buffer and left before it became empty: they enter 499 places
    // before their turn and wait geometrically with mean 500.
    let middle: Vec<i64> = ids[..19_500]
        .iter()
        .zip(&late)
        .filter(|(id, _)| (500..15_000).contains(*id))
        .map(|(_, late)| *late + 499)
        .collect();
    let mean = middle.iter().sum::<i64>() as f64 / middle.len() as f64;
    assert!((mean - 499.5).abs() < 4.0 * 500.0 / (middle.len() as f64).sqrt(), "{mean}");
}

#[test]
fn a_window_without_examples_and_a_buffer_without_room_are_refused() {
    let empty = Day { number: 2, first: 9, examples: 0 };
    let error = |choice, window| Order::new(choice, window, Streams::new(1)).unwrap_err();
    assert_eq!(error(OrderChoice::default(), vec![empty]), OrderError::EmptyWindow { days: 1 });
    let none = shuffle_buffer::Config { size: 0, each_pass: true };
    assert_eq!(error(OrderChoice::ShuffleBuffer(none), window()), OrderError::EmptyBuffer);
}

#[test]
fn choices_are_read_from_scenario_text() {
    let read = |text: &str| toml::from_str::<OrderChoice>(text);
    assert_eq!(read("kind = \"shuffled\"").unwrap(), OrderChoice::default());
    let buffer = read("kind = \"shuffle_buffer\"\nsize = 32").unwrap();
    assert!(matches!(buffer, OrderChoice::ShuffleBuffer(config) if config.size == 32));
    let message = read("kind = \"by_date\"\nsize = 32").unwrap_err().to_string();
    assert!(message.contains("size"), "{message}");
}
