//! Global Accelerator's answers as JSON. Changes nothing.

use super::{Accelerator, EndpointGroup, HealthState, Listener};
use crate::shape::seconds;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

impl Accelerator {
    pub(super) fn describe(&self, now: Timestamp) -> Value {
        json!({
            "AcceleratorArn": self.arn,
            "Name": self.name,
            "IpAddressType": self.ip_address_type,
            "Enabled": self.enabled,
            "IpSets": [{ "IpFamily": "IPv4", "IpAddressFamily": "IPv4", "IpAddresses": self.addresses }],
            "DnsName": self.dns_name,
            "Status": self.status(now),
            "CreatedTime": seconds(self.created),
            "LastModifiedTime": seconds(self.modified),
            "Events": [],
        })
    }

    pub(super) fn describe_attributes(&self) -> Value {
        let mut attributes = Map::new();
        attributes.insert("FlowLogsEnabled".to_owned(), json!(false));
        attributes.extend(self.attributes.clone());
        Value::Object(attributes)
    }

    pub(super) fn describe_endpoints(&self, group: &EndpointGroup) -> Value {
        let describe = |endpoint: &super::Endpoint| {
            let state = self.health.get(&endpoint.id).map_or(HealthState::Initial, |health| health.state);
            json!({
                "EndpointId": endpoint.id,
                "Weight": endpoint.weight,
                "HealthState": state.name(),
                "ClientIPPreservationEnabled": endpoint.client_ip_preserved,
            })
        };
        group.endpoints.iter().map(describe).collect()
    }

    pub(super) fn describe_group(&self, group: &EndpointGroup) -> Value {
        let mut description = json!({
            "EndpointGroupArn": group.arn,
            "EndpointGroupRegion": group.region,
            "EndpointDescriptions": self.describe_endpoints(group),
            "TrafficDialPercentage": group.dial,
            "PortOverrides": group.port_overrides,
        });
        if let Value::Object(fields) = &mut description {
            fields.extend(group.health_check.clone());
        }
        description
    }
}

impl Listener {
    pub(super) fn describe(&self) -> Value {
        let ranges: Vec<_> =
            self.ports.iter().map(|(first, last)| json!({"FromPort": first, "ToPort": last})).collect();
        json!({
            "ListenerArn": self.arn,
            "PortRanges": ranges,
            "Protocol": self.protocol,
            "ClientAffinity": self.affinity,
        })
    }
}
