//! Eventual consistency: for a while, descriptions show what was before a change. Calls that change something see the truth.

use super::{Ec2, Instance, NetworkInterface, RouteTable};
use jiff::Timestamp;
use lifeboat_contract::clock::after;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap};

/// What descriptions show of one resource until `until`. `None`: that it does not exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Earlier {
    id: String,
    until: Timestamp,
    shown: Shown,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shown {
    RouteTable(Option<RouteTable>),
    Interface(Option<NetworkInterface>),
    Instance(Option<Box<Instance>>),
}

impl Ec2 {
    /// The region as descriptions show it at `now`.
    pub(super) fn view(&self, now: Timestamp) -> Cow<'_, Self> {
        if self.earlier.iter().all(|earlier| earlier.until <= now) {
            return Cow::Borrowed(self);
        }
        let mut view = self.clone();
        // Of several changes still hidden, the state before the oldest is what shows: it is written last.
        for earlier in self.earlier.iter().rev().filter(|earlier| earlier.until > now) {
            let id = &earlier.id;
            match &earlier.shown {
                Shown::RouteTable(table) => show(&mut view.route_tables, id, table.clone()),
                Shown::Interface(interface) => show(&mut view.interfaces, id, interface.clone()),
                Shown::Instance(instance) => show(&mut view.instances, id, instance.as_deref().cloned()),
            }
        }
        Cow::Owned(view)
    }

    /// Keeps what `before` showed of everything that changed at `now`, and forgets what is no longer shown.
    pub(super) fn remember(&mut self, before: &Self, now: Timestamp) {
        self.earlier.retain(|earlier| earlier.until > now);
        let lag = self.options.visible_after.get();
        if lag.is_zero() {
            return;
        }
        let until = after(now, lag);
        let mut kept = Vec::new();
        let mut keep = |id: String, shown| kept.push(Earlier { id, until, shown });
        for (id, table) in changed(&before.route_tables, &self.route_tables) {
            keep(id, Shown::RouteTable(table));
        }
        for (id, interface) in changed(&before.interfaces, &self.interfaces) {
            keep(id, Shown::Interface(interface));
        }
        for (id, instance) in changed(&before.instances, &self.instances) {
            keep(id, Shown::Instance(instance.map(Box::new)));
        }
        self.earlier.extend(kept);
    }
}

/// What is not the same in both maps, with what it was before.
fn changed<T: Clone + PartialEq>(before: &BTreeMap<String, T>, now: &BTreeMap<String, T>) -> Vec<(String, Option<T>)> {
    let altered =
        before.iter().filter(|(id, old)| now.get(*id) != Some(*old)).map(|(id, old)| (id.clone(), Some(old.clone())));
    let new = now.keys().filter(|id| !before.contains_key(*id)).map(|id| (id.clone(), None));
    altered.chain(new).collect()
}

fn show<T>(map: &mut BTreeMap<String, T>, id: &str, value: Option<T>) {
    match value {
        Some(value) => map.insert(id.to_owned(), value),
        None => map.remove(id),
    };
}
