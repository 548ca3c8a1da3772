//! Calls the library and exits with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    lifeboat::cli::main()
}
