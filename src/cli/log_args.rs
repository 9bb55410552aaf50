//! The arguments of the commands about logs: of examples, and of the steps of real jobs.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Subcommand;

/// The most workers and shards that `whatif` tries.
pub(super) const MOST: u32 = 100_000;

#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Facts about the log of a scenario: rows, days, base rate, bad rows.
    Inspect {
        /// The scenario file.
        scenario: PathBuf,
        /// Settings to change.
        overrides: Vec<String>,
        /// Number of examples to show.
        #[arg(long, value_name = "N", default_value_t = 3)]
        head: usize,
    },
    /// Write the log of a scenario as CSV.
    Gen {
        /// The scenario file.
        scenario: PathBuf,
        /// Settings to change.
        overrides: Vec<String>,
        /// The days to write, such as `1..3`; all when left out.
        #[arg(long, value_name = "DAYS")]
        days: Option<String>,
        /// The file; stdout when left out.
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The form of its rows.
        #[arg(long, value_enum, value_name = "FORM", default_value = "csv")]
        form: LogForm,
        /// Overwrite an existing file.
        #[arg(long)]
        force: bool,
    },
    /// List or clear the logs that are kept on disk, so that their files are not read again.
    Cache {
        /// Only logs with this text in the path of their files or of their folder.
        text: Option<String>,
        /// Remove them.
        #[arg(long)]
        clear: bool,
        /// Read them as a whole and compare them with their checksums.
        #[arg(long, conflicts_with = "clear")]
        verify: bool,
        /// Only those that were not used for so many days.
        #[arg(long, value_name = "DAYS", default_value_t = 0)]
        unused_for: u32,
    },
}

/// The form in which a log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum LogForm {
    /// CSV with a header: the columns of the log.
    Csv,
    /// The columns of the Criteo log: a label, 13 integers, 26 categories.
    Criteo,
}

#[derive(Debug, clap::Args)]
pub(super) struct FitArgs {
    /// The log: CSV with a header, one row per step; may be compressed (`.gz`, `.zst`). Further logs of the
    /// same job at other sizes are fitted together with it.
    #[arg(required = true, value_name = "LOG")]
    pub(super) logs: Vec<PathBuf>,
    /// Write the scenario of the first log to this file, and step times that no law describes
    /// beside it; stdout when left out.
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Overwrite existing files.
    #[arg(long)]
    pub(super) force: bool,
    /// Fit the first half of the log and predict the second.
    #[arg(long, conflicts_with = "predict")]
    pub(super) halves: bool,
    /// Write only the `[cluster]` table, for a scenario that trains a model.
    #[arg(long)]
    pub(super) table: bool,
    /// Cores of the servers, if they are known: from 1, may be a fraction.
    #[arg(long, value_name = "CORES")]
    pub(super) cores: Option<f64>,
    /// Predict the first log's job after changes: `workers=16` (or `x2`), `protocol=synchronous`,
    /// `without=slowest`, `shards=2`, or several with commas between them; may be repeated.
    #[arg(long, value_name = "CHANGES")]
    pub(super) predict: Vec<String>,
    /// Draw throughput and mean staleness against workers as FILE.svg and FILE.png.
    #[arg(long, value_name = "FILE", conflicts_with = "halves")]
    pub(super) picture: Option<PathBuf>,
    /// Give the workers of a class the same mean step time, not each its own.
    #[arg(long)]
    pub(super) pooled: bool,
    #[command(flatten)]
    pub(super) columns: FitColumnArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct FitColumnArgs {
    /// Column with the worker [default: worker]
    #[arg(long, value_name = "COLUMN")]
    pub(super) worker: Option<String>,
    /// Column with the number of the step among its worker's [default: step]
    #[arg(long, value_name = "COLUMN")]
    pub(super) step: Option<String>,
    /// Column with the compute time in seconds, for logs without the end of the pull and the begin
    /// of the push [default: step_s, sleep_s or seconds]
    #[arg(long, value_name = "COLUMN")]
    pub(super) step_time: Option<String>,
    /// Column with the second at which the pull begins [default: t_pull0]
    #[arg(long, value_name = "COLUMN")]
    pub(super) pull_begin: Option<String>,
    /// Column with the second at which the pull ends [default: t_pull1]
    #[arg(long, value_name = "COLUMN")]
    pub(super) pull_end: Option<String>,
    /// Column with the second at which the push begins [default: t_push0]
    #[arg(long, value_name = "COLUMN")]
    pub(super) push_begin: Option<String>,
    /// Column with the second at which the push ends [default: t_push1]
    #[arg(long, value_name = "COLUMN")]
    pub(super) push_end: Option<String>,
    /// Column with the version that was pulled [default: pull_version]
    #[arg(long, value_name = "COLUMN")]
    pub(super) pull_version: Option<String>,
    /// Column with the version after the push [default: push_version]
    #[arg(long, value_name = "COLUMN")]
    pub(super) push_version: Option<String>,
    /// Column with the updates between pull and push [default: staleness]
    #[arg(long, value_name = "COLUMN")]
    pub(super) staleness: Option<String>,
    /// Column with the second at which a step begins, for logs that have only its begin and its
    /// end; the time until a worker's next step is spent at the servers.
    #[arg(long, value_name = "COLUMN", conflicts_with = "pull_end")]
    pub(super) start: Option<String>,
    /// Column with the second at which such a step ends.
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["push_begin", "push_end"])]
    pub(super) end: Option<String>,
    /// Leave out what would spoil the fit, and say what: rows that cannot be right, pauses, the
    /// time in which workers were away; move clocks that disagree with the versions.
    #[arg(long)]
    pub(super) clean: bool,
    /// Fit an asynchronous cluster to a log that looks like one of a synchronous job.
    #[arg(long)]
    pub(super) asynchronous: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct WhatifArgs {
    /// The log: CSV with a header, one row per step, as for `fit`.
    pub(super) log: PathBuf,
    /// So many workers, or so many times as many (`x2`).
    #[arg(long, value_name = "N|xF")]
    pub(super) workers: Option<HowMany>,
    /// A barrier: every round waits for the slowest worker.
    #[arg(long)]
    pub(super) barrier: bool,
    /// Another protocol, such as `stale_synchronous:lead=4` or `softsync:gradients=2`.
    #[arg(long, value_name = "PROTOCOL", conflicts_with = "barrier")]
    pub(super) protocol: Option<String>,
    /// Without this worker of the log, or without the `slowest`.
    #[arg(long, value_name = "WORKER")]
    pub(super) without: Option<String>,
    /// So many shards, or so many times as many (`x2`).
    #[arg(long, value_name = "N|xF")]
    pub(super) shards: Option<HowMany>,
    /// Write the scenario of each row into this folder, to go on with `run`.
    #[arg(short, long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Overwrite existing files.
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) columns: FitColumnArgs,
}

/// A number, or a factor.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum HowMany {
    /// Exactly so many.
    Number(u32),
    /// So many times as many as now.
    Times(f64),
}

impl FromStr for HowMany {
    type Err = String;

    fn from_str(text: &str) -> Result<HowMany, String> {
        let wrong = || format!("write a number from 1 to {MOST}, or a factor such as x2");
        let found = match text.strip_prefix('x') {
            Some(factor) => factor.parse().ok().map(HowMany::Times),
            None => text.parse().ok().map(HowMany::Number),
        };
        found.filter(|found| (1..=MOST).contains(&found.of(1))).ok_or_else(wrong)
    }
}

impl HowMany {
    /// The number, if there are `now` at present.
    pub(super) fn of(self, now: u32) -> u32 {
        match self {
            HowMany::Number(number) => number,
            HowMany::Times(factor) => (f64::from(now) * factor).round() as u32,
        }
    }
}
