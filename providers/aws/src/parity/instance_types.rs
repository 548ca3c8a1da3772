//! `aws.ec2.instance_types`: whether a region offers the types of instance that the system runs on.
//!
//! Says nothing of capacity: an offered type can be out of stock on the night it is needed.

use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    place::region,
};
use aws_sdk_ec2::types::{Filter, InstanceTypeOffering, LocationType};
use lifeboat_contract::{Aspect, CallError, Comparable, Cx, Findings, Snapshot, codes};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Checks that each type of instance is offered at both sites.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceTypes {
    /// `m7i.large`, `t3.medium`.
    pub instance_types: BTreeSet<String>,
}

impl Comparable for InstanceTypes {
    const KIND: &'static str = "aws.ec2.instance_types";
    const EXAMPLE: &'static str = "instance_types: [m7i.large, t3.medium]";
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeInstanceTypeOfferings"];

    fn check(&self, findings: &mut Findings) {
        if self.instance_types.is_empty() {
            findings.error(&["instance_types"], codes::MISSING_FIELD, "no type of instance is named");
        }
    }

    async fn read(&self, cx: &Cx) -> Result<Snapshot, CallError> {
        let region = region(cx, "ec2")?;
        let client = Aws::of(cx)?.ec2(region).await;
        let at = CallSite { service: "ec2", operation: "DescribeInstanceTypeOfferings", region };
        let wanted: Vec<String> = self.instance_types.iter().cloned().collect();
        let filter = Filter::builder().name("instance-type").set_values(Some(wanted)).build();
        let call = client.describe_instance_type_offerings().location_type(LocationType::Region).filters(filter);
        let found: Result<Vec<InstanceTypeOffering>, _> = call.into_paginator().items().send().collect().await;
        let found = found.map_err(|error| classify(&at, error))?;
        let offered: BTreeSet<&str> =
            found.iter().filter_map(|offering| Some(offering.instance_type()?.as_str())).collect();
        let aspect = |name: &String| {
            let sound = offered.contains(name.as_str());
            let value = if sound { "offered" } else { "not offered" };
            (name.clone(), Aspect::stops(value).sound_if(sound))
        };
        Ok(self.instance_types.iter().map(aspect).collect())
    }
}
