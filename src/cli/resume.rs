//! `lifeboat resume`: goes on with a run from its journal.

use super::{
    args::{Common, ResumeArgs},
    cloud::{self, Surroundings},
    execute::{self, Session},
    exit::Exit,
    operator, report,
    trouble::Trouble,
};
use crate::{
    engine::Standing,
    journal::{CloudChoice, OverrideAction, Record, RunOutcome},
};
use lifeboat_contract::StepId;

pub(super) fn resume(args: &ResumeArgs, common: &Common) -> Result<Exit, Trouble> {
    let reports = report::checked(&args.files)?;
    let store = cloud::store(common)?;
    let found = execute::find(&store, &args.run)?;
    if let Standing::Ended(outcome) = found.state.standing
        && outcome != RunOutcome::Stuck
    {
        return Err(Trouble::new(
            Exit::Usage,
            format!("run {} has ended: there is nothing to resume", found.state.run),
        )
        .hint(format!("`lifeboat status {}` shows how it ended", found.state.run)));
    }
    let by = operator::identity();
    let mut first = Vec::new();
    let chosen = [
        (&args.skip, OverrideAction::Skip),
        (&args.mark_done, OverrideAction::MarkDone),
        (&args.again, OverrideAction::Again),
    ];
    let chosen = chosen.into_iter().find_map(|(step, action)| Some((step.as_ref()?, action)));
    if let Some((step, action)) = chosen {
        let step = known(&found.state, step)?;
        let reason = args.reason.clone().unwrap_or_default();
        first.push(Record::Overridden { step, action, by: by.clone(), reason });
    }
    // An override is given to the run as it stands; going on follows it.
    first.push(Record::Resumed { by });
    check_legal(&found.state, &first)?;
    let virtual_time = matches!(found.state.cloud, CloudChoice::World { .. });
    cloud::block_on(virtual_time, async {
        let around = Surroundings::reopen(&found.state.cloud, &store, found.state.last_at, common)?;
        let session = Session::new(&store, &around, common)?;
        Ok(session.tell(&session.go_on(found, &first).await?, &reports, false))
    })
}

/// A step of the run's plan.
pub(super) fn known(state: &crate::engine::RunState, step: &str) -> Result<StepId, Trouble> {
    let id = StepId::new(step);
    if state.steps.contains_key(&id) {
        return Ok(id);
    }
    let names = state.plan.steps.iter().map(|step| step.id.as_str());
    let trouble = Trouble::usage(format!("run {} has no step {step}", state.run));
    Err(match crate::runbook::nearest(step, names) {
        Some(nearest) => trouble.hint(format!("the nearest is {nearest}")),
        None => trouble,
    })
}

/// Refuses what the journal could not hold, before anything is written.
pub(super) fn check_legal(state: &crate::engine::RunState, records: &[Record]) -> Result<(), Trouble> {
    let mut next = state.clone();
    for record in records {
        next.fold(state.last_at, record)?;
    }
    Ok(())
}
