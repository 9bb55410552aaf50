//! Mutated files: no loader panics, row errors have a line of the file, all rows are counted.

use std::io::Write;

use rand::RngExt;

use super::Loader;
use crate::base::{Purpose, Rng, Streams};
use crate::data::din_task::{Negatives, Split, TaskConfig};
use crate::data::stamp::TimeFormat;
use crate::data::tabular::{HistoryConfig, ImpressionsConfig, Missing};
use crate::data::{
    BadRows, Batch, DataError, DataSource, IdRows, amazon, avazu, criteo, interactions, libffm,
    libsvm, movielens, tabular,
};

/// Mutated files per loader.
const MUTATIONS: u64 = 30_000;

/// A loader, a small sound file, and a file of items if the loader has one.
struct Case {
    loader: Loader,
    file: Vec<u8>,
    items: Option<Vec<u8>>,
}

/// Text that often breaks readers.
const TOKENS: &[&[u8]] = &[
    b"\"",
    b"'",
    b"\n",
    b"\r\n",
    b"\0",
    b",",
    b"\t",
    b"|",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"-",
    b"NaN",
    b"inf",
    b"1e999",
    b"-1",
    b"99999999999999999999",
    b"-9223372036854775808",
    b"null",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xc3\xa9",
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"\\ud800",
    b"",
];

fn mutate(file: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut file = file.to_vec();
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..=file.len());
        let end = (at + rng.random_range(0..12usize)).min(file.len());
        match rng.random_range(0..6) {
            0 => file.truncate(at),
            1 => drop(file.drain(at..end)),
            2 => {
                let part = file[at..end].to_vec();
                let to = rng.random_range(0..=file.len());
                file.splice(to..to, part);
            }
            3 if at < file.len() => file[at] ^= 1 << rng.random_range(0..8),
            4 if at < file.len() => file[at] = rng.random(),
            _ => {
                let token = TOKENS[rng.random_range(0..TOKENS.len())];
                file.splice(at..end, token.iter().copied());
            }
        }
    }
    file
}

/// Names the mutation that broke a loader, if the test panics.
struct Witness<'a>(&'a str, u64, &'a [u8]);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} mutation {}: {:?}", self.0, self.1, String::from_utf8_lossy(self.2));
        }
    }
}

fn fuzz(name: &str, case: &Case, mutations: u64) {
    case.loader.load(&case.file, case.items.as_deref()).expect("the file is sound before mutation");
    let (mut loaded, mut refused, mut batch) = (0u64, 0u64, Batch::default());
    for mutation in 0..mutations {
        let mut rng = Streams::new(41).rng(Purpose::Custom, name.len() as u64, mutation);
        let in_items = case.items.is_some() && mutation % 4 == 0;
        let original = if in_items { case.items.as_deref().unwrap_or(&[]) } else { &case.file };
        let mutated = mutate(original, &mut rng);
        let _witness = Witness(name, mutation, &mutated);
        let (file, items) = match in_items {
            true => (case.file.as_slice(), Some(mutated.as_slice())),
            false => (mutated.as_slice(), case.items.as_deref()),
        };
        match case.loader.load(file, items) {
            Ok(log) => {
                let ids: Vec<u64> = (0..log.held_out().end).rev().collect();
                log.read(&ids, &mut batch);
                assert_eq!(batch.len(), ids.len());
                loaded += 1;
            }
            Err(error) => {
                check_line(&error, &mutated);
                refused += 1;
            }
        }
    }
    assert!(loaded > mutations / 100 && refused > mutations / 100, "{name}: {loaded}, {refused}");
}

fn check_line(error: &DataError, file: &[u8]) {
    let lines = file.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    assert!(!error.to_string().is_empty());
    match (error, error.line()) {
        (DataError::Empty { .. } | DataError::Read { .. } | DataError::Format { .. }, _) => {}
        (_, Some(line)) => assert!((1..=lines).contains(&line), "{error}: {lines} lines"),
        (_, None) => panic!("no line: {error}"),
    }
}

fn text(rows: &[&str]) -> Vec<u8> {
    rows.join("\n").into_bytes()
}

#[test]
fn mutated_tables() {
    let config = tabular::Config {
        time: Some("time".into()),
        time_format: TimeFormat::DateTime,
        group: Some("user".into()),
        categorical: vec!["user".into(), "item".into()],
        numeric: vec!["price".into()],
        standardise: true,
        missing: Missing::Flag,
        ids: IdRows { min_count: 2, hash_rows: 0 },
        history: vec![HistoryConfig {
            column: "past".into(),
            field: "item".into(),
            ..HistoryConfig::default()
        }],
        keep_when: vec!["price < 100".into()],
        ..tabular::Config::default()
    };
    let file = text(&[
        "label,time,user,item,price,past",
        "1,2010-12-01 08:26:00,u,\"a, \"\"b\"\"\",2.5,a|b|c",
        "0,2010-12-02T09:00:00.125,v,\"two\nlines\",-1e3,",
        "0,2010-12-02,w,b,0,c|c",
        "",
    ]);
    let case = Case { loader: Loader::Table(config.clone()), file, items: None };
    fuzz("table", &case, MUTATIONS);
    let skipping = tabular::Config { bad_rows: BadRows::skip(2), ..config };
    fuzz("table, skipping", &Case { loader: Loader::Table(skipping), ..case }, MUTATIONS);
}

#[test]
fn mutated_interactions() {
    let config = interactions::Config {
        categories: Some(interactions::CategoryTable {
            separator: Some('|'),
            ..Default::default()
        }),
        task: TaskConfig {
            split: Split::Tail,
            negatives: Negatives::Popularity,
            strict_history: true,
            ..TaskConfig::default()
        },
        ..interactions::Config::default()
    };
    let file =
        text(&["user,item,time", "1,a,10", "1,b,20", "2,c,20", "2,d,30.5", "1,e,-5", "3,c,7", ""]);
    let items = text(&["item,category", "a,x|y", "b,\"x, z\"", "c,y", ""]);
    let case = Case { loader: Loader::Interactions(config), file, items: Some(items) };
    fuzz("interactions", &case, MUTATIONS);
}

#[test]
fn mutated_json_lines() {
    let config = tabular::Config {
        label: "click".into(),
        categorical: vec!["item.id".into()],
        numeric: vec!["price".into()],
        missing: Missing::Zero,
        history: vec![HistoryConfig {
            column: "past".into(),
            field: "item.id".into(),
            padding: Some("0".into()),
            ..HistoryConfig::default()
        }],
        ..tabular::Config::default()
    };
    let file = text(&[
        r#"{"click": 1, "item": {"id": "a", "x": [1]}, "price": 2.5, "past": ["a", 0, 7]}"#,
        r#"{"click": 0, "item": {"id": 7}, "price": null, "past": []}"#,
        r#"{"click": 1, "item": {"id": "b\u00e9"}, "past": [1.0]}"#,
    ]);
    fuzz("json", &Case { loader: Loader::Table(config), file, items: None }, MUTATIONS);
}

#[test]
fn mutated_reviews() {
    let review = |user: &str, item: &str, time: u32| {
        format!(
            "{{\"reviewerID\": \"{user}\", \"asin\": \"{item}\", \"helpful\": [0, 1], \"unixReviewTime\": {time}}}"
        )
    };
    let rows =
        [review("u", "a", 1), review("u", "b\\u00e9", 2), review("v", "c", 2), review("v", "d", 9)];
    let file = rows.join("\r\n").into_bytes();
    let items = text(&[
        "{'asin': 'a', 'price': 1.5, 'new': True, 'categories': [['X', \"Y's\"], ['\\x41']]}",
        "{\"asin\": \"c\", \"category\": [\"X\", \"Z\"]}",
    ]);
    let case = Case { loader: Loader::Amazon(amazon::Config::default()), file, items: Some(items) };
    fuzz("amazon", &case, MUTATIONS);
}

#[test]
fn mutated_movielens() {
    let loader = Loader::Movielens(movielens::Config::default());
    let flags = "|0".repeat(18);
    let case = Case {
        loader: loader.clone(),
        file: text(&["1\t10\t3\t100", "1\t11\t3\t200", "2\t12\t5\t300", "2\t13\t1\t400", ""]),
        items: Some(text(&[&format!("10|T|d||u{flags}|1"), &format!("11|T|d||u|1{flags}"), ""])),
    };
    fuzz("u.data", &case, MUTATIONS / 2);
    let case = Case {
        loader: loader.clone(),
        file: text(&["1::10::3::100", "1::11::3::200", "2::12::5::300", "2::13::1::400", ""]),
        items: Some(text(&["10::T::War|Comedy", "11::U: V::War", ""])),
    };
    fuzz("ratings.dat", &case, MUTATIONS / 2);
    let case = Case {
        loader,
        file: text(&[
            "userId,movieId,rating,timestamp\r",
            "1,10,4.0,100\r",
            "1,11,3.5,90\r",
            "2,12,1,5\r",
            "2,9,1,6\r",
        ]),
        items: Some(text(&["movieId,title,genres\r", "10,\"A, The\",Comedy|War\r", "11,B,War\r"])),
    };
    fuzz("ratings.csv", &case, MUTATIONS / 2);
}

#[test]
fn mutated_click_logs() {
    let criteo_row = |label: u32, number: &str, id: &str| {
        format!("{label}{}{}", format!("\t{number}").repeat(13), format!("\t{id}").repeat(26))
    };
    let rows = [criteo_row(0, "1", "68fd1e64"), criteo_row(1, "", ""), criteo_row(1, "-2", "a")];
    let loader = Loader::Criteo(criteo::Config {
        ids: IdRows { min_count: 0, hash_rows: 5 },
        ..criteo::Config::default()
    });
    fuzz("criteo", &Case { loader, file: rows.join("\n").into_bytes(), items: None }, MUTATIONS);
    let avazu_row =
        |click: u32, hour: &str| format!("100,{click},{hour}{}", ",1fbe01fe".repeat(21));
    let rows = [avazu_row(0, "14102100"), avazu_row(1, "14102101"), avazu_row(1, "14102200")];
    let loader = Loader::Avazu(avazu::Config::default());
    fuzz("avazu", &Case { loader, file: rows.join("\n").into_bytes(), items: None }, MUTATIONS);
}

#[test]
fn mutated_sparse_rows() {
    let loader =
        Loader::Libffm(libffm::Config { fields: 3, numeric: vec![1], ..libffm::Config::default() });
    let file = text(&["1 0:17:1 1:2:0.25 2:9:1", "0 2:9:1 0:5:1", "# end", "-1"]);
    fuzz("libffm", &Case { loader, file, items: None }, MUTATIONS / 2);
    let loader = Loader::Libsvm(libsvm::Config {
        features: 4,
        standardise: true,
        ..libsvm::Config::default()
    });
    let file = text(&["+1 1:0.5 3:2 # a comment", "-1 2:1", "1 qid:7 3:-1e0 4:1"]);
    fuzz("libsvm", &Case { loader, file, items: None }, MUTATIONS / 2);
}

#[test]
fn mutated_impressions() {
    let config = tabular::Config {
        categorical: vec!["user".into()],
        impressions: Some(ImpressionsConfig {
            column: "shown".into(),
            ..ImpressionsConfig::default()
        }),
        history: vec![HistoryConfig {
            column: "past".into(),
            field: "item".into(),
            brackets: true,
            ..HistoryConfig::default()
        }],
        ..tabular::Config::default()
    };
    let file = text(&[
        "user,past,shown",
        "u,\"['a', 'b']\",N1-0 N2-1",
        "v,[], N3-1",
        "w,\"[a, 'c d' ]\",N1-0  N9-0",
    ]);
    fuzz("impressions", &Case { loader: Loader::Table(config), file, items: None }, MUTATIONS / 2);
}

#[test]
fn mutated_compressed_files() {
    let rows = b"user,item,time\n1,a,10\n1,b,20\n2,c,20\n2,d,30\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(rows).unwrap();
    let loader = Loader::Interactions(interactions::Config::default());
    for (name, file) in
        [("gzip", gzip.finish().unwrap()), ("zstd", zstd::encode_all(&rows[..], 1).unwrap())]
    {
        let mut batch = Batch::default();
        for mutation in 0..MUTATIONS / 6 {
            let mut rng = Streams::new(43).rng(Purpose::Custom, 0, mutation);
            let mutated = mutate(&file, &mut rng);
            let _witness = Witness(name, mutation, &mutated);
            if let Ok(log) = loader.load(&mutated, None) {
                log.read(&[0], &mut batch);
            }
        }
    }
}
