//! `lifeboat rollback`: puts back what a run has changed, also of a completed run while everything still stands at its target.

use super::{
    args::{Common, RollbackArgs},
    cloud::{self, Carries, Surroundings},
    execute::{self, Found, Ran, Session},
    exit::Exit,
    operator, report,
    resume::check_legal,
    trouble::Trouble,
};
use crate::{
    engine::{RunState, Standing},
    journal::{CloudChoice, Record, RunOutcome},
    runbook::{Body, decode_step},
};
use lifeboat_contract::{CallScope, Position, RunId};
use std::sync::Arc;

pub(super) fn rollback(args: &RollbackArgs, common: &Common) -> Result<Exit, Trouble> {
    let reports = report::checked(&args.files)?;
    let store = cloud::store(common)?;
    let found = execute::find(&store, &args.run)?;
    refuse_crossing(&found.state, args.past_no_return)?;
    let reason = "asked by the operator".to_owned();
    let by = Some(operator::identity());
    let first = [Record::RollbackStarted { reason, past_no_return: args.past_no_return, by }];
    check_legal(&found.state, &first)?;
    let virtual_time = matches!(found.state.cloud, CloudChoice::World { .. });
    cloud::block_on(virtual_time, async {
        let around = Surroundings::reopen(&found.state.cloud, &store, found.state.last_at, common)?;
        if found.state.standing == Standing::Ended(RunOutcome::Completed) {
            still_at_target(&found, &around).await?;
        }
        confirm(&found.state, args)?;
        let session = Session::new(&store, &around, common)?;
        Ok(session.tell(&session.go_on(found, &first).await?, &reports, true))
    })
}

/// The way back of a drill: takes back a completed run that the same command began.
pub(super) async fn take_back(session: &Session<'_>, run: &RunId) -> Result<Ran, Trouble> {
    let found = execute::find(session.store, run.as_str())?;
    refuse_crossing(&found.state, false)?;
    let reason = "the way back of a drill".to_owned();
    let first = [Record::RollbackStarted { reason, past_no_return: false, by: Some(operator::identity()) }];
    check_legal(&found.state, &first)?;
    still_at_target(&found, session.around).await?;
    session.go_on(found, &first).await
}

/// A rollback never crosses a step that cannot be undone; it can stop short of it, when told so.
fn refuse_crossing(state: &RunState, past_no_return: bool) -> Result<(), Trouble> {
    let Some((step, reversal)) = state.no_return().filter(|_| !past_no_return) else { return Ok(()) };
    let why = match reversal {
        lifeboat_contract::Reversal::Restores => "",
        lifeboat_contract::Reversal::ForwardOnly(why) | lifeboat_contract::Reversal::Irreversible(why) => why,
    };
    Err(Trouble::new(Exit::Refused, format!("step {step} of this run cannot be undone: {why}")).hint(format!(
        "`lifeboat rollback {} --past-no-return` undoes what began after it; `lifeboat resume {}` goes forward",
        state.run, state.run
    )))
}

/// Somebody may have built on a completed run since: what no longer stands where the run put it is not touched.
async fn still_at_target(found: &Found, around: &Surroundings) -> Result<(), Trouble> {
    let plan = &found.state.plan;
    let secrets = around.credential_secrets(&plan.providers, &plan.secrets)?;
    let cx = around.cx(Carries::ReadsOnly, &plan.providers, None, secrets)?;
    let mut moved = Vec::new();
    for (id, step) in &found.state.steps {
        // Where a later step has gone on from its target, that one's position is judged.
        let stands = step.wants_undo() && !found.state.is_built_upon(id);
        let Some(intent) = step.intent.as_ref().filter(|_| stands) else { continue };
        let planned = found.state.planned(id);
        let Ok(Body::Change(change)) = decode_step(&around.catalog, &planned.kind, &planned.with) else { continue };
        let cx = cx.for_run(Arc::new(planned.run_context(&found.state.plan)));
        let scope = CallScope { step: Some(id.clone()), ..CallScope::default() };
        let seen = scope.enclose(change.observe(&cx)).await.map_err(|error| {
            Trouble::caused(Exit::Refused, error).hint(format!("step {id} cannot be observed; nothing was changed"))
        })?;
        if Position::of(&seen.state, &intent.before, &intent.target) != Position::Target {
            moved.push(format!("  {id}: before {}, target {}, now {}", intent.before, intent.target, seen.state));
        }
    }
    if moved.is_empty() {
        return Ok(());
    }
    Err(Trouble::new(
        Exit::Refused,
        format!("the world has moved on since run {} completed:\n{}", found.state.run, moved.join("\n")),
    )
    .hint("nothing was changed; run the runbook towards the other site instead"))
}

fn confirm(state: &RunState, args: &RollbackArgs) -> Result<(), Trouble> {
    if args.yes || !operator::is_there() {
        return Ok(());
    }
    let undone: Vec<&str> = state
        .begun
        .iter()
        .rev()
        .filter(|id| state.steps[*id].wants_undo())
        .map(lifeboat_contract::StepId::as_str)
        .collect();
    let question = format!("puts back, in this order: {}\ntype `rollback` to go on: ", undone.join(", "));
    let answer = operator::ask(&question).map_err(|error| Trouble::caused(Exit::Declined, error))?;
    if answer == "rollback" {
        Ok(())
    } else {
        Err(Trouble::new(Exit::Declined, "declined").hint("nothing was changed"))
    }
}
