//! Bytes on a bare connection: what a receiver answers to an MLLP check, and what a simulated engine is sent.

use bytes::Bytes;
use http::Response;
use lifeboat::{
    runbook::{Body, Source, decode_step, document},
    wiring,
};
use lifeboat_contract::{
    Call, Cx, Duplex, Mode, RunContext, Secrets, SharedClock, SharedWire, TokioClock, Wire, WireError, WireFailure,
    wire::BoxFuture,
};
use lifeboat_simulated::{SimulatedCloud, World, WorldDocument};
use serde_json::json;
use std::{
    collections::BTreeSet,
    future::Future,
    net::IpAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let source = Source::new("world.yaml", include_str!("../../runbooks/active-passive-aws/world.yaml"));
    let decoded = document::parse(&source).and_then(|node| document::decode::<WorldDocument>(&node));
    decoded.and_then(|document| World::build(&document)).expect("a shipped world has no errors")
});

const PORT: u16 = 2575;
const ENGINE: &str = "mllp.engine.example";

/// A check is answered with the bytes, and an engine is sent them.
pub fn mllp(bytes: &[u8]) {
    in_virtual_time(async {
        checked(bytes).await;
        spoken(bytes).await;
    });
}

async fn checked(answer: &[u8]) {
    let with = json!({ "host": "192.168.0.9", "port": PORT, "try_timeout": "1s" });
    let Ok(Body::Check(check)) = decode_step(&wiring::catalog(), "mllp.check", &with) else {
        panic!("mllp.check does not read {with}");
    };
    let clock: SharedClock = Arc::new(TokioClock::starting_at(WORLD.now(), 1));
    let wire: SharedWire = Arc::new(Parrot(answer.to_vec()));
    let run = RunContext {
        mode: Mode::Switchover,
        accepted_loss: None,
        rpo: None,
        impaired: BTreeSet::new(),
        to: "a".into(),
        from: "b".into(),
        place: None,
    };
    let providers = Arc::new(http::Extensions::new());
    let cx = Cx { wire, clock, run: Arc::new(run), providers, secrets: Arc::new(Secrets::default()) };
    if let Ok(answer) = check.ask(&cx).await {
        assert!(!answer.evidence.is_empty(), "an answer without evidence");
    }
}

async fn spoken(bytes: &[u8]) {
    let clock: SharedClock = Arc::new(TokioClock::starting_at(WORLD.now(), 1));
    let cloud = SimulatedCloud::new(WORLD.clone(), clock, 1, None);
    let Ok(mut stream) = cloud.connect(ENGINE, PORT).await else { panic!("the shipped world's engine listens") };
    for piece in bytes.chunks(7) {
        if stream.write_all(piece).await.is_err() {
            return;
        }
    }
    let mut answer = Vec::new();
    // It answers, says nothing, or hangs up; it never blocks.
    let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_buf(&mut answer)).await;
}

fn in_virtual_time(play: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without threads can be built").block_on(play);
}

/// Answers every connection with the same bytes, and hangs up.
#[derive(Debug)]
struct Parrot(Vec<u8>);

impl Wire for Parrot {
    fn send(&self, _: Call) -> BoxFuture<'_, Result<Response<Bytes>, WireError>> {
        Box::pin(async { Err(WireError::unsent(WireFailure::Refused, "it speaks no HTTP")) })
    }

    fn connect<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, WireError>> {
        Box::pin(async {
            let (near, mut far) = tokio::io::duplex(4096);
            let answer = self.0.clone();
            tokio::spawn(async move {
                // A peer that has gone away is none of this one's business.
                if far.write_all(&answer).await.is_ok() && far.shutdown().await.is_ok() {
                    let _ = tokio::io::copy(&mut far, &mut tokio::io::sink()).await;
                }
            });
            Ok(Box::new(near) as Box<dyn Duplex>)
        })
    }

    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, WireError>> {
        Box::pin(async { Ok(vec![IpAddr::from([192, 168, 0, 9])]) })
    }
}
