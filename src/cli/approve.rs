//! `lifeboat approve`: approves a step of a paused run, for exactly the plan that the run executes.

use super::{
    args::{ApproveArgs, Common},
    cloud, execute,
    exit::Exit,
    operator,
    resume::{check_legal, known},
    trouble::Trouble,
};
use crate::journal::{FileStorage, Journal, Record};
use lifeboat_contract::{Clock as _, SystemClock};

pub(super) fn approve(args: &ApproveArgs, common: &Common) -> Result<Exit, Trouble> {
    let store = cloud::store(common)?;
    let found = execute::find(&store, &args.run)?;
    let step = known(&found.state, &args.step)?;
    let plan = found.state.plan.digest.clone();
    let record = Record::Approved { step: step.clone(), by: operator::identity(), plan: plan.clone() };
    check_legal(&found.state, std::slice::from_ref(&record))?;
    let storage = FileStorage::reopen(&found.files.journal(), found.reading.valid_bytes)
        .map_err(|error| Trouble::caused(Exit::LockHeld, error).hint("the run is being executed: approve it there"))?;
    let by = operator::identity();
    let mut journal = Journal::after(storage, format!("{}@{}", by.name, by.host), &found.reading);
    // A simulated run's journal is in the world's own time: an approval comes right after what it answers.
    let at = match found.state.cloud {
        crate::journal::CloudChoice::World { .. } => found.state.last_at,
        _ => SystemClock.now().max(found.state.last_at),
    };
    journal.append(at, &record).and_then(|_| journal.sync()).map_err(crate::engine::EngineError::Journal)?;
    if !common.quiet {
        let run = &found.state.run;
        eprintln!("approved {step} of run {run}, for plan {}", &plan[..12]);
        eprintln!("next: lifeboat resume {run}{}", execute::state_argument(&store, common));
    }
    Ok(Exit::Completed)
}
