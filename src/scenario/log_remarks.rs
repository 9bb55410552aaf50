//! What a scenario makes of its log: windows, halves of the holdout and labels that cannot be meant
//! as they are.

use std::ops::ControlFlow;

use super::seeds::SeededPart;
use super::spec::Scenario;
use crate::base::{SimSpan, SimTime};
use crate::data::window::{Window, show};
use crate::data::{Batch, DataSource, Day, Remark, RemarkKind};
use crate::sim::evaluate::selects;
use crate::sim::holdout::{HoldoutHalf, HoldoutLabels};
use crate::sim::serving::Serving;

/// Examples read at a time.
const CHUNK: usize = 1024;

/// The remarks about `source`, with the training days and the examples of the holdout.
pub(super) fn of(
    scenario: &Scenario,
    source: &dyn DataSource,
    (train, last_request): (&[Day], Option<SimTime>),
    holdout: &[u64],
) -> Vec<Remark> {
    let mut found = source.remarks();
    let said = found.iter().any(|remark| LABEL_KEYS.contains(&remark.key.as_str()));
    if !said {
        found.extend(one_label(source, train));
        found.extend(halves(scenario, source, holdout));
    }
    if scenario.holdout.is_none() && scenario.serving.is_none() {
        let message = "there is no [holdout]: only the training loss is measured, and no AUC";
        let remark = Remark::new("holdout", message, how_to_hold_out(scenario, source, train));
        found.push(Remark { kind: RemarkKind::Unmeasured, ..remark });
    }
    found.extend(hashes_of_numbers(scenario, source));
    found.extend(replayed_parts(scenario, source));
    found.extend(open_windows(scenario, last_request));
    found.extend(longer_than_the_stream(scenario, last_request));
    found.extend(undivided_requests(scenario, source));
    let windows = [
        ("train.days", scenario.train.days.as_ref()),
        ("holdout.days", scenario.holdout.as_ref().and_then(|holdout| holdout.days.as_ref())),
    ];
    for (key, window) in windows {
        let numbered = window.and_then(|w| w.numbered(source.calendar(), source.days()).ok());
        found.extend(numbered.and_then(|window| empty_days(key, &window, source)));
    }
    found
}

/// Hashes in place of the texts of ids, where ids have no texts.
fn hashes_of_numbers(scenario: &Scenario, source: &dyn DataSource) -> Option<Remark> {
    let key = "checkpoint.ids";
    let asked = scenario.checkpoint.as_ref().is_some_and(|saving| !saving.ids.is_values());
    let texts = (0..source.schema().spaces.len()).any(|space| source.ids(space).is_some());
    (asked && !texts).then(|| {
        let message = format!("`{key}` has no effect: the ids of this log are numbers of rows");
        let remark = Remark::new(key, message, "leave it out: checkpoints list no ids at all");
        Remark { kind: RemarkKind::NoEffect, ..remark }
    })
}

/// A stream that replays a log whose days are parts of a file, and no days.
fn replayed_parts(scenario: &Scenario, source: &dyn DataSource) -> Option<Remark> {
    let follows = scenario.live()?.arrivals.follows_log();
    let is_generated = scenario.data.as_ref().is_some_and(|data| data.draws());
    (follows && !is_generated && source.calendar().first.is_none()).then(|| {
        let message = "the stream replays the times of this log, whose days have no dates: they are parts \
                       of its rows, and each is spread over 24 hours";
        let help = "name a column with times or dates, or choose another kind of `online.arrivals`";
        Remark::new("online.arrivals.kind", message, help)
    })
}

/// Windows of a stream that are still open when the last request comes.
fn open_windows(scenario: &Scenario, last: Option<SimTime>) -> Option<Remark> {
    let (window, last) = (scenario.live()?.join.window, last?);
    (window > last.since(SimTime::ZERO)).then(|| {
        let message = format!(
            "the last request of the stream comes after {last}, and a window closes only after {window}: \
             until then no negative is trained on"
        );
        let help = "a shorter `online.join.window`, requests that come more slowly, or those of the log at their own \
                    times (`online.arrivals.kind = \"replay\"`)";
        Remark::new("online.join.window", message, help)
    })
}

/// Intervals and delays that are longer than the whole stream.
fn longer_than_the_stream(scenario: &Scenario, last: Option<SimTime>) -> Vec<Remark> {
    let (Some(online), Some(last)) = (scenario.live(), last) else { return Vec::new() };
    let whole = last.since(SimTime::ZERO);
    let delays = [
        ("online.actions.delay.mean", online.actions.delay.mean, "hardly an action comes in it"),
        (
            "online.features.delay.mean",
            online.features.delay.mean,
            "hardly any features come in it",
        ),
    ];
    let mut spans: Vec<(String, SimSpan, &str)> =
        delays.map(|(key, span, what)| (key.to_string(), span, what)).into();
    for way in scenario.serving.iter().flat_map(Serving::ways) {
        let every = way.every.unwrap_or_default();
        spans.push((format!("serving.{}.every", way.table), every, "nothing is sent in it"));
        let lag = if way.has_messages() { way.lag.mean } else { SimSpan::ZERO };
        spans.push((
            format!("serving.{}.lag.mean", way.table),
            lag,
            "hardly a message comes in it",
        ));
    }
    let longer = spans.into_iter().filter(|(_, span, _)| *span > whole);
    let remark = |(key, span, what): (String, SimSpan, &str)| {
        let message =
            format!("the requests of the stream come within {whole}, less than {span}: {what}");
        let help = "a shorter time, requests that come more slowly, or those of the log at their own times \
                    (`online.arrivals.kind = \"replay\"`)";
        Remark::new(key, message, help)
    };
    longer.map(remark).collect()
}

/// Scored requests that are not divided by items, although nobody said so.
fn undivided_requests(scenario: &Scenario, source: &dyn DataSource) -> Option<Remark> {
    scenario.live()?;
    let is_scored = scenario.serving.as_ref().is_some_and(|serving| serving.share > 0.0);
    let why = scenario.item_field(source).ok()?.err().filter(|_| is_scored)?;
    let message = format!("there will be no `served_slices.csv`: {why}");
    let names: Vec<&str> = source.schema().fields.iter().map(|field| field.name.as_str()).collect();
    let help = match names.is_empty() {
        true => "requests are divided by a column of ids".to_string(),
        false => format!("name the column of items: `serving.item` is one of {}", names.join(", ")),
    };
    let remark = Remark::new("serving", message, help);
    Some(Remark { kind: RemarkKind::Unmeasured, ..remark })
}

/// What would measure quality on this log: days that it has, or its own split.
fn how_to_hold_out(scenario: &Scenario, source: &dyn DataSource, train: &[Day]) -> String {
    if !source.held_out().is_empty() {
        return "write an empty `[holdout]`: the log sets examples aside itself".to_string();
    }
    let days: Vec<u32> = source.days().iter().map(|day| day.number).collect();
    let end = train.last().map_or(0, |day| day.number);
    if let Some(behind) = days.iter().find(|day| **day > end) {
        return format!(
            "name days behind the training window, such as `holdout.days = \"{behind}\"`"
        );
    }
    if let [first, .., before, last] | [first @ before, last] = days[..] {
        let window = show(first, before);
        return format!(
            "hold out the last day: `train.days = \"{window}\"` and `holdout.days = \"{last}\"`"
        );
    }
    let settings = serde_json::to_value(&scenario.data).unwrap_or_default();
    let has = |key: &str| settings.get(key).is_some();
    if has("days") {
        return "the log is one day: hold out a share of its rows, with `data.held_out_share = 0.2` and an \
                empty `[holdout]`, or, if rows are in the order of time, divide it and hold out the last \
                part, with `data.days = 4`, `train.days = \"1..3\"` and `holdout.days = \"4\"`"
            .to_string();
    }
    let own = if has("split") { ", or let the log set examples aside (`data.split`)" } else { "" };
    format!("the log has one day, so no day is left to hold out: give it more days{own}")
}

/// The keys of remarks of a loader about its labels.
const LABEL_KEYS: [&str; 3] = ["data.positive_when", "data.label", "data.impressions"];

/// Passes the examples on, chunk by chunk, until `each` has seen enough.
fn scan(
    source: &dyn DataSource,
    ids: impl Iterator<Item = u64>,
    mut each: impl FnMut(&Batch) -> ControlFlow<()>,
) {
    let (mut ids, mut batch) = (ids.peekable(), Batch::default());
    while ids.peek().is_some() {
        let chunk: Vec<u64> = ids.by_ref().take(CHUNK).collect();
        source.read(&chunk, &mut batch);
        if each(&batch).is_break() {
            return;
        }
    }
}

fn one_label(source: &dyn DataSource, train: &[Day]) -> Option<Remark> {
    let (mut examples, mut positives) = (0usize, 0usize);
    scan(source, train.iter().flat_map(Day::ids), |batch| {
        examples += batch.len();
        positives += batch.labels.iter().filter(|label| **label > 0.5).count();
        match (1..examples).contains(&positives) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    let label = match (positives, examples) {
        (_, 0) => return None,
        (0, _) => "negative",
        (all, examples) if all == examples => "positive",
        _ => return None,
    };
    let message = format!("all {examples} examples of the training window are {label}");
    let help = "a model learns nothing from one label: choose other days, or look at the rule for the label";
    Some(Remark::new("train.days", message, help))
}

/// Halves of the holdout on which figures are not defined.
fn halves(scenario: &Scenario, source: &dyn DataSource, holdout: &[u64]) -> Vec<Remark> {
    let Some(settings) = &scenario.holdout else { return Vec::new() };
    let streams = scenario.scenario.streams(SeededPart::Data);
    let (mut labels, mut groups, mut chosen) = (Vec::new(), Vec::new(), Vec::new());
    let mut of = HoldoutLabels::default();
    let is_sound = |of: &HoldoutLabels| {
        [HoldoutHalf::Reporting, HoldoutHalf::Selection]
            .iter()
            .all(|half| of.no_mixed_group(*half).is_none())
    };
    // Most holdouts are sound after their first examples; counted again at each doubling, any
    // holdout is counted about twice.
    let mut next = CHUNK;
    scan(source, holdout.iter().copied(), |batch| {
        labels.extend_from_slice(&batch.labels);
        groups.extend(batch.info.iter().map(|info| info.group));
        let of_best =
            |example| selects(streams, settings.selection_share, source.schema(), example);
        chosen.extend(batch.info.iter().map(of_best));
        if labels.len() < next && labels.len() < holdout.len() {
            return ControlFlow::Continue(());
        }
        next = 2 * labels.len();
        of = HoldoutLabels::new(&labels, &groups, &chosen, &source.schema().group);
        let divides = of.is_divided || settings.selection_share == 0.0;
        if divides && is_sound(&of) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if labels.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let by_session = !settings.best_by.is_auc();
    let has_groups = !source.schema().group.is_empty();
    if settings.selection_share > 0.0 && !of.is_divided {
        found.push(undivided(source, labels.len(), &groups));
    }
    let both = [HoldoutHalf::Reporting, HoldoutHalf::Selection];
    for half in if of.is_divided { &both[..] } else { &both[..1] } {
        let reports = *half == HoldoutHalf::Reporting;
        let (reason, figures) = match (of.one_label(*half), of.no_mixed_group(*half)) {
            (Some(reason), _) if reports => (reason, "AUC and all that needs both labels"),
            (Some(reason), _) => (reason, "the best step"),
            (None, Some(reason)) if reports && has_groups => (reason, "session AUC"),
            (None, Some(reason)) if by_session => (reason, "the best step"),
            _ => continue,
        };
        let help = format!("{figures} will not be defined: hold out other days, or more of them");
        found.push(Remark::new("holdout", reason, help));
    }
    let choice = match by_session {
        true => of.no_mixed_group(HoldoutHalf::Selection),
        false => of.one_label(HoldoutHalf::Selection),
    };
    if let (Some(reason), true) = (choice, scenario.train.stop.patience.is_some()) {
        let message = format!("`train.stop.patience` never ends the run: {reason}");
        let help = "patience counts evaluations that are defined and no better; give another limit";
        found.push(Remark::new("train.stop.patience", message, help));
    }
    found
}

/// A holdout whose examples all came into one half.
fn undivided(source: &dyn DataSource, examples: usize, groups: &[u64]) -> Remark {
    let schema = source.schema();
    let group = if schema.group.is_empty() { "example" } else { &schema.group };
    let why = match schema.group.is_empty() || groups.iter().any(|one| *one != groups[0]) {
        true => format!("each {group} of it came into the same half"),
        false => format!("all {examples} examples of it have the same {group}"),
    };
    let message = format!(
        "the holdout cannot be divided: {why}, so the best step is chosen by the same examples that report it"
    );
    let help = "hold out more, or set `holdout.selection_share = 0`, which says the same";
    Remark::new("holdout.selection_share", message, help)
}

/// Days of a window, between the first and the last day of the log, without examples.
fn empty_days(key: &str, window: &Window, source: &dyn DataSource) -> Option<Remark> {
    let (days, calendar) = (source.days(), source.calendar());
    let has_rows = |number: u32| {
        let at = days.binary_search_by_key(&number, |day| day.number);
        at.is_ok_and(|at| days[at].examples > 0)
    };
    let all: u64 = window.ranges().iter().map(|(first, last)| u64::from(last - first) + 1).sum();
    let inside = days.iter().filter(|day| window.contains(day.number) && day.examples > 0);
    let empty = all - inside.count() as u64;
    if empty == 0 {
        return None;
    }
    let numbers = window.ranges().iter().flat_map(|(first, last)| *first..=*last);
    let named: Vec<u32> = numbers.filter(|number| !has_rows(*number)).take(NAMED).collect();
    let ranges: Vec<String> = named
        .chunk_by(|a, b| a + 1 == *b)
        .map(|run| calendar.range(run[0], run[run.len() - 1]))
        .collect();
    let more = if empty > named.len() as u64 { ", ..." } else { "" };
    let message =
        format!("{empty} of the {all} days of `{key}` have no rows: {}{more}", ranges.join(", "));
    let help = "they count as days of the window all the same; is the log complete, and is its day or time read as meant?";
    Some(Remark::new(key, message, help))
}

/// At most so many empty days are named.
const NAMED: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document::{DocumentInput, load};
    use std::path::Path;

    /// The remarks about a log of `rows`, each `day,label,user,item`.
    fn remarks(rows: &str, settings: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.csv"), format!("day,label,user,item\n{rows}"))
            .unwrap();
        let text = format!(
            "straggler = 1\n[data]\nkind = \"table\"\nfiles = [\"log.csv\"]\nday = \"day\"\ngroup = \"user\"\n\
             categorical = [\"user\", \"item\"]\n[model]\nkind = \"logistic\"\n{settings}"
        );
        let loaded = load::<Scenario>(DocumentInput::Text { name: "x", text: &text }, &[]).unwrap();
        let folder: &Path = folder.path();
        let prepared = loaded.value.prepare(folder).unwrap().unwrap();
        prepared.remarks.iter().map(|remark| format!("{}: {remark}", remark.key)).collect()
    }

    const SOUND: &str = "1,1,a,x\n1,0,a,y\n1,1,b,x\n1,0,b,y\n";

    #[test]
    fn a_sound_log_has_no_remarks() {
        let rows = format!("{SOUND}2,1,a,x\n2,0,a,y\n");
        assert_eq!(
            remarks(&rows, "[train]\ndays = \"1\"\n[holdout]\ndays = \"2\"\nselection_share = 0.0"),
            [""; 0]
        );
    }

    #[test]
    fn a_training_window_of_one_label_is_told() {
        let rows = "1,0,a,x\n1,0,b,y\n2,1,a,x\n2,0,a,y\n";
        let found =
            remarks(rows, "[train]\ndays = \"1\"\n[holdout]\ndays = \"2\"\nselection_share = 0.0");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("train.days: all 2 examples of the training window are negative")
        );
    }

    #[test]
    fn a_half_without_a_positive_and_patience_that_never_ends_are_told() {
        // One user has all positives, so that one half has none.
        let holdout: String =
            (0..40).map(|n| format!("2,{},u{n},x\n2,0,u{n},y\n", u8::from(n == 0))).collect();
        let settings =
            "[train]\ndays = \"1\"\nstop = { patience = 2, passes = 1 }\n[holdout]\ndays = \"2\"\n";
        let found = remarks(&format!("{SOUND}{holdout}"), settings);
        assert!(
            found[0]
                .contains("half of the holdout has no positive example: the only one is in the"),
            "{found:?}"
        );
        let is_selection = found[0].contains("the selection half of the holdout has no");
        assert_eq!(found.len(), if is_selection { 2 } else { 1 }, "{found:?}");
        assert!(
            !is_selection
                || found[1].starts_with("train.stop.patience: `train.stop.patience` never")
        );
    }

    #[test]
    fn groups_of_one_label_are_told() {
        let rows = format!("{SOUND}2,1,a,x\n2,1,a,y\n2,0,b,x\n");
        let found =
            remarks(&rows, "[train]\ndays = \"1\"\n[holdout]\ndays = \"2\"\nselection_share = 0.0");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("the holdout has no user with both labels; session AUC will not")
        );
    }

    #[test]
    fn days_without_rows_are_named() {
        let rows = format!("{SOUND}5,1,a,x\n5,0,a,y\n6,1,a,x\n6,0,a,y\n");
        let found = remarks(
            &rows,
            "[train]\ndays = \"1..5\"\n[holdout]\ndays = \"6\"\nselection_share = 0.0",
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("train.days: 3 of the 5 days of `train.days` have no rows: 2..4;"),
            "{found:?}"
        );
    }
}
