//! Tries one step for one direction and mode of a run: evaluates its templates and lets its kind read the values.
//!
//! Checking tries every step for every direction; resolving tries each once. It compares no step with another.

use super::{
    document::{Node, decode},
    fields::{bad_duration, unitless},
    outline::{Outline, Site, SiteRef, Step},
    problems::Problems,
    read_steps::nothing,
    resolved::{Body, decode_step},
    schema::takes_duration,
    scope::Scope,
    template::{Open, Template, Tree, report},
};
use lifeboat_contract::{
    AcceptedLoss, Catalog, DecodeError, DocumentPath, DynCheck, Finding, Findings, Place, RunContext, Shape, Span,
    codes,
};
use serde_json::Value;
use std::time::Duration;

/// What a trial works with.
pub(super) struct Trial<'a> {
    pub(super) root: &'a Node,
    pub(super) outline: &'a Outline,
    pub(super) catalog: &'a Catalog,
    pub(super) scope: &'a Scope<'a>,
    pub(super) accepted_loss: Option<AcceptedLoss>,
}

/// A step as it stands for one direction and mode.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) name: Option<String>,
    pub(super) with: Value,
    pub(super) undo: Option<Value>,
    /// Nothing where `with` has a problem.
    pub(super) body: Option<Body>,
    /// Whether every value of `with` is known; where not, placeholders stand in it.
    pub(super) certain: bool,
    pub(super) place: Option<Place>,
    pub(super) timeout: Option<Duration>,
}

impl Trial<'_> {
    /// Whether the step's `if` holds. One that hangs on an input without a value is taken to hold.
    pub(super) fn holds(&self, index: usize, problems: &mut Problems) -> bool {
        let Some(condition) = &self.outline.steps[index].condition else { return true };
        let path = path_of(index).join("if");
        let unknown = condition.expression.uses_input(&self.scope.unknown);
        match condition.expression.evaluate(&self.scope.variables) {
            Ok(Value::Bool(holds)) => holds || unknown,
            Ok(_) => {
                problems
                    .error(path, codes::EXPRESSION_TYPE, "an `if` must be true or false")
                    .hint("compare it with something: `if: mode == 'failover'`");
                true
            }
            Err(flaw) if unknown && !flaw.ill_typed => true,
            Err(flaw) => {
                report(path, flaw, problems);
                true
            }
        }
    }

    /// Evaluates the step and decodes it.
    pub(super) fn step(&self, index: usize, problems: &mut Problems) -> Tried {
        let step = &self.outline.steps[index];
        let path = path_of(index);
        let site = self.site(step);
        let mut tried = Tried {
            name: self.text(step.name.as_ref(), &path.join("name"), problems),
            with: nothing(),
            undo: None,
            body: None,
            certain: true,
            place: site.map(|site| site.place(&self.outline.providers)),
            timeout: self.timeout(step, &path.join("timeout"), problems),
        };
        if let (Some(site), Some(kind)) = (site, &step.kind) {
            self.provider(site, kind, &path, problems);
        }
        let at = path.join("with");
        let mut open = Open::default();
        tried.with = step.with.evaluate(self.scope, &at, &mut open);
        if let Some(kind) = &step.kind {
            let (body, findings) = self.decode(kind, &tried.with, &step.with, &at);
            tried.body = body;
            problems.extend(findings.into_iter().filter(|finding| !open.concerns(finding)));
        }
        if let (Some(kind), Some(undo)) = (&step.kind, &step.undo) {
            self.way_back(kind, undo, &path.join("undo"), &mut tried, &mut open, problems);
        }
        tried.certain = open.leaves.is_empty();
        for misfit in open.misfits {
            report(misfit.path, misfit.flaw, problems);
        }
        if let (None, Some(body), true) = (&step.site, &tried.body, tried.certain)
            && body.touches(&self.context(None)).planes.iter().any(|plane| plane.region.is_none())
        {
            problems
                .error(path, codes::SITE_REQUIRED, "nothing in this step says in which region it works")
                .because("the site gives a step its region, its account and its credentials")
                .hint("add `site: to`, `site: from` or the id of a site");
        }
        tried
    }

    /// Evaluates a probe and decodes it; with it goes what it was decoded from. Nothing where it has a problem.
    pub(super) fn probe(&self, index: usize, problems: &mut Problems) -> Option<(Box<dyn DynCheck>, Value)> {
        let probe = &self.outline.probes[index];
        let kind = probe.kind.as_ref()?;
        let at = DocumentPath::default().join("objectives").join("probes").join(index).join("with");
        let mut open = Open::default();
        let with = probe.with.evaluate(self.scope, &at, &mut open);
        let (body, findings) = self.decode(kind, &with, &probe.with, &at);
        problems.extend(findings.into_iter().filter(|finding| !open.concerns(finding)));
        for misfit in open.misfits {
            report(misfit.path, misfit.flaw, problems);
        }
        match body {
            Some(Body::Check(check)) => Some((check, with)),
            _ => None,
        }
    }

    /// Lets the kind read `undo` as it reads `with`. Only a task has a way back of the runbook's own.
    fn way_back(
        &self,
        kind: &str,
        tree: &Tree,
        at: &DocumentPath,
        tried: &mut Tried,
        open: &mut Open,
        problems: &mut Problems,
    ) {
        let is_task = self.catalog.get(kind).is_some_and(|entry| entry.shape == Shape::Task);
        if !is_task {
            problems
                .error(at.clone(), codes::CONFLICTING_FIELDS, format!("a step of the kind `{kind}` takes no `undo`"))
                .because("only a task has a way back of its own: a change is driven back to what was there, and a check changes nothing");
            return;
        }
        let undo = tree.evaluate(self.scope, at, open);
        let (body, findings) = self.decode(kind, &undo, tree, at);
        problems.extend(findings.into_iter().filter(|finding| !open.concerns(finding)));
        tried.undo = Some(undo);
        // Without a way back that can be read, the step is not one that could be resolved.
        tried.body = tried.body.take().and_then(|task| Some(task.with_undo(body?)));
    }

    /// The run, as a step at `place` may know it.
    pub(super) fn context(&self, place: Option<&Place>) -> RunContext {
        RunContext {
            mode: self.scope.mode,
            accepted_loss: self.accepted_loss,
            rpo: self.outline.rpo,
            impaired: self.scope.impaired.clone(),
            to: self.scope.to.id.clone(),
            from: self.scope.from.id.clone(),
            place: place.cloned(),
        }
    }

    fn site(&self, step: &Step) -> Option<&Site> {
        match step.site.as_ref()? {
            SiteRef::To => Some(self.scope.to),
            SiteRef::From => Some(self.scope.from),
            SiteRef::Fixed(id) => self.outline.site(id),
        }
    }

    /// Reports a step of one provider at a site of another.
    fn provider(&self, site: &Site, kind: &str, path: &DocumentPath, problems: &mut Problems) {
        let provider = kind.split('.').next().unwrap_or_default();
        let named = self.outline.sites.iter().any(|site| site.provider == provider)
            || self.outline.providers.contains_key(provider);
        if named && site.provider != provider {
            let message =
                format!("`{kind}` is a kind of {provider}, and the site `{}` is at {}", site.id, site.provider);
            problems.error(path.join("site"), codes::CONFLICTING_FIELDS, message);
        }
    }

    /// Lets the kind read `with`. Yields a body only where nothing is wrong with it.
    fn decode(&self, kind: &str, with: &Value, tree: &Tree, at: &DocumentPath) -> (Option<Body>, Vec<Finding>) {
        let (body, mistakes) = decode::salvage(with.clone(), |with| decode_step(self.catalog, kind, with));
        let mut found = Findings::under(at.clone());
        match &body {
            Some(Body::Change(change)) => change.check(&mut found),
            Some(Body::Check(check)) => check.check(&mut found),
            Some(Body::Task { task, .. }) => task.check(&mut found),
            Some(Body::Wait(_) | Body::Approval { .. }) | None => {}
        }
        let sound = mistakes.is_empty() && !found.has_errors();
        let mistakes = mistakes.iter().map(|mistake| self.mistake(kind, mistake, tree, at));
        let findings = mistakes.chain(found.into_vec().into_iter().map(|finding| self.explained(finding, tree, at)));
        let findings = findings.collect();
        (body.filter(|_| sound), findings)
    }

    fn mistake(&self, kind: &str, mistake: &DecodeError, tree: &Tree, at: &DocumentPath) -> Finding {
        let mut finding = decode::finding(self.root, at, mistake);
        // A duration is text to serde, but quoting a bare number would not make it one.
        if finding.code == codes::WRONG_TYPE
            && let Some(Tree::Literal(Value::Number(number))) = tree.at(&mistake.path)
            && takes_duration(self.catalog, kind, &mistake.path)
        {
            let mut problems = Problems::default();
            finding = unitless(number, finding.path, &mut problems).clone();
        }
        let secret =
            (0..=mistake.path.len()).find(|&end| matches!(tree.at(&mistake.path[..end]), Some(Tree::Secret(_))));
        match secret {
            Some(end) => {
                let mut path = at.clone();
                path.0.extend(mistake.path[..end].iter().cloned());
                Finding {
                    code: codes::SECRET_MISUSED,
                    path,
                    message: "this field does not take a secret".to_owned(),
                    why: "only a field made for secrets keeps them out of plans, journals and reports".to_owned(),
                    hint: None,
                    ..finding
                }
            }
            None => self.explained(finding, tree, at),
        }
    }

    /// Says which value a template had, where the value is what is wrong.
    fn explained(&self, mut finding: Finding, tree: &Tree, at: &DocumentPath) -> Finding {
        let below = finding.path.0.get(at.0.len()..).unwrap_or_default();
        if let Some(Tree::Template(template)) = tree.at(below)
            && finding.why.is_empty()
        {
            finding.why = format!("this is the value of `{}` {}", template.text().trim(), self.scope.direction());
        }
        finding
    }

    fn text(&self, template: Option<&Template>, path: &DocumentPath, problems: &mut Problems) -> Option<String> {
        match self.value(template?, path, problems)? {
            Value::String(text) => Some(text),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            _ => {
                problems.error(path.clone(), codes::EXPRESSION_TYPE, "this must be text");
                None
            }
        }
    }

    fn timeout(&self, step: &Step, path: &DocumentPath, problems: &mut Problems) -> Option<Duration> {
        let text = self.text(step.timeout.as_ref(), path, problems)?;
        match Span::parse(&text) {
            Some(span) if !span.get().is_zero() => Some(span.get()),
            _ => {
                bad_duration(&text, path.clone(), problems);
                None
            }
        }
    }

    /// The value of a template, unless it hangs on an input that has none.
    fn value(&self, template: &Template, path: &DocumentPath, problems: &mut Problems) -> Option<Value> {
        match template.evaluate(self.scope, path) {
            Ok(value) => (!template.uses_input(&self.scope.unknown)).then_some(value),
            Err(misfit) => {
                if misfit.flaw.ill_typed || !template.uses_input(&self.scope.unknown) {
                    report(misfit.path, misfit.flaw, problems);
                }
                None
            }
        }
    }

    /// The lock key of the run.
    pub(super) fn lock(&self, problems: &mut Problems) -> String {
        let path = DocumentPath::default().join("lock");
        let lock = self.text(self.outline.lock.as_ref(), &path, problems);
        if lock.as_ref().is_some_and(|lock| lock.trim().is_empty()) {
            problems
                .error(path, codes::BAD_VALUE, format!("the lock key is empty {}", self.scope.direction()))
                .because("two runs with the same lock key never run at the same time; an empty key locks nothing");
        }
        lock.unwrap_or_else(|| self.outline.name.clone())
    }
}

pub(super) fn path_of(index: usize) -> DocumentPath {
    DocumentPath::default().join("steps").join(index)
}
