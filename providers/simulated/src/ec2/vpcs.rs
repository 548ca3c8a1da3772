//! Virtual networks, and what comes with each: a main route table, a default security group, a default network ACL.

use super::{
    Association, Ec2, Origin, Route, RouteTable, RouteTarget, SecurityGroup, SecurityRule, Vpc,
    listing::Listing,
    operations::done,
    refused::{NETWORK_ACL, VPC, invalid},
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    ids,
    shape::Shape,
};
use ipnet::Ipv4Net;
use std::collections::BTreeMap;

const LISTING: Listing = Listing {
    ids: "VpcId",
    id: &["vpcId"],
    kind: VPC,
    set: "vpcSet",
    filters: &[
        ("cidr", &["cidrBlock"]),
        ("cidr-block", &["cidrBlock"]),
        ("cidrBlock", &["cidrBlock"]),
        ("cidr-block-association.association-id", &["cidrBlockAssociationSet", "associationId"]),
        ("cidr-block-association.cidr-block", &["cidrBlockAssociationSet", "cidrBlock"]),
        ("cidr-block-association.state", &["cidrBlockAssociationSet", "cidrBlockState", "state"]),
        ("dhcp-options-id", &["dhcpOptionsId"]),
        ("is-default", &["isDefault"]),
        ("isDefault", &["isDefault"]),
        ("owner-id", &["ownerId"]),
        ("state", &["state"]),
        ("vpc-id", &["vpcId"]),
    ],
    page: 1000,
};

const ACLS: Listing = Listing {
    ids: "NetworkAclId",
    id: &["networkAclId"],
    kind: NETWORK_ACL,
    set: "networkAclSet",
    filters: &[
        ("association.subnet-id", &["associationSet", "subnetId"]),
        ("association.network-acl-id", &["associationSet", "networkAclId"]),
        ("default", &["default"]),
        ("network-acl-id", &["networkAclId"]),
        ("owner-id", &["ownerId"]),
        ("vpc-id", &["vpcId"]),
    ],
    page: 1000,
};

impl Vpc {
    /// Its address range. One that can't be read is empty: no address is in it.
    pub(crate) fn range(&self) -> Option<Ipv4Net> {
        self.cidr.parse().ok()
    }

    fn describe(&self, ec2: &Ec2, cx: &ServiceCx<'_>) -> Shape {
        let associated = Shape::Struct(vec![
            ("associationId", format!("vpc-cidr-assoc-{}", ids::hex(&self.id, 17)).into()),
            ("cidrBlock", (&self.cidr).into()),
            ("cidrBlockState", Shape::Struct(vec![("state", "associated".into())])),
        ]);
        Shape::Struct(vec![
            ("vpcId", (&self.id).into()),
            ("ownerId", cx.account.into()),
            ("state", "available".into()),
            ("cidrBlock", (&self.cidr).into()),
            ("cidrBlockAssociationSet", Shape::List("item", vec![associated])),
            ("ipv6CidrBlockAssociationSet", Shape::List("item", Vec::new())),
            ("dhcpOptionsId", format!("dopt-{}", ids::hex(cx.region, 17)).into()),
            ("instanceTenancy", (&self.tenancy).into()),
            ("isDefault", false.into()),
            ("tagSet", ec2.tag_set(&self.id)),
        ])
    }
}

impl Ec2 {
    pub(super) fn describe_vpcs(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        LISTING.answer(params, self.vpcs.values().map(|vpc| vpc.describe(self, cx)).collect())
    }

    pub(super) fn find_vpc(&self, id: &str) -> Result<&Vpc, ApiError> {
        self.vpcs.get(id).ok_or_else(|| VPC.missing(id))
    }

    pub(super) fn create_vpc(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let text = params.required("CidrBlock")?;
        let range = cidr(text, "cidrBlock")?;
        if !(16..=28).contains(&range.prefix_len()) {
            return Err(ApiError::bad("InvalidVpc.Range", format!("The CIDR '{text}' is invalid.")));
        }
        let id = self.fresh("vpc-", cx);
        let vpc = Vpc {
            id: id.clone(),
            cidr: range.to_string(),
            tenancy: params.given("InstanceTenancy").unwrap_or("default").to_owned(),
            dns_support: true,
            dns_hostnames: false,
            address_usage_metrics: false,
        };
        self.vpcs.insert(id.clone(), vpc);
        let (table, association, group) = (self.fresh("rtb-", cx), self.fresh("rtbassoc-", cx), self.fresh("sg-", cx));
        self.furnish_vpc(&id, &table, &association, &group);
        self.tag_new(params, &VPC, &id)?;
        Ok(Shape::Struct(vec![("vpc", self.find_vpc(&id)?.describe(self, cx))]))
    }

    /// Gives a network its main route table and its default security group, under these ids.
    pub(crate) fn furnish_vpc(&mut self, vpc: &str, table: &str, association: &str, group: &str) {
        let Some(cidr) = self.vpcs.get(vpc).map(|vpc| vpc.cidr.clone()) else { return };
        let main = RouteTable {
            id: table.to_owned(),
            vpc: vpc.to_owned(),
            associations: BTreeMap::from([(association.to_owned(), Association::Main)]),
            routes: vec![local_route(cidr)],
        };
        self.route_tables.insert(table.to_owned(), main);
        let rule = |egress: bool, peer: &str| SecurityRule {
            egress,
            protocol: "-1".to_owned(),
            from_port: None,
            to_port: None,
            peer: peer.to_owned(),
            description: None,
        };
        let rules = [("in", rule(false, group)), ("out", rule(true, "0.0.0.0/0"))];
        let default = SecurityGroup {
            id: group.to_owned(),
            vpc: vpc.to_owned(),
            name: "default".to_owned(),
            description: "default VPC security group".to_owned(),
            rules: rules
                .into_iter()
                .map(|(way, rule)| (format!("sgr-{}", ids::hex(&format!("{group}{way}"), 17)), rule))
                .collect(),
        };
        self.security_groups.insert(group.to_owned(), default);
    }

    pub(super) fn delete_vpc(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = params.required("VpcId")?;
        self.find_vpc(id)?;
        let main =
            |table: &RouteTable| table.associations.values().any(|association| *association == Association::Main);
        let needed = self.subnets.values().any(|subnet| subnet.vpc == id)
            || self.route_tables.values().any(|table| table.vpc == id && !main(table))
            || self.security_groups.values().any(|group| group.vpc == id && group.name != "default")
            || self.internet_gateways.values().any(|gateway| gateway.vpc.as_deref() == Some(id));
        if needed {
            return Err(VPC.depended_on(id));
        }
        self.route_tables.retain(|_, table| table.vpc != id);
        self.security_groups.retain(|_, group| group.vpc != id);
        self.vpcs.remove(id);
        self.tags.remove(id);
        Ok(done())
    }

    pub(super) fn describe_vpc_attribute(&self, params: &Params) -> Result<Shape, ApiError> {
        let vpc = self.find_vpc(params.required("VpcId")?)?;
        let (field, value) = match params.required("Attribute")? {
            "enableDnsSupport" => ("enableDnsSupport", vpc.dns_support),
            "enableDnsHostnames" => ("enableDnsHostnames", vpc.dns_hostnames),
            "enableNetworkAddressUsageMetrics" => ("enableNetworkAddressUsageMetrics", vpc.address_usage_metrics),
            other => {
                return Err(invalid(format!("Value ({other}) for parameter attribute is invalid. Unknown attribute.")));
            }
        };
        Ok(Shape::Struct(vec![("vpcId", (&vpc.id).into()), (field, Shape::Struct(vec![("value", value.into())]))]))
    }

    pub(super) fn modify_vpc_attribute(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = params.required("VpcId")?;
        let vpc = self.vpcs.get_mut(id).ok_or_else(|| VPC.missing(id))?;
        let attributes = [
            ("EnableDnsSupport", &mut vpc.dns_support),
            ("EnableDnsHostnames", &mut vpc.dns_hostnames),
            ("EnableNetworkAddressUsageMetrics", &mut vpc.address_usage_metrics),
        ];
        let mut given = 0;
        for (name, attribute) in attributes {
            if let Some(value) = params.flag(&format!("{name}.Value"))? {
                *attribute = value;
                given += 1;
            }
        }
        match given {
            1 => Ok(done()),
            0 => Err(super::refused::missing_parameter("attribute")),
            _ => Err(super::refused::combination(
                "Fields for multiple attribute types specified: only one attribute may be modified at a time",
            )),
        }
    }

    /// Each network has its default ACL, which lets everything through. There are no others.
    pub(super) fn describe_network_acls(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let entry = |egress: bool, number: i64, action: &str| {
            Shape::Struct(vec![
                ("ruleNumber", Shape::Integer(number)),
                ("protocol", "-1".into()),
                ("ruleAction", action.into()),
                ("egress", egress.into()),
                ("cidrBlock", "0.0.0.0/0".into()),
            ])
        };
        let all = self.vpcs.keys().map(|vpc| {
            let id = format!("acl-{}", ids::hex(&format!("acl of {vpc}"), 17));
            let subnets = self.subnets.values().filter(|subnet| subnet.vpc == *vpc);
            let associations = subnets.map(|subnet| {
                let association = format!("aclassoc-{}", ids::hex(&format!("acl of {}", subnet.id), 17));
                Shape::Struct(vec![
                    ("networkAclAssociationId", association.into()),
                    ("networkAclId", (&id).into()),
                    ("subnetId", (&subnet.id).into()),
                ])
            });
            let entries = [false, true]
                .into_iter()
                .flat_map(|egress| [entry(egress, 100, "allow"), entry(egress, 32_767, "deny")]);
            Shape::Struct(vec![
                ("networkAclId", (&id).into()),
                ("vpcId", vpc.into()),
                ("default", true.into()),
                ("ownerId", cx.account.into()),
                ("entrySet", Shape::List("item", entries.collect())),
                ("associationSet", Shape::List("item", associations.collect())),
                ("tagSet", self.tag_set(&id)),
            ])
        });
        ACLS.answer(params, all.collect())
    }
}

pub(super) fn local_route(cidr: String) -> Route {
    Route { destination: cidr, target: RouteTarget::Local, origin: Origin::Table }
}

/// Reads a range and puts it into canonical form: bits behind the prefix are cleared, as the service does.
pub(super) fn cidr(text: &str, parameter: &str) -> Result<Ipv4Net, ApiError> {
    let parsed = text.parse::<Ipv4Net>().map(|range| range.trunc());
    parsed.map_err(|_| {
        invalid(format!("Value ({text}) for parameter {parameter} is invalid. This is not a valid CIDR block."))
    })
}
