//! A toy cloud and its kinds: cells in memory that can be half-done, slow to show, and late to land.
//!
//! Knows nothing of the engine. Time is tokio's, paused.

use jiff::Timestamp;
use lifeboat::{
    engine::{Approver, Cancel, Declined, Engine, EngineError, Notice, Reporter, RunState, Setting},
    journal::{Appended, CloudChoice, Identity, Journal, Journaled, Reading, Record, Storage},
    plan::{self, Plan},
    runbook::{Body, OnFailure, ResolvedRunbook, ResolvedStep, RetryPolicy, decode_planned},
};
use lifeboat_contract::{
    Answer, CallError, CallScope, Catalog, CellKey, Chance, Change, Check, Cx, Effect, Mode, Observed, Pace, Performed,
    Phase, Refusal, ResourceKey, Retry, Reversal, RunContext, RunId, Secrets, Span, StepId, Task, TokioClock, Touches,
    Transition, Wire, WireError, WireFailure,
    clock::after,
    wire::{BoxFuture, Call, Duplex},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

/// What happens to one drive, by its number over the whole life of the world (the first is 1).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Certainly nothing happened, and trying again does not help.
    Reject,
    /// Certainly nothing happened; try again.
    Throttle,
    /// Nothing happened, and nobody knows.
    LostRequest,
    /// It happened, and nobody knows.
    LostResponse,
    /// Nobody knows, and it happens this much later.
    LandsLate(Duration),
    /// Only the first cell was written, and nobody knows.
    Half,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    cells: BTreeMap<String, i64>,
    /// What observers see until the moment given.
    stale: BTreeMap<String, (i64, Timestamp)>,
    late: Vec<(Timestamp, CallScope, BTreeMap<String, i64>)>,
    pub(crate) faults: BTreeMap<u32, Fault>,
    pub(crate) visible_after: Duration,
    pub(crate) drives: u32,
    /// Every write that took effect.
    pub(crate) effects: Vec<Written>,
    /// How many bytes of the journal are durable.
    durable: usize,
    driving: BTreeSet<String>,
    /// The most drives that ever ran at one time.
    pub(crate) side_by_side: usize,
}

/// One write that took effect, and who sent it.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) step: Option<StepId>,
    pub(crate) attempt: u32,
    cell: String,
    pub(crate) value: i64,
    /// How much of the journal was durable then.
    pub(crate) durable: usize,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct World(pub(crate) Arc<Mutex<Inner>>);

impl World {
    pub(crate) fn with(cells: &[(&str, i64)]) -> Self {
        let world = Self::default();
        world.0.lock().unwrap().cells = cells.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        world
    }

    pub(crate) fn fault(&self, drive: u32, fault: Fault) {
        self.0.lock().unwrap().faults.insert(drive, fault);
    }

    pub(crate) fn set(&self, cell: &str, value: i64) {
        self.0.lock().unwrap().cells.insert(cell.to_owned(), value);
    }

    /// The cells as they are once everything under way has landed.
    pub(crate) fn cells(&self, now: Timestamp) -> BTreeMap<String, i64> {
        let mut inner = self.0.lock().unwrap();
        inner.land(now);
        inner.cells.clone()
    }

    fn write(&self, now: Timestamp, scope: &CallScope, cells: &BTreeMap<String, i64>) {
        let mut inner = self.0.lock().unwrap();
        inner.land(now);
        let until = after(now, inner.visible_after);
        for (name, value) in cells {
            let old = inner.write(scope, name, *value);
            inner.stale.insert(name.clone(), (old, until));
        }
    }
}

impl Inner {
    fn land(&mut self, now: Timestamp) {
        let (due, rest) = std::mem::take(&mut self.late).into_iter().partition::<Vec<_>, _>(|(at, _, _)| *at <= now);
        self.late = rest;
        for (_, scope, cells) in due {
            for (name, value) in cells {
                self.write(&scope, &name, value);
            }
        }
    }

    /// Returns what was there before.
    fn write(&mut self, scope: &CallScope, cell: &str, value: i64) -> i64 {
        self.effects.push(Written {
            step: scope.step.clone(),
            attempt: scope.attempt,
            cell: cell.to_owned(),
            value,
            durable: self.durable,
        });
        self.cells.insert(cell.to_owned(), value).unwrap_or_default()
    }
}

/// Sets cells of the toy world.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Set {
    cells: BTreeMap<String, i64>,
    #[serde(default)]
    forward_only: bool,
    #[serde(default)]
    serialise_on: Option<String>,
    /// How long a drive takes, in milliseconds.
    #[serde(default)]
    takes_ms: u64,
}

impl Change for Set {
    const KIND: &'static str = "toy.set";
    type State = BTreeMap<String, i64>;
    type Facts = Value;

    fn touches(&self, _: &RunContext, _: Option<&Observed<Self::State, Value>>) -> Touches {
        Touches {
            owns: self.cells.keys().map(|cell| CellKey::of("toy", cell)).collect(),
            serialise_on: self.serialise_on.iter().map(ResourceKey::new).collect(),
            ..Touches::default()
        }
    }

    async fn observe(&self, cx: &Cx) -> Result<Observed<Self::State, Value>, CallError> {
        let now = cx.clock.now();
        let world = toy(cx);
        let mut inner = world.0.lock().unwrap();
        inner.land(now);
        let seen = |name: &String| match inner.stale.get(name) {
            Some((old, until)) if now < *until => *old,
            _ => inner.cells.get(name).copied().unwrap_or_default(),
        };
        let state = self.cells.keys().map(|name| (name.clone(), seen(name))).collect();
        Ok(Observed { state, facts: json!({}), phase: Phase::Settled })
    }

    fn target(&self, _: &Observed<Self::State, Value>, _: &RunContext) -> Result<Self::State, Refusal> {
        Ok(self.cells.clone())
    }

    async fn drive(&self, cx: &Cx, transition: &Transition<Self::State, Value>) -> Result<(), CallError> {
        strike(cx, &transition.to, self.takes_ms).await
    }

    fn reversal(&self, _: &Transition<Self::State, Value>) -> Reversal {
        if self.forward_only { Reversal::ForwardOnly("the toy goes one way".to_owned()) } else { Reversal::Restores }
    }

    fn pace(&self) -> Pace {
        Pace { lands_within: Duration::from_mins(1), ..Pace::default() }
    }
}

/// Asks whether a cell has a value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Is {
    cell: String,
    value: i64,
}

impl Check for Is {
    const KIND: &'static str = "toy.is";

    async fn ask(&self, cx: &Cx) -> Result<Answer, CallError> {
        let found = toy(cx).cells(cx.clock.now()).get(&self.cell).copied().unwrap_or_default();
        Ok(Answer { passed: found == self.value, evidence: format!("{} is {found}", self.cell) })
    }

    fn question(&self) -> String {
        format!("{} is {}", self.cell, self.value)
    }
}

/// Writes cells without being able to look at them: opaque work.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tell {
    cells: BTreeMap<String, i64>,
    #[serde(default)]
    repeatable: bool,
}

impl Task for Tell {
    const KIND: &'static str = "toy.tell";

    async fn perform(&self, cx: &Cx) -> Result<Performed, CallError> {
        strike(cx, &self.cells, 20).await?;
        Ok(Performed { evidence: "told".to_owned() })
    }

    fn repeatable(&self) -> bool {
        self.repeatable
    }

    fn describe(&self) -> String {
        format!("tells {:?}", self.cells)
    }
}

/// One write to the toy world, with what the world's faults make of it.
async fn strike(cx: &Cx, to: &BTreeMap<String, i64>, takes_ms: u64) -> Result<(), CallError> {
    let world = toy(cx);
    let scope = CallScope::current();
    let key = scope.step.as_ref().map_or_else(String::new, ToString::to_string);
    let (number, fault) = {
        let mut inner = world.0.lock().unwrap();
        inner.drives += 1;
        inner.driving.insert(key.clone());
        inner.side_by_side = inner.side_by_side.max(inner.driving.len());
        (inner.drives, inner.faults.get(&inner.drives).cloned())
    };
    if let Some(Fault::LandsLate(by)) = &fault {
        // It is on its way, whether or not somebody lives to be told.
        world.0.lock().unwrap().late.push((after(cx.clock.now(), *by), scope.clone(), to.clone()));
    }
    tokio::time::sleep(Duration::from_millis(takes_ms)).await;
    world.0.lock().unwrap().driving.remove(&key);
    let now = cx.clock.now();
    let unknown = || {
        let lost = WireError::maybe_sent(WireFailure::TimedOut, format!("drive {number} was not answered"));
        CallError::from_wire("toy", None, lost)
    };
    match fault {
        None => world.write(now, &scope, to),
        Some(Fault::Reject) => return Err(CallError::definite("toy", "Rejected", "no")),
        Some(Fault::Throttle) => {
            return Err(CallError::new(Effect::None, Retry::Backoff, "toy", "Throttling", "slow down"));
        }
        Some(Fault::LostRequest | Fault::LandsLate(_)) => return Err(unknown()),
        Some(Fault::LostResponse) => {
            world.write(now, &scope, to);
            return Err(unknown());
        }
        Some(Fault::Half) => {
            let first = to.iter().take(1).map(|(name, value)| (name.clone(), *value)).collect();
            world.write(now, &scope, &first);
            return Err(unknown());
        }
    }
    Ok(())
}

fn toy(cx: &Cx) -> World {
    cx.providers.get::<World>().expect("the harness provides the toy world").clone()
}

#[derive(Debug)]
struct NoWire;
impl Wire for NoWire {
    fn send(&self, _: Call) -> BoxFuture<'_, Result<http::Response<bytes::Bytes>, WireError>> {
        Box::pin(async { Err(WireError::unsent(WireFailure::Refused, "the toy has no wire")) })
    }
    fn connect<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        Box::pin(async { Err(WireError::unsent(WireFailure::Refused, "the toy has no wire")) })
    }
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// A journal in memory that can die: after its `lives`th line is stored, or instead of storing it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    pub(crate) bytes: Arc<Mutex<Vec<u8>>>,
    /// Is told how much is durable.
    pub(crate) world: World,
    pub(crate) refuse_from: Option<u64>,
    pub(crate) kill_after: Option<(u64, Arc<tokio::sync::Notify>)>,
}

impl Storage for Memory {
    fn append(&mut self, seq: u64, line: &[u8]) -> io::Result<Appended> {
        if self.refuse_from.is_some_and(|from| seq >= from) {
            return Err(io::Error::other("the disk is full"));
        }
        self.bytes.lock().unwrap().extend_from_slice(line);
        if let Some((after, kill)) = &self.kill_after
            && seq >= *after
        {
            kill.notify_one();
        }
        Ok(Appended::Appended)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.world.0.lock().unwrap().durable = self.bytes.lock().unwrap().len();
        Ok(())
    }
}

struct Silent;
impl Reporter for Silent {
    fn notice(&mut self, _: &Notice<'_>) -> io::Result<()> {
        Ok(())
    }
}

struct Nobody;
impl Approver for Nobody {
    fn ask<'a>(&'a self, _: &'a StepId, _: Option<&'a str>) -> BoxFuture<'a, Option<Result<Identity, Declined>>> {
        Box::pin(async { None })
    }
}

/// One runbook over one toy world, and everything needed to run, kill, resume and roll it back.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) catalog: Catalog,
    pub(crate) cx: Cx,
    pub(crate) plan: Plan,
    pub(crate) bytes: Arc<Mutex<Vec<u8>>>,
}

/// A step as a test writes it.
#[expect(clippy::needless_pass_by_value, reason = "a test hands over what it has just written")]
pub(crate) fn step(id: &str, kind: &str, with: Value) -> Value {
    json!({ "id": id, "kind": kind, "with": with })
}

pub(crate) fn me() -> Identity {
    Identity { name: "tester".to_owned(), host: "here".to_owned() }
}

impl Bench {
    /// Plans `steps` (each needs the one before it, unless it has `needs`) over `world`.
    pub(crate) async fn new(world: World, steps: &[Value]) -> Self {
        let mut catalog = Catalog::default();
        catalog.change::<Set>().check::<Is>().task::<Tell>();
        let mut providers = http::Extensions::new();
        providers.insert(world.clone());
        let context = RunContext {
            mode: Mode::Switchover,
            accepted_loss: None,
            rpo: None,
            impaired: BTreeSet::new(),
            to: "b".into(),
            from: "a".into(),
            place: None,
        };
        let cx = Cx {
            wire: Arc::new(NoWire),
            clock: Arc::new(TokioClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap(), 1)),
            run: Arc::new(context),
            providers: Arc::new(providers),
            secrets: Arc::new(Secrets::default()),
        };
        let plan = plan::make(&resolved(&catalog, steps), &cx).await;
        Self { world, catalog, cx, plan, bytes: Arc::default() }
    }

    pub(crate) fn memory(&self) -> Memory {
        Memory { bytes: self.bytes.clone(), world: self.world.clone(), ..Memory::default() }
    }

    pub(crate) fn reading(&self) -> Reading {
        lifeboat::journal::read(&self.bytes.lock().unwrap()).expect("the journal is whole")
    }

    pub(crate) fn records(&self) -> Vec<Journaled> {
        self.reading().lines
    }

    pub(crate) fn cells(&self) -> BTreeMap<String, i64> {
        self.world.cells(self.cx.clock.now())
    }

    /// Opens the journal and runs until the run leaves the engine, or until it is killed (`None`).
    pub(crate) async fn start(&self, storage: Memory, cancel: Cancel) -> Option<Result<RunState, EngineError>> {
        let plan = Box::new(self.plan.clone());
        let record = Record::RunOpened { run: RunId::new("run"), plan, by: me(), cloud: CloudChoice::Real };
        let at = self.cx.clock.now();
        let mut journal = Journal::new(storage.clone(), "test".to_owned());
        if journal.append(at, &record).is_err() {
            return Some(Err(EngineError::Journal(lifeboat::journal::JournalError::Unknown)));
        }
        let state = RunState::open(at, &record).unwrap();
        self.execute(journal, state, &[], storage.kill_after, cancel).await
    }

    /// Goes on with what the journal holds, after noting `first`.
    pub(crate) async fn go_on(&self, first: &[Record]) -> RunState {
        let left = self.go_on_with(first, self.memory()).await;
        left.expect("nobody kills it").expect("the journal can be written")
    }

    pub(crate) async fn go_on_with(&self, first: &[Record], storage: Memory) -> Option<Result<RunState, EngineError>> {
        let reading = self.reading();
        let state = RunState::replay(&reading.lines).expect("a prefix of a journal is a journal");
        let kill = storage.kill_after.clone();
        let journal = Journal::after(storage, "test".to_owned(), &reading);
        self.execute(journal, state, first, kill, Cancel::never()).await
    }

    /// Every write that took effect was sent by an attempt whose intent was durable before.
    pub(crate) fn assert_intended(&self) {
        let bytes = self.bytes.lock().unwrap().clone();
        for written in &self.world.0.lock().unwrap().effects {
            let durable = lifeboat::journal::read(&bytes[..written.durable]).unwrap();
            let intended = durable.lines.iter().any(|line| {
                matches!(&line.record, Record::AttemptSent { step, attempt, .. }
                    if Some(step) == written.step.as_ref() && *attempt == written.attempt)
            });
            assert!(intended, "{} changed without a durable intent: {written:?}", written.cell);
        }
    }

    pub(crate) async fn resume(&self) -> RunState {
        self.go_on(&[Record::Resumed { by: me() }]).await
    }

    pub(crate) async fn roll_back(&self) -> RunState {
        self.go_on(&[Record::RollbackStarted { reason: "asked".to_owned(), past_no_return: false, by: Some(me()) }])
            .await
    }

    async fn execute(
        &self,
        journal: Journal<Memory>,
        state: RunState,
        first: &[Record],
        kill: Option<(u64, Arc<tokio::sync::Notify>)>,
        cancel: Cancel,
    ) -> Option<Result<RunState, EngineError>> {
        let setting = Setting {
            catalog: &self.catalog,
            cx: self.cx.clone(),
            chance: Chance::seeded(1),
            cancel,
            approver: &Nobody,
            mutation: None,
        };
        let mut reporter = Silent;
        let engine = Engine::new(journal, state, &mut reporter, setting).unwrap();
        for record in first {
            if let Err(error) = engine.note(record) {
                return Some(Err(error));
            }
        }
        let killed = async {
            match kill {
                Some((_, kill)) => kill.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = killed => None,
            left = engine.run() => Some(left.map(|left| left.state)),
        }
    }
}

fn resolved(catalog: &Catalog, steps: &[Value]) -> ResolvedRunbook {
    let mut before: Vec<StepId> = Vec::new();
    let steps = steps
        .iter()
        .map(|step| {
            let id = StepId::new(step["id"].as_str().unwrap());
            let kind = step["kind"].as_str().unwrap().to_owned();
            let body: Body = decode_planned(catalog, &kind, &step["with"], step.get("undo")).unwrap();
            let needs = match step.get("needs") {
                Some(needs) => serde_json::from_value(needs.clone()).unwrap(),
                None => before.clone(),
            };
            before = vec![id.clone()];
            let on_failure =
                step.get("on_failure").map_or(OnFailure::Rollback, |p| serde_json::from_value(p.clone()).unwrap());
            let attempts_max = step.get("attempts").and_then(Value::as_u64).map_or(4, |n| u32::try_from(n).unwrap());
            ResolvedStep {
                id,
                name: None,
                kind,
                with: step["with"].clone(),
                undo: step.get("undo").cloned(),
                body,
                place: None,
                needs,
                skipped_by: None,
                timeout: step.get("timeout").map(|t| Span::parse(t.as_str().unwrap()).unwrap().get()),
                retry: RetryPolicy { attempts_max, ..RetryPolicy::default() },
                on_failure,
                on_impaired: None,
            }
        })
        .collect();
    ResolvedRunbook {
        name: "toy".to_owned(),
        summary: "A toy.".to_owned(),
        path: "toy.yaml".to_owned(),
        text: "toy".to_owned(),
        lock: "toy".to_owned(),
        rto: None,
        rpo: None,
        unavailability: None,
        probes: Vec::new(),
        inputs: BTreeMap::new(),
        secrets: BTreeMap::new(),
        providers: BTreeMap::new(),
        to: "b".into(),
        from: "a".into(),
        mode: Mode::Switchover,
        accepted_loss: None,
        impaired: BTreeSet::new(),
        on_failure: OnFailure::Rollback,
        steps,
    }
}
