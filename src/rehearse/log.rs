//! What was seen of the world while a rehearsal went on: who was served, what its own invariants say, and what became of a change
//! that somebody else made.

use crate::{
    engine::{RunState, StepPhase},
    journal::StepOutcome,
    runbook::Condition,
};
use lifeboat_contract::{Access, StepId};
use lifeboat_simulated::{Meddling, SimulatedCloud, World};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A moment at which somebody was served by nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) unserved: Vec<String>,
    pub(super) position: Position,
}

/// How far a run has come: what each step has done to the world.
pub(super) type Position = BTreeMap<StepId, Done>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Done {
    /// Nothing yet, or nothing any more.
    Nothing,
    /// Begun, and neither settled nor undone; or nobody knows.
    Some,
    All,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    pub(super) gaps: Vec<Gap>,
    /// How far the run had come at the last record.
    position: Position,
    /// The configuration at the beginning, and the places that have differed from it at any time, where these are wanted.
    survey: Option<(Leaves, BTreeSet<Spot>)>,
    conditions: Arc<[Condition]>,
    /// The changes that others may make, by their numbers in scripts.
    offers: Arc<[Meddling]>,
    /// The world's own invariants that were broken, each once.
    pub(super) broken: BTreeSet<String>,
    meddled: Option<Meddled>,
    /// The steps that have not looked since their last call.
    unread: BTreeSet<StepId>,
    /// What a step wrote over what somebody else had made, although it had looked since.
    pub(super) overwritten: Vec<String>,
    /// The steps whose effect cannot be undone, and how often a call of theirs changed the configuration.
    pub(super) effects: BTreeMap<StepId, Effect>,
    /// The configuration before the call of such a step that is under way.
    before: Option<Value>,
    /// Who served whom, and how far the run had come when that changed last, where a survey is wanted.
    serving: Vec<(String, Vec<String>)>,
    pub(super) switched: Option<Position>,
    /// How far the run had come each time that the world was harmed.
    pub(super) harmed: Vec<Position>,
}

/// What the calls of a step did whose effect cannot be undone.
#[derive(Debug, Clone, Default)]
pub(super) struct Effect {
    pub(super) times: u32,
    /// What stood before the last of them, in the places that it changed.
    before: Leaves,
}

/// A change that somebody else made.
#[derive(Debug, Clone)]
struct Meddled {
    what: String,
    /// What it left behind, by the place in the configuration.
    left: Leaves,
    /// The steps that had not looked since their last call: what they find may as well be what that call has not done yet.
    unsure: BTreeSet<StepId>,
    /// The steps that have looked since.
    looked: BTreeSet<StepId>,
    /// What stood there when the call under way was sent.
    stood: bool,
}

impl Log {
    /// `lasting` are the steps whose effect cannot be undone.
    pub(super) fn new(
        conditions: Arc<[Condition]>,
        offers: Arc<[Meddling]>,
        lasting: impl IntoIterator<Item = StepId>,
    ) -> Self {
        let effects = lasting.into_iter().map(|step| (step, Effect::default())).collect();
        Self { conditions, offers, effects, ..Self::default() }
    }

    /// From now on the places are noted that differ from `first` at any time.
    pub(super) fn survey(self, first: Leaves) -> Self {
        Self { survey: Some((first, BTreeSet::new())), ..self }
    }

    /// Notes no places any more.
    pub(super) fn unsurveyed(self) -> Self {
        Self { survey: None, ..self }
    }

    /// The places that a survey found.
    pub(super) fn places(&self) -> impl Iterator<Item = &Spot> {
        self.survey.iter().flat_map(|(_, places)| places)
    }

    /// Looks at the world right after a record.
    pub(super) fn look(&mut self, cloud: &SimulatedCloud, state: &RunState) {
        let done = |phase: &StepPhase| match phase {
            StepPhase::Pending | StepPhase::WaitingUntil(_) | StepPhase::AwaitingApproval | StepPhase::Undone(_) => {
                Done::Nothing
            }
            // Whole groups of steps are left out at once: they say nothing of how far a run has come.
            StepPhase::Done(StepOutcome::Skipped | StepOutcome::Owed) => Done::Nothing,
            StepPhase::Begun | StepPhase::Failed | StepPhase::Undoing | StepPhase::UndoFailed => Done::Some,
            StepPhase::Done(_) => Done::All,
        };
        self.position = state.steps.iter().map(|(id, step)| (id.clone(), done(&step.phase))).collect();
        self.glance(cloud);
    }

    /// Looks at the world at any moment.
    fn glance(&mut self, cloud: &SimulatedCloud) {
        let unserved = cloud.ask(World::unserved);
        if !unserved.is_empty() {
            let gap = Gap { unserved, position: self.position.clone() };
            if self.gaps.last() != Some(&gap) {
                self.gaps.push(gap);
            }
        }
        if let Some((first, places)) = &mut self.survey {
            places.extend(differing(first, &leaves(&cloud.ask(World::contents))));
            let serving = cloud.ask(World::served_by);
            if self.serving != serving {
                self.switched = (!self.serving.is_empty()).then(|| self.position.clone());
                self.serving = serving;
            }
        }
        self.check(cloud);
    }

    fn check(&mut self, cloud: &SimulatedCloud) {
        if self.conditions.is_empty() {
            return;
        }
        let facts = cloud.ask(World::facts);
        let Some(facts) = facts.as_object() else { return };
        for condition in self.conditions.iter() {
            match condition.holds(facts) {
                Ok(true) => drop(self.broken.insert(condition.text().to_owned())),
                Ok(false) => {}
                Err(error) => drop(self.broken.insert(error.to_string())),
            }
        }
    }

    /// Notes that the world is about to be harmed.
    pub(super) fn harm(&mut self) {
        self.harmed.push(self.position.clone());
    }

    /// Lets somebody else make one of the changes that the world offers.
    pub(super) fn meddle(&mut self, world: &mut World, which: usize) {
        let Some(meddling) = self.offers.get(which).cloned() else { return };
        let before = leaves(&world.contents());
        world.meddle(&meddling);
        let after = leaves(&world.contents());
        let left = differing(&before, &after).into_iter().map(|place| {
            let value = value_at(&after, &place);
            (place, value)
        });
        let what = meddling.to_string();
        // What was changed before still counts.
        let mut all = self.meddled.take().map(|earlier| earlier.left).unwrap_or_default();
        all.extend(left);
        self.meddled =
            Some(Meddled { what, left: all, unsure: self.unread.clone(), looked: BTreeSet::new(), stood: true });
    }

    /// The places that somebody else changed, and what was left there.
    pub(super) fn left_by_others(&self) -> impl Iterator<Item = (&Spot, &Value)> {
        self.meddled.iter().flat_map(|meddled| &meddled.left)
    }

    pub(super) fn before_call(&mut self, cloud: &SimulatedCloud, access: Access, step: Option<&StepId>) {
        if access != Access::Write {
            return;
        }
        if let Some(meddled) = &mut self.meddled {
            meddled.stood = stands(meddled, cloud);
        }
        self.before = step.filter(|step| self.effects.contains_key(step)).map(|_| cloud.ask(World::contents));
    }

    pub(super) fn after_call(&mut self, cloud: &SimulatedCloud, access: Access, step: Option<&StepId>) {
        self.glance(cloud);
        let Some(step) = step else { return };
        if let Some(before) = self.before.take()
            && let Some(effect) = self.effects.get_mut(step)
        {
            effect.note(&leaves(&before), &leaves(&cloud.ask(World::contents)));
        }
        if access == Access::Write {
            self.unread.insert(step.clone());
        } else {
            self.unread.remove(step);
        }
        let Some(meddled) = &mut self.meddled else { return };
        let knows = meddled.looked.contains(step) && !meddled.unsure.contains(step);
        if access != Access::Write {
            meddled.looked.insert(step.clone());
        } else if meddled.stood && knows && !stands(meddled, cloud) {
            self.overwritten.push(format!("{step} wrote over a change that it had seen: {}", meddled.what));
        }
    }
}

impl Effect {
    /// Notes a call. What the cloud itself has called off since has had no effect.
    fn note(&mut self, before: &Leaves, after: &Leaves) {
        let changed = differing(before, after);
        if changed.is_empty() {
            return;
        }
        let was_called_off =
            self.times > 0 && self.before.iter().all(|(place, value)| value_at(before, place) == *value);
        self.times += u32::from(!was_called_off);
        self.before = changed.into_iter().map(|place| (place.clone(), value_at(before, &place))).collect();
    }
}

fn value_at(leaves: &Leaves, place: &Spot) -> Value {
    leaves.get(place).cloned().unwrap_or(Value::Null)
}

fn stands(meddled: &Meddled, cloud: &SimulatedCloud) -> bool {
    let now = leaves(&cloud.ask(World::contents));
    meddled.left.iter().all(|(place, value)| value_at(&now, place) == *value)
}

/// A place in a configuration: the names that lead to it.
pub(super) type Spot = Vec<String>;
pub(super) type Leaves = BTreeMap<Spot, Value>;

/// Every place of a configuration that holds no further places.
pub(super) fn leaves(contents: &Value) -> Leaves {
    let mut found = BTreeMap::new();
    collect(&mut Vec::new(), contents, &mut found);
    found
}

fn collect(at: &mut Spot, value: &Value, found: &mut Leaves) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                at.push(name.clone());
                collect(at, member, found);
                at.pop();
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                at.push(index.to_string());
                collect(at, item, found);
                at.pop();
            }
        }
        // Of a list of names each is a place of its own: there, or not.
        Value::Array(items) => {
            for item in items {
                at.push(item.as_str().map_or_else(|| item.to_string(), str::to_owned));
                found.insert(at.clone(), Value::Bool(true));
                at.pop();
            }
        }
        value => drop(found.insert(at.clone(), value.clone())),
    }
}

/// The places at which two configurations differ.
pub(super) fn differing(one: &Leaves, other: &Leaves) -> BTreeSet<Spot> {
    let places: BTreeSet<&Spot> = one.keys().chain(other.keys()).collect();
    places.into_iter().filter(|place| one.get(*place) != other.get(*place)).cloned().collect()
}

/// At most three places, for people: of long names the last part.
pub(super) fn shown<'a>(places: impl IntoIterator<Item = &'a Spot>) -> String {
    let short = |name: &String| name.rsplit(['/', ':']).next().unwrap_or(name).to_owned();
    let all: Vec<String> =
        places.into_iter().map(|place| place.iter().map(short).collect::<Vec<_>>().join("/")).collect();
    let list = all.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > 3 { format!("{list} and {} more", all.len() - 3) } else { list }
}
