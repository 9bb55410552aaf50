//! The real sets: their published counts, and the counts of the task in reference results.

use std::path::Path;

use rustc_hash::FxHashSet;

use super::{context, fact, real_data};
use crate::data::din_task::{Negatives, Repeats, Split, TaskConfig};
use crate::data::interactions::CategoryTable;
use crate::data::stamp::TimeFormat;
use crate::data::{
    Batch, DataSource, IdRows, Log, TableFiles, amazon, avazu, criteo, interactions, movielens,
};

fn facts(log: &Log, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| fact(log, name).to_string()).collect()
}

fn counts(log: &Log) -> Vec<String> {
    facts(log, &["events", "users", "items", "categories", "days with events", "span"])
}

fn examples(log: &Log) -> (u64, u64) {
    let held_out = log.held_out();
    (held_out.start, held_out.end - held_out.start)
}

/// Checks what holds for every log of the task: pairs of a positive and a negative of the same user
/// and history, the negative never touched, days ascending and complete.
fn check_pairs(log: &Log) {
    let ids: Vec<u64> = (0..log.held_out().end).collect();
    let mut batch = Batch::default();
    log.read(&ids, &mut batch);
    let mut touched = FxHashSet::default();
    for row in 0..batch.len() {
        let (user, item) = (batch.fields[row * 3], batch.fields[row * 3 + 1]);
        if batch.labels[row] == 1.0 {
            touched.insert((user, item));
        }
        let (first, end) = (batch.history_offsets[row], batch.history_offsets[row + 1]);
        let events = &batch.history[first as usize * 2..end as usize * 2];
        assert!((1..=50).contains(&(end - first)));
        touched.extend(events.chunks(2).map(|event| (user, event[0])));
    }
    let history = |row: usize| {
        let bounds =
            batch.history_offsets[row] as usize * 2..batch.history_offsets[row + 1] as usize * 2;
        &batch.history[bounds]
    };
    for row in (0..batch.len()).step_by(2) {
        assert_eq!(batch.labels[row..row + 2], [1.0, 0.0]);
        assert_eq!(batch.fields[row * 3], batch.fields[row * 3 + 3]);
        assert_eq!(batch.info[row].day, batch.info[row + 1].day);
        assert_eq!(batch.info[row].group, u64::from(batch.fields[row * 3]));
        assert_eq!(history(row), history(row + 1));
        let negative = (batch.fields[row * 3 + 3], batch.fields[row * 3 + 4]);
        assert!(!touched.contains(&negative), "row {row}: the negative was touched");
    }
    let mut next = 0;
    for day in log.days() {
        assert_eq!(day.first, next);
        next += day.examples;
    }
    assert_eq!(next, log.held_out().start);
    for (column, space) in [(0, 0), (1, 1), (2, 2)] {
        let largest = batch.fields.iter().skip(column).step_by(3).max().unwrap();
        assert!(*largest < log.schema().spaces[space].rows);
    }
}

fn grocery(task: TaskConfig) -> interactions::Config {
    interactions::Config {
        tables: TableFiles {
            files: ["train", "dev", "test"].map(|part| format!("{part}.csv.gz")).to_vec(),
            ..TableFiles::default()
        },
        user: "user_id".into(),
        item: "item_id".into(),
        categories: Some(CategoryTable {
            file: "item_meta.csv.gz".into(),
            item: "item_id".into(),
            category: "i_category".into(),
            separator: None,
        }),
        task,
        ..interactions::Config::default()
    }
}

#[test]
fn grocery_as_rows_and_as_reviews() {
    let Some(data) = real_data("grocery") else {
        return;
    };
    let folder = data.join("amazon_grocery_2014");
    let log = interactions::open(&grocery(TaskConfig::default()), &context(&folder)).unwrap();
    assert_eq!(counts(&log), ["151254", "14681", "8713", "57", "3003", "2000-08-09 to 2014-07-23"]);
    assert_eq!(examples(&log), (243_784, 29_362));
    check_pairs(&log);
    let config = amazon::Config {
        reviews: vec!["derived_Grocery_5core.json.gz".into()],
        metadata: Some("derived_meta_Grocery.json.gz".into()),
        ..amazon::Config::default()
    };
    let reviews = amazon::open(&config, &context(&folder)).unwrap();
    assert_eq!(counts(&reviews), counts(&log));
    assert_eq!(examples(&reviews), examples(&log));
    assert_eq!(fact(&reviews, "metadata: rows read"), "8713");
}

#[test]
fn grocery_by_days_with_popular_negatives() {
    let Some(data) = real_data("grocery by days") else {
        return;
    };
    let folder = data.join("amazon_grocery_2014");
    let task = TaskConfig {
        split: Split::Days,
        negatives: Negatives::Popularity,
        ..TaskConfig::default()
    };
    let log = interactions::open(&grocery(task), &context(&folder)).unwrap();
    assert_eq!(examples(&log), (243_784 + 29_362, 0));
    check_pairs(&log);
}

#[test]
fn musical_instruments() {
    let Some(data) = real_data("musical instruments") else {
        return;
    };
    let config = amazon::Config {
        reviews: vec!["reviews_Musical_Instruments_5.json.gz".into()],
        ..amazon::Config::default()
    };
    let log =
        amazon::open(&config, &context(&data.join("amazon_musical_instruments_2014"))).unwrap();
    assert_eq!(counts(&log), ["10261", "1429", "900", "1", "1570", "2004-09-18 to 2014-07-22"]);
    assert_eq!(fact(&log, "exact duplicates among them"), "0");
    assert_eq!(examples(&log), (14_806, 2_858));
    check_pairs(&log);
}

#[test]
fn the_small_sets_of_2018() {
    let Some(data) = real_data("small sets of 2018") else {
        return;
    };
    for (name, rows, users, items, days, duplicates) in [
        ("Gift_Cards", "2972", "458", "148", "797", "3"),
        ("Magazine_Subscriptions", "2375", "348", "157", "1026", "47"),
        ("All_Beauty", "5269", "991", "85", "883", "1108"),
        ("AMAZON_FASHION", "3176", "406", "31", "344", "111"),
    ] {
        let config = amazon::Config {
            reviews: vec![format!("{name}_5.json.gz")],
            metadata: (name == "Gift_Cards").then(|| "meta_Gift_Cards.json.gz".into()),
            ..amazon::Config::default()
        };
        let log = amazon::open(&config, &context(&data.join("amazon_small_2018"))).unwrap();
        let names = ["events", "users", "items", "days with events", "exact duplicates among them"];
        assert_eq!(facts(&log, &names), [rows, users, items, days, duplicates], "{name}");
        if config.metadata.is_some() {
            assert_eq!(fact(&log, "metadata: rows read"), "1547");
        }
        check_pairs(&log);
    }
}

#[test]
fn movielens_latest_small() {
    let Some(data) = real_data("movielens") else {
        return;
    };
    let config = movielens::Config {
        ratings: "ml-latest-small.zip!ml-latest-small/ratings.csv".into(),
        movies: Some("ml-latest-small.zip!ml-latest-small/movies.csv".into()),
        task: TaskConfig { split: Split::Tail, ..TaskConfig::default() },
        ..movielens::Config::default()
    };
    let log = movielens::open(&config, &context(&data.join("movielens_latest_small"))).unwrap();
    let expected = ["100836", "610", "9724", "19", "4110", "1996-03-29 to 2018-09-24"];
    assert_eq!(counts(&log), expected);
    assert_eq!(examples(&log), (180_816, 19_636));
    assert_eq!(fact(&log, "item file: rows read"), "9742");
    check_pairs(&log);
}

fn retail(files: &[&str], since: &str) -> interactions::Config {
    interactions::Config {
        tables: TableFiles {
            files: files.iter().map(|file| file.to_string()).collect(),
            ..TableFiles::default()
        },
        user: "Customer ID".into(),
        item: "StockCode".into(),
        time: "InvoiceDate".into(),
        time_format: TimeFormat::DateTime,
        keep_when: vec![
            "Customer ID != ''".into(),
            "Quantity > 0".into(),
            // Articles have numbers; postage, fees and similar rows have words.
            "StockCode >= '0'".into(),
            "StockCode < ':'".into(),
            format!("InvoiceDate >= {since}"),
        ],
        task: TaskConfig {
            strict_history: true,
            repeats: Repeats::First,
            split: Split::Days,
            ..TaskConfig::default()
        },
        ..interactions::Config::default()
    }
}

#[test]
fn online_retail_from_csv() {
    let Some(data) = real_data("online retail") else {
        return;
    };
    let folder = data.join("online_retail");
    let config = retail(&["online_retail_II_nodesc.csv.gz"], "2009-01-01");
    let log = interactions::open(&config, &context(&folder)).unwrap();
    assert_eq!(
        facts(&log, &["rows read", "events", "users", "items"]),
        ["1044847", "480978", "5853", "4619"]
    );
    check_pairs(&log);
    let config = retail(&["online_retail_II_nodesc.csv.gz"], "2010-12-01");
    let log = interactions::open(&config, &context(&folder)).unwrap();
    // The reference holds out the last 30 days: 277,116 and 54,200 examples.
    assert_eq!(log.held_out().end, 277_116 + 54_200);
    let last = log.days().last().unwrap().number;
    let late = log.days().iter().filter(|day| day.number + 30 > last);
    assert_eq!(late.map(|day| day.examples).sum::<u64>(), 54_200);
}

#[cfg(feature = "parquet")]
#[test]
fn online_retail_from_parquet() {
    let Some(data) = real_data("online retail, Parquet") else {
        return;
    };
    let folder = data.join("online_retail");
    let config = retail(&["year_2009_2010.parquet"], "2009-01-01");
    let log = interactions::open(&config, &context(&folder)).unwrap();
    assert_eq!(fact(&log, "rows read"), "525461");
    let mut config = retail(&["year_2010_2011.parquet"], "2010-12-01");
    config.user = "CustomerID".into();
    config.keep_when[0] = "CustomerID != ''".into();
    let log = interactions::open(&config, &context(&folder)).unwrap();
    assert_eq!(fact(&log, "rows read"), "541909");
    assert_eq!(log.held_out().end, 277_116 + 54_200);
    check_pairs(&log);
}

#[test]
fn criteo_in_all_its_forms() {
    let Some(data) = real_data("criteo") else {
        return;
    };
    let folder = data.join("criteo_avazu_samples");
    for (file, rows) in [
        ("criteo_train.csv", 7200),
        ("criteo_dev.csv", 409),
        ("criteo_test.csv", 391),
        ("kaggle2014_train.tiny.csv", 1999),
        ("deepctr_criteo_sample.txt", 200),
    ] {
        let config = criteo::Config { files: vec![file.into()], ..criteo::Config::default() };
        let log = criteo::open(&config, &context(&folder)).unwrap();
        assert_eq!(examples(&log), (rows, 0), "{file}");
        assert_eq!((log.days().len(), log.schema().fields.len()), (7, 26));
        assert_eq!(log.schema().numeric.len(), 26);
    }
    let parts = ["train", "dev", "test"].map(|part| format!("criteo_{part}.csv"));
    let config = criteo::Config {
        files: parts.to_vec(),
        ids: IdRows { min_count: 0, hash_rows: 1000 },
        ..criteo::Config::default()
    };
    let log = criteo::open(&config, &context(&folder)).unwrap();
    assert_eq!(fact(&log, "examples"), "8000");
    assert!(fact(&log, "base rate").starts_with("0.21"), "{}", fact(&log, "base rate"));
    assert!(log.schema().spaces.iter().all(|space| space.rows == 1000));
    let mut batch = Batch::default();
    log.read(&[0], &mut batch);
    let ln = |x: f32| x.ln_1p();
    let expected = [ln(1.0), ln(1.0), ln(5.0), 0.0, ln(1382.0)];
    for (value, expected) in batch.numeric.iter().zip(expected) {
        assert!((value - expected).abs() < 1e-6, "{:?}", batch.numeric);
    }
    assert_eq!(batch.numeric[24], 1.0, "I12 is empty in the first row");
}

#[test]
fn avazu_with_and_without_header() {
    let Some(data) = real_data("avazu") else {
        return;
    };
    let folder = data.join("criteo_avazu_samples");
    for (file, rows) in [
        ("avazu_train.csv", 8087),
        ("avazu_dev.csv", 480),
        ("avazu_test.csv", 432),
        ("deepctr_avazu_sample.txt", 100),
    ] {
        let log = open_avazu(&folder, &[file]);
        assert_eq!((examples(&log), log.days().len()), ((rows, 0), 1), "{file}");
    }
    let log = open_avazu(&folder, &["avazu_train.csv", "avazu_dev.csv", "avazu_test.csv"]);
    assert_eq!((fact(&log, "examples"), log.schema().fields.len()), ("8999", 21));
    assert!(fact(&log, "base rate").starts_with("0.1"), "{}", fact(&log, "base rate"));
}

fn open_avazu(folder: &Path, files: &[&str]) -> Log {
    let files = files.iter().map(|file| file.to_string()).collect();
    avazu::open(&avazu::Config { files, ..avazu::Config::default() }, &context(folder)).unwrap()
}

/// AUC on the held-out examples if the score of an example is its item's number of training events.
fn popularity_auc(log: &Log) -> f64 {
    let mut batch = Batch::default();
    log.read(&(0..log.held_out().end).collect::<Vec<u64>>(), &mut batch);
    let mut popularity = vec![0u32; log.schema().spaces[1].rows as usize];
    for row in (0..batch.len()).step_by(2) {
        let (first, end) =
            (batch.history_offsets[row] as usize, batch.history_offsets[row + 1] as usize);
        if end - first == 1 {
            // The user's first event has no example.
            popularity[batch.history[first * 2] as usize] += 1;
        }
        if batch.info[row].day > 0 {
            popularity[batch.fields[row * 3 + 1] as usize] += 1;
        }
    }
    let held_out = log.held_out().start as usize..batch.len();
    let mut scored: Vec<(u32, bool)> = held_out
        .map(|row| (popularity[batch.fields[row * 3 + 1] as usize], batch.labels[row] == 1.0))
        .collect();
    scored.sort_unstable();
    let (mut below, mut won, mut positives) = (0.0, 0.0, 0.0);
    for ties in scored.chunk_by(|a, b| a.0 == b.0) {
        let positive = ties.iter().filter(|score| score.1).count() as f64;
        let negative = ties.len() as f64 - positive;
        won += positive * (below + negative / 2.0);
        below += negative;
        positives += positive;
    }
    won / (below * positives)
}

/// The reference trainer's popularity baseline (mean over seeds, standard deviation 0.0014 at
/// most).
#[test]
fn popularity_scores_as_in_the_reference() {
    let Some(data) = real_data("popularity") else {
        return;
    };
    let folder = data.join("amazon_grocery_2014");
    let uniform = interactions::open(&grocery(TaskConfig::default()), &context(&folder)).unwrap();
    let task = TaskConfig { negatives: Negatives::Popularity, ..TaskConfig::default() };
    let popular = interactions::open(&grocery(task), &context(&folder)).unwrap();
    let config = movielens::Config {
        ratings: "ml-latest-small.zip!ml-latest-small/ratings.csv".into(),
        task: TaskConfig { split: Split::Tail, ..TaskConfig::default() },
        ..movielens::Config::default()
    };
    let films = movielens::open(&config, &context(&data.join("movielens_latest_small"))).unwrap();
    for (log, reference) in [(uniform, 0.6677), (popular, 0.388), (films, 0.7709)] {
        let auc = popularity_auc(&log);
        println!("{auc:.4}, reference {reference}");
        assert!((auc - reference).abs() < 0.006, "{auc:.4} is not {reference}");
    }
}
