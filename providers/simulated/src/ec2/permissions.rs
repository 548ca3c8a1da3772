//! Single rules of security groups: allowing and revoking. No traffic is ever held back by one.

use super::{
    Ec2, SecurityRule,
    refused::{SECURITY_GROUP, SECURITY_RULE, invalid, missing_parameter},
    vpcs::cidr,
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};
use ipnet::Ipv6Net;

impl Ec2 {
    pub(super) fn authorize(&mut self, params: &Params, egress: bool, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let id = self.group_named(params)?;
        let mut described = Vec::new();
        for rule in self.rules(params, egress)? {
            let group = self.security_groups.get(&id).ok_or_else(|| SECURITY_GROUP.missing(&id))?;
            if group.rules.values().any(|present| same(present, &rule)) {
                let message = format!(
                    "the specified rule \"peer: {}, {}, ALLOW\" already exists",
                    rule.peer,
                    if rule.protocol == "-1" { "ALL".to_owned() } else { rule.protocol.to_uppercase() }
                );
                return Err(ApiError::bad("InvalidPermission.Duplicate", message));
            }
            let rule_id = self.fresh("sgr-", cx);
            self.tag_new(params, &SECURITY_RULE, &rule_id)?;
            described.push(self.describe_rule(&id, &rule_id, &rule, cx));
            let group = self.security_groups.get_mut(&id).ok_or_else(|| SECURITY_GROUP.missing(&id))?;
            group.rules.insert(rule_id, rule);
        }
        Ok(Shape::Struct(vec![("return", true.into()), ("securityGroupRuleSet", Shape::List("item", described))]))
    }

    pub(super) fn revoke(&mut self, params: &Params, egress: bool) -> Result<Shape, ApiError> {
        let id = self.group_named(params)?;
        let named = params.strings("SecurityGroupRuleId");
        let rules = if named.is_empty() { self.rules(params, egress)? } else { Vec::new() };
        let group = self.security_groups.get_mut(&id).ok_or_else(|| SECURITY_GROUP.missing(&id))?;
        let mut revoked = named;
        for rule in &rules {
            let present = group.rules.iter().find(|(_, present)| same(present, rule)).map(|(id, _)| id.clone());
            let message = "The specified rule does not exist in this security group.";
            revoked.push(present.ok_or_else(|| ApiError::bad("InvalidPermission.NotFound", message))?);
        }
        let mut described = Vec::new();
        for rule_id in revoked {
            let rule = group.rules.remove(&rule_id).filter(|rule| rule.egress == egress);
            let rule = rule.ok_or_else(|| SECURITY_RULE.missing(&rule_id))?;
            self.tags.remove(&rule_id);
            described.push(Shape::Struct(vec![
                ("securityGroupRuleId", rule_id.into()),
                ("groupId", (&id).into()),
                ("isEgress", egress.into()),
                ("ipProtocol", rule.protocol.into()),
            ]));
        }
        Ok(Shape::Struct(vec![
            ("return", true.into()),
            ("unknownIpPermissionSet", Shape::List("item", Vec::new())),
            ("revokedSecurityGroupRuleSet", Shape::List("item", described)),
        ]))
    }

    /// The rules that a call describes, in `IpPermissions` or in its own fields: one for each peer.
    fn rules(&self, params: &Params, egress: bool) -> Result<Vec<SecurityRule>, ApiError> {
        let mut permissions = params.list("IpPermissions");
        if permissions.is_empty() {
            permissions.push(params.clone());
        }
        let mut rules = Vec::new();
        for permission in &permissions {
            let protocol = protocol(permission.given("IpProtocol").ok_or_else(|| missing_parameter("ipProtocol"))?);
            let ports = protocol != "-1";
            let from_port = permission.number::<i64>("FromPort")?.filter(|_| ports);
            let to_port = permission.number::<i64>("ToPort")?.filter(|_| ports);
            let before = rules.len();
            for (peer, description) in self.peers(permission)? {
                rules.push(SecurityRule { egress, protocol: protocol.clone(), from_port, to_port, peer, description });
            }
            if rules.len() == before {
                return Err(missing_parameter("cidrIp, cidrIpv6, prefixListId or groupId"));
            }
        }
        Ok(rules)
    }

    fn peers(&self, permission: &Params) -> Result<Vec<(String, Option<String>)>, ApiError> {
        let mut peers = Vec::new();
        if let Some(text) = permission.given("CidrIp") {
            peers.push((cidr(text, "cidrIp")?.to_string(), None));
        }
        let description = |item: &Params| item.given("Description").map(str::to_owned);
        for item in permission.list("IpRanges") {
            peers.push((cidr(item.required("CidrIp")?, "cidrIp")?.to_string(), description(&item)));
        }
        for item in permission.list("Ipv6Ranges") {
            let text = item.required("CidrIpv6")?;
            let range = text.parse::<Ipv6Net>().map_err(|_| invalid(format!("CIDR block {text} is malformed")))?;
            peers.push((range.trunc().to_string(), description(&item)));
        }
        for item in permission.list("PrefixListIds") {
            peers.push((item.required("PrefixListId")?.to_owned(), description(&item)));
        }
        for item in permission.list("Groups") {
            peers.push((self.group_named(&item)?, description(&item)));
        }
        Ok(peers)
    }
}

/// Two rules that allow the same, whatever is said of them.
fn same(one: &SecurityRule, other: &SecurityRule) -> bool {
    let key =
        |rule: &SecurityRule| (rule.egress, rule.protocol.clone(), rule.from_port, rule.to_port, rule.peer.clone());
    key(one) == key(other)
}

fn protocol(text: &str) -> String {
    match text {
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        "1" => "icmp".to_owned(),
        "all" => "-1".to_owned(),
        _ => text.to_lowercase(),
    }
}
