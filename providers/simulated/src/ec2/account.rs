//! What EC2 says of the account and of itself: regions, zones, limits, instance types. None of it ever changes.

use super::{
    Ec2, filters,
    listing::page,
    refused::{invalid, missing_parameter},
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};

const REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Answers a description that needs no resources; `None` when there is no such operation.
pub(super) fn look(operation: &str, params: &Params, cx: &ServiceCx<'_>) -> Option<Result<Shape, ApiError>> {
    Some(match operation {
        "DescribeRegions" => describe_regions(params),
        "DescribeAvailabilityZones" => describe_zones(params, cx),
        "DescribeAccountAttributes" => Ok(describe_attributes(params)),
        "DescribeImages" => describe_images(params),
        "DescribeInstanceTypes" => describe_types(params),
        "DescribeInstanceCreditSpecifications" => Ok(empty("instanceCreditSpecificationSet")),
        "DescribeVolumes" => Ok(empty("volumeSet")),
        "DescribeAddresses" => Ok(empty("addressesSet")),
        _ => return None,
    })
}

/// The zones of a region, by name.
pub(super) fn zones(region: &str) -> Vec<String> {
    let letters = match region {
        "us-east-1" => "abcdef",
        "us-west-2" | "ap-northeast-2" => "abcd",
        _ => "abc",
    };
    letters.chars().map(|letter| format!("{region}{letter}")).collect()
}

/// A zone's id: `use1-az1` for `us-east-1a`. In this account, ids and names run in the same order.
pub(crate) fn zone_id(zone: &str) -> String {
    let region = zone.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let place = zone.bytes().last().filter(u8::is_ascii_lowercase).map_or(1, |letter| letter - b'a' + 1);
    let short: String = region.split('-').map(shorten).collect();
    format!("{short}-az{place}")
}

fn shorten(part: &str) -> &str {
    match part {
        "north" => "n",
        "south" => "s",
        "east" => "e",
        "west" => "w",
        "central" => "c",
        "northeast" => "ne",
        "northwest" => "nw",
        "southeast" => "se",
        "southwest" => "sw",
        "gov" => "g",
        _ => part,
    }
}

/// Types of Graviton families have a `g` behind their generation: `m7g.large`, `c6gn.xlarge`.
pub(super) fn architecture(instance_type: &str) -> &'static str {
    let family = instance_type.split('.').next().unwrap_or_default();
    let options =
        family.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_start_matches(|c: char| c.is_ascii_digit());
    if options.starts_with('g') || family == "a1" { "arm64" } else { "x86_64" }
}

fn describe_regions(params: &Params) -> Result<Shape, ApiError> {
    let named = params.strings("RegionName");
    if let Some(unknown) = named.iter().find(|name| !REGIONS.contains(&name.as_str())) {
        return Err(invalid(format!("Invalid region names: [{unknown}]")));
    }
    let shown = REGIONS.iter().filter(|region| named.is_empty() || named.iter().any(|name| name == *region));
    let all = shown.map(|region| {
        Shape::Struct(vec![
            ("regionName", (*region).into()),
            ("regionEndpoint", format!("ec2.{region}.amazonaws.com").into()),
            ("optInStatus", "opt-in-not-required".into()),
        ])
    });
    let table: filters::Table =
        &[("endpoint", &["regionEndpoint"]), ("region-name", &["regionName"]), ("opt-in-status", &["optInStatus"])];
    Ok(Shape::Struct(vec![("regionInfo", Shape::List("item", filters::keep(params, table, all.collect())?))]))
}

fn describe_zones(params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
    let (names, ids) = (params.strings("ZoneName"), params.strings("ZoneId"));
    let zones = zones(cx.region);
    if let Some(unknown) = names.iter().find(|name| !zones.contains(name)) {
        return Err(invalid(format!("Invalid availability zone: [{unknown}]")));
    }
    if let Some(unknown) = ids.iter().find(|id| !zones.iter().any(|zone| zone_id(zone) == **id)) {
        return Err(invalid(format!("Invalid availability zone-id: [{unknown}]")));
    }
    let shown = zones.iter().filter(|zone| names.is_empty() || names.contains(zone));
    let shown = shown.filter(|zone| ids.is_empty() || ids.contains(&zone_id(zone)));
    let all = shown.map(|zone| {
        Shape::Struct(vec![
            ("zoneName", zone.into()),
            ("zoneId", zone_id(zone).into()),
            ("zoneState", "available".into()),
            ("regionName", cx.region.into()),
            ("optInStatus", "opt-in-not-required".into()),
            ("messageSet", Shape::List("item", Vec::new())),
            ("groupName", format!("{}-zg-1", cx.region).into()),
            ("networkBorderGroup", cx.region.into()),
            ("zoneType", "availability-zone".into()),
        ])
    });
    let table: filters::Table = &[
        ("group-name", &["groupName"]),
        ("opt-in-status", &["optInStatus"]),
        ("region-name", &["regionName"]),
        ("state", &["zoneState"]),
        ("zone-id", &["zoneId"]),
        ("zone-name", &["zoneName"]),
        ("zone-type", &["zoneType"]),
    ];
    Ok(Shape::Struct(vec![("availabilityZoneInfo", Shape::List("item", filters::keep(params, table, all.collect())?))]))
}

fn describe_attributes(params: &Params) -> Shape {
    let named = params.strings("AttributeName");
    let attributes = [
        ("supported-platforms", "VPC"),
        ("vpc-max-security-groups-per-interface", "5"),
        ("max-elastic-ips", "5"),
        ("vpc-max-elastic-ips", "5"),
        ("max-instances", "20"),
        ("default-vpc", "none"),
    ];
    let shown = attributes.iter().filter(|(name, _)| named.is_empty() || named.iter().any(|wanted| wanted == name));
    let all = shown.map(|(name, value)| {
        let values = vec![Shape::Struct(vec![("attributeValue", (*value).into())])];
        Shape::Struct(vec![("attributeName", (*name).into()), ("attributeValueSet", Shape::List("item", values))])
    });
    Shape::Struct(vec![("accountAttributeSet", Shape::List("item", all.collect()))])
}

/// Any well-formed type exists here, and is described with what clients need before they start one.
fn describe_types(params: &Params) -> Result<Shape, ApiError> {
    let named = params.strings("InstanceType");
    if named.is_empty() {
        return Err(missing_parameter("InstanceType"));
    }
    let describe = |name: &String| {
        if !name.contains('.') {
            let message = format!("The following supplied instance types do not exist: [{name}]");
            return Err(ApiError::bad("InvalidInstanceType", message));
        }
        let list = |values: &[&str]| Shape::List("item", values.iter().map(|value| Shape::from(*value)).collect());
        Ok(Shape::Struct(vec![
            ("instanceType", name.into()),
            ("currentGeneration", true.into()),
            ("freeTierEligible", false.into()),
            ("bareMetal", false.into()),
            ("hypervisor", "nitro".into()),
            ("burstablePerformanceSupported", name.starts_with('t').into()),
            ("processorInfo", Shape::Struct(vec![("supportedArchitectures", list(&[architecture(name)]))])),
            ("supportedUsageClasses", list(&["on-demand", "spot"])),
            ("supportedRootDeviceTypes", list(&["ebs"])),
            ("supportedVirtualizationTypes", list(&["hvm"])),
        ]))
    };
    let all = named.iter().map(describe).collect::<Result<Vec<_>, _>>()?;
    page(params, "instanceTypeSet", 100, all)
}

impl Ec2 {
    /// Every type is offered that is asked for by its name, but for those of which the world says that they are not.
    pub(super) fn describe_offerings(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        if params.given("LocationType").is_some_and(|location| location != "region") {
            return Err(invalid("only offerings of the location type region are simulated"));
        }
        let filters = params.list("Filter");
        let named = filters.iter().filter(|filter| filter.given("Name") == Some("instance-type"));
        let names: Vec<String> = named.flat_map(|filter| filter.strings("Value")).collect();
        let offered = |name: &&String| name.contains('.') && !self.options.not_offered.contains(*name);
        let offer = |name: &String| {
            Shape::Struct(vec![
                ("instanceType", name.into()),
                ("locationType", "region".into()),
                ("location", cx.region.into()),
            ])
        };
        page(params, "instanceTypeOfferingSet", 1000, names.iter().filter(offered).map(offer).collect())
    }
}

/// Any image exists here that is asked for by its id. There is no catalogue to search.
fn describe_images(params: &Params) -> Result<Shape, ApiError> {
    let describe = |id: &String| {
        if !id.starts_with("ami-") {
            return Err(ApiError::bad(
                "InvalidAMIID.Malformed",
                format!("Invalid id: \"{id}\" (expecting \"ami-...\")"),
            ));
        }
        Ok(Shape::Struct(vec![
            ("imageId", id.into()),
            ("name", id.into()),
            ("imageState", "available".into()),
            ("imageType", "machine".into()),
            ("architecture", "x86_64".into()),
            ("isPublic", true.into()),
            ("hypervisor", "xen".into()),
            ("virtualizationType", "hvm".into()),
            ("rootDeviceType", "ebs".into()),
            ("rootDeviceName", "/dev/xvda".into()),
            ("blockDeviceMapping", Shape::List("item", Vec::new())),
            ("tagSet", Shape::List("item", Vec::new())),
        ]))
    };
    let all = params.strings("ImageId").iter().map(describe).collect::<Result<Vec<_>, _>>()?;
    page(params, "imagesSet", 1000, all)
}

/// The simulation has none of these.
fn empty(set: &'static str) -> Shape {
    Shape::Struct(vec![(set, Shape::List("item", Vec::new()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_ids() {
        for (zone, id) in [
            ("us-east-1a", "use1-az1"),
            ("eu-central-1c", "euc1-az3"),
            ("ap-southeast-2b", "apse2-az2"),
            ("", "-az1"),
            ("é", "é-az1"),
        ] {
            assert_eq!(zone_id(zone), id);
        }
    }

    #[test]
    fn graviton() {
        for (name, architecture_of) in
            [("m7g.large", "arm64"), ("g5.xlarge", "x86_64"), ("c6gn.large", "arm64"), ("t3.micro", "x86_64")]
        {
            assert_eq!(architecture(name), architecture_of, "{name}");
        }
    }
}
