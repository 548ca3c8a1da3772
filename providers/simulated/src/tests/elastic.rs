//! A world whose services grow: a group of Auto Scaling behind a load balancer, a node group, a file system. Tests nothing.

use super::fixture::{R1, Sim, between, replied, signed};
use http::Method;
use serde_json::{Value, json};

/// One zone `us-east-1a` and one `us-east-1b`; a load balancer on port 443 with a group of one instance that answers 30/s.
pub(super) fn elastic() -> Value {
    let subnet = |number: u8, zone: &str| json!({ "zone": zone, "cidr": format!("10.0.{number}.0/24") });
    json!({
        "world": 1, "name": "elastic", "start": "2026-01-15T09:00:00Z", "account": "111122223333",
        "vantage": { "region": R1 },
        "aws": { "regions": { R1: {
            "vpcs": { "vpc-1": { "cidr": "10.0.0.0/16", "subnets": {
                "subnet-1": subnet(1, "us-east-1a"), "subnet-2": subnet(2, "us-east-1b"),
            } } },
            "target_groups": { "orders": {
                "vpc": "vpc-1", "health_check": { "path": "/healthz", "interval": "5s", "healthy_threshold": 2 },
                "deregistration_delay": "20s",
            } },
            "load_balancers": { "orders": {
                "subnets": ["subnet-1", "subnet-2"], "listeners": [{ "port": 443, "forward": [{ "target_group": "orders" }] }],
            } },
            "autoscaling_groups": { "orders": {
                "minimum": 1, "maximum": 4, "desired": 1, "subnets": ["subnet-1", "subnet-2"], "target_groups": ["orders"],
                "application": "orders", "site": "r1",
            } },
            "eks_clusters": { "shop": { "nodegroups": { "web": {
                "minimum": 1, "maximum": 4, "desired": 1, "subnets": ["subnet-1", "subnet-2"], "available": 1,
            } } } },
            "file_systems": { "fs-0a00000000000001": { "name": "queues", "mount_targets": {
                "fsmt-0a00000000000001": { "subnet": "subnet-1", "ip": "10.0.1.50" },
                "fsmt-0a00000000000002": { "subnet": "subnet-2", "ip": "10.0.2.50", "state": "creating" },
            } } },
        } } },
        "hosts": { "orders.example": { "load_balancer": "us-east-1/orders" } },
        "applications": { "orders": { "requests_per_second": 30, "paths": { "/healthz": {}, "/orders": {} } } },
        "clients": { "customers": { "host": "orders.example", "path": "/orders", "requests_per_second": 20 } },
    })
}

impl Sim {
    /// A call to Auto Scaling. Returns the status and the body.
    pub(super) fn scaling(&mut self, form: &str) -> (u16, String) {
        self.query("autoscaling", R1, form)
    }

    /// A call of the REST-JSON protocol. Returns the status, the error's code where there is one, and the body.
    pub(super) fn rest(
        &mut self,
        service: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (u16, Option<String>, Value) {
        let mut request = signed(service, R1).method(method).uri(format!("https://{service}.{R1}.amazonaws.com{path}"));
        request = request.header("content-type", "application/json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.ask(&request.body(body.into()).expect("the request is well-formed"));
        let code = match &answer.reply {
            crate::Reply::Response(response) => response.headers().get("x-amzn-errortype").cloned(),
            _ => None,
        };
        let (status, body) = replied(answer);
        let code = code.and_then(|code| code.to_str().ok().map(str::to_owned));
        (status, code, serde_json::from_str(&body).expect("the answer is JSON"))
    }

    /// The life-cycle states of the group's instances, in order of their ids, and the ids.
    pub(super) fn members(&mut self, group: &str) -> Vec<(String, String)> {
        let form = format!("Action=DescribeAutoScalingGroups&AutoScalingGroupNames.member.1={group}");
        let (status, body) = self.scaling(&form);
        assert_eq!(status, 200, "{body}");
        let pieces = body.split("<InstanceId>").skip(1);
        pieces
            .map(|piece| {
                let id = piece.split_once('<').map(|(id, _)| id.to_owned()).unwrap_or_default();
                (between(piece, "<LifecycleState>", "</LifecycleState>").unwrap_or_default(), id)
            })
            .collect()
    }

    /// The life-cycle states alone, sorted.
    pub(super) fn states(&mut self, group: &str) -> Vec<String> {
        let mut states: Vec<String> = self.members(group).into_iter().map(|(state, _)| state).collect();
        states.sort();
        states
    }

    /// The states of the targets of the only target group, sorted.
    pub(super) fn targets(&mut self) -> Vec<String> {
        let groups = self.query("elasticloadbalancing", R1, "Action=DescribeTargetGroups").1;
        let arn = between(&groups, "<TargetGroupArn>", "</TargetGroupArn>").expect("there is a target group");
        let health =
            self.query("elasticloadbalancing", R1, &format!("Action=DescribeTargetHealth&TargetGroupArn={arn}")).1;
        let mut states: Vec<String> =
            health.split("<State>").skip(1).filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect();
        states.sort();
        states
    }
}
