//! Judges a rehearsal by the world and the journal it left. Asks the engine nothing.

use super::{
    fault::{Fault, Policy, Script},
    log::{Done, Gap, Leaves, Position, Spot, differing, leaves, shown},
    points::ends,
    scenario::{CANARY, Scenario},
    stage::{Ending, Performance},
};
use crate::{
    engine::RunState,
    journal::Record,
    plan::{Plan, PlannedBody, PlannedStep},
};
use jiff::Timestamp;
use lifeboat_contract::{Access, StepId};
use lifeboat_simulated::{Figures, Misled, World};
use std::{collections::BTreeSet, time::Duration};

/// Within this time a world has become well again.
const LONG_AFTER: Duration = Duration::from_mins(30);

/// Something that must never happen, and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// A stable name: `two-writers`, `not-restored`.
    pub invariant: &'static str,
    pub what: String,
}

/// What every rehearsal is compared with: the undisturbed run, and its way back.
#[derive(Debug)]
pub(super) struct Yardstick {
    /// What the clients had gone through already before the run.
    earlier: Figures,
    figures: Figures,
    /// The configuration before the run, and after it.
    first: Leaves,
    last: Leaves,
    /// The places that change by themselves once what an incident took away is back.
    recovering: BTreeSet<Spot>,
    /// The places that the run and its way back change at any time.
    owned: BTreeSet<Spot>,
    /// How far those runs had come, in steps done, when first and last somebody was served by nobody.
    window: Option<(usize, usize)>,
    /// When the run began.
    began: Timestamp,
    /// Whom nobody serves before the run.
    unserved_first: Vec<String>,
    /// The last change that the run makes before, for the last time, others serve somebody than did before it.
    switch: Option<StepId>,
}

impl Yardstick {
    /// What the undisturbed run `there`, and the run with its rollback, show. `before` is the configuration that both began with.
    pub(super) fn of(scenario: &Scenario, there: &Performance, back: &Performance) -> Self {
        let before = &scenario.world;
        let first = leaves(&before.contents());
        let last = leaves(&there.world.contents());
        let mut owned = differing(&first, &last);
        owned.extend(there.log.places().chain(back.log.places()).cloned());
        let gaps = there.log.gaps.iter().chain(&back.log.gaps);
        Self {
            earlier: before.figures(),
            recovering: recovering(&there.world),
            figures: there.world.figures(),
            owned,
            window: gaps.map(|gap| count(&gap.position, Done::All)).fold(None, |window, done| {
                let (first, last) = window.unwrap_or((done, done));
                Some((first.min(done), last.max(done)))
            }),
            unserved_first: before.unserved(),
            began: before.now(),
            switch: there.log.switched.as_ref().and_then(|position| last_change(&scenario.plan, position)),
            first,
            last,
        }
    }

    /// How long clients were without service since the beginning of the run.
    pub(super) fn unavailable_since(&self, figures: &Figures) -> f64 {
        figures.unavailable_s - self.earlier.unavailable_s
    }

    pub(super) fn lost_since(&self, figures: &Figures) -> u64 {
        figures.lost_writes.saturating_sub(self.earlier.lost_writes)
    }

    /// Whether these places are ones that the undisturbed run changes, and hold neither what it finds nor what it leaves.
    pub(super) fn is_strange(&self, places: &BTreeSet<Spot>, now: &Leaves) -> bool {
        let beside = |leaves: &Leaves, place: &Spot| -> Leaves {
            let parent = &place[..place.len().saturating_sub(1)];
            let near = leaves.iter().filter(|(other, _)| other.len() == place.len() && other.starts_with(parent));
            near.map(|(other, value)| (other.clone(), value.clone())).collect()
        };
        let strange = |place: &Spot| {
            let here = beside(now, place);
            here != beside(&self.first, place) && here != beside(&self.last, place)
        };
        !self.owned.is_disjoint(places) && places.iter().all(strange)
    }

    /// Every invariant that a rehearsal breaks.
    pub(super) fn judge(&self, script: &Script, performance: &Performance) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut broken = |invariant, what: String| violations.push(Violation { invariant, what });
        if let Ending::Broke(why) = &performance.ending {
            broken("always-ends", why.clone());
        }
        // Where nothing goes wrong the run does what it is there for.
        if script.faults.is_empty() && script.policy == Policy::Resume && performance.ending != Ending::Completed {
            broken("not-completed", "the run does not complete although nothing goes wrong".to_owned());
        }
        let harmed = script.faults.iter().any(Fault::harms_the_world);
        for (invariant, what) in self.figures(performance, harmed) {
            broken(invariant, what);
        }
        for (invariant, what) in self.configuration(script, performance, harmed) {
            broken(invariant, what);
        }
        if !harmed && let Some(what) = self.not_serving(performance) {
            broken("not-serving", what);
        }
        // What comes back is served at once, and noticed by health checks later: ways may change without anybody's doing.
        let recovers = script.faults.iter().any(|fault| matches!(fault, Fault::Recovered(_)));
        if !harmed
            && !recovers
            && let Some(what) = self.led_away(performance)
        {
            broken("led-away", what);
        }
        if let Some(what) = self.not_looked(performance) {
            broken("not-looked", what);
        }
        for condition in &performance.log.broken {
            broken("never", condition.clone());
        }
        for what in &performance.log.overwritten {
            broken("foreign-overwritten", what.clone());
        }
        for (step, effect) in performance.log.effects.iter().filter(|(_, effect)| effect.times > 1) {
            let times = effect.times;
            broken("irreversible-twice", format!("{step} cannot be undone, and took effect {times} times"));
        }
        if let Some(what) = without_intent(performance) {
            broken("no-intent", what);
        }
        if performance.journal.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()) {
            broken("secret-told", "the journal holds the value of a secret".to_owned());
        }
        violations
    }

    /// Never is never: not in the undisturbed run either. What is lost may be as much as there.
    fn figures(&self, performance: &Performance, harmed: bool) -> Vec<(&'static str, String)> {
        let (figures, usual) = (performance.world.figures(), &self.figures);
        let mut broken = Vec::new();
        if figures.two_writers_s > 0.0 {
            broken
                .push(("two-writers", format!("two databases took writes at once for {:.1} s", figures.two_writers_s)));
        }
        if figures.two_actives_s > 0.0 {
            broken.push(("two-actives", format!("two nodes had one queue for {:.1} s", figures.two_actives_s)));
        }
        // A region that is lost takes with it what it had not replicated yet, whatever anybody does.
        if harmed {
            return broken;
        }
        for (name, now, before) in [
            ("lost-writes", figures.lost_writes, usual.lost_writes),
            ("lost-messages", figures.messages_lost, usual.messages_lost),
            ("disorder", figures.messages_out_of_order, usual.messages_out_of_order),
        ] {
            if now > before {
                broken.push((name, format!("{now}, and {before} in the undisturbed run")));
            }
        }
        broken
    }

    fn configuration(&self, script: &Script, performance: &Performance, harmed: bool) -> Vec<(&'static str, String)> {
        let now = leaves(&performance.world.contents());
        // What somebody else made may well still stand.
        let others: BTreeSet<&Spot> = performance.log.left_by_others().map(|(place, _)| place).collect();
        let recovers = script.faults.iter().any(|fault| matches!(fault, Fault::Recovered(_)));
        let by_itself = |place: &Spot| others.contains(place) || recovers && self.recovering.contains(place);
        let away = |from: &Leaves| -> Vec<Spot> {
            differing(from, &now).into_iter().filter(|place| !by_itself(place)).collect()
        };
        let mut broken = Vec::new();
        let (goal, name, how) = match performance.ending {
            Ending::Completed => {
                (Some(&self.last), "not-reached", "completed, and the world is not as without the fault")
            }
            Ending::RolledBack => (Some(&self.first), "not-restored", "rolled back, and the world is not as it was"),
            Ending::NotBegun => (Some(&self.first), "not-restored", "never begun, and the world changed"),
            _ => (None, "", ""),
        };
        if let Some(goal) = goal {
            let places = away(goal);
            if !places.is_empty() {
                broken.push((name, format!("{how}: {}", shown(&places))));
            }
        }
        let strange: Vec<Spot> = away(&self.first).into_iter().filter(|place| !self.owned.contains(place)).collect();
        if !strange.is_empty() && !harmed {
            broken.push(("not-owned", format!("changed, and no step owns it: {}", shown(&strange))));
        }
        broken
    }

    /// Nobody is without service but in the window in which the undisturbed run leaves them without, too, and at the end all are
    /// served as there. What a step does may show a step later, so that the window is a step wider on either side.
    fn not_serving(&self, performance: &Performance) -> Option<String> {
        let allowed = |gap: &&Gap| {
            gap.unserved.iter().all(|name| self.unserved_first.contains(name))
                || self.window.is_some_and(|(first, last)| {
                    let done = count(&gap.position, Done::All);
                    done <= last + 1 && done + count(&gap.position, Done::Some) + 1 >= first
                })
        };
        if let Some(gap) = performance.log.gaps.iter().find(|gap| !allowed(gap)) {
            let done = |wanted: Done| -> String {
                let steps = gap.position.iter().filter(|(_, done)| **done == wanted);
                let names: Vec<&str> = steps.map(|(step, _)| step.as_str()).collect();
                if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
            };
            let (all, some) = (done(Done::All), done(Done::Some));
            return Some(format!("{} served by nobody; done: {all}; half done: {some}", gap.unserved.join(", ")));
        }
        if performance.ending == Ending::Completed {
            return let_down(performance).map(|names| format!("completed, and {names} served by nobody at the end"));
        }
        let unserved = performance.world.unserved();
        let more: Vec<String> = unserved.into_iter().filter(|name| !self.unserved_first.contains(name)).collect();
        (performance.ending == Ending::RolledBack && !more.is_empty())
            .then(|| format!("{} served by nobody at the end", more.join(", ")))
    }

    /// A run goes forward without leading anybody away from somebody that can serve him to where nobody does, like traffic that is
    /// sent to a database before it takes writes. What can serve must stop to, or have been replaced, before the way to it is closed.
    fn led_away(&self, performance: &Performance) -> Option<String> {
        let mut records = performance.records.iter();
        let back = records.find(|line| matches!(line.record, Record::RollbackStarted { .. })).map(|line| line.at);
        let forward = |misled: &&Misled| misled.at > self.began && back.is_none_or(|back| misled.at < back);
        let misled = performance.world.misled().iter().find(forward)?;
        let after = lifeboat_contract::Span(lifeboat_contract::clock::until(self.began, misled.at));
        let Misled { who, by, .. } = misled;
        Some(format!("{who} led away from {by}, which could serve it, to where nobody does, {after} into the run"))
    }

    /// A run that completes has looked after the last change of its clients' ways whether they are served. What has harmed the
    /// world before that change must have been seen.
    fn not_looked(&self, performance: &Performance) -> Option<String> {
        let switch = self.switch.as_ref()?;
        let begun = |position: &Position| position.get(switch).is_some_and(|done| *done != Done::Nothing);
        let harmed = &performance.log.harmed;
        if performance.ending != Ending::Completed || harmed.is_empty() || harmed.iter().any(begun) {
            return None;
        }
        let names = let_down(performance)?;
        Some(format!("completed, and {names} served by nobody since before {switch}: nothing has looked after it"))
    }
}

/// What a world goes on to change by itself once what its incident took away is back.
fn recovering(world: &World) -> BTreeSet<Spot> {
    if !world.ails() {
        return BTreeSet::new();
    }
    let mut recovered = world.clone();
    recovered.recover();
    let (before, mut found) = (leaves(&world.contents()), BTreeSet::new());
    let end = lifeboat_contract::clock::after(recovered.now(), LONG_AFTER);
    loop {
        found.extend(differing(&before, &leaves(&recovered.contents())));
        match recovered.next_event().filter(|next| *next <= end) {
            Some(next) => recovered.advance(next),
            None => return found,
        }
    }
}

/// Who was served at some time, and at the end is not.
fn let_down(performance: &Performance) -> Option<String> {
    let served = performance.world.ever_served();
    let unserved = performance.world.unserved();
    let names: Vec<&str> = unserved.iter().map(String::as_str).filter(|name| served.contains(name)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Of the steps that have begun, the last that changes something.
fn last_change(plan: &Plan, position: &Position) -> Option<StepId> {
    let begun = |step: &&PlannedStep| position.get(&step.id).is_some_and(|done| *done != Done::Nothing);
    let changes = |step: &&PlannedStep| matches!(step.body, PlannedBody::Change(_));
    plan.steps.iter().filter(changes).rfind(begun).map(|step| step.id.clone())
}

fn count(position: &Position, wanted: Done) -> usize {
    position.values().filter(|done| **done == wanted).count()
}

/// The first write that was sent while the journal held no open attempt of its step.
fn without_intent(performance: &Performance) -> Option<String> {
    let mut lines = performance.records.iter().zip(ends(&performance.journal)).peekable();
    let mut state: Option<RunState> = None;
    for sent in performance.sent.iter().filter(|sent| sent.access == Access::Write) {
        while let Some((line, _)) = lines.next_if(|(_, end)| *end <= sent.durable) {
            match &mut state {
                None => state = RunState::open(line.at, &line.record).ok(),
                Some(state) => drop(state.fold(line.at, &line.record)),
            }
        }
        let last = sent
            .step
            .as_ref()
            .zip(state.as_ref())
            .and_then(|(step, state)| state.steps.get(step)?.intent.as_ref()?.last.as_ref());
        if last.is_none_or(|last| last.end.is_some()) {
            let step = sent.step.as_ref().map_or("nobody", |step| step.as_str());
            return Some(format!("{step} sent {} {} before an attempt was journaled", sent.service, sent.operation));
        }
    }
    None
}

/// The steps that a rehearsal's records tell of, for a timeline: what happened when.
pub(super) fn timeline(performance: &Performance) -> Vec<String> {
    let Some(began) = performance.records.first().map(|line| line.at) else { return Vec::new() };
    let told = |record: &Record| !matches!(record, Record::CheckTried(_) | Record::RunOpened { .. });
    let lines = performance.records.iter().filter(|line| told(&line.record));
    lines
        .map(|line| {
            let after = lifeboat_contract::Span(lifeboat_contract::clock::until(began, line.at));
            let value = serde_json::to_value(&line.record).unwrap_or_default();
            let step = line.record.step().map_or(String::new(), |step| format!(" {step}"));
            let detail = value["failure"]["code"].as_str().or(value["outcome"].as_str()).unwrap_or_default();
            format!("{after:>8}  {:<16}{step} {detail}", value["record"].as_str().unwrap_or_default())
        })
        .collect()
}
