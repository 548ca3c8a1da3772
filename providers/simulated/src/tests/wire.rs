//! The shell in virtual time, the three protocols of metrics, and bytes that are no request.

use super::fixture::{R1, R2, Sim, accelerator, group, query, signed, two_regions};
use crate::{Keep, Reply, SimulatedCloud, World};
use bytes::Bytes;
use http::Request;
use lifeboat_contract::{
    Access, Call, CallLabel, CallScope, Sent, SharedClock, TokioClock, Wire as _, WireFailure, clock::after,
};
use serde_json::{Value, json};
use std::{io, sync::Arc, time::Duration};

fn call(request: Request<Bytes>) -> Call {
    let label = CallLabel { service: "x".to_owned(), operation: "y".to_owned(), region: None, access: Access::Write };
    Call { request, label, scope: CallScope::default() }
}

fn cloud(faults: Value, keep: Option<Box<dyn Keep>>) -> (SimulatedCloud, SharedClock) {
    let world = Sim::with(two_regions(), &[("/faults", faults)]).world;
    let clock: SharedClock = Arc::new(TokioClock::starting_at(world.now(), 1));
    (SimulatedCloud::new(world, clock.clone(), 1, keep), clock)
}

fn update() -> Request<Bytes> {
    accelerator("UpdateEndpointGroup", &json!({ "EndpointGroupArn": group("r1"), "TrafficDialPercentage": 0.0 }))
}

#[tokio::test(start_paused = true)]
async fn answers_take_their_time_and_carry_the_worlds_date() {
    let (cloud, clock) = cloud(json!([]), None);
    let begun = clock.now();
    let response = cloud.send(call(update())).await.expect("the call is answered");
    assert_eq!(clock.now().duration_since(begun).as_millis(), 40);
    assert_eq!(response.headers()["date"], "Thu, 15 Jan 2026 09:00:00 GMT");
    assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.1");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_deadline_is_unknown_and_its_effect_stays() {
    let (cloud, clock) = cloud(json!([{ "match": { "operation": "UpdateEndpointGroup" }, "delay": "30s" }]), None);
    let begun = clock.now();
    let mut late = call(update());
    late.scope.deadline = Some(after(begun, Duration::from_secs(2)));
    let error = cloud.send(late).await.expect_err("the deadline comes first");
    assert_eq!((error.sent, error.reason), (Sent::Maybe, WireFailure::TimedOut));
    assert_eq!(clock.now().duration_since(begun).as_millis(), 2000);
    assert_ne!(cloud.world().contents(), Sim::new(two_regions()).world.contents());
}

#[tokio::test(start_paused = true)]
async fn nobody_there_nobody_known_and_a_stream_that_stays_open() {
    let (cloud, clock) = cloud(json!([]), None);
    let unknown = Request::get("https://nobody.example/").body(Bytes::new()).expect("the URL is right");
    let error = cloud.send(call(unknown)).await.expect_err("nobody knows the host");
    assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::Resolve));
    let begun = clock.now();
    let elsewhere = Request::get("https://orders.example:8443/").body(Bytes::new()).expect("the URL is right");
    let error = cloud.send(call(elsewhere)).await.expect_err("no listener has the port");
    assert_eq!((error.sent, error.reason), (Sent::No, WireFailure::Connect));
    assert_eq!(clock.now().duration_since(begun).as_millis(), 3000);
    let mut stream = cloud.connect("orders.example", 443).await.expect("the port is open");
    let read = tokio::time::timeout(Duration::from_secs(5), tokio::io::AsyncReadExt::read_u8(&mut stream)).await;
    assert!(read.is_err(), "it stays open and says nothing");
    assert_eq!(cloud.resolve("orders.example").await.expect("the host is known").len(), 2);
}

#[derive(Debug)]
struct Full;

impl Keep for Full {
    fn keep(&self, _: &World) -> io::Result<()> {
        Err(io::Error::other("the disk is full"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_can_not_be_kept_is_not_acknowledged() {
    let (cloud, _) = cloud(json!([]), Some(Box::new(Full)));
    let read = accelerator("ListAccelerators", &json!({}));
    cloud.send(call(read)).await.expect("a read needs no keeping");
    let error = cloud.send(call(update())).await.expect_err("the world can't be kept");
    assert_eq!((error.sent, error.reason), (Sent::Maybe, WireFailure::Broken));
}

#[test]
fn metrics_speak_three_protocols() {
    let mut sim = Sim::new(two_regions());
    let json_call = signed("monitoring", R2)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")
        .body(Bytes::from_static(br#"{"MetricName":"AuroraGlobalDBRPOLag"}"#))
        .expect("the request is well-formed");
    let (status, body) = super::fixture::replied(sim.ask(&json_call));
    let body: Value = serde_json::from_str(&body).expect("the answer is JSON");
    assert_eq!((status, body["Metrics"].as_array().map(Vec::len)), (200, Some(2)));
    let (_, xml) = sim.query("monitoring", R2, "Action=ListMetrics&MetricName=AuroraGlobalDBRPOLag");
    assert_eq!(xml.matches("<MetricName>AuroraGlobalDBRPOLag</MetricName>").count(), 2, "{xml}");

    let mut input = Vec::new();
    let window = |seconds: f64| ciborium::Value::Tag(1, Box::new(ciborium::Value::Float(seconds)));
    let text = |text: &str| ciborium::Value::Text(text.to_owned());
    let field = |name: &str, value| (text(name), value);
    let dimension =
        ciborium::Value::Map(vec![field("Name", text("DBClusterIdentifier")), field("Value", text("orders-r2"))]);
    let fields = ciborium::Value::Map(vec![
        field("Namespace", text("AWS/RDS")),
        field("MetricName", text("AuroraGlobalDBRPOLag")),
        field("Dimensions", ciborium::Value::Array(vec![dimension])),
        field("StartTime", window(1_768_467_000.0)),
        field("EndTime", window(1_768_467_601.0)),
        field("Period", ciborium::Value::Integer(300.into())),
        field("Statistics", ciborium::Value::Array(vec![text("Maximum")])),
    ]);
    ciborium::into_writer(&fields, &mut input).expect("a vector takes all bytes");
    let mut cbor_call = signed("monitoring", R2)
        .header("smithy-protocol", "rpc-v2-cbor")
        .body(Bytes::from(input))
        .expect("well-formed");
    *cbor_call.uri_mut() = "https://monitoring.eu-west-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/GetMetricStatistics"
        .parse()
        .expect("the URL is right");
    let Reply::Response(response) = sim.ask(&cbor_call).reply else { panic!("the call is answered") };
    assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
    let body = crate::codec::decode_cbor(response.body()).expect("the answer is CBOR");
    let maxima: Vec<_> =
        body["Datapoints"].as_array().into_iter().flatten().map(|point| point["Maximum"].clone()).collect();
    assert_eq!(maxima, [700.0, 700.0, 700.0], "{body}");
}

#[test]
fn bytes_that_are_no_request_never_panic() {
    let mut sim = Sim::new(two_regions());
    let bodies: [&[u8]; 7] = [
        b"",
        b"\xff\xfe\x00",
        b"Action=&Action=Describe%zz",
        b"{\"a\":",
        b"[1,2]",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"Action=DescribeDBClusters&Filters.Filter.1.Name=x&MaxRecords=-5",
    ];
    let targets =
        ["", "GlobalAccelerator_V20180706.UpdateEndpointGroup", "x.<y>", "GraniteServiceVersion20100801.GetMetricData"];
    for service in ["ec2", "rds", "sts", "monitoring", "elasticloadbalancing", "globalaccelerator", "nothing"] {
        for region in [R1, "us-west-2", "mars", "--9"] {
            for (body, target) in bodies.iter().flat_map(|body| targets.map(|target| (*body, target))) {
                for protocol in ["application/x-www-form-urlencoded", "application/x-amz-json-1.1", "application/cbor"]
                {
                    let request = signed(service, region)
                        .header("x-amz-target", target)
                        .header("content-type", protocol)
                        .body(Bytes::from_static(body))
                        .expect("the request is well-formed");
                    sim.ask(&request);
                }
            }
        }
    }
    assert_eq!(sim.world.contents(), Sim::new(two_regions()).world.contents());
}

#[test]
fn unknown_operations_are_the_services_own_errors() {
    let mut sim = Sim::new(two_regions());
    for service in ["ec2", "rds", "sts", "monitoring", "elasticloadbalancing"] {
        let (status, body) = sim.query(service, R1, "Action=MakeCoffee&Version=1");
        assert_eq!((status, body.contains("InvalidAction")), (400, true), "{service}: {body}");
    }
    let (status, body) = sim.accelerator("MakeCoffee", &json!({}));
    assert_eq!((status, &body["__type"]), (400, &json!("UnknownOperationException")));
    let identity = super::fixture::replied(sim.ask(&query("sts", R2, "Action=GetCallerIdentity")));
    assert!(identity.1.contains("<Account>111122223333</Account>"), "{identity:?}");
}
