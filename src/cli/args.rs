//! What may be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Simulates asynchronous parameter-server training in virtual time, with true gradients.
#[derive(Debug, Parser)]
#[command(name = "straggler", version, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a built-in example: no data, no configuration, a few seconds.
    Demo(Demo),
    /// Run a scenario file and write its results folder.
    Run(Run),
    /// Check a scenario file and estimate what it needs; runs nothing.
    Check(Check),
    /// Print a commented scenario to start from.
    New(New),
    /// List every part that a scenario can choose.
    List(List),
    /// Explain a key of the scenario, a metric, or an error code.
    Explain(Explain),
    /// Look at a log, or write a generated one to a file.
    #[command(subcommand)]
    Data(Data),
    /// Fit a cluster to a log of the steps of a real job.
    Fit(Box<Fit>),
    /// Write the timeline of a results folder for Perfetto or chrome://tracing.
    Trace(Trace),
    /// Write the report of results folders: one HTML file, and the pictures of a run.
    Report(Report),
}

#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Settings to change, such as `cluster.workers=32`.
    pub(super) overrides: Vec<String>,
    /// Where the results go.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Host threads; results do not depend on their number.
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// The scenario file.
    pub(super) scenario: PathBuf,
    /// Settings to change, such as `cluster.workers=100 optimizer.learning_rate=3e-4`.
    pub(super) overrides: Vec<String>,
    /// The results folder; `results/<name>-<hash>` when left out.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Host threads; results do not depend on their number.
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Run above the limits, and again if the folder is done already.
    #[arg(long)]
    pub(super) force: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Only ASCII, no drawing.
    #[arg(long)]
    pub(super) plain: bool,
    /// No progress.
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Write no plots.
    #[arg(long)]
    pub(super) no_plots: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The scenario file.
    pub(super) scenario: PathBuf,
    /// Settings to change.
    pub(super) overrides: Vec<String>,
    /// Print every value with its origin.
    #[arg(long)]
    pub(super) show: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct New {
    /// Which one; without a name they are listed.
    pub(super) template: Option<String>,
    /// Write to a file that does not exist yet.
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only this kind of part, such as `optimizers`.
    pub(super) what: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// A key (`cluster.workers`), a metric (`staleness`) or an error code (`E0103`); the top level
    /// when left out.
    pub(super) key: Option<String>,
    /// Print the whole reference of scenario keys as Markdown.
    #[arg(long)]
    pub(super) reference: bool,
    /// Print the JSON Schema of scenario files, for editors.
    #[arg(long)]
    pub(super) schema: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Data {
    /// Facts about the log of a scenario: rows, days, base rate, bad rows.
    Inspect {
        /// The scenario file.
        scenario: PathBuf,
        /// Settings to change.
        overrides: Vec<String>,
        /// Show so many examples.
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
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Fit {
    /// The log: CSV with a header, one row per step; may be compressed (`.gz`).
    pub(super) log: PathBuf,
    /// Write the `[cluster]` table to this file, and step times that no law describes beside it;
    /// stdout when left out.
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Fit the first half of the log and predict the second.
    #[arg(long)]
    pub(super) halves: bool,
    /// Give the workers of a class the same mean step time, not each its own.
    #[arg(long)]
    pub(super) pooled: bool,
    #[command(flatten)]
    pub(super) columns: FitColumns,
}

#[derive(Debug, clap::Args)]
pub(super) struct FitColumns {
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
}

#[derive(Debug, clap::Args)]
pub(super) struct Trace {
    /// The results folder.
    pub(super) folder: PathBuf,
    /// Only this part, such as `0s..60s`.
    #[arg(long, value_name = "FROM..TO")]
    pub(super) window: Option<String>,
    /// The file; `trace.json` in the folder when left out.
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Report {
    /// A results folder of a run or a sweep; several are shown beside each other.
    #[arg(required = true, value_name = "DIR")]
    pub(super) folders: Vec<PathBuf>,
    /// The file; `report.html` in the folder when left out, `comparison.html` here for several.
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}
