//! Incidents and faults, as an operator writes them. Says nothing of how they are applied.

use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// Something that happens to the world: exactly one thing at one moment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentDocument {
    /// When, counted from the world's start.
    pub at: Span,
    /// This region is lost.
    #[serde(default)]
    pub lose_region: Option<String>,
    /// This region is back.
    #[serde(default)]
    pub restore_region: Option<String>,
    /// What of the region is lost or restored. Default `both`.
    #[serde(default)]
    pub planes: PlanesDocument,
    /// This instance stops.
    #[serde(default)]
    pub stop_instance: Option<String>,
    /// This instance starts.
    #[serde(default)]
    pub start_instance: Option<String>,
    /// This availability zone is lost, with all machines and mount targets in it: `us-east-1a`, or `eastus/1` on Azure.
    #[serde(default)]
    pub lose_zone: Option<String>,
    /// This zone is back. Machines in it boot.
    #[serde(default)]
    pub restore_zone: Option<String>,
    /// An engine's process on one node dies, as `CLUSTER/NODE`.
    #[serde(default)]
    pub crash_process: Option<String>,
    /// A process that died is started again.
    #[serde(default)]
    pub restart_process: Option<String>,
    /// An engine's process on one node hangs: it does nothing, answers nobody, and holds on to the storage.
    #[serde(default)]
    pub hang_process: Option<String>,
    /// A process that hung goes on where it was.
    #[serde(default)]
    pub resume_process: Option<String>,
    /// Everything that this cluster writes to its storage takes `delay` longer.
    #[serde(default)]
    pub slow_storage: Option<String>,
    /// The storage of this cluster is as fast as before.
    #[serde(default)]
    pub restore_storage: Option<String>,
    /// How much longer it takes.
    #[serde(default)]
    pub delay: Option<Span>,
    /// The identifier of a secondary cluster whose replication lag changes to `lag`.
    #[serde(default)]
    pub replication: Option<String>,
    /// The new replication lag.
    #[serde(default)]
    pub lag: Option<Span>,
    /// From now on this region publishes no replication metrics.
    #[serde(default)]
    pub silence_metrics: Option<String>,
    /// This region publishes replication metrics again.
    #[serde(default)]
    pub restore_metrics: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanesDocument {
    /// Its APIs.
    Control,
    /// Its instances, load balancers and databases.
    Data,
    #[default]
    Both,
}

/// How matching calls go wrong.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultDocument {
    /// Which calls.
    #[serde(rename = "match", default)]
    pub matching: FaultMatch,
    /// The call is refused.
    #[serde(default)]
    pub reject: Option<RejectDocument>,
    /// The call is refused with the service's own throttling error.
    #[serde(default)]
    pub throttle: bool,
    /// The call is never answered.
    #[serde(default)]
    pub time_out: Option<TimeOutDocument>,
    /// The call is never answered, and takes effect this much later.
    #[serde(default)]
    pub land_late: Option<Span>,
    /// A read that comes within this time of a write to the same service answers as before that write.
    #[serde(default)]
    pub stale: Option<Span>,
    /// The answer comes this much later.
    #[serde(default)]
    pub delay: Option<Span>,
    /// The transition that the call begins takes this much longer.
    #[serde(default)]
    pub slow: Option<Span>,
    /// The transition that the call begins never ends.
    #[serde(default)]
    pub stuck: bool,
    /// What the call begins is called off by the service: a switchover, an operation, a start or launch for which there is no
    /// capacity, an update of a node group.
    #[serde(default)]
    pub cancel: bool,
}

/// Which calls a fault meets. What is not given matches everything.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultMatch {
    /// The service's signing name: `rds`, `ec2`, `iam`, `elasticloadbalancing`, `autoscaling`, `eks`, `elasticfilesystem`,
    /// `globalaccelerator`, `monitoring`, `sts`; of Azure, the namespace: `Microsoft.Network`; `http` for an application.
    #[serde(default)]
    pub service: Option<String>,
    /// The operation's name: `SwitchoverGlobalCluster`. Of Azure, the method and the types in small letters, with the action or
    /// the collection at the end: `PUT routetables/routes`, `POST virtualmachines/start`, `GET locations/operations`. For an
    /// application, the path.
    #[serde(default)]
    pub operation: Option<String>,
    /// The region that is called; of Azure, the resource's. For an application, there is none.
    #[serde(default)]
    pub region: Option<String>,
    /// The host that is called.
    #[serde(default)]
    pub host: Option<String>,
    /// Only the n-th call that matches the rest, counted from 1.
    #[serde(default)]
    pub nth: Option<u32>,
    /// Only each n-th call that matches the rest.
    #[serde(default)]
    pub every: Option<u32>,
    /// At most this many calls.
    #[serde(default)]
    pub times: Option<u32>,
    /// Only from this moment on, counted from the world's start.
    #[serde(default)]
    pub from: Option<Span>,
    /// Only before this moment, counted from the world's start.
    #[serde(default)]
    pub until: Option<Span>,
}

/// An error answer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectDocument {
    /// The error's code on the wire: `InternalFailure`.
    pub code: String,
    /// The HTTP status. Default 400.
    #[serde(default = "bad_request")]
    pub status: u16,
    #[serde(default = "injected")]
    pub message: String,
    /// The call takes effect all the same.
    #[serde(default)]
    pub after_effect: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeOutDocument {
    /// The call never takes effect.
    Before,
    /// The call takes effect; its answer is lost.
    After,
}

fn bad_request() -> u16 {
    400
}
fn injected() -> String {
    "rejected by a fault of the simulated world".to_owned()
}
