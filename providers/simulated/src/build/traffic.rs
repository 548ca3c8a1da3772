//! Builds hosts, applications and clients.

use super::Builder;
use crate::{
    document::{ApplicationDocument, ClientDocument, HostDocument, NeedsDocument, PathDocument, PingDocument},
    traffic::{Application, ApplicationPath, Client, HostTarget, Ping},
};
use lifeboat_contract::codes;
use std::collections::{BTreeMap, BTreeSet};

impl Builder<'_> {
    pub(super) fn applications(&mut self) {
        for (name, document) in &self.document.applications {
            let database = self.database_of(name, document);
            let paths =
                document.paths.iter().map(|(path, answer)| (path.clone(), self.path(name, path, answer, document)));
            let paths: BTreeMap<_, _> = paths.collect::<Vec<_>>().into_iter().collect();
            let requests_per_second = document.requests_per_second;
            if requests_per_second.is_some_and(|rate| !(rate > 0.0 && rate <= 1_000_000.0)) {
                let path = ["applications", name, "requests_per_second"];
                self.error(&path, codes::OUT_OF_RANGE, "a rate is above 0, and at most 1000000");
            }
            let application = Application { ports: document.ports.clone(), requests_per_second, database, paths };
            self.estate.applications.insert(name.clone(), application);
        }
    }

    fn database_of(&mut self, name: &str, document: &ApplicationDocument) -> Option<String> {
        let database = document.database.as_ref()?;
        if self.document.aws.global_clusters.contains_key(database) {
            return Some(database.clone());
        }
        let regions = self.document.aws.regions.iter();
        let holder =
            regions.filter(|(_, region)| region.db_clusters.contains_key(database)).map(|(name, _)| name).next();
        let Some(region) = holder else {
            self.unknown(&["applications", name, "database"], "global cluster or cluster", database);
            return None;
        };
        Some(self.cluster_arn(region, database))
    }

    fn path(
        &mut self,
        name: &str,
        path: &str,
        answer: &PathDocument,
        application: &ApplicationDocument,
    ) -> ApplicationPath {
        let at = ["applications", name, "paths", path];
        if !path.starts_with('/') {
            self.error(&at, codes::BAD_VALUE, "a path starts with a slash");
        }
        for (field, status) in [("status", answer.status), ("otherwise", answer.otherwise)] {
            if !(200..=599).contains(&status) {
                self.error(&[&at[..], &[field]].concat(), codes::OUT_OF_RANGE, "a status is from 200 to 599");
            }
        }
        if answer.needs != NeedsDocument::Nothing && application.database.is_none() {
            self.error(&[&at[..], &["needs"]].concat(), codes::CONFLICTING_FIELDS, "the application names no database");
        }
        ApplicationPath {
            status: answer.status,
            needs: answer.needs,
            otherwise: answer.otherwise,
            json: answer.json.clone(),
            text: answer.text.clone(),
        }
    }

    pub(super) fn hosts(&mut self) {
        for (name, document) in &self.document.hosts {
            let at = ["hosts", name.as_str()];
            let given = [
                document.accelerator.is_some(),
                document.load_balancer.is_some(),
                document.instance.is_some(),
                document.traffic_manager.is_some(),
                document.address.is_some(),
            ];
            if given.iter().filter(|given| **given).count() != 1 {
                let message =
                    "a host leads to exactly one of accelerator, load_balancer, instance, traffic_manager and address";
                self.error(&at, codes::CONFLICTING_FIELDS, message);
                continue;
            }
            if let Some(target) = self.host_target(name, document) {
                self.estate.hosts.insert(name.to_ascii_lowercase(), target);
            }
        }
    }

    fn host_target(&mut self, name: &str, document: &HostDocument) -> Option<HostTarget> {
        if let Some(id) = &document.accelerator {
            if !self.document.aws.accelerators.contains_key(id) {
                self.unknown(&["hosts", name, "accelerator"], "accelerator", id);
            }
            return Some(HostTarget::Accelerator(self.accelerator_arn(id)));
        }
        if let Some(balancer) = &document.load_balancer {
            if let Some(frontend) = self.azure_frontend(balancer) {
                return Some(HostTarget::Frontend(frontend));
            }
            let arn = balancer.split_once('/').and_then(|(region, name)| self.load_balancer_arn(region, name));
            if arn.is_none() {
                self.unknown(&["hosts", name, "load_balancer"], "load balancer", balancer);
            }
            return arn.map(HostTarget::LoadBalancer);
        }
        if let Some(instance) = &document.instance {
            if self.instance_region(instance).is_none() {
                self.unknown(&["hosts", name, "instance"], "instance", instance);
            }
            return Some(HostTarget::Instance(instance.clone()));
        }
        if let Some(profile) = &document.traffic_manager {
            let key = self.traffic_manager_key(profile);
            if key.is_none() {
                self.unknown(&["hosts", name, "traffic_manager"], "Traffic Manager profile", profile);
            }
            return key.map(HostTarget::TrafficManager);
        }
        document.address.map(HostTarget::Address)
    }

    pub(super) fn clients(&mut self) -> BTreeMap<String, Client> {
        let mut clients = BTreeMap::new();
        for (name, document) in &self.document.clients {
            clients.insert(name.clone(), self.client(name, document));
        }
        clients
    }

    fn client(&mut self, name: &str, document: &ClientDocument) -> Client {
        let at = ["clients", name];
        if self.estate.target(&self.cloud, &document.host).is_none() {
            self.unknown(&[&at[..], &["host"]].concat(), "host", &document.host);
        }
        if !(0.0..=1_000_000.0).contains(&document.requests_per_second) {
            self.error(
                &[&at[..], &["requests_per_second"]].concat(),
                codes::OUT_OF_RANGE,
                "a rate is from 0 to 1000000",
            );
        }
        Client {
            host: document.host.clone(),
            port: document.port,
            path: document.path.clone(),
            region: document.region.clone().unwrap_or_else(|| self.estate.vantage_region.clone()),
            requests_per_second: document.requests_per_second,
            writes: document.writes,
            measures: crate::traffic::ClientMeasures::default(),
            served_by: BTreeSet::new(),
        }
    }

    pub(super) fn pings(&mut self) -> BTreeMap<String, Ping> {
        let mut pings = BTreeMap::new();
        for (name, document) in &self.document.pings {
            if let Some(ping) = self.ping(name, document) {
                pings.insert(name.clone(), ping);
            }
        }
        pings
    }

    fn ping(&mut self, name: &str, document: &PingDocument) -> Option<Ping> {
        let Some(region) = self.instance_region(&document.from) else {
            self.unknown(&["pings", name, "from"], "instance", &document.from);
            return None;
        };
        let interval_ms = u64::try_from(document.interval.get().as_millis()).unwrap_or(u64::MAX);
        if interval_ms == 0 {
            self.error(&["pings", name, "interval"], codes::OUT_OF_RANGE, "an interval is at least 1ms");
        }
        Some(Ping {
            region,
            from: document.from.clone(),
            to: document.to,
            start: self.start,
            interval_ms,
            sent: 0,
            lost: 0,
            losing: 0,
            longest_loss: 0,
            arrived: BTreeMap::new(),
            arrives_at: None,
            watch: None,
        })
    }
}
