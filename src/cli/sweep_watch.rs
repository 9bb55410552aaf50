//! Live progress of a sweep: a bar for the whole, and a line for each running trial.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say::tell;
use crate::base::text::printable_lines;
use crate::base::{noun, printable};
use crate::experiment::Trial;
use crate::experiment::sweep::{Ended, PlannedTrial, SweepWatcher};
use crate::sim::{EvaluatedView, Limits, NoObserver, Observer, Progress, Record};

/// Steps of a bar.
const STEPS: u64 = 1000;

/// Prints only where trials continue.
pub(super) struct Quiet;

impl SweepWatcher for Quiet {
    fn begins<'a>(&'a self, _: &PlannedTrial, _: &Trial) -> Box<dyn Observer + 'a> {
        Box::new(NoObserver)
    }

    fn says(&self, planned: &PlannedTrial, text: &str) {
        tell(&said(planned, text));
    }

    fn ended(&self, _: &PlannedTrial, _: &Ended) {}
}

/// Bars on a terminal, elsewhere a line whenever a trial has ended.
pub(super) struct SweepWatch {
    terminal: bool,
    bars: MultiProgress,
    all: ProgressBar,
    trials: usize,
    ended: AtomicUsize,
    failed: AtomicUsize,
    started: Instant,
}

impl SweepWatch {
    pub(super) fn new(trials: usize, terminal: bool) -> SweepWatch {
        let target = match terminal {
            true => ProgressDrawTarget::stderr_with_hz(5),
            false => ProgressDrawTarget::hidden(),
        };
        let bars = MultiProgress::with_draw_target(target);
        let all = bars.add(ProgressBar::new(trials as u64));
        let noun = noun(trials, "trial", "trials");
        let line = format!(
            "[{{bar:30}}] {{pos}} of {{len}} {noun}{{msg}}, {{elapsed}} so far, {{eta}} left"
        );
        style(&all, &line);
        #[expect(clippy::disallowed_methods, reason = "progress is shown by the wall clock")]
        let started = Instant::now();
        let (ended, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        SweepWatch { terminal, bars, all, trials, ended, failed, started }
    }
}

impl Drop for SweepWatch {
    fn drop(&mut self) {
        self.all.finish_and_clear();
    }
}

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("#>-"));
    }
}

impl SweepWatcher for SweepWatch {
    fn begins<'a>(&'a self, planned: &PlannedTrial, trial: &Trial) -> Box<dyn Observer + 'a> {
        let bar = self.bars.add(ProgressBar::new(STEPS));
        style(&bar, "  [{bar:28}] {prefix}  {msg}");
        bar.set_prefix(printable(&title(planned)));
        let limits = trial.scenario.limits_of(&trial.estimate);
        #[expect(clippy::disallowed_methods, reason = "progress is shown by the wall clock")]
        let shown = Instant::now();
        Box::new(TrialBar { bar, limits, shown })
    }

    fn says(&self, planned: &PlannedTrial, text: &str) {
        match self.terminal {
            // The line is printed above the bars. If this fails, the failure cannot be shown
            // either.
            true => drop(self.bars.println(printable_lines(said(planned, text).trim_end()))),
            false => tell(&said(planned, text)),
        }
    }

    fn ended(&self, planned: &PlannedTrial, ended: &Ended) {
        let ended_now = 1 + self.ended.fetch_add(1, Ordering::Relaxed);
        let how = match ended {
            Ended::Done(summary) => match summary.best.as_ref().and_then(|best| best.quality.auc) {
                Some(auc) => format!("AUC {auc:.4}"),
                None => format!("{:.0} examples/s", summary.examples_per_sim_s.unwrap_or(0.0)),
            },
            // Nothing new to report.
            Ended::Already | Ended::Interrupted => {
                self.all.inc(1);
                return;
            }
            Ended::Failed(reason) | Ended::Panicked(reason) => first_line(reason),
            Ended::Refused(error) => first_line(&error.to_string()),
            Ended::Elsewhere => "another process is running it".to_string(),
        };
        if matches!(ended, Ended::Failed(_) | Ended::Panicked(_) | Ended::Refused(_)) {
            let failed = 1 + self.failed.fetch_add(1, Ordering::Relaxed);
            self.all.set_message(format!(" ({failed} failed)"));
        }
        self.all.inc(1);
        if !self.terminal {
            let seconds = self.started.elapsed().as_secs();
            let (all, title) = (self.trials, title(planned));
            tell(&format!("{seconds:>5} s  {ended_now} of {all}  {title}  {how}\n"));
        }
    }
}

fn title(planned: &PlannedTrial) -> String {
    let planned = &planned.planned;
    let label =
        if planned.label.is_empty() { String::new() } else { format!("{} ", planned.label) };
    format!("{}  {label}seed={}", planned.trial, planned.seed)
}

/// A message of a trial, as a line.
fn said(planned: &PlannedTrial, text: &str) -> String {
    format!("{}  {text}\n", planned.planned.trial)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("").to_string()
}

/// The line of one trial.
struct TrialBar {
    bar: ProgressBar,
    limits: Limits,
    shown: Instant,
}

impl TrialBar {
    fn show(&mut self, progress: &Progress) {
        if self.shown.elapsed() >= Duration::from_millis(200) {
            #[expect(clippy::disallowed_methods, reason = "progress is shown by the wall clock")]
            let now = Instant::now();
            self.shown = now;
            self.bar.set_position((self.limits.share(progress) * STEPS as f64) as u64);
        }
    }
}

impl Observer for TrialBar {
    fn observe(&mut self, record: &Record<'_>) {
        match record {
            // The clock is read only now and then: an update can take less time than reading it.
            Record::Updated { progress, .. } if progress.updates.is_multiple_of(16) => {
                self.show(progress);
            }
            Record::Evaluated { view: EvaluatedView::Server, quality, .. } => {
                let auc = quality.auc.map_or(String::new(), |auc| format!("AUC {auc:.4}"));
                self.bar.set_message(auc);
            }
            _ => {}
        }
    }
}

impl Drop for TrialBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
