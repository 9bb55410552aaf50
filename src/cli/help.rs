//! The commands in groups, as `--help` and the program without a command show them.

use std::ffi::OsString;

use clap::{Command, CommandFactory};

use super::args::Args;

/// The groups: a heading, and the commands in the order in which one meets them.
const GROUPS: &[(&str, &[&str])] = &[
    ("Start", &["demo", "new", "check", "explain"]),
    ("Run", &["run", "race", "resume", "verify", "lab"]),
    ("Look at results", &["report", "compare", "export"]),
    ("Logs", &["data", "fit", "whatif"]),
    ("Shell", &["completions"]),
];

/// The program, with its commands in groups.
pub(super) fn program() -> Command {
    let program = Args::command();
    let groups = groups(&program);
    program
        .help_template(
            "{about-with-newline}\n{usage-heading} {usage}\n\n{after-help}\n\nOptions:\n{options}",
        )
        .after_help(format!("{groups}\n`straggler COMMAND --help` shows the options of a command."))
}

/// `straggler help run` asks what `straggler run --help` does.
pub(super) fn asked(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.get(1).is_some_and(|word| word == "help") {
        arguments.remove(1);
        arguments.push("--help".into());
    }
    arguments
}

/// The groups as text: a line per command.
pub(super) fn groups(program: &Command) -> String {
    let mut text = String::new();
    for (heading, names) in GROUPS {
        text.push_str(&format!("{heading}:\n"));
        for name in *names {
            let command = program.find_subcommand(name);
            let about = command.and_then(Command::get_about).map(ToString::to_string);
            text.push_str(&format!("  {name:<12} {}\n", about.unwrap_or_default()));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_unless_it_is_an_old_name() {
        let program = Args::command();
        for command in program.get_subcommands() {
            let groups = GROUPS.iter().filter(|(_, names)| names.contains(&command.get_name()));
            let wanted = usize::from(!command.is_hide_set());
            assert_eq!(groups.count(), wanted, "{}", command.get_name());
        }
        let named = GROUPS.iter().flat_map(|(_, names)| *names);
        for name in named {
            assert!(program.find_subcommand(name).is_some(), "there is no command {name}");
        }
    }
}
