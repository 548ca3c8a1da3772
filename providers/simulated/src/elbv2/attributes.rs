//! Attributes of load balancers, target groups and listeners: keys and values that are kept, with the service's defaults.

use super::{
    Elb, LoadBalancer, TargetGroup,
    input::{invalid, listed, required},
};
use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};
use std::{collections::BTreeMap, time::Duration};

type Defaults = &'static [(&'static str, &'static str)];

const APPLICATION: Defaults = &[
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.prefix", ""),
    ("client_keep_alive.seconds", "3600"),
    ("connection_logs.s3.bucket", ""),
    ("connection_logs.s3.enabled", "false"),
    ("connection_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("idle_timeout.timeout_seconds", "60"),
    ("load_balancing.cross_zone.enabled", "true"),
    ("routing.http.desync_mitigation_mode", "defensive"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http.preserve_host_header.enabled", "false"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    ("routing.http.xff_client_port.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http2.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

const NETWORK: Defaults = &[
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("dns_record.client_routing_policy", "any_availability_zone"),
    ("load_balancing.cross_zone.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

const WEB_GROUP: Defaults = &[
    (DRAIN, "300"),
    ("load_balancing.algorithm.anomaly_mitigation", "off"),
    ("load_balancing.algorithm.type", "round_robin"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("slow_start.duration_seconds", "0"),
    ("stickiness.app_cookie.cookie_name", ""),
    ("stickiness.app_cookie.duration_seconds", "86400"),
    ("stickiness.enabled", "false"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    ("stickiness.type", "lb_cookie"),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
];

const STREAM_GROUP: Defaults = &[
    ("deregistration_delay.connection_termination.enabled", "false"),
    (DRAIN, "300"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("preserve_client_ip.enabled", "true"),
    ("proxy_protocol_v2.enabled", "false"),
    ("stickiness.enabled", "false"),
    ("stickiness.type", "source_ip"),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
    ("target_health_state.unhealthy.connection_termination.enabled", "true"),
    ("target_health_state.unhealthy.draining_interval_seconds", "0"),
];

/// How long a target drains, in seconds.
pub(super) const DRAIN: &str = "deregistration_delay.timeout_seconds";

impl LoadBalancer {
    fn defaults(&self) -> Defaults {
        if self.kind == "network" { NETWORK } else { APPLICATION }
    }
}

impl TargetGroup {
    fn defaults(&self) -> Defaults {
        if self.protocol.starts_with("HTTP") { WEB_GROUP } else { STREAM_GROUP }
    }

    /// How long a target that is taken out drains.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.attributes.get(DRAIN).and_then(|text| text.parse().ok()).unwrap_or(300))
    }
}

impl Elb {
    pub(super) fn describe_load_balancer_attributes(&self, params: &Params) -> Result<Shape, ApiError> {
        let balancer = self.find_load_balancer(required(params, "LoadBalancerArn")?)?;
        Ok(describe(balancer.defaults(), &balancer.attributes))
    }

    pub(super) fn modify_load_balancer_attributes(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let arn = required(params, "LoadBalancerArn")?;
        let defaults = self.find_load_balancer(arn)?.defaults();
        let given = read(params, defaults, "Load balancer")?;
        if let Some(balancer) = self.load_balancers.get_mut(arn) {
            balancer.attributes.extend(given);
        }
        let balancer = self.find_load_balancer(arn)?;
        Ok(describe(defaults, &balancer.attributes))
    }

    pub(super) fn describe_target_group_attributes(&self, params: &Params) -> Result<Shape, ApiError> {
        let group = self.find_group(required(params, "TargetGroupArn")?)?;
        Ok(describe(group.defaults(), &group.attributes))
    }

    pub(super) fn modify_target_group_attributes(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let group = self.find_group_mut(required(params, "TargetGroupArn")?)?;
        let given = read(params, group.defaults(), "Target group")?;
        if let Some((_, text)) = given.iter().find(|(key, _)| key == DRAIN)
            && !text.parse::<u32>().is_ok_and(|seconds| seconds <= 3600)
        {
            return Err(invalid(format!("'{DRAIN}' must be an integer between '0' and '3600'")));
        }
        group.attributes.extend(given);
        Ok(describe(group.defaults(), &group.attributes))
    }

    /// Listeners have attributes, and in a simulated world none that can be modified.
    pub(super) fn describe_listener_attributes(&self, params: &Params) -> Result<Shape, ApiError> {
        let listener = self.find_listener(required(params, "ListenerArn")?)?;
        let defaults: Defaults = match listener.protocol.as_str() {
            "HTTP" | "HTTPS" => &[("routing.http.response.server.enabled", "true")],
            "TCP" => &[("tcp.idle_timeout.seconds", "350")],
            _ => &[],
        };
        Ok(describe(defaults, &BTreeMap::new()))
    }
}

fn describe(defaults: Defaults, modified: &BTreeMap<String, String>) -> Shape {
    let attribute = |(key, value): &(&'static str, &'static str)| {
        let value = modified.get(*key).map_or(*value, String::as_str);
        Shape::Struct(vec![("Key", (*key).into()), ("Value", value.into())])
    };
    listed("Attributes", defaults.iter().map(attribute).collect())
}

fn read(params: &Params, known: Defaults, what: &str) -> Result<Vec<(String, String)>, ApiError> {
    let attribute = |given: &Params| {
        let key = required(given, "Key")?;
        let value = given.get("Value").unwrap_or_default();
        let Some((_, default)) = known.iter().find(|(name, _)| *name == key) else {
            return Err(invalid(format!("{what} attribute key '{key}' is not recognized")));
        };
        if ["true", "false"].contains(default) && !["true", "false"].contains(&value) {
            return Err(invalid(format!("{what} attribute '{key}' must be 'true' or 'false'")));
        }
        Ok((key.to_owned(), value.to_owned()))
    };
    params.list("Attributes").iter().map(attribute).collect()
}
