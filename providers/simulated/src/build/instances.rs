//! Builds instances, their interfaces, and what runs on them.

use super::{Builder, place};
use crate::{
    document::{InstanceDocument, InstanceStateDocument, InterfaceDocument},
    ec2::{Attachment, AttachmentStatus, Instance, InstanceState, NetworkInterface},
    ids,
    traffic::Software,
};
use ipnet::Ipv4Net;
use lifeboat_contract::codes;
use std::net::Ipv4Addr;

impl Builder<'_> {
    pub(super) fn instances(&mut self) {
        for (region, contents) in &self.document.aws.regions {
            for (id, document) in &contents.instances {
                self.instance(region, id, document);
            }
        }
    }

    fn instance(&mut self, region: &str, id: &str, document: &InstanceDocument) {
        let at = ["aws", "regions", region, "instances", id];
        if self.estate.software.contains_key(id) {
            self.error(&at, codes::DUPLICATE_ID, format!("another region already has an instance {id}"));
        }
        if let Some(application) =
            document.application.as_ref().filter(|name| !self.document.applications.contains_key(*name))
        {
            self.unknown(&[&at[..], &["application"]].concat(), "application", application);
        }
        let software = Software {
            region: region.to_owned(),
            site: document.site.clone().unwrap_or_else(|| region.to_owned()),
            application: document.application.clone(),
            addresses: document.addresses.clone(),
        };
        self.estate.software.insert(id.to_owned(), software);
        let mut interfaces: Vec<_> = document.interfaces.iter().collect();
        interfaces.sort_by_key(|(_, interface)| interface.device_index);
        let Some((_, primary)) = interfaces.first() else {
            self.error(
                &[&at[..], &["interfaces"]].concat(),
                codes::MISSING_FIELD,
                "an instance has at least one interface",
            );
            return;
        };
        let subnet = primary.subnet.clone();
        for (place, (interface, contents)) in interfaces.iter().enumerate() {
            let path = [&at[..], &["interfaces", interface]].concat();
            if interfaces[..place].iter().any(|(_, other)| other.device_index == contents.device_index) {
                let message = format!("another interface has the device index {}", contents.device_index);
                self.error(&[&path[..], &["device_index"]].concat(), codes::DUPLICATE_ID, message);
            }
            self.interface(region, id, interface, contents, &path);
        }
        let state = match document.state {
            InstanceStateDocument::Running => InstanceState::Running,
            InstanceStateDocument::Stopped => InstanceState::Stopped,
        };
        let built = Instance {
            id: id.to_owned(),
            state,
            change: None,
            state_reason: None,
            transition_reason: String::new(),
            checked_at: self.start,
            subnet,
            image: format!("ami-{}", ids::hex(region, 17)),
            instance_type: document.instance_type.clone(),
            reservation: format!("r-{}", ids::hex(id, 17)),
            launch_index: 0,
            launched: self.start,
            client_token: String::new(),
            key_name: None,
            user_data: None,
            profile: None,
            shutdown_behavior: "stop".to_owned(),
            disable_api_termination: false,
            disable_api_stop: false,
            ebs_optimized: false,
        };
        self.region(region).ec2.instances.insert(id.to_owned(), built);
    }

    fn interface(&mut self, region: &str, instance: &str, id: &str, document: &InterfaceDocument, at: &[&str]) {
        let subnet = self.region(region).ec2.subnets.get(&document.subnet).cloned();
        let Some(subnet) = subnet else {
            self.unknown(&[at, &["subnet"]].concat(), &format!("subnet in {region}"), &document.subnet);
            return;
        };
        if self.region(region).ec2.interfaces.contains_key(id) {
            self.error(at, codes::DUPLICATE_ID, format!("another instance already has the interface {id}"));
        }
        self.check_address(&[at, &["private_ip"]].concat(), &subnet.cidr, document.private_ip);
        for (index, address) in document.secondary_ips.iter().enumerate() {
            self.check_address(&[at, &["secondary_ips", &place(index)]].concat(), &subnet.cidr, *address);
        }
        let private_ips: Vec<Ipv4Addr> =
            std::iter::once(document.private_ip).chain(document.secondary_ips.iter().copied()).collect();
        let taken =
            private_ips.iter().find(|address| self.cloud.regions[region].ec2.owner(&subnet.vpc, **address).is_some());
        if let Some(address) = taken.copied() {
            self.error(
                &[at, &["private_ip"]].concat(),
                codes::DUPLICATE_ID,
                format!("another interface already has {address}"),
            );
        }
        for (index, group) in document.security_groups.iter().enumerate() {
            if !self.region(region).ec2.security_groups.contains_key(group) {
                self.unknown(
                    &[at, &["security_groups", &place(index)]].concat(),
                    &format!("security group in {region}"),
                    group,
                );
            }
        }
        let default = format!("sg-{}", ids::hex(&subnet.vpc, 17));
        let groups = if document.security_groups.is_empty() { vec![default] } else { document.security_groups.clone() };
        let attachment = Attachment {
            id: format!("eni-attach-{}", ids::hex(id, 17)),
            instance: instance.to_owned(),
            device_index: document.device_index,
            delete_on_termination: document.device_index == 0,
            attached_at: self.start,
            status: AttachmentStatus::Attached,
        };
        let built = NetworkInterface {
            id: id.to_owned(),
            subnet: document.subnet.clone(),
            description: String::new(),
            private_ips,
            groups,
            source_dest_check: document.source_dest_check,
            attachment: Some(attachment),
        };
        self.region(region).ec2.interfaces.insert(id.to_owned(), built);
    }

    pub(super) fn check_address(&mut self, at: &[&str], cidr: &str, address: Ipv4Addr) {
        let inside = cidr.parse::<Ipv4Net>().is_ok_and(|range| range.contains(&address));
        if !inside {
            self.error(at, codes::BAD_ADDRESS, format!("{address} is not in the subnet's {cidr}"));
        }
    }
}
