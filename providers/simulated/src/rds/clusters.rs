//! RDS's operations that create and delete clusters and instances. Does not touch roles.

use super::{
    DbCluster, DbInstance, Rds,
    describe::describe_instance,
    operations::{RdsCx, flag, required, tags},
};
use crate::{
    codec::{ApiError, Params},
    ids,
    shape::Shape,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, time::Duration};

const CREATION: Duration = Duration::from_mins(1);

impl Rds {
    pub(super) fn create_cluster(&mut self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let id = required(params, "DBClusterIdentifier")?.to_lowercase();
        let engine = required(params, "Engine")?;
        if self.find_cluster(&id, cx.region).is_ok() {
            return Err(ApiError::new("DBClusterAlreadyExistsFault", 400, format!("DB Cluster {id} already exists.")));
        }
        let given = |field: &str| params.get(field).filter(|text| !text.is_empty()).map(str::to_owned);
        let global = given("GlobalClusterIdentifier");
        let global = global.map(|id| self.find_global(&id).cloned()).transpose()?;
        if let Some(global) = global.as_ref().filter(|global| global.members.iter().any(|m| m.region == cx.region)) {
            let message = format!("global cluster {} already has a cluster in {}", global.id, cx.region);
            return Err(ApiError::new("InvalidGlobalClusterStateFault", 400, message));
        }
        let version = given("EngineVersion").or_else(|| global.as_ref().map(|global| global.engine_version.clone()));
        let arn = format!("arn:aws:rds:{}:{}:cluster:{id}", cx.region, cx.account);
        let mut cluster =
            DbCluster::new(&arn, &id, cx.region, &engine, &version.unwrap_or_else(|| "16.6".to_owned()), cx.now);
        "creating".clone_into(&mut cluster.status);
        let ready_at = cx.pace.end(cx.now, CREATION);
        cluster.ready_at = Some(ready_at);
        cluster.database_name = given("DatabaseName");
        cluster.deletion_protection = flag(params, "DeletionProtection")?.unwrap_or(false);
        cluster.tags = tags(params).into_iter().collect();
        if let Some(name) = given("MasterUsername") {
            cluster.master_username = name;
        }
        if let Some(port) = given("Port") {
            cluster.port =
                port.parse().map_err(|_| ApiError::new("InvalidParameterValue", 400, "Port is not valid"))?;
        }
        cluster.family = global.as_ref().map(|global| global.id.clone());
        self.clusters.insert(arn.clone(), cluster);
        if let Some(global) = global {
            self.join(&global.id, &arn, cx.region, ready_at);
        }
        self.answer_cluster(&arn)
    }

    pub(super) fn delete_cluster(&mut self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let cluster = self.find_cluster(&required(params, "DBClusterIdentifier")?, cx.region)?;
        let arn = cluster.arn.clone();
        let why = match cluster {
            cluster if cluster.deletion_protection => Some("is protected from deletion"),
            cluster if !cluster.instances.is_empty() => Some("still has instances"),
            _ if self.member(&arn).is_some() => Some("belongs to a global cluster"),
            _ => None,
        };
        if let Some(why) = why {
            return Err(ApiError::new("InvalidDBClusterStateFault", 400, format!("{arn} {why}")));
        }
        let answer = self.answer_cluster(&arn)?;
        self.clusters.remove(&arn);
        Ok(answer)
    }

    pub(super) fn create_instance(&mut self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let id = required(params, "DBInstanceIdentifier")?.to_lowercase();
        let class = required(params, "DBInstanceClass")?;
        let cluster = self.find_cluster(&required(params, "DBClusterIdentifier")?, cx.region)?.arn.clone();
        let exists = self
            .clusters
            .values()
            .any(|cluster| cluster.region == cx.region && cluster.instances.iter().any(|instance| instance.id == id));
        if exists {
            return Err(ApiError::new("DBInstanceAlreadyExists", 400, format!("DB instance {id} already exists")));
        }
        let zone = params.get("AvailabilityZone").map_or_else(|| format!("{}a", cx.region), str::to_owned);
        let ready_at = Some(cx.pace.end(cx.now, CREATION));
        let instance = DbInstance { id, class, zone, status: "creating".to_owned(), ready_at };
        let Some(cluster) = self.clusters.get_mut(&cluster) else {
            return Err(ApiError::new("DBClusterNotFoundFault", 404, "the cluster is gone"));
        };
        let answer = Shape::Struct(vec![("DBInstance", describe_instance(cluster, &instance))]);
        cluster.instances.push(instance);
        Ok(answer)
    }

    pub(super) fn delete_instance(&mut self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let id = required(params, "DBInstanceIdentifier")?;
        let here = self.clusters.values_mut().filter(|cluster| cluster.region == cx.region);
        for cluster in here {
            if let Some(place) = cluster.instances.iter().position(|instance| instance.id == id) {
                let mut instance = cluster.instances.remove(place);
                "deleting".clone_into(&mut instance.status);
                return Ok(Shape::Struct(vec![("DBInstance", describe_instance(cluster, &instance))]));
            }
        }
        Err(ApiError::new("DBInstanceNotFound", 404, format!("DBInstance {id} not found.")))
    }

    fn answer_cluster(&self, arn: &str) -> Result<Shape, ApiError> {
        let cluster = self.clusters.get(arn);
        let cluster = cluster
            .ok_or_else(|| ApiError::new("DBClusterNotFoundFault", 404, format!("DBCluster {arn} not found.")))?;
        Ok(Shape::Struct(vec![("DBCluster", self.describe_cluster(cluster))]))
    }
}

impl DbCluster {
    /// An available cluster that stands alone and has no instance.
    pub(crate) fn new(arn: &str, id: &str, region: &str, engine: &str, engine_version: &str, now: Timestamp) -> Self {
        Self {
            arn: arn.to_owned(),
            id: id.to_owned(),
            resource_id: format!("cluster-{}", ids::short(arn, 26).to_uppercase()),
            region: region.to_owned(),
            engine: engine.to_owned(),
            engine_version: engine_version.to_owned(),
            status: "available".to_owned(),
            ready_at: None,
            port: if engine.contains("mysql") { 3306 } else { 5432 },
            master_username: "admin".to_owned(),
            database_name: None,
            created: now,
            deletion_protection: false,
            instances: Vec::new(),
            accepts_writes: true,
            family: None,
            tags: BTreeMap::new(),
        }
    }
}
