//! Load balancing's operations: which call is which, and that a refused call changes nothing.

use super::Elb;
use crate::{
    codec::{ApiError, Params, ServiceCx},
    ec2::Ec2,
    shape::Shape,
};

/// What a call answers; `None` when the service has no such operation.
type Answer = Option<Result<Shape, ApiError>>;

impl Elb {
    /// Answers one call. An error changes nothing.
    ///
    /// `ec2` is the same region's: instances, subnets and security groups are looked up there. After a call that changed
    /// something, [`advance`](Self::advance) has to be called at the same moment, so that health checks take note of it.
    pub(crate) fn answer(
        &mut self,
        operation: &str,
        params: &Params,
        cx: &ServiceCx<'_>,
        ec2: &Ec2,
    ) -> Result<Shape, ApiError> {
        let unknown =
            || ApiError::bad("InvalidAction", format!("Could not find operation {operation} for version 2015-12-01"));
        if operation.starts_with("Describe") {
            return self.look(operation, params, cx, ec2).ok_or_else(unknown)?;
        }
        let mut changed = self.clone();
        let answer = changed.change(operation, params, cx, ec2).ok_or_else(unknown)??;
        changed.admit(cx.now, ec2);
        *self = changed;
        Ok(answer)
    }

    fn look(&self, operation: &str, params: &Params, cx: &ServiceCx<'_>, ec2: &Ec2) -> Answer {
        Some(match operation {
            "DescribeLoadBalancers" => self.describe_load_balancers(params, cx),
            "DescribeLoadBalancerAttributes" => self.describe_load_balancer_attributes(params),
            "DescribeTargetGroups" => self.describe_target_groups(params),
            "DescribeTargetGroupAttributes" => self.describe_target_group_attributes(params),
            "DescribeListeners" => self.describe_listeners(params),
            "DescribeListenerAttributes" => self.describe_listener_attributes(params),
            "DescribeListenerCertificates" => self.describe_listener_certificates(params),
            "DescribeRules" => self.describe_rules(params),
            "DescribeTargetHealth" => self.describe_target_health(params, cx, ec2),
            "DescribeTags" => self.describe_tags(params),
            "DescribeCapacityReservation" => self.describe_capacity_reservation(params),
            _ => return None,
        })
    }

    fn change(&mut self, operation: &str, params: &Params, cx: &ServiceCx<'_>, ec2: &Ec2) -> Answer {
        Some(match operation {
            "CreateLoadBalancer" => self.create_load_balancer(params, cx, ec2),
            "DeleteLoadBalancer" => self.delete_load_balancer(params),
            "ModifyLoadBalancerAttributes" => self.modify_load_balancer_attributes(params),
            "SetSecurityGroups" => self.set_security_groups(params, ec2),
            "SetSubnets" => self.set_subnets(params, ec2),
            "CreateTargetGroup" => self.create_target_group(params, cx, ec2),
            "ModifyTargetGroup" => self.modify_target_group(params),
            "ModifyTargetGroupAttributes" => self.modify_target_group_attributes(params),
            "DeleteTargetGroup" => self.delete_target_group(params),
            "CreateListener" => self.create_listener(params, cx),
            "ModifyListener" => self.modify_listener(params),
            "DeleteListener" => self.delete_listener(params),
            "CreateRule" => self.create_rule(params, cx),
            "ModifyRule" => self.modify_rule(params),
            "SetRulePriorities" => self.set_rule_priorities(params),
            "DeleteRule" => self.delete_rule(params),
            "RegisterTargets" => self.register_targets(params, cx, ec2),
            "DeregisterTargets" => self.deregister_targets(params, cx),
            "AddTags" => self.add_tags(params),
            "RemoveTags" => self.remove_tags(params),
            _ => return None,
        })
    }

    /// A new id: sixteen hexadecimal digits.
    pub(super) fn fresh(&mut self, kind: &str, cx: &ServiceCx<'_>) -> String {
        self.created += 1;
        cx.digits(kind, self.created, 16)
    }
}

/// The answer of an operation that has nothing to say.
pub(super) fn done() -> Shape {
    Shape::Struct(Vec::new())
}
