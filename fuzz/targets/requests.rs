//! Requests to the simulated cloud, in any of the providers' wire formats.
//!
//! An input is a request as it is written down: `METHOD URL`, headers, an empty line, the body. Several follow one another after a
//! line `===`, half a minute of the world's time apart.

use bytes::Bytes;
use http::Request;
use lifeboat::runbook::{Source, document};
use lifeboat_simulated::{World, WorldDocument};
use std::{sync::LazyLock, time::Duration};

static AWS: LazyLock<World> = LazyLock::new(|| build(include_str!("../../runbooks/region-failover/world.yaml")));
static AWS_KINDS: LazyLock<World> = LazyLock::new(|| build(include_str!("../../tests/worlds/aws-kinds.yaml")));
static AZURE: LazyLock<World> = LazyLock::new(|| build(include_str!("../../runbooks/active-passive-azure/world.yaml")));

/// Requests to AWS: query, JSON, REST and CBOR.
pub fn aws(bytes: &[u8]) {
    answered(AWS.clone(), bytes);
    answered(AWS_KINDS.clone(), bytes);
}

/// Requests to Resource Manager and to the machines behind it.
pub fn azure(bytes: &[u8]) {
    answered(AZURE.clone(), bytes);
}

fn answered(mut world: World, bytes: &[u8]) {
    let mut rest = Some(bytes);
    while let Some(input) = rest {
        let (text, more) = cut(input, b"\n===\n").map_or((input, None), |(text, more)| (text, Some(more)));
        rest = more;
        let Some(request) = request(text) else { continue };
        world.knows(&request);
        world.answer(world.now(), &request);
        world.advance(world.now() + Duration::from_secs(30));
    }
    world.contents();
}

fn request(text: &[u8]) -> Option<Request<Bytes>> {
    let (head, body) = cut(text, b"\n\n").unwrap_or((text, &[]));
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let (method, url) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    request.body(Bytes::copy_from_slice(body)).ok()
}

fn cut<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..place], &bytes[place + at.len()..]))
}

fn build(text: &str) -> World {
    let source = Source::new("world.yaml", text);
    let decoded = document::parse(&source).and_then(|node| document::decode::<WorldDocument>(&node));
    decoded.and_then(|document| World::build(&document)).expect("a shipped world has no errors")
}
