//! What all descriptions share: ids, filters and pages. Describes nothing itself.

use super::{
    filters::{self, Table},
    refused::{Kind, combination, invalid},
};
use crate::{
    codec::{ApiError, Params},
    shape::Shape,
};

/// How one kind of resource is listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing {
    /// The parameter that names single resources.
    pub(super) ids: &'static str,
    /// The path to a described resource's id.
    pub(super) id: &'static [&'static str],
    pub(super) kind: Kind,
    /// The field of the answer.
    pub(super) set: &'static str,
    pub(super) filters: Table,
    /// The largest page.
    pub(super) page: usize,
}

impl Listing {
    /// Those of `all` that the call asks for. Every id it names must be there.
    pub(super) fn answer(&self, params: &Params, all: Vec<Shape>) -> Result<Shape, ApiError> {
        let chosen = self.chosen(params, all)?;
        page(params, self.set, self.page, chosen)
    }

    /// As `answer`, before it is cut into pages.
    pub(super) fn chosen(&self, params: &Params, all: Vec<Shape>) -> Result<Vec<Shape>, ApiError> {
        let wanted = params.strings(self.ids);
        if !wanted.is_empty() && params.has("MaxResults") {
            return Err(combination(format!(
                "The parameter {} cannot be used with the parameter maxResults",
                self.set
            )));
        }
        let mut named = all;
        if !wanted.is_empty() {
            let id = |item: &Shape| filters::texts(item, self.id).into_iter().next().unwrap_or_default();
            let missing: Vec<&str> = wanted
                .iter()
                .filter(|wanted| !named.iter().any(|item| id(item) == **wanted))
                .map(String::as_str)
                .collect();
            if !missing.is_empty() {
                return Err(self.kind.all_missing(&missing));
            }
            named.retain(|item| wanted.contains(&id(item)));
        }
        filters::keep(params, self.filters, named)
    }
}

/// One page of `all`: a token is the place of the next element.
pub(super) fn page(params: &Params, set: &'static str, largest: usize, all: Vec<Shape>) -> Result<Shape, ApiError> {
    let size = params.number::<usize>("MaxResults")?;
    if let Some(size) = size.filter(|size| !(5..=1000).contains(size)) {
        return Err(invalid(format!(
            "Value ( {size} ) for parameter maxResults is invalid. Expecting a value between 5 and {largest}."
        )));
    }
    let size = size.unwrap_or(usize::MAX).min(if size.is_some() { largest } else { usize::MAX });
    let bad = || ApiError::bad("InvalidNextToken", "The specified NextToken is not valid.");
    let start = match params.given("NextToken") {
        None => 0_usize,
        Some(token) => token.strip_prefix("from-").and_then(|place| place.parse().ok()).ok_or_else(bad)?,
    };
    let end = start.saturating_add(size);
    let next = (end < all.len()).then(|| format!("from-{end}"));
    let items = all.into_iter().skip(start).take(size).collect();
    Ok(Shape::Struct(vec![(set, Shape::List("item", items)), ("nextToken", next.into())]))
}
