//! What happens to the world by itself. Does not decide when: the world runs it in order of time.

use crate::{cloud::Cloud, document::PlanesDocument};
use jiff::Timestamp;
use lifeboat_contract::Span;
use serde::{Deserialize, Serialize};

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
}

impl Happening {
    pub(crate) fn apply(&self, cloud: &mut Cloud, now: Timestamp) {
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
        }
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
