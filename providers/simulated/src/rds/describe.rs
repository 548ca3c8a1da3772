//! RDS's answers. Changes nothing.

use super::{DbCluster, DbInstance, Event, GlobalCluster, Member, Rds, Stage, TransitionKind};
use crate::shape::Shape;
use std::collections::BTreeMap;

impl Rds {
    pub(super) fn describe_cluster(&self, cluster: &DbCluster) -> Shape {
        let global = self.global_of(&cluster.arn);
        let member = self.member(&cluster.arn);
        let source = global
            .and_then(GlobalCluster::writer)
            .filter(|writer| writer.cluster != cluster.arn)
            .map(|writer| Shape::from(&writer.cluster));
        let members = cluster.instances.iter().enumerate().map(|(place, instance)| {
            Shape::Struct(vec![
                ("DBInstanceIdentifier", (&instance.id).into()),
                // The first instance is the cluster's head; in a secondary cluster no instance is a writer.
                ("IsClusterWriter", (place == 0 && member.is_none_or(|member| member.writer)).into()),
                ("DBClusterParameterGroupStatus", "in-sync".into()),
                ("PromotionTier", Shape::Integer(1)),
            ])
        });
        let mut zones: Vec<_> = cluster.instances.iter().map(|instance| instance.zone.as_str()).collect();
        zones.sort_unstable();
        zones.dedup();
        Shape::Struct(vec![
            ("AllocatedStorage", Shape::Integer(1)),
            ("AvailabilityZones", Shape::List("AvailabilityZone", zones.into_iter().map(Shape::from).collect())),
            ("BackupRetentionPeriod", Shape::Integer(1)),
            ("DatabaseName", cluster.database_name.as_ref().into()),
            ("DBClusterIdentifier", (&cluster.id).into()),
            ("DBClusterParameterGroup", format!("default.{}", parameter_family(cluster)).into()),
            ("DBSubnetGroup", "default".into()),
            ("Status", (&cluster.status).into()),
            ("EarliestRestorableTime", cluster.created.into()),
            ("Endpoint", cluster.host().into()),
            ("ReaderEndpoint", cluster.reader_host().into()),
            ("MultiAZ", (cluster.instances.len() > 1).into()),
            ("Engine", (&cluster.engine).into()),
            ("EngineVersion", (&cluster.engine_version).into()),
            ("Port", Shape::Integer(cluster.port.into())),
            ("MasterUsername", (&cluster.master_username).into()),
            ("ReplicationSourceIdentifier", source.unwrap_or(Shape::Absent)),
            ("DBClusterMembers", Shape::List("DBClusterMember", members.collect())),
            ("VpcSecurityGroups", Shape::List("VpcSecurityGroupMembership", Vec::new())),
            ("HostedZoneId", "Z2R2ITUGPM61AM".into()),
            ("StorageEncrypted", false.into()),
            ("DbClusterResourceId", (&cluster.resource_id).into()),
            ("DBClusterArn", (&cluster.arn).into()),
            ("AssociatedRoles", Shape::List("DBClusterRole", Vec::new())),
            ("IAMDatabaseAuthenticationEnabled", false.into()),
            ("ClusterCreateTime", cluster.created.into()),
            ("EngineMode", "provisioned".into()),
            ("DeletionProtection", cluster.deletion_protection.into()),
            ("HttpEndpointEnabled", false.into()),
            ("CopyTagsToSnapshot", false.into()),
            ("CrossAccountClone", false.into()),
            ("TagList", tags(&cluster.tags)),
            ("GlobalClusterIdentifier", global.map(|global| &global.id).into()),
            ("GlobalWriteForwardingStatus", member.map(|_| "disabled").into()),
            ("AutoMinorVersionUpgrade", true.into()),
            ("NetworkType", "IPV4".into()),
        ])
    }
}

pub(super) fn describe_global(global: &GlobalCluster) -> Shape {
    let members = global.members.iter().map(|member| describe_member(global, member)).collect();
    Shape::Struct(vec![
        ("GlobalClusterIdentifier", (&global.id).into()),
        ("GlobalClusterResourceId", (&global.resource_id).into()),
        ("GlobalClusterArn", (&global.arn).into()),
        ("Status", global.status().into()),
        ("Engine", (&global.engine).into()),
        ("EngineVersion", (&global.engine_version).into()),
        ("EngineLifecycleSupport", "open-source-rds-extended-support".into()),
        ("DatabaseName", global.database_name.as_ref().into()),
        ("StorageEncrypted", global.storage_encrypted.into()),
        ("DeletionProtection", global.deletion_protection.into()),
        ("GlobalClusterMembers", Shape::List("GlobalClusterMember", members)),
        ("Endpoint", (&global.endpoint).into()),
        ("FailoverState", failover_state(global)),
        ("TagList", tags(&global.tags)),
    ])
}

pub(super) fn describe_instance(cluster: &DbCluster, instance: &DbInstance) -> Shape {
    let suffix = crate::ids::short(&cluster.arn, 12);
    let endpoint = Shape::Struct(vec![
        ("Address", format!("{}.{suffix}.{}.rds.amazonaws.com", instance.id, cluster.region).into()),
        ("Port", Shape::Integer(cluster.port.into())),
        ("HostedZoneId", "Z2R2ITUGPM61AM".into()),
    ]);
    let arn =
        cluster.arn.rsplit_once(":cluster:").map_or_else(String::new, |(head, _)| format!("{head}:db:{}", instance.id));
    Shape::Struct(vec![
        ("DBInstanceIdentifier", (&instance.id).into()),
        ("DBInstanceClass", (&instance.class).into()),
        ("Engine", (&cluster.engine).into()),
        ("DBInstanceStatus", (&instance.status).into()),
        ("MasterUsername", (&cluster.master_username).into()),
        ("DBName", cluster.database_name.as_ref().into()),
        ("Endpoint", if instance.status == "creating" { Shape::Absent } else { endpoint }),
        ("AllocatedStorage", Shape::Integer(1)),
        ("InstanceCreateTime", cluster.created.into()),
        ("BackupRetentionPeriod", Shape::Integer(1)),
        ("AvailabilityZone", (&instance.zone).into()),
        ("MultiAZ", false.into()),
        ("EngineVersion", (&cluster.engine_version).into()),
        ("AutoMinorVersionUpgrade", true.into()),
        ("PubliclyAccessible", false.into()),
        ("StorageType", "aurora".into()),
        ("DBClusterIdentifier", (&cluster.id).into()),
        ("StorageEncrypted", false.into()),
        ("DbiResourceId", format!("db-{}", crate::ids::short(&arn, 26).to_uppercase()).into()),
        ("PromotionTier", Shape::Integer(1)),
        ("DBInstanceArn", arn.into()),
    ])
}

pub(super) fn describe_event(event: &Event) -> Shape {
    Shape::Struct(vec![
        ("SourceIdentifier", (&event.source).into()),
        ("SourceType", (&event.source_type).into()),
        ("Message", (&event.message).into()),
        ("EventCategories", Shape::List("EventCategory", event.categories.iter().map(Shape::from).collect())),
        ("Date", event.at.into()),
        ("SourceArn", (&event.source_arn).into()),
    ])
}

fn describe_member(global: &GlobalCluster, member: &Member) -> Shape {
    let readers = if member.writer {
        let others = global.members.iter().filter(|other| !other.writer);
        others.map(|other| Shape::from(&other.cluster)).collect()
    } else {
        Vec::new()
    };
    Shape::Struct(vec![
        ("DBClusterArn", (&member.cluster).into()),
        ("Readers", Shape::List("member", readers)),
        ("IsWriter", member.writer.into()),
        ("GlobalWriteForwardingStatus", if member.writer { Shape::Absent } else { "disabled".into() }),
        ("SynchronizationStatus", if member.pending_resync { "pending-resync" } else { "connected" }.into()),
    ])
}

/// Absent unless a role change is under way.
fn failover_state(global: &GlobalCluster) -> Shape {
    let Some(transition) = &global.transition else { return Shape::Absent };
    let status = match (transition.stage, transition.kind) {
        (Stage::Pending, _) => "pending",
        (Stage::Cancelling, _) => "cancelling",
        (_, TransitionKind::Switchover) => "switching-over",
        (_, TransitionKind::Failover) => "failing-over",
    };
    Shape::Struct(vec![
        ("Status", status.into()),
        ("FromDbClusterArn", (&transition.from).into()),
        ("ToDbClusterArn", (&transition.to).into()),
        ("IsDataLossAllowed", (transition.kind == TransitionKind::Failover).into()),
    ])
}

pub(super) fn tags(tags: &BTreeMap<String, String>) -> Shape {
    let tags = tags.iter().map(|(key, value)| Shape::Struct(vec![("Key", key.into()), ("Value", value.into())]));
    Shape::List("Tag", tags.collect())
}

fn parameter_family(cluster: &DbCluster) -> String {
    format!("{}{}", cluster.engine, cluster.engine_version.split('.').next().unwrap_or_default())
}
