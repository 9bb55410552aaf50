//! Live progress on stderr: one block that is redrawn on a terminal, and elsewhere lines at growing
//! intervals.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say::tell;
use crate::base::{SimSpan, fixed};
use crate::experiment::Trial;
use crate::metrics::Histogram;
use crate::report::terminal::{Glyphs, sparkline};
use crate::sim::{EvaluatedView, Limits, Observer, Progress, Record};

/// Steps of the bar.
const STEPS: u64 = 1000;

/// Watches a run and shows how it goes.
pub(super) struct Live {
    limits: Limits,
    glyphs: Glyphs,
    terminal: bool,
    bar: ProgressBar,
    started: Instant,
    /// When the next line is due: on a terminal five times a second, elsewhere at 10, 20, 40 s...
    next: Duration,
    progress: Progress,
    losses: Vec<f64>,
    aucs: Vec<f64>,
    loss: (f64, u64),
    staleness: Histogram,
}

impl Live {
    pub(super) fn new(trial: &Trial, terminal: bool, glyphs: Glyphs) -> Live {
        let target = match terminal {
            true => ProgressDrawTarget::stderr_with_hz(5),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        let template = "[{bar:30}] {percent:>3} %  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("#>-"));
        }
        #[expect(clippy::disallowed_methods, reason = "progress is shown by the wall clock")]
        let started = Instant::now();
        Live {
            limits: trial.scenario.limits_of(&trial.estimate),
            glyphs,
            terminal,
            bar,
            started,
            next: Duration::from_millis(if terminal { 200 } else { 10_000 }),
            progress: Progress::default(),
            losses: Vec::new(),
            aucs: Vec::new(),
            loss: (0.0, 0),
            staleness: Histogram::default(),
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn tick(&mut self) {
        let elapsed = self.started.elapsed();
        if elapsed < self.next {
            return;
        }
        if self.loss.1 > 0 {
            self.losses.push(self.loss.0 / self.loss.1 as f64);
            self.loss = (0.0, 0);
        }
        let share = self.limits.share(&self.progress);
        if self.terminal {
            self.next = elapsed + Duration::from_millis(200);
            self.bar.set_position((share * STEPS as f64) as u64);
            self.bar.set_message(self.message(share, elapsed, "\n"));
        } else {
            // At growing intervals, up to one minute: a reader of a log still sees that the run
            // continues.
            self.next = elapsed + elapsed.min(Duration::from_secs(60));
            let line = self.message(share, elapsed, "; ");
            tell(&format!("{:3.0} %  {line}\n", share * 100.0));
        }
    }

    fn message(&self, share: f64, elapsed: Duration, between: &str) -> String {
        let seconds = elapsed.as_secs_f64();
        let left = seconds * (1.0 - share) / share.max(1e-9);
        let rate = self.progress.examples as f64 / seconds.max(1e-9);
        let mut parts = vec![format!(
            "update {}, {}, {rate:.0} examples/s",
            self.progress.updates,
            if share > 0.0 {
                format!("{} left", SimSpan::from_seconds(left.min(1e7)))
            } else {
                "starting".to_string()
            }
        )];
        if let Some(loss) = self.losses.last() {
            let line = sparkline(&self.losses, 24, self.glyphs);
            parts.push(format!("  loss        {}  {line}", fixed(*loss, 4)));
        }
        if let Some(auc) = self.aucs.last() {
            parts.push(format!(
                "  AUC         {auc:.4}  {}",
                sparkline(&self.aucs, 24, self.glyphs)
            ));
        }
        if let (Some(mean), Some(p99)) = (self.staleness.mean(), self.staleness.quantile(0.99)) {
            parts.push(format!("  staleness   mean {mean:.1}, p99 {p99}"));
        }
        let now = self.progress.now;
        if now.0 > 0 {
            let speed = now.seconds() / seconds.max(1e-9);
            let decimals = if speed < 10.0 { 2 } else { 0 };
            parts.push(format!(
                "  simulated   {now}, {speed:.decimals$} simulated seconds per second"
            ));
        }
        let parts = parts.iter().map(|part| if self.terminal { part } else { part.trim() });
        parts.collect::<Vec<_>>().join(between)
    }
}

impl Observer for Live {
    fn observe(&mut self, record: &Record<'_>) {
        match record {
            Record::Finished(push) => {
                self.staleness.add(push.staleness_rounded);
                if push.loss.is_finite() {
                    self.loss.0 += push.loss;
                    self.loss.1 += 1;
                }
            }
            Record::Updated { progress, .. } => {
                self.progress = **progress;
                // The clock is read only now and then: an update can take less time than reading
                // it.
                if progress.updates.is_multiple_of(16) {
                    self.tick();
                }
            }
            Record::Evaluated { view: EvaluatedView::Server, quality, .. } => {
                self.aucs.extend(quality.auc);
                self.tick();
            }
            _ => {}
        }
    }
}
