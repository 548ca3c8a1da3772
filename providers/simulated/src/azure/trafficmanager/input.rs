//! Reads profiles and endpoints from requests, and refuses what the service refuses. Changes no kept state.

use super::{Endpoint, EndpointKind, Monitor, MonitorProtocol, Profile, RoutingMethod, health::Health};
use crate::azure::ArmError;
use serde_json::{Map, Value};

/// Fields of an endpoint that only the service sets.
const READ_ONLY: &[&str] = &["endpointMonitorStatus"];

pub(super) fn bad(message: impl Into<String>) -> ArmError {
    ArmError::bad("BadRequest", message)
}

/// A member of an object; null is the same as nothing.
fn given<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    object.get(field).filter(|value| !value.is_null())
}

fn text<'a>(object: &'a Value, field: &str) -> Result<Option<&'a str>, ArmError> {
    let wrong = || bad(format!("The value of '{field}' is not a string."));
    given(object, field).map(|value| value.as_str().ok_or_else(wrong)).transpose()
}

fn number(object: &Value, field: &str, range: std::ops::RangeInclusive<u32>) -> Result<Option<u32>, ArmError> {
    let Some(value) = given(object, field) else { return Ok(None) };
    let read = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| range.contains(number));
    let wrong = || bad(format!("The value '{value}' of '{field}' is not from {} to {}.", range.start(), range.end()));
    read.map(Some).ok_or_else(wrong)
}

/// `Enabled` or `Disabled`, whatever the case.
fn enabled(object: &Value, field: &str) -> Result<Option<bool>, ArmError> {
    Ok(match text(object, field)? {
        None => None,
        Some(value) if value.eq_ignore_ascii_case("Enabled") => Some(true),
        Some(value) if value.eq_ignore_ascii_case("Disabled") => Some(false),
        Some(value) => return Err(bad(format!("The value '{value}' of '{field}' is neither Enabled nor Disabled."))),
    })
}

impl Endpoint {
    pub(crate) fn new(name: &str, kind: EndpointKind, priority: u32) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            target: None,
            target_resource: None,
            location: None,
            enabled: true,
            always_serve: false,
            weight: 1,
            priority,
            min_child_endpoints: None,
            others: Map::new(),
            health: Health::default(),
        }
    }

    /// Takes over the properties that are given.
    pub(super) fn apply(&mut self, properties: &Value) -> Result<(), ArmError> {
        if let Some(status) = enabled(properties, "endpointStatus")? {
            self.enabled = status;
        }
        if let Some(always) = enabled(properties, "alwaysServe")? {
            self.always_serve = always;
        }
        self.weight = number(properties, "weight", 1..=1000)?.unwrap_or(self.weight);
        self.priority = number(properties, "priority", 1..=1000)?.unwrap_or(self.priority);
        let children = number(properties, "minChildEndpoints", 1..=u32::MAX)?;
        self.min_child_endpoints = children.or(self.min_child_endpoints);
        for (field, kept) in [
            ("target", &mut self.target),
            ("targetResourceId", &mut self.target_resource),
            ("endpointLocation", &mut self.location),
        ] {
            if let Some(value) = text(properties, field)? {
                *kept = Some(value.to_owned());
            }
        }
        let known = [
            "endpointStatus",
            "alwaysServe",
            "weight",
            "priority",
            "minChildEndpoints",
            "target",
            "targetResourceId",
            "endpointLocation",
        ];
        for (field, value) in properties.as_object().into_iter().flatten() {
            let kept = !known.contains(&field.as_str()) && !READ_ONLY.contains(&field.as_str()) && !value.is_null();
            if kept {
                self.others.insert(field.clone(), value.clone());
            }
        }
        Ok(())
    }

    /// Whether all is there that its kind needs.
    pub(super) fn complete(&self) -> Result<(), ArmError> {
        let (field, present) = match self.kind {
            EndpointKind::External => ("target", self.target.as_ref().is_some_and(|target| !target.is_empty())),
            EndpointKind::Azure | EndpointKind::Nested => {
                ("targetResourceId", self.target_resource.is_some() || self.target.is_some())
            }
        };
        if present {
            Ok(())
        } else {
            Err(bad(format!("The property '{field}' is required for endpoint '{}'.", self.name)))
        }
    }
}

impl Monitor {
    /// Takes over what is given.
    fn apply(&mut self, config: &Value) -> Result<(), ArmError> {
        if let Some(protocol) = text(config, "protocol")? {
            self.protocol = MonitorProtocol::of(protocol)
                .ok_or_else(|| bad(format!("The value '{protocol}' of 'protocol' is none of HTTP, HTTPS and TCP.")))?;
        }
        if let Some(port) = number(config, "port", 1..=65535)? {
            self.port = u16::try_from(port).unwrap_or(self.port);
        }
        if let Some(path) = text(config, "path")? {
            self.path = Some(path.to_owned());
        }
        self.interval_s = number(config, "intervalInSeconds", 10..=30)?.unwrap_or(self.interval_s);
        self.timeout_s = number(config, "timeoutInSeconds", 5..=10)?.unwrap_or(self.timeout_s);
        self.tolerated_failures =
            number(config, "toleratedNumberOfFailures", 0..=9)?.unwrap_or(self.tolerated_failures);
        if let Some(ranges) = given(config, "expectedStatusCodeRanges") {
            let wrong = || bad("The value of 'expectedStatusCodeRanges' is not a list of ranges with 'min' and 'max'.");
            let read = |range: &Value| {
                let bound = |field| u16::try_from(range.get(field)?.as_u64()?).ok();
                Some((bound("min")?, bound("max")?))
            };
            self.expected = ranges
                .as_array()
                .ok_or_else(wrong)?
                .iter()
                .map(|range| read(range).ok_or_else(wrong))
                .collect::<Result<_, _>>()?;
        }
        if let Some(headers) = given(config, "customHeaders") {
            self.custom_headers = Some(headers.clone());
        }
        self.check()
    }

    /// Refuses what the service refuses.
    pub(crate) fn check(&self) -> Result<(), ArmError> {
        if ![10, 30].contains(&self.interval_s) {
            return Err(bad("The probing interval is either 10 or 30 seconds."));
        }
        if !(5..=10).contains(&self.timeout_s) || self.timeout_s >= self.interval_s {
            return Err(bad("The probe timeout is from 5 to 10 seconds, and shorter than the probing interval."));
        }
        match (self.protocol, &self.path) {
            (MonitorProtocol::Tcp, Some(path)) if !path.is_empty() => {
                Err(bad("A monitor that speaks TCP has no path."))
            }
            (MonitorProtocol::Http | MonitorProtocol::Https, path) => {
                let right = path.as_ref().is_some_and(|path| path.starts_with('/'));
                if right { Ok(()) } else { Err(bad("The monitor's path starts with a slash.")) }
            }
            (MonitorProtocol::Tcp, _) => Ok(()),
        }
    }
}

impl Profile {
    /// Takes over the properties that are given, but for the endpoints.
    pub(super) fn apply(&mut self, body: &Value) -> Result<(), ArmError> {
        if let Some(tags) = given(body, "tags").and_then(Value::as_object) {
            self.tags.clone_from(tags);
        }
        let Some(properties) = given(body, "properties") else { return Ok(()) };
        if let Some(status) = enabled(properties, "profileStatus")? {
            self.enabled = status;
        }
        if let Some(method) = text(properties, "trafficRoutingMethod")? {
            self.method = RoutingMethod::of(method).ok_or_else(|| {
                bad(format!("The routing method '{method}' is none of Priority and Weighted, which this world has."))
            })?;
        }
        if let Some(dns) = given(properties, "dnsConfig") {
            if let Some(name) = text(dns, "relativeName")? {
                name.clone_into(&mut self.relative_name);
            }
            self.ttl_s = number(dns, "ttl", 0..=i32::MAX.unsigned_abs())?.unwrap_or(self.ttl_s);
        }
        if let Some(config) = given(properties, "monitorConfig") {
            self.monitor.apply(config)?;
        }
        Ok(())
    }

    /// The endpoints of a body, complete; nothing where the body has none.
    pub(super) fn read_endpoints(body: &Value) -> Result<Option<Vec<Endpoint>>, ArmError> {
        let Some(list) = given(body, "properties").and_then(|properties| given(properties, "endpoints")) else {
            return Ok(None);
        };
        let list = list.as_array().ok_or_else(|| bad("The value of 'endpoints' is not a list."))?;
        let mut endpoints: Vec<Endpoint> = Vec::new();
        let mut unranked = Vec::new();
        for entry in list {
            let name = text(entry, "name")?.ok_or_else(|| bad("An endpoint has no name."))?;
            let kind = text(entry, "type")?.and_then(|kind| EndpointKind::of(kind.rsplit('/').next().unwrap_or(kind)));
            let kind = kind.ok_or_else(|| bad(format!("The endpoint '{name}' has no known type.")))?;
            let mut endpoint = Endpoint::new(name, kind, 0);
            endpoint.apply(given(entry, "properties").unwrap_or(&Value::Null))?;
            endpoint.complete()?;
            if endpoint.priority == 0 {
                unranked.push(endpoints.len());
            }
            endpoints.push(endpoint);
        }
        // Those that name no priority get the least ones that the others leave.
        for place in unranked {
            let taken: Vec<u32> = endpoints.iter().map(|endpoint| endpoint.priority).collect();
            endpoints[place].priority = (1..=1000).find(|priority| !taken.contains(priority)).unwrap_or(1000);
        }
        Ok(Some(endpoints))
    }

    /// Refuses endpoints that can't stand beside each other.
    pub(super) fn check_endpoints(&self) -> Result<(), ArmError> {
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            let before = &self.endpoints[..place];
            if before.iter().any(|other| other.kind == endpoint.kind && other.name.eq_ignore_ascii_case(&endpoint.name))
            {
                return Err(bad(format!("The endpoint name '{}' is used more than once.", endpoint.name)));
            }
            if let Some(other) = before.iter().find(|other| other.priority == endpoint.priority) {
                return Err(bad(format!(
                    "The priority {} of endpoint '{}' is used by endpoint '{}' already. Priorities are unique in a profile.",
                    endpoint.priority, endpoint.name, other.name
                )));
            }
        }
        Ok(())
    }
}

impl Default for Monitor {
    fn default() -> Self {
        Self {
            protocol: MonitorProtocol::Http,
            port: 80,
            path: Some("/".to_owned()),
            interval_s: 30,
            timeout_s: 10,
            tolerated_failures: 3,
            expected: Vec::new(),
            custom_headers: None,
        }
    }
}

impl MonitorProtocol {
    fn of(text: &str) -> Option<Self> {
        [Self::Http, Self::Https, Self::Tcp].into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(text))
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Tcp => "TCP",
        }
    }
}

impl RoutingMethod {
    fn of(text: &str) -> Option<Self> {
        [Self::Priority, Self::Weighted].into_iter().find(|method| method.name().eq_ignore_ascii_case(text))
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Priority => "Priority",
            Self::Weighted => "Weighted",
        }
    }
}
