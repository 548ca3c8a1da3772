//! Network load balancers, and that a listener's and a rule's whole actions can be taken down and put back.

use super::{
    elastic::elastic,
    fixture::{R1, Sim, between, overlay},
};
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

#[test]
fn a_rules_actions_are_replaced_whole_and_put_back() {
    let mut sim = Sim::new(elastic());
    let vpc = "&VpcId=vpc-1&Protocol=HTTP&Port=80";
    listener(&mut sim, &format!("Action=CreateTargetGroup&Name=other{vpc}"));
    let groups = [arn(&mut sim, "DescribeTargetGroups", 0), arn(&mut sim, "DescribeTargetGroups", 1)];
    let balancer = arn(&mut sim, "DescribeLoadBalancers", 0);
    let listeners = listener(&mut sim, &format!("Action=DescribeListeners&LoadBalancerArn={balancer}"));
    let listener_arn = between(&listeners, "<ListenerArn>", "</ListenerArn>").expect("it has a listener");
    let actions = |weights: [u32; 2], seconds: u32| {
        let config = "Actions.member.1.ForwardConfig";
        let group = |place: usize| {
            let at = format!("{config}.TargetGroups.member.{}", place + 1);
            format!("&{at}.TargetGroupArn={}&{at}.Weight={}", groups[place], weights[place])
        };
        let sticky = format!("{config}.TargetGroupStickinessConfig");
        format!(
            "&Actions.member.1.Type=forward&Actions.member.1.Order=7{}{}&{sticky}.Enabled=true&{sticky}.DurationSeconds={seconds}",
            group(0),
            group(1)
        )
    };
    let condition = "&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/orders";
    let create =
        format!("Action=CreateRule&ListenerArn={listener_arn}&Priority=5{condition}{}", actions([999, 0], 600));
    let made = listener(&mut sim, &create);
    let rule = between(&made, "<RuleArn>", "</RuleArn>").expect("it has an ARN");
    let rules = |sim: &mut Sim| {
        let body = listener(sim, &format!("Action=DescribeRules&RuleArns.member.1={rule}"));
        between(&body, "<Rules>", "</Rules>").expect("it is there")
    };
    let (before, contents) = (rules(&mut sim), sim.world.contents());
    assert!(before.contains("<Order>7</Order>") && before.contains("<Weight>999</Weight>"), "{before}");
    listener(&mut sim, &format!("Action=ModifyRule&RuleArn={rule}{}", actions([0, 1], 60)));
    assert_ne!(rules(&mut sim), before);
    listener(&mut sim, &format!("Action=ModifyRule&RuleArn={rule}{}", actions([999, 0], 600)));
    assert_eq!((rules(&mut sim), sim.world.contents()), (before, contents), "byte for byte");
    let alone = format!(
        "Action=ModifyRule&RuleArn={rule}&Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn={}",
        groups[1]
    );
    assert!(!listener(&mut sim, &alone).contains("<Order>"), "what is not given is gone");
    let beyond = format!("Action=ModifyRule&RuleArn={rule}{}", actions([1000, 0], 60));
    assert_eq!(sim.query("elasticloadbalancing", R1, &beyond).0, 400);
}

#[test]
fn a_list_of_actions_stays_a_list_and_a_secret_stays_hidden() {
    let mut sim = Sim::new(elastic());
    let balancer = arn(&mut sim, "DescribeLoadBalancers", 0);
    let describe = format!("Action=DescribeListeners&LoadBalancerArn={balancer}");
    let found = listener(&mut sim, &describe);
    let listener_arn = between(&found, "<ListenerArn>", "</ListenerArn>").expect("it has a listener");
    let group = arn(&mut sim, "DescribeTargetGroups", 0);
    let modify = |secret: &str, order: &str| {
        let config = "DefaultActions.member.1.AuthenticateOidcConfig";
        let fields = ["Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint", "ClientId"];
        let fields = fields.map(|name| format!("&{config}.{name}=https://{name}.example")).concat();
        format!(
            "Action=ModifyListener&ListenerArn={listener_arn}&DefaultActions.member.1.Type=authenticate-oidc&DefaultActions.member.1.Order=1{fields}&{config}.{secret}&{config}.AuthenticationRequestExtraParams.entry.1.key=prompt&{config}.AuthenticationRequestExtraParams.entry.1.value=login&DefaultActions.member.2.Type=forward&DefaultActions.member.2.TargetGroupArn={group}{order}"
        )
    };
    let last = "&DefaultActions.member.2.Order=2";
    assert_eq!(status(&mut sim, &modify("UseExistingClientSecret=true", last)), 400, "there is none yet");
    assert_eq!(status(&mut sim, &modify("ClientSecret=hush", "")), 400, "several actions need an order");
    listener(&mut sim, &modify("ClientSecret=hush", last));
    let (signed, contents) = (listener(&mut sim, &describe), sim.world.contents());
    assert!(signed.contains("<Issuer>https://Issuer.example</Issuer>") && !signed.contains("hush"), "{signed}");
    assert!(signed.contains("<entry><key>prompt</key><value>login</value></entry>"), "{signed}");
    assert_eq!(sim.get("https://orders.example/orders").map(|(status, _)| status), Some(200));
    listener(
        &mut sim,
        &format!(
            "Action=ModifyListener&ListenerArn={listener_arn}&DefaultActions.member.1.Type=fixed-response&DefaultActions.member.1.FixedResponseConfig.StatusCode=503"
        ),
    );
    assert_eq!(status(&mut sim, &modify("UseExistingClientSecret=true", last)), 400, "the secret went with the action");
    listener(&mut sim, &modify("ClientSecret=hush", last));
    listener(&mut sim, &modify("UseExistingClientSecret=true", last));
    let actions = |body: &str| between(body, "<DefaultActions>", "</DefaultActions>");
    assert_eq!((actions(&listener(&mut sim, &describe)), sim.world.contents()), (actions(&signed), contents));
}

fn status(sim: &mut Sim, form: &str) -> u16 {
    sim.query("elasticloadbalancing", R1, form).0
}
