//! Whose requests stopped to come to anybody although those who had served them still could: the way was changed, and not what it
//! had led to. Looks at the moment of the change alone.

use super::{Client, Estate, Fate, Ping, Sender, Taker, Traffic};
use crate::cloud::Cloud;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One such moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misled {
    pub at: Timestamp,
    /// The client, the sender or the one who pings.
    pub who: String,
    /// The site, or the node, that had served it and still could.
    pub by: String,
}

/// Who serves whom, in the order of their names.
#[derive(Debug)]
pub(crate) struct Serving {
    /// The sites that answer some of a client's requests.
    pub(crate) clients: Vec<BTreeSet<String>>,
    pub(crate) pings: Vec<Fate>,
    pub(crate) senders: Vec<Option<Taker>>,
}

impl Traffic {
    /// Notes who serves whom from `at` on, and who was led away from somebody that could go on.
    pub(crate) fn note_serving(&mut self, cloud: &Cloud, estate: &Estate, at: Timestamp, now: &Serving) {
        let mut found = Vec::new();
        for ((who, client), sites) in self.clients.iter_mut().zip(&now.clients) {
            if client.served_by == *sites {
                continue;
            }
            let before = std::mem::replace(&mut client.served_by, sites.clone());
            if sites.is_empty() {
                let by = before.into_iter().find(|site| estate.could_serve(cloud, site, client));
                found.extend(by.map(|by| (who, by)));
            }
        }
        for ((who, ping), fate) in self.pings.iter_mut().zip(&now.pings) {
            let site = match fate {
                Fate::Arrives(site) => Some(site),
                Fate::Lost | Fate::NotSent => None,
            };
            if ping.arrives_at.as_ref() == site {
                continue;
            }
            let before = std::mem::replace(&mut ping.arrives_at, site.cloned());
            if *fate == Fate::Lost {
                let by = before.filter(|site| estate.could_take(cloud, site, ping));
                found.extend(by.map(|by| (who, by)));
            }
        }
        for ((who, sender), taker) in self.senders.iter_mut().zip(&now.senders) {
            let node = taker.as_ref().map(|taker| &taker.node);
            if sender.taken_by.as_ref() == node {
                continue;
            }
            let before = std::mem::replace(&mut sender.taken_by, node.cloned());
            if node.is_none() {
                let by = before.filter(|node| estate.could_acknowledge(cloud, sender, node));
                found.extend(by.map(|by| (who, by)));
            }
        }
        self.misled.extend(found.into_iter().map(|(who, by)| Misled { at, who: who.clone(), by }));
    }
}

impl Estate {
    /// Whether anything at a site would serve a client's requests if they came there.
    fn could_serve(&self, cloud: &Cloud, site: &str, client: &Client) -> bool {
        let there = self.software.iter().filter(|(_, software)| software.site == site);
        let ports = |application: Option<&String>| {
            let application = application.and_then(|name| self.applications.get(name));
            let web = application.map(|application| application.ports.clone()).unwrap_or_default();
            web.into_iter().chain(self.engines.values().map(|engine| engine.http_port))
        };
        there.into_iter().any(|(machine, software)| {
            ports(software.application.as_ref()).any(|port| {
                self.lets_in(cloud, machine, port)
                    && self.serve(cloud, machine, port, &client.path).is_some_and(|served| served.is_success())
            })
        })
    }

    /// Whether a machine of a site would take packets to an address if they came there.
    fn could_take(&self, cloud: &Cloud, site: &str, ping: &Ping) -> bool {
        self.software.iter().any(|(machine, software)| {
            software.site == site && software.addresses.contains(&ping.to) && cloud.machine_up(machine)
        })
    }

    /// Whether a node would acknowledge a sender's messages if they came there.
    fn could_acknowledge(&self, cloud: &Cloud, sender: &Sender, node: &str) -> bool {
        let engine = self.engines.get(&sender.engine);
        engine.and_then(|engine| Some((engine, engine.nodes.get(node)?))).is_some_and(|(engine, node)| {
            node.takes_messages(cloud) && self.lets_in(cloud, &node.machine, engine.mllp_port)
        })
    }
}
