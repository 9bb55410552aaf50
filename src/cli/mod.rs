//! Floor 10, the command line: one file per command. Results go to stdout, talk to stderr.

mod args;
mod check;
mod data;
mod demo;
mod exit;
mod explain;
mod insight;
mod list;
mod load;
mod new;
mod progress;
mod run;
mod show;
mod trace;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use exit::{Exit, Failure};

/// Runs the program on its arguments, the program's name first.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are answers, everything else is a mistake.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            drop(error.print());
            return exit.into();
        }
    };
    match dispatch(args, &arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                eprintln!("{}", failure.message.trim_end());
            }
            failure.exit.into()
        }
    }
}

fn dispatch(args: Args, arguments: &[OsString]) -> Result<Exit, Failure> {
    match args.command {
        None => show::welcome(),
        Some(Command::Demo(demo)) => demo::demo(&demo, arguments),
        Some(Command::Run(run)) => run::run(&run, arguments),
        Some(Command::Check(check)) => check::check(&check, arguments),
        Some(Command::New(new)) => new::new(&new),
        Some(Command::List(list)) => list::list(&list),
        Some(Command::Explain(explain)) => explain::explain(&explain),
        Some(Command::Data(data)) => data::data(&data, arguments),
        Some(Command::Trace(trace)) => trace::trace(&trace),
        Some(Command::Report(report)) => run::report(&report),
    }
}
