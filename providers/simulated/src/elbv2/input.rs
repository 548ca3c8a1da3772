//! Reading parameters the way this service does: with its own error codes. Knows no operation.

use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::bad("ValidationError", message)
}

pub(super) fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, ApiError> {
    params.given(name).ok_or_else(|| {
        let mut field = name.to_owned();
        field[..1].make_ascii_lowercase();
        invalid(format!(
            "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

/// A number within bounds.
pub(super) fn number(
    params: &Params,
    name: &str,
    allowed: std::ops::RangeInclusive<u32>,
) -> Result<Option<u32>, ApiError> {
    let number = params.number::<u32>(name).map_err(|error| invalid(error.message))?;
    match number {
        Some(number) if !allowed.contains(&number) => {
            Err(invalid(format!("{name} '{number}' must be between '{}' and '{}'", allowed.start(), allowed.end())))
        }
        number => Ok(number),
    }
}

pub(super) fn port(params: &Params, name: &str) -> Result<Option<u16>, ApiError> {
    Ok(number(params, name, 1..=65_535)?.and_then(|port| u16::try_from(port).ok()))
}

pub(super) fn flag(params: &Params, name: &str) -> Result<Option<bool>, ApiError> {
    params.flag(name).map_err(|error| invalid(error.message))
}

/// A name of a load balancer or target group.
pub(super) fn name(params: &Params) -> Result<&str, ApiError> {
    let name = required(params, "Name")?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if name.len() > 32 || !plain || name.starts_with('-') || name.ends_with('-') || name.starts_with("internal-") {
        return Err(invalid(format!("The name '{name}' is not valid: it has at most 32 letters, digits and hyphens")));
    }
    Ok(name)
}

/// One page of `all`: a marker is the place of the next element.
pub(super) fn page(params: &Params, field: &'static str, all: Vec<Shape>) -> Result<Shape, ApiError> {
    let size = number(params, "PageSize", 1..=400)?.map_or(400, |size| usize::try_from(size).unwrap_or(400));
    let bad = || invalid("The marker is not valid");
    let start = match params.given("Marker") {
        None => 0,
        Some(marker) => marker.strip_prefix("from-").and_then(|place| place.parse::<usize>().ok()).ok_or_else(bad)?,
    };
    let end = start.saturating_add(size);
    let next = (end < all.len()).then(|| format!("from-{end}"));
    let items = all.into_iter().skip(start).take(size).collect();
    Ok(Shape::Struct(vec![(field, Shape::List("member", items)), ("NextMarker", next.into())]))
}

/// A list of plain texts.
pub(super) fn texts<'a>(items: impl IntoIterator<Item = &'a String>) -> Shape {
    Shape::List("member", items.into_iter().map(Shape::from).collect())
}

/// An answer that holds one list.
pub(super) fn listed(field: &'static str, items: Vec<Shape>) -> Shape {
    Shape::Struct(vec![(field, Shape::List("member", items))])
}
