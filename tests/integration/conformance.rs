//! Every kind that changes something passes the conformance suite over the simulated cloud, through the real SDKs.

use lifeboat::{
    runbook::{Body, Source, decode_step, document},
    wiring,
};
use lifeboat_contract::{
    Cx, Mode, Place, RunContext, Secrets, SharedClock, SharedWire, TokioClock,
    conformance::{Subject, conforms},
};
use lifeboat_simulated::{SimulatedCloud, World, WorldDocument};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

fn world(path: &str) -> World {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let source = Source::read(path).unwrap();
    let document: WorldDocument = document::decode(&document::parse(&source).unwrap()).unwrap();
    World::build(&document).unwrap()
}

async fn conform(world: World, region: &str, kind: &str, with: Value) {
    let provider = kind.split('.').next().unwrap_or_default();
    let catalog = wiring::catalog();
    let Ok(Body::Change(change)) = decode_step(&catalog, kind, &with) else { panic!("{kind} does not read {with}") };
    let clock: SharedClock = Arc::new(TokioClock::starting_at(world.now(), 1));
    let cloud = Arc::new(SimulatedCloud::new(world, clock.clone(), 1, None));
    let wire: SharedWire = cloud.clone();
    let run = RunContext {
        mode: Mode::Switchover,
        accepted_loss: None,
        rpo: None,
        impaired: BTreeSet::new(),
        to: "r2".into(),
        from: "r1".into(),
        place: Some(Place { provider: provider.to_owned(), region: Some(region.into()), account: None }),
    };
    let cx = Cx {
        providers: Arc::new(
            wiring::providers(&wire, &clock, &wiring::Credentials::Dummies, &Secrets::default()).unwrap(),
        ),
        wire,
        clock,
        run: Arc::new(run),
        secrets: Arc::new(Secrets::default()),
    };
    let contents = move || cloud.world().contents();
    conforms(&Subject { change: change.as_ref(), cx: &cx, contents: &contents })
        .await
        .unwrap_or_else(|violation| panic!("{kind}: {violation}"));
}

const FAILOVER: &str = "runbooks/region-failover/world.yaml";
const GROUP: &str = "arn:aws:globalaccelerator::111122223333:accelerator/orders/listener/https/endpoint-group/r2";

#[tokio::test(start_paused = true)]
async fn global_cluster() {
    let writer = "arn:aws:rds:eu-west-1:111122223333:cluster:orders-r2";
    conform(
        world(FAILOVER),
        "eu-west-1",
        "aws.rds.global_cluster",
        json!({"global_cluster": "orders", "writer": writer}),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn endpoint_group_dial() {
    let with = json!({"arn": GROUP, "dial": 100});
    conform(world(FAILOVER), "us-east-1", "aws.globalaccelerator.endpoint_group", with).await;
}

#[tokio::test(start_paused = true)]
async fn endpoint_group_weight() {
    let balancer = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/orders-r2/bbbbbbbbbbbbbbbb";
    let with = json!({"arn": GROUP, "weights": {balancer: 0}});
    conform(world(FAILOVER), "us-east-1", "aws.globalaccelerator.endpoint_group", with).await;
}

#[tokio::test(start_paused = true)]
async fn route() {
    let with = json!({
        "route_tables": ["rtb-0c000000000000001", "rtb-0c000000000000002"],
        "destination": "192.168.10.10/32",
        "network_interface": "eni-0b000000000000001",
        "source_dest_check": false,
    });
    conform(world("runbooks/overlay-vip/world.yaml"), "us-east-1", "aws.ec2.route", with).await;
}

#[tokio::test(start_paused = true)]
async fn target_group() {
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/orders-r2/2222222222222222";
    let with = json!({"arn": arn, "targets": [{"id": "i-0b200000000000001"}], "registered": false});
    conform(world(FAILOVER), "eu-west-1", "aws.elbv2.target_group", with).await;
}

const KINDS: &str = "tests/worlds/aws-kinds.yaml";
const LISTENER: &str =
    "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/front/cccccccccccccccc/dddddddddddddddd";

fn group(name: &str, digit: &str) -> String {
    format!("arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/{name}/{}", digit.repeat(16))
}

#[tokio::test(start_paused = true)]
async fn instance_state() {
    for (instance, state) in [("i-0a000000000000001", "stopped"), ("i-0b000000000000001", "running")] {
        let with = json!({"instance": instance, "state": state});
        conform(world(KINDS), "us-east-1", "aws.ec2.instance_state", with).await;
    }
}

#[tokio::test(start_paused = true)]
async fn security_group_fence() {
    for subject in [json!({"instance": "i-0a000000000000001"}), json!({"network_interface": "eni-0a000000000000002"})] {
        let mut with = subject;
        with["security_group"] = json!("sg-0f000000000000001");
        conform(world(KINDS), "us-east-1", "aws.ec2.security_group_fence", with).await;
    }
}

#[tokio::test(start_paused = true)]
async fn listener_weights() {
    let weights = json!([
        {"target_group": group("blue", "a"), "weight": 0},
        {"target_group": group("green", "b"), "weight": 10},
    ]);
    let with = json!({"listener": LISTENER, "weights": weights});
    conform(world(KINDS), "us-east-1", "aws.elbv2.listener_weights", with).await;
}

#[tokio::test(start_paused = true)]
async fn autoscaling_group() {
    let with = json!({"group": "web", "minimum": 2, "maximum": 6, "desired": 3});
    conform(world(KINDS), "us-east-1", "aws.autoscaling.group", with).await;
}

#[tokio::test(start_paused = true)]
async fn eks_nodegroup() {
    let with = json!({"cluster": "orders", "nodegroup": "workers", "minimum": 2, "maximum": 6, "desired": 3});
    conform(world(KINDS), "us-east-1", "aws.eks.nodegroup", with).await;
}

const AZURE_KINDS: &str = "tests/worlds/azure-kinds.yaml";

/// The ARM id of something in the world's only resource group.
fn arm(path: &str) -> String {
    format!("/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/kinds/providers/{path}")
}

fn network(path: &str) -> String {
    arm(&format!("Microsoft.Network/{path}"))
}

#[tokio::test(start_paused = true)]
async fn azure_route() {
    // One table gets a route that was not there, and an interface begins to forward.
    let with = json!({
        "route_tables": [network("routeTables/clients")],
        "destination": "192.168.10.10/32",
        "next_hop": "10.1.1.10",
        "network_interface": network("networkInterfaces/a"),
        "ip_forwarding": true,
        "effective_on": [network("networkInterfaces/c")],
    });
    conform(world(AZURE_KINDS), "eastus", "azure.network.route", with).await;
    // A route that is there leads elsewhere.
    let with = json!({
        "route_tables": [network("routeTables/clients"), network("routeTables/servers")],
        "destination": "192.168.10.10/32",
        "next_hop": "10.1.2.10",
    });
    let with: Value =
        serde_json::from_str(&with.to_string().replace("resourceGroups/kinds", "resourceGroups/vip")).unwrap();
    conform(world("runbooks/overlay-vip-azure/world.yaml"), "eastus", "azure.network.route", with).await;
}

#[tokio::test(start_paused = true)]
async fn azure_load_balancer_backend() {
    let pool = |name: &str| network(&format!("loadBalancers/front/backendAddressPools/{name}"));
    let interface = |name: &str| network(&format!("networkInterfaces/{name}")) + "/primary";
    for with in [
        json!({"pool": pool("addresses"), "admin_states": {"a": "down", "b": "up"}}),
        json!({"pool": pool("addresses"), "members": {"a": null, "c": "10.1.3.10"}}),
        json!({"pool": pool("interfaces"), "interfaces": {interface("a"): false, interface("b"): true}}),
    ] {
        conform(world(AZURE_KINDS), "eastus", "azure.network.load_balancer_backend", with).await;
    }
}

#[tokio::test(start_paused = true)]
async fn azure_security_rule() {
    let rule = |name: &str| {
        json!({
            "security_group": network("networkSecurityGroups/servers"), "rule": name, "priority": 100,
            "direction": "inbound", "protocol": "*", "source": "*", "destination": "*", "ports": ["*"],
        })
    };
    // A new rule; one that takes the place of another of its name; one that goes.
    for with in [
        rule("fence"),
        rule("web"),
        json!({"security_group": network("networkSecurityGroups/servers"), "rule": "web", "present": false}),
    ] {
        conform(world(AZURE_KINDS), "eastus", "azure.network.security_rule", with).await;
    }
}

#[tokio::test(start_paused = true)]
async fn azure_network_interface() {
    let with = json!({
        "address": "10.1.1.50",
        "from": network("networkInterfaces/a"),
        "to": network("networkInterfaces/b"),
    });
    conform(world(AZURE_KINDS), "eastus", "azure.network.network_interface", with).await;
}

#[tokio::test(start_paused = true)]
async fn azure_traffic_manager_endpoint() {
    let endpoint = network("trafficmanagerprofiles/orders/externalEndpoints/west");
    let with = json!({"endpoint": endpoint, "status": "enabled", "weight": 7, "priority": 3});
    conform(world(AZURE_KINDS), "eastus", "azure.trafficmanager.endpoint", with).await;
}

#[tokio::test(start_paused = true)]
async fn azure_power_state() {
    for (machine, state) in [("a", "stopped"), ("a", "deallocated"), ("b", "running")] {
        let with =
            json!({"virtual_machine": arm(&format!("Microsoft.Compute/virtualMachines/{machine}")), "state": state});
        conform(world(AZURE_KINDS), "eastus", "azure.compute.power_state", with).await;
    }
}
