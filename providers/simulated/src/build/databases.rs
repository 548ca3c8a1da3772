//! Builds database clusters and global clusters.

use super::{Builder, place};
use crate::{
    document::{DbMemberDocument, FencingDocument, GlobalClusterDocument},
    rds::{DbCluster, DbInstance, Durations, GlobalCluster, Member},
};
use lifeboat_contract::codes;

impl Builder<'_> {
    pub(super) fn databases(&mut self) {
        for (region, contents) in &self.document.aws.regions {
            for (id, cluster) in &contents.db_clusters {
                let arn = self.cluster_arn(region, id);
                let mut built = DbCluster::new(&arn, id, region, &cluster.engine, &cluster.engine_version, self.start);
                built.instances = cluster
                    .instances
                    .iter()
                    .map(|(id, instance)| DbInstance {
                        id: id.clone(),
                        class: instance.class.clone().unwrap_or_else(|| "db.r6g.large".to_owned()),
                        zone: instance.zone.clone().unwrap_or_else(|| format!("{region}a")),
                        status: "available".to_owned(),
                        ready_at: None,
                    })
                    .collect();
                // A cluster that stands alone is its own family, so that applications can name it.
                built.family = Some(arn.clone());
                self.cloud.rds.clusters.insert(arn, built);
            }
        }
        for (id, global) in &self.document.aws.global_clusters {
            self.global_cluster(id, global);
        }
    }

    fn global_cluster(&mut self, id: &str, document: &GlobalClusterDocument) {
        let at = ["aws", "global_clusters", id];
        let arn = format!("arn:aws:rds::{}:global-cluster:{id}", self.document.account);
        let mut engine = None;
        let mut members = Vec::new();
        for (index, member) in document.members.iter().enumerate() {
            let Some(arn) = self.check_member(id, document, index, member) else { continue };
            let writer = member.cluster == document.writer;
            members.push(Member::new(&arn, &member.region, writer, member.lag));
            if let Some(cluster) = self.cloud.rds.clusters.get_mut(&arn) {
                cluster.family = Some(id.to_owned());
                cluster.accepts_writes = writer;
                engine.get_or_insert((cluster.engine.clone(), cluster.engine_version.clone()));
            }
        }
        let known = document.members.iter().any(|member| member.cluster == document.writer);
        if !known {
            let message = format!("the writer {} is not one of the members", document.writer);
            self.error(&[&at[..], &["writer"]].concat(), codes::UNKNOWN_NAME, message);
        }
        let (engine, version) = engine.unwrap_or_default();
        let mut built = GlobalCluster::new(id, &arn, &engine, &version);
        built.members = members;
        built.durations = durations(document);
        self.cloud.rds.globals.insert(id.to_owned(), built);
    }

    /// The ARN of a member that exists and has its region for itself.
    fn check_member(
        &mut self,
        id: &str,
        document: &GlobalClusterDocument,
        index: usize,
        member: &DbMemberDocument,
    ) -> Option<String> {
        let number = place(index);
        let at = ["aws", "global_clusters", id, "members", number.as_str()];
        let exists = self
            .document
            .aws
            .regions
            .get(&member.region)
            .is_some_and(|region| region.db_clusters.contains_key(&member.cluster));
        if !exists {
            self.unknown(
                &[&at[..], &["cluster"]].concat(),
                &format!("database cluster in {}", member.region),
                &member.cluster,
            );
            return None;
        }
        if document.members[..index].iter().any(|other| other.region == member.region) {
            let message = format!("{id} already has a cluster in {}", member.region);
            self.error(&[&at[..], &["region"]].concat(), codes::DUPLICATE_ID, message);
            return None;
        }
        let arn = self.cluster_arn(&member.region, &member.cluster);
        if self.cloud.rds.member(&arn).is_some() {
            self.error(
                &at,
                codes::DUPLICATE_ID,
                format!("{} already belongs to another global cluster", member.cluster),
            );
            return None;
        }
        Some(arn)
    }

    pub(super) fn cluster_arn(&self, region: &str, id: &str) -> String {
        format!("arn:aws:rds:{region}:{}:cluster:{id}", self.document.account)
    }
}

fn durations(document: &GlobalClusterDocument) -> Durations {
    let (switchover, failover) = (&document.switchover, &document.failover);
    Durations {
        switchover: [switchover.pending, switchover.blocked, switchover.settling],
        failover: [failover.pending, failover.promoting, failover.settling],
        resync: document.resync,
        fencing_times_out: failover.fencing == FencingDocument::TimesOut,
        split: failover.split,
    }
}
