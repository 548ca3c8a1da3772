//! How one route of one table gets its target: create, replace or delete, and what to try when the service says it is another. Pure.
//!
//! Never deletes what is to exist afterwards.

use super::RouteTarget;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Write<'a> {
    Create(&'a RouteTarget),
    Replace(&'a RouteTarget),
    Delete,
}

/// What a refused call tells about the route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    Try(Write<'a>),
    /// It is as asked for already.
    Done,
    /// The error stands.
    GiveUp,
}

/// The first call from `current` to `to`, or none.
///
/// A propagated route is none that could be replaced or deleted: going to it is deleting the created one that hides it.
pub(crate) fn first<'a>(current: Option<&RouteTarget>, to: Option<&'a RouteTarget>) -> Option<Write<'a>> {
    if current == to {
        return None;
    }
    let created =
        |target: Option<&RouteTarget>| target.is_some_and(|target| !matches!(target, RouteTarget::Propagated(_)));
    match (to, created(current)) {
        (Some(to), true) if created(Some(to)) => Some(Write::Replace(to)),
        (Some(to), false) if created(Some(to)) => Some(Write::Create(to)),
        (_, true) => Some(Write::Delete),
        (_, false) => None,
    }
}

/// What to do after `refused` ended in `code`.
pub(crate) fn next<'a>(refused: &Write<'a>, code: &str, message: &str) -> Next<'a> {
    // The documented code, and the one that the service really answers.
    let absent = code == "InvalidRoute.NotFound"
        || code == "InvalidParameterValue" && message.to_ascii_lowercase().contains("no route defined");
    match refused {
        Write::Create(to) if code == "RouteAlreadyExists" => Next::Try(Write::Replace(to)),
        Write::Replace(to) if absent => Next::Try(Write::Create(to)),
        Write::Delete if absent => Next::Done,
        _ => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eni(id: &str) -> RouteTarget {
        RouteTarget::NetworkInterface(id.to_owned())
    }

    #[test]
    fn create_replace_or_delete() {
        let (a, b, propagated) = (eni("eni-a"), eni("eni-b"), RouteTarget::Propagated("vgw-1".to_owned()));
        for (current, to, expected) in [
            (Some(&a), Some(&b), Some(Write::Replace(&b))),
            (None, Some(&b), Some(Write::Create(&b))),
            (Some(&propagated), Some(&b), Some(Write::Create(&b))),
            (Some(&b), Some(&propagated), Some(Write::Delete)),
            (Some(&b), None, Some(Write::Delete)),
            (None, Some(&propagated), None),
            (Some(&b), Some(&b), None),
            (None, None, None),
        ] {
            assert_eq!(first(current, to), expected, "{current:?} {to:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_other_call() {
        let b = eni("eni-b");
        let real = "There is no route defined for '192.168.99.1/32' in the route table. Use CreateRoute instead.";
        for (refused, code, message, expected) in [
            (Write::Create(&b), "RouteAlreadyExists", "", Next::Try(Write::Replace(&b))),
            (Write::Replace(&b), "InvalidRoute.NotFound", "", Next::Try(Write::Create(&b))),
            (Write::Replace(&b), "InvalidParameterValue", real, Next::Try(Write::Create(&b))),
            (Write::Replace(&b), "InvalidParameterValue", "route target is not supported", Next::GiveUp),
            (Write::Delete, "InvalidRoute.NotFound", "", Next::Done),
            (Write::Create(&b), "RouteLimitExceeded", "", Next::GiveUp),
        ] {
            assert_eq!(next(&refused, code, message), expected, "{refused:?} {code}");
        }
    }
}
