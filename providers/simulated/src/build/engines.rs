//! Builds integration engines and those who send to them.

use super::Builder;
use crate::{
    document::{EngineDocument, EngineNodeDocument, EngineStorageDocument, SenderDocument},
    traffic::{Engine, Node, Process, Queue, Sender, Storage},
};
use lifeboat_contract::{Span, clock::after, codes};
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn engines(&mut self) {
        for (name, document) in &self.document.engines {
            if let Some(engine) = self.engine(name, document) {
                self.estate.engines.insert(name.clone(), engine);
            }
        }
    }

    fn engine(&mut self, name: &str, document: &EngineDocument) -> Option<Engine> {
        let at = ["engines", name];
        let mut nodes = BTreeMap::new();
        for (node, contents) in &document.nodes {
            let path = [&at[..], &["nodes", node]].concat();
            self.check_ports(name, document, contents, &path);
            if nodes.values().any(|other: &Node| other.machine == contents.machine) {
                self.error(&path, codes::DUPLICATE_ID, format!("another node runs on {}", contents.machine));
            }
            nodes.insert(node.clone(), self.node(contents, node == &document.owner, &path));
        }
        if !document.nodes.contains_key(&document.owner) {
            let message = format!("the cluster has no node {}", document.owner);
            self.error(&[&at[..], &["owner"]].concat(), codes::UNKNOWN_NAME, message);
        }
        for (field, span) in [("heartbeat", document.heartbeat), ("takeover_after", document.takeover_after)] {
            if span.get().is_zero() {
                self.error(&[&at[..], &[field]].concat(), codes::OUT_OF_RANGE, "this takes at least 1ms");
            }
        }
        let storage = self.storage(&document.storage, &[&at[..], &["storage"]].concat())?;
        Some(Engine {
            nodes,
            storage,
            mllp_port: document.mllp_port,
            http_port: document.http_port,
            heartbeat: document.heartbeat,
            takeover_after: document.takeover_after,
            processes_per_second: document.processes_per_second,
            prefetch: document.prefetch,
            stored_within: document.stored_within,
            slow: Span::default(),
            owner: document.owner.clone(),
            queue: Queue::default(),
            next_beat: after(self.start, document.heartbeat.get()),
            two_actives_ms: 0,
        })
    }

    fn node(&mut self, document: &EngineNodeDocument, owns: bool, at: &[&str]) -> Node {
        if !self.estate.software.contains_key(&document.machine) {
            self.unknown(&[at, &["machine"]].concat(), "machine", &document.machine);
        } else if let Some(interface) = &document.interface
            && !self.cloud.has_interface(&document.machine, interface)
        {
            let what = format!("interface of {}", document.machine);
            self.unknown(&[at, &["interface"]].concat(), &what, interface);
        }
        Node {
            machine: document.machine.clone(),
            interface: document.interface.clone(),
            process: Process::Running,
            processing: owns,
            position: 0,
            beat: None,
            worked: 0,
            since: self.start,
            strangers: 0,
        }
    }

    /// Two engines, or an engine and an application, never listen on one port of a machine.
    fn check_ports(&mut self, name: &str, document: &EngineDocument, node: &EngineNodeDocument, at: &[&str]) {
        let ports = [document.mllp_port, document.http_port];
        if ports[0] == ports[1] {
            self.error(at, codes::CONFLICTING_FIELDS, "MLLP and HTTP share a port");
        }
        let others = self.document.engines.iter().filter(|(other, _)| other.as_str() < name);
        let here = |engine: &EngineDocument| engine.nodes.values().any(|other| other.machine == node.machine);
        let taken = others
            .filter(|(_, engine)| here(engine))
            .find(|(_, engine)| ports.contains(&engine.mllp_port) || ports.contains(&engine.http_port));
        if let Some((other, _)) = taken {
            let message = format!("{other} listens on a port of {} already", node.machine);
            self.error(at, codes::CONFLICTING_FIELDS, message);
        }
        let application = self.estate.software.get(&node.machine).and_then(|software| software.application.clone());
        let shares = |name: &String| {
            self.document.applications.get(name).is_some_and(|running| running.ports.iter().any(|p| ports.contains(p)))
        };
        if let Some(name) = application.filter(shares) {
            let message = format!("the application {name} listens on a port of {} already", node.machine);
            self.error(at, codes::CONFLICTING_FIELDS, message);
        }
    }

    fn storage(&mut self, document: &EngineStorageDocument, at: &[&str]) -> Option<Storage> {
        match (&document.efs, &document.file_share) {
            (Some(name), None) => {
                let found = name.split_once('/').filter(|(region, id)| {
                    self.document.aws.regions.get(*region).is_some_and(|region| region.file_systems.contains_key(*id))
                });
                if found.is_none() {
                    self.unknown(&[at, &["efs"]].concat(), "file system", name);
                }
                found.map(|(region, id)| Storage::FileSystem { region: region.to_owned(), id: id.to_owned() })
            }
            (None, Some(share)) => {
                if !self.cloud.azure.has_share(share) {
                    self.unknown(&[at, &["file_share"]].concat(), "file share", share);
                }
                Some(Storage::FileShare(share.clone()))
            }
            _ => {
                self.error(at, codes::CONFLICTING_FIELDS, "a storage is exactly one of efs and file_share");
                None
            }
        }
    }

    pub(super) fn senders(&mut self) -> BTreeMap<String, Sender> {
        let mut senders = BTreeMap::new();
        for (name, document) in &self.document.senders {
            senders.insert(name.clone(), self.sender(name, document));
        }
        senders
    }

    fn sender(&mut self, name: &str, document: &SenderDocument) -> Sender {
        let at = ["senders", name];
        if self.estate.target(&self.cloud, &document.host).is_none() {
            self.unknown(&[&at[..], &["host"]].concat(), "host", &document.host);
        }
        if !self.document.engines.contains_key(&document.engine) {
            self.unknown(&[&at[..], &["engine"]].concat(), "engine", &document.engine);
        }
        let interval_ms = u64::try_from(document.interval.get().as_millis()).unwrap_or(u64::MAX);
        if interval_ms == 0 {
            self.error(&[&at[..], &["interval"]].concat(), codes::OUT_OF_RANGE, "an interval is at least 1ms");
        }
        Sender {
            host: document.host.clone(),
            port: document.port,
            engine: document.engine.clone(),
            start: self.start,
            interval_ms,
            acknowledged: 0,
            under_way_ms: 0,
            waiting_since_ms: None,
            longest_gap_ms: 0,
            taken_by: None,
            watch: None,
        }
    }

    /// The cluster and the node that `CLUSTER/NODE` names.
    pub(super) fn engine_node(&mut self, at: &[&str], text: &str) -> Option<(String, String)> {
        let found = text.split_once('/').filter(|(cluster, node)| {
            self.document.engines.get(*cluster).is_some_and(|engine| engine.nodes.contains_key(*node))
        });
        if found.is_none() {
            self.unknown(at, "engine's node (CLUSTER/NODE)", text);
        }
        found.map(|(cluster, node)| (cluster.to_owned(), node.to_owned()))
    }
}
