//! A world that enforces policies: each protocol's refusal names principal, action and resource; what is allowed works.

use super::fixture::{R1, R2, STANDBY, Sim, accelerator, between, group, overlay, query, replied, two_regions};
use crate::{World, WorldDocument};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

fn allowing(base: Value, statements: &Value) -> Sim {
    Sim::with(
        base,
        &[(
            "/aws/iam",
            json!({ "users": { "operator": { "policies": [{ "Version": "2012-10-17", "Statement": statements }] } } }),
        )],
    )
}

fn told(sim: &mut Sim, request: &Request<Bytes>) -> (u16, String) {
    replied(sim.ask(request))
}

fn replace_route(dry: &str) -> Request<Bytes> {
    let form = "Action=ReplaceRoute&RouteTableId=rtb-1&DestinationCidrBlock=192.168.10.10/32&NetworkInterfaceId=eni-b";
    query("ec2", R1, &format!("{form}&DryRun={dry}"))
}

fn describe_vpcs(region: &str) -> Request<Bytes> {
    query("ec2", region, "Action=DescribeVpcs")
}

#[test]
fn a_world_without_policies_lets_everybody_do_everything() {
    assert_eq!(told(&mut Sim::new(overlay()), &replace_route("false")).0, 200);
}

#[test]
fn ec2_refuses_what_no_policy_allows_and_a_dry_run_tells() {
    const TABLE: &str = "arn:aws:ec2:us-east-1:111122223333:route-table/rtb-1";
    let mut denied = allowing(overlay(), &json!([{ "Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*" }]));
    let before = denied.world.contents();
    for dry in ["true", "false"] {
        let (status, body) = told(&mut denied, &replace_route(dry));
        assert_eq!(status, 403, "{body}");
        assert!(body.contains("<Code>UnauthorizedOperation</Code>"), "{body}");
        for named in ["arn:aws:iam::111122223333:user/operator", "ec2:ReplaceRoute", TABLE] {
            assert!(body.contains(named), "{named} in {body}");
        }
    }
    assert_eq!(denied.world.contents(), before, "a refused call changes nothing");
    assert_eq!(told(&mut denied, &describe_vpcs(R1)).0, 200);

    let mut allowed =
        allowing(overlay(), &json!([{ "Effect": "Allow", "Action": ["ec2:ReplaceRoute"], "Resource": [TABLE] }]));
    let (status, body) = told(&mut allowed, &replace_route("true"));
    assert!(status == 412 && body.contains("DryRunOperation"), "{status} {body}");
    assert_eq!(told(&mut allowed, &replace_route("false")).0, 200);
}

#[test]
fn each_id_of_a_list_needs_the_permission() {
    let instance = "arn:aws:ec2:us-east-1:111122223333:instance/i-a";
    let mut one =
        allowing(overlay(), &json!([{ "Effect": "Allow", "Action": "ec2:StopInstances", "Resource": instance }]));
    let stop = |ids: &str| query("ec2", R1, &format!("Action=StopInstances&{ids}"));
    let (status, body) = told(&mut one, &stop("InstanceId.1=i-a&InstanceId.2=i-b"));
    assert!(status == 403 && body.contains("instance/i-b"), "{body}");
    assert_eq!(told(&mut one, &stop("InstanceId.1=i-a")).0, 200);
}

#[test]
fn a_global_failover_needs_the_global_cluster_and_both_members() {
    let form =
        format!("Action=SwitchoverGlobalCluster&GlobalClusterIdentifier=orders&TargetDbClusterIdentifier={STANDBY}");
    let call = query("rds", R1, &form);
    let of = |resources: &[&str]| json!([{ "Effect": "Allow", "Action": "rds:*", "Resource": resources }]);
    let global = "arn:aws:rds::111122223333:global-cluster:orders";
    let writer = "arn:aws:rds:us-east-1:111122223333:cluster:orders-r1";
    for (resources, missing) in
        [(vec![STANDBY, writer], global), (vec![global, writer], STANDBY), (vec![global, STANDBY], writer)]
    {
        let (status, body) = told(&mut allowing(two_regions(), &of(&resources)), &call);
        assert_eq!(status, 403);
        assert!(body.contains("<Code>AccessDenied</Code>") && body.contains(missing), "{missing} in {body}");
    }
    assert_eq!(told(&mut allowing(two_regions(), &of(&[global, STANDBY, writer])), &call).0, 200);
}

#[test]
fn an_explicit_deny_wins_and_a_condition_may_name_the_region() {
    let update =
        accelerator("UpdateEndpointGroup", &json!({ "EndpointGroupArn": group("r1"), "TrafficDialPercentage": 0.0 }));
    let everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let deny = json!({ "Effect": "Deny", "Action": "globalaccelerator:*", "Resource": group("r1") });
    let (status, body) = told(&mut allowing(two_regions(), &json!([everything, deny])), &update);
    assert_eq!(status, 400);
    assert!(body.contains("AccessDeniedException") && body.contains("explicit deny"), "{body}");

    let here = json!([{ "Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*", "Condition": { "StringEquals": { "aws:RequestedRegion": R1 } } }]);
    let mut sim = allowing(two_regions(), &here);
    assert_eq!(told(&mut sim, &describe_vpcs(R1)).0, 200);
    assert_eq!(told(&mut sim, &describe_vpcs(R2)).0, 403);
}

#[test]
fn who_one_is_needs_no_permission_and_a_role_brings_its_own() {
    let mut sim = Sim::with(
        two_regions(),
        &[(
            "/aws/iam",
            json!({
                "users": { "operator": { "policies": [{ "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::111122223333:role/reader" }] }] } },
                "roles": { "reader": { "policies": [{ "Statement": [{ "Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*" }] }] } },
            }),
        )],
    );
    let (status, body) = told(&mut sim, &query("sts", R1, "Action=GetCallerIdentity"));
    assert!(status == 200 && body.contains("user/operator"), "{body}");
    let role = |name: &str| {
        query("sts", R1, &format!("Action=AssumeRole&RoleSessionName=s&RoleArn=arn:aws:iam::111122223333:role/{name}"))
    };
    assert_eq!(told(&mut sim, &role("admin")).0, 403);
    let (_, body) = told(&mut sim, &role("reader"));
    let key = between(&body, "<AccessKeyId>", "</AccessKeyId>").expect("the session has a key");
    let mut as_role = describe_vpcs(R1);
    let signed = as_role.headers()["authorization"].to_str().expect("it is text").replace("AKIATEST", &key);
    as_role.headers_mut().insert("authorization", signed.parse().expect("it is a header"));
    assert_eq!(told(&mut sim, &as_role).0, 200);
    assert_eq!(told(&mut sim, &describe_vpcs(R1)).0, 403, "the user itself may not");
}

#[test]
fn a_condition_that_is_not_simulated_is_an_error_of_the_world() {
    let mut world = two_regions();
    world["aws"]["iam"] = json!({ "users": { "operator": { "policies": [{ "Statement": [{
        "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "true" } },
    }] }] } } });
    let document: WorldDocument = serde_json::from_value(world).expect("the document can be read");
    let findings = World::build(&document).expect_err("the condition is not known");
    assert!(findings[0].message.contains("aws:MultiFactorAuthPresent"), "{findings:?}");
}

#[test]
fn what_a_principal_may_do_can_be_asked() {
    let ask = |sim: &mut Sim, more: &str| {
        let form = "Action=SimulatePrincipalPolicy&ActionNames.member.1=ec2%3AReplaceRoute&ActionNames.member.2=ec2%3ADeleteRoute";
        told(sim, &query("iam", R1, &format!("{form}&{more}")))
    };
    let decisions = |body: &str| {
        let after = body.split("<EvalDecision>").skip(1);
        after.map(|rest| rest.split('<').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let operator = "PolicySourceArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Auser%2Foperator";
    let (status, body) = ask(&mut Sim::new(overlay()), operator);
    assert_eq!((status, decisions(&body)), (200, vec!["allowed".to_owned(), "allowed".to_owned()]), "{body}");
    let mut sim = allowing(
        overlay(),
        &json!([
            { "Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*" },
            { "Effect": "Allow", "Action": "ec2:ReplaceRoute", "Resource": "*" },
            { "Effect": "Deny", "Action": "ec2:DeleteRoute", "Resource": "*" },
        ]),
    );
    assert_eq!(decisions(&ask(&mut sim, operator).1), ["allowed", "explicitDeny"]);
    let (status, body) = ask(&mut sim, &operator.replace("operator", "nobody"));
    assert!(status == 404 && body.contains("NoSuchEntity"), "{body}");
    // A session is no entity of IAM: its role is.
    let session = "PolicySourceArn=arn%3Aaws%3Asts%3A%3A111122223333%3Aassumed-role%2Fr%2Fs";
    assert!(ask(&mut sim, session).1.contains("InvalidInput"));
    let region = json!({ "StringEquals": { "aws:RequestedRegion": R1 } });
    let mut sim =
        allowing(overlay(), &json!([{ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": region }]));
    let (_, body) = ask(&mut sim, operator);
    assert!(decisions(&body)[0] == "implicitDeny" && body.contains("<member>aws:RequestedRegion</member>"), "{body}");
    let context = "ContextEntries.member.1.ContextKeyName=aws%3ARequestedRegion&ContextEntries.member.1.ContextKeyValues.member.1";
    assert_eq!(decisions(&ask(&mut sim, &format!("{operator}&{context}={R1}")).1)[0], "allowed");
}
