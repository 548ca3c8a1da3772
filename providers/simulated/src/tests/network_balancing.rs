//! Network load balancers, and that a listener's and a rule's whole actions can be taken down and put back.

use super::fixture::{R1, Sim, between, overlay};
use crate::Opening;
use serde_json::{Value, json};

/// Two servers behind a network load balancer, each in its own group; the first has all the weight.
fn balanced() -> Value {
    let mut document = overlay();
    let group = |instance: &str| {
        json!({
            "vpc": "vpc-1", "protocol": "TCP", "port": 2575, "deregistration_delay": "0s",
            "health_check": { "path": "/", "port": 80, "interval": "5s", "healthy_threshold": 2 },
            "targets": [{ "instance": instance }],
        })
    };
    let region = &mut document["aws"]["regions"][R1];
    region["target_groups"] = json!({ "a": group("i-a"), "b": group("i-b") });
    region["load_balancers"] = json!({
        "front": { "kind": "network", "subnets": ["subnet-1"], "listeners": [{ "port": 2575, "forward": [
            { "target_group": "a", "weight": 100 }, { "target_group": "b", "weight": 0 },
        ] }] },
    });
    document["hosts"]["mllp.example"] = json!({ "load_balancer": "us-east-1/front" });
    document["applications"]["page"]["ports"] = json!([80, 2575]);
    document
}

fn listener(sim: &mut Sim, action: &str) -> String {
    let (status, body) = sim.query("elasticloadbalancing", R1, action);
    assert_eq!(status, 200, "{body}");
    body
}

fn arn(sim: &mut Sim, operation: &str, place: usize) -> String {
    let tag = format!("<{}Arn>", operation.trim_start_matches("Describe").trim_end_matches('s'));
    let body = listener(sim, &format!("Action={operation}"));
    body.split(&tag).nth(place + 1).and_then(|rest| Some(rest.split_once('<')?.0.to_owned())).expect("it is there")
}

#[test]
fn a_network_load_balancer_passes_connections_on() {
    let mut sim = Sim::new(balanced());
    let at = |sim: &mut Sim| {
        let now = sim.world.now();
        sim.world.open(now, "mllp.example", 2575)
    };
    assert!(matches!(at(&mut sim), Opening::Open { .. }));
    assert_eq!(sim.get("http://mllp.example:2575/"), Some((200, "server a".to_owned())));
    let (_, body) = sim.query("ec2", R1, "Action=StopInstances&InstanceId.1=i-a");
    assert!(body.contains("stopping"), "{body}");
    assert_eq!(at(sim.go(60.0)), Opening::Unreachable, "weights hold, whatever the health: there is no 503 of its own");
    let balancer = arn(&mut sim, "DescribeLoadBalancers", 0);
    assert!(balancer.contains(":loadbalancer/net/front/"), "{balancer}");
    let found = listener(&mut sim, &format!("Action=DescribeListeners&LoadBalancerArn={balancer}"));
    let listener_arn = between(&found, "<ListenerArn>", "</ListenerArn>").expect("it has a listener");
    let groups = [arn(&mut sim, "DescribeTargetGroups", 0), arn(&mut sim, "DescribeTargetGroups", 1)];
    let weights = |a: u32, b: u32, sticky: &str| {
        let group = |place: usize, arn: &str, weight: u32| {
            let at = format!("DefaultActions.member.1.ForwardConfig.TargetGroups.member.{place}");
            format!("&{at}.TargetGroupArn={arn}&{at}.Weight={weight}")
        };
        format!(
            "Action=ModifyListener&ListenerArn={listener_arn}&DefaultActions.member.1.Type=forward{}{}{sticky}",
            group(1, &groups[0], a),
            group(2, &groups[1], b)
        )
    };
    let before = sim.world.contents();
    let sticky = "&DefaultActions.member.1.ForwardConfig.TargetGroupStickinessConfig.Enabled=false&DefaultActions.member.1.ForwardConfig.TargetGroupStickinessConfig.DurationSeconds=60";
    let modified = listener(&mut sim, &weights(0, 100, sticky));
    assert_eq!(sim.get("http://mllp.example:2575/"), Some((200, "server b".to_owned())));
    assert!(
        modified.contains("<TargetGroupStickinessConfig><Enabled>false</Enabled><DurationSeconds>60</DurationSeconds>"),
        "as it was given: {modified}"
    );
    assert_ne!(sim.world.contents(), before);
    let off = "&DefaultActions.member.1.ForwardConfig.TargetGroupStickinessConfig.Enabled=false";
    listener(&mut sim, &weights(100, 0, off));
    let actions = |body: &str| between(body, "<DefaultActions>", "</DefaultActions>");
    let again = listener(&mut sim, &format!("Action=DescribeListeners&LoadBalancerArn={balancer}"));
    assert_eq!((actions(&again), sim.world.contents()), (actions(&found), before), "byte for byte");
}

#[test]
fn a_document_does_not_mix_kinds_of_load_balancers() {
    let mut document = balanced();
    let region = &mut document["aws"]["regions"][R1];
    region["target_groups"]["b"]["protocol"] = json!("HTTP");
    region["load_balancers"]["front"]["listeners"][0]["protocol"] = json!("HTTPS");
    let document: crate::WorldDocument = serde_json::from_value(document).expect("it is well-formed");
    let findings = crate::World::build(&document).expect_err("it is wrong");
    let paths: Vec<String> = findings.iter().map(|finding| finding.path.to_string()).collect();
    let at = "aws/regions/us-east-1/load_balancers/front/listeners/0";
    assert_eq!(paths, [format!("{at}/forward/1/target_group"), format!("{at}/protocol")]);
}
