//! What happened in a run, in sentences that are true for every protocol, number of workers and
//! outcome. The console and the page say the same.

use crate::base::{shell_word, significant};
use crate::metrics::Quality;
use crate::report::figure::number::{figure, percent, time, with_noun};
use crate::results::Summary;
use crate::results::summary::{StageDone, StreamSummary, Utilisation};

/// If the mean staleness is this close to the number of other workers, it is explained by it.
const NEAR: f64 = 0.05;
/// A share of time below which waiting is not worth a sentence.
const LITTLE: f64 = 0.01;

/// How old the gradients were, and why.
pub fn staleness(summary: &Summary) -> Option<String> {
    let mean = summary.staleness.mean?;
    let (others, max) = (f64::from(summary.workers) - 1.0, summary.staleness.max?);
    let waited = summary
        .utilisation
        .map(|u| u.held + u.waiting + u.starved.unwrap_or_default())
        .filter(|share| *share > LITTLE);
    let waited =
        waited.map(|share| format!("the workers waited for {} of their time", percent(share)));
    if max == 0 {
        let mut text = match others {
            0.0 => {
                "With one worker no gradient was old: nothing else changes the weights".to_string()
            }
            _ => {
                "No gradient was old: each was applied to the parameters that it was computed from"
                    .to_string()
            }
        };
        if let (Some(waited), true) = (waited, others > 0.0) {
            text.push_str(&format!(". For this, {waited}"));
        }
        return Some(format!("{text}."));
    }
    let tail = summary.staleness.p99.map_or_else(String::new, |p99| {
        format!(
            "; 99 % of the gradients were at most {} old, and the oldest was {} old",
            with_noun(p99 as f64, "update", "updates"),
            with_noun(max as f64, "update", "updates")
        )
    });
    let mut text = format!(
        "On average a gradient was {} old when it was applied{tail}.",
        with_noun(mean, "update", "updates")
    );
    let merged = summary.pushes as f64 / summary.updates.max(1) as f64;
    if merged >= 1.5 {
        text.push_str(&format!(" An update was made of {} pushes on average.", figure(merged)));
    } else if others > 0.0 && summary.protocol != IMPOSED {
        let workers = with_noun(others, "other worker was", "other workers were");
        if (mean / others - 1.0).abs() < NEAR {
            text.push_str(&format!(
                " {workers} at work meanwhile, and each update of theirs makes a gradient in flight one older."
            ));
        } else if let (Some(waited), true) = (waited, mean < others) {
            text.push_str(&format!(
                " With {} {} and no waiting it would be about {}; here {waited}.",
                figure(others),
                if others == 1.0 { "other worker" } else { "other workers" },
                figure(others)
            ));
        }
    }
    let lost = summary.discarded + summary.aborted;
    if lost > 0 {
        let all = summary.pushes + summary.discarded + summary.aborted;
        text.push_str(&format!(
            " {} of all steps were discarded or aborted.",
            percent(lost as f64 / all as f64)
        ));
    }
    Some(text)
}

/// What became of a live stream, in one line of a table.
pub fn stream(stream: &StreamSummary) -> String {
    let mut text = with_noun(stream.requests as f64, "request", "requests");
    if let Some(missed) = stream.missed.filter(|missed| *missed > 0.0) {
        text.push_str(&format!("; {} of the positive ones not emitted in time", percent(missed)));
    }
    if let Some(dropped) = stream.dropped.filter(|dropped| *dropped > 0.0) {
        text.push_str(&format!("; {} of the examples dropped", percent(dropped)));
    }
    if let (Some(mean), Some(longest)) = (stream.update_lag_s, stream.update_lag_max_s) {
        text.push_str(&format!(
            "; {} from a request to its update, at most {}",
            time(mean),
            time(longest)
        ));
    }
    text
}

/// What limits the rate of the job, from the shares of its time; `None` without a cluster.
pub fn bottleneck(summary: &Summary) -> Option<String> {
    let (time, server) = (summary.utilisation?, summary.server?);
    let Utilisation { busy, network, queued, served, held, waiting, starved } = time;
    let starved = starved.unwrap_or_default();
    let own = busy + network + queued + served + held + waiting + starved;
    if own <= 0.0 {
        return None;
    }
    let load = percent(server.busy);
    // Time that workers wait for the server, so that more of them would wait more.
    let crowded = queued / own >= CROWDED;
    if server.busy >= FULL || (server.busy >= SATURATED && crowded) {
        let name = match summary.shards {
            1 => "The server".to_string(),
            _ => format!("Shard {}, the busiest,", server.shard),
        };
        return Some(format!(
            "{name} served requests for {load} of the time, and requests waited in queues for {} of the workers' \
             time: the server is the bottleneck. More shards or fewer bytes in a step make the job faster, \
             more workers do not.",
            percent(queued / own)
        ));
    }
    // The time of waiting for a link is that of messages on the way.
    let crowded = (network + queued) / own >= CROWDED;
    if server.link_busy >= FULL || (server.link_busy >= SATURATED && crowded) {
        let name = match summary.shards {
            1 => "The link of the server".to_string(),
            _ => format!("The link of shard {}, the busiest,", server.link_shard),
        };
        return Some(format!(
            "{name} was busy for {} of the time: the link of the server is the bottleneck. More shards, a faster \
             link or fewer bytes in a step make the job faster, more workers do not.",
            percent(server.link_busy)
        ));
    }
    let (who, were) =
        if summary.workers == 1 { ("The worker", "was") } else { ("The workers", "were") };
    let held_for = format!("{were} held by the protocol for {{}}");
    let rest = format!("and the busiest shard served for {load}");
    let ways: [(f64, &str, &str); 6] = [
        (busy, "computed for {}", "computing is the bottleneck"),
        (network, "had messages on the way for {}", "the network is the bottleneck"),
        (
            queued + served,
            "waited for answers of the server for {}",
            "the server is the bottleneck, by its service and by requests that come at the same time",
        ),
        (held, &held_for, "the protocol is the bottleneck"),
        (
            waiting,
            "waited to start, between steps or for checkpoints for {}",
            "these waits are the bottleneck",
        ),
        (
            starved,
            "waited for examples for {}",
            "the stream is the bottleneck, and the job keeps up with it",
        ),
    ];
    // Of equal ones the first.
    let most = ways.into_iter().reduce(|most, way| if way.0 > most.0 { way } else { most })?;
    let did = most.1.replace("{}", &percent(most.0 / own));
    let nearest = server.busy.max(server.link_busy);
    let limit = match nearest {
        nearest if nearest < SATURATED => String::new(),
        nearest => {
            let (is_shard, gain) = (nearest == server.busy, percent(1.0 / nearest - 1.0));
            let what = if is_shard { "That shard" } else { "The busiest link of a shard" };
            let rest = match is_shard {
                true => format!(
                    ", and a server that answers at once at most {}",
                    percent(own / (own - queued - served) - 1.0)
                ),
                false => String::new(),
            };
            format!(
                " {what} is near its limit too: more workers can make the job at most {gain} faster{rest}."
            )
        }
    };
    // The table beside it has shares of all time, also of that in which workers were gone.
    let there = match own < ALL {
        true if summary.workers == 1 => " that it was there",
        true => " that they were there",
        false => "",
    };
    Some(format!("{who} {did} of the time{there}, {rest}: {}.{limit}", most.2))
}

/// What failures of shards cost; `None` if no shard can fail.
pub fn shard_failures(summary: &Summary) -> Option<String> {
    let failures = summary.shard_failures.as_ref()?;
    if failures.failures == 0 {
        return Some("No shard failed during the run.".to_string());
    }
    let count = failures.failures as f64;
    let mut text = format!(
        "Shards failed {} and were down for {} of their time.",
        with_noun(count, "time", "times"),
        percent(failures.down)
    );
    if failures.updates_lost == 0 {
        text.push_str(" No update was lost.");
    } else {
        let all = summary.updates as f64 * f64::from(summary.shards);
        let share = failures.updates_lost as f64 / all.max(1.0);
        text.push_str(&format!(
            " They lost {} ({} of all that shards applied), and with them the effect of {}.",
            with_noun(failures.updates_lost as f64, "update", "updates"),
            percent(share),
            with_noun(failures.examples_lost, "example", "examples")
        ));
    }
    if failures.anew > 0 {
        let times = with_noun(failures.anew as f64, "time", "times");
        text.push_str(&format!(
            " {times} a shard returned with what it had at the start of the run: no checkpoint had been due yet."
        ));
    }
    if failures.stale_rows > 0 {
        text.push_str(&format!(
            " Faulty increments left older values in {}.",
            with_noun(failures.stale_rows as f64, "row", "rows")
        ));
    }
    Some(text)
}

/// Below this share of their time, workers were gone or asleep for a while.
const ALL: f64 = 0.995;
/// A shard or a link that is busy for at least this share of the time is near its limit.
const SATURATED: f64 = 0.9;
/// One that is busy for this share of the time serves no more workers.
const FULL: f64 = 0.98;
/// A share of the workers' time in queues that is large.
const CROWDED: f64 = 0.25;

/// Whether refreshed models are better than those that they came from: the stages that started from
/// another one, and the run itself, whose AUC before its first update was `first`. `None` without
/// such stages.
pub fn refreshed(summary: &Summary, first: Option<f64>) -> Option<String> {
    summary.started_from.as_ref().filter(|_| !summary.stages.is_empty())?;
    let of_stage = |stage: &StageDone| {
        stage.better?;
        Some((stage.name.clone(), stage.first_auc?, stage.best_auc?))
    };
    let mut found: Vec<(String, f64, f64)> = summary.stages.iter().filter_map(of_stage).collect();
    let best = summary.best?.quality;
    found.push(("the last stage".to_string(), first?, best.auc?));
    let error = best.auc_error().map_or_else(String::new, |error| {
        format!(" The standard error of an AUC over the examples of the holdout is {error:.4}.")
    });
    let better = found.iter().filter(|(_, first, best)| best > first).count();
    if let [(_, first, best)] = found[..] {
        let than = match better {
            1 => format!("is better than the one it came from, by {:.4}", best - first),
            _ => "is no better than the one it came from".to_string(),
        };
        let last = summary.last.and_then(|last| last.quality.auc);
        let end = last.map_or_else(String::new, |last| format!(" and {last:.4} at its end"));
        return Some(format!(
            "The refreshed model {than}: AUC {best:.4} at its best step{end}, {first:.4} before its first update, on \
             the same holdout.{error} One seed is one draw: --seeds 5 gives an interval."
        ));
    }
    let each = found.iter().map(|(name, first, best)| format!("{name} {first:.4} to {best:.4}"));
    Some(format!(
        "{better} of {} refreshed models are better at their best step than the one they came from, on the same \
         holdout (AUC before the first update, and at the best step): {}.{error}",
        found.len(),
        each.collect::<Vec<_>>().join(", ")
    ))
}

/// The whole command that answers the scenario's question, for the scenario at `place`; `None` if one
/// run is enough.
pub fn answer(answered_by: &str, place: &str) -> Option<String> {
    let (command, rest) = match answered_by.strip_prefix("lab restart") {
        Some(rest) => ("lab restart", rest),
        None => answered_by.split_once(' ').unwrap_or((answered_by, "")),
    };
    let text = format!("straggler {command} {} {}", shell_word(place), rest.trim());
    (!answered_by.is_empty()).then(|| text.trim_end().to_string())
}

/// The name of the protocol if no cluster is simulated.
const IMPOSED: &str = "imposed_staleness";

/// An AUC and how much it would vary with the examples of the holdout, such as `0.783 ± 0.018`.
pub fn auc(quality: &Quality) -> Option<String> {
    Some(with_error(quality.auc?, quality.auc_error()))
}

/// A figure and its standard error, which has two digits.
pub fn with_error(figure: f64, error: Option<f64>) -> String {
    match error.filter(|error| *error > 0.0 && error.is_finite()) {
        Some(error) if figure.abs() < 1e4 => {
            let decimals = (1 - error.log10().floor() as i32).clamp(0, 5) as usize;
            format!("{figure:.decimals$} ± {error:.decimals$}")
        }
        _ => significant(figure, 4),
    }
}

/// What the number behind `±` is.
pub const ERROR: &str = "± is the standard error over the examples of the holdout";

/// The same where a session AUC stands beside the AUC.
pub const ERRORS: &str = "± is the standard error over the examples of the holdout, of the session AUC over its sessions";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::summary::{At, ServerLoad, ShardFailureSummary, Staleness, Started};

    fn summary(workers: u32, mean: f64, max: u64, waiting: f64) -> Summary {
        Summary {
            workers,
            protocol: "asynchronous".into(),
            pushes: 1000,
            updates: 1000,
            staleness: Staleness { mean: Some(mean), p99: Some(max), max: Some(max), p50: None },
            utilisation: Some(Utilisation {
                busy: 1.0 - waiting,
                held: waiting,
                ..Utilisation::default()
            }),
            ..Summary::default()
        }
    }

    #[test]
    fn a_stream_says_what_it_lost_and_how_late_it_was() {
        let whole = StreamSummary {
            requests: 1,
            taken: 1,
            update_lag_s: Some(90.0),
            update_lag_max_s: Some(7_200.0),
            ..StreamSummary::default()
        };
        assert_eq!(
            stream(&whole),
            "1 request; 90.0 s from a request to its update, at most 2 h 00 m"
        );
        let lossy = StreamSummary {
            requests: 200,
            missed: Some(0.04),
            dropped: Some(0.5),
            update_lag_s: None,
            ..whole
        };
        assert_eq!(
            stream(&lossy),
            "200 requests; 4.0 % of the positive ones not emitted in time; 50.0 % of the examples dropped"
        );
    }

    #[test]
    fn the_bottleneck_is_where_the_time_goes() {
        let said = |time: Utilisation, busy: f64, link_busy: f64| {
            let server = ServerLoad { shard: 2, busy, link_shard: 3, link_busy };
            let (utilisation, server) = (Some(time), Some(server));
            bottleneck(&Summary {
                shards: 4,
                workers: 8,
                utilisation,
                server,
                ..Summary::default()
            })
            .unwrap()
        };
        let time = Utilisation::default();
        let saturated = said(Utilisation { busy: 0.1, queued: 0.9, ..time }, 0.995, 0.1);
        assert!(saturated.starts_with("Shard 2, the busiest, served requests for"), "{saturated}");
        assert!(
            saturated.contains("for 90.0 % of the workers' time: the server is the bottleneck")
        );
        let link = said(Utilisation { busy: 0.1, network: 0.9, ..time }, 0.2, 0.97);
        assert!(
            link.starts_with("The link of shard 3, the busiest, was busy for 97.0 %"),
            "{link}"
        );
        let ends = |time: Utilisation, end: &str| {
            let text = said(time, 0.3, 0.3);
            assert!(text.ends_with(end), "{text}");
        };
        ends(Utilisation { busy: 0.9, network: 0.1, ..time }, "computing is the bottleneck.");
        ends(Utilisation { busy: 0.2, network: 0.7, ..time }, "the network is the bottleneck.");
        ends(Utilisation { busy: 0.4, held: 0.6, ..time }, "the protocol is the bottleneck.");
        let queue = Utilisation { busy: 0.4, queued: 0.4, served: 0.2, ..time };
        ends(queue, "by its service and by requests that come at the same time.");
        ends(Utilisation { busy: 0.4, waiting: 0.6, ..time }, "these waits are the bottleneck.");
        // The figures of scenarios/timing-only.toml: 330 workers are 6.6 % faster than 300, 600 are 8.5 %, and
        // twice the shards are 2.5 %.
        let near =
            Utilisation { busy: 0.946, network: 0.028, queued: 0.023, served: 0.003, ..time };
        let near = said(near, 0.922, 0.3);
        assert!(
            near.contains("computing is the bottleneck. That shard is near its limit"),
            "{near}"
        );
        assert!(near.contains("more workers can make the job at most 8.5 % faster"), "{near}");
        assert!(near.ends_with("a server that answers at once at most 2.7 %."), "{near}");
        let crowded = Utilisation { busy: 0.6, queued: 0.4, ..time };
        assert!(said(crowded, 0.93, 0.3).ends_with("more workers do not."));
        let gone = said(Utilisation { busy: 0.673, network: 0.013, ..time }, 0.3, 0.3);
        assert!(
            gone.starts_with("The workers computed for 98.1 % of the time that they were there")
        );
        let alone = bottleneck(&Summary {
            workers: 1,
            utilisation: Some(Utilisation { busy: 0.4, held: 0.6, ..time }),
            server: Some(ServerLoad::default()),
            ..Summary::default()
        });
        assert!(alone.unwrap().starts_with("The worker was held by the protocol for 60.0 %"));
        assert_eq!(bottleneck(&Summary::default()), None);
    }

    #[test]
    fn failures_of_shards_are_told_with_their_costs() {
        let said = |failures: ShardFailureSummary| {
            shard_failures(&Summary {
                updates: 1000,
                shards: 4,
                shard_failures: Some(failures),
                ..Summary::default()
            })
            .unwrap()
        };
        let none = ShardFailureSummary::default();
        assert_eq!(said(none.clone()), "No shard failed during the run.");
        let kept = ShardFailureSummary { failures: 1, down: 0.01, ..none };
        let text = said(kept.clone());
        assert_eq!(
            text,
            "Shards failed 1 time and were down for 1.0 % of their time. No update was lost."
        );
        let lost = ShardFailureSummary {
            failures: 3,
            updates_lost: 40,
            examples_lost: 160.0,
            stale_rows: 7,
            ..kept
        };
        let text = said(lost);
        assert!(text.contains("lost 40 updates (1.0 % of all that shards applied)"), "{text}");
        assert!(text.contains("160 examples") && text.ends_with("older values in 7 rows."));
        assert_eq!(shard_failures(&Summary::default()), None);
    }

    #[test]
    fn a_refreshed_model_is_compared_with_the_one_it_came_from() {
        let stage = |name: &str, first: f64, best: f64| StageDone {
            name: name.into(),
            first_auc: Some(first),
            best_auc: Some(best),
            better: Some(best > first),
            ..StageDone::default()
        };
        let base = StageDone { name: "base".into(), ..StageDone::default() };
        let quality = Quality { auc: Some(0.75), ..Quality::default() };
        let summary = |stages: Vec<StageDone>| Summary {
            stages,
            started_from: Some(Started::default()),
            best: Some(At { quality, ..At::default() }),
            ..Summary::default()
        };
        let one = refreshed(&summary(vec![base.clone()]), Some(0.74)).unwrap();
        assert!(
            one.starts_with("The refreshed model is better than the one it came from, by 0.0100")
        );
        let no = refreshed(&summary(vec![base.clone()]), Some(0.75)).unwrap();
        assert!(no.starts_with("The refreshed model is no better than the one"), "{no}");
        let days = vec![base, stage("day-010", 0.7, 0.71), stage("day-011", 0.71, 0.7)];
        let many = refreshed(&summary(days), Some(0.74)).unwrap();
        assert!(many.starts_with("2 of 3 refreshed models are better"), "{many}");
        assert!(
            many.contains("day-011 0.7100 to 0.7000, the last stage 0.7400 to 0.7500."),
            "{many}"
        );
        assert_eq!(refreshed(&summary(Vec::new()), Some(0.7)), None);
    }

    #[test]
    fn the_command_that_answers_a_question_is_whole() {
        let own = |text: &str| answer(text, "my.toml");
        assert_eq!(own(""), None);
        let run = own("run cluster.workers=1,30 --seeds 5").unwrap();
        assert_eq!(run, "straggler run my.toml cluster.workers=1,30 --seeds 5");
        assert_eq!(own("race").unwrap(), "straggler race my.toml");
        assert_eq!(answer("race", "my run").unwrap(), "straggler race 'my run'");
        assert_eq!(own("lab restart --quick").unwrap(), "straggler lab restart my.toml --quick");
    }

    #[test]
    fn fresh_gradients_are_explained_by_the_protocol_or_by_the_lack_of_others() {
        let alone = staleness(&summary(1, 0.0, 0, 0.0)).unwrap();
        assert_eq!(alone, "With one worker no gradient was old: nothing else changes the weights.");
        let barrier = staleness(&summary(8, 0.0, 0, 0.6)).unwrap();
        assert!(
            barrier.ends_with("For this, the workers waited for 60.0 % of their time."),
            "{barrier}"
        );
    }

    #[test]
    fn other_workers_explain_the_mean_only_if_it_is_their_number() {
        let free = staleness(&summary(8, 6.98, 30, 0.0)).unwrap();
        assert!(free.contains("7 other workers were at work meanwhile"), "{free}");
        let bounded = staleness(&summary(8, 3.5, 6, 0.4)).unwrap();
        assert!(
            bounded.contains("it would be about 7; here the workers waited for 40.0 %"),
            "{bounded}"
        );
        let merged = staleness(&Summary { updates: 250, ..summary(8, 1.5, 3, 0.1) }).unwrap();
        assert!(merged.ends_with("An update was made of 4 pushes on average."), "{merged}");
    }

    #[test]
    fn a_figure_has_the_digits_that_its_error_allows() {
        let quality = |positives, examples| Quality {
            auc: Some(0.78304),
            positives,
            examples,
            ..Quality::default()
        };
        assert_eq!(auc(&quality(233, 1980)).unwrap(), "0.783 ± 0.018");
        assert_eq!(auc(&quality(23_300, 198_000)).unwrap(), "0.7830 ± 0.0018");
        assert_eq!(auc(&quality(0, 0)).unwrap(), "0.7830");
    }
}
