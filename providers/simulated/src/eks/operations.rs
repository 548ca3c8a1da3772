//! EKS's operations: which path is which, and that a refused call changes nothing.

use super::{Cluster, Eks, Nodegroup};
use crate::{
    autoscaling::{AutoScaling, Ground},
    codec::{ApiError, RestRequest, ServiceCx},
};
use http::Method;
use serde_json::{Value, json};

/// The operation that a request calls; empty when the service has no such path.
pub(crate) fn operation(request: &RestRequest<'_>) -> &'static str {
    match (request.method, &request.segments()[..]) {
        (&Method::GET, ["clusters"]) => "ListClusters",
        (&Method::GET, ["clusters", _]) => "DescribeCluster",
        (&Method::GET, ["clusters", _, "node-groups"]) => "ListNodegroups",
        (&Method::GET, ["clusters", _, "node-groups", _]) => "DescribeNodegroup",
        (&Method::POST, ["clusters", _, "node-groups", _, "update-config"]) => "UpdateNodegroupConfig",
        (&Method::GET, ["clusters", _, "updates"]) => "ListUpdates",
        (&Method::GET, ["clusters", _, "updates", _]) => "DescribeUpdate",
        _ => "",
    }
}

impl Eks {
    /// Answers one call. An error changes nothing.
    pub(crate) fn answer(
        &mut self,
        request: &RestRequest<'_>,
        groups: &mut AutoScaling,
        ground: &mut Ground<'_>,
        cx: &ServiceCx<'_>,
    ) -> Result<Value, ApiError> {
        let segments = request.segments();
        let part = |place: usize| segments.get(place).copied().unwrap_or_default();
        let (cluster, inner) = (part(1), part(3));
        match operation(request) {
            "ListClusters" => page(request, "clusters", self.clusters.keys().cloned().collect()),
            "DescribeCluster" => Ok(json!({ "cluster": self.cluster(cluster)?.describe(cx) })),
            "ListNodegroups" => {
                page(request, "nodegroups", self.cluster(cluster)?.nodegroups.keys().cloned().collect())
            }
            "DescribeNodegroup" => {
                let cluster = self.cluster(cluster)?;
                Ok(json!({ "nodegroup": cluster.nodegroup(inner)?.describe(cluster, groups, cx) }))
            }
            "UpdateNodegroupConfig" => {
                let input = request.input()?;
                self.cluster(cluster)?;
                let found = self.clusters.get_mut(cluster).ok_or_else(|| no_cluster(cluster))?;
                let nodegroup = found.nodegroups.get_mut(inner).ok_or_else(|| no_nodegroup(inner))?;
                let update = nodegroup.update_config(&input, groups, cx)?;
                // Here, and not when the world takes note: what faults do to this call's transitions is known here alone.
                groups.advance(ground);
                Ok(json!({ "update": update }))
            }
            "ListUpdates" => {
                let updates = self.cluster(cluster)?.updates(request)?.map(|update| update.id.clone());
                page(request, "updateIds", updates.collect())
            }
            "DescribeUpdate" => {
                let mut updates = self.cluster(cluster)?.updates(request)?;
                let found = updates.find(|update| update.id == inner);
                let missing = || not_found(format!("No update found for ID: {inner}"));
                Ok(json!({ "update": found.ok_or_else(missing)?.describe() }))
            }
            _ => Err(ApiError::new("UnknownOperationException", 404, "the service has no such path")),
        }
    }

    fn cluster(&self, name: &str) -> Result<&Cluster, ApiError> {
        self.clusters.get(name).ok_or_else(|| no_cluster(name))
    }
}

impl Cluster {
    fn nodegroup(&self, name: &str) -> Result<&Nodegroup, ApiError> {
        self.nodegroups.get(name).ok_or_else(|| no_nodegroup(name))
    }

    /// The updates that a call means: those of the node group that it names, or the cluster's own, of which there are none.
    fn updates(&self, request: &RestRequest<'_>) -> Result<std::slice::Iter<'_, super::state::Update>, ApiError> {
        match request.given("nodegroupName") {
            Some(name) => Ok(self.nodegroup(name)?.updates.iter()),
            None => Ok([].iter()),
        }
    }
}

/// One page of names: a token is the place of the next one.
fn page(request: &RestRequest<'_>, field: &str, all: Vec<String>) -> Result<Value, ApiError> {
    let size = match request.given("maxResults").map(str::parse::<usize>) {
        None => 100,
        Some(Ok(size)) if (1..=100).contains(&size) => size,
        Some(_) => return Err(parameter("maxResults must be from 1 to 100")),
    };
    let start = match request.given("nextToken") {
        None => 0,
        Some(token) => token
            .strip_prefix("from-")
            .and_then(|place| place.parse::<usize>().ok())
            .ok_or_else(|| parameter("nextToken is not valid"))?,
    };
    let end = start.saturating_add(size);
    let next = (end < all.len()).then(|| format!("from-{end}"));
    let items: Vec<String> = all.into_iter().skip(start).take(size).collect();
    Ok(match next {
        Some(next) => json!({ field: items, "nextToken": next }),
        None => json!({ field: items }),
    })
}

pub(super) fn parameter(message: impl Into<String>) -> ApiError {
    ApiError::bad("InvalidParameterException", message)
}

fn not_found(message: String) -> ApiError {
    ApiError::new("ResourceNotFoundException", 404, message)
}

fn no_cluster(name: &str) -> ApiError {
    not_found(format!("No cluster found for name: {name}."))
}

fn no_nodegroup(name: &str) -> ApiError {
    not_found(format!("No node group found for name: {name}."))
}
