//! A change: a move between two observed states. What a kind declares, and what the engine hands it.
//!
//! The engine plans, journals, verifies, retries and rolls back, once, for all kinds. A kind does none of these.

use crate::{
    cx::Cx,
    error::CallError,
    findings::Findings,
    ids::{CellKey, Region, ResourceKey},
    run_context::{Mode, RunContext},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Debug},
    time::Duration,
};

/// A step kind that changes the world. The struct is the schema, the documentation and the parser of `with`.
pub trait Change: DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static {
    /// The name in `uses`: `aws.ec2.route`.
    const KIND: &'static str;

    /// A `with` as an operator writes it, in YAML, for the kind's page.
    const EXAMPLE: &'static str = "";
    /// Whether and how the change can be undone, in a sentence, for the kind's page.
    const REVERSAL: &'static str = "Driving back restores exactly what was there.";

    /// All that this step may alter and will restore, and nothing else. Serialises to an object of independent cells.
    type State: Serialize + DeserializeOwned + Eq + Debug + Send + Sync;
    /// What the step must know besides: lag, siblings, etags. Never compared, never restored.
    type Facts: Serialize + DeserializeOwned + Debug + Send + Sync;

    /// Adds what is wrong with the fields. Pure.
    fn check(&self, _findings: &mut Findings) {}

    /// What the step owns and needs. Pure. Asked with an observation where there is one: roles can decide the region.
    fn touches(&self, run: &RunContext, now: Option<&Observed<Self::State, Self::Facts>>) -> Touches;

    /// Reads the world. Never changes anything; an unsettled world is `Moving`, never an error.
    fn observe(&self, cx: &Cx) -> impl Future<Output = Result<Observed<Self::State, Self::Facts>, CallError>> + Send;

    /// The state that the runbook asks for, or why it must not be reached from here. Pure.
    ///
    /// Must be a fixed point: asked again of a world that stands at the target, it returns that target and does not refuse.
    fn target(&self, now: &Observed<Self::State, Self::Facts>, run: &RunContext) -> Result<Self::State, Refusal>;

    /// Replaces facts that earlier steps of the same plan will have changed by then. Pure; only planning calls it.
    ///
    /// The engine foresees the step's own cells by itself; a kind whose refusals look at its siblings foresees theirs here.
    fn foresee(&self, _facts: &mut Self::Facts, _earlier: &Foreseen) {}

    /// Moves the world from `transition.now` to `transition.to`. Doing it twice equals doing it once.
    ///
    /// Returns once the provider has accepted the move; the engine observes whether it took place.
    fn drive(
        &self,
        cx: &Cx,
        transition: &Transition<Self::State, Self::Facts>,
    ) -> impl Future<Output = Result<(), CallError>> + Send;

    /// Whether the way back restores what was there. Pure.
    fn reversal(&self, _transition: &Transition<Self::State, Self::Facts>) -> Reversal {
        Reversal::Restores
    }

    fn pace(&self) -> Pace {
        Pace::default()
    }

    /// A sentence for the plan that the operator must know of this change, where there is one.
    fn note(&self, _transition: &Transition<Self::State, Self::Facts>) -> Option<String> {
        None
    }
}

/// The cells that earlier steps of a plan will have changed, with the values they will have.
pub type Foreseen = BTreeMap<CellKey, Value>;

/// What was seen of the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed<S, F> {
    pub state: S,
    pub facts: F,
    pub phase: Phase,
}

/// Whether what was seen will stay as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Settled,
    /// A move is under way. `toward` is the state it leads to, where the provider tells; the engine joins a move toward the
    /// step's own target and refuses any other.
    Moving {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        toward: Option<Value>,
        /// The provider's own word: `switching-over`, `IN_PROGRESS`.
        status: String,
    },
    /// A move ended badly, or can never end well. Waiting longer does not help.
    Faulted {
        code: String,
        message: String,
    },
}

/// One drive's order: from what is observed now to a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition<S, F> {
    pub now: Observed<S, F>,
    pub to: S,
    pub direction: Direction,
    pub mode: Mode,
    /// The loss this drive may cause: `None` forbids any. Always `None` on the way back.
    pub data_loss: Option<crate::run_context::AcceptedLoss>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Forward,
    Back,
}

/// Whether a change can be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversal {
    /// Driving back restores what was there.
    Restores,
    /// The same state can be reached again, but not by going back; says why and how.
    ForwardOnly(String),
    /// What was there is gone for good; says why.
    Irreversible(String),
}

/// Why a target must not be reached from what was observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// A stable name: `lag.unknown`, `dial.last_open_group`.
    pub code: String,
    pub message: String,
    /// What the operator can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Refusal {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), hint: None }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What a step owns and needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touches {
    /// The cells it may alter. Steps that own the same cell must be ordered.
    pub owns: Vec<CellKey>,
    /// Steps that share one of these never run at the same time.
    pub serialise_on: Vec<ResourceKey>,
    /// The control planes it cannot do without.
    pub planes: Vec<ControlPlane>,
    pub permissions: Vec<Permission>,
    /// Whether the change sends clients to a place that did not serve them before.
    pub opens_traffic: bool,
    /// Whether the change keeps what it acts on from going on with its work: stops it, or cuts it off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fences: bool,
}

impl Touches {
    /// The control planes that are needed of those in `regions`.
    pub fn planes_in<'t>(&'t self, regions: &BTreeSet<Region>) -> BTreeSet<&'t ControlPlane> {
        let within = |plane: &&ControlPlane| plane.region.as_ref().is_some_and(|region| regions.contains(region));
        self.planes.iter().filter(within).collect()
    }

    /// The same in words: `elasticloadbalancing in us-east-1`.
    pub fn words_in(&self, regions: &BTreeSet<Region>) -> String {
        let planes: Vec<String> = self.planes_in(regions).into_iter().map(ToString::to_string).collect();
        planes.join(" and ")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ControlPlane {
    pub service: String,
    /// `None` for a service without regions.
    pub region: Option<Region>,
}

impl fmt::Display for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.region {
            Some(region) => write!(f, "{} in {region}", self.service),
            None => f.write_str(&self.service),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Permission {
    /// The provider's own name: `ec2:ReplaceRoute`.
    pub action: String,
    /// The ARN or ARM scope it is needed on; `*` where the provider knows no narrower one.
    pub resource: String,
    /// Whether planning needs it already.
    pub reads: bool,
}

/// What a provider says of permissions that it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Whose permissions they are.
    pub principal: String,
    /// What is missing for certain, and the provider's reason.
    pub denied: BTreeMap<Permission, String>,
    /// What could not be told.
    pub unknown: BTreeSet<Permission>,
}

/// How a change is watched. The engine counts; the kind only says how long things take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// The pause between two observations.
    pub poll: Duration,
    /// Observations in a row at the target before the change counts as settled.
    pub settled_polls: u32,
    /// After an acknowledged drive, seeing the state before means *not visible yet* for this long.
    pub visible_within: Duration,
    /// How long the whole change may take, unless the runbook says otherwise.
    pub settle_timeout: Duration,
    /// How long one drive's calls may take together.
    pub drive_timeout: Duration,
    /// How long after its deadline a call of unknown outcome may still take effect.
    pub lands_within: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(2),
            settled_polls: 2,
            visible_within: Duration::from_secs(15),
            settle_timeout: Duration::from_mins(5),
            drive_timeout: Duration::from_secs(30),
            lands_within: Duration::from_secs(30),
        }
    }
}
