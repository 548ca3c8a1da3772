//! EFS's operations: which path is which, and what is refused.

use super::{Efs, FileSystem, MountTarget};
use crate::codec::{ApiError, RestRequest, ServiceCx};
use http::Method;
use serde_json::{Map, Value, json};

/// How many elements a page has at most.
const PAGE: usize = 100;

/// The operation that a request calls; empty when the service has no such path.
pub(crate) fn operation(request: &RestRequest<'_>) -> &'static str {
    match (request.method, &request.segments()[..]) {
        (&Method::GET, ["2015-02-01", "file-systems"]) => "DescribeFileSystems",
        (&Method::GET, ["2015-02-01", "mount-targets"]) => "DescribeMountTargets",
        (&Method::GET, ["2015-02-01", "mount-targets", _, "security-groups"]) => "DescribeMountTargetSecurityGroups",
        _ => "",
    }
}

impl Efs {
    pub(crate) fn answer(&self, request: &RestRequest<'_>, cx: &ServiceCx<'_>) -> Result<Value, ApiError> {
        match operation(request) {
            "DescribeFileSystems" => self.describe_file_systems(request, cx),
            "DescribeMountTargets" => self.describe_mount_targets(request, cx),
            "DescribeMountTargetSecurityGroups" => {
                let id = request.segments().get(2).copied().unwrap_or_default();
                let (_, target) = self.mount_target(id)?;
                if !["available", "updating"].contains(&target.state.as_str()) {
                    let message = format!("mount target '{id}' is in the state {}", target.state);
                    return Err(ApiError::new("IncorrectMountTargetState", 409, message));
                }
                Ok(json!({ "SecurityGroups": target.security_groups }))
            }
            _ => Err(ApiError::new("UnknownOperationException", 404, "the service has no such path")),
        }
    }

    fn describe_file_systems(&self, request: &RestRequest<'_>, cx: &ServiceCx<'_>) -> Result<Value, ApiError> {
        let (id, token) = (request.given("FileSystemId"), request.given("CreationToken"));
        if id.is_some() && token.is_some() {
            return Err(bad("Request cannot contain both File System ID and Creation Token."));
        }
        let shown: Vec<&FileSystem> = match id {
            Some(id) => vec![self.file_system(id)?],
            None => self.file_systems.values().filter(|f| token.is_none_or(|token| token == f.token())).collect(),
        };
        page(request, "FileSystems", shown.into_iter().map(|found| found.describe(cx)).collect())
    }

    fn describe_mount_targets(&self, request: &RestRequest<'_>, cx: &ServiceCx<'_>) -> Result<Value, ApiError> {
        let named = ["FileSystemId", "MountTargetId", "AccessPointId"].map(|name| request.given(name));
        let shown: Vec<(&FileSystem, &MountTarget)> = match named {
            [Some(id), None, None] => {
                let found = self.file_system(id)?;
                found.mount_targets.values().map(|target| (found, target)).collect()
            }
            [None, Some(id), None] => vec![self.mount_target(id)?],
            [None, None, Some(id)] => {
                let message = format!("Access point '{id}' does not exist.");
                return Err(ApiError::new("AccessPointNotFound", 404, message));
            }
            _ => return Err(bad("Must specify exactly one mutually exclusive parameter.")),
        };
        page(request, "MountTargets", shown.into_iter().map(|(found, target)| target.describe(found, cx)).collect())
    }

    /// A file system, by its id or its ARN.
    fn file_system(&self, id: &str) -> Result<&FileSystem, ApiError> {
        let bare = id.rsplit("file-system/").next().unwrap_or(id);
        let found = self.file_systems.get(bare);
        found.ok_or_else(|| ApiError::new("FileSystemNotFound", 404, format!("File system '{bare}' does not exist.")))
    }

    fn mount_target(&self, id: &str) -> Result<(&FileSystem, &MountTarget), ApiError> {
        let mut holders = self.file_systems.values().filter_map(|found| Some((found, found.mount_targets.get(id)?)));
        let missing = || ApiError::new("MountTargetNotFound", 404, format!("Mount target '{id}' does not exist."));
        holders.next().ok_or_else(missing)
    }
}

/// One page of `all`: a marker is the place of the next element.
fn page(request: &RestRequest<'_>, field: &str, all: Vec<Value>) -> Result<Value, ApiError> {
    let size = match request.given("MaxItems").map(str::parse::<usize>) {
        None => PAGE,
        Some(Ok(size)) if size > 0 => size.min(PAGE),
        Some(_) => return Err(bad("MaxItems must be a number from 1 on")),
    };
    let marker = request.given("Marker");
    let start = match marker {
        None => 0,
        Some(marker) => {
            let place = marker.strip_prefix("from-").and_then(|place| place.parse::<usize>().ok());
            place.ok_or_else(|| bad("Invalid Marker"))?
        }
    };
    let end = start.saturating_add(size);
    let mut answer = Map::new();
    answer.extend(marker.map(|marker| ("Marker".to_owned(), marker.into())));
    answer.extend((end < all.len()).then(|| ("NextMarker".to_owned(), format!("from-{end}").into())));
    answer.insert(field.to_owned(), all.into_iter().skip(start).take(size).collect());
    Ok(Value::Object(answer))
}

fn bad(message: &str) -> ApiError {
    ApiError::bad("BadRequest", message)
}
