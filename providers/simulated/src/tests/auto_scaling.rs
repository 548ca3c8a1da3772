//! Groups of instances: how they grow and shrink, what is refused, and that there and back is where it was.

use super::{
    elastic::elastic,
    fixture::{R1, Sim, between},
};
use http::Method;
use serde_json::{Value, json};

const UPDATE: &str = "Action=UpdateAutoScalingGroup&AutoScalingGroupName=orders";
const ACTIVITIES: &str = "Action=DescribeScalingActivities&AutoScalingGroupName=orders";

fn grown(desired: u32) -> String {
    format!("{UPDATE}&MinSize=1&MaxSize=4&DesiredCapacity={desired}")
}

fn refused(answer: &(u16, String)) -> (u16, String, String) {
    let text = |open: &str, close: &str| between(&answer.1, open, close).unwrap_or_default();
    (answer.0, text("<Code>", "</Code>"), text("<Message>", "</Message>"))
}

fn activity(body: &str, place: usize) -> String {
    body.split("<ActivityId>").nth(place + 1).unwrap_or_default().to_owned()
}

fn field(activity: &str, name: &str) -> String {
    between(activity, &format!("<{name}>"), &format!("</{name}>")).unwrap_or_default()
}

#[test]
fn growing_launches_machines_that_come_into_service_and_get_traffic() {
    let mut sim = Sim::new(elastic());
    assert_eq!((sim.states("orders"), sim.targets()), (vec!["InService".to_owned()], vec!["healthy".to_owned()]));
    assert_eq!(sim.go(10.0).scaling(&grown(3)).0, 200);
    assert_eq!(sim.states("orders"), ["InService", "Pending", "Pending"]);
    let ids: Vec<String> = sim.members("orders").into_iter().map(|(_, id)| id).collect();
    let described = sim
        .query(
            "ec2",
            R1,
            &format!(
                "Action=DescribeInstances&InstanceId.1={}&InstanceId.2={}&InstanceId.3={}",
                ids[0], ids[1], ids[2]
            ),
        )
        .1;
    assert_eq!(described.matches("<name>pending</name>").count(), 2, "{described}");
    assert_eq!(described.matches("<key>aws:autoscaling:groupName</key><value>orders</value>").count(), 3);
    assert_eq!(described.matches("<availabilityZone>us-east-1b</availabilityZone>").count(), 1, "zones are kept even");

    sim.go(49.9);
    assert_eq!(sim.states("orders"), ["InService", "Pending", "Pending"]);
    sim.go(50.0);
    assert_eq!(
        (sim.states("orders"), sim.targets()),
        (vec!["InService".to_owned(); 3], vec!["healthy".into(), "initial".into(), "initial".to_owned()])
    );
    sim.go(62.0);
    assert_eq!(sim.targets(), ["healthy"; 3], "two checks of 5 s after the registration");
    let mut answered: Vec<String> = (0..40)
        .filter_map(|_| {
            let (status, body) = sim.get("https://orders.example/orders")?;
            let body: Value = serde_json::from_str(&body).ok()?;
            (status == 200 && body["site"] == "r1").then(|| body["instance"].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    assert_eq!(answered.len(), 40);
    answered.sort();
    answered.dedup();
    let mut all = ids;
    all.sort();
    assert_eq!(answered, all);
}

#[test]
fn shrinking_drains_the_youngest_first_and_ends_where_it_began() {
    let mut sim = Sim::new(elastic());
    let before = sim.world.contents();
    let first = sim.members("orders");
    sim.scaling(&format!("{UPDATE}&MinSize=2&MaxSize=4&DesiredCapacity=3"));
    sim.go(100.0);
    assert_ne!(sim.world.contents(), before, "the sizes are configuration");
    let (_, body) = sim.scaling(&format!("{UPDATE}&MinSize=1&MaxSize=4&DesiredCapacity=1"));
    assert!(body.contains("UpdateAutoScalingGroupResponse"), "{body}");
    assert_eq!(sim.states("orders"), ["InService", "Terminating", "Terminating"]);
    assert_eq!(sim.targets(), ["draining", "draining", "healthy"]);
    assert_eq!(sim.world.contents(), before, "at once: what is under way is no configuration");
    sim.go(119.0);
    assert_eq!(sim.targets(), ["draining", "draining", "healthy"]);
    sim.go(120.5);
    assert_eq!(sim.targets(), ["healthy"], "after the target group's own 20 s");
    assert_eq!(sim.states("orders"), ["InService", "Terminating", "Terminating"]);
    sim.go(141.0);
    assert_eq!(sim.members("orders"), first, "the oldest stays");
    sim.go(5000.0);
    assert_eq!(sim.world.contents(), before);
    assert_eq!(sim.world.figures().failed_requests, 0, "nobody noticed");
    assert_eq!(sim.world, serde_json::from_value(json!(sim.world)).expect("a world survives JSON"));
}

#[test]
fn sizes_that_contradict_each_other_are_refused() {
    let mut sim = Sim::new(elastic());
    let before = sim.world.contents();
    let cases = [
        ("MinSize=5&MaxSize=3", "Max bound, 3, must be greater than or equal to min bound, 5"),
        ("DesiredCapacity=9", "Desired capacity:9 must be between the specified min size:1 and max size:4"),
        ("MinSize=2&DesiredCapacity=1", "Desired capacity:1 must be between the specified min size:2 and max size:4"),
        ("VPCZoneIdentifier=subnet-1", "VPCZoneIdentifier can't be updated in a simulated world"),
        ("MinSize=-1", "Value (-1) for parameter MinSize is invalid. It is not a number in range."),
    ];
    for (given, message) in cases {
        let answer = sim.scaling(&format!("{UPDATE}&{given}"));
        assert_eq!(refused(&answer), (400, "ValidationError".to_owned(), message.to_owned()));
    }
    let set = |sim: &mut Sim, desired: u32| {
        refused(
            &sim.scaling(&format!("Action=SetDesiredCapacity&AutoScalingGroupName=orders&DesiredCapacity={desired}")),
        )
    };
    assert_eq!(set(&mut sim, 5).2, "New SetDesiredCapacity value 5 is above max value 4 for the AutoScalingGroup.");
    assert_eq!(set(&mut sim, 0).2, "New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup.");
    let unknown = sim.scaling("Action=UpdateAutoScalingGroup&AutoScalingGroupName=nothing&MinSize=1");
    assert_eq!(refused(&unknown).2, "AutoScalingGroup name not found - null");
    let (status, body) = sim.scaling("Action=DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=nothing");
    assert_eq!((status, body.contains("<AutoScalingGroups></AutoScalingGroups>")), (200, true), "{body}");
    assert_eq!(sim.world.contents(), before, "a refused call changes nothing");
}

#[test]
fn without_a_desired_size_the_present_one_follows_the_bounds() {
    let mut sim = Sim::new(elastic());
    let desired = |sim: &mut Sim| {
        let (_, body) = sim.scaling("Action=DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=orders");
        field(&body, "DesiredCapacity")
    };
    sim.scaling(&format!("{UPDATE}&MinSize=3"));
    assert_eq!(desired(&mut sim), "3");
    sim.scaling(&format!("{UPDATE}&MinSize=0&MaxSize=2"));
    assert_eq!(desired(&mut sim), "2");
}

#[test]
fn a_zone_without_capacity_fails_launches_and_the_next_zone_is_tried() {
    let mut document = elastic();
    document["aws"]["regions"][R1]["autoscaling_groups"]["orders"]["available"] = json!(1);
    let mut sim = Sim::new(document);
    sim.scaling(&grown(4));
    assert_eq!(sim.states("orders"), ["InService", "Pending", "Pending"], "one more in each zone");
    let (_, body) = sim.scaling(ACTIVITIES);
    let newest = activity(&body, 0);
    assert_eq!(field(&newest, "StatusCode"), "Failed");
    let message = field(&newest, "StatusMessage");
    assert!(
        message.starts_with(
            "We currently do not have sufficient t3.medium capacity in the Availability Zone you requested (us-east-1"
        ),
        "{message}"
    );
    assert!(message.ends_with("Launching EC2 instance failed."), "{message}");
    assert_eq!(field(&newest, "Description"), format!("Launching a new EC2 instance.  Status Reason: {message}"));
    assert_eq!(field(&activity(&body, 3), "StatusCode"), "PreInService", "the first launch is the oldest");
    assert!(field(&activity(&body, 3), "Cause").starts_with("At 2026-01-15T09:00:00Z a user request update of AutoScalingGroup constraints to min: 1, max: 4, desired: 4 changing the desired capacity from 1 to 4.  At 2026-01-15T09:00:00Z an instance was started"));
    let failures = |sim: &mut Sim| sim.scaling(ACTIVITIES).1.matches("<StatusCode>Failed</StatusCode>").count();
    assert_eq!(
        (failures(&mut sim), failures(sim.go(59.0)), failures(sim.go(60.0))),
        (2, 2, 4),
        "tried again each minute"
    );
    sim.scaling(&grown(3));
    assert_eq!(failures(sim.go(600.0)), 4, "nothing is missing any more");
    assert_eq!(sim.states("orders"), ["InService"; 3]);
    sim.scaling(&grown(1));
    sim.go(700.0);
    sim.scaling(&grown(3));
    assert_eq!(sim.go(800.0).states("orders"), ["InService"; 3], "what was terminated came back");
}

#[test]
fn pages_and_the_honoured_cooldown() {
    let mut sim = Sim::new(elastic());
    sim.scaling(&grown(4));
    let (_, body) = sim.scaling(&format!("{ACTIVITIES}&MaxRecords=2"));
    assert_eq!(body.matches("<ActivityId>").count(), 2);
    let token = field(&body, "NextToken");
    let (_, rest) = sim.scaling(&format!("{ACTIVITIES}&MaxRecords=2&NextToken={token}"));
    assert_eq!((rest.matches("<ActivityId>").count(), rest.contains("<NextToken>")), (1, false));
    assert_eq!(refused(&sim.scaling(&format!("{ACTIVITIES}&NextToken=x"))).1, "InvalidNextToken");
    let set = "Action=SetDesiredCapacity&AutoScalingGroupName=orders&DesiredCapacity=3";
    let (status, code, message) = refused(&sim.scaling(&format!("{set}&HonorCooldown=true")));
    assert_eq!((status, code.as_str()), (400, "ScalingActivityInProgress"));
    assert!(message.ends_with("is in progress and blocking this action"), "{message}");
    assert_eq!(sim.scaling(set).0, 200, "the usual call does not wait");
    let (_, body) = sim.scaling(ACTIVITIES);
    assert_eq!(body.matches("<StatusCode>Cancelled</StatusCode>").count(), 1, "the youngest launch was called off");
}

#[test]
fn a_lost_instance_is_replaced_unless_that_is_suspended() {
    for suspended in [false, true] {
        let mut sim = Sim::new(elastic());
        let first = sim.members("orders")[0].1.clone();
        if suspended {
            sim.scaling(
                "Action=SuspendProcesses&AutoScalingGroupName=orders&ScalingProcesses.member.1=ReplaceUnhealthy",
            );
        }
        let (status, body) = sim.query("ec2", R1, &format!("Action=StopInstances&InstanceId.1={first}"));
        assert_eq!(status, 200, "{body}");
        let now = sim.go(200.0).members("orders");
        assert_eq!(now.len(), 1);
        assert_eq!(now[0].1 == first, suspended);
        let (_, body) = sim.scaling("Action=DescribeAutoScalingInstances");
        let health = if suspended { "UNHEALTHY" } else { "HEALTHY" };
        assert!(body.contains(&format!("<HealthStatus>{health}</HealthStatus>")), "{body}");
    }
}

#[test]
fn suspended_launches_wait_and_faults_reach_what_a_call_begins() {
    let mut document = elastic();
    document["aws"]["regions"][R1]["autoscaling_groups"]["orders"]["suspended"] = json!(["Launch"]);
    let mut sim = Sim::new(document);
    sim.scaling(&grown(2));
    assert_eq!(sim.go(100.0).states("orders"), ["InService"]);
    sim.scaling("Action=ResumeProcesses&AutoScalingGroupName=orders");
    assert_eq!(sim.states("orders"), ["InService", "Pending"]);

    let matching = json!({ "service": "autoscaling", "operation": "UpdateAutoScalingGroup", "nth": 1 });
    for (effect, value, at_200, at_400) in [
        ("slow", json!("300s"), ["InService", "Pending"], ["InService", "InService"]),
        ("stuck", json!(true), ["InService", "Pending"], ["InService", "Pending"]),
        ("cancel", json!(true), ["InService", "InService"], ["InService", "InService"]),
    ] {
        let mut sim = Sim::with(elastic(), &[("/faults", json!([{ "match": matching, effect: value }]))]);
        sim.scaling(&grown(2));
        assert_eq!(
            (sim.go(200.0).states("orders"), sim.go(400.0).states("orders")),
            (at_200.map(str::to_owned).to_vec(), at_400.map(str::to_owned).to_vec()),
            "{effect}"
        );
        let failed = sim.scaling(ACTIVITIES).1.contains("<StatusCode>Failed</StatusCode>");
        assert_eq!(failed, effect == "cancel", "a launch that comes to nothing is tried again");
    }
}

#[test]
fn a_document_that_can_not_be_is_told_all_that_is_wrong() {
    let mut document = elastic();
    let region = &mut document["aws"]["regions"][R1];
    region["autoscaling_groups"]["orders"] = json!({
        "minimum": 3, "maximum": 2, "subnets": ["subnet-9"], "target_groups": ["nothing"], "application": "nobody",
        "security_groups": ["sg-9"], "suspended": ["Sleep"], "retry": "0s",
    });
    region["eks_clusters"]["shop"]["nodegroups"]["web"] = json!({ "maximum": 0, "subnets": [] });
    region["file_systems"]["fs-0a00000000000001"]["mount_targets"]["fsmt-0a00000000000002"] =
        json!({ "subnet": "subnet-1", "ip": "10.9.9.9" });
    document["applications"]["orders"]["requests_per_second"] = json!(0);
    let document: crate::WorldDocument = serde_json::from_value(document).expect("it is well-formed");
    let findings = crate::World::build(&document).expect_err("it is wrong");
    let paths: Vec<String> = findings.iter().map(|finding| finding.path.to_string()).collect();
    let at = "aws/regions/us-east-1";
    for expected in [
        "applications/orders/requests_per_second".to_owned(),
        format!("{at}/autoscaling_groups/orders/minimum"),
        format!("{at}/autoscaling_groups/orders/retry"),
        format!("{at}/autoscaling_groups/orders/subnets/0"),
        format!("{at}/autoscaling_groups/orders/target_groups/0"),
        format!("{at}/autoscaling_groups/orders/security_groups/0"),
        format!("{at}/autoscaling_groups/orders/suspended/0"),
        format!("{at}/autoscaling_groups/orders/application"),
        format!("{at}/eks_clusters/shop/nodegroups/web/maximum"),
        format!("{at}/eks_clusters/shop/nodegroups/web/subnets"),
        format!("{at}/file_systems/fs-0a00000000000001/mount_targets/fsmt-0a00000000000002/ip"),
        format!("{at}/file_systems/fs-0a00000000000001/mount_targets/fsmt-0a00000000000002/subnet"),
    ] {
        assert!(paths.contains(&expected), "{expected} is missing in {paths:#?}");
    }
}

#[test]
fn a_subnet_without_addresses_fails_the_launch() {
    let mut document = elastic();
    document["aws"]["regions"][R1]["vpcs"]["vpc-1"]["subnets"]["subnet-3"] =
        json!({ "zone": "us-east-1a", "cidr": "10.0.3.0/29" });
    document["aws"]["regions"][R1]["autoscaling_groups"]["orders"]["subnets"] = json!(["subnet-3"]);
    document["aws"]["regions"][R1]["eks_clusters"] = json!({});
    let mut sim = Sim::new(document);
    sim.scaling(&grown(4));
    assert_eq!(sim.states("orders").len(), 3, "a range of eight has three for machines");
    assert!(sim.scaling(ACTIVITIES).1.contains("does not have enough free addresses"));
    let (status, ..) = sim.rest("eks", Method::GET, "/clusters/shop", &Value::Null);
    assert_eq!(status, 404);
}
