//! EC2's operations: which call is which, what a dry run answers, and that a refused call changes nothing.

use super::Ec2;
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};

/// The operations that change nothing, by how their names begin.
const READS: &[&str] = &["Describe", "Get"];

/// Operations without `DryRun`: they ignore it.
const WITHOUT_DRY_RUN: &[&str] = &["ModifyVpcAttribute", "ModifySubnetAttribute"];

/// What a call answers; `None` when the service has no such operation.
type Answer = Option<Result<Shape, ApiError>>;

impl Ec2 {
    /// Answers one call. An error changes nothing, and neither does a dry run.
    pub(crate) fn answer(&mut self, operation: &str, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let unknown =
            || ApiError::bad("InvalidAction", format!("The action {operation} is not valid for this web service."));
        let dry = !WITHOUT_DRY_RUN.contains(&operation) && params.flag("DryRun")? == Some(true);
        if READS.iter().any(|verb| operation.starts_with(verb)) {
            let view = self.view(cx.now);
            let answer = view.look(operation, params, cx).ok_or_else(unknown)?;
            return if dry { Err(dry_run()) } else { answer };
        }
        let mut changed = self.clone();
        let answer = changed.change(operation, params, cx).ok_or_else(unknown)?;
        // A dry run asks for permission alone: it does not find out that a route or an instance is missing.
        if dry {
            return Err(dry_run());
        }
        let answer = answer?;
        changed.remember(self, cx.now);
        *self = changed;
        Ok(answer)
    }

    fn look(&self, operation: &str, params: &Params, cx: &ServiceCx<'_>) -> Answer {
        Some(match operation {
            "DescribeVpcs" => self.describe_vpcs(params, cx),
            "DescribeVpcAttribute" => self.describe_vpc_attribute(params),
            "DescribeSubnets" => self.describe_subnets(params, cx),
            "DescribeRouteTables" => self.describe_route_tables(params, cx),
            "DescribeNetworkInterfaces" => self.describe_interfaces(params, cx),
            "DescribeNetworkInterfaceAttribute" => self.describe_interface_attribute(params, cx),
            "DescribeInstanceTypeOfferings" => self.describe_offerings(params, cx),
            "DescribeInstances" => self.describe_instances(params, cx),
            "DescribeInstanceStatus" => self.describe_instance_status(params, cx),
            "DescribeInstanceAttribute" => self.describe_instance_attribute(params),
            "DescribeSecurityGroups" => self.describe_security_groups(params, cx),
            "DescribeSecurityGroupRules" => self.describe_security_group_rules(params, cx),
            "DescribeInternetGateways" => self.describe_internet_gateways(params, cx),
            "DescribeNetworkAcls" => self.describe_network_acls(params, cx),
            "DescribeTags" => self.describe_tags(params),
            _ => return super::account::look(operation, params, cx),
        })
    }

    fn change(&mut self, operation: &str, params: &Params, cx: &ServiceCx<'_>) -> Answer {
        Some(match operation {
            "CreateVpc" => self.create_vpc(params, cx),
            "DeleteVpc" => self.delete_vpc(params),
            "ModifyVpcAttribute" => self.modify_vpc_attribute(params),
            "CreateSubnet" => self.create_subnet(params, cx),
            "DeleteSubnet" => self.delete_subnet(params),
            "ModifySubnetAttribute" => self.modify_subnet_attribute(params),
            "CreateRouteTable" => self.create_route_table(params, cx),
            "DeleteRouteTable" => self.delete_route_table(params),
            "AssociateRouteTable" => self.associate_route_table(params, cx),
            "DisassociateRouteTable" => self.disassociate_route_table(params),
            "ReplaceRouteTableAssociation" => self.replace_route_table_association(params, cx),
            "CreateRoute" => self.create_route(params),
            "ReplaceRoute" => self.replace_route(params),
            "DeleteRoute" => self.delete_route(params),
            "CreateSecurityGroup" => self.create_security_group(params, cx),
            "DeleteSecurityGroup" => self.delete_security_group(params),
            "AuthorizeSecurityGroupIngress" => self.authorize(params, false, cx),
            "AuthorizeSecurityGroupEgress" => self.authorize(params, true, cx),
            "RevokeSecurityGroupIngress" => self.revoke(params, false),
            "RevokeSecurityGroupEgress" => self.revoke(params, true),
            "CreateInternetGateway" => self.create_internet_gateway(params, cx),
            "DeleteInternetGateway" => self.delete_internet_gateway(params),
            "AttachInternetGateway" => self.attach_internet_gateway(params),
            "DetachInternetGateway" => self.detach_internet_gateway(params),
            "CreateTags" => self.create_tags(params),
            "DeleteTags" => self.delete_tags(params),
            _ => return self.change_instance(operation, params, cx),
        })
    }

    fn change_instance(&mut self, operation: &str, params: &Params, cx: &ServiceCx<'_>) -> Answer {
        Some(match operation {
            "CreateNetworkInterface" => self.create_interface(params, cx),
            "DeleteNetworkInterface" => self.delete_interface(params),
            "AttachNetworkInterface" => self.attach_interface(params, cx),
            "DetachNetworkInterface" => self.detach_interface(params, cx),
            "ModifyNetworkInterfaceAttribute" => self.modify_interface_attribute(params),
            "RunInstances" => self.run_instances(params, cx),
            "StartInstances" => self.start_instances(params, cx),
            "StopInstances" => self.stop_instances(params, cx),
            "RebootInstances" => self.reboot_instances(params),
            "TerminateInstances" => self.terminate_instances(params, cx),
            "ModifyInstanceAttribute" => self.modify_instance_attribute(params),
            _ => return None,
        })
    }

    /// A new id: `prefix` and seventeen hexadecimal digits.
    pub(super) fn fresh(&mut self, prefix: &str, cx: &ServiceCx<'_>) -> String {
        self.created += 1;
        format!("{prefix}{}", cx.digits(prefix, self.created, 17))
    }
}

/// The answer of an operation that has nothing to say.
pub(super) fn done() -> Shape {
    Shape::Struct(vec![("return", true.into())])
}

fn dry_run() -> ApiError {
    ApiError::new("DryRunOperation", 412, "Request would have succeeded, but DryRun flag is set.")
}
