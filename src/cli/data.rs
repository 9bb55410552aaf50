//! `straggler data`: looking at a log, and writing a generated one.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::exit::{Exit, Failure};
use super::log_args::{DataCommand, LogForm};
use super::named_file::{self, NamedFile};
use super::say::{out, stdout_for_data};
use super::shorthand::Typed;
use super::{criteo_form, kept_logs, load, refusal};
use crate::base::printable;
use crate::data::cache::Clearing;
use crate::data::{Batch, DataSource, Day, OpenContext, Schema, Window};
use crate::report::terminal::{Align, TextTable};
use crate::scenario::build::BuildError;
use crate::scenario::seeds::SeededPart;

pub(super) fn data(args: &DataCommand, arguments: &[Typed]) -> Result<Exit, Failure> {
    match args {
        DataCommand::Inspect { scenario, overrides, head } => {
            let source = open(scenario, overrides, arguments)?;
            out(&inspect(source.as_ref(), *head))?;
        }
        DataCommand::Cache { text, clear, verify, unused_for } => {
            let unused_for = u64::from(*unused_for) * 86_400;
            let which = Clearing { unused_for, with: text.clone() };
            return kept_logs::show(&which, *clear, *verify);
        }
        DataCommand::Gen { scenario, overrides, days, out: file, form, force } => {
            if let Some(path) = file {
                named_file::refuse_existing(path, *force)?;
            }
            let source = open(scenario, overrides, arguments)?;
            let days = match days {
                None => source.days().to_vec(),
                Some(text) => {
                    let window: Window =
                        text.parse().map_err(|error| Failure::new(Exit::Usage, error))?;
                    window
                        .select(source.days(), source.calendar())
                        .map_err(|error| Failure::new(Exit::Data, error))?
                }
            };
            write(source.as_ref(), &days, (file.as_deref(), *force), *form)?;
        }
    }
    Ok(Exit::Done)
}

fn open(
    scenario: &Path,
    overrides: &[String],
    arguments: &[Typed],
) -> Result<Arc<dyn DataSource>, Failure> {
    let (loaded, folder) = load::from_path(scenario, overrides, arguments)?;
    let streams = loaded.value.scenario.streams(SeededPart::Data);
    let context = OpenContext::new(&folder, streams);
    let choice = loaded.value.data.as_ref().ok_or(BuildError::NoData);
    let source = choice.and_then(|choice| Ok(choice.open_log(&context)?));
    let source = source.map_err(|error| refusal::of_run(&loaded, error.into()))?;
    load::tell_remarks(&source.remarks(), &loaded);
    Ok(source)
}

fn inspect(source: &dyn DataSource, head: usize) -> String {
    let mut table = TextTable::new(&[Align::Left, Align::Left]);
    let (facts, schema) = (source.facts(), source.schema());
    for (name, value) in &facts {
        table.row([name.clone(), value.clone()]);
    }
    for space in &schema.spaces {
        let name = format!("ids of {}", space.name);
        // Some sources have the numbers of ids among their facts already.
        if facts.iter().all(|(fact, _)| *fact != name) {
            table.row([name, space.rows.to_string()]);
        }
    }
    let held = source.held_out();
    if !held.is_empty() {
        table.row(["held out by the source".to_string(), (held.end - held.start).to_string()]);
    }
    let mut text = table.render();
    text.push_str(&dated_days(source));
    let first = source.days().first().map_or(held.start, |day| day.first);
    let all = source.days().last().map_or(held.end, |day| day.ids().end);
    let ids: Vec<u64> = (first..all).take(head).collect();
    if !ids.is_empty() {
        let mut batch = Batch::default();
        source.read(&ids, &mut batch);
        text.push_str("\nfirst examples\n");
        let mut lines = vec![header(schema)];
        lines.extend((0..batch.len()).map(|i| line(schema, &batch, i)));
        text.push_str(&lines.join("\n"));
        text.push('\n');
    }
    text
}

/// The days of a log with their dates: all if they are few, else the first and the last.
fn dated_days(source: &dyn DataSource) -> String {
    let (days, calendar) = (source.days(), source.calendar());
    if calendar.first.is_none() || days.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(&[Align::Right, Align::Left, Align::Right]);
    table.row(["day", "date", "examples"]);
    let all = days.len() <= SHOWN_DAYS;
    let first = if all { days } else { &days[..SHOWN_DAYS - 2] };
    let row = |day: &Day| {
        let date = calendar.date(day.number).map_or(String::new(), |date| date.to_string());
        [day.number.to_string(), date, day.examples.to_string()]
    };
    for day in first {
        table.row(row(day));
    }
    if let (false, Some(last)) = (all, days.last()) {
        table.row(["...", "", ""]);
        table.row(row(last));
    }
    format!("\n{}", table.render())
}

/// So many days are shown.
const SHOWN_DAYS: usize = 12;

fn write(
    source: &dyn DataSource,
    days: &[Day],
    (file, force): (Option<&Path>, bool),
    form: LogForm,
) -> Result<(), Failure> {
    let written = match file {
        Some(path) => {
            let mut to = NamedFile::create(path, force)?;
            match write_rows(source, days, &mut to, (form, false)) {
                Ok(()) => return to.end(),
                failed => failed,
            }
        }
        None => {
            let (to, is_terminal) = stdout_for_data();
            write_rows(source, days, &mut BufWriter::new(to), (form, is_terminal))
        }
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Write, format!("cannot write the log: {error}")))
        }
        _ => Ok(()),
    }
}

fn write_rows(
    source: &dyn DataSource,
    days: &[Day],
    to: &mut dyn Write,
    (form, is_terminal): (LogForm, bool),
) -> io::Result<()> {
    let schema = source.schema();
    let fit = |line: String| if is_terminal { printable(&line) } else { line };
    if form == LogForm::Csv {
        writeln!(to, "{}", fit(header(schema)))?;
    }
    let line = |batch: &Batch, i: usize| match form {
        LogForm::Csv => fit(line(schema, batch, i)),
        LogForm::Criteo => criteo_form::line(batch, i),
    };
    let mut batch = Batch::default();
    for day in days {
        let all = day.ids();
        for from in all.clone().step_by(1024) {
            let ids: Vec<u64> = (from..all.end.min(from + 1024)).collect();
            source.read(&ids, &mut batch);
            for i in 0..batch.len() {
                writeln!(to, "{}", line(&batch, i))?;
            }
        }
    }
    to.flush()
}

/// `example,day,group,label,<fields>,<numeric>,history_<column>...`
fn header(schema: &Schema) -> String {
    let group = if schema.group.is_empty() { "group" } else { &schema.group };
    let mut names: Vec<String> = ["example", "day", group, "label"].map(Into::into).into();
    names.extend(schema.fields.iter().map(|field| {
        // A field may have the same name as the group column.
        if field.name == group { format!("{}_id", field.name) } else { field.name.clone() }
    }));
    names.extend(schema.numeric.iter().cloned());
    if let Some(history) = &schema.history {
        names.extend(
            history
                .columns
                .iter()
                .map(|column| format!("history_{}", schema.spaces[column.space].name)),
        );
    }
    names.join(",")
}

fn line(schema: &Schema, batch: &Batch, i: usize) -> String {
    let info = &batch.info[i];
    let mut cells = vec![
        info.id.to_string(),
        info.day.to_string(),
        info.group.to_string(),
        batch.labels[i].to_string(),
    ];
    let (fields, numeric) = (schema.fields.len(), schema.numeric.len());
    cells.extend(batch.fields[i * fields..(i + 1) * fields].iter().map(u32::to_string));
    cells.extend(batch.numeric[i * numeric..(i + 1) * numeric].iter().map(f32::to_string));
    let columns = schema.history_columns();
    for column in 0..columns {
        let events = batch.history_offsets[i] as usize..batch.history_offsets[i + 1] as usize;
        let ids: Vec<String> =
            // The most recent event comes last, as in most logs.
            events.rev().map(|event| batch.history[event * columns + column].to_string()).collect();
        cells.push(ids.join("|"));
    }
    cells.join(",")
}
