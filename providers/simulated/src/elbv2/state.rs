//! What one region of load balancing holds. Says nothing of how it changes.

use jiff::Timestamp;
use lifeboat_contract::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One region. All maps are by ARN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Elb {
    pub(crate) load_balancers: BTreeMap<String, LoadBalancer>,
    pub(crate) target_groups: BTreeMap<String, TargetGroup>,
    pub(crate) listeners: BTreeMap<String, Listener>,
    /// The rules besides each listener's default one.
    pub(crate) rules: BTreeMap<String, Rule>,
    /// Tags of any resource here, by its ARN.
    pub(crate) tags: BTreeMap<String, BTreeMap<String, String>>,
    /// How many ids were given out.
    pub(crate) created: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoadBalancer {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) dns_name: String,
    /// `application` or `network`.
    pub(crate) kind: String,
    pub(crate) internal: bool,
    pub(crate) vpc: String,
    /// The subnet it stands in, by zone. Targets in other zones receive nothing.
    pub(crate) zones: BTreeMap<String, String>,
    pub(crate) security_groups: Vec<String>,
    pub(crate) created: Timestamp,
    /// Until then it is `provisioning`, and serves nobody.
    pub(crate) active_at: Timestamp,
    /// The attributes that were modified.
    pub(crate) attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TargetGroup {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) protocol: String,
    pub(crate) protocol_version: Option<String>,
    /// The port on which targets receive traffic, unless they were registered with another.
    pub(crate) port: u16,
    pub(crate) vpc: String,
    /// `instance` or `ip`.
    pub(crate) target_type: String,
    pub(crate) health_check: HealthCheck,
    /// The attributes that were modified.
    pub(crate) attributes: BTreeMap<String, String>,
    /// By `id:port`.
    pub(crate) targets: BTreeMap<String, Target>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HealthCheck {
    pub(crate) enabled: bool,
    pub(crate) protocol: String,
    /// `traffic-port`, or a number.
    pub(crate) port: String,
    /// Only of HTTP and HTTPS checks.
    pub(crate) path: Option<String>,
    pub(crate) interval: Span,
    pub(crate) timeout: Span,
    pub(crate) healthy_threshold: u32,
    pub(crate) unhealthy_threshold: u32,
    /// Only of HTTP and HTTPS checks: `200`, `200-299`, `200,202`.
    pub(crate) matcher: Option<String>,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            enabled: true,
            protocol: "HTTP".to_owned(),
            port: "traffic-port".to_owned(),
            path: Some("/".to_owned()),
            interval: Span::secs(30),
            timeout: Span::secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Some("200".to_owned()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Target {
    /// An instance's id, or an address.
    pub(crate) id: String,
    pub(crate) port: u16,
    /// Given by the caller: `all`, or a zone. Only of addresses.
    pub(crate) zone: Option<String>,
    pub(crate) health: Health,
    /// What the health checks are about to conclude.
    pub(crate) verdict: Option<Verdict>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Health {
    /// Registered; the checks have not concluded. They begin at `checked_from`.
    Initial {
        checked_from: Timestamp,
    },
    Healthy,
    Unhealthy,
    /// Taken out: it receives nothing new, and is gone at `until`.
    Draining {
        until: Timestamp,
    },
    /// Not checked at all.
    Unused(Unused),
}

/// Why a target is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unused {
    /// No listener and no rule sends anything to its group.
    GroupNotInUse,
    /// The load balancer does not stand in its zone.
    ZoneNotEnabled,
    /// The instance does not run.
    NotRunning,
    /// The instance was terminated.
    Terminated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) healthy: bool,
    pub(crate) at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Listener {
    pub(crate) arn: String,
    pub(crate) load_balancer: String,
    pub(crate) port: u16,
    pub(crate) protocol: String,
    pub(crate) ssl_policy: Option<String>,
    pub(crate) certificates: Vec<String>,
    /// What happens to a request that no rule matches.
    pub(crate) actions: Vec<Action>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) arn: String,
    pub(crate) listener: String,
    pub(crate) priority: u32,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) actions: Vec<Action>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Action {
    pub(crate) order: Option<u32>,
    pub(crate) kind: ActionKind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum ActionKind {
    /// Comes before another action.
    SignIn(SignIn),
    Forward {
        groups: Vec<Weighted>,
        /// Whether a client stays with the group it got. `None`: it does not, and no duration was ever given.
        stickiness: Option<Stickiness>,
    },
    FixedResponse {
        status: u16,
        content_type: Option<String>,
        body: Option<String>,
    },
    Redirect {
        protocol: String,
        port: String,
        host: String,
        path: String,
        query: String,
        status: u16,
    },
}

/// How a user signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignIn {
    /// `authenticate-cognito` or `authenticate-oidc`.
    pub(crate) kind: String,
    /// By the service's own names.
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) timeout: u32,
    pub(crate) extra: BTreeMap<String, String>,
    /// Never described.
    pub(crate) secret: Option<String>,
}

/// Kept as it was given: a duration may be there although it is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stickiness {
    pub(crate) enabled: bool,
    pub(crate) seconds: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Weighted {
    /// The group's ARN.
    pub(crate) group: String,
    pub(crate) weight: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Condition {
    /// `host-header`, `path-pattern`, `http-header`, `http-request-method`, `query-string` or `source-ip`.
    pub(crate) field: String,
    /// The header that an `http-header` condition looks at.
    pub(crate) header: Option<String>,
    pub(crate) values: Vec<ConditionValue>,
}

/// A value of a condition; in a query string it may have a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConditionValue {
    pub(crate) key: Option<String>,
    pub(crate) value: String,
}
