//! The results of the demonstration, in sentences computed from its own files.

use std::fmt::Write;
use std::path::Path;

use crate::base::noun;
use crate::results::tables::WorkerRow;
use crate::results::{RunResults, Summary};

/// The closing words of `straggler demo`, with three commands to try.
pub(super) fn insight(summary: &Summary, folder: &Path) -> String {
    let mut text = String::from("What you just saw\n");
    let workers = summary.workers;
    if let Some(mean) = summary.staleness.mean {
        let others = workers.saturating_sub(1);
        _ = writeln!(
            text,
            "  On average a gradient was {mean:.2} updates old when it was applied. {others} other {}\n  \
             {} at work meanwhile: every update of theirs makes a gradient in flight one older.",
            noun(others, "worker", "workers"),
            noun(others, "was", "were")
        );
    }
    if let Some(words) = slowest(folder) {
        text.push_str(&words);
    }
    if let (Some(last), Some(bayes)) =
        (summary.last.and_then(|last| last.quality.auc), summary.bayes_auc)
    {
        _ = writeln!(
            text,
            "  The model reached an AUC of {last:.4}; knowing the true click probabilities gives {bayes:.4}."
        );
    }
    text.push_str("\nTry\n");
    let more = workers.saturating_mul(4);
    let tries = [
        (format!("straggler demo cluster.workers={more}"), "more workers: older gradients"),
        ("straggler demo protocol.kind=synchronous".to_string(), "everybody waits for the slowest"),
        ("straggler new quickstart > my.toml".to_string(), "a scenario of your own"),
    ];
    for (command, why) in tries {
        _ = writeln!(text, "  {command:<46}{why}");
    }
    text
}

/// The contribution of the slowest worker.
fn slowest(folder: &Path) -> Option<String> {
    let folder = RunResults::open(folder).ok()?;
    let workers = folder.workers.rows().ok()?;
    let all: u64 = workers.iter().map(|worker| worker.steps).sum();
    let slowdown = |worker: &&WorkerRow| worker.slowdown.unwrap_or(1.0);
    let slow = workers.iter().max_by(|a, b| slowdown(a).total_cmp(&slowdown(b)))?;
    let age = slow.staleness_mean?;
    if slowdown(&slow) < 1.5 || all == 0 {
        return None;
    }
    Some(format!(
        "  Worker {} is {:.0} times slower. Its own gradients were {age:.1} updates old, and it sent {:.1} % of\n  \
         all updates. That hardly moves the average: what counts is how many workers hold a copy.\n",
        slow.worker,
        slowdown(&slow),
        100.0 * slow.steps as f64 / all as f64
    ))
}
