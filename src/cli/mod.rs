//! The command line: one file per subcommand. Parses, calls the library, prints, and turns what happened into an exit code.
//!
//! Holds no rule about runs: those are the engine's.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "talking to the operator is what this module is for")]

mod accounts;
mod approve;
mod args;
mod check;
mod cloud;
mod drill;
mod drill_legs;
mod drill_ready;
mod execute;
mod exit;
mod intent;
mod kinds;
mod load;
mod lost;
mod operator;
mod parity;
mod plan;
mod policy;
mod reference;
mod rehearse;
mod report;
mod resume;
mod rollback;
mod run;
mod sim;
mod status;
mod trouble;
mod verify;
mod world;

use args::{Arguments, Command, Format};
use clap::Parser as _;
use exit::Exit;
use std::process::ExitCode;
use trouble::Trouble;

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are data; everything else is usage. Clap chooses the stream.
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Completed };
            return if error.print().is_ok() { code.into() } else { Exit::Bug.into() };
        }
    };
    let common = arguments.common;
    if !is_known_there(common.format, &arguments.command) {
        let trouble = Trouble::new(Exit::Usage, "this command has no such --format");
        return trouble
            .hint(
                "JUnit XML and Markdown are formats of `lifeboat rehearse` and `lifeboat report`, JSON Lines and HTML of `lifeboat report`, annotations for GitHub of `lifeboat check`",
            )
            .report(&common)
            .into();
    }
    let result = match arguments.command {
        Command::Check(args) => check::check(&args, &common),
        Command::Plan(args) => plan::plan(&args, &common),
        Command::Parity(args) => parity::parity(&args, &common),
        Command::Policy(args) => policy::policy(&args, &common),
        Command::Run(args) => run::run(&args, &common),
        Command::Status(args) => status::status(&args, &common),
        Command::Runs => status::runs(&common),
        Command::Rehearse(args) => rehearse::rehearse(&args, &common),
        Command::Resume(args) => resume::resume(&args, &common),
        Command::Rollback(args) => rollback::rollback(&args, &common),
        Command::Report(args) => report::report(&args, &common),
        Command::Verify(args) => verify::verify(&args, &common),
        Command::Approve(args) => approve::approve(&args, &common),
        Command::Drill(args) => drill::drill(&args, &common),
        Command::Kinds(args) => kinds::kinds(&args, &common),
        Command::Schema(args) => Ok(reference::schema(&args)),
        Command::Explain(args) => reference::explain(&args),
        Command::Completions(args) => Ok(reference::completions(&args)),
        Command::Sim(args) => sim::sim(&args, &common),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(trouble) => trouble.report(&common).into(),
    }
}

/// Screens, JSON and lines are for all commands; a CI system's own formats for those that have something to tell it.
fn is_known_there(format: Format, command: &Command) -> bool {
    match format {
        Format::Text | Format::Lines | Format::Json => true,
        Format::Markdown | Format::Junit => matches!(command, Command::Rehearse(_) | Command::Report(_)),
        Format::Jsonl | Format::Html => matches!(command, Command::Report(_)),
        Format::Github => matches!(command, Command::Check(_)),
    }
}
