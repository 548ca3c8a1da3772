//! `aws.efs.mount`: asks whether a zone can reach a shared file system.
//!
//! Mounts nothing, and says nothing of security groups: that an instance sees its files is for the application to show.

use crate::{
    connection::Aws,
    errors::{CallSite, classify},
    place,
};
use aws_sdk_efs::{
    Client,
    types::{FileSystemDescription, LifeCycleState, MountTargetDescription},
};
use lifeboat_contract::{Answer, Cadence, CallError, Check, Cx, Findings, Permission, RunContext, Touches, codes};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Asks whether an EFS file system is available, and has a mount target in one zone that is.
///
/// Ask it of the zone of the instance that is to take over, before it does. The evidence names the mount target's address.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EfsMount {
    /// The id of the file system: `fs-0123456789abcdef0`.
    pub file_system: String,
    /// The availability zone, by name or id: `us-east-1b`, `use1-az2`.
    pub zone: String,
}

/// A zone has one mount target of a file system; this many pages are more than there can be.
const PAGES_MAX: usize = 20;

impl Check for EfsMount {
    const KIND: &'static str = "aws.efs.mount";
    const EXAMPLE: &'static str = "\
file_system: fs-0123456789abcdef0
zone: us-east-1b";

    fn check(&self, findings: &mut Findings) {
        place::expect_id(findings, &["file_system"], &self.file_system, "fs-", "a file system");
        let is_zone = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !self.zone.contains('-') || !self.zone.bytes().all(is_zone) {
            findings
                .error(&["zone"], codes::BAD_VALUE, format!("{:?} is not an availability zone", self.zone))
                .hint("write it like us-east-1b");
        }
    }

    fn touches(&self, run: &RunContext) -> Touches {
        let arn = place::arn(run, "elasticfilesystem", &format!("file-system/{}", self.file_system));
        let may_read = |action: &str| Permission { resource: arn.clone(), ..place::may_read(action) };
        Touches {
            planes: vec![place::plane(run, "elasticfilesystem")],
            permissions: vec![
                may_read("elasticfilesystem:DescribeFileSystems"),
                may_read("elasticfilesystem:DescribeMountTargets"),
            ],
            ..Touches::default()
        }
    }

    async fn ask(&self, cx: &Cx) -> Result<Answer, CallError> {
        let region = place::region(cx, "elasticfilesystem")?;
        let client = Aws::of(cx)?.efs(region).await;
        let (system, targets) = tokio::join!(self.file_system(&client, region), self.mount_targets(&client, region));
        Ok(self.judge(&system?, &targets?))
    }

    fn cadence(&self) -> Cadence {
        Cadence { healthy_threshold: 1, interval: Duration::from_secs(5), ..Cadence::default() }
    }

    fn question(&self) -> String {
        format!("{} can be mounted in {}", self.file_system, self.zone)
    }
}

impl EfsMount {
    async fn file_system(&self, client: &Client, region: &str) -> Result<FileSystemDescription, CallError> {
        let at = CallSite { service: "elasticfilesystem", operation: "DescribeFileSystems", region };
        let call = client.describe_file_systems().file_system_id(&self.file_system);
        let answer = call.send().await.map_err(|error| classify(&at, error))?;
        answer.file_systems.unwrap_or_default().into_iter().next().ok_or_else(|| {
            at.definite("FileSystemNotFound", format!("there is no file system {} in {region}", self.file_system))
        })
    }

    async fn mount_targets(&self, client: &Client, region: &str) -> Result<Vec<MountTargetDescription>, CallError> {
        let at = CallSite { service: "elasticfilesystem", operation: "DescribeMountTargets", region };
        let mut targets = Vec::new();
        let mut marker = None;
        for _ in 0..PAGES_MAX {
            let call = client.describe_mount_targets().file_system_id(&self.file_system).set_marker(marker);
            let page = call.send().await.map_err(|error| classify(&at, error))?;
            targets.extend(page.mount_targets.unwrap_or_default());
            marker = page.next_marker;
            if marker.is_none() {
                break;
            }
        }
        Ok(targets)
    }

    fn judge(&self, system: &FileSystemDescription, targets: &[MountTargetDescription]) -> Answer {
        let (name, zone) = (&self.file_system, self.zone.as_str());
        let system = &system.life_cycle_state;
        let here = |target: &&MountTargetDescription| {
            target.availability_zone_name() == Some(zone) || target.availability_zone_id() == Some(zone)
        };
        let Some(target) = targets.iter().find(here) else {
            let mut zones: Vec<&str> =
                targets.iter().filter_map(MountTargetDescription::availability_zone_name).collect();
            zones.sort_unstable();
            let zones =
                if zones.is_empty() { "none anywhere".to_owned() } else { format!("only in {}", zones.join(", ")) };
            let evidence = format!("{name} is {system}; no mount target in {zone}, {zones}");
            return Answer { passed: false, evidence };
        };
        let mounted = &target.life_cycle_state;
        let address = target.ip_address().map(|address| format!(" at {address}")).unwrap_or_default();
        Answer {
            passed: *system == LifeCycleState::Available && *mounted == LifeCycleState::Available,
            evidence: format!(
                "{name} is {system}; mount target {} in {zone}{address} is {mounted}",
                target.mount_target_id
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::{RecordedWire, surroundings};
    use lifeboat_contract::{Mode, Retry};
    use serde_json::json;

    const SYSTEMS: &str = r#"{"FileSystems": [{"FileSystemId": "fs-1", "LifeCycleState": "available", "OwnerId": "1",
        "CreationToken": "t", "CreationTime": 0, "NumberOfMountTargets": 2, "PerformanceMode": "generalPurpose", "Tags": [],
        "SizeInBytes": {"Value": 6144}}]}"#;
    const TARGETS: &str = r#"{"MountTargets": [
        {"MountTargetId": "fsmt-1", "FileSystemId": "fs-1", "SubnetId": "subnet-1", "LifeCycleState": "available",
         "IpAddress": "10.0.1.50", "AvailabilityZoneName": "us-east-1a", "AvailabilityZoneId": "use1-az1"},
        {"MountTargetId": "fsmt-2", "FileSystemId": "fs-1", "SubnetId": "subnet-2", "LifeCycleState": "creating",
         "AvailabilityZoneName": "us-east-1b", "AvailabilityZoneId": "use1-az2"}]}"#;

    fn check(zone: &str) -> EfsMount {
        serde_json::from_value(json!({"file_system": "fs-1", "zone": zone})).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_zones_own_mount_target_must_be_available() {
        let wire = RecordedWire::new([
            ("DescribeFileSystems", Ok((200, SYSTEMS))),
            ("DescribeMountTargets", Ok((200, TARGETS))),
        ]);
        let (_, cx) = surroundings(wire.clone(), Mode::Switchover);
        for (zone, passed, evidence) in [
            ("us-east-1a", true, "fs-1 is available; mount target fsmt-1 in us-east-1a at 10.0.1.50 is available"),
            ("use1-az1", true, "fs-1 is available; mount target fsmt-1 in use1-az1 at 10.0.1.50 is available"),
            ("us-east-1b", false, "fs-1 is available; mount target fsmt-2 in us-east-1b is creating"),
            ("us-east-1c", false, "fs-1 is available; no mount target in us-east-1c, only in us-east-1a, us-east-1b"),
        ] {
            let answer = check(zone).ask(&cx).await.unwrap();
            assert_eq!(answer, Answer { passed, evidence: evidence.to_owned() });
        }
        assert_eq!(wire.writes(), [], "both calls are known as reads by their paths");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_system_that_is_not_there_fails_at_once() {
        let missing =
            r#"{"ErrorCode": "FileSystemNotFound", "Message": "no such file system", "code": "FileSystemNotFound"}"#;
        let wire = RecordedWire::new([
            ("DescribeFileSystems", Ok((404, missing))),
            ("DescribeMountTargets", Ok((404, missing))),
        ]);
        let (_, cx) = surroundings(wire, Mode::Switchover);
        let error = check("us-east-1a").ask(&cx).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.retry), ("FileSystemNotFound", Retry::Never));
    }

    #[test]
    fn findings() {
        let found = |file_system: &str, zone: &str| {
            let mut findings = Findings::default();
            let check: EfsMount = serde_json::from_value(json!({"file_system": file_system, "zone": zone})).unwrap();
            Check::check(&check, &mut findings);
            findings.as_slice().len()
        };
        assert_eq!((found("fs-1", "us-east-1a"), found("efs", "a"), found("fs-1", "us east-1")), (0, 2, 1));
    }
}
