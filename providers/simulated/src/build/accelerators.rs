//! Builds global accelerators.

use super::{Builder, place};
use crate::{
    document::{AcceleratorDocument, EndpointGroupDocument, GlobalListenerDocument},
    globalaccelerator::{Accelerator, Endpoint, EndpointGroup, Listener, as_float, default_health_check},
};
use lifeboat_contract::codes;
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn accelerators(&mut self) {
        for (id, document) in &self.document.aws.accelerators {
            let built = self.accelerator(id, document);
            self.cloud.globalaccelerator.accelerators.insert(built.arn.clone(), built);
        }
    }

    fn accelerator(&mut self, id: &str, document: &AcceleratorDocument) -> Accelerator {
        let arn = self.accelerator_arn(id);
        let mut built = Accelerator::new(&arn, &document.name, self.start);
        built.enabled = true;
        built.deploy_time = document.deploy_time;
        built.status_lag = document.status_lag;
        built.health_time = document.health_time;
        if let Some(name) = &document.dns_name {
            built.dns_name.clone_from(name);
        }
        if !document.addresses.is_empty() {
            built.addresses.clone_from(&document.addresses);
        }
        for (listener, contents) in &document.listeners {
            let listener = self.global_listener(id, &arn, listener, contents);
            built.listeners.insert(listener.arn.clone(), listener);
        }
        built.deploy();
        built
    }

    fn global_listener(&mut self, id: &str, arn: &str, name: &str, document: &GlobalListenerDocument) -> Listener {
        let at = ["aws", "accelerators", id, "listeners", name];
        if document.ports.is_empty() {
            self.error(&[&at[..], &["ports"]].concat(), codes::BAD_VALUE, "a listener needs a port");
        }
        let arn = format!("{arn}/listener/{name}");
        let mut groups: BTreeMap<String, EndpointGroup> = BTreeMap::new();
        for (group, contents) in &document.endpoint_groups {
            let at = [&at[..], &["endpoint_groups", group]].concat();
            if groups.values().any(|other| other.region == contents.region) {
                let message = format!("the listener already has an endpoint group in {}", contents.region);
                self.error(&[&at[..], &["region"]].concat(), codes::DUPLICATE_ID, message);
            }
            let built = self.endpoint_group(&at, format!("{arn}/endpoint-group/{group}"), contents, &document.ports);
            groups.insert(built.arn.clone(), built);
        }
        let ports = document.ports.iter().map(|port| (*port, *port)).collect();
        Listener { arn, ports, protocol: "TCP".to_owned(), affinity: "NONE".to_owned(), groups }
    }

    fn endpoint_group(
        &mut self,
        at: &[&str],
        arn: String,
        document: &EndpointGroupDocument,
        ports: &[u16],
    ) -> EndpointGroup {
        if !(0.0..=100.0).contains(&document.dial) {
            self.error(&[at, &["dial"]].concat(), codes::OUT_OF_RANGE, "a dial is from 0 to 100");
        }
        let mut endpoints = Vec::new();
        for (index, endpoint) in document.endpoints.iter().enumerate() {
            let number = place(index);
            let at = [at, &["endpoints", &number]].concat();
            if endpoint.weight > 255 {
                self.error(&[&at[..], &["weight"]].concat(), codes::OUT_OF_RANGE, "a weight is from 0 to 255");
            }
            if let Some(id) = self.load_balancer_arn(&document.region, &endpoint.load_balancer) {
                endpoints.push(Endpoint { id, weight: endpoint.weight, client_ip_preserved: true });
            } else {
                let what = format!("load balancer in {}", document.region);
                self.unknown(&[&at[..], &["load_balancer"]].concat(), &what, &endpoint.load_balancer);
            }
        }
        EndpointGroup {
            arn,
            region: document.region.clone(),
            dial: as_float(f64::from(document.dial)),
            endpoints,
            health_check: default_health_check(ports.first().copied().unwrap_or(80)),
            port_overrides: Vec::new(),
        }
    }

    pub(super) fn accelerator_arn(&self, id: &str) -> String {
        format!("arn:aws:globalaccelerator::{}:accelerator/{id}", self.document.account)
    }
}
