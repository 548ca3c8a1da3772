//! ARNs and host names of load balancing, in the provider's shape. Gives out no ids.

use crate::ids;

pub(crate) fn load_balancer_arn(account: &str, region: &str, kind: &str, name: &str, id: &str) -> String {
    let kind = if kind == "network" { "net" } else { "app" };
    format!("arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/{kind}/{name}/{id}")
}

pub(crate) fn target_group_arn(account: &str, region: &str, name: &str, id: &str) -> String {
    format!("arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{id}")
}

/// A listener of a load balancer.
pub(crate) fn listener_arn(load_balancer: &str, id: &str) -> String {
    format!("{}/{id}", load_balancer.replacen(":loadbalancer/", ":listener/", 1))
}

/// A rule of a listener.
pub(super) fn rule_arn(listener: &str, id: &str) -> String {
    format!("{}/{id}", listener.replacen(":listener/", ":listener-rule/", 1))
}

/// The rule that every listener has: its id derives from the listener's.
pub(super) fn default_rule_arn(listener: &str) -> String {
    rule_arn(listener, &ids::hex(&format!("default rule of {listener}"), 16))
}

/// The host name of a load balancer.
pub(crate) fn load_balancer_dns(arn: &str, region: &str, name: &str, kind: &str, internal: bool) -> String {
    if kind == "network" {
        return format!("{name}-{}.elb.{region}.amazonaws.com", ids::hex(arn, 16));
    }
    let number = 1_000_000_000 + ids::mix(arn, 0) % 1_000_000_000;
    let prefix = if internal { "internal-" } else { "" };
    format!("{prefix}{name}-{number}.{region}.elb.amazonaws.com")
}
