//! `Microsoft.Compute`: virtual machines and their power. Knows nothing of what runs on them, and creates none.

mod actions;
mod describe;
mod lifecycle;

#[cfg(test)]
mod tests;

use super::{ArmCx, ArmError, ArmPath, ArmReply, ArmRequest};
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Every virtual machine of a subscription, by group and name in lower case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Compute {
    pub(crate) machines: BTreeMap<String, VirtualMachine>,
    pub(crate) times: ComputeTimes,
}

/// How long the transitions of virtual machines take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ComputeTimes {
    pub(crate) start: Duration,
    pub(crate) restart: Duration,
    pub(crate) power_off: Duration,
    pub(crate) deallocate: Duration,
    /// How long it takes to find out that there is no room.
    pub(crate) refuse: Duration,
}

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VirtualMachine {
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) location: String,
    /// Its availability zone: `1`. A machine without one is regional.
    pub(crate) zone: Option<String>,
    pub(crate) size: String,
    /// The ids of its network interfaces, the primary one first.
    pub(crate) interfaces: Vec<String>,
    pub(crate) power: Power,
    /// Since when it has this power state.
    pub(crate) since: Timestamp,
    pub(crate) change: Option<PowerChange>,
    /// The last operation on it failed.
    pub(crate) failed: bool,
    /// Grows with each change: the etag.
    pub(crate) generation: u64,
    pub(crate) created: Timestamp,
    pub(crate) room: Room,
}

/// What the platform still has for a machine that must be allocated anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Room {
    /// How many more allocations succeed. `None`: all of them.
    pub(crate) left: Option<u32>,
    /// From this moment on all of them succeed.
    pub(crate) again_from: Option<Timestamp>,
    /// The machine's zone is lost: nothing in it can be allocated or started.
    pub(crate) zone_lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Power {
    Starting,
    Running,
    Stopping,
    Stopped,
    Deallocating,
    Deallocated,
}

/// A transition that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PowerChange {
    pub(crate) action: Action,
    pub(crate) at: Timestamp,
    pub(crate) to: Power,
    /// The code and message with which the operation fails.
    pub(crate) failure: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    Start,
    Restart,
    PowerOff,
    Deallocate,
}

impl Default for ComputeTimes {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(40),
            restart: Duration::from_secs(50),
            power_off: Duration::from_secs(20),
            deallocate: Duration::from_secs(45),
            refuse: Duration::from_secs(15),
        }
    }
}

impl Compute {
    pub(crate) fn answer(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let path = &request.path;
        let last = path.last();
        match path.types.as_slice() {
            [] if last.as_deref() == Some("virtualmachines") => match request.method {
                Method::GET => Ok(ArmReply::Json(200, self.list(path, cx))),
                _ => Err(ArmError::method_not_allowed(&request.method)),
            },
            [(kind, _)] if kind.eq_ignore_ascii_case("virtualMachines") => {
                let machine = self.machines.get_mut(&key(path)).ok_or_else(|| ArmError::resource_not_found(path))?;
                match (&request.method, last.as_deref()) {
                    (&Method::GET, None) => {
                        let expand = request.parameter("$expand").unwrap_or_default();
                        let expand = expand.split(',').any(|part| part.trim().eq_ignore_ascii_case("instanceView"));
                        Ok(ArmReply::Json(200, machine.body(cx, expand)))
                    }
                    (&Method::GET, Some("instanceview")) => Ok(ArmReply::Json(200, machine.instance_view())),
                    (&Method::POST, Some(action)) => match Action::of(action) {
                        Some(action) => machine.act(action, request, cx, self.times),
                        None => Err(ArmError::unknown_type(path)),
                    },
                    _ => Err(ArmError::method_not_allowed(&request.method)),
                }
            }
            _ => Err(ArmError::unknown_type(path)),
        }
    }

    fn list(&self, path: &ArmPath, cx: &ArmCx<'_>) -> Value {
        let group = |machine: &&VirtualMachine| {
            path.group.as_ref().is_none_or(|group| group.eq_ignore_ascii_case(&machine.group))
        };
        let listed: Vec<Value> = self.machines.values().filter(group).map(|machine| machine.body(cx, false)).collect();
        json!({ "value": listed })
    }

    /// The machine with this name, whatever its group and its case. Names are unique in a world.
    pub(crate) fn named(&self, name: &str) -> Option<&VirtualMachine> {
        self.machines.values().find(|machine| machine.name.eq_ignore_ascii_case(name))
    }

    /// The machine that a network interface is attached to. Attachment does not end with the machine's power.
    pub(crate) fn holder(&self, interface: &str) -> Option<&VirtualMachine> {
        let holds =
            |machine: &&VirtualMachine| machine.interfaces.iter().any(|own| own.eq_ignore_ascii_case(interface));
        self.machines.values().find(holds)
    }

    /// The configuration alone.
    pub(crate) fn contents(&self) -> Value {
        self.machines
            .iter()
            .map(|(key, machine)| (key.clone(), machine.contents()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

/// What machines are kept by.
pub(crate) fn machine_key(group: &str, name: &str) -> String {
    format!("{group}/{name}").to_ascii_lowercase()
}

fn key(path: &ArmPath) -> String {
    machine_key(path.group.as_deref().unwrap_or_default(), path.name())
}

impl Power {
    /// As the instance view names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Deallocating => "deallocating",
            Self::Deallocated => "deallocated",
        }
    }
}
