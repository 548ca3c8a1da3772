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

pub(super) fn number(params: &Params, name: &str) -> Result<Option<u32>, ApiError> {
    params.number::<u32>(name).map_err(|error| invalid(error.message))
}

pub(super) fn flag(params: &Params, name: &str) -> Result<Option<bool>, ApiError> {
    params.flag(name).map_err(|error| invalid(error.message))
}

/// One page of `all`: a token is the place of the next element.
pub(super) fn page(params: &Params, field: &'static str, usual: usize, all: Vec<Shape>) -> Result<Shape, ApiError> {
    let size = number(params, "MaxRecords")?.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    if let Some(size) = size.filter(|size| !(1..=100).contains(size)) {
        return Err(invalid(format!("The number of records {size} must be from 1 to 100")));
    }
    let bad = || ApiError::bad("InvalidNextToken", "The NextToken value is not valid.");
    let start = match params.given("NextToken") {
        None => 0,
        Some(token) => token.strip_prefix("from-").and_then(|place| place.parse::<usize>().ok()).ok_or_else(bad)?,
    };
    let end = start.saturating_add(size.unwrap_or(usual));
    let next = (end < all.len()).then(|| format!("from-{end}"));
    let items = all.into_iter().skip(start).take(end - start).collect();
    Ok(Shape::Struct(vec![(field, Shape::List("member", items)), ("NextToken", next.into())]))
}
