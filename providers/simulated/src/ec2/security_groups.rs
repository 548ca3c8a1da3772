//! Security groups: they are kept and described, and let everything through. Single rules are in `permissions`.

use super::{
    Ec2, SecurityGroup, SecurityRule,
    listing::Listing,
    refused::{SECURITY_GROUP, SECURITY_RULE, missing_parameter},
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};
use std::collections::BTreeMap;

const GROUPS: Listing = Listing {
    ids: "GroupId",
    id: &["groupId"],
    kind: SECURITY_GROUP,
    set: "securityGroupInfo",
    filters: &[
        ("description", &["groupDescription"]),
        ("group-id", &["groupId"]),
        ("group-name", &["groupName"]),
        ("owner-id", &["ownerId"]),
        ("vpc-id", &["vpcId"]),
        ("ip-permission.cidr", &["ipPermissions", "ipRanges", "cidrIp"]),
        ("ip-permission.from-port", &["ipPermissions", "fromPort"]),
        ("ip-permission.group-id", &["ipPermissions", "groups", "groupId"]),
        ("ip-permission.protocol", &["ipPermissions", "ipProtocol"]),
        ("ip-permission.to-port", &["ipPermissions", "toPort"]),
        ("egress.ip-permission.cidr", &["ipPermissionsEgress", "ipRanges", "cidrIp"]),
        ("egress.ip-permission.from-port", &["ipPermissionsEgress", "fromPort"]),
        ("egress.ip-permission.group-id", &["ipPermissionsEgress", "groups", "groupId"]),
        ("egress.ip-permission.protocol", &["ipPermissionsEgress", "ipProtocol"]),
        ("egress.ip-permission.to-port", &["ipPermissionsEgress", "toPort"]),
    ],
    page: 1000,
};

const RULES: Listing = Listing {
    ids: "SecurityGroupRuleId",
    id: &["securityGroupRuleId"],
    kind: SECURITY_RULE,
    set: "securityGroupRuleSet",
    filters: &[("group-id", &["groupId"]), ("security-group-rule-id", &["securityGroupRuleId"])],
    page: 1000,
};

impl Ec2 {
    pub(super) fn describe_security_groups(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let names = params.strings("GroupName");
        let shown = self.security_groups.values().filter(|group| names.is_empty() || names.contains(&group.name));
        let all: Vec<Shape> = shown.map(|group| self.describe_group(group, cx)).collect();
        if let Some(name) = names.first().filter(|_| all.is_empty()) {
            return Err(ApiError::bad("InvalidGroup.NotFound", format!("The security group '{name}' does not exist")));
        }
        GROUPS.answer(params, all)
    }

    fn describe_group(&self, group: &SecurityGroup, cx: &ServiceCx<'_>) -> Shape {
        Shape::Struct(vec![
            ("groupId", (&group.id).into()),
            ("groupName", (&group.name).into()),
            ("groupDescription", (&group.description).into()),
            ("ownerId", cx.account.into()),
            ("vpcId", (&group.vpc).into()),
            ("securityGroupArn", group_arn(&group.id, cx).into()),
            ("ipPermissions", permissions(group.rules.values().filter(|rule| !rule.egress), cx)),
            ("ipPermissionsEgress", permissions(group.rules.values().filter(|rule| rule.egress), cx)),
            ("tagSet", self.tag_set(&group.id)),
        ])
    }

    pub(super) fn describe_security_group_rules(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let all = self
            .security_groups
            .values()
            .flat_map(|group| group.rules.iter().map(move |(id, rule)| self.describe_rule(&group.id, id, rule, cx)));
        RULES.answer(params, all.collect())
    }

    pub(super) fn describe_rule(&self, group: &str, id: &str, rule: &SecurityRule, cx: &ServiceCx<'_>) -> Shape {
        let referenced = Shape::Struct(vec![("groupId", (&rule.peer).into()), ("userId", cx.account.into())]);
        let peer = match rule.peer_field() {
            "groups" => ("referencedGroupInfo", referenced),
            "ipv6Ranges" => ("cidrIpv6", (&rule.peer).into()),
            "prefixListIds" => ("prefixListId", (&rule.peer).into()),
            _ => ("cidrIpv4", (&rule.peer).into()),
        };
        Shape::Struct(vec![
            ("securityGroupRuleId", id.into()),
            ("groupId", group.into()),
            ("groupOwnerId", cx.account.into()),
            ("isEgress", rule.egress.into()),
            ("ipProtocol", (&rule.protocol).into()),
            ("fromPort", Shape::Integer(rule.from_port.unwrap_or(-1))),
            ("toPort", Shape::Integer(rule.to_port.unwrap_or(-1))),
            peer,
            ("description", rule.description.as_ref().into()),
            (
                "securityGroupRuleArn",
                format!("arn:aws:ec2:{}:{}:security-group-rule/{id}", cx.region, cx.account).into(),
            ),
            ("tagSet", self.tag_set(id)),
        ])
    }

    pub(super) fn create_security_group(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let name = params.required("GroupName")?.to_owned();
        let description = params.required("GroupDescription")?.to_owned();
        let vpc = self.find_vpc(params.given("VpcId").ok_or_else(|| missing_parameter("VpcId"))?)?.id.clone();
        if self.security_groups.values().any(|group| group.vpc == vpc && group.name == name) {
            let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
            return Err(ApiError::bad("InvalidGroup.Duplicate", message));
        }
        let id = self.fresh("sg-", cx);
        let everything = SecurityRule {
            egress: true,
            protocol: "-1".to_owned(),
            from_port: None,
            to_port: None,
            peer: "0.0.0.0/0".to_owned(),
            description: None,
        };
        let rules = BTreeMap::from([(self.fresh("sgr-", cx), everything)]);
        self.security_groups.insert(id.clone(), SecurityGroup { id: id.clone(), vpc, name, description, rules });
        self.tag_new(params, &SECURITY_GROUP, &id)?;
        let arn = group_arn(&id, cx);
        let tags = self.tag_set(&id);
        Ok(Shape::Struct(vec![
            ("groupId", id.into()),
            ("securityGroupArn", arn.into()),
            ("tagSet", tags),
            ("return", true.into()),
        ]))
    }

    pub(super) fn delete_security_group(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = self.group_named(params)?;
        if self.security_groups.get(&id).is_some_and(|group| group.name == "default") {
            let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
            return Err(ApiError::bad("CannotDelete", message));
        }
        let referenced = |group: &SecurityGroup| group.id != id && group.rules.values().any(|rule| rule.peer == id);
        let used = self.interfaces.values().any(|interface| interface.groups.contains(&id));
        if used || self.security_groups.values().any(referenced) {
            return Err(ApiError::bad("DependencyViolation", format!("resource {id} has a dependent object")));
        }
        self.security_groups.remove(&id);
        self.tags.remove(&id);
        Ok(Shape::Struct(vec![("return", true.into()), ("groupId", id.into())]))
    }

    /// The group that a call names by id or, where only that is given, by name.
    pub(super) fn group_named(&self, params: &Params) -> Result<String, ApiError> {
        if let Some(id) = params.given("GroupId") {
            return self
                .security_groups
                .get(id)
                .map(|group| group.id.clone())
                .ok_or_else(|| SECURITY_GROUP.missing(id));
        }
        let name = params.given("GroupName").ok_or_else(|| missing_parameter("groupName or groupId"))?;
        let group = self.security_groups.values().find(|group| group.name == name);
        let missing = || ApiError::bad("InvalidGroup.NotFound", format!("The security group '{name}' does not exist"));
        group.map(|group| group.id.clone()).ok_or_else(missing)
    }
}

impl SecurityRule {
    /// The list in a permission that holds this rule's peer.
    pub(super) fn peer_field(&self) -> &'static str {
        match () {
            () if self.peer.starts_with("sg-") => "groups",
            () if self.peer.starts_with("pl-") => "prefixListIds",
            () if self.peer.contains(':') => "ipv6Ranges",
            () => "ipRanges",
        }
    }
}

/// What rules share that stand in one permission: protocol and ports.
type Ports<'a> = (&'a str, Option<i64>, Option<i64>);

/// Rules as permissions: those of the same protocol and ports share one.
pub(super) fn permissions<'a>(rules: impl Iterator<Item = &'a SecurityRule>, cx: &ServiceCx<'_>) -> Shape {
    let mut shared: BTreeMap<Ports<'_>, Vec<&SecurityRule>> = BTreeMap::new();
    for rule in rules {
        shared.entry((&rule.protocol, rule.from_port, rule.to_port)).or_default().push(rule);
    }
    let described = shared.into_iter().map(|((protocol, from, to), rules)| {
        let peers = |field: &'static str, name: &'static str| {
            let here = rules.iter().filter(|rule| rule.peer_field() == field);
            let peer = |rule: &&SecurityRule| {
                let owner = (field == "groups").then_some(cx.account);
                let description = rule.description.as_ref();
                Shape::Struct(vec![
                    (name, (&rule.peer).into()),
                    ("userId", owner.into()),
                    ("description", description.into()),
                ])
            };
            (field, Shape::List("item", here.map(peer).collect()))
        };
        Shape::Struct(vec![
            ("ipProtocol", protocol.into()),
            ("fromPort", from.map_or(Shape::Absent, Shape::Integer)),
            ("toPort", to.map_or(Shape::Absent, Shape::Integer)),
            peers("groups", "groupId"),
            peers("ipRanges", "cidrIp"),
            peers("ipv6Ranges", "cidrIpv6"),
            peers("prefixListIds", "prefixListId"),
        ])
    });
    Shape::List("item", described.collect())
}

fn group_arn(id: &str, cx: &ServiceCx<'_>) -> String {
    format!("arn:aws:ec2:{}:{}:security-group/{id}", cx.region, cx.account)
}
