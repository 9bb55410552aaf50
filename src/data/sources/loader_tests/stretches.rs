//! Rows that are taken together, column by column, give the same log as rows taken one by one.

use proptest::prelude::*;

use super::Loader;
use crate::data::stamp::TimeFormat;
use crate::data::tabular::{Config, Missing};
use crate::data::{BadRowKind, BadRows, DataError, Log};

/// Rows of all kinds, mostly sound ones; a number replaces `#`.
const ROWS: &[&str] = &[
    "1,3,u#,i1,2.5,9",
    "0,3,u#,i1,2.5,9",
    "1,#,u,i#,,9",
    "0,4,,longer than eight #,-1e3,9",
    "1,4,u#,longer than sixteen bytes #,#,9",
    "0,04,u,i,#.25,9\r",
    "0,4,\"u#\",\"i\",\"3\",9",
    "0,4,\"u, #\",i,3,9",
    "1,4,caf\u{e9},i,3,9",
    "",
    "1,4,u,i,3",
    "yes,4,u,i,3,9",
    "1,noon,u,i,3,9",
    "1,4,u,i,cheap,9",
    "1,4,u,i,3,",
    "1,4,\"u,i,3,9",
];

/// The first rows, which are sound and plain.
const PLAIN: usize = 6;

fn config() -> Config {
    Config {
        time: Some("time".into()),
        time_format: TimeFormat::Day,
        group: Some("group".into()),
        categorical: vec!["user".into(), "item".into()],
        numeric: vec!["price".into()],
        missing: Missing::Flag,
        ..Config::default()
    }
}

/// All parts of a log from which its examples are read, or the error and its line.
fn outcome(result: Result<Log, DataError>) -> Result<String, (Option<BadRowKind>, Option<u64>)> {
    match result {
        Ok(mut log) => {
            // Only one of the two has a condition.
            log.remarks.retain(|remark| remark.key != "data.keep_when");
            Ok(format!("{log:?}"))
        }
        Err(error) => Err((error.kind(), error.line())),
    }
}

proptest! {
    #[test]
    fn the_log_is_that_of_rows_taken_one_by_one(
        rows in prop::collection::vec(
            (prop_oneof![40 => 0..PLAIN, 1 => 0..ROWS.len()], 0u32..50), 0..900),
        last: bool,
    ) {
        let mut text = String::from("label,time,user,item,price,group");
        for (row, number) in rows {
            text.push('\n');
            text.push_str(&ROWS[row].replace('#', &number.to_string()));
        }
        text.push_str(if last { "\n" } else { "" });
        let skip = || Config { bad_rows: BadRows::skip(1000), ..config() };
        for together in [config(), skip()] {
            // A condition is evaluated row by row; every label fulfils this one.
            let keep_when = vec!["label != 'none'".to_string()];
            let apart = Config { keep_when, ..together.clone() };
            let load = |config| outcome(Loader::Table(config).load(text.as_bytes(), None));
            prop_assert_eq!(load(together), load(apart));
        }
    }
}
