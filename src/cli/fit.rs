//! `straggler fit`: from logs of a real job to a cluster that behaves like it.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::fit_predict::{Known, asked, draw, predict};
use super::log_args::FitArgs;
use super::say::out;
use super::step_log::{failure, file_name, read_log};
use super::{fit_text, load, named_file};
use crate::experiment::fit::log::StepLog;
use crate::experiment::fit::machines::Traces;
use crate::experiment::fit::remarks::remarks;
use crate::experiment::fit::{FitSettings, fit as fit_cluster, judge, scenario};

/// Steps simulated for the prediction.
const STEPS: usize = 40_000;

pub(super) fn fit(args: &FitArgs) -> Result<Exit, Failure> {
    if let Some(path) = &args.out {
        refuse_log(args, path)?;
        named_file::refuse_existing(path, args.force)?;
    }
    if args.halves && args.logs.len() > 1 {
        return Err(Failure::new(Exit::Usage, "--halves takes one log"));
    }
    if let Some(cores) = args.cores.filter(|cores| !(1.0..=64.0).contains(cores)) {
        return Err(Failure::new(Exit::Usage, format!("--cores {cores}: use 1 to 64")));
    }
    let read = args.logs.iter().map(|path| read_log(path, &args.columns));
    let (logs, cleaned): (Vec<StepLog>, Vec<Vec<String>>) =
        read.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    // What cannot be predicted is said before a minute of fitting.
    let asked =
        args.predict.iter().map(|text| asked(text, &logs[0])).collect::<Result<Vec<_>, _>>()?;
    let all = logs[0].steps.len();
    let halves = match args.halves {
        true => {
            Some([(0, all / 2), (all / 2, all)].map(|half| part(&args.logs[0], &logs[0], half)))
        }
        false => None,
    };
    let halves = match halves {
        Some([first, second]) => Some((first?, second?)),
        None => None,
    };
    let fitted_logs = halves.as_ref().map_or(&logs[..], |(first, _)| std::slice::from_ref(first));
    let settings = FitSettings {
        pooled: args.pooled,
        cores: args.cores,
        ranges: true,
        traces: args.out.as_deref().map(|out| Traces {
            folder: load::folder_of(out),
            stem: out.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into()),
            overwrite: args.force,
        }),
    };
    let folder = settings.folder();
    let fitted = fit_cluster(fitted_logs, &settings).map_err(|error| failure(&error))?;
    let mut text = String::new();
    for (number, log) in fitted_logs.iter().enumerate() {
        if fitted_logs.len() > 1 {
            text.push_str(&format!("{}\n", args.logs[number].display()));
        }
        let (judged, window) = match &halves {
            Some((_, second)) => (second, (all / 2, all)),
            None => (log, (0, log.steps.len())),
        };
        let predicted = judge(&fitted.clusters[number], window, STEPS, &folder)
            .map_err(|error| failure(&error))?;
        let logged = judged.figures();
        let both = (&logged, &predicted);
        text += &(fit_text::comparison(judged, both, &log.workers, args.halves) + "\n");
        text += &(fit_text::machines(log, &fitted.machines[number]) + "\n");
        let notes = remarks(log, &fitted.machines[number]);
        for remark in cleaned[number].iter().chain(&notes) {
            text += &format!("note: {remark}\n\n");
        }
        text += &fit_text::stays(&fitted, &logged, &predicted);
    }
    text += &fit_text::servers(&fitted);
    let name = args.out.as_deref().and_then(Path::file_stem);
    let name = name.map_or_else(|| "fitted".to_string(), |name| file_name(&name.to_string_lossy()));
    let cluster = &fitted.clusters[0];
    let scenario = match args.table {
        true => scenario::table(cluster),
        false => scenario::whole(cluster, &name, fitted_logs[0].steps.len() as u64),
    };
    let scenario = scenario.map_err(|error| failure(&error))?;
    let scenario = format!("{}\n{scenario}", commented(&args.logs, &text));
    match &args.out {
        // What was asked for is the answer; a scenario goes to a file then.
        None if !asked.is_empty() || args.picture.is_some() => out(&text)?,
        None => out(&scenario)?,
        Some(path) => {
            named_file::write(path, args.force, scenario.as_bytes())?;
            out(&format!("{text}\n{}\n", path.display()))?;
        }
    }
    let known = Known { fitted: &fitted, log: &fitted_logs[0], folder: &folder };
    predict(&known, &asked)?;
    if let Some(path) = &args.picture {
        draw(&known, &asked, path)?;
    }
    Ok(Exit::Done)
}

/// Refuses to write over a log.
fn refuse_log(args: &FitArgs, path: &Path) -> Result<(), Failure> {
    let place = |path: &Path| std::fs::canonicalize(path).ok();
    let same = |log: &PathBuf| place(log).is_some_and(|log| Some(log) == place(path));
    if args.logs.iter().any(same) {
        let message = format!("{} is the log: use another name for --out", path.display());
        return Err(Failure::new(Exit::Refused, message));
    }
    Ok(())
}

fn part(path: &Path, log: &StepLog, (from, to): (usize, usize)) -> Result<StepLog, Failure> {
    log.part(from, to).map_err(|error| {
        let message = format!("{}: a half of the log cannot be fitted: {error}", path.display());
        Failure::new(Exit::Data, message)
    })
}

fn commented(logs: &[PathBuf], text: &str) -> String {
    let names: Vec<String> = logs.iter().map(|log| log.display().to_string()).collect();
    let line = |line: &str| format!("# {line}").trim_end().to_string() + "\n";
    format!("# Fitted to {}\n#\n", names.join(", ")) + &text.lines().map(line).collect::<String>()
}
