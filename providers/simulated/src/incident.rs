//! What happens to the world by itself. Does not decide when: the world runs it in order of time.

use crate::{
    cloud::Cloud,
    document::PlanesDocument,
    machine::Zone,
    traffic::{Estate, Process},
};
use jiff::Timestamp;
use lifeboat_contract::Span;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Incident {
    pub(crate) at: Timestamp,
    pub(crate) what: Happening,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Happening {
    RegionLost { region: String, planes: PlanesDocument },
    RegionRestored { region: String, planes: PlanesDocument },
    InstanceStopped { region: String, instance: String },
    InstanceStarted { region: String, instance: String },
    LagChanged { cluster: String, lag: Span },
    MetricsSilenced { region: String },
    MetricsRestored { region: String },
    ZoneLost(Zone),
    ZoneRestored(Zone),
    ProcessCrashed { cluster: String, node: String },
    ProcessRestarted { cluster: String, node: String },
    ProcessHung { cluster: String, node: String },
    ProcessResumed { cluster: String, node: String },
    StorageSlowed { cluster: String, delay: Span },
}

impl Happening {
    pub(crate) fn apply(&self, cloud: &mut Cloud, estate: &mut Estate, now: Timestamp) {
        match self {
            Self::RegionLost { region, planes } => set_lost(cloud, region, *planes, true),
            Self::RegionRestored { region, planes } => set_lost(cloud, region, *planes, false),
            Self::InstanceStopped { region, instance } => cloud.power(region, instance, false, now),
            Self::InstanceStarted { region, instance } => cloud.power(region, instance, true, now),
            Self::LagChanged { cluster, lag } => {
                let members = cloud.rds.globals.values_mut().flat_map(|global| &mut global.members);
                for member in members.filter(|member| member.cluster == *cluster) {
                    member.lag = *lag;
                }
            }
            Self::MetricsSilenced { region } => {
                cloud.silent.insert(region.clone());
            }
            Self::MetricsRestored { region } => {
                cloud.silent.remove(region);
            }
            Self::ZoneLost(zone) => {
                cloud.lost_zones.insert(zone.clone());
            }
            Self::ZoneRestored(zone) => {
                cloud.lost_zones.remove(zone);
            }
            Self::ProcessCrashed { cluster, node } => set_process(estate, cluster, node, Process::Crashed),
            Self::ProcessRestarted { cluster, node } => set_process(estate, cluster, node, Process::Running),
            Self::ProcessHung { cluster, node } => set_process(estate, cluster, node, Process::Hung),
            Self::ProcessResumed { cluster, node } => {
                if let Some(engine) = estate.engines.get_mut(cluster) {
                    engine.wake(node, cloud);
                }
            }
            Self::StorageSlowed { cluster, delay } => {
                if let Some(engine) = estate.engines.get_mut(cluster) {
                    engine.slow = *delay;
                }
            }
        }
    }
}

/// A machine that does not run has no process that anything could happen to.
fn set_process(estate: &mut Estate, cluster: &str, node: &str, process: Process) {
    let node = estate.engines.get_mut(cluster).and_then(|engine| engine.nodes.get_mut(node));
    if let Some(node) = node.filter(|node| node.process != Process::Down) {
        node.process = process;
    }
}

fn set_lost(cloud: &mut Cloud, region: &str, planes: PlanesDocument, value: bool) {
    let lost = cloud.lost.entry(region.to_owned()).or_default();
    if planes != PlanesDocument::Data {
        lost.control = value;
    }
    if planes != PlanesDocument::Control {
        lost.data = value;
    }
}

/// As a person tells it, such as in a report.
impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |planes: &PlanesDocument| match planes {
            PlanesDocument::Both => "",
            PlanesDocument::Control => ", its control plane alone",
            PlanesDocument::Data => ", its data plane alone",
        };
        match self {
            Self::RegionLost { region, planes } => write!(f, "{region} lost{}", part(planes)),
            Self::RegionRestored { region, planes } => write!(f, "{region} restored{}", part(planes)),
            Self::InstanceStopped { instance, .. } => write!(f, "{instance} stopped"),
            Self::InstanceStarted { instance, .. } => write!(f, "{instance} started"),
            Self::LagChanged { cluster, lag } => {
                write!(f, "{} follows with a lag of {lag}", cluster.rsplit(':').next().unwrap_or_default())
            }
            Self::MetricsSilenced { region } => write!(f, "no metrics from {region}"),
            Self::MetricsRestored { region } => write!(f, "metrics from {region} again"),
            Self::ZoneLost(zone) => write!(f, "{} lost", zone.name),
            Self::ZoneRestored(zone) => write!(f, "{} restored", zone.name),
            Self::ProcessCrashed { cluster, node } => write!(f, "{cluster} {node} crashed"),
            Self::ProcessRestarted { cluster, node } => write!(f, "{cluster} {node} restarted"),
            Self::ProcessHung { cluster, node } => write!(f, "{cluster} {node} hangs"),
            Self::ProcessResumed { cluster, node } => write!(f, "{cluster} {node} goes on"),
            Self::StorageSlowed { cluster, delay } => write!(f, "the storage of {cluster} is {delay} slower"),
        }
    }
}
