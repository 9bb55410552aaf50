//! Cells that are no plain ids: padding, lists, blanks, texts for nothing; several histories, rows
//! of several candidates, and JSON lines.

use super::{Loader, fact};
use crate::data::stamp::TimeFormat;
use crate::data::tabular::{Config, HistoryConfig, ImpressionsConfig, Missing, PositiveWhen};
use crate::data::{
    BadRowKind, Batch, DataError, DataSource, Log, TableFiles, interactions, movielens,
};

/// A table with the columns `label`, `item` and, as histories, those given with their fields.
fn table(histories: &[(&str, &str)]) -> Config {
    let history = |(column, field): &(&str, &str)| HistoryConfig {
        column: column.to_string(),
        field: field.to_string(),
        ..HistoryConfig::default()
    };
    Config {
        categorical: vec!["item".into()],
        history: histories.iter().map(history).collect(),
        ..Config::default()
    }
}

fn load(config: &Config, text: &str) -> Result<Log, DataError> {
    Loader::Table(config.clone()).load(text.as_bytes(), None)
}

/// Histories as ids, the most recent event last, events of several columns side by side.
fn histories(log: &Log) -> Vec<Vec<u32>> {
    let mut batch = Batch::default();
    log.read(&(0..log.held_out().end).collect::<Vec<u64>>(), &mut batch);
    let width = log.schema().history_columns();
    let history = |bounds: &[u32]| {
        let events = batch.history.chunks_exact(width).take(bounds[1] as usize);
        let mut events: Vec<&[u32]> = events.skip(bounds[0] as usize).collect();
        events.reverse();
        events.concat()
    };
    batch.history_offsets.windows(2).map(history).collect()
}

fn keys(log: &Log) -> Vec<String> {
    log.remarks().into_iter().map(|remark| remark.key).collect()
}

const PADDED: &str =
    "label,item,hist\n1,12,34|56|0|0\n0,34,12|0|0|0\n1,56,0|0|0|0\n0,12,34|56|12|34\n";

#[test]
fn padding_is_no_event_and_is_noticed_where_it_is_not_named() {
    let mut config = table(&[("hist", "item")]);
    config.history[0].max_len = 2;
    let log = load(&config, PADDED).unwrap();
    assert_eq!(keys(&log), ["data.history.padding"]);
    config.history[0].padding = Some("0".into());
    let log = load(&config, PADDED).unwrap();
    // Ids by first occurrence: 12, 34, 56.
    assert_eq!(fact(&log, "ids of item"), "3");
    assert_eq!(histories(&log), [vec![1, 2], vec![0], vec![], vec![0, 1]]);
    assert!(keys(&log).is_empty());
}

#[test]
fn two_histories_are_two_columns_of_the_same_events() {
    let mut config = table(&[("items", "item"), ("cats", "cat")]);
    config.categorical.push("cat".into());
    config.tables.delimiter = ";".into();
    config.history.iter_mut().for_each(|history| history.separator = ' ');
    let text = "items;cats;item;cat;label\n11 12;5 6;13;5;1\n12;6;14;7;0\n13 11 14;5 5 7;12;6;1\n14;7;11;5;0\n";
    let log = load(&config, text).unwrap();
    let targets: Vec<usize> =
        log.schema().history.iter().flat_map(|h| h.columns.iter().map(|c| c.target)).collect();
    assert_eq!(targets, [0, 1]);
    // Items 13 11 12 14 and categories 5 6 7, by first occurrence, a row's own before its history.
    assert_eq!(histories(&log), [vec![1, 0, 2, 1], vec![2, 1], vec![0, 0, 1, 0, 3, 2], vec![3, 2]]);
    let error = load(&config, &text.replace("5 5 7", "5 5")).unwrap_err();
    assert_eq!((error.kind(), error.line()), (Some(BadRowKind::WrongType), Some(4)), "{error}");
    config.history[0].padding = Some("11".into());
    assert_eq!(histories(&load(&config, text).unwrap())[0].len(), 2, "the item decides");
}

#[test]
fn histories_in_brackets_need_a_key_and_are_noticed() {
    let text = "label,item,hist\n1,12,\"[34, 56]\"\n0,34,[12]\n1,56,[]\n";
    let mut config = table(&[("hist", "item")]);
    assert_eq!(keys(&load(&config, text).unwrap()), ["data.history.brackets"]);
    config.history[0].brackets = true;
    let log = load(&config, text).unwrap();
    assert_eq!(histories(&log), [vec![1, 2], vec![0], vec![]]);
    assert_eq!((fact(&log, "ids of item"), keys(&log).len()), ("3", 0));
}

#[test]
fn blanks_beside_delimiters_are_no_part_of_numbers_or_texts() {
    let text = "label, item, price\n high., a, 1\n- low. ,a , 2 \n high.,\ta,3\r\n";
    let config = Config {
        positive_when: Some(PositiveWhen::Condition("= high.".into())),
        numeric: vec!["price".into()],
        keep_when: vec!["item = ' a'".into()],
        ..table(&[])
    };
    let log = load(&config, text).unwrap();
    assert_eq!((log.labels.as_slice(), fact(&log, "ids of item")), (&[1, 0, 1][..], "1"));
    let kept = Config {
        tables: TableFiles { trim: false, ..TableFiles::default() },
        numeric: Vec::new(),
        keep_when: Vec::new(),
        ..config.clone()
    };
    let log = load(&kept, &text.replace(" item", "item")).unwrap();
    assert_eq!((log.labels.as_slice(), fact(&log, "ids of item")), (&[0, 0, 0][..], "3"));
    let kept = Config { numeric: config.numeric, ..kept };
    let error = load(&kept, &text.replace(", ", ",").replace(",2 ", ", 2")).unwrap_err();
    assert_eq!((error.kind(), error.line()), (Some(BadRowKind::BadNumber), Some(3)), "{error}");
}

#[test]
fn texts_for_nothing_are_empty_cells_once_they_are_named() {
    let text = "label,item,price\n1,NA,2\n0,b,NA\n1,NA,\\N\n0,\"NA\",1\n";
    let mut config = Config { numeric: vec!["price".into()], ..table(&[]) };
    let error = load(&config, text).unwrap_err();
    assert!(error.to_string().contains("missing_texts = [\"NA\"]"), "{error}");
    config.missing = Missing::Flag;
    config.tables.missing_texts = vec!["NA".into(), "\\N".into()];
    let log = load(&config, text).unwrap();
    assert_eq!(log.numeric, [2.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]);
    assert_eq!((fact(&log, "ids of item"), keys(&log).len()), ("2", 0));
    let log = load(&table(&[]), text).unwrap();
    assert_eq!(keys(&log), ["data.missing_texts"]);
    let events = "user,item,time\nu,a,1\nu,null,2\nv,b,3\nv,null,4\n";
    let log = Loader::Interactions(interactions::Config::default()).load(events.as_bytes(), None);
    assert!(log.unwrap().remarks()[0].message.contains("2 cells of \"item\""));
}

#[test]
fn a_row_of_impressions_is_an_example_for_each_candidate() {
    let text = "1\tU1\t11/15/2019 8:55:22 AM\tN1 N2\tN3-1 N1-0\n\
                2\tU2\t11/16/2019 11:05:00 PM\t\tN2-0\n";
    let mut config = Config {
        time: Some("time".into()),
        time_format: TimeFormat::MonthDayYear,
        group: Some("id".into()),
        categorical: vec!["user".into()],
        impressions: Some(ImpressionsConfig {
            column: "shown".into(),
            field: "news".into(),
            ..ImpressionsConfig::default()
        }),
        ..table(&[("past", "news")])
    };
    config.history[0].separator = ' ';
    config.tables.delimiter = "\t".into();
    config.tables.columns = ["id", "user", "time", "past", "shown"].map(String::from).into();
    let log = load(&config, text).unwrap();
    assert_eq!(log.labels, [1, 0, 0]);
    // Users; news N3, N1, N2 by first occurrence, a candidate before the history.
    assert_eq!(log.fields, [0, 0, 0, 1, 1, 2]);
    assert_eq!(histories(&log), [vec![1, 2], vec![1, 2], vec![]]);
    let days: Vec<(u32, u64)> = log.days().iter().map(|day| (day.number, day.examples)).collect();
    assert_eq!(days, [(1, 2), (2, 1)]);
    let error = load(&config, &text.replace("N2-0", "N2")).unwrap_err();
    assert_eq!((error.kind(), error.line()), (Some(BadRowKind::BadLabel), Some(2)), "{error}");
}

#[test]
fn json_lines_are_rows_whose_columns_are_paths() {
    let text = r#"{"click": true, "item": {"id": 34}, "price": 1.5, "past": [12, 56], "other": {}}
{"item": {"id": "12"}, "click": 0, "past": []}
{"click": 1, "item": {"id": 56.0}, "price": null, "past": null}
"#;
    let mut config = Config {
        label: "click".into(),
        categorical: vec!["item.id".into()],
        numeric: vec!["price".into()],
        missing: Missing::Zero,
        ..table(&[("past", "item.id")])
    };
    let log = load(&config, text).unwrap();
    assert_eq!((log.labels.as_slice(), log.fields.as_slice()), (&[1, 0, 1][..], &[0, 1, 2][..]));
    assert_eq!(
        (log.numeric.as_slice(), histories(&log)[0].as_slice()),
        (&[1.5, 0.0, 0.0][..], &[1, 2][..])
    );
    for (from, to, kind) in [
        ("\"click\": 0", "\"click\": [0]", BadRowKind::WrongType),
        ("\"id\": \"12\"", "\"id\": {\"x\": 1}", BadRowKind::WrongType),
        ("\"click\": 0", "\"click\": 0, \"click\": 1", BadRowKind::WrongType),
        ("\"past\": []", "\"past\": [[1]]", BadRowKind::WrongType),
        ("\"id\": \"12\"", "\"id\": 1e300", BadRowKind::WrongType),
        ("\"id\": \"12\"", "\"id\": \"1\\u0000\"", BadRowKind::WrongType),
        ("\"past\": []", "\"past\": [", BadRowKind::BadJson),
        ("{\"item\"", "7 {\"item\"", BadRowKind::WrongType),
    ] {
        let error = load(&config, &text.replace(from, to)).unwrap_err();
        assert_eq!((error.kind(), error.line()), (Some(kind), Some(2)), "{to}: {error}");
    }
    config.categorical[0] = "item".into();
    config.history[0].field = "item".into();
    let error = load(&config, text).unwrap_err().to_string();
    assert!(error.contains("no column \"item\"") && error.contains("\"item.id\""), "{error}");
}

#[test]
fn reviews_of_any_shop_are_interactions() {
    let text = r#"{"rating": 5.0, "parent_asin": "B0PPA", "user_id": "U1", "timestamp": 1591000111222}
{"rating": 4.0, "parent_asin": "B0PPB", "user_id": "U1", "timestamp": 1591100111222}
{"rating": 1.0, "parent_asin": "B0PPA", "user_id": "U2", "timestamp": 1.5231e+12}
{"rating": 5, "parent_asin": "B0PPC", "user_id": "U2", "timestamp": 1591200111222}
"#;
    let config = interactions::Config {
        user: "user_id".into(),
        item: "parent_asin".into(),
        time: "timestamp".into(),
        time_format: TimeFormat::UnixMilliseconds,
        ..interactions::Config::default()
    };
    for loader in [Loader::Interactions(config), Loader::Amazon(Default::default())] {
        let log = loader.load(text.as_bytes(), None).unwrap();
        let facts = ["events", "users", "items", "span"].map(|name| fact(&log, name));
        assert_eq!(facts, ["4", "2", "3", "2018-04-07 to 2020-06-03"]);
    }
}

#[test]
fn movielens_of_1m_has_colons() {
    let ratings =
        "7::21::3::1501000300\n7::35::1::1501000300\n8::21::2::1501000300\n8::35::1::1501000301\n";
    let movies = b"21::Caf\xe9: the film (1995)::Comedy|War\n35::B (1996)::War\n9::C::War\n";
    let loader = Loader::Movielens(movielens::Config::default());
    let log = loader.load(&[ratings, "8::9::1::1501000302\n"].concat().into_bytes(), Some(movies));
    let log = log.unwrap();
    let facts = ["events", "users", "items", "categories"].map(|name| fact(&log, name));
    assert_eq!(facts, ["5", "2", "3", "2"]);
    // The same as a table, where the columns have to be named.
    let mut config = Config { categorical: vec!["film".into()], ..Config::default() };
    config.label = "stars".into();
    config.positive_when = Some(PositiveWhen::Condition("> 1".into()));
    let error = load(&config, ratings).unwrap_err().to_string();
    assert!(error.contains("delimiter = \"::\"") && error.contains("`columns`"), "{error}");
    config.tables.columns = ["user", "film", "stars", "time"].map(String::from).into();
    let error = load(&config, ratings).unwrap_err().to_string();
    assert!(error.contains("missing_field") && error.contains("delimiter = \"::\""), "{error}");
    config.tables.delimiter = "::".into();
    config.tables.columns = ["user", "film", "stars", "time"].map(String::from).into();
    assert_eq!(load(&config, ratings).unwrap().labels, [1, 0, 1, 0]);
}

#[test]
fn a_file_of_old_macs_is_named_in_a_short_error() {
    let error = load(&table(&[]), &"label,item\r1,a\r".repeat(2000)).unwrap_err().to_string();
    assert!(error.contains("CR alone") && error.len() < 300, "{error}");
    let wide: Vec<String> = (0..2000).map(|n| format!("column{n}")).collect();
    let error = load(&table(&[]), &wide.join(",")).unwrap_err().to_string();
    assert!(error.contains("and 1970 more"), "{error}");
}
