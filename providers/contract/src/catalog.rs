//! The catalog of kinds: erases each typed kind once, so that the engine speaks of values only.
//!
//! One line registers a kind: `catalog.change::<Route>()`. It never names a cloud.

use crate::{
    change::{Change, Foreseen, Observed, Pace, Refusal, Reversal, Touches, Transition},
    check::{Answer, Cadence, Check},
    cx::Cx,
    error::CallError,
    findings::Findings,
    parity::{Comparable, DynComparable},
    run_context::RunContext,
    task::{Performed, Task, TaskPace},
    wire::BoxFuture,
};
use schemars::{Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Debug};

/// An observation whose types are erased.
pub type ObservedValue = Observed<Value, Value>;
/// A transition whose types are erased.
pub type TransitionValue = Transition<Value, Value>;

/// A decoded step.
#[derive(Debug)]
pub enum Step {
    Change(Box<dyn DynChange>),
    Check(Box<dyn DynCheck>),
    Task(Box<dyn DynTask>),
}

/// [`Change`], object-safe.
pub trait DynChange: Debug + Send + Sync {
    fn check(&self, findings: &mut Findings);
    fn touches(&self, run: &RunContext, now: Option<&ObservedValue>) -> Touches;
    fn observe<'a>(&'a self, cx: &'a Cx) -> BoxFuture<'a, Result<ObservedValue, CallError>>;
    fn target(&self, now: &ObservedValue, run: &RunContext) -> Result<Value, Refusal>;
    fn foresee(&self, facts: &mut Value, earlier: &Foreseen);
    fn drive<'a>(&'a self, cx: &'a Cx, transition: &'a TransitionValue) -> BoxFuture<'a, Result<(), CallError>>;
    fn reversal(&self, transition: &TransitionValue) -> Reversal;
    fn pace(&self) -> Pace;
    fn note(&self, transition: &TransitionValue) -> Option<String>;
}

/// [`Check`], object-safe.
pub trait DynCheck: Debug + Send + Sync {
    fn check(&self, findings: &mut Findings);
    fn touches(&self, run: &RunContext) -> Touches;
    fn ask<'a>(&'a self, cx: &'a Cx) -> BoxFuture<'a, Result<Answer, CallError>>;
    fn cadence(&self) -> Cadence;
    fn question(&self) -> String;
}

/// [`Task`], object-safe.
pub trait DynTask: Debug + Send + Sync {
    fn check(&self, findings: &mut Findings);
    fn touches(&self, run: &RunContext) -> Touches;
    fn admit(&self, cx: &Cx) -> Result<(), Refusal>;
    fn perform<'a>(&'a self, cx: &'a Cx) -> BoxFuture<'a, Result<Performed, CallError>>;
    fn repeatable(&self) -> bool;
    fn describe(&self) -> String;
    fn pace(&self) -> TaskPace;
}

/// Every kind that this build knows.
#[derive(Debug, Default)]
pub struct Catalog {
    kinds: BTreeMap<&'static str, KindEntry>,
    comparables: BTreeMap<&'static str, ComparableEntry>,
}

/// One kind of resource that parity compares: its schema and its decoder.
#[derive(Debug)]
pub struct ComparableEntry {
    pub kind: &'static str,
    /// A `with` in YAML.
    pub example: &'static str,
    /// What a reader must be allowed to do.
    pub permissions: &'static [&'static str],
    schema: fn(&mut SchemaGenerator) -> Schema,
    decode: fn(Value) -> Result<Box<dyn DynComparable>, DecodeError>,
}

/// One kind: its schema and its decoder.
#[derive(Debug)]
pub struct KindEntry {
    pub kind: &'static str,
    pub shape: Shape,
    /// A `with` in YAML.
    pub example: &'static str,
    /// How the change can be undone; empty for a check and for a task, whose way back the runbook declares.
    pub reversal: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
    decode: fn(Value) -> Result<Step, DecodeError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Change,
    Check,
    Task,
}

/// Why `with` is not what the kind wants, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// The path below `with`.
    pub path: Vec<String>,
    pub message: String,
}

impl Catalog {
    pub fn change<K: Change>(&mut self) -> &mut Self {
        self.insert(KindEntry {
            kind: K::KIND,
            shape: Shape::Change,
            example: K::EXAMPLE,
            reversal: K::REVERSAL,
            schema: |generator| generator.root_schema_for::<K>(),
            decode: |with| Ok(Step::Change(Box::new(decode::<K>(with)?))),
        })
    }

    pub fn check<K: Check>(&mut self) -> &mut Self {
        self.insert(KindEntry {
            kind: K::KIND,
            shape: Shape::Check,
            example: K::EXAMPLE,
            reversal: "",
            schema: |generator| generator.root_schema_for::<K>(),
            decode: |with| Ok(Step::Check(Box::new(decode::<K>(with)?))),
        })
    }

    pub fn task<K: Task>(&mut self) -> &mut Self {
        self.insert(KindEntry {
            kind: K::KIND,
            shape: Shape::Task,
            example: K::EXAMPLE,
            reversal: "",
            schema: |generator| generator.root_schema_for::<K>(),
            decode: |with| Ok(Step::Task(Box::new(decode::<K>(with)?))),
        })
    }

    /// Adds a kind of resource that parity compares.
    pub fn comparable<K: Comparable>(&mut self) -> &mut Self {
        let entry = ComparableEntry {
            kind: K::KIND,
            example: K::EXAMPLE,
            permissions: K::PERMISSIONS,
            schema: |generator| generator.root_schema_for::<K>(),
            decode: |with| Ok(Box::new(decode::<K>(with)?)),
        };
        let taken = self.kinds.contains_key(K::KIND) || self.comparables.insert(K::KIND, entry).is_some();
        assert!(!taken, "the kind {} is registered twice", K::KIND);
        self
    }

    fn insert(&mut self, entry: KindEntry) -> &mut Self {
        let kind = entry.kind;
        assert!(self.kinds.insert(kind, entry).is_none(), "the kind {kind} is registered twice");
        self
    }

    pub fn get_comparable(&self, kind: &str) -> Option<&ComparableEntry> {
        self.comparables.get(kind)
    }

    /// All kinds of resource that parity compares, by name.
    pub fn comparables(&self) -> impl Iterator<Item = &ComparableEntry> {
        self.comparables.values()
    }

    pub fn get(&self, kind: &str) -> Option<&KindEntry> {
        self.kinds.get(kind)
    }

    /// All kinds, by name.
    pub fn iter(&self) -> impl Iterator<Item = &KindEntry> {
        self.kinds.values()
    }
}

impl ComparableEntry {
    /// The JSON Schema of `with`, with the documentation of each field.
    pub fn schema(&self) -> Schema {
        (self.schema)(&mut SchemaGenerator::default())
    }

    /// Decodes a `with` that was resolved for one site.
    pub fn decode(&self, with: Value) -> Result<Box<dyn DynComparable>, DecodeError> {
        (self.decode)(with)
    }
}

impl KindEntry {
    /// The JSON Schema of `with`, with the documentation of each field.
    pub fn schema(&self) -> Schema {
        (self.schema)(&mut SchemaGenerator::default())
    }

    /// Decodes a resolved `with`.
    pub fn decode(&self, with: Value) -> Result<Step, DecodeError> {
        (self.decode)(with)
    }
}

fn decode<T: DeserializeOwned>(with: Value) -> Result<T, DecodeError> {
    serde_path_to_error::deserialize(with).map_err(|error| DecodeError {
        path: error.path().iter().filter_map(segment).collect(),
        message: error.inner().to_string(),
    })
}

fn segment(segment: &serde_path_to_error::Segment) -> Option<String> {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}

impl<K: Change> DynChange for K {
    fn check(&self, findings: &mut Findings) {
        Change::check(self, findings);
    }

    fn touches(&self, run: &RunContext, now: Option<&ObservedValue>) -> Touches {
        let now = now.and_then(|now| typed_observation::<K>(now).ok());
        Change::touches(self, run, now.as_ref())
    }

    fn observe<'a>(&'a self, cx: &'a Cx) -> BoxFuture<'a, Result<ObservedValue, CallError>> {
        Box::pin(async move {
            let Observed { state, facts, phase } = Change::observe(self, cx).await?;
            Ok(Observed { state: erase(&state), facts: erase(&facts), phase })
        })
    }

    fn target(&self, now: &ObservedValue, run: &RunContext) -> Result<Value, Refusal> {
        let now = typed_observation::<K>(now).map_err(|error| Refusal::new("state.undecodable", error))?;
        Change::target(self, &now, run).map(|state| erase(&state))
    }

    fn foresee(&self, facts: &mut Value, earlier: &Foreseen) {
        if let Ok(mut known) = typed::<K::Facts>(facts) {
            Change::foresee(self, &mut known, earlier);
            *facts = erase(&known);
        }
    }

    fn drive<'a>(&'a self, cx: &'a Cx, transition: &'a TransitionValue) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let transition = typed_transition::<K>(transition)
                .map_err(|error| CallError::definite(K::KIND, "state.undecodable", error))?;
            Change::drive(self, cx, &transition).await
        })
    }

    fn reversal(&self, transition: &TransitionValue) -> Reversal {
        match typed_transition::<K>(transition) {
            Ok(transition) => Change::reversal(self, &transition),
            Err(error) => Reversal::ForwardOnly(format!("its state cannot be read: {error}")),
        }
    }

    fn pace(&self) -> Pace {
        Change::pace(self)
    }

    fn note(&self, transition: &TransitionValue) -> Option<String> {
        Change::note(self, &typed_transition::<K>(transition).ok()?)
    }
}

impl<K: Check> DynCheck for K {
    fn check(&self, findings: &mut Findings) {
        Check::check(self, findings);
    }

    fn touches(&self, run: &RunContext) -> Touches {
        Check::touches(self, run)
    }

    fn ask<'a>(&'a self, cx: &'a Cx) -> BoxFuture<'a, Result<Answer, CallError>> {
        Box::pin(Check::ask(self, cx))
    }

    fn cadence(&self) -> Cadence {
        Check::cadence(self)
    }

    fn question(&self) -> String {
        Check::question(self)
    }
}

impl<K: Task> DynTask for K {
    fn check(&self, findings: &mut Findings) {
        Task::check(self, findings);
    }

    fn touches(&self, run: &RunContext) -> Touches {
        Task::touches(self, run)
    }

    fn admit(&self, cx: &Cx) -> Result<(), Refusal> {
        Task::admit(self, cx)
    }

    fn perform<'a>(&'a self, cx: &'a Cx) -> BoxFuture<'a, Result<Performed, CallError>> {
        Box::pin(Task::perform(self, cx))
    }

    fn repeatable(&self) -> bool {
        Task::repeatable(self)
    }

    fn describe(&self) -> String {
        Task::describe(self)
    }

    fn pace(&self) -> TaskPace {
        Task::pace(self)
    }
}

fn erase<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("a kind's state and facts serialise to JSON: rule 5 of the contract")
}

fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.to_string())
}

fn typed_observation<K: Change>(now: &ObservedValue) -> Result<Observed<K::State, K::Facts>, String> {
    Ok(Observed { state: typed(&now.state)?, facts: typed(&now.facts)?, phase: now.phase.clone() })
}

fn typed_transition<K: Change>(transition: &TransitionValue) -> Result<Transition<K::State, K::Facts>, String> {
    Ok(Transition {
        now: typed_observation::<K>(&transition.now)?,
        to: typed(&transition.to)?,
        direction: transition.direction,
        mode: transition.mode,
        data_loss: transition.data_loss,
    })
}
