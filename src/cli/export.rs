//! `straggler export`: results for notebooks, TensorBoard and Perfetto.

use super::args::{ExportArgs, ExportFormat, TraceArgs};
use super::exit::{Exit, Failure};
use super::say::out;
use super::trace;
use crate::base::counted;
use crate::results::export::{ExportError, FileFormat, export as write, export_lab};
use crate::results::folder::is_lab;
use crate::results::outcome::Results;

pub(super) fn export(args: &ExportArgs) -> Result<Exit, Failure> {
    let (format, name) = match args.format {
        ExportFormat::Perfetto => {
            let ExportArgs { folder, window, out, force, .. } = args;
            let (folder, window, out) = (folder.clone(), window.clone(), out.clone());
            return trace::trace(&TraceArgs { folder, window, out, force: *force });
        }
        _ if args.window.is_some() => {
            let message = "--window is for a timeline: --format perfetto";
            return Err(Failure::new(Exit::Usage, message));
        }
        ExportFormat::Csv => (FileFormat::Csv, "csv"),
        ExportFormat::Jsonl => (FileFormat::Jsonl, "jsonl"),
        ExportFormat::Parquet => (FileFormat::Parquet, "parquet"),
        ExportFormat::Tensorboard => (FileFormat::Tensorboard, "tensorboard"),
    };
    let into = args.out.clone().unwrap_or_else(|| args.folder.join("export").join(name));
    let files = match is_lab(&args.folder) {
        true => export_lab(&args.folder, format, &into)?,
        false => write(&Results::open(&args.folder)?, format, &into)?,
    };
    match format {
        FileFormat::Tensorboard => out(&format!(
            "{} ({}); look at it with: tensorboard --logdir {}\n",
            into.display(),
            counted(files.len(), "event file", "event files"),
            into.display()
        ))?,
        _ => {
            for file in &files {
                out(&format!("{}\n", file.display()))?;
            }
        }
    }
    Ok(Exit::Done)
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        let exit = match &error {
            ExportError::Read(_) => Exit::Folder,
            ExportError::Write(_) | ExportError::Parquet { .. } => Exit::Write,
            ExportError::NotBuilt | ExportError::NoSeries => Exit::Usage,
        };
        Failure::new(exit, error)
    }
}
