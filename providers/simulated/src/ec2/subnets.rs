//! Subnets, and which of their addresses are free. Does not route.

use super::{
    Ec2, Subnet, account,
    listing::Listing,
    operations::done,
    refused::{SUBNET, invalid},
    vpcs::cidr,
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};
use ipnet::Ipv4Net;
use std::{collections::BTreeSet, net::Ipv4Addr};

const LISTING: Listing = Listing {
    ids: "SubnetId",
    id: &["subnetId"],
    kind: SUBNET,
    set: "subnetSet",
    filters: &[
        ("availability-zone", &["availabilityZone"]),
        ("availabilityZone", &["availabilityZone"]),
        ("availability-zone-id", &["availabilityZoneId"]),
        ("available-ip-address-count", &["availableIpAddressCount"]),
        ("cidr", &["cidrBlock"]),
        ("cidr-block", &["cidrBlock"]),
        ("cidrBlock", &["cidrBlock"]),
        ("default-for-az", &["defaultForAz"]),
        ("map-public-ip-on-launch", &["mapPublicIpOnLaunch"]),
        ("owner-id", &["ownerId"]),
        ("state", &["state"]),
        ("subnet-arn", &["subnetArn"]),
        ("subnet-id", &["subnetId"]),
        ("vpc-id", &["vpcId"]),
    ],
    page: 1000,
};

impl Subnet {
    pub(crate) fn range(&self) -> Option<Ipv4Net> {
        self.cidr.parse().ok()
    }
}

impl Ec2 {
    pub(super) fn find_subnet(&self, id: &str) -> Result<&Subnet, ApiError> {
        self.subnets.get(id).ok_or_else(|| SUBNET.missing(id))
    }

    pub(super) fn describe_subnets(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        LISTING.answer(params, self.subnets.values().map(|subnet| self.describe_subnet(subnet, cx)).collect())
    }

    fn describe_subnet(&self, subnet: &Subnet, cx: &ServiceCx<'_>) -> Shape {
        // Four addresses at the start of a range and one at its end belong to the network itself.
        let size = subnet.range().map_or(0, |range| (1_i64 << (32 - range.prefix_len())) - 5);
        let used = i64::try_from(self.used_addresses(&subnet.id).len()).unwrap_or(i64::MAX);
        Shape::Struct(vec![
            ("subnetId", (&subnet.id).into()),
            ("subnetArn", format!("arn:aws:ec2:{}:{}:subnet/{}", cx.region, cx.account, subnet.id).into()),
            ("state", "available".into()),
            ("ownerId", cx.account.into()),
            ("vpcId", (&subnet.vpc).into()),
            ("cidrBlock", (&subnet.cidr).into()),
            ("ipv6CidrBlockAssociationSet", Shape::List("item", Vec::new())),
            ("availableIpAddressCount", Shape::Integer((size - used).max(0))),
            ("availabilityZone", (&subnet.zone).into()),
            ("availabilityZoneId", account::zone_id(&subnet.zone).into()),
            ("defaultForAz", false.into()),
            ("mapPublicIpOnLaunch", subnet.map_public_ip.into()),
            ("assignIpv6AddressOnCreation", false.into()),
            ("mapCustomerOwnedIpOnLaunch", false.into()),
            ("enableDns64", false.into()),
            ("ipv6Native", false.into()),
            (
                "privateDnsNameOptionsOnLaunch",
                Shape::Struct(vec![
                    ("hostnameType", "ip-name".into()),
                    ("enableResourceNameDnsARecord", false.into()),
                    ("enableResourceNameDnsAAAARecord", false.into()),
                ]),
            ),
            ("tagSet", self.tag_set(&subnet.id)),
        ])
    }

    pub(super) fn create_subnet(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let vpc = self.find_vpc(params.required("VpcId")?)?;
        let text = params.required("CidrBlock")?;
        let range = cidr(text, "cidrBlock")?;
        let inside = vpc.range().is_some_and(|whole| whole.contains(&range));
        if !inside || !(16..=28).contains(&range.prefix_len()) {
            return Err(ApiError::bad("InvalidSubnet.Range", format!("The CIDR '{text}' is invalid.")));
        }
        let overlaps = |other: Ipv4Net| other.contains(&range) || range.contains(&other);
        if self.subnets.values().any(|other| other.vpc == vpc.id && other.range().is_some_and(overlaps)) {
            return Err(ApiError::bad(
                "InvalidSubnet.Conflict",
                format!("The CIDR '{text}' conflicts with another subnet"),
            ));
        }
        let zones = account::zones(cx.region);
        let wanted = match params.given("AvailabilityZoneId") {
            Some(id) => zones.iter().find(|zone| account::zone_id(zone) == id),
            None => zones.iter().find(|zone| params.given("AvailabilityZone").is_none_or(|wanted| wanted == *zone)),
        };
        let zone = wanted.ok_or_else(|| {
            let given = params.given("AvailabilityZone").or_else(|| params.given("AvailabilityZoneId")).unwrap_or_default();
            invalid(format!(
                "Value ({given}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
                zones.join(", ")
            ))
        })?;
        let (vpc, zone) = (vpc.id.clone(), zone.clone());
        let id = self.fresh("subnet-", cx);
        self.subnets
            .insert(id.clone(), Subnet { id: id.clone(), vpc, cidr: range.to_string(), zone, map_public_ip: false });
        self.tag_new(params, &SUBNET, &id)?;
        Ok(Shape::Struct(vec![("subnet", self.describe_subnet(self.find_subnet(&id)?, cx))]))
    }

    pub(super) fn delete_subnet(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = params.required("SubnetId")?;
        self.find_subnet(id)?;
        if self.interfaces.values().any(|interface| interface.subnet == id) {
            return Err(SUBNET.depended_on(id));
        }
        let gone = super::Association::Subnet(id.to_owned());
        for table in self.route_tables.values_mut() {
            table.associations.retain(|_, association| *association != gone);
        }
        self.subnets.remove(id);
        self.tags.remove(id);
        Ok(done())
    }

    pub(super) fn modify_subnet_attribute(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = params.required("SubnetId")?;
        let map_public_ip = params.flag("MapPublicIpOnLaunch.Value")?;
        let subnet = self.subnets.get_mut(id).ok_or_else(|| SUBNET.missing(id))?;
        let value = map_public_ip.ok_or_else(|| {
            ApiError::bad("UnsupportedOperation", "only MapPublicIpOnLaunch can be modified in a simulated world")
        })?;
        subnet.map_public_ip = value;
        Ok(done())
    }

    fn used_addresses(&self, subnet: &str) -> BTreeSet<Ipv4Addr> {
        let here = self.interfaces.values().filter(|interface| interface.subnet == subnet);
        here.flat_map(|interface| interface.private_ips.iter().copied()).collect()
    }

    /// The addresses that a new interface gets: those it asks for, and `count` free ones besides.
    pub(super) fn allocate(&self, subnet: &str, asked: &[Ipv4Addr], count: usize) -> Result<Vec<Ipv4Addr>, ApiError> {
        let range = self.find_subnet(subnet)?.range().ok_or_else(|| SUBNET.missing(subnet))?;
        let (first, last) = (u32::from(range.network()), u32::from(range.broadcast()));
        let mut used = self.used_addresses(subnet);
        let mut addresses = Vec::new();
        for address in asked {
            if !range.contains(address) {
                return Err(invalid("Address does not fall within the subnet's address range"));
            }
            let place = u32::from(*address);
            if place < first.saturating_add(4) || place == last {
                return Err(invalid(format!("Address {address} is in subnet's reserved address range")));
            }
            if !used.insert(*address) {
                return Err(ApiError::bad("InvalidIPAddress.InUse", format!("Address {address} is in use.")));
            }
            addresses.push(*address);
        }
        let free = (first.saturating_add(4)..last).map(Ipv4Addr::from).filter(|address| !used.contains(address));
        let wanted = addresses.len().saturating_add(count);
        addresses.extend(free.take(count));
        if addresses.len() < wanted {
            let message = "The specified subnet does not have enough free addresses to satisfy the request.";
            return Err(ApiError::bad("InsufficientFreeAddressesInSubnet", message));
        }
        Ok(addresses)
    }
}
