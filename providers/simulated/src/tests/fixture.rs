//! One fluent fixture: a world from JSON, requests by operation, moments in seconds after the start.

use crate::{Answer, Reply, World, WorldDocument};
use bytes::Bytes;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(super) const R1: &str = "us-east-1";
pub(super) const R2: &str = "eu-west-1";
pub(super) const WRITER: &str = "arn:aws:rds:us-east-1:111122223333:cluster:orders-r1";
pub(super) const STANDBY: &str = "arn:aws:rds:eu-west-1:111122223333:cluster:orders-r2";
pub(super) const ACCELERATOR: &str = "arn:aws:globalaccelerator::111122223333:accelerator/a";

/// A world under test, and the moment that the next request is made.
#[derive(Debug, Clone)]
pub(super) struct Sim {
    pub(super) world: World,
}

/// Two regions with an application behind an accelerator, and a database across both.
pub(super) fn two_regions() -> Value {
    json!({
        "world": 1, "name": "two", "start": "2026-01-15T09:00:00Z", "account": "111122223333",
        "vantage": { "region": R1 },
        "aws": {
            "regions": { R1: region("a", "r1"), R2: region("b", "r2") },
            "global_clusters": { "orders": {
                "writer": "orders-r1",
                "members": [
                    { "region": R1, "cluster": "orders-r1", "lag": "700ms" },
                    { "region": R2, "cluster": "orders-r2", "lag": "700ms" },
                ],
                "switchover": { "pending": "10s", "blocked": "15s", "settling": "5s" },
                "failover": { "pending": "5s", "promoting": "60s", "settling": "5s" },
                "resync": "5m",
            } },
            "accelerators": { "a": { "name": "orders", "deploy_time": "15s", "health_time": "30s", "listeners": { "l": {
                "ports": [443],
                "endpoint_groups": {
                    "r1": { "region": R1, "dial": 100, "endpoints": [{ "load_balancer": "orders-r1" }] },
                    "r2": { "region": R2, "dial": 0, "endpoints": [{ "load_balancer": "orders-r2" }] },
                },
            } } } },
        },
        "hosts": {
            "orders.example": { "accelerator": "a" },
            "r2.orders.example": { "load_balancer": "eu-west-1/orders-r2" },
        },
        "applications": { "orders": {
            "database": "orders",
            "paths": { "/healthz": {}, "/orders": { "needs": "writer" } },
        } },
        "clients": { "customers": {
            "host": "orders.example", "path": "/orders", "requests_per_second": 20, "writes": true,
        } },
    })
}

fn region(letter: &str, site: &str) -> Value {
    let zone = if site == "r1" { R1 } else { R2 };
    let id = |kind: &str| format!("{kind}-{letter}");
    json!({
        "vpcs": { id("vpc"): { "cidr": "10.0.0.0/16", "subnets": { id("subnet"): { "zone": format!("{zone}a"), "cidr": "10.0.1.0/24" } } } },
        "instances": { id("i"): { "site": site, "application": "orders", "interfaces": {
            id("eni"): { "subnet": id("subnet"), "private_ip": "10.0.1.10" },
        } } },
        "target_groups": { format!("orders-{site}"): {
            "vpc": id("vpc"), "health_check": { "path": "/healthz" }, "targets": [{ "instance": id("i") }],
        } },
        "load_balancers": { format!("orders-{site}"): {
            "subnets": [id("subnet")], "listeners": [{ "port": 443, "forward": [{ "target_group": format!("orders-{site}") }] }],
        } },
        "db_clusters": { format!("orders-{site}"): { "instances": { format!("orders-{site}-1"): {} } } },
    })
}

/// Two servers that own an overlay address, and a client that pings it.
pub(super) fn overlay() -> Value {
    let server = |site: &str, number: u8, owned: &[&str]| {
        json!({ "site": site, "application": "page", "addresses": owned, "interfaces": {
            format!("eni-{site}"): { "subnet": format!("subnet-{number}"), "private_ip": format!("10.0.{number}.10"), "source_dest_check": false },
        } })
    };
    let subnet = |number: u8| json!({ "zone": "us-east-1a", "cidr": format!("10.0.{number}.0/24") });
    json!({
        "world": 1, "name": "vip", "start": "2026-01-15T09:00:00Z", "account": "111122223333",
        "vantage": { "region": R1, "subnet": "subnet-3" },
        "aws": { "regions": { R1: {
            "vpcs": { "vpc-1": {
                "cidr": "10.0.0.0/16",
                "subnets": { "subnet-1": subnet(1), "subnet-2": subnet(2), "subnet-3": subnet(3) },
                "route_tables": { "rtb-1": { "main": true, "routes": [{ "destination": "192.168.10.10/32", "target": "eni-a" }] } },
            } },
            "instances": {
                "i-a": server("a", 1, &["192.168.10.10"]),
                "i-b": server("b", 2, &["192.168.10.10"]),
                "i-c": server("client", 3, &[]),
            },
        } } },
        "hosts": { "vip.example": { "address": "192.168.10.10" }, "a.vip.example": { "instance": "i-a" } },
        "applications": { "page": { "paths": { "/": { "text": "server {site}" } } } },
        "pings": { "client": { "from": "i-c", "to": "192.168.10.10" } },
    })
}

impl Sim {
    pub(super) fn new(document: Value) -> Self {
        let document: WorldDocument = serde_json::from_value(document).expect("the test's document is well-formed");
        Self { world: World::build(&document).expect("the test's document is right") }
    }

    /// A world with changes: `("/faults", json!([...]))`.
    pub(super) fn with(mut document: Value, changes: &[(&str, Value)]) -> Self {
        for (pointer, value) in changes {
            let (parent, key) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
            document.pointer_mut(parent).expect("the parent is there")[key] = value.clone();
        }
        Self::new(document)
    }

    pub(super) fn at(&self, seconds: f64) -> Timestamp {
        self.world.start().checked_add(SignedDuration::from_secs_f64(seconds)).expect("a test lasts no centuries")
    }

    pub(super) fn go(&mut self, seconds: f64) -> &mut Self {
        let at = self.at(seconds);
        self.world.advance(at);
        self
    }

    pub(super) fn ask(&mut self, request: &Request<Bytes>) -> Answer {
        let now = self.world.now();
        self.world.answer(now, request)
    }

    /// A call of a query protocol. Returns the status and the body.
    pub(super) fn query(&mut self, service: &str, region: &str, form: &str) -> (u16, String) {
        replied(self.ask(&query(service, region, form)))
    }

    /// A call to Global Accelerator. Returns the status and the body.
    pub(super) fn accelerator(&mut self, operation: &str, input: &Value) -> (u16, Value) {
        let (status, body) = replied(self.ask(&accelerator(operation, input)));
        (status, serde_json::from_str(&body).expect("the answer is JSON"))
    }

    /// A request of the operator to a host of the world.
    pub(super) fn get(&mut self, url: &str) -> Option<(u16, String)> {
        let request = Request::get(url).body(Bytes::new()).expect("the test's URL is right");
        match self.ask(&request).reply {
            Reply::Response(response) => Some(parts(&response)),
            Reply::Unreachable | Reply::Silent => None,
        }
    }

    pub(super) fn switchover(&mut self, region: &str, target: &str) -> (u16, String) {
        self.query(
            "rds",
            region,
            &format!(
                "Action=SwitchoverGlobalCluster&GlobalClusterIdentifier=orders&TargetDbClusterIdentifier={target}"
            ),
        )
    }

    pub(super) fn failover(&mut self, region: &str, target: &str) -> (u16, String) {
        let form = format!(
            "Action=FailoverGlobalCluster&GlobalClusterIdentifier=orders&TargetDbClusterIdentifier={target}&AllowDataLoss=true"
        );
        self.query("rds", region, &form)
    }

    /// The status of the global cluster, of its failover, and the ARN of its writer.
    pub(super) fn roles(&mut self) -> (String, Option<String>, String) {
        let (_, body) = self.query("rds", R2, "Action=DescribeGlobalClusters");
        let failover = body.split("<FailoverState>").nth(1).and_then(|rest| between(rest, "<Status>", "</Status>"));
        let writer = body.split("<GlobalClusterMember>").find(|member| member.contains("<IsWriter>true</IsWriter>"));
        let writer = writer.and_then(|member| between(member, "<DBClusterArn>", "</DBClusterArn>")).unwrap_or_default();
        (between(&body, "<Status>", "</Status>").unwrap_or_default(), failover, writer)
    }
}

pub(super) fn query(service: &str, region: &str, form: &str) -> Request<Bytes> {
    signed(service, region)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::copy_from_slice(form.as_bytes()))
        .expect("the request is well-formed")
}

pub(super) fn accelerator(operation: &str, input: &Value) -> Request<Bytes> {
    signed("globalaccelerator", "us-west-2")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", format!("GlobalAccelerator_V20180706.{operation}"))
        .body(input.to_string().into())
        .expect("the request is well-formed")
}

pub(super) fn signed(service: &str, region: &str) -> http::request::Builder {
    let credential = format!("AKIATEST/20260115/{region}/{service}/aws4_request");
    Request::post(format!("https://{service}.{region}.amazonaws.com/"))
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00"))
}

pub(super) fn group(name: &str) -> String {
    format!("{ACCELERATOR}/listener/l/endpoint-group/{name}")
}

pub(super) fn replied(answer: Answer) -> (u16, String) {
    match answer.reply {
        Reply::Response(response) => parts(&response),
        other => panic!("no response but {other:?}"),
    }
}

fn parts(response: &Response<Bytes>) -> (u16, String) {
    (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
}

pub(super) fn between(text: &str, open: &str, close: &str) -> Option<String> {
    text.split_once(open)?.1.split_once(close).map(|(inner, _)| inner.to_owned())
}
