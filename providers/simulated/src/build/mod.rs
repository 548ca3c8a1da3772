//! Builds a world from its document, and finds everything that is wrong with it. Reads no text.

mod accelerators;
mod azure;
mod azure_authorization;
mod azure_balancers;
mod azure_compute;
mod azure_network;
mod azure_storage;
mod azure_trafficmanager;
mod databases;
mod engines;
mod events;
mod iam;
mod instances;
mod load_balancers;
mod networks;
mod scaling;
mod standing;
mod storage;
mod traffic;

use crate::{
    cloud::{Cloud, RegionState},
    document::WorldDocument,
    traffic::{Estate, Traffic},
    world::{Latency, World},
};
use jiff::{SignedDuration, Timestamp};
use lifeboat_contract::{Finding, Findings, codes};
use std::{collections::BTreeMap, fmt::Display};

/// How many minutes of metrics a world has from before its start.
const METRICS_BEFORE: SignedDuration = SignedDuration::from_mins(15);

/// What the builders of a world share.
struct Builder<'a> {
    document: &'a WorldDocument,
    findings: Findings,
    cloud: Cloud,
    estate: Estate,
    start: Timestamp,
}

impl World {
    /// Builds the world that a document describes, or returns every error in it.
    pub fn build(document: &WorldDocument) -> Result<Self, Vec<Finding>> {
        let mut builder = Builder {
            document,
            findings: Findings::default(),
            cloud: Cloud::default(),
            estate: Estate::default(),
            start: document.start,
        };
        builder.header();
        for region in document.aws.regions.keys() {
            builder.cloud.regions.insert(region.clone(), RegionState::default());
        }
        builder.iam();
        builder.networks();
        builder.instances();
        builder.azure();
        builder.azure_authorization();
        builder.azure_networks();
        builder.azure_virtual_machines();
        builder.azure_storage_accounts();
        builder.azure_traffic_managers();
        builder.applications();
        builder.load_balancers();
        builder.file_systems();
        builder.scaling();
        builder.standing();
        builder.databases();
        builder.accelerators();
        builder.hosts();
        builder.engines();
        let clients = builder.clients();
        let senders = builder.senders();
        let pings = builder.pings();
        let incidents = builder.incident();
        let named_incidents = builder.named_incidents();
        let faults = builder.faults();
        if builder.findings.has_errors() {
            return Err(builder.findings.into_vec());
        }
        let Builder { cloud, estate, start, .. } = builder;
        let mut world = Self {
            name: document.name.clone(),
            account: document.account.clone(),
            seed: document.seed,
            start,
            now: start,
            latency: Latency::from(&document.latency),
            cloud,
            estate,
            traffic: Traffic { clients, pings, senders, ..Traffic::default() },
            incidents,
            named_incidents,
            faults,
            never: document.never.clone(),
            late: Vec::new(),
            before_write: BTreeMap::new(),
            remembers_writes: false,
            requests: 0,
        };
        world.begin();
        Ok(world)
    }

    /// Lets everything be as if it had been so for long: health is known, deployments are done, metrics have a past.
    fn begin(&mut self) {
        let before = self.start.checked_sub(METRICS_BEFORE).unwrap_or(self.start);
        self.cloud.publish_lag(before, self.start);
        self.cloud.scale(&mut self.estate, self.start);
        self.cloud.begin(&self.estate, self.start);
        self.settle();
    }
}

impl Builder<'_> {
    fn header(&mut self) {
        if self.document.world != 1 {
            self.error(&["world"], codes::FORMAT_VERSION, format!("version {} is not known", self.document.world))
                .hint("write world: 1");
        }
        let account = &self.document.account;
        let aws = &self.document.aws;
        let azure_alone = self.document.azure.is_some()
            && aws.regions.is_empty()
            && aws.global_clusters.is_empty()
            && aws.accelerators.is_empty();
        if account.is_empty() && azure_alone {
            // Nothing here belongs to an account.
        } else if account.is_empty() {
            self.error(&["account"], codes::MISSING_FIELD, "a world with AWS has an account")
                .hint("account: \"111122223333\"");
        } else if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            self.error(&["account"], codes::BAD_VALUE, "an account has twelve digits")
                .hint("account: \"111122223333\"");
        }
        for region in self.document.aws.regions.keys() {
            if !crate::answer::is_region(region) {
                self.error(
                    &["aws", "regions", region],
                    codes::BAD_VALUE,
                    format!("{region} is not the name of a region"),
                );
            }
        }
        let vantage = &self.document.vantage;
        let azure =
            || self.document.azure.as_ref()?.resource_groups.values().next().map(|group| group.location.clone());
        let first = self.document.aws.regions.keys().next().cloned();
        let first = first.or_else(azure).unwrap_or_else(|| "us-east-1".to_owned());
        self.estate.vantage_region = vantage.region.clone().unwrap_or(first);
        if let Some(subnet) = &vantage.subnet {
            let aws = self.subnet_region(subnet).map(|region| (region, subnet.clone()));
            match aws.or_else(|| self.azure_vantage(subnet)) {
                Some(found) => self.estate.vantage_subnet = Some(found),
                None => self.unknown(&["vantage", "subnet"], "subnet", subnet),
            }
        }
    }

    /// The region of a subnet of the document.
    fn subnet_region(&self, subnet: &str) -> Option<String> {
        let regions = self.document.aws.regions.iter();
        let mut holders =
            regions.filter(|(_, region)| region.vpcs.values().any(|vpc| vpc.subnets.contains_key(subnet)));
        holders.next().map(|(name, _)| name.clone())
    }

    /// The region of an instance or a virtual machine of the document.
    fn instance_region(&self, instance: &str) -> Option<String> {
        let mut regions = self.document.aws.regions.iter();
        let aws = regions.find(|(_, region)| region.instances.contains_key(instance)).map(|(name, _)| name.clone());
        let machines = || self.cloud.azure.compute.machines.values();
        aws.or_else(|| machines().find(|machine| machine.name == instance).map(|machine| machine.location.clone()))
    }

    /// The state of a region of the document.
    fn region(&mut self, name: &str) -> &mut RegionState {
        self.cloud.regions.entry(name.to_owned()).or_default()
    }

    fn error(&mut self, path: &[&str], code: lifeboat_contract::Code, message: impl Into<String>) -> &mut Finding {
        self.findings.error(path, code, message)
    }

    /// Something names a resource that the document does not have.
    fn unknown(&mut self, path: &[&str], what: &str, name: impl Display) {
        self.error(path, codes::UNKNOWN_NAME, format!("the world has no {what} {name}"));
    }
}

/// The path segments of one element of a list.
fn place(index: usize) -> String {
    index.to_string()
}
