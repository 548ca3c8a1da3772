//! Records seeds for the fuzz targets: the shipped runbooks' own requests, journals and plans, as a simulated run leaves them.
//!
//! Ignored on every build, for it writes into `fuzz/corpus`: `cargo test --test integration -- --ignored corpus` after a wire format
//! or a record has changed.

use crate::toy::{Memory, me};
use bytes::Bytes;
use http::Request;
use lifeboat::{
    engine::{Approver, Cancel, Declined, Engine, Notice, Reporter, RunState, Setting},
    journal::{self, CloudChoice, Identity, Journal, Record},
    plan,
    runbook::{Intent, Source, check, document},
    wiring,
};
use lifeboat_contract::{
    Call, Chance, Cx, Duplex, Mode, RunContext, RunId, Secrets, SharedClock, SharedWire, StepId, TokioClock, Wire,
    WireError, wire::BoxFuture,
};
use lifeboat_simulated::{SimulatedCloud, World, WorldDocument};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, io,
    net::IpAddr,
    sync::{Arc, Mutex},
};

/// Each with the site that it makes active.
const SYSTEMS: [(&str, &str); 5] = [
    ("overlay-vip", "b"),
    ("region-failover", "r2"),
    ("active-passive-aws", "b"),
    ("overlay-vip-azure", "b"),
    ("active-passive-azure", "b"),
];

/// What a request's signature and its service need of its headers.
const HEADERS: [&str; 5] = ["authorization", "content-type", "x-amz-target", "smithy-protocol", "if-match"];

#[tokio::test(start_paused = true)]
#[ignore = "writes into fuzz/corpus"]
async fn corpus() {
    for (system, to) in SYSTEMS {
        let cloud = if system.ends_with("azure") { "azure" } else { "aws" };
        let (requests, journal, plan) = run(system, to).await;
        for (name, request) in distinct(&requests) {
            write(&format!("{cloud}/{name}"), &request);
        }
        if system.starts_with("overlay") {
            write(&format!("plan/{system}.json"), plan.as_bytes());
            write(&format!("journal/{system}"), &journal);
            write(&format!("journal/{system}-torn"), &journal[..journal.len() - 40]);
            write(&format!("journal/{system}-edited"), &edited(&journal));
            write(&format!("records/{system}"), &unchained(&journal));
        }
    }
}

fn write(name: &str, bytes: &[u8]) {
    fs::write(format!("{}/fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR")), bytes).unwrap();
}

/// A switchover, and the way back of it.
async fn run(system: &str, to: &str) -> (Vec<Request<Bytes>>, Vec<u8>, String) {
    let file = |name: &str| Source::read(format!("{}/runbooks/{system}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let decoded = document::parse(&file("world.yaml")).and_then(|node| document::decode::<WorldDocument>(&node));
    let world = decoded.and_then(|document| World::build(&document)).unwrap();
    let clock: SharedClock = Arc::new(TokioClock::starting_at(world.now(), 1));
    let cloud = Arc::new(SimulatedCloud::new(world, clock.clone(), 1, None));
    let recorder = Arc::new(Recorder { cloud, requests: Mutex::default() });
    let wire: SharedWire = recorder.clone();
    let secrets = Secrets::default();
    let run = RunContext {
        mode: Mode::Switchover,
        accepted_loss: None,
        rpo: None,
        impaired: BTreeSet::new(),
        to: to.into(),
        from: to.into(),
        place: None,
    };
    let providers = wiring::providers(&wire, &clock, &wiring::Credentials::Dummies, &secrets).unwrap();
    let cx = Cx { wire, clock, run: Arc::new(run), providers: Arc::new(providers), secrets: Arc::new(secrets) };
    let catalog = wiring::catalog();
    let runbook = check(&file("runbook.yaml"), &catalog).runbook.unwrap();
    let intent = Intent {
        to: to.into(),
        from: None,
        mode: Mode::Switchover,
        accepted_loss: None,
        impaired: BTreeSet::new(),
        inputs: BTreeMap::new(),
    };
    let plan = plan::make(&runbook.resolve(&catalog, &intent).unwrap(), &cx).await;
    let memory = Memory::default();
    let mut journal = Journal::new(memory.clone(), "corpus".to_owned());
    let opened =
        Record::RunOpened { run: RunId::new("run"), plan: Box::new(plan.clone()), by: me(), cloud: CloudChoice::Real };
    journal.append(cx.clock.now(), &opened).unwrap();
    let mut state = RunState::open(cx.clock.now(), &opened).unwrap();
    let back = Record::RollbackStarted { reason: "asked".to_owned(), past_no_return: false, by: Some(me()) };
    for first in [None, Some(back)] {
        let setting = Setting {
            catalog: &catalog,
            cx: cx.clone(),
            chance: Chance::seeded(1),
            cancel: Cancel::never(),
            approver: &Anybody,
            mutation: None,
        };
        let mut reporter = Silent;
        let engine = Engine::new(journal, state, &mut reporter, setting).unwrap();
        if let Some(first) = first {
            engine.note(&first).unwrap();
        }
        state = engine.run().await.unwrap().state;
        let reading = journal::read(&memory.bytes.lock().unwrap()).unwrap();
        journal = Journal::after(memory.clone(), "corpus".to_owned(), &reading);
    }
    let requests = recorder.requests.lock().unwrap().clone();
    let bytes = memory.bytes.lock().unwrap().clone();
    (requests, bytes, serde_json::to_string(&plan).unwrap())
}

/// One request of each operation, written down as the targets read it.
fn distinct(requests: &[Request<Bytes>]) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for request in requests {
        found.entry(operation(request)).or_insert_with(|| {
            let mut text = format!("{} {}\n", request.method(), request.uri());
            for name in HEADERS {
                if let Some(value) = request.headers().get(name).and_then(|value| value.to_str().ok()) {
                    writeln!(text, "{name}: {value}").unwrap();
                }
            }
            text.push('\n');
            [text.as_bytes(), request.body()].concat()
        });
    }
    found
}

fn operation(request: &Request<Bytes>) -> String {
    let host = request.uri().host().unwrap_or_default().split('.').next().unwrap_or_default();
    let body = String::from_utf8_lossy(request.body());
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned);
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let target = target.and_then(|target| target.split('.').nth(1)).map(str::to_owned);
    let words = request.uri().path().split('/').rev().filter(|word| !word.is_empty()).take(3);
    let path = || words.map(|word| word.chars().take(30).collect::<String>()).collect::<Vec<_>>().join("-");
    let name = action.or(target).unwrap_or_else(|| format!("{}-{}", request.method(), path()));
    format!("{host}-{name}").replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-', "_")
}

/// A journal in which somebody put another value.
fn edited(journal: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(journal).replacen("step_settled", "step_skipped", 1).into_bytes()
}

/// A journal's records alone, one a line.
fn unchained(journal: &[u8]) -> Vec<u8> {
    let lines = journal::read(journal).unwrap().lines;
    let records = lines.iter().map(|line| serde_json::to_string(&line.record).unwrap());
    records.collect::<Vec<_>>().join("\n").into_bytes()
}

#[derive(Debug)]
struct Recorder {
    cloud: Arc<SimulatedCloud>,
    requests: Mutex<Vec<Request<Bytes>>>,
}

impl Wire for Recorder {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        self.requests.lock().unwrap().push(call.request.clone());
        self.cloud.send(call)
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        self.cloud.connect(host, port)
    }

    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        self.cloud.resolve(host)
    }
}

struct Silent;
impl Reporter for Silent {
    fn notice(&mut self, _: &Notice<'_>) -> io::Result<()> {
        Ok(())
    }
}

struct Anybody;
impl Approver for Anybody {
    fn ask<'a>(&'a self, _: &'a StepId, _: Option<&'a str>) -> BoxFuture<'a, Option<Result<Identity, Declined>>> {
        Box::pin(async { Some(Ok(me())) })
    }
}
