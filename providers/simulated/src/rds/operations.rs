//! RDS's operations: which call is which, and those that only look. Does not read HTTP.

use super::{
    DbCluster, Event, GlobalCluster, Rds,
    describe::{describe_event, describe_global, describe_instance},
    transition::name,
};
use crate::{
    codec::{ApiError, Params},
    pace::Pace,
    shape::Shape,
};
use jiff::{SignedDuration, Timestamp};

/// The operations that change nothing, by how their names begin.
pub(crate) const READS: &[&str] = &["Describe", "List"];

/// How many events are kept.
const EVENTS_MAX: usize = 1000;

/// What a call knows besides its input.
pub(crate) struct RdsCx<'a> {
    pub(crate) now: Timestamp,
    pub(crate) account: &'a str,
    /// The region that is called.
    pub(crate) region: &'a str,
    pub(crate) pace: Pace,
    /// Whether a region's data plane is there.
    pub(crate) data_up: &'a dyn Fn(&str) -> bool,
}

impl Rds {
    /// Answers one call. An error changes nothing.
    pub(crate) fn answer(&mut self, operation: &str, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        match operation {
            "DescribeGlobalClusters" => self.describe_globals(params),
            "DescribeDBClusters" => self.describe_clusters(params, cx),
            "DescribeDBInstances" => self.describe_instances(params, cx),
            "DescribeEvents" => self.describe_events(params, cx),
            "SwitchoverGlobalCluster" => self.switchover(params, cx),
            "FailoverGlobalCluster" => self.failover(params, cx),
            "RemoveFromGlobalCluster" => self.remove_from_global(params, cx),
            "CreateGlobalCluster" => self.create_global(params, cx),
            "ModifyGlobalCluster" => self.modify_global(params),
            "DeleteGlobalCluster" => self.delete_global(params),
            "CreateDBCluster" => self.create_cluster(params, cx),
            "DeleteDBCluster" => self.delete_cluster(params, cx),
            "CreateDBInstance" => self.create_instance(params, cx),
            "DeleteDBInstance" => self.delete_instance(params, cx),
            "ListTagsForResource" => {
                let tags = self.tags_mut(&required(params, "ResourceName")?)?;
                Ok(Shape::Struct(vec![("TagList", super::describe::tags(tags))]))
            }
            "AddTagsToResource" => {
                let added = tags(params);
                self.tags_mut(&required(params, "ResourceName")?)?.extend(added);
                Ok(Shape::Struct(Vec::new()))
            }
            "RemoveTagsFromResource" => {
                let keys: Vec<String> = numbered(params, |n| format!("TagKeys.member.{n}")).collect();
                self.tags_mut(&required(params, "ResourceName")?)?.retain(|key, _| !keys.contains(key));
                Ok(Shape::Struct(Vec::new()))
            }
            _ => Err(ApiError::new(
                "InvalidAction",
                400,
                format!("could not find operation {operation} for version 2014-10-31"),
            )),
        }
    }

    fn describe_globals(&self, params: &Params) -> Result<Shape, ApiError> {
        let wanted = params.get("GlobalClusterIdentifier");
        if let Some(id) = wanted {
            self.find_global(id)?;
        }
        let regions = filter(params, "region");
        let clusters = filter(params, "db-cluster-id");
        let chosen = self.globals.values().filter(|global| {
            let members = &global.members;
            wanted.is_none_or(|id| id == global.id || id == global.arn)
                && regions.as_ref().is_none_or(|regions| members.iter().any(|member| regions.contains(&member.region)))
                && clusters.as_ref().is_none_or(|clusters| {
                    members
                        .iter()
                        .any(|m| clusters.contains(&m.cluster) || clusters.iter().any(|id| id == name(&m.cluster)))
                })
        });
        let all = chosen.map(describe_global).collect();
        page(params, "GlobalClusters", "GlobalClusterMember", all)
    }

    fn describe_clusters(&self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let wanted = params.get("DBClusterIdentifier");
        if let Some(id) = wanted {
            self.find_cluster(id, cx.region)?;
        }
        let ids = filter(params, "db-cluster-id");
        let chosen = self.clusters.values().filter(|cluster| {
            cluster.region == cx.region
                && wanted.is_none_or(|id| id == cluster.id || id == cluster.arn)
                && ids.as_ref().is_none_or(|ids| ids.contains(&cluster.id) || ids.contains(&cluster.arn))
        });
        let all = chosen.map(|cluster| self.describe_cluster(cluster)).collect();
        page(params, "DBClusters", "DBCluster", all)
    }

    fn describe_instances(&self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let wanted = params.get("DBInstanceIdentifier");
        let clusters = filter(params, "db-cluster-id");
        let ids = filter(params, "db-instance-id");
        let here = self.clusters.values().filter(|cluster| cluster.region == cx.region);
        let all: Vec<Shape> = here
            .filter(|c| clusters.as_ref().is_none_or(|wanted| wanted.contains(&c.id) || wanted.contains(&c.arn)))
            .flat_map(|cluster| cluster.instances.iter().map(move |instance| (cluster, instance)))
            .filter(|(_, instance)| {
                wanted.is_none_or(|id| id == instance.id || id.ends_with(&format!(":db:{}", instance.id)))
            })
            .filter(|(_, instance)| ids.as_ref().is_none_or(|ids| ids.contains(&instance.id)))
            .map(|(cluster, instance)| describe_instance(cluster, instance))
            .collect();
        if let Some(id) = wanted.filter(|_| all.is_empty()) {
            return Err(ApiError::new("DBInstanceNotFound", 404, format!("DBInstance {id} not found.")));
        }
        page(params, "DBInstances", "DBInstance", all)
    }

    fn describe_events(&self, params: &Params, cx: &RdsCx<'_>) -> Result<Shape, ApiError> {
        let moment = |field: &str| match params.get(field) {
            None => Ok(None),
            Some(text) => text
                .parse::<Timestamp>()
                .map(Some)
                .map_err(|_| ApiError::new("InvalidParameterValue", 400, format!("{field} is not a timestamp"))),
        };
        let minutes = params.get("Duration").and_then(|text| text.parse::<i64>().ok()).unwrap_or(60).clamp(1, 20_160);
        let default_start = cx.now.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(Timestamp::MIN);
        let from = moment("StartTime")?.unwrap_or(default_start);
        let until = moment("EndTime")?.unwrap_or(cx.now);
        let source = params.get("SourceIdentifier");
        let kind = params.get("SourceType");
        let chosen = self.events.iter().filter(|event| {
            event.region == cx.region
                && (from..=until).contains(&event.at)
                && source.is_none_or(|source| source == event.source)
                && kind.is_none_or(|kind| kind == event.source_type)
        });
        page(params, "Events", "Event", chosen.map(describe_event).collect())
    }

    pub(super) fn find_global(&self, id: &str) -> Result<&GlobalCluster, ApiError> {
        self.globals
            .values()
            .find(|global| global.id == id || global.arn == id)
            .ok_or_else(|| ApiError::new("GlobalClusterNotFoundFault", 404, format!("Global cluster {id} not found.")))
    }

    pub(super) fn find_cluster(&self, id: &str, region: &str) -> Result<&DbCluster, ApiError> {
        self.clusters
            .values()
            .find(|cluster| cluster.region == region && (cluster.id == id || cluster.arn == id))
            .ok_or_else(|| ApiError::new("DBClusterNotFoundFault", 404, format!("DBCluster {id} not found.")))
    }

    fn tags_mut(&mut self, arn: &str) -> Result<&mut std::collections::BTreeMap<String, String>, ApiError> {
        let missing = || ApiError::new("DBClusterNotFoundFault", 404, format!("{arn} not found."));
        if let Some(global) = self.globals.values_mut().find(|global| global.arn == arn) {
            return Ok(&mut global.tags);
        }
        self.clusters.get_mut(arn).map(|cluster| &mut cluster.tags).ok_or_else(missing)
    }

    /// Adds an event of a cluster, told in the cluster's region.
    pub(super) fn tell(&mut self, cluster: &str, now: Timestamp, category: &str, message: String) {
        let Some(cluster) = self.clusters.get(cluster) else { return };
        self.events.push(Event {
            at: now,
            region: cluster.region.clone(),
            source: cluster.id.clone(),
            source_arn: cluster.arn.clone(),
            source_type: "db-cluster".to_owned(),
            categories: vec![category.to_owned()],
            message,
        });
        if self.events.len() > EVENTS_MAX {
            self.events.remove(0);
        }
    }
}

pub(super) fn required(params: &Params, field: &str) -> Result<String, ApiError> {
    params.get(field).filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(|| {
        ApiError::new("MissingParameter", 400, format!("The request must contain the parameter {field}."))
    })
}

pub(super) fn flag(params: &Params, field: &str) -> Result<Option<bool>, ApiError> {
    match params.get(field) {
        None => Ok(None),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(ApiError::new("MalformedInput", 400, format!("{field} must be true or false"))),
    }
}

/// The values at `name(1)`, `name(2)`, … up to the first that is missing.
pub(super) fn numbered<'a>(
    params: &'a Params,
    name: impl Fn(usize) -> String + 'a,
) -> impl Iterator<Item = String> + 'a {
    (1..).map_while(move |n| params.get(&name(n)).map(str::to_owned))
}

pub(super) fn tags(params: &Params) -> Vec<(String, String)> {
    let form = |n: usize, part: &str| {
        params
            .get(&format!("Tags.Tag.{n}.{part}"))
            .or_else(|| params.get(&format!("Tags.member.{n}.{part}")))
            .map(str::to_owned)
    };
    (1..).map_while(|n| Some((form(n, "Key")?, form(n, "Value").unwrap_or_default()))).collect()
}

/// The values of one filter, where it is given.
fn filter(params: &Params, wanted: &str) -> Option<Vec<String>> {
    let place = (1..).map_while(|n| params.get(&format!("Filters.Filter.{n}.Name")).map(|name| (n, name)));
    let (place, _) = place.filter(|(_, name)| *name == wanted).last()?;
    Some(numbered(params, move |n| format!("Filters.Filter.{place}.Values.Value.{n}")).collect())
}

/// One page of `all`: a marker is the place of the next element.
fn page(params: &Params, field: &'static str, item: &'static str, all: Vec<Shape>) -> Result<Shape, ApiError> {
    let invalid = |field: &str| ApiError::new("InvalidParameterValue", 400, format!("{field} is not valid"));
    let size =
        params.get("MaxRecords").map_or(Ok(100), |text| text.parse::<usize>().map_err(|_| invalid("MaxRecords")))?;
    if !(20..=100).contains(&size) {
        return Err(invalid("MaxRecords"));
    }
    let marker = params.get("Marker").filter(|text| !text.is_empty());
    let start = marker.map_or(Ok(0), |text| text.parse::<usize>().map_err(|_| invalid("Marker")))?;
    let end = start.saturating_add(size);
    let next = (end < all.len()).then(|| end.to_string());
    let items = all.into_iter().skip(start).take(size).collect();
    Ok(Shape::Struct(vec![("Marker", next.into()), (field, Shape::List(item, items))]))
}
