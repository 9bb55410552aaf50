//! The results of the demonstration, in sentences computed from its own files.

use std::fmt::Write;
use std::path::Path;

use crate::base::shell_word;
use crate::base::significant::brief;
use crate::report::figure::number::{figure, percent};
use crate::report::terminal::{Align, TextTable};
use crate::report::words;
use crate::results::tables::WorkerRow;
use crate::results::{RunResults, Summary};

/// Widest line of a sentence.
const WIDTH: usize = 100;
/// More workers than this are no longer suggested.
const MANY: u32 = 100;

/// The closing words of `straggler demo`, with commands to try. `arguments` are those that it was
/// given, `plain` is the summary of the demo without any, and `rate` is the learning rate.
pub(super) fn insight(
    summary: &Summary,
    folder: &Path,
    arguments: &[String],
    plain: Option<&Summary>,
    rate: f64,
) -> String {
    let mut text = String::from("What you just saw\n");
    let sentences = [
        summary.broken.as_ref().map(ToString::to_string),
        words::staleness(summary),
        slowest(folder),
        attainable(summary),
    ];
    for sentence in sentences.into_iter().flatten() {
        text.push_str(&folded(&sentence));
    }
    if let Some(plain) = plain {
        text.push_str("\nBeside the demo as it is\n");
        text.push_str(&beside(plain, summary));
    }
    text.push_str("\nTry\n");
    for (command, why) in tries(summary, arguments, rate) {
        _ = writeln!(text, "  {command:<62}  {why}");
    }
    text
}

/// A sentence in lines that are not too long.
fn folded(sentence: &str) -> String {
    let mut text = String::new();
    let mut length = 0;
    for word in sentence.split(' ') {
        let more = word.chars().count() + 1;
        let is_first = length == 0;
        if is_first || length + more > WIDTH {
            text.push_str(if is_first { "  " } else { "\n  " });
            length = 1 + more;
        } else {
            text.push(' ');
            length += more;
        }
        text.push_str(word);
    }
    text.push('\n');
    text
}

fn attainable(summary: &Summary) -> Option<String> {
    let last = words::auc(&summary.last?.quality)?;
    let bayes = summary.bayes_auc?;
    Some(format!(
        "The model ended at an AUC of {last} ({}); knowing the true click probabilities gives {bayes:.3}.",
        words::ERROR
    ))
}

/// What a changed setting changed.
fn beside(plain: &Summary, now: &Summary) -> String {
    let mut table = TextTable::new(&[Align::Left, Align::Right, Align::Right]);
    table.row(["", "as it is", "now"]);
    let auc = |summary: &Summary| {
        let quality = summary.last.map(|last| last.quality);
        quality.as_ref().and_then(words::auc).unwrap_or_else(|| "-".into())
    };
    let mut row = |name: &str, of: &dyn Fn(&Summary) -> String| {
        table.row([name.to_string(), of(plain), of(now)]);
    };
    row("updates", &|summary| summary.updates.to_string());
    row("mean staleness", &|summary| figure(summary.staleness.mean));
    row("examples per simulated second", &|summary| figure(summary.examples_per_sim_s));
    row("AUC at the end", &auc);
    table.render()
}

/// Commands that change one thing, and not to what it is already.
fn tries(summary: &Summary, arguments: &[String], rate: f64) -> Vec<(String, &'static str)> {
    let workers = summary.workers;
    let mut tries = Vec::new();
    if summary.broken.is_some() {
        let same = |argument: &&String| !argument.starts_with("optimizer.learning_rate");
        let kept: String =
            arguments.iter().filter(same).map(|kept| format!(" {}", shell_word(kept))).collect();
        let rate = brief(rate / 10.0);
        let command = format!("straggler demo{kept} optimizer.learning_rate={rate}");
        tries.push((command, "the same with a tenth of the learning rate"));
    }
    if workers < MANY {
        let more = workers.saturating_mul(4);
        tries.push((
            format!("straggler demo cluster.workers={more}"),
            "more workers: older gradients",
        ));
    }
    let (other, why) = match summary.protocol.as_str() {
        "synchronous" => ("asynchronous", "no worker waits for another one"),
        _ => ("synchronous", "all workers wait for the slowest"),
    };
    if workers > 1 {
        tries.push((format!("straggler demo protocol.kind={other}"), why));
    }
    tries.push(("straggler new quickstart > my.toml".to_string(), "a scenario of your own"));
    tries
}

/// The contribution of the slowest worker.
fn slowest(folder: &Path) -> Option<String> {
    let folder = RunResults::open(folder).ok()?;
    let workers = folder.workers.rows().ok()?;
    let all: u64 = workers.iter().map(|worker| worker.steps).sum();
    let slowdown = |worker: &&WorkerRow| worker.slowdown.unwrap_or(1.0);
    let slow = workers.iter().max_by(|a, b| slowdown(a).total_cmp(&slowdown(b)))?;
    let age = slow.staleness_mean?;
    if slowdown(&slow) < 1.5 || all == 0 || workers.len() < 2 {
        return None;
    }
    Some(format!(
        "Worker {} is {:.0} times slower. Its own gradients were {} updates old on average, and it sent {} of \
         all pushes; an equal share would be {}.",
        slow.worker,
        slowdown(&slow),
        figure(age),
        percent(slow.steps as f64 / all as f64),
        percent(1.0 / workers.len() as f64),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::summary::BrokenTraining;

    #[test]
    fn a_tenth_of_the_learning_rate_is_a_tenth() {
        let broken = Some(BrokenTraining::default());
        let summary = Summary { workers: 1000, broken, ..Summary::default() };
        let first = |arguments: &[&str], rate: f64| {
            let arguments: Vec<String> = arguments.iter().map(|text| text.to_string()).collect();
            tries(&summary, &arguments, rate).remove(0).0
        };
        let alone = first(&["optimizer.learning_rate=1"], 1.0);
        assert_eq!(alone, "straggler demo optimizer.learning_rate=0.1");
        let more = first(&["cluster.workers=1000", "optimizer.learning_rate=1e-2"], 1e-2);
        assert_eq!(more, "straggler demo cluster.workers=1000 optimizer.learning_rate=0.001");
        let plain = first(&["cluster.workers=1000"], 1e-3);
        assert_eq!(plain, "straggler demo cluster.workers=1000 optimizer.learning_rate=0.0001");
    }
}
