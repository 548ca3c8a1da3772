//! `lifeboat status` and `runs`: what the journals tell. Read-only; takes no lock.

use super::{
    args::{Common, Format, StatusArgs},
    cloud, execute,
    exit::Exit,
    trouble::Trouble,
};
use crate::{
    engine::RunState,
    journal::StateDirectory,
    report::{self, Style},
};

pub(super) fn status(args: &StatusArgs, common: &Common) -> Result<Exit, Trouble> {
    let store = cloud::store(common)?;
    let found = execute::find(&store, &args.run)?;
    match common.format {
        Format::Json => println!("{:#}", report::run_json(&found.state, None)),
        Format::Text | Format::Lines | Format::Github => {
            let alive = found.files.is_being_executed();
            let more = execute::state_argument(&store, common);
            print!("{}", report::status_screen(&found.state, alive, &more, &Style::stdout()));
        }
    }
    Ok(Exit::Completed)
}

pub(super) fn runs(common: &Common) -> Result<Exit, Trouble> {
    let store = cloud::store(common)?;
    let states = all(&store)?;
    match common.format {
        Format::Json => println!("{:#}", report::runs_json(&states)),
        Format::Text | Format::Lines | Format::Github if states.is_empty() => {
            if !common.quiet {
                eprintln!("no run yet in {}", store.root().display());
            }
        }
        Format::Text | Format::Lines | Format::Github => print!("{}", report::runs_table(&states, &Style::stdout())),
    }
    Ok(Exit::Completed)
}

/// Every run that can be read. One that cannot is told, and hides no other.
fn all(store: &StateDirectory) -> Result<Vec<RunState>, Trouble> {
    let mut states = Vec::new();
    for files in store.runs()? {
        match files.read().map_err(Trouble::from).and_then(|reading| Ok(RunState::replay(&reading.lines)?)) {
            Ok(state) => states.push(state),
            Err(trouble) => eprintln!("note: run {} cannot be read: {trouble}", files.run),
        }
    }
    Ok(states)
}
