//! `straggler data cache`: the logs that are kept on disk.

use std::path::Path;

use super::exit::{Exit, Failure};
use super::say::out;
use crate::base::{ByteSize, counted};
use crate::data::cache::{self, Clearing, KeptLog};
use crate::report::terminal::{Align, TextTable};

/// Lists the logs in the cache that `which` names, checks them, or clears them.
pub(super) fn show(which: &Clearing, clear: bool, verify: bool) -> Result<Exit, Failure> {
    let Some(folder) = cache::usual_folder() else {
        out(&format!("no logs are kept: {} is \"off\", or no folder is known\n", cache::VARIABLE))?;
        return Ok(Exit::Done);
    };
    if clear {
        let gone = cache::clear(&folder, which).map_err(|error| failure(&folder, &error))?;
        let bytes = ByteSize(gone.iter().map(|log| log.bytes).sum());
        let logs = counted(gone.len() as u64, "log", "logs");
        out(&format!("{logs} removed from {}, {bytes}\n", folder.display()))?;
        return Ok(Exit::Done);
    }
    let mut logs = cache::list(&folder).map_err(|error| failure(&folder, &error))?;
    logs.retain(|log| which.names(log));
    if verify {
        logs.iter_mut().for_each(KeptLog::verify);
    }
    out(&listed(&folder, &logs))?;
    let sound = !verify || logs.iter().all(|log| log.problem.is_none());
    Ok(if sound { Exit::Done } else { Exit::Check })
}

fn failure(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Write, format!("the cache of logs in {}: {error}", folder.display()))
}

fn listed(folder: &Path, logs: &[KeptLog]) -> String {
    if logs.is_empty() {
        return format!("no logs in {}\n", folder.display());
    }
    let mut table =
        TextTable::new(&[Align::Left, Align::Right, Align::Right, Align::Right, Align::Left]);
    table.row(["log", "examples", "size", "last use", "made of"]);
    for log in logs {
        let name = log.path.file_name().map_or(String::new(), |name| name.to_string_lossy().into());
        let files = match (&log.problem, &log.files[..]) {
            (Some(problem), _) => format!("({problem})"),
            (None, [first, rest @ ..]) if !rest.is_empty() => {
                format!("{first} and {} more", rest.len())
            }
            (None, files) => files.concat(),
        };
        let size = ByteSize(log.bytes).to_string();
        table.row([name, log.examples.to_string(), size, ago(log.unused), files]);
    }
    let all = ByteSize(logs.iter().map(|log| log.bytes).sum());
    let count = counted(logs.len() as u64, "log", "logs");
    format!("{}\n{count} in {}, {all}\n", table.render(), folder.display())
}

/// How long ago, in the largest unit that is full.
fn ago(seconds: u64) -> String {
    let units = [(86_400, "day", "days"), (3_600, "hour", "hours"), (60, "minute", "minutes")];
    let unit = units.into_iter().find(|(length, ..)| seconds >= *length);
    unit.map_or("now".to_string(), |(length, one, many)| {
        format!("{} ago", counted(seconds / length, one, many))
    })
}
