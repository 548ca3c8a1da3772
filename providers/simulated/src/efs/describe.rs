//! File systems and mount targets as descriptions show them. Changes nothing.

use super::{FileSystem, MountTarget};
use crate::{codec::ServiceCx, ec2::zone_id, shape::seconds};
use serde_json::{Value, json};

impl FileSystem {
    /// What its creator named it, so that it was created once.
    pub(super) fn token(&self) -> &str {
        &self.id
    }

    pub(super) fn describe(&self, cx: &ServiceCx<'_>) -> Value {
        let tags: Vec<Value> = self.name.iter().map(|name| json!({ "Key": "Name", "Value": name })).collect();
        let mut described = json!({
            "OwnerId": cx.account,
            "CreationToken": self.token(),
            "FileSystemId": self.id,
            "FileSystemArn": self.arn,
            "CreationTime": seconds(self.created),
            "LifeCycleState": self.state,
            "NumberOfMountTargets": self.mount_targets.len(),
            "SizeInBytes": { "Value": 6144, "ValueInIA": 0, "ValueInStandard": 6144, "ValueInArchive": 0 },
            "PerformanceMode": "generalPurpose",
            "Encrypted": false,
            "ThroughputMode": "elastic",
            "Tags": tags,
            "FileSystemProtection": { "ReplicationOverwriteProtection": "ENABLED" },
        });
        // Absent where there is nothing to say: clients tell an absent member from an empty one.
        if let Some(name) = &self.name {
            described["Name"] = name.as_str().into();
        }
        if let Some(zone) = &self.zone {
            described["AvailabilityZoneName"] = zone.as_str().into();
            described["AvailabilityZoneId"] = zone_id(zone).into();
        }
        described
    }
}

impl MountTarget {
    pub(super) fn describe(&self, file_system: &FileSystem, cx: &ServiceCx<'_>) -> Value {
        json!({
            "OwnerId": cx.account,
            "MountTargetId": self.id,
            "FileSystemId": file_system.id,
            "SubnetId": self.subnet,
            "LifeCycleState": self.state,
            "IpAddress": self.ip,
            "NetworkInterfaceId": self.interface,
            "AvailabilityZoneId": zone_id(&self.zone),
            "AvailabilityZoneName": self.zone,
            "VpcId": self.vpc,
        })
    }
}
