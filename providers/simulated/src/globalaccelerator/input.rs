//! What a Global Accelerator call carries, taken from its JSON with the service's own errors. Changes nothing.

use super::Endpoint;
use crate::codec::ApiError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) type Input = Map<String, Value>;

const DEFAULT_WEIGHT: u32 = 128;

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidArgumentException", 400, message)
}

pub(super) fn text<'a>(input: &'a Input, field: &str) -> Result<Option<&'a str>, ApiError> {
    match input.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(format!("{field} must be a string"))),
    }
}

pub(super) fn required<'a>(input: &'a Input, field: &str) -> Result<&'a str, ApiError> {
    text(input, field)?.filter(|text| !text.is_empty()).ok_or_else(|| invalid(format!("{field} is required")))
}

pub(super) fn flag(input: &Input, field: &str) -> Result<Option<bool>, ApiError> {
    match input.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(invalid(format!("{field} must be a boolean"))),
    }
}

pub(super) fn list<'a>(input: &'a Input, field: &str) -> Result<Option<&'a Vec<Value>>, ApiError> {
    match input.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list)),
        Some(_) => Err(invalid(format!("{field} must be a list"))),
    }
}

/// A traffic dial: a 32-bit float on the wire, kept as the decimal number that a reader sees.
pub(super) fn dial(input: &Input) -> Result<Option<f64>, ApiError> {
    match input.get("TrafficDialPercentage") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let dial = value.as_f64().filter(|dial| (0.0..=100.0).contains(dial));
            dial.map(as_float).map(Some).ok_or_else(|| invalid("TrafficDialPercentage must be from 0 to 100"))
        }
    }
}

/// Rounds to what a 32-bit float can tell apart, in its shortest decimal form.
pub(crate) fn as_float(value: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "the wire's type is a 32-bit float")]
    let narrow = value as f32;
    narrow.to_string().parse().unwrap_or(value)
}

pub(super) fn ports(input: &Input) -> Result<Option<Vec<(u16, u16)>>, ApiError> {
    let Some(list) = list(input, "PortRanges")? else { return Ok(None) };
    let wrong = || ApiError::new("InvalidPortRangeException", 400, "the port numbers are not valid");
    let port = |range: &Value, field: &str| {
        range.get(field).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
    };
    let ranges: Option<Vec<_>> = list
        .iter()
        .map(|range| Some((port(range, "FromPort")?, port(range, "ToPort")?)).filter(|(first, last)| first <= last))
        .collect();
    ranges.filter(|ranges| !ranges.is_empty()).map(Some).ok_or_else(wrong)
}

/// `EndpointConfigurations`. A weight that is not given becomes 128.
pub(super) fn endpoints(input: &Input) -> Result<Option<Vec<Endpoint>>, ApiError> {
    let Some(list) = list(input, "EndpointConfigurations")? else { return Ok(None) };
    list.iter().map(endpoint).collect::<Result<Vec<_>, _>>().map(Some)
}

fn endpoint(value: &Value) -> Result<Endpoint, ApiError> {
    let id = value.get("EndpointId").and_then(Value::as_str).ok_or_else(|| invalid("EndpointId is required"))?;
    let weight = match value.get("Weight") {
        None | Some(Value::Null) => DEFAULT_WEIGHT,
        Some(weight) => weight
            .as_u64()
            .and_then(|weight| u32::try_from(weight).ok())
            .filter(|weight| *weight <= 255)
            .ok_or_else(|| invalid("Weight must be from 0 to 255"))?,
    };
    let client_ip_preserved = value.get("ClientIPPreservationEnabled").and_then(Value::as_bool).unwrap_or(true);
    Ok(Endpoint { id: id.to_owned(), weight, client_ip_preserved })
}

/// The health check's fields, where they are given.
pub(super) fn health_check(input: &Input, into: &mut BTreeMap<String, Value>) -> Result<(), ApiError> {
    let number = |field: &str, allowed: &dyn Fn(u64) -> bool| match input.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) if value.as_u64().is_some_and(allowed) => Ok(Some(value.clone())),
        Some(_) => Err(invalid(format!("{field} is not valid"))),
    };
    let mut given = vec![
        ("HealthCheckPort", number("HealthCheckPort", &|port| (1..=65_535).contains(&port))?),
        (
            "HealthCheckIntervalSeconds",
            number("HealthCheckIntervalSeconds", &|interval| interval == 10 || interval == 30)?,
        ),
        ("ThresholdCount", number("ThresholdCount", &|count| (1..=10).contains(&count))?),
    ];
    if let Some(protocol) = text(input, "HealthCheckProtocol")? {
        if !["TCP", "HTTP", "HTTPS"].contains(&protocol) {
            return Err(invalid("HealthCheckProtocol is not valid"));
        }
        given.push(("HealthCheckProtocol", Some(protocol.into())));
    }
    given.push(("HealthCheckPath", text(input, "HealthCheckPath")?.map(Value::from)));
    into.extend(given.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))));
    Ok(())
}

pub(super) fn tags(input: &Input) -> Result<BTreeMap<String, String>, ApiError> {
    let part = |tag: &Value, field: &str| tag.get(field).and_then(Value::as_str).map(str::to_owned);
    list(input, "Tags")?
        .into_iter()
        .flatten()
        .map(|tag| part(tag, "Key").zip(part(tag, "Value")).ok_or_else(|| invalid("a tag needs Key and Value")))
        .collect()
}
