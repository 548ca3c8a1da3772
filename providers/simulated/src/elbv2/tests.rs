//! Load balancing as callers see it: targets' life, weights, failing open, what is refused.

use super::{Destination, Elb, Health, Probe, Unused};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    ec2::Ec2,
    pace::Pace,
    shape::Shape,
};
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use std::{collections::BTreeSet, time::Duration};

/// A load balancer on port 80 with one target group, and two running instances. Checks: every 10 s, 3 to pass, 2 to fail.
struct Fixture {
    elb: Elb,
    ec2: Ec2,
    now: Timestamp,
    /// The instances whose application answers.
    up: BTreeSet<String>,
    instances: [String; 2],
    vpc: String,
    balancer: String,
    group: String,
    listener: String,
}

impl Fixture {
    fn new() -> Self {
        let mut f = Self {
            elb: Elb::default(),
            ec2: Ec2::default(),
            now: Timestamp::UNIX_EPOCH,
            up: BTreeSet::new(),
            instances: [String::new(), String::new()],
            vpc: String::new(),
            balancer: String::new(),
            group: String::new(),
            listener: String::new(),
        };
        f.ec2_call("CreateVpc", "CidrBlock=10.0.0.0/16");
        f.vpc = f.ec2.vpcs.keys().next().cloned().expect("a network was made");
        for (place, zone) in ["a", "b"].into_iter().enumerate() {
            f.ec2_call(
                "CreateSubnet",
                &format!("VpcId={}&CidrBlock=10.0.{place}.0/24&AvailabilityZone=us-east-1{zone}", f.vpc),
            );
        }
        let subnets: Vec<String> = f.ec2.subnets.keys().cloned().collect();
        for (place, subnet) in subnets.iter().enumerate() {
            f.ec2_call("RunInstances", &format!("ImageId=ami-1&MinCount=1&MaxCount=1&SubnetId={subnet}"));
            let new = f.ec2.instances.keys().find(|id| !f.instances.contains(id)).cloned();
            f.instances[place] = new.expect("an instance was made");
        }
        f.up.extend(f.instances.clone());
        f.wait(30);
        let subnets = format!("Subnets.member.1={}&Subnets.member.2={}", subnets[0], subnets[1]);
        f.call("CreateLoadBalancer", &format!("Name=web&Scheme=internal&{subnets}")).expect("a load balancer");
        f.balancer = f.elb.load_balancers.keys().next().cloned().expect("it was made");
        f.group = f.new_group("blue");
        let forward = format!("LoadBalancerArn={}&Port=80&Protocol=HTTP&{}", f.balancer, forward(&f.group, 1, 1));
        f.call("CreateListener", &forward).expect("a listener");
        f.listener = f.elb.listeners.keys().next().cloned().expect("it was made");
        f.wait(120);
        f
    }

    fn new_group(&mut self, name: &str) -> String {
        let form = format!(
            "Name={name}&Protocol=HTTP&Port=8080&VpcId={}&HealthCheckIntervalSeconds=10&HealthyThresholdCount=3&UnhealthyThresholdCount=2",
            self.vpc
        );
        self.call("CreateTargetGroup", &form).expect("a target group");
        self.elb
            .target_groups
            .values()
            .find(|group| group.name == name)
            .map(|group| group.arn.clone())
            .expect("it was made")
    }

    fn cx(&self) -> ServiceCx<'static> {
        ServiceCx { now: self.now, account: "111122223333", region: "us-east-1", seed: 7, pace: Pace::default() }
    }

    fn ec2_call(&mut self, operation: &str, form: &str) {
        let cx = self.cx();
        self.ec2.answer(operation, &Params::parse(form.as_bytes()), &cx).expect("the call succeeds");
        self.look();
    }

    fn call(&mut self, operation: &str, form: &str) -> Result<Shape, ApiError> {
        let cx = self.cx();
        let answer = self.elb.answer(operation, &Params::parse(form.as_bytes()), &cx, &self.ec2);
        self.look();
        answer
    }

    fn code(&mut self, operation: &str, form: &str) -> String {
        self.call(operation, form).map_or_else(|error| error.code, |_| "ok".to_owned())
    }

    fn look(&mut self) {
        let up = self.up.clone();
        self.ec2.advance(self.now);
        self.elb.advance(self.now, &self.ec2, &|probe: &Probe<'_>| up.contains(probe.target));
    }

    fn wait(&mut self, seconds: u64) {
        self.now = after(self.now, Duration::from_secs(seconds));
        self.look();
    }

    fn targets(&mut self, operation: &str, places: &[usize]) -> String {
        let targets = places
            .iter()
            .enumerate()
            .map(|(n, place)| format!("Targets.member.{}.Id={}", n + 1, self.instances[*place]));
        let form = format!("TargetGroupArn={}&{}", self.group, targets.collect::<Vec<_>>().join("&"));
        self.code(operation, &form)
    }

    fn health(&self, place: usize) -> Option<Health> {
        let targets = &self.elb.target_groups.get(&self.group)?.targets;
        targets.get(&format!("{}:8080", self.instances[place])).map(|target| target.health)
    }

    /// State and reason of each described target.
    fn described(&mut self) -> Vec<(String, String)> {
        let answer =
            self.call("DescribeTargetHealth", &format!("TargetGroupArn={}", self.group)).expect("the group is there");
        let json = answer.to_json();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let all = json["TargetHealthDescriptions"].as_array().expect("a list").iter();
        all.map(|one| (text(&one["TargetHealth"]["State"]), text(&one["TargetHealth"]["Reason"]))).collect()
    }

    fn serving(&self) -> Vec<(f64, Destination)> {
        let shares =
            self.elb.serving_targets(&self.balancer, 80, "web.example", "/", self.now).expect("port 80 listens");
        shares.into_iter().map(|share| (share.part, share.to)).collect()
    }
}

fn forward(group: &str, place: usize, weight: u32) -> String {
    let at = format!("DefaultActions.member.1.ForwardConfig.TargetGroups.member.{place}");
    format!("DefaultActions.member.1.Type=forward&{at}.TargetGroupArn={group}&{at}.Weight={weight}")
}

fn pair(state: &str, reason: &str) -> (String, String) {
    (state.to_owned(), reason.to_owned())
}

#[test]
fn the_life_of_a_target() {
    let mut f = Fixture::new();
    assert_eq!(f.targets("RegisterTargets", &[0]), "ok");
    assert_eq!(f.described(), [pair("initial", "Elb.RegistrationInProgress")]);
    f.wait(2);
    assert_eq!(f.described(), [pair("initial", "Elb.InitialHealthChecking")]);
    f.wait(28);
    assert!(
        matches!(f.health(0), Some(Health::Initial { .. })),
        "three checks of ten seconds, after one of registration"
    );
    assert_eq!(f.elb.next_event(), Some(after(f.now, Duration::from_secs(1))));
    f.wait(1);
    assert_eq!(f.described(), [pair("healthy", "")]);
    f.up.clear();
    f.wait(0);
    f.wait(19);
    f.up.extend(f.instances.clone());
    f.wait(0);
    f.wait(60);
    assert_eq!(f.health(0), Some(Health::Healthy), "it came back before the second check failed");
    f.up.clear();
    f.wait(0);
    f.wait(20);
    assert_eq!(f.described(), [pair("unhealthy", "Target.FailedHealthChecks")]);
    f.up.extend(f.instances.clone());
    f.wait(0);
    f.wait(30);
    assert_eq!(f.health(0), Some(Health::Healthy));
    assert_eq!(f.targets("DeregisterTargets", &[0]), "ok");
    assert_eq!(f.described(), [pair("draining", "Target.DeregistrationInProgress")]);
    assert_eq!(f.serving(), [(1.0, Destination::Status(503))]);
    f.wait(299);
    assert!(f.health(0).is_some());
    f.wait(1);
    assert_eq!((f.health(0), f.elb.next_event()), (None, None));
    assert_eq!(f.targets("DeregisterTargets", &[0]), "ok", "what is not registered is taken out with success");
}

#[test]
fn a_draining_target_can_be_taken_back() {
    let mut f = Fixture::new();
    f.targets("RegisterTargets", &[0]);
    f.wait(60);
    f.targets("DeregisterTargets", &[0]);
    f.wait(10);
    f.targets("RegisterTargets", &[0]);
    assert!(matches!(f.health(0), Some(Health::Initial { .. })));
    f.wait(31);
    assert_eq!(f.health(0), Some(Health::Healthy));
    f.targets("RegisterTargets", &[0]);
    assert_eq!(f.health(0), Some(Health::Healthy), "registering again changes nothing");
}

#[test]
fn targets_that_are_not_used() {
    let mut f = Fixture::new();
    f.targets("RegisterTargets", &[0]);
    f.wait(60);
    f.ec2_call("StopInstances", &format!("InstanceId.1={}", f.instances[0]));
    f.wait(30);
    assert_eq!(f.described(), [pair("unused", "Target.InvalidState")]);
    assert_eq!(f.targets("RegisterTargets", &[0]), "InvalidTarget", "it does not run");
    f.ec2_call("StartInstances", &format!("InstanceId.1={}", f.instances[0]));
    f.wait(20);
    assert!(matches!(f.health(0), Some(Health::Initial { .. })));
    f.wait(30);
    assert_eq!(f.health(0), Some(Health::Healthy));
    f.call("DeleteListener", &format!("ListenerArn={}", f.listener)).expect("the listener is there");
    assert_eq!(f.described(), [pair("unused", "Target.NotInUse")]);
    f.wait(1000);
    assert_eq!(f.health(0), Some(Health::Unused(Unused::GroupNotInUse)), "it never gets healthy");
}

#[test]
fn requests_follow_weights_and_fail_open() {
    let mut f = Fixture::new();
    f.targets("RegisterTargets", &[0, 1]);
    f.wait(60);
    let target = |f: &Fixture, place: usize| Destination::Target { id: f.instances[place].clone(), port: 8080 };
    let both = |f: &Fixture| {
        let mut ends: Vec<Destination> = f.serving().into_iter().map(|(_, to)| to).collect();
        ends.sort_by_key(|to| *to != target(f, 0));
        ends
    };
    assert_eq!(both(&f), [target(&f, 0), target(&f, 1)]);
    let second = f.instances[1].clone();
    f.up.remove(&second);
    f.wait(0);
    f.wait(20);
    assert_eq!(f.serving(), [(1.0, target(&f, 0))]);
    assert!(f.elb.healthy(&f.balancer));
    f.up.clear();
    f.wait(0);
    f.wait(20);
    assert_eq!(both(&f), [target(&f, 0), target(&f, 1)], "none is healthy: it fails open");
    assert!(!f.elb.healthy(&f.balancer));
    let green = f.new_group("green");
    let modify = format!("ListenerArn={}&{}&{}", f.listener, forward(&f.group, 1, 1), forward(&green, 2, 3));
    f.call("ModifyListener", &modify).expect("both groups are there");
    let shares = f.serving();
    assert!((shares.iter().map(|(part, _)| part).sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(
        shares.contains(&(0.75, Destination::Status(503))),
        "an empty group's traffic goes nowhere else: {shares:?}"
    );
    f.call("ModifyListener", &format!("ListenerArn={}&{}", f.listener, forward(&green, 1, 1)))
        .expect("the group is there");
    assert_eq!(f.serving(), [(1.0, Destination::Status(503))], "actions are replaced whole");
}

#[test]
fn rules_by_path() {
    let mut f = Fixture::new();
    let rule = |priority: u32, path: &str| {
        format!(
            "Priority={priority}&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1={path}&\
             Actions.member.1.Type=fixed-response&Actions.member.1.FixedResponseConfig.StatusCode={}",
            200 + priority
        )
    };
    let listener = format!("ListenerArn={}", f.listener);
    f.call("CreateRule", &format!("{listener}&{}", rule(2, "/api/*"))).expect("the priority is free");
    assert_eq!(f.code("CreateRule", &format!("{listener}&{}", rule(2, "/x"))), "PriorityInUse");
    f.call("CreateRule", &format!("{listener}&{}", rule(5, "/api/v1/*"))).expect("the priority is free");
    let status = |f: &Fixture, path: &str| {
        f.elb
            .serving_targets(&f.balancer, 80, "h", path, f.now)
            .and_then(|shares| shares.first().map(|share| share.to.clone()))
    };
    assert_eq!(status(&f, "/api/v1/x"), Some(Destination::Status(202)));
    let arns: Vec<String> = f.elb.rules_of(&f.listener).iter().map(|rule| rule.arn.clone()).collect();
    let swap = |n: usize, arn: &str, priority: u32| {
        format!("RulePriorities.member.{n}.RuleArn={arn}&RulePriorities.member.{n}.Priority={priority}")
    };
    assert_eq!(f.code("SetRulePriorities", &swap(1, &arns[0], 5)), "PriorityInUse");
    f.call("SetRulePriorities", &format!("{}&{}", swap(1, &arns[0], 5), swap(2, &arns[1], 2)))
        .expect("they change places");
    assert_eq!(status(&f, "/api/v1/x"), Some(Destination::Status(205)));
    let rules = f.call("DescribeRules", &listener).expect("the listener is there").to_json();
    let priorities: Vec<_> = rules["Rules"].as_array().expect("a list").iter().map(|r| r["Priority"].clone()).collect();
    assert_eq!(priorities, ["2", "5", "default"]);
    let default = rules["Rules"][2]["RuleArn"].as_str().expect("an ARN").to_owned();
    assert_eq!(f.code("DeleteRule", &format!("RuleArn={default}")), "OperationNotPermitted");
}

#[test]
fn calls_that_are_refused() {
    let mut f = Fixture::new();
    let before = f.elb.clone();
    let group = format!("TargetGroupArn={}", f.group);
    let create = format!("Name=blue&Protocol=HTTP&Port=1&VpcId={}", f.vpc);
    for (operation, form, code) in [
        ("CreateTargetGroup", create.as_str(), "DuplicateTargetGroupName"),
        ("CreateTargetGroup", "Name=-x&Protocol=HTTP", "ValidationError"),
        ("DeleteTargetGroup", &group, "ResourceInUse"),
        ("DescribeTargetHealth", "TargetGroupArn=arn:none", "TargetGroupNotFound"),
        ("DescribeTargetHealth", "", "ValidationError"),
        ("RegisterTargets", &group, "ValidationError"),
        ("RegisterTargets", &format!("{group}&Targets.member.1.Id=i-none"), "InvalidTarget"),
        ("DescribeLoadBalancers", "Names.member.1=none", "LoadBalancerNotFound"),
        ("DescribeListeners", "ListenerArns.member.1=none", "ListenerNotFound"),
        (
            "ModifyTargetGroupAttributes",
            &format!("{group}&Attributes.member.1.Key=nonsense&Attributes.member.1.Value=1"),
            "ValidationError",
        ),
        ("ModifyTargetGroup", &format!("{group}&HealthyThresholdCount=1"), "ValidationError"),
        ("ModifyTargetGroup", &format!("{group}&HealthCheckPath=%00%ff"), "ValidationError"),
        ("DescribeTags", "ResourceArns.member.1=%f0", "LoadBalancerNotFound"),
        ("Nonsense", "", "InvalidAction"),
    ] {
        assert_eq!(f.code(operation, form), code, "{operation} {form}");
    }
    assert_eq!(f.elb, before);
    let text = serde_json::to_string(&f.elb).expect("a region is plain data");
    assert_eq!(serde_json::from_str::<Elb>(&text).expect("it reads back"), before);
}

#[test]
fn matchers() {
    let check = super::HealthCheck { matcher: Some("200-202,301".to_owned()), ..super::HealthCheck::default() };
    let accepted: Vec<u16> = [199, 200, 202, 203, 301].into_iter().filter(|status| check.accepts(*status)).collect();
    assert_eq!(accepted, [200, 202, 301]);
}
