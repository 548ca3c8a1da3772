//! EC2's refusals: one code and one wording each. The service's model holds none of them; they come from its documentation.

use crate::codec::ApiError;

/// A kind of resource, as errors name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// How ids begin.
    pub(super) prefix: &'static str,
    noun: &'static str,
    not_found: &'static str,
    malformed: &'static str,
    /// What tags call it.
    pub(super) tagged: &'static str,
}

const fn kind(
    prefix: &'static str,
    noun: &'static str,
    not_found: &'static str,
    malformed: &'static str,
    tagged: &'static str,
) -> Kind {
    Kind { prefix, noun, not_found, malformed, tagged }
}

pub(super) const VPC: Kind = kind("vpc-", "vpc", "InvalidVpcID.NotFound", "InvalidVpcId.Malformed", "vpc");
pub(super) const SUBNET: Kind =
    kind("subnet-", "subnet", "InvalidSubnetID.NotFound", "InvalidSubnetId.Malformed", "subnet");
pub(super) const ROUTE_TABLE: Kind =
    kind("rtb-", "routeTable", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed", "route-table");
pub(super) const INTERFACE: Kind = kind(
    "eni-",
    "networkInterface",
    "InvalidNetworkInterfaceID.NotFound",
    "InvalidNetworkInterfaceId.Malformed",
    "network-interface",
);
pub(super) const INSTANCE: Kind =
    kind("i-", "instance", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed", "instance");
pub(super) const SECURITY_GROUP: Kind =
    kind("sg-", "security group", "InvalidGroup.NotFound", "InvalidGroupId.Malformed", "security-group");
pub(super) const SECURITY_RULE: Kind = kind(
    "sgr-",
    "security group rule",
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidSecurityGroupRuleId.Malformed",
    "security-group-rule",
);
pub(super) const INTERNET_GATEWAY: Kind = kind(
    "igw-",
    "internetGateway",
    "InvalidInternetGatewayID.NotFound",
    "InvalidInternetGatewayId.Malformed",
    "internet-gateway",
);
pub(super) const NETWORK_ACL: Kind =
    kind("acl-", "networkAcl", "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed", "network-acl");
pub(super) const ASSOCIATION: Kind = kind(
    "rtbassoc-",
    "association",
    "InvalidAssociationID.NotFound",
    "InvalidAssociationID.Malformed",
    "route-table-association",
);
pub(super) const ATTACHMENT: Kind =
    kind("eni-attach-", "attachment", "InvalidAttachmentID.NotFound", "InvalidAttachmentID.Malformed", "attachment");

impl Kind {
    /// No such resource.
    pub(super) fn missing(&self, id: &str) -> ApiError {
        if !id.starts_with(self.prefix) {
            return ApiError::bad(self.malformed, format!("Invalid id: \"{id}\" (expecting \"{}...\")", self.prefix));
        }
        match self.prefix {
            "sg-" => ApiError::bad(self.not_found, format!("The security group '{id}' does not exist")),
            _ => ApiError::bad(self.not_found, format!("The {} ID '{id}' does not exist", self.noun)),
        }
    }

    /// Some of a batch are missing: the service names all that are.
    pub(super) fn all_missing(&self, ids: &[&str]) -> ApiError {
        match ids {
            [id] => self.missing(id),
            _ if ids.iter().any(|id| !id.starts_with(self.prefix)) => {
                self.missing(ids.iter().find(|id| !id.starts_with(self.prefix)).unwrap_or(&""))
            }
            _ => ApiError::bad(self.not_found, format!("The {} IDs '{}' do not exist", self.noun, ids.join(", "))),
        }
    }

    /// Something else still needs it.
    pub(super) fn depended_on(&self, id: &str) -> ApiError {
        ApiError::bad(
            "DependencyViolation",
            format!("The {} '{id}' has dependencies and cannot be deleted.", self.noun),
        )
    }
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::bad("InvalidParameterValue", message)
}

pub(super) fn combination(message: impl Into<String>) -> ApiError {
    ApiError::bad("InvalidParameterCombination", message)
}

pub(super) fn missing_parameter(names: &str) -> ApiError {
    ApiError::bad("MissingParameter", format!("The request must contain the parameter {names}"))
}

/// The call names an instance where an interface is meant, and the instance has several.
pub(super) fn several_interfaces(instance: &str) -> ApiError {
    ApiError::bad(
        "InvalidInstanceID",
        format!(
            "There are multiple interfaces attached to instance '{instance}'. Please specify an interface ID for the operation instead."
        ),
    )
}

pub(super) fn wrong_state(message: impl Into<String>) -> ApiError {
    ApiError::bad("IncorrectInstanceState", message)
}
