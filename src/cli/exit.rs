//! Exit codes: documented, tested, stable.

use std::process::ExitCode;

use crate::base::printable;
use crate::experiment::RunError;
use crate::experiment::lab::LabError;
use crate::experiment::lab::fork::ForkError;
use crate::results::FolderError;
use crate::scenario::BuildError;

/// How the program ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    /// Everything that was asked for is done.
    Done = 0,
    /// Everything is done, but a check failed: an expectation of the scenario, `compare --fail-if`,
    /// or `verify`.
    Check = 1,
    /// A bad command line or scenario; nothing was started.
    Usage = 2,
    /// The simulated job blew up, stalled or overflowed, or ended before a lab could fork it; the
    /// folder holds what was computed.
    Simulation = 3,
    /// The data are missing or malformed, a window is empty, or there is a leak.
    Data = 4,
    /// The estimate is above a limit, results cannot be compared, or a named file exists already.
    /// Nothing was written; `--force` continues anyway.
    Refused = 5,
    /// The results folder is locked, or belongs to something else.
    Folder = 6,
    /// Writing failed: disk full, permission.
    Write = 7,
    /// A bug of the program.
    Bug = 70,
    /// SIGINT: finished work is kept, and can be resumed.
    Interrupted = 130,
    /// SIGABRT: the system gave no more memory (`ulimit -v`, a container's limit). What was saved
    /// before is kept, and can be resumed.
    #[expect(dead_code, reason = "the system ends the program, and not the program itself")]
    OutOfMemory = 134,
    /// SIGTERM: as for SIGINT.
    Terminated = 143,
}

impl Exit {
    /// The exit code of a program that a signal has ended.
    pub(super) fn of_signal(number: usize) -> Exit {
        if number == 15 { Exit::Terminated } else { Exit::Interrupted }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An end with a message on stderr.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
    /// Whether the message has colours, and nothing else that is a command to a terminal.
    pub(super) coloured: bool,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl std::fmt::Display) -> Failure {
        Failure { exit, message: format!("error: {message}"), coloured: false }
    }

    /// A mistake, or the sentence of somebody who was asked to stop.
    fn of(exit: Exit, message: impl std::fmt::Display) -> Failure {
        match exit {
            Exit::Interrupted | Exit::Terminated => Failure::stopped(exit, message),
            _ => Failure::new(exit, message),
        }
    }

    /// The exit code of a trial that did not finish.
    pub(super) fn exit_of(error: &RunError) -> Exit {
        match error {
            RunError::Build(build) => code(build),
            RunError::InStage { error, .. } => Failure::exit_of(error),
            RunError::Start(_)
            | RunError::StageLeak { .. }
            | RunError::NoBest { .. }
            | RunError::SameHash { .. } => Exit::Data,
            RunError::Stages(_) => Exit::Usage,
            RunError::TooLarge { .. } => Exit::Refused,
            RunError::Folder(FolderError::Io { .. } | FolderError::Gone { .. })
            | RunError::Write { .. } => Exit::Write,
            RunError::Folder(_) | RunError::Read(_) | RunError::Changed { .. } => Exit::Folder,
            RunError::Simulation { .. } => Exit::Simulation,
            RunError::Interrupted { signal, .. } => Exit::of_signal(*signal),
        }
    }

    /// The exit code of a lab that did not finish.
    pub(super) fn exit_of_lab(error: &LabError) -> Exit {
        match error {
            LabError::Interrupted { signal, .. } => Exit::of_signal(*signal),
            LabError::Folder(FolderError::Io { .. } | FolderError::Gone { .. }) => Exit::Write,
            LabError::Folder(_) => Exit::Folder,
            LabError::Workers { .. } => Exit::Usage,
            LabError::Fork { error, .. } => match error {
                ForkError::Base(_) | ForkError::TooShort { .. } => Exit::Simulation,
                ForkError::State(_) => Exit::Bug,
                ForkError::Stopped(signal) => Exit::of_signal(*signal),
                ForkError::Build(build) => code(build),
                ForkError::NoBest
                | ForkError::Restart { .. }
                | ForkError::NothingToMeasure
                | ForkError::NoCluster => Exit::Usage,
            },
        }
    }

    /// An end that is no mistake: a plain sentence.
    pub(super) fn stopped(exit: Exit, message: impl std::fmt::Display) -> Failure {
        Failure { exit, message: message.to_string(), coloured: false }
    }

    /// What is wrong with a text that the user wrote, shown with colours of our own.
    pub(super) fn rendered(message: String) -> Failure {
        Failure { exit: Exit::Usage, message, coloured: true }
    }

    /// The same with a further line.
    pub(super) fn with_line(self, line: &str) -> Failure {
        let message = format!("{}\n{}", self.message.trim_end(), printable(line));
        Failure { message, ..self }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Failure::of(Failure::exit_of(&error), error)
    }
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        Failure::of(Failure::exit_of_lab(&error), error)
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Failure::new(code(&error), error)
    }
}

/// The exit code of a scenario that cannot be built.
pub(super) fn code(error: &BuildError) -> Exit {
    match error {
        error if error.is_setting() => Exit::Usage,
        BuildError::LargeHoldout { .. } => Exit::Refused,
        _ => Exit::Data,
    }
}
