//! Short words on the command line: `workers=30` and `--workers 30` for `cluster.workers=30`.

use std::ffi::OsString;

use crate::scenario::Scenario;
use crate::scenario::document::Shape;
use crate::scenario::shorthand::{full_key, in_full};

/// The name of the positional arguments that are settings of a scenario.
const SETTINGS: &str = "overrides";

/// An argument of the program, and its number among those that were typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Typed {
    /// What it stands for: a setting is in full.
    pub(super) word: OsString,
    /// Counted from 1 behind the program's name; an option and its value that stand for one setting
    /// have the number of the option.
    pub(super) number: usize,
}

/// The name of the option for several seeds, which is a key of `[lab]` too.
const SEEDS: &str = "seeds";
/// The command that reads `[lab]`, so that `seeds` is a setting there.
const LAB: &str = "restart";

/// The arguments with every setting in full, and a line about each that was not.
///
/// # Errors
/// In words, if several seeds are asked of a command that has one.
pub(super) fn settle(
    program: &clap::Command,
    arguments: &[OsString],
) -> Result<(Vec<Typed>, Vec<String>), String> {
    let all = arguments.iter().enumerate();
    let mut settled: Vec<Typed> =
        all.map(|(number, word)| Typed { word: word.clone(), number }).collect();
    let mut told = Vec::new();
    let Some((command, from)) = command_of(program, arguments) else { return Ok((settled, told)) };
    let takes_seeds = command.get_arguments().any(|arg| arg.get_long() == Some(SEEDS));
    let shape = Shape::of::<Scenario>();
    let mut rest = settled.split_off(from).into_iter().peekable();
    while let Some(typed) = rest.next() {
        let Some(text) = typed.word.to_str().filter(|text| *text != "--") else {
            settled.push(typed);
            settled.extend(rest);
            break;
        };
        let seeds = text.trim_start_matches("--").strip_prefix(SEEDS);
        let seeds = seeds.filter(|rest| rest.is_empty() || rest.starts_with('='));
        if let Some(given) = seeds.filter(|_| command.get_name() != LAB) {
            let is_option = text.starts_with("--");
            match given.strip_prefix('=') {
                _ if !is_option && given.is_empty() => {}
                Some(number) if takes_seeds && !is_option => {
                    told.push(format!("{text} is understood as --{SEEDS} {number}"));
                    let word = format!("--{SEEDS}={number}").into();
                    settled.push(Typed { word, ..typed });
                    continue;
                }
                _ if takes_seeds => {}
                number => {
                    let next = rest.peek().and_then(|next| next.word.to_str());
                    let next = next.filter(|next| !next.starts_with('-'));
                    return Err(no_seeds(command.get_name(), number.or(next).unwrap_or("3")));
                }
            }
        }
        let full = match text.strip_prefix("--") {
            None => in_full(&shape, text).map(|full| (text.to_string(), full)),
            Some(option) => {
                let (name, value) = match option.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (option, None),
                };
                let known = command.get_arguments().find(|arg| arg.get_long() == Some(name));
                match known {
                    Some(known) => {
                        let takes = known.get_action().takes_values() && value.is_none();
                        settled.push(typed);
                        settled.extend(takes.then(|| rest.next()).flatten());
                        continue;
                    }
                    None => full_key(&shape, name).and_then(|_| {
                        let next = || rest.peek()?.word.to_str().map(str::to_string);
                        let given = value.map(str::to_string).or_else(next);
                        let given = given.filter(|next| !next.starts_with('-'))?;
                        if value.is_none() {
                            rest.next();
                        }
                        let setting = format!("{name}={given}");
                        let full = in_full(&shape, &setting).unwrap_or_else(|| setting.clone());
                        Some((format!("--{name} {given}"), full))
                    }),
                }
            }
        };
        match full {
            Some((short, full)) => {
                told.push(format!("{short} is understood as {full}"));
                settled.push(Typed { word: full.into(), ..typed });
            }
            None => {
                // An option of one letter and its value are not a setting.
                let letter = text.strip_prefix('-').and_then(|text| text.chars().next());
                let takes = command.get_arguments().any(|arg| {
                    letter.is_some() && arg.get_short() == letter && arg.get_action().takes_values()
                });
                let takes = takes && text.len() == 2;
                settled.push(typed);
                settled.extend(takes.then(|| rest.next()).flatten());
            }
        }
    }
    Ok((settled, told))
}

/// Why a command has no seeds, and which command has them.
fn no_seeds(command: &str, number: &str) -> String {
    let more = match command {
        "demo" => {
            format!("straggler new demo > my.toml, then straggler run my.toml --{SEEDS} {number}")
        }
        "check" => format!("straggler run FILE --{SEEDS} {number} --list shows what they need"),
        _ => format!("straggler run FILE --{SEEDS} {number}"),
    };
    format!(
        "{command} has no --{SEEDS}: it uses one seed, and seed={number} makes it the one numbered {number}. Several \
         seeds are a sweep: {more}"
    )
}

/// The command that the arguments call, if it takes settings, and where its own arguments begin.
fn command_of<'a>(
    program: &'a clap::Command,
    arguments: &[OsString],
) -> Option<(&'a clap::Command, usize)> {
    let mut command = program;
    let mut at = 1;
    while let Some(inner) =
        arguments.get(at).and_then(|name| command.find_subcommand(name.to_str()?))
    {
        command = inner;
        at += 1;
    }
    let takes = command.get_positionals().any(|arg| arg.get_id() == SETTINGS);
    takes.then_some((command, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(text: &str) -> String {
        let words: Vec<OsString> = text.split(' ').map(OsString::from).collect();
        let (settled, _) = settle(&super::super::commands(), &words).unwrap();
        let words: Vec<OsString> = settled.into_iter().map(|typed| typed.word).collect();
        words.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn arguments_keep_the_numbers_that_they_were_typed_with() {
        let text = "straggler run a.toml --workers 30 --out x batch=0";
        let words: Vec<OsString> = text.split(' ').map(OsString::from).collect();
        let (settled, _) = settle(&super::super::commands(), &words).unwrap();
        let numbers: Vec<(usize, &str)> =
            settled.iter().map(|typed| (typed.number, typed.word.to_str().unwrap())).collect();
        let last = [(3, "cluster.workers=30"), (5, "--out"), (6, "x"), (7, "train.batch=0")];
        assert_eq!(numbers[3..], last);
    }

    #[test]
    fn several_seeds_are_a_sweep_or_refused() {
        assert_eq!(settled("straggler run a.toml seeds=3"), "straggler run a.toml --seeds=3");
        let race = "straggler race a.toml async seeds=3";
        assert_eq!(settled(race), "straggler race a.toml async --seeds=3");
        let lab = "straggler lab restart a.toml lab.seeds=3";
        for short in
            ["straggler lab restart a.toml seeds=3", "straggler lab restart a.toml --seeds 3"]
        {
            assert_eq!(settled(short), lab);
        }
        for (typed, said) in [
            ("straggler demo --seeds 3", "straggler run my.toml --seeds 3"),
            ("straggler demo seeds=4", "demo has no --seeds: it uses one seed"),
            ("straggler check a.toml --seeds=3", "straggler run FILE --seeds 3 --list"),
        ] {
            let words: Vec<OsString> = typed.split(' ').map(OsString::from).collect();
            let refused = settle(&super::super::commands(), &words).unwrap_err();
            assert!(refused.contains(said), "{typed}: {refused}");
        }
    }

    #[test]
    fn settings_are_written_in_full_and_options_stay() {
        for (typed, full) in [
            ("straggler run a.toml workers=3", "straggler run a.toml cluster.workers=3"),
            ("straggler run a.toml --workers 3 -q", "straggler run a.toml cluster.workers=3 -q"),
            ("straggler demo --workers=3", "straggler demo cluster.workers=3"),
            ("straggler demo --lr 0.1", "straggler demo optimizer.learning_rate=0.1"),
            ("straggler run a.toml --protocol ssp", "straggler run a.toml protocol.kind=ssp"),
            (
                "straggler check a.toml --learning-rate 1",
                "straggler check a.toml optimizer.learning_rate=1",
            ),
            ("straggler lab restart a.toml seed=3", "straggler lab restart a.toml scenario.seed=3"),
        ] {
            assert_eq!(settled(typed), full);
        }
        for same in [
            "straggler run a.toml --only workers=3 --out workers=4 --seeds 3",
            "straggler run a.toml --seeds=3 --workers",
            "straggler run a.toml --workers --quiet",
            "straggler run a.toml --nonsense 3",
            "straggler run a.toml -- workers=3",
            "straggler compare workers=3",
            "straggler data gen a.toml -o workers=3",
            "straggler",
        ] {
            assert_eq!(settled(same), same);
        }
    }
}
