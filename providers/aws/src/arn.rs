//! Amazon Resource Names: which service, region and account a resource belongs to.
//!
//! Says nothing about whether the resource exists.

use lifeboat_contract::{Findings, codes};

/// A name taken apart: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) service: &'a str,
    /// Empty for a global resource.
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let arn = Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        let account_is_one = arn.account.len() == 12 && arn.account.bytes().all(|byte| byte.is_ascii_digit());
        let whole = !arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty() && account_is_one;
        (whole && !text.contains(char::is_whitespace)).then_some(arn)
    }
}

/// The region in a name; empty where there is none, which [`expect`] has reported before.
pub(crate) fn region_of(arn: &str) -> &str {
    Arn::parse(arn).map_or("", |arn| arn.region)
}

/// Adds a finding unless `text` names a resource of `service` whose last part starts with `resource`.
pub(crate) fn expect(findings: &mut Findings, path: &[&str], text: &str, service: &str, resource: &str) {
    let regional = service != "globalaccelerator";
    let fits = Arn::parse(text).is_some_and(|arn| {
        arn.service == service && arn.resource.starts_with(resource) && arn.region.is_empty() != regional
    });
    if !fits {
        let region = if regional { "REGION" } else { "" };
        findings
            .error(
                path,
                codes::BAD_ARN,
                format!("{text:?} is not the ARN of a {service} {}", resource.trim_end_matches([':', '/'])),
            )
            .because("region and account of the call are read from the ARN")
            .hint(format!("write it like arn:aws:{service}:{region}:ACCOUNT:{resource}…"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart() {
        let arn = Arn::parse("arn:aws:rds:us-east-1:111122223333:cluster:orders-r1").unwrap();
        assert_eq!((arn.service, arn.region, arn.account), ("rds", "us-east-1", "111122223333"));
        assert_eq!(arn.resource, "cluster:orders-r1");
    }

    #[test]
    fn what_is_no_name() {
        for text in
            ["", "orders-r1", "arn:aws:rds:us-east-1:1111:cluster:a", "arn:aws:rds:us-east-1:111122223333:", "arn:aws"]
        {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_wrong_service_is_a_finding() {
        let mut findings = Findings::default();
        expect(&mut findings, &["writer"], "arn:aws:ec2:us-east-1:111122223333:cluster:a", "rds", "cluster:");
        expect(&mut findings, &["writer"], "arn:aws:rds::111122223333:cluster:a", "rds", "cluster:");
        assert_eq!(findings.as_slice().len(), 2);
    }
}
