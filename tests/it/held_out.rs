//! Rows that a log holds out itself, and the halves of a holdout without groups.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use straggler::base::Streams;
use straggler::data::{Batch, DataSource, OpenContext, SourceChoice};

/// Rows of `log.csv` and `test.csv`: the label, an id, a number that tells the row, and its day.
fn write_logs(folder: &Path) {
    let rows = |first: usize, count: usize| {
        let mut text = "label,item,row,day\n".to_string();
        for row in first..first + count {
            _ = writeln!(text, "{},i{},{row},{}", row % 2, row % 7, 1 + (row * 5) % 4);
        }
        text
    };
    fs::write(folder.join("log.csv"), rows(0, 40)).unwrap();
    fs::write(folder.join("test.csv"), rows(40, 20)).unwrap();
}

fn open(folder: &Path, settings: &str) -> Arc<dyn DataSource> {
    let text = format!(
        "kind = \"table\"\nfiles = [\"log.csv\"]\ncategorical = [\"item\"]\nnumeric = [\"row\"]\n{settings}"
    );
    let choice: SourceChoice = toml::from_str(&text).unwrap();
    choice.open(&OpenContext::new(folder, Streams::new(1))).unwrap()
}

/// Which rows the examples of days are, and those held out, in order.
fn rows(source: &dyn DataSource) -> [Vec<usize>; 2] {
    let days: Vec<u64> = source.days().iter().flat_map(|day| day.ids()).collect();
    let held: Vec<u64> = source.held_out().collect();
    [days, held].map(|ids| {
        let mut batch = Batch::default();
        source.read(&ids, &mut batch);
        let rows: Vec<usize> = batch.numeric.iter().map(|row| *row as usize).collect();
        // Labels and ids went along with their rows.
        for (at, row) in rows.iter().enumerate() {
            assert_eq!(batch.labels[at], (row % 2) as f32, "row {row}");
        }
        rows
    })
}

#[test]
fn the_rows_of_test_files_are_held_out_and_belong_to_no_day() {
    let folder = tempfile::tempdir().unwrap();
    write_logs(folder.path());
    let source = open(folder.path(), "held_out_files = [\"test.csv\"]\ndays = 4");
    let [days, held] = rows(source.as_ref());
    assert!(days.into_iter().eq(0..40) && held.into_iter().eq(40..60));
    assert_eq!(source.days().len(), 4);
    let by_day = open(folder.path(), "held_out_files = [\"test.csv\"]\nday = \"day\"");
    let [days, held] = rows(by_day.as_ref());
    let day = |row: &usize| (row * 5) % 4;
    assert!(days.is_sorted_by_key(day) && days.iter().all(|row| *row < 40));
    assert!(held.is_sorted_by_key(day) && held.iter().all(|row| *row >= 40));
    assert_eq!(by_day.days().iter().map(|day| day.examples).collect::<Vec<_>>(), [10; 4]);
}

#[test]
fn the_test_rows_do_not_move_the_scale_of_numbers() {
    let folder = tempfile::tempdir().unwrap();
    write_logs(folder.path());
    let numbers = |settings: &str| {
        let source = open(folder.path(), &format!("standardise = true\n{settings}"));
        let mut batch = Batch::default();
        source.read(&(0..40).collect::<Vec<_>>(), &mut batch);
        batch.numeric
    };
    assert_eq!(numbers(""), numbers("held_out_files = [\"test.csv\"]"));
}

#[test]
fn a_share_of_the_rows_is_held_out_whatever_the_order_in_time() {
    let folder = tempfile::tempdir().unwrap();
    write_logs(folder.path());
    let [days, held] = rows(open(folder.path(), "held_out_share = 0.4").as_ref());
    assert!(held.len() > 6 && days.len() > 10 && days.len() + held.len() == 40);
    let [by_day, held_by_day] =
        rows(open(folder.path(), "held_out_share = 0.4\nday = \"day\"").as_ref());
    let sorted = |mut rows: Vec<usize>| {
        rows.sort_unstable();
        rows
    };
    assert_eq!(sorted(by_day), days);
    assert_eq!(sorted(held_by_day), held);
}
