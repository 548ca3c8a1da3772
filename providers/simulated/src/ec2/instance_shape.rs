//! Instances as descriptions show them. Changes nothing.

use super::{
    Ec2, Instance, InstanceState, NetworkInterface, account, filters,
    interfaces::{addresses, private_dns},
    listing::{Listing, page},
    refused::INSTANCE,
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};
use std::collections::BTreeMap;

const INSTANCES: Listing = Listing {
    ids: "InstanceId",
    id: &["instancesSet", "instanceId"],
    kind: INSTANCE,
    set: "reservationSet",
    filters: &[
        ("architecture", &["instancesSet", "architecture"]),
        ("availability-zone", &["instancesSet", "placement", "availabilityZone"]),
        ("client-token", &["instancesSet", "clientToken"]),
        ("dns-name", &["instancesSet", "dnsName"]),
        ("group-id", &["instancesSet", "groupSet", "groupId"]),
        ("group-name", &["instancesSet", "groupSet", "groupName"]),
        ("image-id", &["instancesSet", "imageId"]),
        ("instance-id", &["instancesSet", "instanceId"]),
        ("instance-state-code", &["instancesSet", "instanceState", "code"]),
        ("instance-state-name", &["instancesSet", "instanceState", "name"]),
        ("instance-type", &["instancesSet", "instanceType"]),
        ("instance.group-id", &["instancesSet", "groupSet", "groupId"]),
        ("instance.group-name", &["instancesSet", "groupSet", "groupName"]),
        ("key-name", &["instancesSet", "keyName"]),
        ("launch-index", &["instancesSet", "amiLaunchIndex"]),
        ("launch-time", &["instancesSet", "launchTime"]),
        (
            "network-interface.addresses.private-ip-address",
            &["instancesSet", "networkInterfaceSet", "privateIpAddressesSet", "privateIpAddress"],
        ),
        (
            "network-interface.attachment.attachment-id",
            &["instancesSet", "networkInterfaceSet", "attachment", "attachmentId"],
        ),
        ("network-interface.attachment.status", &["instancesSet", "networkInterfaceSet", "attachment", "status"]),
        ("network-interface.group-id", &["instancesSet", "networkInterfaceSet", "groupSet", "groupId"]),
        ("network-interface.network-interface-id", &["instancesSet", "networkInterfaceSet", "networkInterfaceId"]),
        ("network-interface.source-dest-check", &["instancesSet", "networkInterfaceSet", "sourceDestCheck"]),
        ("network-interface.subnet-id", &["instancesSet", "networkInterfaceSet", "subnetId"]),
        ("network-interface.vpc-id", &["instancesSet", "networkInterfaceSet", "vpcId"]),
        ("owner-id", &["ownerId"]),
        ("private-dns-name", &["instancesSet", "privateDnsName"]),
        ("private-ip-address", &["instancesSet", "privateIpAddress"]),
        ("reservation-id", &["reservationId"]),
        ("root-device-type", &["instancesSet", "rootDeviceType"]),
        ("source-dest-check", &["instancesSet", "sourceDestCheck"]),
        ("state-reason-code", &["instancesSet", "stateReason", "code"]),
        ("subnet-id", &["instancesSet", "subnetId"]),
        ("tenancy", &["instancesSet", "placement", "tenancy"]),
        ("vpc-id", &["instancesSet", "vpcId"]),
    ],
    page: 1000,
};

const STATUSES: Listing = Listing {
    ids: "InstanceId",
    id: &["instanceId"],
    kind: INSTANCE,
    set: "instanceStatusSet",
    filters: &[
        ("availability-zone", &["availabilityZone"]),
        ("instance-state-code", &["instanceState", "code"]),
        ("instance-state-name", &["instanceState", "name"]),
        ("instance-status.reachability", &["instanceStatus", "details", "status"]),
        ("instance-status.status", &["instanceStatus", "status"]),
        ("system-status.reachability", &["systemStatus", "details", "status"]),
        ("system-status.status", &["systemStatus", "status"]),
    ],
    page: 1000,
};

impl Ec2 {
    pub(super) fn describe_instances(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let single = |instance: &Instance| {
            Self::describe_reservation(&instance.reservation, vec![self.describe_instance(instance, cx)], cx)
        };
        let chosen = INSTANCES.chosen(params, self.instances.values().map(single).collect())?;
        let mut reservations: BTreeMap<String, Vec<Shape>> = BTreeMap::new();
        for item in chosen {
            let id = filters::texts(&item, &["reservationId"]).concat();
            if let Some(Shape::List(_, instances)) = filters::field(&item, "instancesSet") {
                reservations.entry(id).or_default().extend(instances.iter().cloned());
            }
        }
        let all = reservations.into_iter().map(|(id, instances)| Self::describe_reservation(&id, instances, cx));
        page(params, INSTANCES.set, INSTANCES.page, all.collect())
    }

    pub(super) fn describe_reservation(id: &str, instances: Vec<Shape>, cx: &ServiceCx<'_>) -> Shape {
        Shape::Struct(vec![
            ("reservationId", id.into()),
            ("ownerId", cx.account.into()),
            ("groupSet", Shape::List("item", Vec::new())),
            ("instancesSet", Shape::List("item", instances)),
        ])
    }

    pub(super) fn describe_instance(&self, instance: &Instance, cx: &ServiceCx<'_>) -> Shape {
        let mut fields = machine(instance);
        fields.extend(self.network(instance, cx));
        fields.push(("tagSet", self.tag_set(&instance.id)));
        Shape::Struct(fields)
    }

    /// What an instance's description says of its network. An instance that is gone has none.
    fn network(&self, instance: &Instance, cx: &ServiceCx<'_>) -> Vec<(&'static str, Shape)> {
        let interfaces = self.interfaces_of(&instance.id);
        let primary = interfaces.first().copied();
        let address = primary.and_then(|interface| interface.private_ips.first().copied());
        let subnet = self.subnets.get(&instance.subnet).filter(|_| instance.state != InstanceState::Terminated);
        let zone = self.subnets.get(&instance.subnet).map(|subnet| &subnet.zone);
        let placement = Shape::Struct(vec![
            ("availabilityZone", zone.into()),
            ("availabilityZoneId", zone.map(|zone| account::zone_id(zone)).into()),
            ("groupName", "".into()),
            ("tenancy", "default".into()),
        ]);
        let groups = primary.map_or(&[][..], |interface| &interface.groups);
        vec![
            ("placement", placement),
            ("subnetId", subnet.map(|subnet| &subnet.id).into()),
            ("vpcId", subnet.map(|subnet| &subnet.vpc).into()),
            ("privateIpAddress", address.map(|address| address.to_string()).into()),
            ("privateDnsName", address.map_or_else(String::new, |address| private_dns(address, cx.region)).into()),
            ("sourceDestCheck", primary.map(|interface| interface.source_dest_check).into()),
            ("groupSet", self.group_set(groups)),
            (
                "networkInterfaceSet",
                Shape::List("item", interfaces.iter().map(|i| self.describe_attached(i, cx)).collect()),
            ),
        ]
    }

    fn describe_attached(&self, interface: &NetworkInterface, cx: &ServiceCx<'_>) -> Shape {
        let address = interface.private_ips.first().copied();
        let attachment = interface.attachment.as_ref().map_or(Shape::Absent, |attachment| {
            let Shape::Struct(fields) = attachment.describe(cx) else { return Shape::Absent };
            // The instance itself is not repeated inside its own description.
            Shape::Struct(fields.into_iter().filter(|(name, _)| !name.starts_with("instance")).collect())
        });
        Shape::Struct(vec![
            ("networkInterfaceId", (&interface.id).into()),
            ("subnetId", (&interface.subnet).into()),
            ("vpcId", self.vpc_of(interface).into()),
            ("description", (&interface.description).into()),
            ("ownerId", cx.account.into()),
            ("status", "in-use".into()),
            ("interfaceType", "interface".into()),
            ("macAddress", interface.mac().into()),
            ("privateIpAddress", address.map(|address| address.to_string()).into()),
            ("privateDnsName", address.map(|address| private_dns(address, cx.region)).into()),
            ("sourceDestCheck", interface.source_dest_check.into()),
            ("groupSet", self.group_set(&interface.groups)),
            ("attachment", attachment),
            ("privateIpAddressesSet", addresses(interface, cx.region)),
            ("ipv6AddressesSet", Shape::List("item", Vec::new())),
        ])
    }

    pub(super) fn describe_instance_status(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let named = params.strings("InstanceId");
        let missing: Vec<&str> =
            named.iter().filter(|id| !self.instances.contains_key(*id)).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(INSTANCE.all_missing(&missing));
        }
        let everything = params.flag("IncludeAllInstances")? == Some(true);
        let shown = self.instances.values().filter(|instance| {
            (everything || instance.state == InstanceState::Running)
                && (named.is_empty() || named.contains(&instance.id))
        });
        let chosen = filters::keep(
            params,
            STATUSES.filters,
            shown.map(|instance| self.describe_status(instance, cx)).collect(),
        )?;
        page(params, STATUSES.set, STATUSES.page, chosen)
    }

    fn describe_status(&self, instance: &Instance, cx: &ServiceCx<'_>) -> Shape {
        let (summary, detail) = match instance.state {
            InstanceState::Running if cx.now < instance.checked_at => ("initializing", Some("initializing")),
            InstanceState::Running => ("ok", Some("passed")),
            _ => ("not-applicable", None),
        };
        let check = || {
            let details =
                detail.map(|status| Shape::Struct(vec![("name", "reachability".into()), ("status", status.into())]));
            Shape::Struct(vec![
                ("status", summary.into()),
                ("details", Shape::List("item", details.into_iter().collect())),
            ])
        };
        let zone = self.subnets.get(&instance.subnet).map(|subnet| &subnet.zone);
        Shape::Struct(vec![
            ("instanceId", (&instance.id).into()),
            ("availabilityZone", zone.into()),
            ("availabilityZoneId", zone.map(|zone| account::zone_id(zone)).into()),
            ("instanceState", instance.state.describe()),
            ("instanceStatus", check()),
            ("systemStatus", check()),
            ("eventsSet", Shape::List("item", Vec::new())),
        ])
    }
}

/// What an instance's description says of the machine.
fn machine(instance: &Instance) -> Vec<(&'static str, Shape)> {
    let reason = instance.state_reason.as_ref().map_or(Shape::Absent, |(code, message)| {
        Shape::Struct(vec![("code", code.into()), ("message", message.into())])
    });
    let profile = instance.profile.as_ref().map_or(Shape::Absent, |arn| Shape::Struct(vec![("arn", arn.into())]));
    let metadata = Shape::Struct(vec![
        ("state", "applied".into()),
        ("httpTokens", "optional".into()),
        ("httpPutResponseHopLimit", Shape::Integer(1)),
        ("httpEndpoint", "enabled".into()),
        ("httpProtocolIpv6", "disabled".into()),
        ("instanceMetadataTags", "disabled".into()),
    ]);
    vec![
        ("instanceId", (&instance.id).into()),
        ("imageId", (&instance.image).into()),
        ("instanceState", instance.state.describe()),
        ("stateReason", reason),
        ("reason", (&instance.transition_reason).into()),
        ("dnsName", "".into()),
        ("keyName", instance.key_name.as_ref().into()),
        ("amiLaunchIndex", Shape::Integer(instance.launch_index.into())),
        ("productCodes", Shape::List("item", Vec::new())),
        ("instanceType", (&instance.instance_type).into()),
        ("launchTime", instance.launched.into()),
        ("monitoring", Shape::Struct(vec![("state", "disabled".into())])),
        ("architecture", account::architecture(&instance.instance_type).into()),
        ("rootDeviceType", "ebs".into()),
        ("rootDeviceName", "/dev/xvda".into()),
        ("blockDeviceMapping", Shape::List("item", Vec::new())),
        ("virtualizationType", "hvm".into()),
        ("hypervisor", "xen".into()),
        ("clientToken", (&instance.client_token).into()),
        ("ebsOptimized", instance.ebs_optimized.into()),
        ("enaSupport", true.into()),
        ("iamInstanceProfile", profile),
        ("metadataOptions", metadata),
        ("enclaveOptions", Shape::Struct(vec![("enabled", false.into())])),
        ("hibernationOptions", Shape::Struct(vec![("configured", false.into())])),
        ("platformDetails", "Linux/UNIX".into()),
        ("usageOperation", "RunInstances".into()),
        ("maintenanceOptions", Shape::Struct(vec![("autoRecovery", "default".into())])),
    ]
}
