//! Whether a drill may begin: its hours, its lock, both directions planned, and the first snapshot. Changes nothing.

use super::{
    args::{BackArg, DrillArgs, IntentArgs},
    cloud::Carries,
    execute::Session,
    exit::Exit,
    intent, load,
    plan::{self as plan_command, PermissionCheck},
    trouble::Trouble,
};
use crate::{
    drill::{
        DrillRecord, Leg, Phase,
        snapshot::{self, Snapshot},
        trend,
    },
    plan::Plan,
    runbook::{Intent, ResolvedRunbook, Runbook},
};
use jiff::Timestamp;
use lifeboat_contract::{Mode, Region, SiteId};
use std::collections::BTreeSet;

/// What a drill begins with.
pub(super) struct Ready<'r> {
    pub(super) runbook: &'r Runbook,
    pub(super) started_at: Timestamp,
    pub(super) leg: Leg,
    /// Of the way over.
    pub(super) intent: Intent,
    pub(super) plan: Plan,
    pub(super) resolved: ResolvedRunbook,
    pub(super) first: Snapshot,
    /// All drills before this one.
    pub(super) earlier: Vec<DrillRecord>,
}

/// Everything that must hold before anything is changed. A drill that may not begin leaves no record.
pub(super) async fn prepare<'r>(
    runbook: &'r Runbook,
    args: &DrillArgs,
    session: &Session<'_>,
) -> Result<Ready<'r>, Trouble> {
    let (around, common) = (session.around, session.common);
    let started_at = around.clock.now();
    let earlier = trend::read_all(session.store.root()).map_err(|error| {
        Trouble::caused(Exit::Refused, error).hint("a drill is judged against earlier ones; mend or remove this record")
    })?;
    let began: Vec<Timestamp> =
        earlier.iter().filter(|record| record.runbook == runbook.name()).map(|record| record.started_at).collect();
    runbook.calendar().admits(started_at, &began).map_err(|closed| {
        Trouble::caused(Exit::Refused, closed)
            .hint("nothing was changed; `drill` in the runbook says when drills may begin")
    })?;
    let intent = intent_of(runbook, args, session).await?;
    let calm = Intent { impaired: BTreeSet::new(), ..intent.clone() };
    let resolved =
        runbook.resolve(&around.catalog, &calm).map_err(|list| load::findings(runbook.source(), &list, common))?;
    let plan = planned(runbook, &intent, args, session, PermissionCheck::Asked).await?;
    something_to_do(&plan)?;
    if args.back != Some(BackArg::None) {
        let back =
            plan_command::observe(runbook, &way_back(&intent, &plan.from), around, PermissionCheck::Left, common)
                .await?;
        unrefused(&back)?;
    }
    session.check_free(&plan)?;
    let first = take(&resolved, session).await?;
    let leg = Leg {
        phase: Phase::Preconditions,
        run: None,
        started_at,
        ended_at: around.clock.now(),
        outcome: "no step refuses, no lock is held, and the first snapshot is taken".to_owned(),
        ok: true,
    };
    Ok(Ready { runbook, started_at, leg, intent, plan, resolved, first, earlier })
}

/// A plan without a refusal, made without the regions that `--impair` names, as after their loss.
pub(super) async fn planned(
    runbook: &Runbook,
    intent: &Intent,
    args: &DrillArgs,
    session: &Session<'_>,
    check: PermissionCheck,
) -> Result<Plan, Trouble> {
    cut_off(args, session);
    let plan = plan_command::observe(runbook, intent, session.around, check, session.common).await;
    session.around.restore();
    let plan = plan?;
    unrefused(&plan)?;
    Ok(plan)
}

/// Makes this program lose what `--impair` names.
pub(super) fn cut_off(args: &DrillArgs, session: &Session<'_>) {
    if !args.impair.is_empty() {
        session.around.impair(args.impair.iter().map(Region::new).collect());
    }
}

/// A drill in which nothing changes shows nothing, and would be reported as met.
fn something_to_do(plan: &Plan) -> Result<(), Trouble> {
    if plan.steps.iter().any(crate::plan::PlannedStep::changes) {
        return Ok(());
    }
    let message = format!("site {} is active already: a drill to it would change nothing, and show nothing", plan.to);
    Err(Trouble::new(Exit::Refused, message).hint(format!("`--to {}` drills the other way", plan.from)))
}

/// The state of every step, as it is now.
pub(super) async fn take(resolved: &ResolvedRunbook, session: &Session<'_>) -> Result<Snapshot, Trouble> {
    let around = session.around;
    let secrets = around.credential_secrets(&resolved.providers, &resolved.secrets)?;
    let cx = around.cx(Carries::ReadsOnly, &resolved.providers, None, secrets)?;
    snapshot::take(resolved, &cx).await.map_err(|error| {
        Trouble::caused(Exit::Refused, error).hint("a drill compares each state before and after, and must see it")
    })
}

/// The same runbook towards the site that was left. Both sites are healthy then, or it is not gone.
pub(super) fn way_back(over: &Intent, from: &SiteId) -> Intent {
    Intent {
        to: from.clone(),
        from: Some(over.to.clone()),
        mode: Mode::Switchover,
        accepted_loss: None,
        impaired: BTreeSet::new(),
        inputs: over.inputs.clone(),
    }
}

/// A plan without a refusal; otherwise the trouble names the step.
pub(super) fn unrefused(plan: &Plan) -> Result<(), Trouble> {
    let list: Vec<String> =
        plan.refusals().map(|(step, refusal)| format!("  {}: {}", step.id, refusal.message)).collect();
    if list.is_empty() {
        return Ok(());
    }
    let message = format!("the plan to make {} active is refused:\n{}", plan.to, list.join("\n"));
    let hints: BTreeSet<&str> = plan.refusals().filter_map(|(_, refusal)| refusal.hint.as_deref()).collect();
    let shows = format!("`lifeboat plan {} --to {}` shows all of it", plan.runbook.path, plan.to);
    let hints: Vec<&str> = hints.into_iter().chain([shows.as_str()]).collect();
    Err(Trouble::new(Exit::Refused, message).hint(hints.join("; ")))
}

async fn intent_of(runbook: &Runbook, args: &DrillArgs, session: &Session<'_>) -> Result<Intent, Trouble> {
    let sites: Vec<SiteId> = runbook.sites().iter().map(|site| site.id.clone()).collect();
    let mut typed = args.intent.clone();
    if typed.to.is_none() {
        typed.to = standby(runbook, &typed, &sites, session).await?.map(|site| site.to_string());
    }
    let mut intent = intent::of(&typed, &sites)?;
    intent.impaired.extend(args.impair.iter().map(Region::new));
    Ok(intent)
}

/// The site that is not active now, where that can be told: of two sites, the one that traffic would be opened to, while the
/// other one has it already.
async fn standby(
    runbook: &Runbook,
    typed: &IntentArgs,
    sites: &[SiteId],
    session: &Session<'_>,
) -> Result<Option<SiteId>, Trouble> {
    let [one, other] = sites else { return Ok(None) };
    let mut opens = Vec::new();
    for site in [one, other] {
        let typed = IntentArgs { to: Some(site.to_string()), from: None, ..typed.clone() };
        let intent = intent::of(&typed, sites)?;
        let plan =
            plan_command::observe(runbook, &intent, session.around, PermissionCheck::Left, session.common).await?;
        let opening = plan.steps.iter().filter(|step| step.touches.opens_traffic);
        opens.push((opening.clone().next().is_some(), opening.clone().any(crate::plan::PlannedStep::changes)));
    }
    Ok(match opens.as_slice() {
        [(true, true), (true, false)] => Some(one.clone()),
        [(true, false), (true, true)] => Some(other.clone()),
        _ => None,
    })
}
