//! Failures of shards: when each was down and what it came back with, how far its content is behind
//! its version over time, and what each failure cost. Everything follows from the list of failures.

use std::collections::BTreeMap;

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series, Span, SpanRow, Spans, Style};
use super::grid::{self, Grid, MOST_ROWS, evenly};
use super::number::{self, count, counted, percent, short, time};
use super::shard_state::ShardState;
use super::thin;
use crate::results::RunResults;
use crate::results::tables::ShardFailureRow;

/// The most shards with a row; if more have failed, they are chosen evenly.
const MOST_SHARDS: usize = 40;
/// The most failures of the shards shown that a page holds; it holds the first ones.
const MOST_HELD: usize = 2000;
/// The most shards whose content is drawn over time: those that are furthest behind.
const MOST_LINES: usize = 7;

/// The failures of a shard, in order of time.
type FailuresOfShard<'a> = (u32, Vec<&'a ShardFailureRow>);

/// Whether shards of a run can fail.
pub fn are_possible(run: &RunResults) -> bool {
    run.shard_failures.is_present()
}

/// Whether any did. Without failures one sentence is enough.
pub fn some_failed(run: &RunResults) -> bool {
    run.shard_failures.rows().is_ok()
}

/// The failures; without any, that is the whole sentence.
fn failures(run: &RunResults) -> Result<&[ShardFailureRow], NoFigure> {
    let none = || NoFigure::Sentence("No shard failed during the run.".to_string());
    let rows = &run.shard_failures;
    rows.rows().map_err(|missing| if rows.is_present() { none() } else { missing.into() })
}

/// The end of the run, or of its last failure.
fn end(run: &RunResults, rows: &[ShardFailureRow]) -> f64 {
    let last = |row: &ShardFailureRow| row.back_s.or(row.noticed_s).unwrap_or(row.crashed_s);
    let known = Some(run.summary.sim_s).filter(|end| end.is_finite());
    rows.iter().map(last).fold(known.unwrap_or(0.0), f64::max)
}

fn by_shard(rows: &[ShardFailureRow]) -> Vec<FailuresOfShard<'_>> {
    let mut shards: BTreeMap<u32, Vec<&ShardFailureRow>> = BTreeMap::new();
    for row in rows {
        shards.entry(row.shard).or_default().push(row);
    }
    shards.into_iter().collect()
}

/// When shards were down, and what they came back with.
pub fn lanes(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = failures(run)?;
    let end = end(run, rows);
    if end.is_nan() || end <= 0.0 {
        return Err(run.shard_failures.unusable("has no time that it could be shown in").into());
    }
    let shards = by_shard(rows);
    let shown: Vec<&FailuresOfShard<'_>> =
        evenly(shards.len(), MOST_SHARDS).map(|index| &shards[index]).collect();
    let until = held_until(&shown, end);
    let common = common_return(rows);
    let row = |(shard, failures): &&FailuresOfShard<'_>| SpanRow {
        name: format!("shard {shard}"),
        spans: spans(failures, (common, end))
            .into_iter()
            .filter(|span| span.time.0 < until)
            .collect(),
    };
    let lanes: Vec<SpanRow> = shown.iter().map(row).collect();
    let occurs = |state: &ShardState| {
        let all = lanes.iter().flat_map(|lane| &lane.spans);
        all.into_iter().any(|span| span.look == state.look())
    };
    let legend = ShardState::ALL.into_iter().filter(occurs).map(ShardState::look).collect();
    Ok(Figure {
        id: "shard-failures".to_string(),
        title: "Failures of shards".to_string(),
        sentence: said(run, rows, (shown.len(), shards.len()), (until, end)),
        chart: Chart::Spans(Spans {
            about: "Failures of the shards",
            time: Axis::new("simulated time", AxisUnit::Time),
            window: (0.0, until),
            reach: (0.0, until),
            legend,
            rows: lanes,
        }),
        grid: table(rows),
        file: "shard_failures.csv".to_string(),
    })
}

/// Until when a page can hold all failures.
fn held_until(shown: &[&FailuresOfShard<'_>], end: f64) -> f64 {
    let all = shown.iter().flat_map(|(_, failures)| failures);
    let mut crashes: Vec<f64> = all.map(|failure| failure.crashed_s).collect();
    crashes.sort_by(f64::total_cmp);
    // Several crashes at one moment stay together.
    let late = crashes.get(MOST_HELD).copied().filter(|late| *late > 0.0);
    late.unwrap_or(end)
}

/// Whether other shards went back with the failed one.
fn took_others(row: &ShardFailureRow) -> bool {
    row.all_updates_lost > row.updates_lost
}

/// When shards first went back that had not failed; at the end of time if they never did.
fn common_return(rows: &[ShardFailureRow]) -> f64 {
    let returns = rows.iter().filter(|row| took_others(row)).filter_map(|row| row.back_s);
    returns.fold(f64::INFINITY, f64::min)
}

/// What a shard did from the start to the end. From the moment `common` on it is behind in any
/// case: all shards went back.
fn spans(failures: &[&ShardFailureRow], (common, end): (f64, f64)) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut add = |state: ShardState, from: f64, until: f64| {
        if until > from {
            spans.push(Span { look: state.look(), time: (from, until), step: None });
        }
    };
    let serves =
        |add: &mut dyn FnMut(ShardState, f64, f64), behind: u64, (from, until): (f64, f64)| {
            let from_then_on = if behind > 0 { from } else { common.clamp(from, until) };
            add(ShardState::Serving, from, from_then_on);
            add(ShardState::Behind, from_then_on, until);
        };
    let (mut at, mut behind) = (0.0, 0);
    for failure in failures {
        serves(&mut add, behind, (at, failure.crashed_s));
        let back = failure.back_s.unwrap_or(end);
        let noticed = failure.noticed_s.unwrap_or(back).min(back);
        add(ShardState::Unnoticed, failure.crashed_s, noticed);
        add(ShardState::Down, noticed, back);
        (at, behind) = (back, failure.behind.unwrap_or(behind));
    }
    serves(&mut add, behind, (at, end));
    spans
}

fn said(
    run: &RunResults,
    rows: &[ShardFailureRow],
    (shown, failed): (usize, usize),
    (until, end): (f64, f64),
) -> String {
    let down = |row: &ShardFailureRow| row.back_s.unwrap_or(end) - row.crashed_s;
    let unnoticed =
        |row: &ShardFailureRow| row.noticed_s.or(row.back_s).unwrap_or(end) - row.crashed_s;
    let (all, blind) =
        (rows.iter().map(down).sum::<f64>(), rows.iter().map(unnoticed).sum::<f64>());
    let of = match run.summary.shards {
        0 => counted(failed, "shard", "shards"),
        shards => format!("{failed} of {}", counted(shards as usize, "shard", "shards")),
    };
    let mut text = format!(
        "{} failed, {} in all, and {} down for {} on average",
        of,
        counted(rows.len(), "time", "times"),
        if failed == 1 { "was" } else { "were" },
        time(all / rows.len() as f64)
    );
    if blind > 0.0 {
        text.push_str(&format!("; for {} of that time nobody had noticed", percent(blind / all)));
    }
    text.push('.');
    if rows.iter().any(took_others) {
        text.push_str(" Other shards went back with them, also those that did not fail.");
    }
    if shown < failed {
        text.push_str(&format!(" {shown} of those that failed are shown, evenly chosen."));
    }
    if until < end {
        let (part, whole) = (time(until), time(end));
        text.push_str(&format!(" The first {part} of {whole} are shown."));
    }
    text
}

/// How far shards are behind over time, and what each failure cost.
pub fn losses(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = failures(run)?;
    let end = end(run, rows);
    let shards = by_shard(rows);
    let (behind, drawn, of) = match rows.iter().any(took_others) {
        true => (all_behind(rows, end), 1, 1),
        false => behind(&shards, end),
    };
    let cost = |row: &&ShardFailureRow| row.all_updates_lost > 0;
    if behind.series.is_empty() && !rows.iter().any(|row| cost(&row)) {
        return Err(NoFigure::Sentence("No failure of a shard lost an update.".to_string()));
    }
    let plots = [(!behind.series.is_empty()).then_some(behind), cost_of_each(rows, end)];
    let plots: Vec<Plot> = plots.into_iter().flatten().collect();
    let panels = Panels::stacked(plots.len());
    Ok(Figure {
        id: "shard-losses".to_string(),
        title: "What failures of shards lost".to_string(),
        sentence: lost(rows, drawn, of),
        chart: Chart::Plots(plots, panels),
        grid: table(rows),
        file: "shard_failures.csv".to_string(),
    })
}

fn clock(end: f64) -> Axis {
    Axis::new("simulated time", AxisUnit::Time).between(0.0, end.max(f64::MIN_POSITIVE))
}

/// The updates that the content of all shards together lacks, where shards go back that did not fail:
/// the list of failures does not say how many each of them lost.
fn all_behind(rows: &[ShardFailureRow], end: f64) -> Plot {
    let mut back: Vec<(f64, u64)> =
        rows.iter().filter_map(|row| Some((row.back_s?, row.all_updates_lost))).collect();
    back.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lacking = 0;
    let mut points = vec![(0.0, 0.0)];
    points.extend(back.into_iter().map(|(at, lost)| {
        lacking += lost;
        (at, lacking as f64)
    }));
    points.push((end, lacking as f64));
    let series = Series {
        style: Style::Steps,
        colour: Some(0),
        ..thin::line("all shards together", &points, 1)
    };
    let y = Axis::new("updates lacking, in the content of all shards", AxisUnit::Count);
    let y = y.between(0.0, 1.05 * (lacking as f64).max(1.0));
    Plot::new("behind", clock(end), y, vec![series])
}

/// The updates that the content of shards lacks, which change only when a shard comes back. Returns
/// the number of shards drawn, and of those that could be.
fn behind(shards: &[FailuresOfShard<'_>], end: f64) -> (Plot, usize, usize) {
    let most = |failures: &[&ShardFailureRow]| {
        failures.iter().filter_map(|failure| failure.behind).max().unwrap_or(0)
    };
    let mut lacking: Vec<&FailuresOfShard<'_>> =
        shards.iter().filter(|(_, failures)| most(failures) > 0).collect();
    let of = lacking.len();
    lacking.sort_by_key(|(shard, failures)| (std::cmp::Reverse(most(failures)), *shard));
    lacking.truncate(MOST_LINES);
    lacking.sort_by_key(|(shard, _)| *shard);
    let line = |(place, (shard, failures)): (usize, &&FailuresOfShard<'_>)| {
        let back = failures.iter().filter_map(|failure| Some((failure.back_s?, failure.behind?)));
        let points = || std::iter::once((0.0, 0)).chain(back.clone());
        Series {
            name: format!("shard {shard}"),
            x: points().map(|point| short(point.0)).chain([short(end)]).collect(),
            // Until the end it stays as it is.
            y: points().chain(points().last()).map(|point| Some(point.1 as f64)).collect(),
            style: Style::Steps,
            colour: Some(place),
            ..Series::default()
        }
    };
    let series: Vec<Series> = lacking.iter().enumerate().map(line).collect();
    let highest = series.iter().flat_map(Series::points).map(|point| point.1).fold(1.0, f64::max);
    let y = Axis::new("updates lacking, in the content of a shard", AxisUnit::Count);
    let plot = Plot::new("behind", clock(end), y.between(0.0, 1.05 * highest), series);
    (plot, lacking.len(), of)
}

/// The updates that each failure cost all shards together.
fn cost_of_each(rows: &[ShardFailureRow], end: f64) -> Option<Plot> {
    let points: Vec<(f64, f64)> =
        rows.iter().map(|row| (row.crashed_s, row.all_updates_lost as f64)).collect();
    let highest = points.iter().map(|point| point.1).fold(0.0, f64::max);
    let series = Series {
        style: Style::Points,
        colour: Some(6),
        ..thin::line("one failure, at its crash", &points, 1)
    };
    let y = Axis::new("updates lost, by a failure at all shards", AxisUnit::Count);
    let y = y.between(0.0, 1.05 * highest);
    (highest > 0.0).then(|| Plot::new("lost", clock(end), y, vec![series]))
}

fn lost(rows: &[ShardFailureRow], drawn: usize, of: usize) -> String {
    let sum = |value: fn(&ShardFailureRow) -> f64| rows.iter().map(value).sum::<f64>();
    let updates = sum(|row| row.all_updates_lost as f64);
    let mut text = format!(
        "A failure lost {} on average, and with them the effect of {}.",
        number::with_noun(updates / rows.len() as f64, "update", "updates"),
        number::with_noun(
            sum(|row| row.all_examples_lost) / rows.len() as f64,
            "example",
            "examples"
        )
    );
    if rows.iter().any(took_others) {
        text.push_str(&format!(
            " At the end the shards lack {} together, of those that their versions count.",
            number::with_noun(updates, "update", "updates")
        ));
        return text;
    }
    let last = |(shard, failures): FailuresOfShard<'_>| {
        Some((shard, failures.iter().rev().find_map(|failure| failure.behind)?))
    };
    let ends: Vec<(u32, u64)> = by_shard(rows).into_iter().filter_map(last).collect();
    // Of equal ones the first.
    let most = ends.into_iter().reduce(|most, next| if next.1 > most.1 { next } else { most });
    if let Some((shard, behind)) = most.filter(|(_, behind)| *behind > 0) {
        text.push_str(&format!(
            " At the end shard {shard} lacks most: {} of those that its version counts.",
            counted(behind as usize, "update", "updates")
        ));
    }
    if drawn < of {
        text.push_str(&format!(" The {drawn} shards of {of} that lack most are drawn."));
    }
    text
}

fn table(rows: &[ShardFailureRow]) -> Grid {
    let names = [
        "shard",
        "crashed",
        "noticed after",
        "down for",
        "returned to state of",
        "updates lost",
        "by all shards",
        "examples lost",
        "steps ended",
        "requests waited",
        "stale rows",
        "behind",
    ];
    let columns = names.map(grid::number).into();
    let dash = || "–".to_string();
    Grid::new("Failures of shards", columns).fill(rows, MOST_ROWS, "shard_failures.csv", |row| {
        vec![
            row.shard.to_string(),
            time(row.crashed_s),
            time(row.noticed_s.map(|noticed| noticed - row.crashed_s)),
            time(row.back_s.map(|back| back - row.crashed_s)),
            row.returned_to_s.map_or_else(dash, time),
            count(row.updates_lost),
            count(row.all_updates_lost),
            number::figure(row.all_examples_lost),
            count(row.steps_lost),
            count(row.requests_waited),
            count(row.stale_rows),
            row.behind.map_or_else(dash, count),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::Rows;

    fn run(text: &str) -> RunResults {
        let folder = tempfile::tempdir().unwrap();
        let mut run = RunResults::open(folder.path()).unwrap();
        let header = "shard,crashed_s,noticed_s,back_s,returned_to_s,version,updates_lost,\
                      examples_lost,all_updates_lost,all_examples_lost,steps_lost,\
                      requests_waited,stale_rows,behind";
        run.shard_failures = Rows::parse(&format!("{header}\n{text}")).unwrap();
        run.summary.sim_s = 100.0;
        run.summary.shards = 4;
        run
    }

    const TEXT: &str = "1,10,12,20,5,50,30,300,30,75,0,4,0,30\n\
                        3,40,40,50,,90,0,0,0,0,2,0,0,0\n\
                        1,60,60,70,55,99,10,100,10,25,0,0,0,40\n\
                        1,90,,,,130,0,0,0,0,0,0,0,\n";

    fn lane(figure: &Figure, index: usize) -> Vec<(&'static str, f64, f64)> {
        let Chart::Spans(spans) = &figure.chart else { panic!("spans") };
        let spans = spans.rows[index].spans.iter();
        spans.map(|span| (span.look.name, span.time.0, span.time.1)).collect()
    }

    #[test]
    fn a_lane_tells_the_life_of_a_shard() {
        let figure = lanes(&run(TEXT)).unwrap();
        let (serving, behind) = ("serving", "serving, updates lost");
        let (unnoticed, down) = ("down, not noticed", "down, noticed");
        assert_eq!(
            lane(&figure, 0),
            [
                (serving, 0.0, 10.0),
                (unnoticed, 10.0, 12.0),
                (down, 12.0, 20.0),
                (behind, 20.0, 60.0),
                (down, 60.0, 70.0),
                (behind, 70.0, 90.0),
                (unnoticed, 90.0, 100.0),
            ]
        );
        assert_eq!(
            lane(&figure, 1),
            [(serving, 0.0, 40.0), (down, 40.0, 50.0), (serving, 50.0, 100.0)]
        );
        assert!(figure.sentence.starts_with("2 of 4 shards failed, 4 times in all"));
        assert!(figure.sentence.contains("for 30.0 % of that time"), "{}", figure.sentence);
    }

    #[test]
    fn what_a_shard_lacks_changes_when_it_comes_back() {
        let figure = losses(&run(TEXT)).unwrap();
        let Chart::Plots(plots, _) = &figure.chart else { panic!("plots") };
        let labels: Vec<&str> = plots.iter().map(|plot| plot.label.as_str()).collect();
        assert_eq!(labels, ["behind", "lost"]);
        assert_eq!(plots[0].series.len(), 1, "shard 3 has lost nothing");
        let points: Vec<(f64, f64)> = plots[0].series[0].points().collect();
        let at = |x: f64| points.iter().rfind(|point| point.0 <= x).unwrap().1;
        assert_eq!([at(19.0), at(21.0), at(69.0), at(100.0)], [0.0, 30.0, 30.0, 40.0]);
        assert!(figure.sentence.starts_with("A failure lost 10 updates on average"));
        assert!(figure.sentence.contains("shard 1 lacks most: 40 updates"));
    }

    #[test]
    fn a_common_return_is_that_of_all_shards() {
        let text = "1,10,10,20,5,50,30,300,120,300,0,4,0,30\n\
                    2,60,60,70,65,99,5,50,20,50,0,0,0,35\n";
        let figure = lanes(&run(text)).unwrap();
        let (serving, behind, down) = ("serving", "serving, updates lost", "down, noticed");
        assert_eq!(
            lane(&figure, 1),
            [(serving, 0.0, 20.0), (behind, 20.0, 60.0), (down, 60.0, 70.0), (behind, 70.0, 100.0)],
            "shard 2 went back with shard 1"
        );
        let figure = losses(&run(text)).unwrap();
        let Chart::Plots(plots, _) = &figure.chart else { panic!("plots") };
        let points: Vec<(f64, f64)> = plots[0].series[0].points().collect();
        assert_eq!(points, [(0.0, 0.0), (20.0, 120.0), (70.0, 140.0), (100.0, 140.0)]);
        let said = "the shards lack 140 updates together";
        assert!(figure.sentence.contains(said), "{}", figure.sentence);
    }

    #[test]
    fn nothing_to_draw_is_a_sentence() {
        let sentence = |figure: Result<Figure, NoFigure>| match figure {
            Err(NoFigure::Sentence(sentence)) => sentence,
            other => panic!("{other:?}"),
        };
        assert_eq!(sentence(lanes(&run(""))), "No shard failed during the run.");
        let harmless = run("0,1,1,2,,5,0,0,0,0,0,0,0,0\n");
        assert_eq!(sentence(losses(&harmless)), "No failure of a shard lost an update.");
        assert!(lanes(&harmless).is_ok());
    }

    #[test]
    fn many_failures_and_shards_have_a_limit() {
        let row = |at: u32| {
            let (shard, at) = (at % 90, f64::from(at) / 100.0);
            format!("{shard},{at},{at},{},0,5,1,1,1,1,0,0,0,1\n", at + 0.001)
        };
        let text: String = (1..9000).map(row).collect();
        let figure = lanes(&run(&text)).unwrap();
        let Chart::Spans(spans) = &figure.chart else { panic!("spans") };
        assert_eq!(spans.rows.len(), MOST_SHARDS);
        let held: usize = spans.rows.iter().map(|row| row.spans.len()).sum();
        assert!(held < 3 * MOST_HELD, "{held}");
        assert!(figure.sentence.contains("40 of those that failed are shown"));
        let Chart::Plots(plots, _) = losses(&run(&text)).unwrap().chart else { panic!("plots") };
        assert_eq!(plots[0].series.len(), MOST_LINES);
    }
}
