//! Load balancers and target groups, as an operator writes them. Says nothing of how health is decided.

use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::Ipv4Addr;

/// A load balancer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancerDocument {
    /// Default `application`.
    #[serde(default)]
    pub kind: LoadBalancerKindDocument,
    /// The last part of its ARN, 16 hexadecimal digits. Default: derived from its name.
    #[serde(default)]
    pub id: Option<String>,
    /// Its host name. Default: derived from its name and region.
    #[serde(default)]
    pub dns_name: Option<String>,
    /// The subnets it stands in.
    pub subnets: Vec<String>,
    /// Not reachable from outside.
    #[serde(default)]
    pub internal: bool,
    /// Its security groups.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Where it listens, and where it sends what it hears.
    #[serde(default)]
    pub listeners: Vec<ListenerDocument>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadBalancerKindDocument {
    /// Takes HTTP requests.
    #[default]
    Application,
    /// Takes connections.
    Network,
}

impl LoadBalancerKindDocument {
    /// The service's own word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Network => "network",
        }
    }
}

/// A listener whose default action forwards to target groups.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerDocument {
    /// The last part of its ARN, 16 hexadecimal digits. Default: derived from its load balancer and port.
    #[serde(default)]
    pub id: Option<String>,
    pub port: u16,
    /// `HTTP` or `HTTPS`; of a network load balancer `TCP`, `TLS`, `UDP` or `TCP_UDP`. Default: `HTTPS` on port 443, else `HTTP`; of
    /// a network load balancer `TCP`.
    #[serde(default)]
    pub protocol: Option<String>,
    /// What it presents, over HTTPS or TLS. Default: a certificate of the load balancer's own name, valid for 13 months.
    #[serde(default)]
    pub certificate: Option<CertificateDocument>,
    /// The target groups that share its traffic.
    pub forward: Vec<WeightedGroupDocument>,
}

/// A certificate of ACM.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateDocument {
    pub domain: String,
    /// Its other names.
    #[serde(default)]
    pub names: Vec<String>,
    /// From the world's start on. Default 395d.
    #[serde(default = "thirteen_months")]
    pub valid_for: Span,
}

pub(crate) fn thirteen_months() -> Span {
    Span::secs(395 * 24 * 60 * 60)
}

/// A target group's share of a listener's traffic.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightedGroupDocument {
    /// The target group's name.
    pub target_group: String,
    /// 0 to 999. Default 1.
    #[serde(default = "one")]
    pub weight: u32,
}

/// A target group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetGroupDocument {
    /// The last part of its ARN, 16 hexadecimal digits. Default: derived from its name.
    #[serde(default)]
    pub id: Option<String>,
    /// The network of its targets.
    pub vpc: String,
    /// `HTTP` or `HTTPS`; for a network load balancer `TCP`, `TLS`, `UDP` or `TCP_UDP`. Default `HTTP`.
    #[serde(default = "http")]
    pub protocol: String,
    /// The port on which targets receive traffic. Default 80.
    #[serde(default = "eighty")]
    pub port: u16,
    #[serde(default)]
    pub health_check: HealthCheckDocument,
    /// How long a target that is taken out drains. Default 5m.
    #[serde(default = "drain")]
    pub deregistration_delay: Span,
    /// Its targets, healthy at the start where their application answers.
    #[serde(default)]
    pub targets: Vec<TargetDocument>,
}

/// One registered target. All targets of a group are instances, or all are addresses.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetDocument {
    /// The instance's id.
    #[serde(default)]
    pub instance: Option<String>,
    /// The address. One of a machine that does not run can be registered, too.
    #[serde(default)]
    pub address: Option<Ipv4Addr>,
    /// Default: the group's port.
    #[serde(default)]
    pub port: Option<u16>,
}

/// How a target group probes its targets.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheckDocument {
    /// `HTTP`, `HTTPS` or `TCP`. Default: the group's own, where that is one for HTTP; else `HTTP` with a path, and `TCP` without.
    #[serde(default)]
    pub protocol: Option<String>,
    /// The port that is probed. Default: the one on which the target receives traffic.
    #[serde(default)]
    pub port: Option<u16>,
    /// Only of HTTP and HTTPS. Default `/`.
    #[serde(default)]
    pub path: Option<String>,
    /// Default 10s.
    #[serde(default = "interval")]
    pub interval: Span,
    /// Successes in a row that make a target healthy. Default 3.
    #[serde(default = "three")]
    pub healthy_threshold: u32,
    /// Failures in a row that make it unhealthy. Default 2.
    #[serde(default = "two")]
    pub unhealthy_threshold: u32,
    /// The status codes that count as success, only of HTTP and HTTPS. Default `200`.
    #[serde(default)]
    pub matcher: Option<String>,
}

impl Default for HealthCheckDocument {
    fn default() -> Self {
        Self {
            protocol: None,
            port: None,
            path: None,
            interval: interval(),
            healthy_threshold: three(),
            unhealthy_threshold: two(),
            matcher: None,
        }
    }
}

fn one() -> u32 {
    1
}
fn two() -> u32 {
    2
}
fn three() -> u32 {
    3
}
fn eighty() -> u16 {
    80
}
fn http() -> String {
    "HTTP".to_owned()
}
fn interval() -> Span {
    Span::secs(10)
}
fn drain() -> Span {
    Span::secs(300)
}
