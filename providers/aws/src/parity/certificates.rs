//! `aws.acm.certificates`: the certificates that a load balancer's listeners present, and how long they are still valid.

use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    place::region,
};
use aws_sdk_acm::types::{CertificateDetail, CertificateStatus};
use aws_sdk_elasticloadbalancingv2::types::{Certificate, Listener};
use jiff::Timestamp;
use lifeboat_contract::{Aspect, CallError, Comparable, Cx, Findings, Snapshot, Span, codes};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Compares the certificates of a load balancer's listeners, by domain: names, status, and whether one is about to expire.
///
/// Only the public half of a certificate is read.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificates {
    /// The load balancer's name: `orders-r1`.
    pub load_balancer: String,
    /// How long each must still be valid. Default 30d.
    #[serde(default = "month")]
    pub valid_for: Span,
}

fn month() -> Span {
    Span::secs(30 * 24 * 60 * 60)
}

impl Comparable for Certificates {
    const KIND: &'static str = "aws.acm.certificates";
    const EXAMPLE: &'static str = "load_balancer: \"orders-${{ site.id }}\"\nvalid_for: 30d";
    const PERMISSIONS: &'static [&'static str] = &[
        "acm:DescribeCertificate",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
    ];

    fn check(&self, findings: &mut Findings) {
        if self.load_balancer.is_empty() {
            findings.error(&["load_balancer"], codes::BAD_VALUE, "no load balancer is named");
        }
    }

    async fn read(&self, cx: &Cx) -> Result<Snapshot, CallError> {
        let region = region(cx, "acm")?;
        let aws = Aws::of(cx)?;
        let client = aws.acm(region).await;
        let at = CallSite { service: "acm", operation: "DescribeCertificate", region };
        let mut snapshot = Snapshot::new();
        for arn in self.presented(aws, region).await? {
            if !arn.contains(":acm:") {
                snapshot.insert(
                    "a certificate that is not from ACM".to_owned(),
                    Aspect::degrades("unknown").sound_if(false),
                );
                continue;
            }
            let answer = client.describe_certificate().certificate_arn(&arn).send().await;
            if let Some(found) = answer.map_err(|error| classify(&at, error))?.certificate {
                add(&mut snapshot, &found, cx.clock.now(), self.valid_for);
            }
        }
        Ok(snapshot)
    }
}

impl Certificates {
    /// The ARNs of all certificates that the listeners present.
    async fn presented(&self, aws: &Aws, region: &str) -> Result<BTreeSet<String>, CallError> {
        let client = aws.elb(region).await;
        let at = CallSite { service: "elasticloadbalancing", operation: "DescribeLoadBalancers", region };
        let answer = client.describe_load_balancers().names(&self.load_balancer).send().await;
        let found = answer.map_err(|error| classify(&at, error))?.load_balancers.unwrap_or_default().into_iter().next();
        let message = format!("there is no load balancer {}", self.load_balancer);
        let found = found.ok_or_else(|| at.definite("LoadBalancerNotFound", message))?;
        let at = CallSite { operation: "DescribeListeners", ..at };
        let pages = client.describe_listeners().set_load_balancer_arn(found.load_balancer_arn);
        let listeners: Result<Vec<Listener>, _> = pages.into_paginator().items().send().collect().await;
        let mut arns = BTreeSet::new();
        for listener in listeners.map_err(|error| classify(&at, error))? {
            if listener.certificates().is_empty() {
                continue;
            }
            let at = CallSite { operation: "DescribeListenerCertificates", ..at };
            let pages = client.describe_listener_certificates().set_listener_arn(listener.listener_arn);
            let found: Result<Vec<Certificate>, _> = pages.into_paginator().items().send().collect().await;
            let found = found.map_err(|error| classify(&at, error))?;
            arns.extend(found.into_iter().filter_map(|certificate| certificate.certificate_arn));
        }
        Ok(arns)
    }
}

fn add(snapshot: &mut Snapshot, found: &CertificateDetail, now: Timestamp, valid_for: Span) {
    let domain = found.domain_name().unwrap_or_default();
    let status = found.status().map(CertificateStatus::as_str).unwrap_or_default();
    snapshot.insert(domain.to_owned(), Aspect::stops(status).sound_if(status == "ISSUED"));
    let names: BTreeSet<&str> = found.subject_alternative_names().iter().map(String::as_str).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| *name != domain).collect();
    snapshot.insert(format!("{domain}/other names"), Aspect::stops(names.join(", ")));
    let left = found.not_after().map(|end| end.secs() - now.as_second());
    let needed = i64::try_from(valid_for.get().as_secs()).unwrap_or(i64::MAX);
    let aspect = match left {
        None => Aspect::stops("unknown").sound_if(false),
        Some(left) if left <= 0 => Aspect::stops("expired").sound_if(false),
        Some(left) if left < needed => Aspect::degrades(format!("expires in {} days", left / 86_400)).sound_if(false),
        Some(_) => Aspect::degrades(format!("valid for {valid_for} and longer")),
    };
    snapshot.insert(format!("{domain}/validity"), aspect);
}
