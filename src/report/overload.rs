//! A live stream that is faster than the job that trains on it.

use super::figure::number::{percent, time};
use crate::results::summary::Summary;

/// A share of the run, or of the examples, that is worth a sentence.
const MUCH: f64 = 0.01;

/// The remedy.
const REMEDY: &str = "Requests come faster than the job trains: more workers, larger steps (`train.batch`), fewer \
                      requests (`online.arrivals`) or fewer negatives (`online.negatives.keep`)";

/// What became of the examples for which the job was too slow; `None` if it kept up with its stream.
pub fn sentence(summary: &Summary) -> Option<String> {
    let stream = summary.stream.as_ref()?;
    let of_run = |seconds: f64| if summary.sim_s > 0.0 { seconds / summary.sim_s } else { 0.0 };
    if let Some(dropped) = stream.dropped.filter(|dropped| *dropped >= MUCH) {
        return Some(format!(
            "The queue of examples was full, and {} of them were dropped. {REMEDY}, or a higher \
             `online.queue.limit` for bursts.",
            percent(dropped)
        ));
    }
    if let Some(still) = stream.stood_still_s.map(of_run).filter(|share| *share >= MUCH) {
        return Some(format!(
            "The joiner stood still for {} of the time before a full queue. {REMEDY}, or `online.queue.full = \
             \"drop_oldest\"`, which trains on what is fresh.",
            percent(still)
        ));
    }
    let wait = stream.last_wait_s.filter(|wait| of_run(*wait) >= MUCH)?;
    Some(format!(
        "The queue of examples grew to {}, and the last of them waited for {} in it. {REMEDY}, or a bound \
         (`online.queue.limit`).",
        super::figure::number::counted(stream.queue_longest as usize, "example", "examples"),
        time(wait)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::summary::StreamSummary;

    #[test]
    fn a_job_that_does_not_keep_up_says_so_with_a_remedy() {
        let of = |stream: StreamSummary| {
            sentence(&Summary { sim_s: 1_000.0, stream: Some(stream), ..Summary::default() })
        };
        let none = StreamSummary::default();
        assert_eq!(of(none), None);
        assert_eq!(
            of(StreamSummary { last_wait_s: Some(2.0), dropped: Some(0.001), ..none }),
            None
        );
        let cases = [
            (StreamSummary { dropped: Some(0.5), ..none }, "50.0 % of them were dropped"),
            (StreamSummary { stood_still_s: Some(300.0), ..none }, "stood still for 30.0 %"),
            (
                StreamSummary { last_wait_s: Some(90.0), queue_longest: 7_000, ..none },
                "examples, and the last of them waited for 90.0 s",
            ),
        ];
        for (stream, expected) in cases {
            let said = of(stream).unwrap();
            assert!(said.contains(expected) && said.contains("more workers"), "{said}");
        }
        assert_eq!(sentence(&Summary::default()), None);
    }
}
