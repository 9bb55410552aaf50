//! `straggler demo`: a result within a minute, with no data and no network.

use std::ffi::OsString;
use std::path::Path;

use super::args::{DemoArgs, ProgressBy};
use super::exit::{Exit, Failure};
use super::insight::insight;
use super::run::{ProgressDisplay, execute};
use super::say::{out, tell};
use super::{load, show};
use crate::experiment::{SaveEvery, Trial};
use crate::scenario::document::DocumentInput;
use crate::scenario::templates::Template;

pub(super) fn demo(args: &DemoArgs, arguments: &[OsString]) -> Result<Exit, Failure> {
    let template = Template::find("demo").expect("it is built in");
    let input = DocumentInput::Text { name: "the built-in demo", text: template.text };
    let loaded = load::scenario(input, &args.overrides, arguments)?;
    let threads = load::threads(args.threads);
    let trial = Trial::new(loaded.value, Path::new("."), threads)?;
    tell(&format!("{}\n\n", trial.scenario.scenario.title));
    // The run is so short that it is repeated even if the folder is finished.
    let look = ProgressDisplay {
        progress: ProgressBy::Auto,
        plain: false,
        plots: true,
        force: true,
        save_every: SaveEvery::Never,
    };
    let done = execute(trial, args.out.as_deref(), threads, look)?;
    if let Some(summary) = &done.summary {
        out(&show::summary(summary, &done.path))?;
        out(&format!("\n{}", insight(summary, &done.path)))?;
        let picture = done.path.join("plots").join("quality-by-time.png");
        if picture.exists() {
            out(&format!("\npicture: {} ({:.1} s in all)\n", picture.display(), done.wall))?;
        }
    }
    Ok(Exit::Done)
}
