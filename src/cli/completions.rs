//! `straggler completions`: what a shell needs to complete commands, options and names.

use clap::Command;
use clap::builder::PossibleValuesParser;

use super::args::CompletionsArgs;
use super::exit::{Exit, Failure};
use super::help;
use super::say::out;
use crate::base::registry::Part;
use crate::protocol::ProtocolChoice;
use crate::remedy::RemedyChoice;
use crate::scenario::templates::TEMPLATES;

pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program(), "straggler", &mut script);
    out(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// The program as shells should know it: with the names of templates, protocols and remedies, and
/// without the commands of old names.
fn program() -> Command {
    let named = |parts: Vec<Part>| parts.into_iter().map(|part| part.name).collect::<Vec<_>>();
    let templates: Vec<&str> = TEMPLATES.iter().map(|template| template.name).collect();
    let contestants = [named(ProtocolChoice::parts()), named(RemedyChoice::parts())].concat();
    let whole = help::program();
    let shown = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let shown = shown.map(|command| match command.get_name() {
        "new" => with_values(command, "template", &templates),
        "race" => with_values(command, "overrides", &contestants),
        _ => command,
    });
    let options = whole.get_arguments().cloned();
    Command::new("straggler").args(options).subcommands(shown)
}

fn with_values(command: Command, argument: &'static str, names: &[&'static str]) -> Command {
    let parser = PossibleValuesParser::new(names.iter().copied());
    command.mut_arg(argument, |argument| argument.value_parser(parser))
}
