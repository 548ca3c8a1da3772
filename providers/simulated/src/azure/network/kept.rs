//! A resource as the API shows it, and what of it is in effect. Knows no type of resource.

use super::{Network, body, serve::stamp};
use crate::{azure::ArmError, ids};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the simulation needs of one type of resource.
pub(crate) trait Effect: Sized + Clone + Default {
    /// `routeTables`.
    const TYPE: &'static str;
    /// Arrays of child resources in `properties`, and whether one of them can be written by itself.
    const CHILDREN: &'static [(&'static str, bool)];
    /// Whether calls can change it at all.
    const WRITABLE: bool;

    fn all(network: &Network) -> &BTreeMap<String, Kept<Self>>;

    fn all_mut(network: &mut Network) -> &mut BTreeMap<String, Kept<Self>>;

    /// Fills in what the service decides or knows, before a body is kept.
    fn complete(_body: &mut Value, _existing: Option<&Kept<Self>>, _network: &Network) -> Result<(), ArmError> {
        Ok(())
    }

    /// Takes a complete body apart. An error is one in the body itself.
    fn read(body: &Value) -> Result<Self, ArmError>;

    /// Checks against everything else there is. References to other resources have been checked before.
    fn check(&self, _key: &str, _network: &Network) -> Result<(), ArmError> {
        Ok(())
    }

    /// Why it can't be deleted.
    fn in_use(_key: &str, _kept: &Kept<Self>, _network: &Network) -> Option<ArmError> {
        None
    }

    /// Adds what the API shows of other resources' ties to this one.
    fn show(_key: &str, _body: &mut Value, _network: &Network) {}
}

/// One resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept<T> {
    /// As it was created: its own casing.
    pub(crate) id: String,
    pub(crate) location: String,
    /// What the API shows, the goal of a write that is being provisioned included.
    pub(crate) body: Value,
    /// Grows with each change: where etags come from.
    pub(crate) generation: u64,
    /// What is in effect: the goal of the last write that was provisioned.
    pub(crate) effect: T,
    pub(crate) pending: Option<Pending>,
}

/// A write that is being provisioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) at: Timestamp,
    pub(crate) fails: bool,
    pub(crate) deletes: bool,
    /// The array and the name of the only child that it is about.
    pub(crate) child: Option<(String, String)>,
}

impl<T: Effect> Kept<T> {
    /// Keeps a resource that is there from the world's start on: checked as a write, and in effect at once.
    pub(crate) fn found(id: &str, location: &str, properties: &Value, network: &mut Network) -> Result<(), ArmError> {
        let key = id.to_ascii_lowercase();
        let machine = properties.get("virtualMachine").cloned();
        let mut made = json!({ "properties": properties });
        T::complete(&mut made, None, network)?;
        if let Some(machine) = machine {
            body::properties(&mut made).insert("virtualMachine".to_owned(), machine);
        }
        stamp::<T>(&mut made, id, location, 1, None);
        let etag = etag_of(id, 1);
        body::set_state(&mut made, "Succeeded", &etag);
        body::set_children_state(&mut made, T::CHILDREN, "Succeeded");
        let effect = T::read(&made)?;
        effect.check(&key, network)?;
        let kept =
            Self { id: id.to_owned(), location: location.to_owned(), body: made, generation: 1, effect, pending: None };
        T::all_mut(network).insert(key, kept);
        Ok(())
    }

    /// Lets a change be in effect at once. While a write is being provisioned, the service takes no other one.
    pub(super) fn alter(&mut self, change: impl FnOnce(&mut Value, &str)) {
        let mut made = self.body.clone();
        let etag = etag_of(&self.id, self.generation + 1);
        change(&mut made, &etag);
        let Ok(effect) = T::read(&made) else { return };
        if self.pending.is_some() || made == self.body {
            return;
        }
        self.generation += 1;
        body::set_state(&mut made, "Succeeded", &etag);
        (self.body, self.effect) = (made, effect);
    }

    pub(crate) fn etag(&self) -> &str {
        body::etag(&self.body)
    }

    pub(crate) fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }

    /// Completes a write that is due. Returns whether the resource is still there.
    pub(super) fn complete(&mut self, now: Timestamp) -> bool {
        let Some(pending) = self.pending.take_if(|pending| pending.at <= now) else { return true };
        if pending.deletes && !pending.fails {
            match &pending.child {
                None => return false,
                Some((array, name)) => body::remove_child(&mut self.body, array, name),
            }
        }
        self.generation += 1;
        let etag = etag_of(&self.id, self.generation);
        let state = if pending.fails { "Failed" } else { "Succeeded" };
        body::set_state(&mut self.body, state, &etag);
        match &pending.child {
            Some((array, name)) => {
                if let Some(child) = body::child_mut(&mut self.body, array, name) {
                    body::set_state(child, state, &etag);
                }
            }
            None => body::set_children_state(&mut self.body, T::CHILDREN, state),
        }
        if !pending.fails
            && let Ok(effect) = T::read(&self.body)
        {
            self.effect = effect;
        }
        true
    }
}

/// The etag of a resource's generation.
pub(super) fn etag_of(id: &str, generation: u64) -> String {
    format!("W/\"{}\"", ids::uuid(&format!("etag/{}/{generation}", id.to_ascii_lowercase())))
}
