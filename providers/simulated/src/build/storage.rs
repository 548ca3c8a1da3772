//! Builds file systems and their mount targets.

use super::{Builder, place};
use crate::{
    document::{FileSystemDocument, MountTargetDocument},
    ec2::NetworkInterface,
    efs::{FileSystem, MountTarget},
    ids,
};
use lifeboat_contract::codes;
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn file_systems(&mut self) {
        for (region, contents) in &self.document.aws.regions {
            for (id, document) in &contents.file_systems {
                self.file_system(region, id, document);
            }
        }
    }

    fn file_system(&mut self, region: &str, id: &str, document: &FileSystemDocument) {
        let at = ["aws", "regions", region, "file_systems", id];
        if !id.starts_with("fs-") {
            self.error(&at, codes::BAD_VALUE, "the id of a file system starts with fs-");
        }
        if let Some(zone) = document.zone.as_ref().filter(|zone| !zone.starts_with(region)) {
            let message = format!("{zone} is not a zone of {region}");
            self.error(&[&at[..], &["zone"]].concat(), codes::BAD_VALUE, message);
        }
        let mut mount_targets: BTreeMap<String, MountTarget> = BTreeMap::new();
        for (target, contents) in &document.mount_targets {
            let path = [&at[..], &["mount_targets", target]].concat();
            let Some(built) = self.mount_target(region, id, target, contents, &path) else { continue };
            if mount_targets.values().any(|other| other.zone == built.zone) {
                let message = format!("another mount target is already in {}", built.zone);
                self.error(&[&path[..], &["subnet"]].concat(), codes::DUPLICATE_ID, message);
            }
            if document.zone.as_ref().is_some_and(|zone| *zone != built.zone) {
                let message = format!("the file system does not stand in {}", built.zone);
                self.error(&[&path[..], &["subnet"]].concat(), codes::CONFLICTING_FIELDS, message);
            }
            mount_targets.insert(target.clone(), built);
        }
        let built = FileSystem {
            id: id.to_owned(),
            arn: format!("arn:aws:elasticfilesystem:{region}:{}:file-system/{id}", self.document.account),
            name: document.name.clone(),
            zone: document.zone.clone(),
            created: self.start,
            state: document.state.name().to_owned(),
            mount_targets,
        };
        self.region(region).efs.file_systems.insert(id.to_owned(), built);
    }

    fn mount_target(
        &mut self,
        region: &str,
        file_system: &str,
        id: &str,
        document: &MountTargetDocument,
        at: &[&str],
    ) -> Option<MountTarget> {
        if !id.starts_with("fsmt-") {
            self.error(at, codes::BAD_VALUE, "the id of a mount target starts with fsmt-");
        }
        let Some(subnet) = self.region(region).ec2.subnets.get(&document.subnet).cloned() else {
            self.unknown(&[at, &["subnet"]].concat(), &format!("subnet in {region}"), &document.subnet);
            return None;
        };
        let ip_path = [at, &["ip"]].concat();
        self.check_address(&ip_path, &subnet.cidr, document.ip);
        if self.region(region).ec2.owner(&subnet.vpc, document.ip).is_some() {
            let message = format!("an interface already has {}", document.ip);
            self.error(&ip_path, codes::DUPLICATE_ID, message);
        }
        for (index, group) in document.security_groups.iter().enumerate() {
            if !self.region(region).ec2.security_groups.contains_key(group) {
                let number = place(index);
                let path = [at, &["security_groups", &number]].concat();
                self.unknown(&path, &format!("security group in {region}"), group);
            }
        }
        let default = format!("sg-{}", ids::hex(&subnet.vpc, 17));
        let groups = if document.security_groups.is_empty() { vec![default] } else { document.security_groups.clone() };
        let interface = format!("eni-{}", ids::hex(id, 17));
        // The service holds the address by an interface of its own in the subnet.
        let held = NetworkInterface {
            id: interface.clone(),
            subnet: document.subnet.clone(),
            description: format!("EFS mount target for {file_system} ({id})"),
            private_ips: vec![document.ip],
            groups: groups.clone(),
            source_dest_check: true,
            attachment: None,
        };
        self.region(region).ec2.interfaces.insert(interface.clone(), held);
        Some(MountTarget {
            id: id.to_owned(),
            subnet: document.subnet.clone(),
            vpc: subnet.vpc,
            zone: subnet.zone,
            ip: document.ip,
            interface,
            security_groups: groups,
            state: document.state.name().to_owned(),
        })
    }
}
