//! Groups, their instances and activities as descriptions show them. Changes nothing.

use super::{
    AutoScaling, Group,
    input::{invalid, page},
    state::{Activity, Member},
};
use crate::{
    codec::{ApiError, Params},
    ec2::{Ec2, zone_id},
    shape::Shape,
};

/// How many groups and how many activities a page has, where the call does not say.
const GROUPS_PAGE: usize = 50;
const ACTIVITIES_PAGE: usize = 100;

impl AutoScaling {
    /// The groups that a call asks for. A name that nobody has is no error.
    pub(super) fn describe_groups(&self, params: &Params, ec2: &Ec2) -> Result<Shape, ApiError> {
        let names = params.strings("AutoScalingGroupNames");
        let filters = params.list("Filters");
        let with_instances = super::input::flag(params, "IncludeInstances")? != Some(false);
        let mut shown = Vec::new();
        for group in self.groups.values().filter(|group| names.is_empty() || names.contains(&group.name)) {
            let mut kept = true;
            for filter in &filters {
                kept &= group.matches(filter)?;
            }
            if kept {
                shown.push(group.describe(ec2, with_instances));
            }
        }
        page(params, "AutoScalingGroups", GROUPS_PAGE, shown)
    }

    pub(super) fn describe_instances(&self, params: &Params, ec2: &Ec2) -> Result<Shape, ApiError> {
        let ids = params.strings("InstanceIds");
        let members = self.groups.values().flat_map(|group| group.members.iter().map(move |(id, m)| (group, id, m)));
        let shown = members.filter(|(_, id, _)| ids.is_empty() || ids.contains(id)).map(|(group, id, member)| {
            let Shape::Struct(mut fields) = group.describe_member(id, member, ec2) else { return Shape::Absent };
            // Only here the health is written in capitals.
            for (name, value) in &mut fields {
                if *name == "HealthStatus" {
                    *value = member.health().to_ascii_uppercase().into();
                }
            }
            fields.push(("AutoScalingGroupName", (&group.name).into()));
            Shape::Struct(fields)
        });
        page(params, "AutoScalingInstances", GROUPS_PAGE, shown.collect())
    }

    /// Activities, the newest first.
    pub(super) fn describe_activities(&self, params: &Params) -> Result<Shape, ApiError> {
        let group = params.given("AutoScalingGroupName");
        if let Some(name) = group.filter(|name| !self.groups.contains_key(*name)) {
            return Err(invalid(format!("AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")));
        }
        if params.has("Filters") {
            return Err(invalid("Activities can't be filtered in a simulated world"));
        }
        let ids = params.strings("ActivityIds");
        let shown = self.activities.iter().rev().filter(|activity| {
            group.is_none_or(|name| name == activity.group) && (ids.is_empty() || ids.contains(&activity.id))
        });
        let arn = |activity: &Activity| self.groups.get(&activity.group).map(|group| &group.arn);
        page(params, "Activities", ACTIVITIES_PAGE, shown.map(|a| a.describe(arn(a))).collect())
    }
}

impl Group {
    fn matches(&self, filter: &Params) -> Result<bool, ApiError> {
        let name = filter.given("Name").unwrap_or_default();
        let values = filter.strings("Values");
        let listed = |text: &String| values.contains(text);
        Ok(match name.strip_prefix("tag:") {
            Some(key) => self.tags.get(key).is_some_and(listed),
            None if name == "tag-key" => self.tags.keys().any(listed),
            None if name == "tag-value" => self.tags.values().any(listed),
            None => return Err(invalid(format!("Filter type {name} is not correct."))),
        })
    }

    fn describe(&self, ec2: &Ec2, with_instances: bool) -> Shape {
        let list = |items: Vec<Shape>| Shape::List("member", items);
        let number = |number: u32| Shape::Integer(number.into());
        let mut zones: Vec<&String> = self.subnets.iter().map(|(_, zone)| zone).collect();
        zones.sort_unstable();
        zones.dedup();
        let subnets: Vec<&str> = self.subnets.iter().map(|(subnet, _)| subnet.as_str()).collect();
        let members = self.members.iter().filter(|_| with_instances);
        let suspended = self.suspended.iter().map(|process| {
            let reason = "User suspended";
            Shape::Struct(vec![("ProcessName", process.into()), ("SuspensionReason", reason.into())])
        });
        let tag = |(key, value): (&String, &String)| {
            Shape::Struct(vec![
                ("ResourceId", (&self.name).into()),
                ("ResourceType", "auto-scaling-group".into()),
                ("Key", key.into()),
                ("Value", value.into()),
                ("PropagateAtLaunch", true.into()),
            ])
        };
        let source = |arn: &String| Shape::Struct(vec![("Identifier", arn.into()), ("Type", "elbv2".into())]);
        Shape::Struct(vec![
            ("AutoScalingGroupName", (&self.name).into()),
            ("AutoScalingGroupARN", (&self.arn).into()),
            ("LaunchTemplate", self.launch_template()),
            ("MinSize", number(self.minimum)),
            ("MaxSize", number(self.maximum)),
            ("DesiredCapacity", number(self.desired)),
            ("DefaultCooldown", number(self.cooldown)),
            ("AvailabilityZones", list(zones.iter().map(|zone| Shape::from(*zone)).collect())),
            ("AvailabilityZoneIds", list(zones.iter().map(|zone| zone_id(zone).into()).collect())),
            ("LoadBalancerNames", list(Vec::new())),
            ("TargetGroupARNs", list(self.target_groups.iter().map(Shape::from).collect())),
            ("HealthCheckType", (&self.health_check_type).into()),
            ("HealthCheckGracePeriod", number(self.grace_period)),
            ("Instances", list(members.map(|(id, member)| self.describe_member(id, member, ec2)).collect())),
            ("CreatedTime", self.created.into()),
            ("SuspendedProcesses", list(suspended.collect())),
            ("VPCZoneIdentifier", subnets.join(",").into()),
            ("EnabledMetrics", list(Vec::new())),
            ("Tags", list(self.tags.iter().map(tag).collect())),
            // The youngest instance goes first.
            ("TerminationPolicies", list(vec!["NewestInstance".into()])),
            ("NewInstancesProtectedFromScaleIn", false.into()),
            ("ServiceLinkedRoleARN", self.service_role().into()),
            ("CapacityRebalance", false.into()),
            ("TrafficSources", list(self.target_groups.iter().map(source).collect())),
        ])
    }

    fn describe_member(&self, id: &str, member: &Member, ec2: &Ec2) -> Shape {
        let kind = ec2.instances.get(id).map_or(&self.instance_type, |instance| &instance.instance_type);
        Shape::Struct(vec![
            ("InstanceId", id.into()),
            ("InstanceType", kind.into()),
            ("AvailabilityZone", (&member.zone).into()),
            ("AvailabilityZoneId", zone_id(&member.zone).into()),
            ("LifecycleState", member.phase.name().into()),
            ("HealthStatus", member.health().into()),
            ("LaunchTemplate", self.launch_template()),
            ("ProtectedFromScaleIn", false.into()),
        ])
    }

    /// What instances are launched from: no resource of the simulation, but every group names one.
    fn launch_template(&self) -> Shape {
        Shape::Struct(vec![
            ("LaunchTemplateId", format!("lt-{}", crate::ids::hex(&self.arn, 17)).into()),
            ("LaunchTemplateName", (&self.name).into()),
            ("Version", "1".into()),
        ])
    }

    fn service_role(&self) -> String {
        let account = self.arn.split(':').nth(4).unwrap_or_default();
        format!("arn:aws:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling")
    }
}

impl Member {
    fn health(&self) -> &'static str {
        if self.healthy { "Healthy" } else { "Unhealthy" }
    }
}

impl Activity {
    fn describe(&self, arn: Option<&String>) -> Shape {
        Shape::Struct(vec![
            ("ActivityId", (&self.id).into()),
            ("AutoScalingGroupName", (&self.group).into()),
            ("Description", (&self.description).into()),
            ("Cause", (&self.cause).into()),
            ("StartTime", self.start.into()),
            ("EndTime", self.end.into()),
            ("StatusCode", self.status.name().into()),
            ("StatusMessage", self.message.as_ref().into()),
            ("Progress", Shape::Integer(self.status.progress())),
            ("Details", (&self.details).into()),
            ("AutoScalingGroupARN", arn.into()),
        ])
    }
}
