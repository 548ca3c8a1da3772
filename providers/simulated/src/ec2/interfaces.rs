//! Network interfaces: their addresses, attributes and attachments. Does not route to them.

use super::{
    Attachment, AttachmentStatus, Ec2, InstanceState, NetworkInterface,
    listing::Listing,
    operations::done,
    refused::{ATTACHMENT, INSTANCE, INTERFACE, SECURITY_GROUP, combination, invalid, missing_parameter},
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    ids,
    shape::Shape,
};
use std::net::Ipv4Addr;

/// Interfaces that one instance may have.
const INTERFACES_MAX: usize = 15;

const LISTING: Listing = Listing {
    ids: "NetworkInterfaceId",
    id: &["networkInterfaceId"],
    kind: INTERFACE,
    set: "networkInterfaceSet",
    filters: &[
        ("addresses.private-ip-address", &["privateIpAddressesSet", "privateIpAddress"]),
        ("addresses.primary", &["privateIpAddressesSet", "primary"]),
        ("attachment.attachment-id", &["attachment", "attachmentId"]),
        ("attachment.delete-on-termination", &["attachment", "deleteOnTermination"]),
        ("attachment.device-index", &["attachment", "deviceIndex"]),
        ("attachment.instance-id", &["attachment", "instanceId"]),
        ("attachment.instance-owner-id", &["attachment", "instanceOwnerId"]),
        ("attachment.status", &["attachment", "status"]),
        ("availability-zone", &["availabilityZone"]),
        ("description", &["description"]),
        ("group-id", &["groupSet", "groupId"]),
        ("group-name", &["groupSet", "groupName"]),
        ("interface-type", &["interfaceType"]),
        ("mac-address", &["macAddress"]),
        ("network-interface-id", &["networkInterfaceId"]),
        ("owner-id", &["ownerId"]),
        ("private-dns-name", &["privateDnsName"]),
        ("private-ip-address", &["privateIpAddress"]),
        ("requester-managed", &["requesterManaged"]),
        ("source-dest-check", &["sourceDestCheck"]),
        ("status", &["status"]),
        ("subnet-id", &["subnetId"]),
        ("vpc-id", &["vpcId"]),
    ],
    page: 1000,
};

impl AttachmentStatus {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Attaching { .. } => "attaching",
            Self::Attached => "attached",
            Self::Detaching { .. } => "detaching",
        }
    }
}

impl NetworkInterface {
    pub(super) fn mac(&self) -> String {
        let digits = ids::hex(&format!("mac of {}", self.id), 10);
        let pairs: Vec<&str> = (0..5).map(|pair| &digits[pair * 2..pair * 2 + 2]).collect();
        format!("0a:{}", pairs.join(":"))
    }

    fn status(&self) -> &'static str {
        match self.attachment.as_ref().map(|attachment| attachment.status) {
            None => "available",
            Some(AttachmentStatus::Attaching { .. }) => "attaching",
            Some(AttachmentStatus::Attached) => "in-use",
            Some(AttachmentStatus::Detaching { .. }) => "detaching",
        }
    }
}

/// The name that the network's own resolver has for an address.
pub(super) fn private_dns(address: Ipv4Addr, region: &str) -> String {
    let domain = if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") };
    format!("ip-{}.{domain}", address.to_string().replace('.', "-"))
}

impl Ec2 {
    pub(super) fn vpc_of(&self, interface: &NetworkInterface) -> Option<&str> {
        self.subnets.get(&interface.subnet).map(|subnet| subnet.vpc.as_str())
    }

    /// An instance's interfaces, by device index: the first is the primary one.
    pub(crate) fn interfaces_of(&self, instance: &str) -> Vec<&NetworkInterface> {
        let index = |interface: &NetworkInterface| {
            interface.attachment.as_ref().filter(|attachment| attachment.instance == instance).map(|a| a.device_index)
        };
        let mut found: Vec<_> =
            self.interfaces.values().filter_map(|interface| Some((index(interface)?, interface))).collect();
        found.sort_by_key(|(index, _)| *index);
        found.into_iter().map(|(_, interface)| interface).collect()
    }

    pub(super) fn describe_interfaces(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        LISTING
            .answer(params, self.interfaces.values().map(|interface| self.describe_interface(interface, cx)).collect())
    }

    fn describe_interface(&self, interface: &NetworkInterface, cx: &ServiceCx<'_>) -> Shape {
        let zone = self.subnets.get(&interface.subnet).map(|subnet| &subnet.zone);
        let primary = interface.private_ips.first().copied();
        Shape::Struct(vec![
            ("networkInterfaceId", (&interface.id).into()),
            ("subnetId", (&interface.subnet).into()),
            ("vpcId", self.vpc_of(interface).into()),
            ("availabilityZone", zone.into()),
            ("availabilityZoneId", zone.map(|zone| super::account::zone_id(zone)).into()),
            ("description", (&interface.description).into()),
            ("ownerId", cx.account.into()),
            ("requesterManaged", false.into()),
            ("status", interface.status().into()),
            ("interfaceType", "interface".into()),
            ("macAddress", interface.mac().into()),
            ("privateIpAddress", primary.map(|address| address.to_string()).into()),
            ("privateDnsName", primary.map(|address| private_dns(address, cx.region)).into()),
            ("sourceDestCheck", interface.source_dest_check.into()),
            ("groupSet", self.group_set(&interface.groups)),
            ("attachment", interface.attachment.as_ref().map_or(Shape::Absent, |attachment| attachment.describe(cx))),
            ("privateIpAddressesSet", addresses(interface, cx.region)),
            ("ipv6AddressesSet", Shape::List("item", Vec::new())),
            ("tagSet", self.tag_set(&interface.id)),
        ])
    }

    pub(super) fn describe_interface_attribute(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let id = params.required("NetworkInterfaceId")?;
        let interface = self.interfaces.get(id).ok_or_else(|| INTERFACE.missing(id))?;
        let wrap = |value: Shape| Shape::Struct(vec![("value", value)]);
        let attribute = match params.required("Attribute")? {
            "description" => ("description", wrap((&interface.description).into())),
            "groupSet" => ("groupSet", self.group_set(&interface.groups)),
            "sourceDestCheck" => ("sourceDestCheck", wrap(interface.source_dest_check.into())),
            "attachment" => (
                "attachment",
                interface.attachment.as_ref().map_or(Shape::Absent, |attachment| attachment.describe(cx)),
            ),
            other => {
                return Err(invalid(format!("Value ({other}) for parameter attribute is invalid. Unknown attribute.")));
            }
        };
        Ok(Shape::Struct(vec![("networkInterfaceId", id.into()), attribute]))
    }

    pub(super) fn group_set(&self, groups: &[String]) -> Shape {
        let group = |id: &String| {
            let name = self.security_groups.get(id).map(|group| &group.name);
            Shape::Struct(vec![("groupId", id.into()), ("groupName", name.into())])
        };
        Shape::List("item", groups.iter().map(group).collect())
    }

    pub(super) fn create_interface(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let token = params.given("ClientToken").map(|token| format!("CreateNetworkInterface {token}"));
        let repeated = token.as_ref().and_then(|token| self.tokens.get(token)).and_then(|ids| ids.first()).cloned();
        let id = if let Some(id) = repeated.filter(|id| self.interfaces.contains_key(id)) {
            id
        } else {
            let subnet = params.required("SubnetId")?;
            let id = self.new_interface(subnet, params, &params.strings("SecurityGroupId"), cx)?;
            self.tag_new(params, &INTERFACE, &id)?;
            self.tokens.extend(token.map(|token| (token, vec![id.clone()])));
            id
        };
        let described =
            self.interfaces.get(&id).map_or(Shape::Absent, |interface| self.describe_interface(interface, cx));
        Ok(Shape::Struct(vec![("networkInterface", described), ("clientToken", params.given("ClientToken").into())]))
    }

    /// Makes an interface with the addresses and description that `params` ask for.
    pub(super) fn new_interface(
        &mut self,
        subnet: &str,
        params: &Params,
        groups: &[String],
        cx: &ServiceCx<'_>,
    ) -> Result<String, ApiError> {
        let vpc = self.find_subnet(subnet)?.vpc.clone();
        let groups = self.groups_in(&vpc, groups)?;
        let asked = asked_addresses(params)?;
        let secondary = params.number::<usize>("SecondaryPrivateIpAddressCount")?.unwrap_or(0).min(65_536);
        let count = secondary + usize::from(asked.is_empty());
        let private_ips = self.allocate(subnet, &asked, count)?;
        let id = self.fresh("eni-", cx);
        let interface = NetworkInterface {
            id: id.clone(),
            subnet: subnet.to_owned(),
            description: params.get("Description").unwrap_or_default().to_owned(),
            private_ips,
            groups,
            source_dest_check: true,
            attachment: None,
        };
        self.interfaces.insert(id.clone(), interface);
        Ok(id)
    }

    /// Groups of one network; its default group when none is named.
    pub(super) fn groups_in(&self, vpc: &str, named: &[String]) -> Result<Vec<String>, ApiError> {
        if named.is_empty() {
            let default = self.security_groups.values().find(|group| group.vpc == vpc && group.name == "default");
            return Ok(default.map(|group| group.id.clone()).into_iter().collect());
        }
        for id in named {
            let group = self.security_groups.get(id).ok_or_else(|| SECURITY_GROUP.missing(id))?;
            if group.vpc != vpc {
                let message = "You have specified two resources that belong to different networks.";
                return Err(ApiError::bad("InvalidParameter", message));
            }
        }
        Ok(named.to_vec())
    }

    pub(super) fn delete_interface(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = params.required("NetworkInterfaceId")?;
        let interface = self.interfaces.get(id).ok_or_else(|| INTERFACE.missing(id))?;
        if interface.attachment.is_some() {
            return Err(invalid(format!("Network interface '{id}' is currently in use.")));
        }
        self.interfaces.remove(id);
        self.tags.remove(id);
        Ok(done())
    }

    pub(super) fn attach_interface(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let id = params.required("NetworkInterfaceId")?;
        let instance = params.required("InstanceId")?;
        let device_index = params.number::<u32>("DeviceIndex")?.ok_or_else(|| missing_parameter("deviceIndex"))?;
        let interface = self.interfaces.get(id).ok_or_else(|| INTERFACE.missing(id))?;
        let owner = self.instances.get(instance).ok_or_else(|| INSTANCE.missing(instance))?;
        if interface.attachment.is_some() {
            return Err(ApiError::bad("InvalidNetworkInterface.InUse", format!("Interface: [{id}] in use.")));
        }
        if !matches!(owner.state, InstanceState::Running | InstanceState::Stopped) {
            let message = format!("Instance '{instance}' is not 'running' or 'stopped'.");
            return Err(ApiError::bad("IncorrectState", message));
        }
        let zone = |subnet: &str| self.subnets.get(subnet).map(|subnet| &subnet.zone);
        if zone(&interface.subnet) != zone(&owner.subnet) {
            let message =
                "You may not attach a network interface to an instance if they are not in the same availability zone";
            return Err(combination(message));
        }
        let present = self.interfaces_of(instance);
        if present.len() >= INTERFACES_MAX {
            let message = format!("Interface count {} exceeds the limit of instance '{instance}'", present.len() + 1);
            return Err(ApiError::bad("AttachmentLimitExceeded", message));
        }
        if present
            .iter()
            .filter_map(|i| i.attachment.as_ref())
            .any(|attachment| attachment.device_index == device_index)
        {
            return Err(invalid(format!(
                "Instance '{instance}' already has an interface attached at device index '{device_index}'."
            )));
        }
        let until = cx.pace.end(cx.now, self.options.attach.get());
        let status = if until <= cx.now { AttachmentStatus::Attached } else { AttachmentStatus::Attaching { until } };
        let attachment = self.attach(id, instance, device_index, status, cx);
        Ok(Shape::Struct(vec![("attachmentId", attachment.into()), ("networkCardIndex", Shape::Integer(0))]))
    }

    pub(super) fn attach(
        &mut self,
        id: &str,
        instance: &str,
        device_index: u32,
        status: AttachmentStatus,
        cx: &ServiceCx<'_>,
    ) -> String {
        let attachment = self.fresh("eni-attach-", cx);
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.attachment = Some(Attachment {
                id: attachment.clone(),
                instance: instance.to_owned(),
                device_index,
                delete_on_termination: false,
                attached_at: cx.now,
                status,
            });
        }
        attachment
    }

    pub(super) fn detach_interface(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let id = params.required("AttachmentId")?;
        let until = cx.pace.end(cx.now, self.options.attach.get());
        let attached = |interface: &&mut NetworkInterface| interface.attachment.as_ref().is_some_and(|a| a.id == id);
        let interface = self.interfaces.values_mut().find(attached).ok_or_else(|| ATTACHMENT.missing(id))?;
        let attachment = interface.attachment.as_mut().ok_or_else(|| ATTACHMENT.missing(id))?;
        if attachment.device_index == 0 {
            let message = "The network interface at device index 0 cannot be detached.";
            return Err(ApiError::bad("OperationNotPermitted", message));
        }
        match attachment.status {
            AttachmentStatus::Attached if until <= cx.now => interface.attachment = None,
            AttachmentStatus::Attached => attachment.status = AttachmentStatus::Detaching { until },
            status => {
                let message = format!("The attachment '{id}' is in state '{}'.", status.name());
                return Err(ApiError::bad("IncorrectState", message));
            }
        }
        Ok(done())
    }

    pub(super) fn modify_interface_attribute(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = params.required("NetworkInterfaceId")?;
        let interface = self.interfaces.get(id).ok_or_else(|| INTERFACE.missing(id))?;
        let check = params.flag("SourceDestCheck.Value")?;
        let description = params.get("Description.Value");
        let groups = params.strings("SecurityGroupId");
        let given = [check.is_some(), description.is_some(), !groups.is_empty(), params.has("Attachment")];
        match given.iter().filter(|given| **given).count() {
            1 => {}
            0 => return Err(missing_parameter("attribute")),
            _ => {
                return Err(combination(
                    "Fields for multiple attribute types specified: only one attribute may be modified at a time",
                ));
            }
        }
        let groups = match self.vpc_of(interface).map(str::to_owned) {
            Some(vpc) if !groups.is_empty() => Some(self.groups_in(&vpc, &groups)?),
            _ => None,
        };
        let interface = self.interfaces.get_mut(id).ok_or_else(|| INTERFACE.missing(id))?;
        interface.source_dest_check = check.unwrap_or(interface.source_dest_check);
        interface.groups = groups.unwrap_or(std::mem::take(&mut interface.groups));
        if let Some(text) = description {
            text.clone_into(&mut interface.description);
        }
        if params.has("Attachment") {
            let attachment = params.required("Attachment.AttachmentId")?;
            let present = interface.attachment.as_mut().filter(|present| present.id == attachment);
            let present = present.ok_or_else(|| ATTACHMENT.missing(attachment))?;
            let delete = params.flag("Attachment.DeleteOnTermination")?;
            present.delete_on_termination =
                delete.ok_or_else(|| missing_parameter("attachment.deleteOnTermination"))?;
        }
        Ok(done())
    }
}

impl Attachment {
    pub(super) fn describe(&self, cx: &ServiceCx<'_>) -> Shape {
        Shape::Struct(vec![
            ("attachmentId", (&self.id).into()),
            ("instanceId", (&self.instance).into()),
            ("instanceOwnerId", cx.account.into()),
            ("deviceIndex", Shape::Integer(self.device_index.into())),
            ("networkCardIndex", Shape::Integer(0)),
            ("status", self.status.name().into()),
            ("attachTime", self.attached_at.into()),
            ("deleteOnTermination", self.delete_on_termination.into()),
        ])
    }
}

pub(super) fn addresses(interface: &NetworkInterface, region: &str) -> Shape {
    let address = |(place, address): (usize, &Ipv4Addr)| {
        Shape::Struct(vec![
            ("privateIpAddress", address.to_string().into()),
            ("privateDnsName", private_dns(*address, region).into()),
            ("primary", (place == 0).into()),
        ])
    };
    Shape::List("item", interface.private_ips.iter().enumerate().map(address).collect())
}

/// The addresses that a call asks for, the primary one first.
fn asked_addresses(params: &Params) -> Result<Vec<Ipv4Addr>, ApiError> {
    let parse = |text: &str| {
        let wrong = |_| ApiError::bad("InvalidParameterValue", format!("invalid value for parameter address: {text}"));
        text.parse::<Ipv4Addr>().map_err(wrong)
    };
    let mut addresses: Vec<Ipv4Addr> = params.given("PrivateIpAddress").map(parse).transpose()?.into_iter().collect();
    for element in params.list("PrivateIpAddresses") {
        let Some(text) = element.given("PrivateIpAddress") else { continue };
        let address = parse(text)?;
        if addresses.contains(&address) {
            continue;
        }
        if element.flag("Primary")? == Some(true) {
            addresses.insert(0, address);
        } else {
            addresses.push(address);
        }
    }
    Ok(addresses)
}
