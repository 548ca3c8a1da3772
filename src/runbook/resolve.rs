//! A checked runbook, and how one run's intent is applied to it.
//!
//! Resolving happens once, when a plan is made. What it yields is stored with the plan and never computed again.

use super::{
    calendar::Calendar,
    document::{Node, Source},
    graph::Graph,
    nearest::suggestion,
    outline::{Outline, Site},
    parity::{self, ParityItem},
    problems::{Problems, quoted},
    provider::ProviderConfig,
    resolved::{Intent, ResolvedProbe, ResolvedRunbook, ResolvedStep, SecretSource},
    scope::Scope,
    trial::{Trial, Tried},
};
use lifeboat_contract::{Catalog, DocumentPath, Finding, Mode, SiteId, StepId, codes};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A runbook without errors: names resolved, kinds known, graph acyclic, durations parsed.
#[derive(Debug)]
pub struct Runbook {
    source: Source,
    document: Node,
    outline: Outline,
    graph: Graph,
}

/// One site, for lists and prompts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteView {
    pub id: SiteId,
    pub provider: String,
    pub region: Option<String>,
}

impl Runbook {
    pub(super) fn new(source: Source, document: Node, outline: Outline, graph: Graph) -> Self {
        Self { source, document, outline, graph }
    }

    pub fn name(&self) -> &str {
        &self.outline.name
    }

    pub fn summary(&self) -> &str {
        &self.outline.summary
    }

    /// The sites, in the order of the document.
    pub fn sites(&self) -> Vec<SiteView> {
        self.outline
            .sites
            .iter()
            .map(|site| SiteView { id: site.id.clone(), provider: site.provider.clone(), region: site.region.clone() })
            .collect()
    }

    /// The ids of the steps, in the order of the document.
    pub fn step_ids(&self) -> Vec<StepId> {
        self.outline.steps.iter().map(|step| step.id.clone()).collect()
    }

    /// When drills may take place.
    pub fn calendar(&self) -> &Calendar {
        &self.outline.calendar
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    pub fn document(&self) -> &Node {
        &self.document
    }

    /// Which provider's configuration and secrets the runbook declares.
    pub fn providers(&self) -> (&BTreeMap<String, ProviderConfig>, &BTreeMap<String, SecretSource>) {
        (&self.outline.providers, &self.outline.secrets)
    }

    /// Whether the runbook declares what must be equal at its sites.
    pub fn declares_parity(&self) -> bool {
        !self.outline.parity.is_empty()
    }

    /// Applies an intent. Every finding of it is an error.
    pub fn resolve(&self, catalog: &Catalog, intent: &Intent) -> Result<ResolvedRunbook, Vec<Finding>> {
        let mut problems = Problems::default();
        let inputs = self.inputs(&intent.inputs, &mut problems);
        if intent.accepted_loss.is_some() && intent.mode == Mode::Switchover {
            problems
                .error(option("mode"), codes::CONFLICTING_FIELDS, "data loss can be accepted in failover mode only")
                .because("a switchover loses nothing, or does not take place")
                .hint("add `--mode failover`");
        }
        let (Some((to, from)), false) = (self.direction(intent, &mut problems), problems.has_errors()) else {
            return Err(problems.into_vec());
        };
        let scope =
            Scope::new(&self.outline, (to, from), intent.mode, intent.impaired.clone(), &inputs, BTreeSet::new());
        let trial = Trial {
            root: &self.document,
            outline: &self.outline,
            catalog,
            scope: &scope,
            accepted_loss: intent.accepted_loss,
        };
        let steps = self.steps(&trial, &mut problems);
        let probes = self.probes(&trial, &mut problems);
        let lock = trial.lock(&mut problems);
        if problems.has_errors() {
            return Err(problems.into_vec());
        }
        Ok(ResolvedRunbook {
            name: self.outline.name.clone(),
            summary: self.outline.summary.clone(),
            path: self.source.name.clone(),
            text: self.source.text.clone(),
            lock,
            rto: self.outline.rto,
            rpo: self.outline.rpo,
            unavailability: self.outline.unavailability,
            probes,
            inputs,
            secrets: self.outline.secrets.clone(),
            providers: self.outline.providers.clone(),
            to: to.id.clone(),
            from: from.id.clone(),
            mode: intent.mode,
            accepted_loss: intent.accepted_loss,
            impaired: intent.impaired.clone(),
            on_failure: self.outline.on_failure,
            steps,
        })
    }

    /// What must be equal at both of two sites, ready to be read. Every finding is an error.
    pub fn parity(
        &self,
        catalog: &Catalog,
        sites: [&SiteId; 2],
        given: &BTreeMap<String, String>,
    ) -> Result<Vec<ParityItem>, Vec<Finding>> {
        let mut problems = Problems::default();
        let inputs = self.inputs(given, &mut problems);
        let left = self.site(sites[0], "from", &mut problems);
        let right = self.site(sites[1], "to", &mut problems);
        let (Some(left), Some(right), false) = (left, right, problems.has_errors()) else {
            return Err(problems.into_vec());
        };
        let items = parity::resolve(&self.document, &self.outline, catalog, [left, right], &inputs, &mut problems);
        if problems.has_errors() { Err(problems.into_vec()) } else { Ok(items) }
    }

    fn direction(&self, intent: &Intent, problems: &mut Problems) -> Option<(&Site, &Site)> {
        let to = self.site(&intent.to, "to", problems);
        let from = match &intent.from {
            Some(from) => self.site(from, "from", problems),
            None => self.only_other(&intent.to, problems),
        };
        let (to, from) = (to?, from?);
        if to.id == from.id {
            problems.error(
                option("from"),
                codes::UNKNOWN_SITE,
                format!("{} cannot take over from itself", quoted(to.id.as_str())),
            );
            return None;
        }
        Some((to, from))
    }

    /// The only site besides `to`. Where there are more, the active one must be named.
    fn only_other(&self, to: &SiteId, problems: &mut Problems) -> Option<&Site> {
        let mut others = self.outline.sites.iter().filter(|site| site.id != *to);
        let only = others.next();
        if others.next().is_none() || self.outline.site(to).is_none() {
            return only;
        }
        let names: Vec<&str> = self.outline.sites.iter().map(|site| site.id.as_str()).collect();
        problems
            .error(option("from"), codes::UNKNOWN_SITE, "with more than two sites, the active one must be named")
            .hint(format!("add `--from SITE`: one of {}", names.join(", ")));
        None
    }

    fn site(&self, id: &SiteId, name: &str, problems: &mut Problems) -> Option<&Site> {
        let found = self.outline.site(id);
        if found.is_none() {
            let message = format!("the runbook has no site {}", quoted(id.as_str()));
            problems.error(option(name), codes::UNKNOWN_SITE, message).hint =
                suggestion(id.as_str(), self.outline.sites.iter().map(|site| site.id.as_str()));
        }
        found
    }

    fn inputs(&self, given: &BTreeMap<String, String>, problems: &mut Problems) -> BTreeMap<String, Value> {
        for name in given.keys().filter(|name| !self.outline.inputs.contains_key(*name)) {
            problems
                .error(option("input"), codes::UNKNOWN_NAME, format!("the runbook has no input {}", quoted(name)))
                .hint = suggestion(name, self.outline.inputs.keys().map(String::as_str));
        }
        let mut values = BTreeMap::new();
        for (name, input) in &self.outline.inputs {
            let given = given.get(name);
            let value = match given {
                Some(text) => input.of.read(text),
                None => input.default.clone(),
            };
            match (value, given) {
                (Some(value), _) => {
                    values.insert(name.clone(), value);
                }
                (None, Some(text)) => {
                    let message =
                        format!("the input `{name}` must be {}, and {} is not", input.of.what(), quoted(text));
                    problems.error(option("input"), codes::BAD_VALUE, message);
                }
                (None, None) => {
                    let path = DocumentPath::default().join("inputs").join(name);
                    problems
                        .error(path, codes::INPUT_MISSING, format!("the input `{name}` has no value"))
                        .because("it has no default, so every run must give it one")
                        .hint(format!("add `--input {name}=VALUE`"));
                }
            }
        }
        values
    }

    /// The steps in a stable order that respects every edge.
    ///
    /// A step whose `if` is false is kept where its kind can read it. One that makes no sense for this direction (its vars
    /// are not there) is what the `if` guards against: it is left out, and hands its needs on.
    fn steps(&self, trial: &Trial<'_>, problems: &mut Problems) -> Vec<ResolvedStep> {
        let mut gone = BTreeSet::new();
        let mut found: BTreeMap<usize, (Tried, bool)> = BTreeMap::new();
        for index in 0..self.outline.steps.len() {
            if trial.holds(index, problems) {
                found.insert(index, (trial.step(index, problems), true));
                continue;
            }
            let mut guarded = Problems::default();
            let tried = trial.step(index, &mut guarded);
            if tried.body.is_some() && !guarded.has_errors() {
                found.insert(index, (tried, false));
            } else {
                gone.insert(index);
            }
        }
        let graph = self.graph.without(&gone);
        self.graph
            .order()
            .into_iter()
            .filter_map(|index| {
                let (tried, holds) = found.remove(&index)?;
                self.resolved(index, tried, holds, graph.needs(index))
            })
            .collect()
    }

    fn probes(&self, trial: &Trial<'_>, problems: &mut Problems) -> Vec<ResolvedProbe> {
        let probes = self.outline.probes.iter().enumerate();
        probes
            .filter_map(|(index, probe)| {
                let (check, with) = trial.probe(index, problems)?;
                Some(ResolvedProbe {
                    check,
                    with,
                    name: probe.name.clone(),
                    kind: probe.kind.clone()?,
                    interval: probe.interval,
                    tolerance: probe.tolerance,
                })
            })
            .collect()
    }

    /// Nothing where the step has a problem; that is reported already.
    fn resolved(&self, index: usize, tried: Tried, holds: bool, needs: &[usize]) -> Option<ResolvedStep> {
        let step = &self.outline.steps[index];
        Some(ResolvedStep {
            id: step.id.clone(),
            name: tried.name,
            kind: step.kind.clone()?,
            with: tried.with,
            undo: tried.undo,
            body: tried.body?,
            place: tried.place,
            needs: needs.iter().map(|&before| self.outline.steps[before].id.clone()).collect(),
            skipped_by: step.condition.as_ref().filter(|_| !holds).map(|condition| condition.text.clone()),
            timeout: tried.timeout,
            retry: step.retry.clone(),
            on_failure: step.on_failure.unwrap_or(self.outline.on_failure),
            on_impaired: step.on_impaired,
        })
    }
}

/// The path of a finding about the command line: it stands nowhere in the document.
fn option(name: &str) -> DocumentPath {
    DocumentPath(vec![format!("--{name}")])
}
