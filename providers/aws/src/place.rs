//! Where a step works when no ARN tells: the region and account of its site, and the names that are made of them.
//!
//! Asks nobody: whether a resource exists there is seen when it is read.

use lifeboat_contract::{CallError, ControlPlane, Cx, Findings, Permission, Region, RunContext, codes};

/// The region of the step's site.
pub(crate) fn region<'a>(cx: &'a Cx, service: &str) -> Result<&'a str, CallError> {
    cx.run.region().ok_or_else(|| {
        CallError::definite(service, "region.missing", "the step's site has no region, and nothing else tells one")
    })
}

/// The control plane of `service` in the region of the step's site.
pub(crate) fn plane(run: &RunContext, service: &str) -> ControlPlane {
    ControlPlane { service: service.to_owned(), region: run.region().map(Region::from) }
}

/// The ARN of a resource at the step's site, with `*` for an account that is not known.
pub(crate) fn arn(run: &RunContext, service: &str, resource: &str) -> String {
    let region = run.region().unwrap_or_default();
    let account = run.place.as_ref().and_then(|place| place.account.as_deref()).unwrap_or("*");
    format!("arn:aws:{service}:{region}:{account}:{resource}")
}

/// A read on everything, which is as narrow as AWS grants most of them.
pub(crate) fn may_read(action: &str) -> Permission {
    Permission { action: action.to_owned(), resource: "*".to_owned(), reads: true }
}

pub(crate) fn may_write(action: &str, resource: impl Into<String>) -> Permission {
    Permission { action: action.to_owned(), resource: resource.into(), reads: false }
}

/// Adds a finding unless `text` is an id that starts with `prefix`.
pub(crate) fn expect_id(findings: &mut Findings, path: &[&str], text: &str, prefix: &str, what: &str) {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    if rest.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        findings
            .error(path, codes::BAD_VALUE, format!("{text:?} is not the id of {what}"))
            .hint(format!("write it like {prefix}0123456789abcdef0"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_by_their_prefix() {
        let found = |text: &str| {
            let mut findings = Findings::default();
            expect_id(&mut findings, &["instance"], text, "i-", "an instance");
            findings.as_slice().len()
        };
        assert_eq!(["i-0a", "i-", "eni-0a", "i-0 a", ""].map(found), [0, 1, 1, 1, 1]);
    }
}
