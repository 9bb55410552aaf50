//! Floor 11, the command line: one file per command. Results go to stdout, messages to stderr.

mod args;
mod check;
mod compare;
mod comparison;
mod completions;
mod criteo_form;
mod data;
#[cfg(feature = "html")]
mod defaults;
mod demo;
mod events;
mod exit;
mod explain;
mod export;
mod families;
mod fit;
mod fit_predict;
mod fit_text;
mod help;
mod insight;
mod kept_logs;
mod lab;
mod load;
mod log_args;
mod log_news;
mod named_file;
mod new;
mod progress;
mod race;
mod refusal;
mod report;
mod resume;
mod run;
mod say;
mod search;
mod shorthand;
mod show;
mod signals;
mod spectrum;
mod spread;
mod status;
mod step_log;
mod sweep;
mod sweep_watch;
mod trace;
mod verify;
mod whatif;

use std::ffi::OsString;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::FromArgMatches;

use args::{Args, Command, ProgressBy};
use exit::{Exit, Failure};
use shorthand::Typed;

use crate::base::printable;
use crate::base::registry::RegisterError;
use crate::data::cache::use_cache;

/// The program with all its commands and options, for the reference page.
pub fn commands() -> clap::Command {
    help::program()
}

/// The `main` of a program with parts of its own: `register` adds them to their families, and then
/// all commands know them, as in the program `straggler`.
///
/// ```no_run
/// # use std::process::ExitCode;
/// # use straggler::protocol::{ProtocolChoice, drop_stale};
/// fn main() -> ExitCode {
///     straggler::cli::main_with(|| {
///         ProtocolChoice::register::<drop_stale::Config>("mine", "A protocol of my own.")
///     })
/// }
/// ```
pub fn main_with(register: impl FnOnce() -> Result<(), RegisterError>) -> ExitCode {
    match register() {
        Ok(()) => run(std::env::args_os().collect()),
        Err(error) => {
            say::tell(&format!("this program cannot add a part of its own: {error}\n"));
            Exit::Usage.into()
        }
    }
}

/// Runs the program on its arguments, the program's name first.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let arguments = help::asked(arguments);
    let (typed, understood) = match shorthand::settle(&commands(), &arguments) {
        Ok(settled) => settled,
        Err(refused) => {
            say::tell(&format!("error: {refused}\n"));
            return Exit::Usage.into();
        }
    };
    let arguments: Vec<OsString> = typed.iter().map(|typed| typed.word.clone()).collect();
    let parsed = |words: &[OsString]| {
        let matches = commands().try_get_matches_from(words)?;
        Args::from_arg_matches(&matches)
    };
    let args = match parsed(&arguments) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are normal output; everything else is a mistake.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            // It prints itself and its arguments, with colours of its own.
            let shown = arguments.iter().map(|text| printable(&text.to_string_lossy()).into());
            let error = parsed(&shown.collect::<Vec<OsString>>()).err().unwrap_or(error);
            return match error.print() {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Write.into(),
                _ => exit.into(),
            };
        }
    };
    if args.command.as_ref().is_some_and(|command| command.progress() == ProgressBy::Json) {
        say::tell_events();
    }
    understood.iter().for_each(|line| say::tell(&format!("{line}\n")));
    say::tell_bugs();
    signals::survive_file_size_limits();
    let progress = args.command.as_ref().map_or(ProgressBy::Auto, Command::progress_of_log);
    use_cache(log_news::cache(progress));
    match guarded(|| dispatch(args, &typed)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                let message = format!("{}\n", failure.message.trim_end());
                if failure.coloured {
                    say::tell_coloured(&message);
                } else {
                    say::tell(&message);
                }
            }
            failure.exit.into()
        }
    }
}

/// Turns a panic into the exit code for a bug of the program.
fn guarded(work: impl FnOnce() -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    // Data that the panic may have left half done are not used again.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let message = "this is a bug in straggler, not in your input: please report the lines above, \
                       the command and the scenario";
        Err(Failure::new(Exit::Bug, message))
    })
}

fn dispatch(args: Args, arguments: &[Typed]) -> Result<Exit, Failure> {
    match args.command {
        None => show::welcome(),
        Some(Command::Demo(demo)) => demo::demo(&demo, arguments),
        Some(Command::Run(run)) => run::run(&run, arguments),
        Some(Command::Race(race)) => race::race(&race, arguments),
        Some(Command::Resume(resume)) => resume::resume(&resume),
        Some(Command::Check(check)) => check::check(&check, arguments),
        Some(Command::New(new)) => new::new(&new),
        Some(Command::Explain(explain)) => explain::explain(&explain),
        Some(Command::Data(data)) => data::data(&data, arguments),
        Some(Command::Lab(lab)) => lab::lab(&lab, arguments),
        Some(Command::Fit(fit)) => fit::fit(&fit),
        Some(Command::Verify(verify)) => verify::verify(&verify),
        Some(Command::Report(report)) => report::report(&report),
        Some(Command::Compare(compare)) => compare::compare(&compare),
        Some(Command::Export(export)) => export::export(&export),
        Some(Command::Whatif(whatif)) => whatif::whatif(&whatif),
        Some(Command::Completions(shell)) => completions::completions(&shell),
        // Old names.
        Some(Command::Sweep(sweep)) => sweep::sweep(&sweep, arguments),
        Some(Command::Status(status)) => status::status(&status),
        Some(Command::List(list)) => {
            say::out(&families::listed(list.what.as_deref())?)?;
            Ok(Exit::Done)
        }
        Some(Command::Trace(trace)) => trace::trace(&trace),
        Some(Command::Spread(spread)) => spread::spread(&spread),
        Some(Command::Spectrum(spectrum)) => spectrum::spectrum(&spectrum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_has_its_own_exit_code() {
        let failure = guarded(|| panic!("on purpose")).unwrap_err();
        assert_eq!(failure.exit as u8, 70);
        assert!(failure.message.contains("please report"));
        assert_eq!(guarded(|| Ok(Exit::Done)).unwrap(), Exit::Done);
    }
}
