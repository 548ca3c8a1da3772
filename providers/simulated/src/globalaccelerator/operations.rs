//! Global Accelerator's operations on accelerators, listeners and tags. Does not read HTTP.

use super::{
    Accelerator, CONTROL_REGION, GlobalAccelerator, Listener,
    input::{self, Input, invalid},
};
use crate::{codec::ApiError, ids, pace::Pace};
use jiff::Timestamp;
use lifeboat_contract::Span;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The operations that change nothing.
pub(crate) const READS: &[&str] = &["Describe", "List"];

/// What a call knows besides its input.
pub(crate) struct GaCx<'a> {
    pub(crate) now: Timestamp,
    pub(crate) account: &'a str,
    pub(crate) pace: Pace,
    /// Whether a load balancer or other endpoint exists. `None` when its region's control plane can't be asked.
    pub(crate) endpoint_exists: &'a dyn Fn(&str) -> Option<bool>,
}

impl GlobalAccelerator {
    /// Answers one call. An error changes nothing.
    pub(crate) fn answer(&mut self, operation: &str, input: &Value, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        let empty = Input::new();
        let input = input.as_object().unwrap_or(&empty);
        match operation {
            "CreateAccelerator" => self.create_accelerator(input, cx),
            "DescribeAccelerator" => {
                let accelerator = self.find(input::required(input, "AcceleratorArn")?)?;
                Ok(json!({ "Accelerator": accelerator.describe(cx.now) }))
            }
            "ListAccelerators" => {
                let all = self.accelerators.values().map(|accelerator| accelerator.describe(cx.now)).collect();
                page(input, "Accelerators", all)
            }
            "UpdateAccelerator" => self.update_accelerator(input, cx),
            "DeleteAccelerator" => self.delete_accelerator(input),
            "DescribeAcceleratorAttributes" => {
                let accelerator = self.find(input::required(input, "AcceleratorArn")?)?;
                Ok(json!({ "AcceleratorAttributes": accelerator.describe_attributes() }))
            }
            "UpdateAcceleratorAttributes" => self.update_attributes(input, cx),
            "CreateListener" => self.create_listener(input, cx),
            "DescribeListener" => {
                let (_, listener) = self.find_listener(input::required(input, "ListenerArn")?)?;
                Ok(json!({ "Listener": listener.describe() }))
            }
            "ListListeners" => {
                let accelerator = self.find(input::required(input, "AcceleratorArn")?)?;
                page(input, "Listeners", accelerator.listeners.values().map(Listener::describe).collect())
            }
            "UpdateListener" => self.update_listener(input, cx),
            "DeleteListener" => self.delete_listener(input, cx),
            "CreateEndpointGroup" => self.create_endpoint_group(input, cx),
            "DescribeEndpointGroup" => {
                let (accelerator, group) = self.find_group(input::required(input, "EndpointGroupArn")?)?;
                Ok(json!({ "EndpointGroup": accelerator.describe_group(group) }))
            }
            "ListEndpointGroups" => {
                let (accelerator, listener) = self.find_listener(input::required(input, "ListenerArn")?)?;
                let groups = listener.groups.values().map(|group| accelerator.describe_group(group)).collect();
                page(input, "EndpointGroups", groups)
            }
            "UpdateEndpointGroup" => self.update_endpoint_group(input, cx),
            "DeleteEndpointGroup" => self.delete_endpoint_group(input, cx),
            "AddEndpoints" => self.add_endpoints(input, cx),
            "RemoveEndpoints" => self.remove_endpoints(input, cx),
            "ListTagsForResource" => {
                let tags = self.tags.get(self.known(input::required(input, "ResourceArn")?)?);
                let tags: Vec<_> =
                    tags.into_iter().flatten().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
                Ok(json!({ "Tags": tags }))
            }
            "TagResource" => {
                let arn = self.known(input::required(input, "ResourceArn")?)?.to_owned();
                let tags = input::tags(input)?;
                self.tags.entry(arn).or_default().extend(tags);
                Ok(json!({}))
            }
            "UntagResource" => {
                let arn = self.known(input::required(input, "ResourceArn")?)?.to_owned();
                let keys: Vec<_> =
                    input::list(input, "TagKeys")?.into_iter().flatten().filter_map(Value::as_str).collect();
                if let Some(tags) = self.tags.get_mut(&arn) {
                    tags.retain(|key, _| !keys.contains(&key.as_str()));
                }
                Ok(json!({}))
            }
            "ListByoipCidrs" => Ok(json!({ "ByoipCidrs": [] })),
            "ListCrossAccountAttachments" => Ok(json!({ "CrossAccountAttachments": [] })),
            "ListCustomRoutingAccelerators" => Ok(json!({ "Accelerators": [] })),
            _ => Err(ApiError::new(
                "UnknownOperationException",
                400,
                format!("{operation} is not an operation of this service"),
            )),
        }
    }

    fn create_accelerator(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        let name = input::required(input, "Name")?;
        if let Some(arn) = self.tokens.get(input::text(input, "IdempotencyToken")?.unwrap_or_default()) {
            return Ok(json!({ "Accelerator": self.find(arn)?.describe(cx.now) }));
        }
        let tags = input::tags(input)?;
        let enabled = input::flag(input, "Enabled")?.unwrap_or(true);
        let id = self.next_uuid("accelerator");
        let arn = format!("arn:aws:globalaccelerator::{}:accelerator/{id}", cx.account);
        let mut accelerator = Accelerator::new(&arn, name, cx.now);
        input::text(input, "IpAddressType")?.unwrap_or("IPV4").clone_into(&mut accelerator.ip_address_type);
        accelerator.enabled = enabled;
        accelerator.changed(cx.now, cx.pace);
        let answer = json!({ "Accelerator": accelerator.describe(cx.now) });
        self.remember(input, &arn);
        self.tags.insert(arn.clone(), tags);
        self.accelerators.insert(arn, accelerator);
        Ok(answer)
    }

    fn update_accelerator(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        let enabled = input::flag(input, "Enabled")?;
        let name = input::text(input, "Name")?;
        let kind = input::text(input, "IpAddressType")?;
        let accelerator = self.find_mut(input::required(input, "AcceleratorArn")?)?;
        if let Some(enabled) = enabled {
            accelerator.enabled = enabled;
        }
        if let Some(name) = name {
            name.clone_into(&mut accelerator.name);
        }
        if let Some(kind) = kind {
            kind.clone_into(&mut accelerator.ip_address_type);
        }
        accelerator.changed(cx.now, cx.pace);
        Ok(json!({ "Accelerator": accelerator.describe(cx.now) }))
    }

    fn delete_accelerator(&mut self, input: &Input) -> Result<Value, ApiError> {
        let accelerator = self.find(input::required(input, "AcceleratorArn")?)?;
        if accelerator.enabled {
            return Err(ApiError::new("AcceleratorNotDisabledException", 400, "the accelerator is enabled"));
        }
        if !accelerator.listeners.is_empty() {
            return Err(ApiError::new("AssociatedListenerFoundException", 400, "the accelerator has listeners"));
        }
        if accelerator.deploying.is_some() {
            return Err(ApiError::new("TransactionInProgressException", 400, "the accelerator is being deployed"));
        }
        let arn = accelerator.arn.clone();
        self.accelerators.remove(&arn);
        self.tags.remove(&arn);
        Ok(json!({}))
    }

    fn update_attributes(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        let accelerator = self.find_mut(input::required(input, "AcceleratorArn")?)?;
        for field in ["FlowLogsEnabled", "FlowLogsS3Bucket", "FlowLogsS3Prefix"] {
            if let Some(value) = input.get(field).filter(|value| !value.is_null()) {
                accelerator.attributes.insert(field.to_owned(), value.clone());
            }
        }
        accelerator.changed(cx.now, cx.pace);
        Ok(json!({ "AcceleratorAttributes": accelerator.describe_attributes() }))
    }

    fn create_listener(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        if let Some(arn) = self.tokens.get(input::text(input, "IdempotencyToken")?.unwrap_or_default()) {
            return Ok(json!({ "Listener": self.find_listener(arn)?.1.describe() }));
        }
        let ports = input::ports(input)?.ok_or_else(|| invalid("PortRanges is required"))?;
        let protocol = input::required(input, "Protocol")?.to_owned();
        let affinity = input::text(input, "ClientAffinity")?.unwrap_or("NONE").to_owned();
        let accelerator = self.find(input::required(input, "AcceleratorArn")?)?.arn.clone();
        let id = self.next_hex("listener", 8);
        let arn = format!("{accelerator}/listener/{id}");
        let listener = Listener { arn: arn.clone(), ports, protocol, affinity, groups: BTreeMap::new() };
        let answer = json!({ "Listener": listener.describe() });
        self.remember(input, &arn);
        let accelerator = self.find_mut(&accelerator)?;
        accelerator.listeners.insert(arn, listener);
        accelerator.changed(cx.now, cx.pace);
        Ok(answer)
    }

    fn update_listener(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        let ports = input::ports(input)?;
        let protocol = input::text(input, "Protocol")?;
        let affinity = input::text(input, "ClientAffinity")?;
        let arn = input::required(input, "ListenerArn")?;
        let accelerator = self.owner_mut(arn, "ListenerNotFoundException")?;
        let Some(listener) = accelerator.listeners.get_mut(arn) else {
            return Err(missing("ListenerNotFoundException", arn));
        };
        if let Some(ports) = ports {
            listener.ports = ports;
        }
        if let Some(protocol) = protocol {
            protocol.clone_into(&mut listener.protocol);
        }
        if let Some(affinity) = affinity {
            affinity.clone_into(&mut listener.affinity);
        }
        let answer = json!({ "Listener": listener.describe() });
        accelerator.changed(cx.now, cx.pace);
        Ok(answer)
    }

    fn delete_listener(&mut self, input: &Input, cx: &GaCx<'_>) -> Result<Value, ApiError> {
        let arn = input::required(input, "ListenerArn")?;
        if !self.find_listener(arn)?.1.groups.is_empty() {
            return Err(ApiError::new(
                "AssociatedEndpointGroupFoundException",
                400,
                "the listener has endpoint groups",
            ));
        }
        let accelerator = self.owner_mut(arn, "ListenerNotFoundException")?;
        accelerator.listeners.remove(arn);
        accelerator.changed(cx.now, cx.pace);
        self.tags.remove(arn);
        Ok(json!({}))
    }

    pub(super) fn find(&self, arn: &str) -> Result<&Accelerator, ApiError> {
        self.accelerators.get(arn).ok_or_else(|| missing("AcceleratorNotFoundException", arn))
    }

    fn find_mut(&mut self, arn: &str) -> Result<&mut Accelerator, ApiError> {
        self.accelerators.get_mut(arn).ok_or_else(|| missing("AcceleratorNotFoundException", arn))
    }

    pub(super) fn find_listener(&self, arn: &str) -> Result<(&Accelerator, &Listener), ApiError> {
        self.accelerators
            .values()
            .find_map(|accelerator| accelerator.listeners.get(arn).map(|listener| (accelerator, listener)))
            .ok_or_else(|| missing("ListenerNotFoundException", arn))
    }

    /// The accelerator that a listener's or endpoint group's ARN belongs to.
    pub(super) fn owner_mut(&mut self, arn: &str, code: &str) -> Result<&mut Accelerator, ApiError> {
        let owner = arn.split("/listener/").next().unwrap_or_default();
        self.accelerators.get_mut(owner).ok_or_else(|| missing(code, arn))
    }

    fn known<'a>(&self, arn: &'a str) -> Result<&'a str, ApiError> {
        let known = self.find(arn).is_ok() || self.find_listener(arn).is_ok() || self.find_group(arn).is_ok();
        if known { Ok(arn) } else { Err(missing("AcceleratorNotFoundException", arn)) }
    }

    pub(super) fn remember(&mut self, input: &Input, arn: &str) {
        if let Some(token) = input.get("IdempotencyToken").and_then(Value::as_str).filter(|token| !token.is_empty()) {
            self.tokens.insert(token.to_owned(), arn.to_owned());
        }
    }

    fn next_uuid(&mut self, what: &str) -> String {
        self.created += 1;
        ids::uuid(&format!("{what}-{}", self.created))
    }

    pub(super) fn next_hex(&mut self, what: &str, length: usize) -> String {
        self.created += 1;
        ids::hex(&format!("{what}-{}", self.created), length)
    }
}

impl Accelerator {
    /// A disabled accelerator without listeners, deployed as it is.
    pub(crate) fn new(arn: &str, name: &str, now: Timestamp) -> Self {
        let address = |round| {
            let bits = ids::mix(arn, round).to_be_bytes();
            [75, 2, bits[0], bits[1].max(1)].into()
        };
        Self {
            arn: arn.to_owned(),
            name: name.to_owned(),
            ip_address_type: "IPV4".to_owned(),
            enabled: false,
            addresses: vec![address(1), address(2)],
            dns_name: format!("a{}.awsglobalaccelerator.com", ids::hex(arn, 16)),
            created: now,
            modified: now,
            deploy_time: Span::secs(15),
            status_lag: Span::secs(0),
            health_time: Span::secs(30),
            attributes: BTreeMap::new(),
            listeners: BTreeMap::new(),
            deployed: BTreeMap::new(),
            deployed_enabled: false,
            deploying: None,
            health: BTreeMap::new(),
        }
    }
}

pub(super) fn missing(code: &str, arn: &str) -> ApiError {
    ApiError::new(code, 400, format!("{arn} does not exist"))
}

/// One page of `all`: a token is the place of the next element.
pub(super) fn page(input: &Input, field: &str, all: Vec<Value>) -> Result<Value, ApiError> {
    let size = input.get("MaxResults").and_then(Value::as_u64).unwrap_or(100).clamp(1, 100);
    let start = match input::text(input, "NextToken")? {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .map_err(|_| ApiError::new("InvalidNextTokenException", 400, "there isn't another item to return"))?,
    };
    let size = usize::try_from(size).unwrap_or(100);
    let end = start.saturating_add(size);
    let next = (end < all.len()).then(|| end.to_string());
    let items: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    let mut answer = json!({ field: items });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

/// Whether calls signed for `region` reach the service: it has one region, and its names in others don't exist.
pub(crate) fn is_served_in(region: &str) -> bool {
    region == CONTROL_REGION
}
