//! RDS's operations on global clusters: role changes, members, creation. Does not run the transitions it begins.

use super::{
    Durations, GlobalCluster, Member, Rds, Stage, TransitionKind,
    describe::describe_global,
    operations::{RdsCx, flag, required, tags},
};
use crate::{
    codec::{ApiError, Params},
    ids,
    shape::Shape,
};
use jiff::Timestamp;
use lifeboat_contract::Span;
use std::time::Duration;

/// How far a secondary cluster that was created by a call is behind.
const USUAL_LAG: Span = Span(Duration::from_millis(500));

impl Rds {
    pub(super) fn switchover(&mut self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let (id, target) = self.role_change(params)?;
        self.check_switchover(&id, &target, cx)?;
        self.begin(&id, TransitionKind::Switchover, &target, cx.now, cx.pace);
        self.answer_global(&id)
    }

    /// Without `AllowDataLoss` this is a switchover.
    pub(super) fn failover(&mut self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let allow_data_loss = flag(params, "AllowDataLoss")?.unwrap_or(false);
        let switchover = flag(params, "Switchover")?.unwrap_or(false);
        if allow_data_loss && switchover {
            return Err(ApiError::new(
                "InvalidParameterCombination",
                400,
                "AllowDataLoss and Switchover can't be specified together.",
            ));
        }
        if !allow_data_loss {
            return self.switchover(params, cx);
        }
        let (id, target) = self.role_change(params)?;
        let cluster = self.clusters.get(&target);
        if cluster.is_none_or(|cluster| cluster.region != cx.region) {
            return Err(state_fault(format!(
                "failover of {id} must be requested in the region of the target {target}"
            )));
        }
        self.begin(&id, TransitionKind::Failover, &target, cx.now, cx.pace);
        self.answer_global(&id)
    }

    /// What both role changes require: the global cluster, and a target that could take the writes.
    fn role_change(&self, params: &Params) -> Result<(String, String), ApiError> {
        let global = self.find_global(&required(params, "GlobalClusterIdentifier")?)?;
        let target = required(params, "TargetDbClusterIdentifier")?;
        let member = global.members.iter().find(|member| member.cluster == target).ok_or_else(|| {
            ApiError::new("DBClusterNotFoundFault", 404, format!("DBCluster {target} not found in {}.", global.id))
        })?;
        if global.transition.is_some() {
            return Err(state_fault(format!("global cluster {} is in status {}", global.id, global.status())));
        }
        let cluster_fault =
            |why: &str| Err(ApiError::new("InvalidDBClusterStateFault", 400, format!("{target} {why}")));
        if member.writer {
            return cluster_fault("is already the primary cluster");
        }
        match self.clusters.get(&target) {
            Some(cluster) if cluster.status != "available" => return cluster_fault("is not available"),
            Some(cluster) if !cluster.runs() => return cluster_fault("has no available instance"),
            None => return cluster_fault("does not exist"),
            Some(_) => {}
        }
        if member.pending_resync {
            return cluster_fault("is not synchronized");
        }
        Ok((global.id.clone(), target))
    }

    fn check_switchover(&self, id: &str, target: &str, cx: &RdsCx<'_>) -> Result<(), ApiError> {
        let global = self.find_global(id)?;
        let Some(writer) = global.writer() else {
            return Err(state_fault(format!("global cluster {id} has no primary cluster")));
        };
        if writer.region != cx.region {
            return Err(state_fault(format!(
                "switchover of {id} must be requested in {}, the primary's region",
                writer.region
            )));
        }
        let healthy = global.members.iter().all(|member| (cx.data_up)(&member.region) && !member.pending_resync);
        if !healthy {
            return Err(state_fault(format!("a cluster of {id} is not healthy")));
        }
        let version =
            |cluster: &str| self.clusters.get(cluster).map(|c| c.engine_version.split('.').next().map(str::to_owned));
        if version(&writer.cluster) != version(target) {
            return Err(ApiError::new(
                "InvalidDBClusterStateFault",
                400,
                format!("{target} has another major version"),
            ));
        }
        Ok(())
    }

    pub(super) fn remove_from_global(&mut self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let id = self.find_global(&required(params, "GlobalClusterIdentifier")?)?.id.clone();
        let cluster = required(params, "DbClusterIdentifier")?;
        let global = self.find_global(&id)?;
        let Some(member) = global.members.iter().find(|member| member.cluster == cluster).cloned() else {
            let message = format!("Resource {cluster} is not found in global cluster {id}.");
            return Err(ApiError::new("InvalidParameterValue", 400, message));
        };
        if global.transition.as_ref().is_some_and(|transition| transition.stage != Stage::Settling) {
            return Err(state_fault(format!("global cluster {id} is in status {}", global.status())));
        }
        if member.writer && global.members.len() > 1 {
            return Err(ApiError::new(
                "InvalidDBClusterStateFault",
                400,
                format!("{cluster} is the primary cluster and has secondaries"),
            ));
        }
        if let Some(global) = self.globals.get_mut(&id) {
            global.members.retain(|member| member.cluster != cluster);
        }
        self.set_accepting(&cluster, true);
        // What the writer took while it could not be heard is not in the cluster that now stands alone.
        let old = self.find_global(&id)?.writer().map(|writer| writer.cluster.clone());
        if let (Some(cut), Some(old)) = (member.cut_off, old) {
            let lost_since = Some(member.replicated_through(cut.min(cx.now)));
            self.promotions.push(super::Promotion { family: id.clone(), old, lost_since });
        }
        self.answer_global(&id)
    }

    pub(super) fn create_global(&mut self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let id = required(params, "GlobalClusterIdentifier")?.to_lowercase();
        if self.globals.contains_key(&id) {
            return Err(ApiError::new(
                "GlobalClusterAlreadyExistsFault",
                400,
                format!("Global cluster {id} already exists."),
            ));
        }
        let source = params.get("SourceDBClusterIdentifier").filter(|text| !text.is_empty());
        let source = source.map(|source| self.find_cluster(source, cx.region)).transpose()?.cloned();
        if source.as_ref().is_some_and(|source| self.member(&source.arn).is_some()) {
            return Err(ApiError::new(
                "InvalidDBClusterStateFault",
                400,
                "the cluster already belongs to a global cluster",
            ));
        }
        let given = |field: &str| params.get(field).filter(|text| !text.is_empty()).map(str::to_owned);
        let engine = source.as_ref().map(|source| source.engine.clone()).or_else(|| given("Engine"));
        let engine = engine.ok_or_else(|| {
            ApiError::new("InvalidParameterCombination", 400, "either Engine or SourceDBClusterIdentifier is required")
        })?;
        let version = source.as_ref().map(|s| s.engine_version.clone()).or_else(|| given("EngineVersion"));
        let arn = format!("arn:aws:rds::{}:global-cluster:{id}", cx.account);
        let mut global = GlobalCluster::new(&id, &arn, &engine, &version.unwrap_or_else(|| "16.6".to_owned()));
        global.database_name = given("DatabaseName");
        global.deletion_protection = flag(params, "DeletionProtection")?.unwrap_or(false);
        global.storage_encrypted = flag(params, "StorageEncrypted")?.unwrap_or(false);
        global.tags = tags(params).into_iter().collect();
        if let Some(source) = &source {
            global.members.push(Member::new(&source.arn, &source.region, true, USUAL_LAG));
        }
        self.globals.insert(id.clone(), global);
        if let Some(source) = source.and_then(|source| self.clusters.get_mut(&source.arn)) {
            source.family = Some(id.clone());
        }
        self.answer_global(&id)
    }

    pub(super) fn modify_global(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = self.find_global(&required(params, "GlobalClusterIdentifier")?)?.id.clone();
        let protection = flag(params, "DeletionProtection")?;
        if let (Some(global), Some(protection)) = (self.globals.get_mut(&id), protection) {
            global.deletion_protection = protection;
        }
        self.answer_global(&id)
    }

    pub(super) fn delete_global(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let global = self.find_global(&required(params, "GlobalClusterIdentifier")?)?;
        if global.deletion_protection || !global.members.is_empty() {
            return Err(state_fault(format!("global cluster {} is protected or has members", global.id)));
        }
        let id = global.id.clone();
        let answer = self.answer_global(&id)?;
        self.globals.remove(&id);
        Ok(answer)
    }

    /// Joins a new cluster to a global cluster: the first becomes the writer, the others follow it.
    pub(super) fn join(&mut self, id: &str, cluster: &str, region: &str, at: Timestamp) {
        let Some(global) = self.globals.get_mut(id) else { return };
        let first = global.members.is_empty();
        let mut member = Member::new(cluster, region, first, USUAL_LAG);
        if !first {
            // A new secondary has to copy everything before it follows.
            member.pending_resync = true;
            member.resynced_at = Some(at);
        }
        global.members.push(member);
        self.set_accepting(cluster, first);
    }

    fn answer_global(&self, id: &str) -> Result<Shape, ApiError> {
        Ok(Shape::Struct(vec![("GlobalCluster", describe_global(self.find_global(id)?))]))
    }
}

impl GlobalCluster {
    pub(crate) fn new(id: &str, arn: &str, engine: &str, engine_version: &str) -> Self {
        Self {
            id: id.to_owned(),
            arn: arn.to_owned(),
            resource_id: format!("cluster-{}", ids::hex(arn, 16)),
            engine: engine.to_owned(),
            engine_version: engine_version.to_owned(),
            database_name: None,
            storage_encrypted: false,
            deletion_protection: false,
            endpoint: format!("{id}.global-{}.global.rds.amazonaws.com", ids::short(arn, 12)),
            members: Vec::new(),
            transition: None,
            durations: Durations::default(),
            tags: std::collections::BTreeMap::new(),
        }
    }
}

impl Member {
    pub(crate) fn new(cluster: &str, region: &str, writer: bool, lag: Span) -> Self {
        Self {
            cluster: cluster.to_owned(),
            region: region.to_owned(),
            writer,
            lag,
            cut_off: None,
            pending_resync: false,
            resynced_at: None,
            unfenced: false,
            fenced_at: None,
        }
    }
}

fn state_fault(message: String) -> ApiError {
    ApiError::new("InvalidGlobalClusterStateFault", 400, message)
}
