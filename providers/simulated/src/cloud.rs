//! Everything that the providers' APIs show and change. Holds no clients, faults or measurements.

use crate::{
    acm::Acm,
    autoscaling::AutoScaling,
    azure::Azure,
    cloudwatch::{CloudWatch, MetricKey},
    ec2::Ec2,
    efs::Efs,
    eks::Eks,
    elasticache::ElastiCache,
    elbv2::Elb,
    globalaccelerator::GlobalAccelerator,
    iam::Iam,
    machine::Zone,
    rds::Rds,
    secretsmanager::SecretsManager,
    servicequotas::ServiceQuotas,
    sts::Sts,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many minutes of metrics there are before the world's start, and at most after a long pause.
const MINUTES_MAX: i64 = 180;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cloud {
    pub(crate) regions: BTreeMap<String, RegionState>,
    /// Regions of which something is lost.
    pub(crate) lost: BTreeMap<String, Lost>,
    pub(crate) lost_zones: BTreeSet<Zone>,
    pub(crate) globalaccelerator: GlobalAccelerator,
    pub(crate) rds: Rds,
    pub(crate) cloudwatch: CloudWatch,
    /// Regions that publish no replication metrics.
    pub(crate) silent: BTreeSet<String>,
    pub(crate) sts: Sts,
    /// Who may do what on AWS. Without it, everybody may do everything.
    pub(crate) iam: Option<Iam>,
    pub(crate) azure: Azure,
}

/// One region's own services.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RegionState {
    pub(crate) ec2: Ec2,
    pub(crate) elb: Elb,
    pub(crate) autoscaling: AutoScaling,
    pub(crate) eks: Eks,
    pub(crate) efs: Efs,
    #[serde(default)]
    pub(crate) acm: Acm,
    #[serde(default)]
    pub(crate) elasticache: ElastiCache,
    #[serde(default)]
    pub(crate) secretsmanager: SecretsManager,
    #[serde(default)]
    pub(crate) servicequotas: ServiceQuotas,
}

/// What of a region is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lost {
    pub(crate) control: bool,
    pub(crate) data: bool,
}

impl RegionState {
    fn contents(&self) -> Value {
        json!({
            "ec2": self.ec2.contents(),
            "elbv2": self.elb.contents(),
            "autoscaling": self.autoscaling.contents(),
            "eks": self.eks.contents(),
            "efs": self.efs.contents(),
        })
    }
}

impl Cloud {
    pub(crate) fn control_up(&self, region: &str) -> bool {
        !self.lost.get(region).is_some_and(|lost| lost.control)
    }

    pub(crate) fn data_up(&self, region: &str) -> bool {
        !self.lost.get(region).is_some_and(|lost| lost.data)
    }

    /// Publishes the replication lag at each full minute after `from`, up to and including `until`.
    ///
    /// Only secondary clusters have the metric, in their own region, and only while they hear their writer.
    pub(crate) fn publish_lag(&mut self, from: Timestamp, until: Timestamp) {
        let last = until.as_second().div_euclid(60);
        let first = (from.as_second().div_euclid(60) + 1).max(last - MINUTES_MAX);
        for minute in first..=last {
            let Ok(at) = Timestamp::from_second(minute * 60) else { return };
            for global in self.rds.globals.values() {
                let Some(writer) = global.writer().filter(|writer| self.data_up(&writer.region)) else { continue };
                for member in global.members.iter().filter(|member| !member.writer && !member.pending_resync) {
                    if member.cut_off.is_some() || !self.data_up(&member.region) || self.silent.contains(&member.region)
                    {
                        continue;
                    }
                    let cluster = member.cluster.rsplit(':').next().unwrap_or_default().to_owned();
                    let lag = member.lag.get().as_secs_f64() * 1000.0;
                    let narrow = [("DBClusterIdentifier".to_owned(), cluster)];
                    let wide = [narrow[0].clone(), ("SourceRegion".to_owned(), writer.region.clone())];
                    for name in ["AuroraGlobalDBRPOLag", "AuroraGlobalDBReplicationLag"] {
                        for dimensions in [&narrow[..], &wide[..]] {
                            let key = MetricKey { region: &member.region, namespace: "AWS/RDS", name, dimensions };
                            self.cloudwatch.publish(key, "Milliseconds", at, lag);
                        }
                    }
                }
            }
        }
    }

    /// The configuration alone: no clocks, counters, measurements or request ids.
    pub(crate) fn contents(&self) -> Value {
        let used = self.regions.iter().filter(|(_, region)| **region != RegionState::default());
        let regions: BTreeMap<_, _> = used.map(|(name, region)| (name, region.unscaled().contents())).collect();
        let mut contents = json!({
            "regions": regions,
            "globalaccelerator": self.globalaccelerator.contents(),
            "rds": self.rds.contents(),
        });
        if self.azure.is_present() {
            contents["azure"] = self.azure.contents();
        }
        contents
    }
}
