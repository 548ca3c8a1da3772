//! What nodes answer over HTTP: their health, their role, and who has the queue.

use super::{Engine, Node, Process};
use crate::{cloud::Cloud, traffic::Estate};
use serde::Deserialize;
use serde_json::{Value, json};

/// An answer of a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

#[derive(Deserialize)]
struct Order {
    owner: String,
}

impl Engine {
    /// Answers a request for a node's HTTP port. Nothing when its process answers nobody.
    fn answer(
        &self,
        cloud: &Cloud,
        cluster: &str,
        site: &str,
        (name, node): (&str, &Node),
        path: &str,
    ) -> Option<Asked> {
        if !node.answers(cloud) {
            return None;
        }
        let sees = self.sees_storage(cloud, node);
        let status = match path {
            "/healthz" if sees => 200,
            "/active" if sees && node.processing => 200,
            "/healthz" | "/active" => 503,
            _ => 404,
        };
        let body = json!({
            "cluster": cluster,
            "node": name,
            "site": site,
            "role": if node.processing { "active" } else { "passive" },
            "storage": if sees { "ok" } else { "lost" },
            "owner": self.owner,
            "position": self.queue.position(),
            "queued": self.queue.queued(),
        });
        Some(Asked { status, body })
    }

    /// Writes down who shall have the queue.
    fn order(&mut self, text: &[u8]) -> Result<(), String> {
        let order: Order =
            serde_json::from_slice(text).map_err(|error| format!("the body is not {{\"owner\": …}}: {error}"))?;
        if !self.nodes.contains_key(&order.owner) {
            return Err(format!("there is no node {}", order.owner));
        }
        self.owner = order.owner;
        Ok(())
    }
}

impl Estate {
    /// The cluster that listens for HTTP on a port of a machine.
    fn cluster_at(&self, machine: &str, port: u16) -> Option<&str> {
        let mut found =
            self.engines.iter().filter(|(_, engine)| engine.http_port == port && engine.node_on(machine).is_some());
        found.next().map(|(name, _)| name.as_str())
    }

    /// What an engine on a machine answers to a GET. Nothing where there is none, or it does not answer.
    pub(crate) fn ask_engine(&self, cloud: &Cloud, machine: &str, port: u16, path: &str) -> Option<Asked> {
        let cluster = self.cluster_at(machine, port)?;
        let engine = &self.engines[cluster];
        let site = self.software.get(machine).map_or("", |software| software.site.as_str());
        engine.answer(cloud, cluster, site, engine.node_on(machine)?, path)
    }

    /// Lets an engine on a machine carry out a POST. Nothing where there is none, or it does not answer.
    pub(crate) fn order_engine(
        &mut self,
        cloud: &Cloud,
        machine: &str,
        port: u16,
        path: &str,
        body: &[u8],
    ) -> Option<Asked> {
        let now = self.ask_engine(cloud, machine, port, "/healthz")?;
        let refused = |status: u16, error: String| Some(Asked { status, body: json!({ "error": error }) });
        if path != "/owner" {
            return refused(404, format!("nothing is done at {path}"));
        }
        if now.status != 200 {
            return refused(503, "the storage cannot be reached".to_owned());
        }
        let cluster = self.cluster_at(machine, port)?.to_owned();
        let engine = self.engines.get_mut(&cluster)?;
        match engine.order(body) {
            Ok(()) => self.ask_engine(cloud, machine, port, "/healthz"),
            Err(error) => refused(400, error),
        }
    }

    /// Whether an engine on a machine takes connections to a port.
    pub(crate) fn engine_listens(&self, cloud: &Cloud, machine: &str, port: u16) -> bool {
        self.engines.values().any(|engine| {
            engine.node_on(machine).is_some_and(|(_, node)| {
                let takes = engine.mllp_port == port && node.takes_messages(cloud);
                takes || engine.http_port == port && node.answers(cloud)
            })
        })
    }

    /// Whether an engine on a machine has this port, and its process hangs: nobody answers, and nothing is refused.
    pub(crate) fn engine_hangs(&self, machine: &str, port: u16) -> bool {
        self.engine_port(machine, port).is_some_and(|node| node.process == Process::Hung)
    }

    /// The node of an engine on a machine that has this port.
    pub(crate) fn engine_port(&self, machine: &str, port: u16) -> Option<&Node> {
        let mut here = self.engines.values().filter(|engine| [engine.mllp_port, engine.http_port].contains(&port));
        here.find_map(|engine| engine.node_on(machine)).map(|(_, node)| node)
    }
}
