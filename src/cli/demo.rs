//! `straggler demo`: a result within a minute, with no data and no network.

use std::path::Path;

use super::args::{DemoArgs, ProgressBy};
use super::exit::{Exit, Failure};
use super::insight::insight;
use super::run::{ProgressDisplay, default_folder, execute};
use super::say::{out, tell};
use super::shorthand::Typed;
use super::{load, show};
use crate::experiment::SaveEvery;
use crate::results::Summary;
use crate::scenario::Scenario;
use crate::scenario::document::{DocumentInput, to_toml};
use crate::scenario::templates::Template;

pub(super) fn demo(args: &DemoArgs, arguments: &[Typed]) -> Result<Exit, Failure> {
    let template = Template::find("demo").expect("it is built in");
    let input = DocumentInput::Text { name: "the built-in demo", text: template.text };
    let loaded = load::scenario(input, &args.overrides, arguments)?;
    load::tell_idle_lab(&loaded, &args.overrides, false);
    let threads = load::threads(args.threads);
    let trial = load::trial(&loaded, Path::new("."), threads)?;
    tell(&format!("{}\n\n", trial.scenario.scenario.title));
    let rate = trial.scenario.optimizer.learning_rate();
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
        let plain = plain(args)?;
        let text = insight(summary, &done.path, &args.overrides, plain.as_ref(), rate);
        out(&format!("\n{text}"))?;
        // The demo's question is about the age of gradients.
        let picture = done.path.join("plots").join("staleness.png");
        if picture.exists() {
            out(&format!("\npicture: {} ({:.1} s in all)\n", picture.display(), done.wall))?;
        }
    }
    Ok(Exit::Done)
}

/// The summary of the demo without arguments, if it has been run here; `None` if this is it.
fn plain(args: &DemoArgs) -> Result<Option<Summary>, Failure> {
    if args.overrides.is_empty() {
        return Ok(None);
    }
    let template = Template::find("demo").expect("it is built in");
    let scenario = Scenario::from_text(template.text).expect("it is built in");
    let resolved = to_toml(&scenario).expect("a scenario is valid TOML");
    Ok(Summary::read(&default_folder(&scenario, &resolved))?)
}
