//! A region's configuration alone, to compare worlds by: no clocks, counters or passing states of health.

use super::{Elb, Health};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Elb {
    pub(crate) fn contents(&self) -> Value {
        let balancers = self.load_balancers.iter().map(|(arn, balancer)| {
            let value = json!({
                "kind": balancer.kind,
                "internal": balancer.internal,
                "vpc": balancer.vpc,
                "zones": balancer.zones,
                "security_groups": balancer.security_groups,
                "attributes": balancer.attributes,
            });
            (arn, value)
        });
        let groups = self.target_groups.iter().map(|(arn, group)| {
            // A target that drains is on its way out: it is registered no more.
            let registered = group.targets.values().filter(|target| !matches!(target.health, Health::Draining { .. }));
            let value = json!({
                "protocol": group.protocol,
                "port": group.port,
                "vpc": group.vpc,
                "target_type": group.target_type,
                "health_check": group.health_check,
                "attributes": group.attributes,
                "targets": registered.map(super::Target::key).collect::<Vec<_>>(),
            });
            (arn, value)
        });
        json!({
            "load_balancers": balancers.collect::<BTreeMap<_, _>>(),
            "target_groups": groups.collect::<BTreeMap<_, _>>(),
            "listeners": self.listeners,
            "rules": self.rules,
            "tags": self.tags,
        })
    }
}
