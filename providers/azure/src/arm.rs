//! Azure Resource Manager: reads and writes resources over the wire, each call labelled from the one table of operations.
//!
//! Never retries, and sends the token to no host but the declared cloud's own. Knows no kind of resource.

use crate::{
    arm_id::ArmId,
    connection::{Azure, Whereabouts},
    errors::{CallSite, is_absence},
    operations::{self, Operation},
    poller,
    resource::{Resource, region},
};
use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, USER_AGENT},
};
use lifeboat_contract::{Access, Call, CallError, CallLabel, CallScope, ControlPlane, Cx, Region, Retry};
use serde_json::Value;

/// What the resources of a provider without regions are said to be located in.
pub(crate) const GLOBAL: &str = "global";
/// The most pages of one list that are read.
const PAGES_MAX: usize = 100;

/// Azure Resource Manager, as one step sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arm<'a> {
    azure: &'a Azure,
    cx: &'a Cx,
}

/// What a write may find where it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition<'e> {
    Anything,
    /// The resource as it was read.
    Unchanged(&'e str),
    /// No resource at all.
    Absent,
}

impl<'a> Arm<'a> {
    pub(crate) fn of(cx: &'a Cx) -> Result<Self, CallError> {
        Ok(Self { azure: Azure::of(cx)?, cx })
    }

    pub(crate) fn over(azure: &'a Azure, cx: &'a Cx) -> Self {
        Self { azure, cx }
    }

    pub(crate) fn cx(&self) -> &'a Cx {
        self.cx
    }

    /// Reads one resource. `None` where there is none of that name; a missing group or parent is an error.
    ///
    /// An operation that computes its answer is waited for.
    pub(crate) async fn read(&self, operation: &Operation, id: &ArmId) -> Result<Option<Resource>, CallError> {
        debug_assert!(operation.access == Access::Read, "{} is a write", operation.name);
        let url = operation.url(self.azure.cloud().endpoint(), id);
        let answer = match self.send(operation, id, &url, None, Condition::Anything).await {
            Err(error) if is_absence(&error) => return Ok(None),
            answer => answer?,
        };
        let headers = answer.headers().clone();
        let body = match operation.method {
            Method::GET => self.json(operation, id, &answer)?,
            _ => poller::finish(self, operation, id, answer).await?,
        };
        let resource = Resource::new(body, &headers);
        if let Some(location) = resource.location() {
            self.azure.learn(id.key(), Whereabouts::At(location));
        }
        Ok(Some(resource))
    }

    /// Reads one resource that must be there.
    pub(crate) async fn read_existing(&self, operation: &Operation, id: &ArmId) -> Result<Resource, CallError> {
        let missing = || self.site(operation, id).definite("ResourceNotFound", format!("there is no {id}"));
        self.read(operation, id).await?.ok_or_else(missing)
    }

    /// Reads a whole list, page by page.
    pub(crate) async fn list(&self, operation: &Operation, scope: &ArmId) -> Result<Vec<Value>, CallError> {
        let mut url = operation.url(self.azure.cloud().endpoint(), scope);
        let mut items = Vec::new();
        for _ in 0..PAGES_MAX {
            let answer = self.send(operation, scope, &url, None, Condition::Anything).await?;
            let mut page = self.json(operation, scope, &answer)?;
            if let Value::Array(found) = page["value"].take() {
                items.extend(found);
            }
            match page["nextLink"].as_str().filter(|next| !next.is_empty()) {
                Some(next) => next.clone_into(&mut url),
                None => return Ok(items),
            }
        }
        Err(self.site(operation, scope).definite("list.endless", format!("{scope} has more than {PAGES_MAX} pages")))
    }

    /// Sends a PUT, PATCH, POST or DELETE, and waits until the operation has ended.
    ///
    /// With an `etag`, only where the resource still is what was read. Returns what the service answered; the truth is what a
    /// later read shows.
    pub(crate) async fn write(
        &self,
        operation: &Operation,
        id: &ArmId,
        body: Option<Value>,
        etag: Option<&str>,
    ) -> Result<Value, CallError> {
        self.change(operation, id, body, etag.map_or(Condition::Anything, Condition::Unchanged)).await
    }

    /// As [`Self::write`], but only where there is no resource of that name yet.
    pub(crate) async fn create(&self, operation: &Operation, id: &ArmId, body: Value) -> Result<Value, CallError> {
        self.change(operation, id, Some(body), Condition::Absent).await
    }

    async fn change(
        &self,
        operation: &Operation,
        id: &ArmId,
        body: Option<Value>,
        condition: Condition<'_>,
    ) -> Result<Value, CallError> {
        let url = operation.url(self.azure.cloud().endpoint(), id);
        let answer = self.send(operation, id, &url, body.as_ref(), condition).await?;
        poller::finish(self, operation, id, answer).await
    }

    /// The region that holds the resource group's own record, without which nothing in the group can be changed.
    ///
    /// Read once a run. `None` where it can't be told; a permission that is missing is an error, so that a plan names it.
    pub(crate) async fn group_location(&self, id: &ArmId) -> Result<Option<String>, CallError> {
        let scope = id.group_scope();
        match self.azure.whereabouts(&scope.key()) {
            Some(Whereabouts::At(region)) => return Ok(Some(region)),
            Some(Whereabouts::Hidden) => return Ok(None),
            None => {}
        }
        match self.read(&operations::RESOURCE_GROUP_GET, &scope).await {
            Ok(group) => Ok(group.and_then(|group| group.location())),
            Err(error) if error.denied => Err(error),
            Err(error) => {
                // What is refused stays so; what could not be reached is asked again.
                if error.retry == Retry::Never {
                    self.azure.learn(scope.key(), Whereabouts::Hidden);
                }
                Ok(None)
            }
        }
    }

    /// Asks an address that an earlier answer named, how far an operation is. Any answer is one, also a refusal.
    pub(crate) async fn progress(
        &self,
        operation: &Operation,
        id: &ArmId,
        url: &str,
    ) -> Result<Response<Bytes>, CallError> {
        let endpoint = self.azure.cloud().endpoint();
        let url = if url.starts_with('/') { format!("{endpoint}{url}") } else { url.to_owned() };
        self.exchange(&operations::progress_of(operation), id, &url, None, Condition::Anything).await
    }

    /// The address of the resource itself, for operations whose progress shows nowhere else.
    pub(crate) fn own_url(&self, operation: &Operation, id: &ArmId) -> String {
        Operation { suffix: "", ..operation.clone() }.url(self.azure.cloud().endpoint(), id)
    }

    pub(crate) fn json(&self, operation: &Operation, id: &ArmId, answer: &Response<Bytes>) -> Result<Value, CallError> {
        if answer.body().iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        let unreadable = |error| self.site(operation, id).uncertain("response.unreadable", format!("{error}"));
        serde_json::from_slice(answer.body()).map_err(unreadable)
    }

    pub(crate) fn site(&self, operation: &Operation, id: &ArmId) -> CallSite {
        CallSite {
            service: operation.service,
            operation: operation.name,
            region: self.region(operation, id),
            access: operation.access,
        }
    }

    /// The region whose control plane answers: the resource's own where it was seen before, else that of the step's site.
    fn region(&self, operation: &Operation, id: &ArmId) -> Option<String> {
        if [operations::RESOURCES, operations::AUTHORIZATION].contains(&operation.service) {
            return None;
        }
        let known = self.azure.whereabouts(&id.key()).or_else(|| self.azure.whereabouts(&id.top().key()));
        let found = match known {
            Some(Whereabouts::At(known)) => known,
            _ if operation.api_version == operations::TRAFFIC_MANAGER_VERSION => GLOBAL.to_owned(),
            _ => region(self.cx.run.region()?),
        };
        (found != GLOBAL).then_some(found)
    }

    /// Sends a call, and classifies an answer that refuses it.
    async fn send(
        &self,
        operation: &Operation,
        id: &ArmId,
        url: &str,
        body: Option<&Value>,
        condition: Condition<'_>,
    ) -> Result<Response<Bytes>, CallError> {
        let answer = self.exchange(operation, id, url, body, condition).await?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.site(operation, id).answered(&answer)) }
    }

    async fn exchange(
        &self,
        operation: &Operation,
        id: &ArmId,
        url: &str,
        body: Option<&Value>,
        condition: Condition<'_>,
    ) -> Result<Response<Bytes>, CallError> {
        let site = self.site(operation, id);
        let uri: Uri = url.parse().map_err(|error| site.definite("url.malformed", format!("{url}: {error}")))?;
        if !self.azure.cloud().admits(&uri) {
            let message = format!("{} is not of the declared cloud: the token does not go there", at(&uri));
            return Err(site.definite("host.refused", message));
        }
        let token = self.azure.token().await?;
        let mut request = Request::builder()
            .method(operation.method.clone())
            .uri(uri)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("lifeboat/", env!("CARGO_PKG_VERSION")))
            .header("x-ms-client-request-id", self.azure.request_id())
            .header("x-ms-correlation-request-id", self.azure.correlation());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request = match condition {
            Condition::Anything => request,
            Condition::Unchanged(etag) => request.header(IF_MATCH, etag),
            Condition::Absent => request.header(IF_NONE_MATCH, "*"),
        };
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.body(body).map_err(|error| site.definite("request.malformed", error.to_string()))?;
        let label = CallLabel {
            service: operation.service.to_owned(),
            operation: operation.name.to_owned(),
            region: site.region.clone(),
            access: operation.access,
        };
        let sent = self.cx.wire.send(Call { request, label, scope: CallScope::current() }).await;
        let answer = sent.map_err(|error| site.unanswered(error))?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.azure.forget_token().await;
        }
        Ok(answer)
    }
}

fn at(uri: &Uri) -> String {
    format!("{}://{}", uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default())
}

/// The control planes that a change of a resource needs: its provider's in its own region, and the resource group's.
///
/// A region that is not known yet is left out: an id tells none, and the observation does. `global` is where resources without a
/// region are.
pub(crate) fn planes(service: &str, location: Option<&str>, group_location: Option<&str>) -> Vec<ControlPlane> {
    let plane =
        |service: &str, region: &str| ControlPlane { service: service.to_owned(), region: Some(Region::from(region)) };
    let own = location.map(|location| plane(service, location));
    let group = group_location.map(|location| plane(operations::RESOURCES, location));
    own.into_iter().chain(group).collect()
}
