//! The command-line program; everything happens in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    straggler::cli::main_with(|| Ok(()))
}
