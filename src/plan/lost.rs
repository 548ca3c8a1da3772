//! What the loss of one region leaves of a run: read off the plan that was made with that region declared lost.
//!
//! Decides nothing: which step is owed or refused was decided when the plan was made.

use super::value::{Plan, PlannedStep, Skip, Warning};
use lifeboat_contract::{ControlPlane, Dependency, Mode, Refusal, Region, SiteId, StepId};
use serde::Serialize;
use std::collections::BTreeSet;

/// The table: one plan for each region that a runbook could do without, or not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LostRegions {
    pub runbook: String,
    pub to: SiteId,
    pub from: SiteId,
    pub mode: Mode,
    /// What refuses the run while every region is there.
    pub refused_anyway: Vec<(StepId, Refusal)>,
    pub regions: Vec<LostRegion>,
}

/// What is left of a run without one region.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LostRegion {
    pub region: Region,
    /// What is there: sites, control planes, credentials.
    pub holds: Vec<String>,
    /// Whether the run would begin, and could be completed if its checks pass.
    pub completes: bool,
    pub steps: Vec<StepWithout>,
    pub warnings: Vec<Warning>,
}

/// One step without that region.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepWithout {
    pub id: StepId,
    pub kind: String,
    pub standing: Standing,
    /// Everything that the step needs, as far as it is known without the region.
    pub planes: Vec<ControlPlane>,
    /// Those of them that are lost.
    pub lost: Vec<ControlPlane>,
    pub refusals: Vec<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Every control plane that it needs is there.
    Works,
    /// It needs no control plane: a check, a task or a gate.
    Independent,
    /// Left out as declared, and owed.
    Owed,
    /// The run is refused because of it.
    Refused,
    /// Its `if` does not hold.
    Skipped,
}

impl StepWithout {
    fn of(step: &PlannedStep, plan: &Plan) -> Self {
        let standing = match &step.skip {
            Some(Skip::Condition(_)) => Standing::Skipped,
            Some(Skip::Impaired(_)) => Standing::Owed,
            None if !step.refusals.is_empty() => Standing::Refused,
            None if step.touches.planes.is_empty() => Standing::Independent,
            None => Standing::Works,
        };
        Self {
            id: step.id.clone(),
            kind: step.kind.clone(),
            standing,
            planes: step.touches.planes.clone(),
            lost: step.touches.planes_in(&plan.impaired).into_iter().cloned().collect(),
            refusals: step.refusals.clone(),
        }
    }
}

impl LostRegion {
    /// `plan` was made with `region` declared lost.
    pub fn of(region: &Region, holds: Vec<String>, plan: &Plan) -> Self {
        Self {
            region: region.clone(),
            holds,
            completes: !plan.is_refused(),
            steps: plan.steps.iter().map(|step| StepWithout::of(step, plan)).collect(),
            warnings: plan.warnings.clone(),
        }
    }

    pub fn standing(&self, standing: Standing) -> impl Iterator<Item = &StepWithout> {
        self.steps.iter().filter(move |step| step.standing == standing)
    }
}

/// The regions that matter to a run, and what is there: first those of the sites, which are all of the runbook's. `plan` was made with no
/// region lost.
pub fn regions_of(sites: &[(SiteId, Option<Region>)], plan: &Plan) -> Vec<(Region, Vec<String>)> {
    let mut found: Vec<(Region, Vec<String>)> = Vec::new();
    for (site, region) in sites {
        if let Some(region) = region {
            hold(&mut found, region, format!("site {site}"));
        }
    }
    // A site's region has its control planes anyway. Elsewhere, they are why the region matters.
    let at_sites: BTreeSet<Region> = found.iter().map(|(region, _)| region.clone()).collect();
    let planes: BTreeSet<&ControlPlane> = plan.steps.iter().flat_map(|step| &step.touches.planes).collect();
    for plane in planes {
        if let Some(region) = plane.region.as_ref().filter(|region| !at_sites.contains(*region)) {
            hold(&mut found, region, format!("the control plane of {}", plane.service));
        }
    }
    found
}

/// What an operator must be told who declares these regions lost, while the run depends on them by more than its steps.
pub fn warnings(dependencies: &[Dependency], lost: &BTreeSet<Region>) -> Vec<Warning> {
    let touched = dependencies.iter().filter(|dependency| lost.contains(&dependency.region));
    let warning = |dependency: &Dependency| Warning {
        code: format!("region.{}", dependency.on.word()),
        message: format!("{}, which is declared lost", dependency.what),
        hint: dependency.instead.clone(),
    };
    touched.map(warning).collect()
}

/// Says that something is in a region.
pub fn hold(found: &mut Vec<(Region, Vec<String>)>, region: &Region, what: String) {
    match found.iter_mut().find(|(known, _)| known == region) {
        Some((_, holds)) if holds.contains(&what) => {}
        Some((_, holds)) => holds.push(what),
        None => found.push((region.clone(), vec![what])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_contract::DependsOn;

    #[test]
    fn only_what_depends_on_a_lost_region_is_told() {
        let dependency = |region: &str, on| Dependency {
            on,
            region: region.into(),
            what: format!("the credentials come from {region}"),
            instead: "use others".to_owned(),
        };
        let all = [dependency("us-east-1", DependsOn::Credentials), dependency("eu-west-1", DependsOn::Executor)];
        let found = warnings(&all, &["us-east-1".into(), "us-west-2".into()].into());
        let [warning] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(warning.code, "region.credentials");
        assert_eq!(warning.message, "the credentials come from us-east-1, which is declared lost");
        assert_eq!(warning.hint, "use others");
    }
}
