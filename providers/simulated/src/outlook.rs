//! What can be seen of a world by somebody who stands outside of it: who is served now, and the facts that its own invariants speak of.

use crate::{
    World,
    traffic::{Fate, Load, Misled},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

impl World {
    /// The clients, senders and pings whom nobody serves at all at this moment, by name.
    pub fn unserved(&self) -> Vec<String> {
        let (cloud, estate, now) = (&self.cloud, &self.estate, self.now);
        // Only of those whose requests fail there is anything to find out.
        let failing = || self.traffic.clients.iter().filter(|(_, client)| client.measures.failing_since_ms.is_some());
        let load = failing().next().map(|_| Load::of(self.traffic.clients.values(), cloud, estate, now));
        let clients = failing().filter(|(_, client)| {
            let load = load.as_ref().expect("it is reckoned where some fail");
            client.fortune(cloud, estate, load, now).served.values().sum::<u64>() == 0
        });
        let senders = self.traffic.senders.iter().filter(|(_, sender)| estate.taker(cloud, sender, now).is_none());
        let pings = self.traffic.pings.iter().filter(|(_, ping)| matches!(ping.fate(cloud, estate), Fate::Lost));
        let names =
            clients.map(|(name, _)| name).chain(senders.map(|(name, _)| name)).chain(pings.map(|(name, _)| name));
        names.cloned().collect()
    }

    /// Everybody whose requests stopped to come to anybody although those who had served them still could, so far.
    pub fn misled(&self) -> &[Misled] {
        &self.traffic.misled
    }

    /// Who served whom up to this moment: sites, and the nodes of engines.
    pub fn served_by(&self) -> Vec<(String, Vec<String>)> {
        let (clients, senders, pings) = (&self.traffic.clients, &self.traffic.senders, &self.traffic.pings);
        let clients = clients.iter().map(|(name, client)| (name, client.served_by.iter().cloned().collect()));
        let senders = senders.iter().map(|(name, sender)| (name, sender.taken_by.iter().cloned().collect()));
        let pings = pings.iter().map(|(name, ping)| (name, ping.arrives_at.iter().cloned().collect()));
        clients.chain(senders).chain(pings).map(|(name, by)| (name.clone(), by)).collect()
    }

    /// Whom somebody has served since the world began.
    pub fn ever_served(&self) -> BTreeSet<&str> {
        let (clients, senders, pings) = (&self.traffic.clients, &self.traffic.senders, &self.traffic.pings);
        let clients = clients.iter().filter(|(_, client)| !client.measures.served.is_empty()).map(|(name, _)| name);
        let senders = senders.iter().filter(|(_, sender)| sender.acknowledged > 0).map(|(name, _)| name);
        let pings = pings.iter().filter(|(_, ping)| !ping.arrived.is_empty()).map(|(name, _)| name);
        clients.chain(senders).chain(pings).map(String::as_str).collect()
    }

    /// Conditions that the world's document says must never hold, as they were written.
    pub fn never(&self) -> &[String] {
        &self.never
    }

    /// What such a condition may speak of: `cluster`, `database`, `client` and `figures`.
    pub fn facts(&self) -> Value {
        let figures = self.figures();
        let clusters: Map<String, Value> = figures
            .engines
            .iter()
            .map(|(name, engine)| {
                let facts = json!({
                    "actives": engine.actives.len(),
                    "nodes": engine.actives,
                    "queued": engine.messages_queued,
                    "lost": engine.messages_lost,
                });
                (name.clone(), facts)
            })
            .collect();
        let databases: Map<String, Value> = self
            .cloud
            .rds
            .globals
            .iter()
            .map(|(name, global)| {
                let writers: Vec<&str> = global
                    .members
                    .iter()
                    .filter(|member| member.writer)
                    .map(|member| member.cluster.as_str())
                    .collect();
                (name.clone(), json!({ "writers": writers.len(), "clusters": writers }))
            })
            .collect();
        let unserved = self.unserved();
        let names = self.traffic.clients.keys().chain(self.traffic.senders.keys()).chain(self.traffic.pings.keys());
        let clients: Map<String, Value> =
            names.map(|name| (name.clone(), json!({ "served": !unserved.contains(name) }))).collect();
        json!({ "cluster": clusters, "database": databases, "client": clients, "figures": figures })
    }
}
