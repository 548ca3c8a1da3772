//! What is rehearsed: a plan, made once in the world in which every rehearsal begins.

use super::stage::{Ending, block_on};
use crate::{
    engine::Mutation,
    plan::{self, Plan},
    runbook::{BadCondition, Condition, ResolvedRunbook},
    wire::ReadOnly,
    wiring,
};
use lifeboat_contract::{Catalog, Cx, Mode, RunContext, Secrets, SharedClock, SharedWire, TokioClock};
use lifeboat_simulated::{SimulatedCloud, World};
use std::{collections::BTreeSet, sync::Arc};

/// A plan and the world as it was when it had been made.
#[derive(Debug)]
pub struct Scenario {
    pub plan: Plan,
    pub world: World,
    pub catalog: Catalog,
    pub commands_allowed: bool,
    /// What the world's document says must never hold.
    pub(super) never: Arc<[Condition]>,
    /// A bug of the engine to be found, for tests.
    pub mutation: Option<Mutation>,
}

/// Stands in every secret's value: found anywhere but on the wire, it was told.
pub(super) const CANARY: &str = "canary-of-a-rehearsal";

/// There is nothing to rehearse.
#[derive(Debug, thiserror::Error)]
pub enum NoScenario {
    #[error("the plan is refused: {0}")]
    Refused(String),
    #[error("the providers could not be set up: {0}")]
    Providers(String),
    #[error("the run that should come before does not complete: {0:?}")]
    Unfinished(Ending),
    #[error("the world's own invariants cannot be judged")]
    Never(#[from] BadCondition),
}

impl Scenario {
    /// Plans `runbook` in `world`.
    pub fn plan(
        runbook: &ResolvedRunbook,
        catalog: Catalog,
        world: World,
        commands_allowed: bool,
    ) -> Result<Self, NoScenario> {
        let never = conditions(&world)?;
        let (plan, world) = block_on(async {
            let clock: SharedClock = Arc::new(TokioClock::starting_at(world.now(), 1));
            let cloud = Arc::new(SimulatedCloud::new(world, clock.clone(), 1, None));
            let wire: SharedWire = Arc::new(ReadOnly::new(cloud.clone()));
            let cx = surroundings(wire, clock, commands_allowed, Secrets::default())?;
            let plan = plan::make(runbook, &cx).await;
            Ok::<_, NoScenario>((plan, cloud.world()))
        })?;
        if let Some((step, refusal)) = plan.refusals().next() {
            return Err(NoScenario::Refused(format!("{}: {}", step.id, refusal.message)));
        }
        Ok(Self { plan, world, catalog, commands_allowed, mutation: None, never })
    }
}

/// Every condition is tried once, so that one that speaks of nothing is found before the first rehearsal.
fn conditions(world: &World) -> Result<Arc<[Condition]>, BadCondition> {
    let facts = world.facts();
    let facts = facts.as_object().cloned().unwrap_or_default();
    let read = |text: &String| {
        let condition = Condition::parse(text)?;
        condition.holds(&facts)?;
        Ok(condition)
    };
    world.never().iter().map(read).collect()
}

/// What steps are given in a rehearsal.
pub(super) fn surroundings(
    wire: SharedWire,
    clock: SharedClock,
    commands_allowed: bool,
    secrets: Secrets,
) -> Result<Cx, NoScenario> {
    let mut providers = wiring::providers(&wire, &clock, &wiring::Credentials::Dummies, &secrets)
        .map_err(|error| NoScenario::Providers(error.to_string()))?;
    if commands_allowed {
        providers.insert(lifeboat_contract::CommandsAllowed);
    }
    let run = RunContext {
        mode: Mode::Switchover,
        accepted_loss: None,
        rpo: None,
        impaired: BTreeSet::new(),
        to: "".into(),
        from: "".into(),
        place: None,
    };
    Ok(Cx { wire, clock, run: Arc::new(run), providers: Arc::new(providers), secrets: Arc::new(secrets) })
}
