//! A region's configuration alone, to compare worlds by: no clocks, counters, or ids that a restored resource gets anew.

use super::{Association, Ec2, InstanceState, RouteTable, RouteTarget};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Ec2 {
    pub(crate) fn contents(&self) -> Value {
        let tables: BTreeMap<_, _> = self.route_tables.iter().map(|(id, table)| (id, table.contents())).collect();
        let interfaces = self.interfaces.iter().map(|(id, interface)| {
            let attached = interface.attachment.as_ref();
            let value = json!({
                "subnet": interface.subnet,
                "description": interface.description,
                "private_ips": interface.private_ips,
                "groups": interface.groups,
                "source_dest_check": interface.source_dest_check,
                "instance": attached.map(|attachment| &attachment.instance),
                "device_index": attached.map(|attachment| attachment.device_index),
                "delete_on_termination": attached.map(|attachment| attachment.delete_on_termination),
            });
            (id, value)
        });
        // A terminated instance is a memory, and no part of the configuration.
        let alive = self.instances.iter().filter(|(_, instance)| instance.state != InstanceState::Terminated);
        let instances = alive.map(|(id, instance)| {
            let value = json!({
                "state": instance.state.name(),
                "instance_type": instance.instance_type,
                "image": instance.image,
                "subnet": instance.subnet,
                "disable_api_termination": instance.disable_api_termination,
                "disable_api_stop": instance.disable_api_stop,
            });
            (id, value)
        });
        let groups = self.security_groups.iter().map(|(id, group)| {
            let mut rules: Vec<String> = group.rules.values().map(|rule| json!(rule).to_string()).collect();
            rules.sort();
            (id, json!({ "vpc": group.vpc, "name": group.name, "rules": rules }))
        });
        json!({
            "vpcs": self.vpcs,
            "subnets": self.subnets,
            "route_tables": tables,
            "interfaces": interfaces.collect::<BTreeMap<_, _>>(),
            "instances": instances.collect::<BTreeMap<_, _>>(),
            "security_groups": groups.collect::<BTreeMap<_, _>>(),
            "internet_gateways": self.internet_gateways,
            "tags": self.tags,
        })
    }
}

impl RouteTable {
    fn contents(&self) -> Value {
        let mut routes: Vec<String> = self
            .routes
            .iter()
            .map(|route| format!("{} {} {:?}", route.destination, target(&route.target), route.origin))
            .collect();
        routes.sort();
        let mut associations: Vec<&str> = self
            .associations
            .values()
            .map(|association| match association {
                Association::Main => "main",
                Association::Subnet(id) | Association::Gateway(id) => id,
            })
            .collect();
        associations.sort_unstable();
        json!({ "vpc": self.vpc, "routes": routes, "associations": associations })
    }
}

fn target(target: &RouteTarget) -> &str {
    target.id().unwrap_or("local")
}
