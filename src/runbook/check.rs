//! Checks a runbook: reads it, tries it for every direction and mode, and looks at its steps together.
//!
//! Every problem is reported at once, in the order of the document. Nothing here observes a cloud.

use super::{
    document::{self, Node, Source},
    graph::Graph,
    outline::{Condition, Outline},
    parity,
    problems::{Problems, quoted},
    read,
    regions::{Lost, Needs, RegionSurvey},
    resolve::Runbook,
    resolved::Body,
    scope::Scope,
    trial::{Trial, Tried, path_of},
};
use lifeboat_contract::{Catalog, CellKey, DocumentPath, Finding, Mode, Region, Span, codes};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// In the order of the document.
    pub findings: Vec<Finding>,
    /// The runbook, where no finding is an error.
    pub runbook: Option<Runbook>,
    /// The document, as far as it could be parsed; diagnostics find their places in it.
    pub document: Option<Node>,
    /// What the steps need, where it was asked about lost regions.
    pub needs: Vec<Needs>,
}

/// Checks a runbook.
pub fn check(source: &Source, catalog: &Catalog) -> Checked {
    check_without(source, catalog, None)
}

/// Checks a runbook, also for the loss of regions.
pub fn check_without(source: &Source, catalog: &Catalog, lost: Option<Lost>) -> Checked {
    let (document, findings) = document::read(source);
    let mut problems = Problems::default();
    problems.extend(findings);
    let Some(root) = document else {
        return Checked { findings: problems.into_vec(), runbook: None, document: None, needs: Vec::new() };
    };
    let outline = read::read(&root, &source.text, catalog, &mut problems);
    let graph = Graph::new(outline.steps.iter().map(|step| step.needs.clone()).collect());
    let cycles = graph.cycles();
    for cycle in &cycles {
        report_cycle(cycle, &outline, &mut problems);
    }
    let mut survey = Survey::new(&outline, &graph, cycles.is_empty(), lost);
    for scope in scopes(&outline) {
        let trial = Trial { root: &root, outline: &outline, catalog, scope: &scope, accepted_loss: None };
        survey.visit(&trial, &mut problems);
    }
    let needs = survey.conclude(&mut problems);
    parity::check(&root, &outline, catalog, &mut problems);

    let sound = !problems.has_errors();
    let mut findings = problems.into_vec();
    findings.sort_by_key(|finding| root.locate(&finding.path).map_or(0, |span| span.start));
    let runbook = sound.then(|| Runbook::new(source.clone(), root.clone(), outline, graph));
    Checked { findings, runbook, document: Some(root), needs }
}

/// Every direction and mode, with the lost site's region impaired and not.
fn scopes(outline: &Outline) -> impl Iterator<Item = Scope<'_>> {
    let unknown: BTreeSet<String> =
        outline.inputs.iter().filter(|(_, input)| input.default.is_none()).map(|(name, _)| name.clone()).collect();
    let inputs: BTreeMap<String, Value> = outline
        .inputs
        .iter()
        .map(|(name, input)| (name.clone(), input.default.clone().unwrap_or_else(|| input.of.placeholder())))
        .collect();
    outline.pairs().flat_map(move |(to, from)| {
        let lost: BTreeSet<Region> = from.region.as_deref().map(Region::from).into_iter().collect();
        let settings = [(Mode::Switchover, BTreeSet::new()), (Mode::Failover, BTreeSet::new()), (Mode::Failover, lost)];
        let (inputs, unknown) = (inputs.clone(), unknown.clone());
        settings
            .into_iter()
            .map(move |(mode, impaired)| Scope::new(outline, (to, from), mode, impaired, &inputs, unknown.clone()))
    })
}

fn report_cycle(cycle: &[usize], outline: &Outline, problems: &mut Problems) {
    let names: Vec<&str> = cycle.iter().map(|&step| outline.steps[step].id.as_str()).collect();
    let first = cycle[0];
    let path = if outline.steps[first].needs_given { path_of(first).join("needs") } else { path_of(first).join("id") };
    problems
        .error(path, codes::CYCLE, format!("these steps wait for each other: {}", names.join(" needs ")))
        .because("none of them could ever start")
        .hint("take one of them out of another's `needs`; a step without `needs` needs the one before it");
}

/// What is seen over all directions and modes.
struct Survey<'a> {
    outline: &'a Outline,
    graph: &'a Graph,
    acyclic: bool,
    ancestors: Vec<BTreeSet<usize>>,
    /// The steps that run in some direction and mode.
    runs: BTreeSet<usize>,
    visits: usize,
    slowest: (Duration, Vec<usize>),
    regions: RegionSurvey,
}

impl<'a> Survey<'a> {
    fn new(outline: &'a Outline, graph: &'a Graph, acyclic: bool, lost: Option<Lost>) -> Self {
        let ancestors = (0..outline.steps.len()).map(|step| graph.ancestors(step)).collect();
        let slowest = (Duration::ZERO, Vec::new());
        let regions = RegionSurvey { lost, needs: Vec::new() };
        Self { outline, graph, acyclic, ancestors, runs: BTreeSet::new(), visits: 0, slowest, regions }
    }

    fn visit(&mut self, trial: &Trial<'_>, problems: &mut Problems) {
        self.visits += 1;
        trial.lock(problems);
        for index in 0..self.outline.probes.len() {
            trial.probe(index, problems);
        }
        let tried: Vec<Option<Tried>> = (0..self.outline.steps.len())
            .map(|index| trial.holds(index, problems).then(|| trial.step(index, problems)))
            .collect();
        self.runs.extend(tried.iter().enumerate().filter(|(_, step)| step.is_some()).map(|(index, _)| index));
        self.owners(trial, &tried, problems);
        self.traffic(trial, &tried, problems);
        self.fences(trial, &tried, problems);
        self.regions.visit(trial, &tried, problems);
        if self.acyclic {
            let weights: Vec<Duration> = tried.iter().map(|step| bound(step.as_ref())).collect();
            let heaviest = self.graph.heaviest(&weights);
            if heaviest.0 > self.slowest.0 {
                self.slowest = heaviest;
            }
        }
    }

    /// Steps that own the same cell must be ordered, and be of one kind.
    fn owners(&self, trial: &Trial<'_>, tried: &[Option<Tried>], problems: &mut Problems) {
        let mut owners: BTreeMap<CellKey, Vec<usize>> = BTreeMap::new();
        for (index, step, body) in bodies(tried).filter(|(_, step, _)| step.certain) {
            for cell in body.touches(&trial.context(step.place.as_ref())).owns {
                let owners = owners.entry(cell).or_default();
                if !owners.contains(&index) {
                    owners.push(index);
                }
            }
        }
        for (cell, steps) in owners {
            for (position, &later) in steps.iter().enumerate() {
                for &earlier in &steps[..position] {
                    self.owner_pair(&cell, earlier, later, problems);
                }
            }
        }
    }

    fn owner_pair(&self, cell: &CellKey, earlier: usize, later: usize, problems: &mut Problems) {
        let (first, second) = (&self.outline.steps[earlier], &self.outline.steps[later]);
        let ordered = self.ancestors[later].contains(&earlier) || self.ancestors[earlier].contains(&later);
        let both = format!(
            "{} and {} both change {}",
            quoted(first.id.as_str()),
            quoted(second.id.as_str()),
            quoted(cell.as_str())
        );
        if !ordered {
            problems
                .error(
                    path_of(later).join("uses"),
                    codes::UNORDERED_OWNERS,
                    format!("{both}, and neither needs the other"),
                )
                .because("they would run at the same time, and the last to write would win")
                .hint(format!("add `{}` to the `needs` of `{}`", first.id, second.id));
        } else if first.kind != second.kind {
            problems
                .error(
                    path_of(later).join("uses"),
                    codes::UNORDERED_OWNERS,
                    format!("{both}, and are of different kinds"),
                )
                .because("the state that one of them restores would mean nothing to the other");
        }
    }

    /// A step that sends clients somewhere needs a check before it that the place can serve them.
    fn traffic(&self, trial: &Trial<'_>, tried: &[Option<Tried>], problems: &mut Problems) {
        // A step that could not be read may well be the check: one problem is enough for one mistake.
        let may_check = |step: &Tried| matches!(step.body, None | Some(Body::Check(_)));
        let checks: BTreeSet<usize> =
            (0..tried.len()).filter(|&index| tried[index].as_ref().is_some_and(may_check)).collect();
        for (index, step, body) in bodies(tried) {
            if body.touches(&trial.context(step.place.as_ref())).opens_traffic
                && checks.is_disjoint(&self.ancestors[index])
            {
                let id = quoted(self.outline.steps[index].id.as_str());
                let message = format!("{id} sends clients to a place that no check before it has proved healthy");
                problems
                    .warning(path_of(index).join("uses"), codes::UNPROVEN_TRAFFIC, message)
                    .because("if that place does not serve, this step turns a threatened service into a dead one")
                    .hint("put a check such as `http.check` before it");
            }
        }
    }

    /// In a failover, a task that starts work at one site needs something before it that keeps the other from doing the same.
    ///
    /// Only a task with a way back is taken to start something: one without tells somebody, and there is nothing to take back.
    fn fences(&self, trial: &Trial<'_>, tried: &[Option<Tried>], problems: &mut Problems) {
        if trial.scope.mode != Mode::Failover {
            return;
        }
        // A step that could not be read may well be the fence.
        let may_fence = |step: &Tried| match &step.body {
            None | Some(Body::Approval { .. }) => true,
            Some(body) => body.touches(&trial.context(step.place.as_ref())).fences,
        };
        let fences: BTreeSet<usize> =
            (0..tried.len()).filter(|&index| tried[index].as_ref().is_some_and(may_fence)).collect();
        for (index, _, body) in bodies(tried) {
            if matches!(body, Body::Task { undo: Some(_), .. }) && fences.is_disjoint(&self.ancestors[index]) {
                let id = quoted(self.outline.steps[index].id.as_str());
                let message =
                    format!("in a failover, {id} starts work at one site and nothing before it stops the other");
                problems
                    .warning(path_of(index).join("uses"), codes::UNFENCED, message)
                    .because("a server that hangs is not a server that stopped: two would do the same work at once")
                    .hint("put a fence before it (stop the server, or cut it off), or an `approval` where a person vouches for it");
            }
        }
    }

    fn conclude(self, problems: &mut Problems) -> Vec<Needs> {
        self.unreachable(problems);
        if let Some(rto) = self.outline.rto
            && self.slowest.0 > rto
        {
            let names: Vec<&str> = self.slowest.1.iter().map(|&step| self.outline.steps[step].id.as_str()).collect();
            let (bound, rto) = (Span(self.slowest.0), Span(rto));
            let message = format!(
                "one step after the other may take {bound}, longer than the RTO of {rto}: {}",
                names.join(", ")
            );
            problems
                .warning(DocumentPath::default().join("objectives").join("rto"), codes::OVER_OBJECTIVE, message)
                .because("a run that uses up its timeouts misses the objective without any step having failed")
                .hint("shorten timeouts, let steps run side by side with `needs`, or state an RTO that can be met");
        }
        self.regions.conclude(self.outline)
    }

    fn unreachable(&self, problems: &mut Problems) {
        if self.visits == 0 {
            return;
        }
        let never = |index: usize| {
            !self.runs.contains(&index)
                && self.outline.steps[index].condition.as_ref().is_some_and(|condition| !hangs_on_the_run(condition))
        };
        for (index, step) in self.outline.steps.iter().enumerate() {
            if let Some(condition) = step.condition.as_ref().filter(|_| never(index)) {
                let message =
                    format!("{} is never true: {} can never run", quoted(&condition.text), quoted(step.id.as_str()));
                problems
                    .error(path_of(index).join("if"), codes::UNREACHABLE_STEP, message)
                    .because("a step that never runs protects nobody, and reads as if it did")
                    .hint("correct the condition, or remove the step");
            } else if step.needs_given && !step.needs.is_empty() && step.needs.iter().all(|&before| never(before)) {
                let message = format!("every step that {} needs can never run", quoted(step.id.as_str()));
                problems
                    .warning(path_of(index).join("needs"), codes::UNREACHABLE_STEP, message)
                    .because("a skipped step holds nobody up: this one starts as if it needed none");
            }
        }
    }
}

/// Whether a condition depends on what only the operator knows: an input, or the regions that are lost.
fn hangs_on_the_run(condition: &Condition) -> bool {
    condition.expression.uses("inputs") || condition.expression.uses("impaired")
}

fn bodies(tried: &[Option<Tried>]) -> impl Iterator<Item = (usize, &Tried, &Body)> {
    tried.iter().enumerate().filter_map(|(index, step)| {
        let step = step.as_ref()?;
        Some((index, step, step.body.as_ref()?))
    })
}

/// How long a step may take. A person's approval is not counted: nobody can say.
fn bound(step: Option<&Tried>) -> Duration {
    let Some(step) = step else { return Duration::ZERO };
    step.timeout.or_else(|| step.body.as_ref()?.default_timeout()).unwrap_or_default()
}
