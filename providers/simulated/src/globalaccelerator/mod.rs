//! Global Accelerator: accelerators, listeners and endpoint groups, their deployment, and where they send traffic.
//!
//! Does not know load balancers: whether an endpoint is healthy is asked of the caller.

mod describe;
mod endpoint_groups;
mod input;
mod operations;
mod route;

pub(crate) use endpoint_groups::default_health_check;
pub(crate) use input::as_float;
pub(crate) use operations::{GaCx, READS, is_served_in};

use crate::pace::Pace;
use jiff::Timestamp;
use lifeboat_contract::{Span, clock::after};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

/// The region of the service's control plane. There is no other.
pub(crate) const CONTROL_REGION: &str = "us-west-2";

/// All accelerators of the account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GlobalAccelerator {
    /// By ARN.
    pub(crate) accelerators: BTreeMap<String, Accelerator>,
    /// Tags of any resource here, by ARN.
    pub(crate) tags: BTreeMap<String, BTreeMap<String, String>>,
    /// What an idempotency token created, so that a repeated call creates nothing twice.
    pub(crate) tokens: BTreeMap<String, String>,
    pub(crate) created: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Accelerator {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) ip_address_type: String,
    pub(crate) enabled: bool,
    pub(crate) addresses: Vec<Ipv4Addr>,
    pub(crate) dns_name: String,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) deploy_time: Span,
    pub(crate) status_lag: Span,
    pub(crate) health_time: Span,
    /// The attributes of flow logs: described and kept, nothing more.
    pub(crate) attributes: BTreeMap<String, Value>,
    /// What was asked for, by ARN: what `Describe…` shows at once.
    pub(crate) listeners: BTreeMap<String, Listener>,
    /// What traffic follows: the listeners as last deployed, and whether the accelerator was enabled then.
    pub(crate) deployed: BTreeMap<String, Listener>,
    pub(crate) deployed_enabled: bool,
    /// Set while a change is under way.
    pub(crate) deploying: Option<Deploying>,
    /// What the accelerator believes about its endpoints, by endpoint id.
    pub(crate) health: BTreeMap<String, EndpointHealth>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deploying {
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Listener {
    pub(crate) arn: String,
    pub(crate) ports: Vec<(u16, u16)>,
    pub(crate) protocol: String,
    pub(crate) affinity: String,
    /// By ARN.
    pub(crate) groups: BTreeMap<String, EndpointGroup>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndpointGroup {
    pub(crate) arn: String,
    pub(crate) region: String,
    pub(crate) dial: f64,
    pub(crate) endpoints: Vec<Endpoint>,
    /// `HealthCheckPort` and its siblings, as sent. They matter only to endpoints that are no load balancers.
    pub(crate) health_check: BTreeMap<String, Value>,
    pub(crate) port_overrides: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) weight: u32,
    pub(crate) client_ip_preserved: bool,
}

/// What an accelerator believes about an endpoint: it notices a change after its `health_time`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndpointHealth {
    pub(crate) state: HealthState,
    /// The state it is about to believe, and when.
    pub(crate) noticing: Option<(HealthState, Timestamp)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HealthState {
    Initial,
    Healthy,
    Unhealthy,
}

impl HealthState {
    pub(crate) const fn of(healthy: bool) -> Self {
        if healthy { Self::Healthy } else { Self::Unhealthy }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Initial => "INITIAL",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

impl GlobalAccelerator {
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        self.accelerators
            .values()
            .flat_map(|accelerator| {
                let deploying = accelerator.deploying.as_ref().map(|deploying| deploying.until);
                let noticing = accelerator.health.values().filter_map(|health| health.noticing.map(|(_, at)| at));
                deploying.into_iter().chain(noticing)
            })
            .min()
    }

    /// Completes what is due at `now`, and looks at the endpoints' own health, as `healthy` tells it.
    pub(crate) fn advance(&mut self, now: Timestamp, healthy: &dyn Fn(&str) -> bool) {
        for accelerator in self.accelerators.values_mut() {
            accelerator.advance(now, healthy);
        }
    }

    /// The configuration alone.
    pub(crate) fn contents(&self) -> Value {
        let accelerators = self.accelerators.values().map(Accelerator::contents).collect::<Vec<_>>();
        json!({ "accelerators": accelerators, "tags": self.tags })
    }
}

impl Accelerator {
    fn advance(&mut self, now: Timestamp, healthy: &dyn Fn(&str) -> bool) {
        if self.deploying.as_ref().is_some_and(|deploying| deploying.until <= now) {
            self.deploying = None;
            self.deploy();
        }
        let ids = self.endpoint_ids();
        self.health.retain(|id, _| ids.contains(id));
        for id in ids {
            let actual = HealthState::of(healthy(&id));
            let notices_at = after(now, self.health_time.get());
            let health =
                self.health.entry(id).or_insert(EndpointHealth { state: HealthState::Initial, noticing: None });
            match health.noticing {
                _ if health.state == actual => health.noticing = None,
                Some((state, at)) if state == actual && at <= now => {
                    *health = EndpointHealth { state: actual, noticing: None };
                }
                Some((state, _)) if state == actual => {}
                _ => health.noticing = Some((actual, notices_at)),
            }
        }
    }

    /// Takes its endpoints to be as healthy as they are, as if it had watched them for long.
    pub(crate) fn believe(&mut self, healthy: &BTreeMap<String, bool>) {
        for id in self.endpoint_ids() {
            let state = HealthState::of(healthy.get(&id).copied().unwrap_or(false));
            self.health.insert(id, EndpointHealth { state, noticing: None });
        }
    }

    /// Makes traffic follow what was asked for.
    pub(crate) fn deploy(&mut self) {
        self.deployed = self.listeners.clone();
        self.deployed_enabled = self.enabled;
    }

    /// Records a change: the status says so, and traffic follows it once it is deployed.
    pub(crate) fn changed(&mut self, now: Timestamp, pace: Pace) {
        self.modified = now;
        let since = self.deploying.as_ref().map_or(now, |deploying| deploying.since);
        self.deploying = Some(Deploying { since, until: pace.end(now, self.deploy_time.get()) });
    }

    /// What a `Describe` at `now` reads: just after a change it may still read `DEPLOYED`.
    pub(crate) fn status(&self, now: Timestamp) -> &'static str {
        match &self.deploying {
            Some(deploying)
                if self.status_lag.get() == Duration::ZERO || now >= after(deploying.since, self.status_lag.get()) =>
            {
                "IN_PROGRESS"
            }
            _ => "DEPLOYED",
        }
    }

    fn endpoint_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .listeners
            .values()
            .chain(self.deployed.values())
            .flat_map(|listener| listener.groups.values())
            .flat_map(|group| group.endpoints.iter().map(|endpoint| endpoint.id.clone()))
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }

    fn contents(&self) -> Value {
        json!({
            "arn": self.arn,
            "name": self.name,
            "enabled": self.enabled,
            "addresses": self.addresses,
            "attributes": self.attributes,
            "listeners": self.listeners,
            "deployed": self.deploying.is_none(),
        })
    }
}
