//! Whatever bytes come, what reads them answers and does not panic: the shipped documents and real requests, bent at random.
//!
//! Runs on every build; finds less than a fuzzer that sees coverage.

use bytes::Bytes;
use http::Request;
use lifeboat::{
    journal,
    runbook::{Source, check, document},
    wiring,
};
use lifeboat_simulated::{World, WorldDocument};
use proptest::prelude::*;

/// Some bytes of `seed`, with cuts, copies and other bytes in it.
fn bent(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4_u8, any::<u8>());
    (prop::sample::select(seeds), prop::collection::vec(change, 0..6)).prop_map(|(mut bytes, changes)| {
        for (at, to, how, byte) in changes {
            let (at, to) = (at.index(bytes.len() + 1), to.index(bytes.len() + 1));
            let (from, until) = (at.min(to), at.max(to).min(at.min(to) + 40));
            match how {
                0 => drop(bytes.drain(from..until)),
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(from.max(1)),
                _ => {
                    let copy = bytes[from..until].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
        }
        bytes
    })
}

fn files(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| std::fs::read(name).unwrap()).collect()
}

/// A request of each of AWS's wire formats: EC2, query, JSON 1.1, REST and CBOR.
fn request(format: usize, body: &[u8]) -> Request<Bytes> {
    let (service, path, kind) = [
        ("ec2", "/", "application/x-www-form-urlencoded"),
        ("rds", "/", "application/x-www-form-urlencoded"),
        ("globalaccelerator", "/", "application/x-amz-json-1.1"),
        ("eks", "/clusters/shop/node-groups/web/update-config", "application/json"),
        ("elasticfilesystem", "/2015-02-01/file-systems", "application/json"),
        ("monitoring", "/service/GraniteServiceVersion20100801/operation/GetMetricData", "application/cbor"),
    ][format];
    let region = if service == "globalaccelerator" { "us-west-2" } else { "us-east-1" };
    let scope = format!("KEY/20260115/{region}/{service}/aws4_request");
    Request::post(format!("https://{service}.{region}.amazonaws.com{path}"))
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
        .header("content-type", kind)
        .header("smithy-protocol", "rpc-v2-cbor")
        .header("x-amz-target", "GlobalAccelerator_V20180706.UpdateEndpointGroup")
        .body(Bytes::copy_from_slice(body))
        .unwrap()
}

fn world(file: &str) -> World {
    let source = Source::read(file).unwrap();
    let document: WorldDocument = document::parse(&source).and_then(|node| document::decode(&node)).unwrap();
    World::build(&document).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_runbook(bytes in bent(files(&["runbooks/overlay-vip/runbook.yaml", "runbooks/region-failover/runbook.yaml"]))) {
        let source = Source::new("runbook.yaml", String::from_utf8_lossy(&bytes).into_owned());
        let checked = check(&source, &wiring::catalog());
        prop_assert!(checked.runbook.is_some() || !checked.findings.is_empty(), "refused without a reason");
    }

    #[test]
    fn a_world(bytes in bent(files(&["runbooks/overlay-vip/world.yaml", "runbooks/active-passive-azure/world.yaml"]))) {
        let source = Source::new("world.yaml", String::from_utf8_lossy(&bytes).into_owned());
        let decoded = document::parse(&source).and_then(|node| document::decode::<WorldDocument>(&node));
        if let Err(findings) = decoded.and_then(|document| World::build(&document)) {
            prop_assert!(!findings.is_empty(), "refused without a reason");
        }
    }

    #[test]
    fn a_journal(bytes in bent(vec![b"{\"v\":1,\"seq\":0,\"record\":\"paused\",\"sum\":\"00\"}\n{}\n".to_vec()])) {
        if let Ok(reading) = journal::read(&bytes) {
            prop_assert!(reading.valid_bytes <= bytes.len() as u64);
        }
    }

    #[test]
    fn a_request(
        format in 0..6_usize,
        bytes in bent(vec![
            b"Action=ReplaceRoute&RouteTableId=rtb-0c000000000000001&DestinationCidrBlock=192.168.10.10%2F32".to_vec(),
            b"Action=DescribeInstances&Filter.1.Name=tag:x&Filter.1.Value.1=y&MaxResults=5".to_vec(),
            b"{\"EndpointGroupArn\":\"arn\",\"TrafficDialPercentage\":50,\"scalingConfig\":{\"minSize\":1}}".to_vec(),
            vec![0xa2, 0x61, b'a', 0x9f, 0x01, 0xfb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xff, 0x61, b'b', 0xc1, 0x1a, 1, 2, 3, 4],
        ]),
    ) {
        let mut world = world("runbooks/overlay-vip/world.yaml");
        let now = world.now();
        world.answer(now, &request(format, &bytes));
    }
}
