//! The commands and their arguments.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::log_args::{DataCommand, FitArgs, WhatifArgs};

use crate::base::ByteSize;
use crate::experiment::SaveEvery;
use crate::experiment::sweep::{SweepPart, TrialSelection};
use crate::scenario::sweep::Seeds;

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
    Demo(DemoArgs),
    /// Print a commented scenario to start from.
    New(NewArgs),
    /// Check a scenario file and estimate what it needs; runs nothing.
    Check(CheckArgs),
    /// Explain a key, a part, a metric, a file of results or an error code; search for any word.
    Explain(ExplainArgs),
    /// Run a scenario; with lists of values or seeds, or from a sweep file, run many trials.
    Run(RunArgs),
    /// Race protocols and remedies against each other: one scenario, the same seeds.
    Race(RaceArgs),
    /// Continue what was interrupted, or show how far it is.
    Resume(ResumeArgs),
    /// Run a finished run once more, and name the first place at which its results differ.
    Verify(VerifyArgs),
    /// Take a restart apart: fork a run and measure the effect of each part of its state.
    #[command(subcommand)]
    Lab(LabCommand),
    /// Write the report of results folders: one HTML file, and the pictures of a run.
    Report(ReportArgs),
    /// Compare results: paired differences, intervals, verdicts; spread over seeds; oscillation.
    Compare(CompareArgs),
    /// Write results for other programs: pandas, polars, R, TensorBoard, Perfetto.
    Export(ExportArgs),
    /// Look at a log, or write a generated one to a file.
    #[command(subcommand)]
    Data(DataCommand),
    /// Fit a cluster to a log of the steps of a real job.
    Fit(Box<FitArgs>),
    /// Ask what a change to a job would do: more workers, a barrier, no straggler, more shards.
    Whatif(Box<WhatifArgs>),
    /// Print the completions of a shell.
    Completions(CompletionsArgs),
    /// Now `run`.
    #[command(hide = true)]
    Sweep(RunArgs),
    /// Now `resume --list`.
    #[command(hide = true)]
    Status(StatusArgs),
    /// Now `explain`.
    #[command(hide = true)]
    List(ListArgs),
    /// Now `export --format perfetto`.
    #[command(hide = true)]
    Trace(TraceArgs),
    /// Now `compare --spread`.
    #[command(hide = true)]
    Spread(SpreadArgs),
    /// Now `compare --oscillation`.
    #[command(hide = true)]
    Spectrum(SpectrumArgs),
}

impl Command {
    /// How its progress is shown, where it has any.
    pub(super) fn progress(&self) -> ProgressBy {
        self.sweeping().map_or(ProgressBy::default(), |sweeping| sweeping.progress)
    }

    /// The same for what comes before a run, its log: as `--quiet` and `--plain` say.
    pub(super) fn progress_of_log(&self) -> ProgressBy {
        let of = |sweeping: &SweepingArgs| sweeping.progress.with(sweeping.quiet, sweeping.plain);
        self.sweeping().map_or(ProgressBy::default(), of)
    }

    fn sweeping(&self) -> Option<&SweepingArgs> {
        match self {
            Command::Run(run) | Command::Sweep(run) => Some(&run.sweeping),
            Command::Resume(resume) => Some(&resume.sweeping),
            Command::Race(race) => Some(&race.sweeping),
            _ => None,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
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
pub(super) struct RunArgs {
    /// A scenario file, a sweep file, or a results folder whose work is done again elsewhere.
    pub(super) file: PathBuf,
    /// Settings (`cluster.workers=100`, or `workers=100` where one key has that name). Several values
    /// make it a sweep: `cluster.workers=1,10,30`, `cluster.workers=1..4`,
    /// `optimizer.learning_rate='log:1e-4..1e-2 x5'`.
    pub(super) overrides: Vec<String>,
    /// The results folder; `results/<name>-<hash>` when left out.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Run it with each of these seeds, as a sweep: `10` for 1 to 10, `5..14`, or `3,7,11`.
    #[arg(long, value_name = "SEEDS")]
    pub(super) seeds: Option<Seeds>,
    /// Print the points of a sweep, with the time, memory and disk that they will need; runs nothing.
    #[arg(long)]
    pub(super) list: bool,
    /// Write no plots of a run.
    #[arg(long)]
    pub(super) no_plots: bool,
    #[command(flatten)]
    pub(super) sweeping: SweepingArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct RaceArgs {
    /// The scenario file.
    pub(super) file: PathBuf,
    /// Contestants, such as `stale_synchronous:lead=8` or `asynchronous+power`, and settings for all,
    /// such as `cluster.workers=30`. Without contestants: asynchronous, synchronous,
    /// stale_synchronous.
    #[arg(value_name = "CONTESTANT|KEY=VALUE")]
    pub(super) overrides: Vec<String>,
    /// The results folder; `results/<name>-<hash>` when left out.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// The seeds of every contestant: `10` for 1 to 10, `5..14`, or `3,7,11` [default: 3]
    #[arg(long, value_name = "SEEDS")]
    pub(super) seeds: Option<Seeds>,
    /// Print the contestants, with the time, memory and disk that they will need; runs nothing.
    #[arg(long)]
    pub(super) list: bool,
    #[command(flatten)]
    pub(super) sweeping: SweepingArgs,
}

/// Experiments that only a simulator can make.
#[derive(Debug, clap::Subcommand)]
pub(super) enum LabCommand {
    /// Fork a run, restart it in every way of a factorial, and say which part causes the drop.
    Restart(LabRestartArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct LabRestartArgs {
    /// The scenario file; its section `[lab]` says what is tried.
    pub(super) scenario: PathBuf,
    /// Settings to change, such as `lab.seeds=3 'lab.factors=["workers","slots"]'`.
    pub(super) overrides: Vec<String>,
    /// The results folder; `results/<name>-lab-<hash>` when left out.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Host threads, one base run on each; results do not depend on their number.
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// A first look: two factors, three seeds and 400 updates at most.
    #[arg(long)]
    pub(super) quick: bool,
    /// Print the arms and the effects that they can show; runs nothing.
    #[arg(long)]
    pub(super) list: bool,
    /// No progress.
    #[arg(short, long)]
    pub(super) quiet: bool,
}

#[derive(Debug, Default, clap::Args)]
pub(super) struct SweepingArgs {
    /// Of a sweep, only points whose settings have this word, such as `workers=10` or `workers=*`; several
    /// must all fit.
    #[arg(long, value_name = "WORD")]
    pub(super) only: Vec<String>,
    /// Of a sweep, only one part of the trials, such as `2/8`: several machines share a sweep.
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<SweepPart>,
    /// Host threads; results do not depend on their number.
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Trials of a sweep at a time; as many as threads when left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,
    /// Memory for all running trials together; most of the free memory when left out.
    #[arg(long, value_name = "SIZE")]
    pub(super) memory: Option<ByteSize>,
    /// How often each run is saved, so that it can be continued: a time (5min), a number of updates
    /// (10000), or never.
    #[arg(long, value_name = "WHEN", default_value = "1min")]
    pub(super) save_every: SaveEvery,
    /// Run even above the limits, and run again what is done.
    #[arg(long)]
    pub(super) force: bool,
    /// Run again the trials of a sweep that blew up or failed.
    #[arg(long)]
    pub(super) retry: bool,
    /// Print the summary of a run, or the state of every point, as JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Only ASCII and lines, no drawing.
    #[arg(long)]
    pub(super) plain: bool,
    /// No progress; the same as `--progress none`.
    #[arg(short, long, conflicts_with = "progress")]
    pub(super) quiet: bool,
    /// How progress is shown on stderr.
    #[arg(long, value_enum, value_name = "HOW", default_value = "auto")]
    pub(super) progress: ProgressBy,
}

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, clap::ValueEnum)]
pub(super) enum ProgressBy {
    /// Redrawn on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// Lines, at growing intervals.
    Plain,
    /// A JSON object per line, for programs.
    Json,
    /// Not at all.
    None,
}

impl ProgressBy {
    /// The choice that `--quiet` and `--plain` give together with this one.
    pub(super) fn with(self, quiet: bool, plain: bool) -> ProgressBy {
        match self {
            _ if quiet => ProgressBy::None,
            ProgressBy::Auto if plain => ProgressBy::Plain,
            other => other,
        }
    }
}

impl SweepingArgs {
    /// The selected trials.
    pub(super) fn selection(&self) -> TrialSelection {
        TrialSelection { only: self.only.clone(), shard: self.shard }
    }

    /// How many of the seeds are planned. For a list the first ones are enough, with which every point
    /// of the selection has a trial.
    pub(super) fn turns(&self, is_list: bool) -> usize {
        if is_list { self.shard.map_or(1, |shard| shard.of) } else { usize::MAX }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    /// The results folder.
    pub(super) folder: PathBuf,
    /// Where the scenario's files are, if they have moved since.
    #[arg(long, value_name = "DIR")]
    pub(super) files: Option<PathBuf>,
    /// Print how far it is, and the figures so far; runs nothing.
    #[arg(long)]
    pub(super) list: bool,
    #[command(flatten)]
    pub(super) sweeping: SweepingArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// The results folder.
    pub(super) folder: PathBuf,
    /// Print it as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// The results folder of a run, or of a trial of a sweep.
    pub(super) folder: PathBuf,
    /// Where the scenario's files are, if they have moved since.
    #[arg(long, value_name = "DIR")]
    pub(super) files: Option<PathBuf>,
    /// Keep the new results in this folder; without it they are thrown away.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Host threads; results do not depend on their number.
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Verify even if the results are of another semantics.
    #[arg(long)]
    pub(super) force: bool,
    /// Only ASCII, no drawing.
    #[arg(long)]
    pub(super) plain: bool,
    /// No progress.
    #[arg(short, long)]
    pub(super) quiet: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The scenario file or sweep file.
    pub(super) scenario: PathBuf,
    /// Settings to change; several values make it a sweep, as for `run`.
    pub(super) overrides: Vec<String>,
    /// Print every value with its origin; of a sweep, what each of its points sets as well. Opens no
    /// log.
    #[arg(long)]
    pub(super) show: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct NewArgs {
    /// Which one; without a name they are listed.
    pub(super) template: Option<String>,
    /// Write to a file that does not exist yet.
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only this kind of part, such as `optimizers`.
    pub(super) what: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// A key (`cluster.workers`), a family (`optimizers`), a part (`adam`), a metric (`staleness`) or an
    /// error code (`E0103`); other words are searched for. An overview when left out.
    pub(super) words: Vec<String>,
    /// Print the whole reference of scenario keys as Markdown.
    #[arg(long)]
    pub(super) reference: bool,
    /// Print the JSON Schema of scenario files, for editors.
    #[arg(long)]
    pub(super) schema: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct TraceArgs {
    /// The results folder.
    pub(super) folder: PathBuf,
    /// Only this part, such as `0s..60s`.
    #[arg(long, value_name = "FROM..TO")]
    pub(super) window: Option<String>,
    /// The file; `trace.json` in the folder when left out.
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Overwrite an existing file that `--out` names.
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    /// A results folder of a run or a sweep; several are shown beside each other.
    #[arg(required = true, value_name = "DIR")]
    pub(super) folders: Vec<PathBuf>,
    /// The file; `report.html` in the folder when left out, `comparison.html` here for several.
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Overwrite an existing file that `--out` names.
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// The results folder of a run, a sweep or a lab.
    pub(super) folder: PathBuf,
    /// What is written.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: ExportFormat,
    /// Only this part of a timeline, such as `0s..60s`.
    #[arg(long, value_name = "FROM..TO")]
    pub(super) window: Option<String>,
    /// The folder that it is written to (`export/FORMAT` in the results folder when left out), or the
    /// file of a timeline (`trace.json` in the results folder).
    #[arg(short, long, value_name = "PATH")]
    pub(super) out: Option<PathBuf>,
    /// Overwrite an existing timeline that `--out` names.
    #[arg(long)]
    pub(super) force: bool,
}

/// The format of exported results.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum ExportFormat {
    /// A CSV file per table.
    Csv,
    /// A Parquet file per table (cargo feature `parquet`).
    Parquet,
    /// A TensorBoard event file per trial.
    Tensorboard,
    /// A file of JSON lines per table.
    Jsonl,
    /// The timeline of a run, for Perfetto or chrome://tracing.
    Perfetto,
}

#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// What to compare: run folders, sweep folders of one point, or points of sweeps, written
    /// `FOLDER@POINT` with its number or label. The first is what the others are compared with. One
    /// sweep alone: all its points.
    #[arg(required = true)]
    pub(super) results: Vec<String>,
    /// The figures, such as `best.auc`, `sim_s` or `time_to(best.auc>=0.73)`.
    #[arg(long, value_name = "METRIC", num_args = 1..)]
    pub(super) metric: Vec<String>,
    /// The point that the others of a sweep are compared with, by number or label [default: 0]
    #[arg(long, value_name = "POINT")]
    pub(super) baseline: Option<String>,
    /// How values of both sides go together.
    #[arg(long, value_enum, value_name = "HOW", default_value = "seed")]
    pub(super) pair: PairBy,
    /// How intervals are made.
    #[arg(long, value_enum, value_name = "HOW", default_value = "t")]
    pub(super) interval: IntervalBy,
    /// Differences up to this size do not matter: a number, or METRIC=NUMBER; may be repeated.
    #[arg(long, value_name = "SIZE")]
    pub(super) practical: Vec<String>,
    /// Fail (exit code 1) if this holds for any difference, as in `best.auc.delta < -0.001` or
    /// `best.auc.verdict == worse`, or cannot be told; may be repeated.
    #[arg(long, value_name = "CONDITION")]
    pub(super) fail_if: Vec<String>,
    /// Print how far apart the trials of each point of a sweep end: standard deviations and their
    /// intervals.
    #[arg(long, conflicts_with_all = ["pareto", "oscillation"])]
    pub(super) spread: bool,
    /// Print whether training loss or quality oscillates with the passes over the data.
    #[arg(long, conflicts_with = "pareto")]
    pub(super) oscillation: bool,
    /// What may oscillate.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "loss", requires = "oscillation")]
    pub(super) of: OfSeries,
    /// Number of passes left out at the beginning, where the loss falls fast.
    #[arg(long, value_name = "PASSES", default_value = "1", value_parser = not_negative, requires = "oscillation")]
    pub(super) skip: f64,
    /// Draw the oscillation as FILE, once ending in .svg and once in .png; the first seven runs or
    /// points.
    #[arg(long, value_name = "FILE", requires = "oscillation")]
    pub(super) plot: Option<PathBuf>,
    /// Print the Pareto front of a sweep instead: time to a quality, best quality, and cost.
    #[arg(long)]
    pub(super) pareto: bool,
    /// The quality to be reached, such as `best.auc>=0.73`; what all finished trials reached when
    /// left out.
    #[arg(long, value_name = "QUALITY", requires = "pareto")]
    pub(super) goal: Option<String>,
    /// Write the points of the Pareto front and the others to this CSV file.
    #[arg(long, value_name = "FILE", requires = "pareto")]
    pub(super) csv: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Compare results even if they are not comparable: other holdouts, other semantics. Overwrite an
    /// existing file of `--csv`.
    #[arg(long)]
    pub(super) force: bool,
}

/// The figure whose spread is shown if none is named.
pub(super) const SPREAD_OF: &str = "last.auc";

#[derive(Debug, clap::Args)]
pub(super) struct SpreadArgs {
    /// The results folder of a sweep.
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
    /// The figure.
    #[arg(long, value_name = "METRIC", default_value = SPREAD_OF)]
    pub(super) metric: String,
    /// The point that the others are compared with, by number or label.
    #[arg(long, value_name = "POINT", default_value = "0")]
    pub(super) baseline: String,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct SpectrumArgs {
    /// Results folders of runs or sweeps; of a sweep, every point.
    #[arg(required = true, value_name = "DIR")]
    pub(super) folders: Vec<PathBuf>,
    /// What may oscillate.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "loss")]
    pub(super) of: OfSeries,
    /// Number of passes left out at the beginning, where the loss falls fast.
    #[arg(long, value_name = "PASSES", default_value = "1", value_parser = not_negative)]
    pub(super) skip: f64,
    /// Draw it as FILE, once ending in .svg and once in .png; the first seven runs or points.
    #[arg(long, value_name = "FILE")]
    pub(super) plot: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A series that may oscillate.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum OfSeries {
    /// The training loss.
    Loss,
    /// AUC on the holdout.
    Auc,
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number >= 0.0 && number.is_finite() => Ok(number),
        _ => Err("write a number that is not negative".to_string()),
    }
}

/// How values of two sides go together.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum PairBy {
    /// Those of the same seed.
    Seed,
    /// Not at all.
    None,
}

/// How intervals are made.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum IntervalBy {
    /// Student's t.
    T,
    /// The bootstrap (BCa).
    Bootstrap,
}
