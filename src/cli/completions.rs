//! `straggler completions`: what a shell needs to complete commands and options.

use super::args::CompletionsArgs;
use super::exit::{Exit, Failure};
use super::help;
use super::say::out;

pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut help::program(), "straggler", &mut script);
    out(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
