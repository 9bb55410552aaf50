//! Malformed rows of every kind, each with its physical line; and the pitfalls of real formats.

use super::Loader;
use crate::data::tabular::{HistoryConfig, HistoryOrder, Missing, PositiveWhen};
use crate::data::{
    BadRowKind, BadRows, Batch, DataError, DataSource, IdRows, Log, TableFiles, amazon, criteo,
    interactions, movielens, tabular,
};

fn table() -> tabular::Config {
    tabular::Config {
        time: Some("time".into()),
        group: Some("user".into()),
        categorical: vec!["user".into(), "item".into()],
        numeric: vec!["price".into()],
        ..tabular::Config::default()
    }
}

const HEADER: &str = "label,time,user,item,price\n";
const GOOD: &str = "1,86400,u,i,2.5\n";

fn load(config: &tabular::Config, rows: &[u8]) -> Result<Log, DataError> {
    Loader::Table(config.clone()).load(&[HEADER.as_bytes(), rows].concat(), None)
}

fn skip(config: tabular::Config) -> tabular::Config {
    tabular::Config { bad_rows: BadRows::skip(10), ..config }
}

/// Malformed rows of a table, one of each kind that a table can have.
fn bad_table_rows() -> Vec<(BadRowKind, Vec<u8>)> {
    let text = |kind, row: &str| (kind, format!("{row}\n").into_bytes());
    vec![
        text(BadRowKind::MissingField, "1,86400,u,i"),
        text(BadRowKind::ExtraField, "1,86400,u,i,2,3"),
        text(BadRowKind::EmptyField, "1,86400,,i,2"),
        text(BadRowKind::BadNumber, "1,86400,u,i,cheap"),
        text(BadRowKind::NonFinite, "1,86400,u,i,NaN"),
        text(BadRowKind::BadLabel, "yes,86400,u,i,2"),
        text(BadRowKind::BadTime, "1,noon,u,i,2"),
        text(BadRowKind::TimeOutOfRange, "1,86400000000000,u,i,2"),
        (BadRowKind::BadUtf8, b"1,86400,u,caf\xe9,2\n".to_vec()),
        text(BadRowKind::NulByte, "1,86400,u,\0,2"),
        text(BadRowKind::UnclosedQuote, "1,86400,\"u,i,2"),
        text(BadRowKind::StrayQuote, "1,86400,\"u\"u\",i,2"),
        (BadRowKind::LineTooLong, [vec![b'x'; 10_000_000], vec![b'\n']].concat()),
        text(BadRowKind::RepeatedHeader, HEADER.trim()),
    ]
}

#[test]
fn r29_every_kind_of_table_row_is_found_at_its_line() {
    for (kind, bad) in bad_table_rows() {
        // Header 1; good 2; quoted line break 3-4; blank 5; bad 6; good 7.
        let before = format!("{GOOD}0,86401,\"u\nv\",i,1\n\n");
        let rows = [before.as_bytes(), &bad, GOOD.as_bytes()].concat();
        let error = load(&table(), &rows).unwrap_err();
        assert_eq!((error.kind(), error.line()), (Some(kind), Some(6)), "{error}");
        let log = load(&skip(table()), &rows).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        let skipped = format!("1 ({} 1)", kind.name());
        assert!(log.facts().contains(&("bad rows skipped".into(), skipped)), "{:?}", log.facts());
        assert_eq!(log.held_out(), 3..3, "{kind:?}");
    }
}

#[test]
fn r29_every_kind_of_json_line_is_found_at_its_line() {
    let good = |time: u32| {
        format!("{{\"reviewerID\": \"u\", \"asin\": \"{time}\", \"unixReviewTime\": {time}}}\r\n")
    };
    let other = good(4).replace("\"u\"", "\"v\"");
    for (kind, bad) in [
        (BadRowKind::BadJson, "{\"reviewerID\": \"u\", "),
        (BadRowKind::BadJson, "{'reviewerID': 'u'}"),
        (BadRowKind::WrongType, "[1, 2]"),
        (BadRowKind::WrongType, "{\"reviewerID\": 5, \"asin\": \"i\", \"unixReviewTime\": 3}"),
        (
            BadRowKind::WrongType,
            "{\"reviewerID\": \"u\", \"asin\": \"i\", \"unixReviewTime\": \"3\"}",
        ),
        (BadRowKind::MissingField, "{\"reviewerID\": \"u\", \"unixReviewTime\": 3}"),
        (BadRowKind::MissingField, "{\"reviewerID\": \"u\", \"asin\": \"i\"}"),
        (BadRowKind::EmptyField, "{\"reviewerID\": \"\", \"asin\": \"i\", \"unixReviewTime\": 3}"),
        (
            BadRowKind::TimeOutOfRange,
            "{\"reviewerID\": \"u\", \"asin\": \"i\", \"unixReviewTime\": 1e15}",
        ),
        (BadRowKind::NulByte, "{\"reviewerID\": \"\0\"}"),
    ] {
        let file = format!("{}\r\n{bad}\r\n{}{other}", good(1), good(2));
        let mut config = amazon::Config::default();
        let error = Loader::Amazon(config.clone()).load(file.as_bytes(), None).unwrap_err();
        assert_eq!((error.kind(), error.line()), (Some(kind), Some(3)), "{error}");
        config.bad_rows = BadRows::skip(1);
        let log = Loader::Amazon(config).load(file.as_bytes(), None).unwrap();
        assert_eq!(log.held_out(), 0..2);
    }
    let meta = "{\"asin\": \"1\", \"category\": []}\n{'asin': '2}\n";
    let file = format!("{}{}", good(1), good(2));
    let error = Loader::Amazon(amazon::Config::default())
        .load(file.as_bytes(), Some(meta.as_bytes()))
        .unwrap_err();
    assert_eq!((error.kind(), error.line()), (Some(BadRowKind::BadLiteral), Some(2)));
}

#[test]
fn r29_all_kinds_are_tested() {
    let mut tested: Vec<BadRowKind> = bad_table_rows().into_iter().map(|(kind, _)| kind).collect();
    tested.extend([BadRowKind::BadJson, BadRowKind::WrongType, BadRowKind::BadLiteral]);
    assert!(BadRowKind::ALL.iter().all(|kind| tested.contains(kind)));
    assert_eq!(BadRowKind::ALL.len(), 17);
}

#[test]
fn r29_the_limit_of_skipped_rows_holds() {
    let bad = "1,86400,u,i,cheap\n".repeat(11);
    let error = load(&skip(table()), format!("{GOOD}{bad}").as_bytes()).unwrap_err();
    assert_eq!(error.line(), Some(13));
    assert!(error.to_string().contains("bad_number 10"), "{error}");
}

#[test]
fn r29_empty_files_say_what_is_missing() {
    let loader = Loader::Table(table());
    for (file, text) in [("", "no lines"), ("\n\n", "no lines"), (HEADER, "no row was left")] {
        let error = loader.load(file.as_bytes(), None).unwrap_err().to_string();
        assert!(error.contains(text), "{file:?}: {error}");
    }
    let error = Loader::Criteo(criteo::Config::default()).load(b"", None).unwrap_err();
    assert!(matches!(error, DataError::Empty { .. }), "{error}");
}

#[test]
fn rows_are_sorted_by_time_and_ids_follow_that_order() {
    let rows = "0,172800,u,late,-3\r\n1,86400,v,early,1\r\n1,172800,v,late,1\r\n";
    let config = tabular::Config { log1p: true, ..table() };
    let log = load(&config, rows.as_bytes()).unwrap();
    let days: Vec<(u32, u64)> = log.days().iter().map(|day| (day.number, day.examples)).collect();
    assert_eq!(days, [(1, 1), (2, 2)]);
    let mut batch = Batch::default();
    log.read(&[0, 1, 2], &mut batch);
    assert_eq!(batch.labels, [1.0, 0.0, 1.0]);
    assert_eq!(batch.fields, [0, 0, 1, 1, 0, 1]);
    let ln = |x: f32| x.ln_1p();
    let close = batch.numeric.iter().zip([ln(1.0), -ln(3.0), ln(1.0)]);
    assert!(close.into_iter().all(|(a, b)| (a - b).abs() < 1e-6), "{:?}", batch.numeric);
    assert_eq!(batch.history_offsets, [0, 0, 0, 0]);
}

#[test]
fn numbers_are_standardised_and_gaps_flagged() {
    let rows = "1,1,u,i,10\n0,2,u,i,\n0,3,u,i,30\n";
    let config = tabular::Config { standardise: true, missing: Missing::Flag, ..table() };
    let log = load(&config, rows.as_bytes()).unwrap();
    assert_eq!(log.schema().numeric, ["price", "price_missing"]);
    let mut batch = Batch::default();
    log.read(&[0, 1, 2], &mut batch);
    assert_eq!(batch.numeric, [-1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
    let error = load(&table(), rows.as_bytes()).unwrap_err();
    assert_eq!((error.kind(), error.line()), (Some(BadRowKind::EmptyField), Some(3)));
}

#[test]
fn histories_labels_days_and_filters_are_read() {
    let file = "\u{feff}rating;day;movie;past\n5;-2;a;b|c\n2;-1;b;\n4;3;c;a|b|c|d\n1;3;x;a\n";
    let config = tabular::Config {
        tables: TableFiles { delimiter: ";".into(), ..TableFiles::default() },
        label: "rating".into(),
        positive_when: Some(PositiveWhen::Condition(">= 4".into())),
        day: Some("day".into()),
        categorical: vec!["movie".into()],
        history: vec![HistoryConfig {
            column: "past".into(),
            field: "movie".into(),
            order: HistoryOrder::RecentLast,
            max_len: 3,
            ..HistoryConfig::default()
        }],
        keep_when: vec!["movie != x".into()],
        ..tabular::Config::default()
    };
    let log = Loader::Table(config.clone()).load(file.as_bytes(), None).unwrap();
    let days: Vec<u32> = log.days().iter().map(|day| day.number).collect();
    assert_eq!(days, [1, 2, 6]);
    let mut batch = Batch::default();
    log.read(&[0, 1, 2], &mut batch);
    assert_eq!(batch.labels, [1.0, 0.0, 1.0]);
    // Ids: a 0, b 1, c 2, d 3.
    assert_eq!(batch.fields, [0, 1, 2]);
    assert_eq!(batch.history_offsets, [0, 2, 2, 5]);
    assert_eq!(batch.history, [2, 1, 3, 2, 1]);
    assert!(log.facts().contains(&("rows left out by keep_when".into(), "1".into())));
    let config = tabular::Config {
        positive_when: Some(PositiveWhen::OneOf(vec!["2".into()])),
        history: vec![HistoryConfig {
            order: HistoryOrder::RecentFirst,
            ..config.history[0].clone()
        }],
        ..config
    };
    Loader::Table(config).load(file.as_bytes(), None).unwrap().read(&[1, 2], &mut batch);
    assert_eq!(batch.labels, [1.0, 0.0]);
    // Ids now: a 0, c 1, b 2.
    assert_eq!(batch.history, [0, 2, 1], "of four events the oldest is forgotten");
}

#[test]
fn rare_ids_share_a_row() {
    let rows = "1,1,u,a,1\n1,2,u,b,1\n0,3,v,b,1\n";
    let log = load(
        &tabular::Config { ids: IdRows { min_count: 2, hash_rows: 0 }, ..table() },
        rows.as_bytes(),
    )
    .unwrap();
    let mut batch = Batch::default();
    log.read(&[0, 1, 2], &mut batch);
    assert_eq!(batch.fields, [1, 0, 1, 1, 0, 1]);
}

#[test]
fn movielens_100k_with_latin_1_titles() {
    let ratings = b"196\t242\t3\t881250949\n196\t302\t3\t891717742\n22\t377\t1\t878887116\n";
    let movie = |id: &str, genre: usize| {
        let flags: Vec<&str> = (0..19).map(|flag| if flag == genre { "1" } else { "0" }).collect();
        let mut row = format!("{id}|Caf").into_bytes();
        row.extend(b"\xe9 \"(1994)|01-Jan-1994||http://x|");
        row.extend(flags.join("|").bytes().chain([b'\n']));
        row
    };
    let movies = [movie("242", 5), movie("302", 18), movie("377", 5)].concat();
    let loader = Loader::Movielens(movielens::Config::default());
    let log = loader.load(ratings, Some(&movies)).unwrap();
    let rows: Vec<u32> = log.schema().spaces.iter().map(|space| space.rows).collect();
    assert_eq!(rows, [2, 3, 2]);
    assert_eq!(log.held_out(), 0..2);
}

#[test]
fn r29_a_doubled_or_missing_column_stops_at_line_one() {
    let config = interactions::Config::default();
    for file in ["user,item,time,time\n1,2,3,4\n", "user,item,tim\n1,2,3\n"] {
        let error = Loader::Interactions(config.clone()).load(file.as_bytes(), None).unwrap_err();
        assert_eq!(error.line(), Some(1), "{error}");
    }
}

#[test]
fn quotes_may_be_characters_like_others() {
    let rows = "1,1,\"u,i,2\n0,2,\"u,j,3\n";
    let log = load(
        &tabular::Config {
            tables: TableFiles { quotes: false, ..TableFiles::default() },
            ..table()
        },
        rows.as_bytes(),
    )
    .unwrap();
    assert_eq!(log.schema().spaces[0].rows, 1);
    let error = load(&table(), rows.as_bytes()).unwrap_err();
    assert_eq!((error.kind(), error.line()), (Some(BadRowKind::StrayQuote), Some(2)), "{error}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let history = HistoryConfig { field: "colour".into(), ..HistoryConfig::default() };
    for (config, key) in [
        (tabular::Config { ids: IdRows { min_count: 5, hash_rows: 10 }, ..table() }, "min_count"),
        (tabular::Config { day: Some("time".into()), ..table() }, "day"),
        (tabular::Config { days: 0, ..table() }, "days"),
        (
            tabular::Config {
                tables: TableFiles { delimiter: "\"".into(), ..TableFiles::default() },
                ..table()
            },
            "delimiter",
        ),
        (tabular::Config { history: vec![history], ..table() }, "history.field"),
        (tabular::Config { keep_when: vec!["price".into()], ..table() }, "keep_when"),
        (tabular::Config { bad_rows: BadRows::skip(0), ..table() }, "max_bad_rows"),
    ] {
        let error = load(&config, GOOD.as_bytes()).unwrap_err();
        assert!(matches!(error, DataError::Setting { .. }), "{error}");
        assert!(error.to_string().starts_with(key), "{error}");
    }
}
