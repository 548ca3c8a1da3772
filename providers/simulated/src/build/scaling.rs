//! Builds groups of Auto Scaling, EKS clusters, and the machines that they have at the start.

use super::{Builder, place};
use crate::{
    autoscaling::{Ground, Group, PROCESSES},
    cloud::RegionState,
    document::{AutoscalingGroupDocument, EksClusterDocument, NodegroupDocument},
    eks::{Cluster, Nodegroup},
    ids,
    pace::Pace,
};
use lifeboat_contract::{Span, codes};
use std::collections::{BTreeMap, BTreeSet};

/// How large a group may become in a world.
const SIZE_MAX: u32 = 500;

/// What groups of Auto Scaling and node groups have in common.
struct Plan<'a> {
    minimum: u32,
    maximum: u32,
    desired: Option<u32>,
    subnets: &'a [String],
    instance_type: &'a str,
    available: Option<u32>,
    launch: Span,
    retry: Span,
}

impl Builder<'_> {
    pub(super) fn scaling(&mut self) {
        for (region, contents) in &self.document.aws.regions {
            for (name, document) in &contents.autoscaling_groups {
                self.autoscaling_group(region, name, document);
            }
            for (name, document) in &contents.eks_clusters {
                self.eks_cluster(region, name, document);
            }
        }
    }

    fn autoscaling_group(&mut self, region: &str, name: &str, document: &AutoscalingGroupDocument) {
        let at = ["aws", "regions", region, "autoscaling_groups", name];
        let plan = Plan {
            minimum: document.minimum,
            maximum: document.maximum,
            desired: document.desired,
            subnets: &document.subnets,
            instance_type: &document.instance_type,
            available: document.available,
            launch: document.launch,
            retry: document.retry,
        };
        let mut group = self.group(region, name, &plan, &at);
        for (index, target_group) in document.target_groups.iter().enumerate() {
            if let Some(arn) = self.target_group_arn(region, target_group) {
                group.target_groups.push(arn);
            } else {
                let number = place(index);
                let path = [&at[..], &["target_groups", &number]].concat();
                self.unknown(&path, &format!("target group in {region}"), target_group);
            }
        }
        for (index, id) in document.security_groups.iter().enumerate() {
            if !self.region(region).ec2.security_groups.contains_key(id) {
                let number = place(index);
                let path = [&at[..], &["security_groups", &number]].concat();
                self.unknown(&path, &format!("security group in {region}"), id);
            }
        }
        for (index, process) in document.suspended.iter().enumerate() {
            if !PROCESSES.contains(&process.as_str()) {
                let number = place(index);
                let path = [&at[..], &["suspended", &number]].concat();
                self.error(&path, codes::BAD_VALUE, format!("{process} is not a process of a group"))
                    .hint(format!("one of {}", PROCESSES.join(", ")));
            }
        }
        if let Some(application) =
            document.application.as_ref().filter(|name| !self.document.applications.contains_key(*name))
        {
            self.unknown(&[&at[..], &["application"]].concat(), "application", application);
        }
        group.security_groups.clone_from(&document.security_groups);
        group.application.clone_from(&document.application);
        group.site.clone_from(&document.site);
        group.suspended = document.suspended.iter().cloned().collect();
        self.establish(region, group, &at);
    }

    fn eks_cluster(&mut self, region: &str, name: &str, document: &EksClusterDocument) {
        let account = &self.document.account;
        let arn = format!("arn:aws:eks:{region}:{account}:cluster/{name}");
        let mut nodegroups = BTreeMap::new();
        for (nodegroup, contents) in &document.nodegroups {
            nodegroups.insert(nodegroup.clone(), self.nodegroup(region, name, nodegroup, contents));
        }
        let subnets: BTreeSet<String> = document.nodegroups.values().flat_map(|group| group.subnets.clone()).collect();
        let networks = &self.region(region).ec2.subnets;
        let vpc = subnets.iter().find_map(|id| networks.get(id)).map(|subnet| subnet.vpc.clone());
        let built = Cluster {
            name: name.to_owned(),
            arn,
            version: document.version.clone(),
            created: self.start,
            vpc: vpc.unwrap_or_default(),
            subnets: subnets.into_iter().collect(),
            nodegroups,
        };
        self.region(region).eks.clusters.insert(name.to_owned(), built);
    }

    fn nodegroup(&mut self, region: &str, cluster: &str, name: &str, document: &NodegroupDocument) -> Nodegroup {
        let at = ["aws", "regions", region, "eks_clusters", cluster, "nodegroups", name];
        let account = &self.document.account;
        let id = ids::uuid(&format!("{region}/{cluster}/{name}"));
        let arn = format!("arn:aws:eks:{region}:{account}:nodegroup/{cluster}/{name}/{id}");
        if document.maximum == 0 {
            self.error(&[&at[..], &["maximum"]].concat(), codes::OUT_OF_RANGE, "a node group's maximum is at least 1");
        }
        let plan = Plan {
            minimum: document.minimum,
            maximum: document.maximum,
            desired: document.desired,
            subnets: &document.subnets,
            instance_type: &document.instance_type,
            available: document.available,
            launch: document.launch,
            retry: document.retry,
        };
        let scaling = format!("eks-{name}-{id}");
        let mut group = self.group(region, &scaling, &plan, &at);
        let tags = [("eks:cluster-name", cluster), ("eks:nodegroup-name", name)];
        group.tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        group.tags.insert(format!("kubernetes.io/cluster/{cluster}"), "owned".to_owned());
        self.establish(region, group, &at);
        Nodegroup {
            name: name.to_owned(),
            arn,
            created: self.start,
            modified: self.start,
            subnets: document.subnets.clone(),
            instance_type: document.instance_type.clone(),
            labels: document.labels.clone(),
            group: scaling,
            update: document.update,
            updates: Vec::new(),
        }
    }

    /// A group without instances, and everything that is wrong with its plan.
    fn group(&mut self, region: &str, name: &str, plan: &Plan<'_>, at: &[&str]) -> Group {
        let desired = plan.desired.unwrap_or(plan.minimum);
        if plan.minimum > plan.maximum {
            let message = format!("the minimum of {} is above the maximum of {}", plan.minimum, plan.maximum);
            self.error(&[at, &["minimum"]].concat(), codes::OUT_OF_RANGE, message);
        } else if !(plan.minimum..=plan.maximum).contains(&desired) {
            let message = format!("a desired size is from {} to {}", plan.minimum, plan.maximum);
            self.error(&[at, &["desired"]].concat(), codes::OUT_OF_RANGE, message);
        }
        if plan.maximum > SIZE_MAX {
            let message = format!("a group has {SIZE_MAX} instances at most");
            self.error(&[at, &["maximum"]].concat(), codes::OUT_OF_RANGE, message);
        }
        if plan.retry.get().as_secs() == 0 {
            self.error(&[at, &["retry"]].concat(), codes::OUT_OF_RANGE, "a launch is tried again after at least 1s");
        }
        if plan.subnets.is_empty() {
            self.error(&[at, &["subnets"]].concat(), codes::MISSING_FIELD, "a group stands in at least one subnet");
        }
        let mut subnets = Vec::new();
        for (index, subnet) in plan.subnets.iter().enumerate() {
            if let Some(found) = self.region(region).ec2.subnets.get(subnet) {
                subnets.push((subnet.clone(), found.zone.clone()));
            } else {
                self.unknown(&[at, &["subnets", &place(index)]].concat(), &format!("subnet in {region}"), subnet);
            }
        }
        let id = ids::uuid(&format!("{region}/group/{name}"));
        let account = &self.document.account;
        let zones = subnets.iter().filter_map(|(_, zone)| Some((zone.clone(), plan.available?)));
        Group {
            name: name.to_owned(),
            arn: format!("arn:aws:autoscaling:{region}:{account}:autoScalingGroup:{id}:autoScalingGroupName/{name}"),
            created: self.start,
            minimum: plan.minimum,
            maximum: plan.maximum,
            desired,
            available: zones.collect(),
            subnets,
            target_groups: Vec::new(),
            security_groups: Vec::new(),
            instance_type: plan.instance_type.to_owned(),
            site: None,
            application: None,
            tags: BTreeMap::new(),
            health_check_type: "EC2".to_owned(),
            grace_period: 300,
            cooldown: 300,
            suspended: BTreeSet::new(),
            launch: plan.launch,
            retry: plan.retry,
            members: BTreeMap::new(),
            launched: 0,
            request: None,
            retry_at: None,
            failure: None,
        }
    }

    /// Puts a group into its region, with its instances in service.
    fn establish(&mut self, region: &str, group: Group, at: &[&str]) {
        if self.findings.has_errors() {
            return;
        }
        let now = self.start;
        let RegionState { ec2, elb, autoscaling, .. } = self.region(region);
        let mut ground = Ground { ec2, elb, now, pace: Pace::default() };
        if let Err(error) = autoscaling.establish(group, &mut ground) {
            let path = [at, &["desired"]].concat();
            self.error(&path, codes::OUT_OF_RANGE, format!("the instances can't be launched: {}", error.message));
        }
    }
}
