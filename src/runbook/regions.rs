//! What a runbook needs of regions, as far as the runbook alone tells: nothing is observed.
//!
//! Warns where a region that is evacuated, or one that is asked about, is needed by a step that does not say what to do without it.

use super::{
    outline::{Outline, Step},
    problems::{Problems, quoted},
    resolved::{Body, OnImpaired},
    scope::Scope,
    trial::{Trial, Tried, path_of},
};
use lifeboat_contract::{ControlPlane, Mode, Region, SiteId, StepId, codes};
use serde::Serialize;
use std::collections::BTreeSet;

/// The regions whose loss a check asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Each by itself.
    Each,
    /// These, all at once.
    These(BTreeSet<Region>),
}

impl Lost {
    fn holds(&self, region: &Region) -> bool {
        match self {
            Self::Each => true,
            Self::These(regions) => regions.contains(region),
        }
    }
}

/// What each step needs in one direction, in whatever mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Needs {
    pub to: SiteId,
    pub from: SiteId,
    pub steps: Vec<StepNeeds>,
}

/// What one step needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepNeeds {
    pub id: StepId,
    pub planes: BTreeSet<ControlPlane>,
    /// Those of them that are in a lost region.
    pub lost: BTreeSet<ControlPlane>,
    pub on_impaired: Option<OnImpaired>,
}

/// The steps' needs over all directions and modes.
#[derive(Debug, Default)]
pub(super) struct RegionSurvey {
    pub(super) lost: Option<Lost>,
    pub(super) needs: Vec<Needs>,
}

impl RegionSurvey {
    /// What was found, the steps in the order of the document.
    pub(super) fn conclude(mut self, outline: &Outline) -> Vec<Needs> {
        for needs in &mut self.needs {
            needs.steps.sort_by_key(|step| outline.steps.iter().position(|known| known.id == step.id));
        }
        self.needs
    }

    pub(super) fn visit(&mut self, trial: &Trial<'_>, tried: &[Option<Tried>], problems: &mut Problems) {
        for (index, step) in tried.iter().enumerate() {
            let Some((step, body)) = step.as_ref().and_then(|step| Some((step, step.body.as_ref()?))) else { continue };
            let planes: BTreeSet<ControlPlane> =
                body.touches(&trial.context(step.place.as_ref())).planes.into_iter().collect();
            let declared = &trial.outline.steps[index];
            if planes.is_empty() && step.place.is_none() {
                without_region(trial, index, body, problems);
            }
            if let Some(left) = evacuated(trial.scope) {
                depends(trial.scope, left, index, declared, &planes, problems);
            }
            if let Some(lost) = &self.lost {
                undeclared(trial.scope, lost, index, declared, &planes, problems);
                record(&mut self.needs, trial.scope, lost, declared, planes);
            }
        }
    }
}

fn record(found: &mut Vec<Needs>, scope: &Scope<'_>, lost: &Lost, step: &Step, planes: BTreeSet<ControlPlane>) {
    let (to, from) = (&scope.to.id, &scope.from.id);
    let at = found.iter().position(|needs| needs.to == *to && needs.from == *from).unwrap_or_else(|| {
        found.push(Needs { to: to.clone(), from: from.clone(), steps: Vec::new() });
        found.len() - 1
    });
    let steps = &mut found[at].steps;
    let is_lost = |plane: &&ControlPlane| plane.region.as_ref().is_some_and(|region| lost.holds(region));
    let gone: BTreeSet<ControlPlane> = planes.iter().filter(is_lost).cloned().collect();
    match steps.iter_mut().find(|known| known.id == step.id) {
        Some(known) => {
            known.planes.extend(planes);
            known.lost.extend(gone);
        }
        None => {
            steps.push(StepNeeds { id: step.id.clone(), planes, lost: gone, on_impaired: step.on_impaired });
        }
    }
}

/// The region that a failover goes away from, where it goes to another one.
fn evacuated<'o>(scope: &Scope<'o>) -> Option<&'o str> {
    let left = scope.from.region.as_deref()?;
    let is_lost = scope.mode == Mode::Failover && scope.impaired.contains(&Region::from(left));
    (is_lost && scope.to.region.as_deref() != Some(left)).then_some(left)
}

fn depends(
    scope: &Scope<'_>,
    left: &str,
    index: usize,
    step: &Step,
    planes: &BTreeSet<ControlPlane>,
    problems: &mut Problems,
) {
    let needed =
        listed(planes.iter().filter(|plane| plane.region.as_ref().is_some_and(|region| region.as_str() == left)));
    if needed.is_empty() || step.on_impaired == Some(OnImpaired::Skip) {
        return;
    }
    let id = quoted(step.id.as_str());
    let message =
        format!("a failover away from {} depends on the region that it leaves: {id} needs {needed}", scope.from.id);
    problems
        .warning(path_of(index).join("uses"), codes::DEPENDS_ON_LOST_SITE, message)
        .because("when the region is lost the whole run is refused, on the day for which the runbook was written")
        .hint("`on_impaired: skip` leaves the step out, and it is owed; or give it an `if: mode == 'switchover'`");
}

/// A region that is neither the one that is left nor the one that is gone to: without those, the other rule tells, or nothing can be done.
fn undeclared(
    scope: &Scope<'_>,
    lost: &Lost,
    index: usize,
    step: &Step,
    planes: &BTreeSet<ControlPlane>,
    problems: &mut Problems,
) {
    let at_site =
        |region: &Region| [scope.to, scope.from].iter().any(|site| site.region.as_deref() == Some(region.as_str()));
    let elsewhere =
        |plane: &&ControlPlane| plane.region.as_ref().is_some_and(|region| lost.holds(region) && !at_site(region));
    let needed = listed(planes.iter().filter(elsewhere));
    if needed.is_empty() || step.on_impaired.is_some() {
        return;
    }
    let id = quoted(step.id.as_str());
    let message = format!("{id} needs {needed}, and does not say what to do without it");
    problems
        .warning(path_of(index).join("uses"), codes::LOSS_UNDECLARED, message)
        .because("neither site is there: the run depends on a third region, and is refused when that one is lost")
        .hint("`on_impaired: skip` leaves the step out, and it is owed; `on_impaired: refuse` says that the run is nothing without it");
}

/// A step that would need a region's control plane at a site, and has none: it cannot be known to be in a lost region. It would be
/// asked, and time out.
fn without_region(trial: &Trial<'_>, index: usize, body: &Body, problems: &mut Problems) {
    let step = &trial.outline.steps[index];
    let provider = step.kind.as_deref().and_then(|kind| kind.split('.').next()).unwrap_or_default();
    let sites = trial.outline.sites.iter().filter(|site| site.provider == provider);
    let mut places = sites.map(|site| site.place(&trial.outline.providers));
    if !places.any(|place| !body.touches(&trial.context(Some(&place))).planes.is_empty()) {
        return;
    }
    let message = format!("nothing in {} says in which region it works", quoted(step.id.as_str()));
    problems
        .warning(path_of(index).join("uses"), codes::REGION_UNKNOWN, message)
        .because("when that region is declared lost, nobody knows that this step needs it: it is asked, and times out")
        .hint("add `site: to`, `site: from` or the id of a site");
}

fn listed<'p>(planes: impl Iterator<Item = &'p ControlPlane>) -> String {
    let names: Vec<String> = planes.map(ToString::to_string).collect();
    names.join(" and ")
}
