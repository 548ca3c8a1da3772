//! File systems and their mount targets, as callers see them and as zones reach them.

use super::{
    elastic::elastic,
    fixture::{R1, Sim},
};
use http::Method;
use serde_json::{Value, json};

const SYSTEM: &str = "fs-0a00000000000001";

fn get(sim: &mut Sim, path: &str) -> (u16, Option<String>, Value) {
    sim.rest("elasticfilesystem", Method::GET, &format!("/2015-02-01/{path}"), &Value::Null)
}

#[test]
fn a_file_system_and_its_mount_targets_are_described() {
    let mut sim = Sim::new(elastic());
    let (_, _, body) = get(&mut sim, "file-systems");
    let found = &body["FileSystems"][0];
    assert_eq!(
        (&found["FileSystemId"], &found["LifeCycleState"], &found["NumberOfMountTargets"]),
        (&json!(SYSTEM), &json!("available"), &json!(2))
    );
    assert_eq!(found["Name"], "queues");
    let arn = found["FileSystemArn"].as_str().unwrap_or_default().to_owned();
    assert_eq!(get(&mut sim, &format!("file-systems?FileSystemId={arn}")).2["FileSystems"][0], *found);

    let (_, _, body) = get(&mut sim, &format!("mount-targets?FileSystemId={SYSTEM}&MaxItems=1"));
    let target = &body["MountTargets"][0];
    assert_eq!(
        (&target["AvailabilityZoneName"], &target["IpAddress"], &target["LifeCycleState"]),
        (&json!("us-east-1a"), &json!("10.0.1.50"), &json!("available"))
    );
    assert_eq!(
        (&target["SubnetId"], &target["VpcId"], &target["AvailabilityZoneId"]),
        (&json!("subnet-1"), &json!("vpc-1"), &json!("use1-az1"))
    );
    let marker = body["NextMarker"].as_str().unwrap_or_default().to_owned();
    let (_, _, rest) = get(&mut sim, &format!("mount-targets?FileSystemId={SYSTEM}&MaxItems=1&Marker={marker}"));
    assert_eq!((&rest["MountTargets"][0]["LifeCycleState"], rest.get("NextMarker")), (&json!("creating"), None));
    assert_eq!(get(&mut sim, "mount-targets?MountTargetId=fsmt-0a00000000000001").2["MountTargets"][0], *target);

    let groups = get(&mut sim, "mount-targets/fsmt-0a00000000000001/security-groups").2;
    let interface = target["NetworkInterfaceId"].as_str().unwrap_or_default();
    let (_, described) =
        sim.query("ec2", R1, &format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={interface}"));
    let group = groups["SecurityGroups"][0].as_str().unwrap_or_default();
    assert!(described.contains(group) && described.contains("10.0.1.50"), "{described}");
}

#[test]
fn what_efs_refuses() {
    let mut sim = Sim::new(elastic());
    for (path, status, code, message) in [
        ("file-systems?FileSystemId=fs-1", 404, "FileSystemNotFound", "File system 'fs-1' does not exist."),
        ("mount-targets?FileSystemId=fs-1", 404, "FileSystemNotFound", "File system 'fs-1' does not exist."),
        ("mount-targets?MountTargetId=fsmt-1", 404, "MountTargetNotFound", "Mount target 'fsmt-1' does not exist."),
        ("mount-targets", 400, "BadRequest", "Must specify exactly one mutually exclusive parameter."),
        (
            "mount-targets/fsmt-0a00000000000002/security-groups",
            409,
            "IncorrectMountTargetState",
            "mount target 'fsmt-0a00000000000002' is in the state creating",
        ),
        ("file-systems?Marker=x", 400, "BadRequest", "Invalid Marker"),
    ] {
        let (found, header, body) = get(&mut sim, path);
        assert_eq!((found, header.as_deref()), (status, Some(code)), "{path}");
        assert_eq!(body, json!({ "ErrorCode": code, "Message": message }));
    }
}

#[test]
fn a_zone_reaches_a_file_system_by_its_own_mount_target() {
    let mut sim = Sim::new(elastic());
    let reaches = |sim: &Sim, zone: &str| sim.world.cloud.file_system_in(R1, SYSTEM, zone);
    assert_eq!(
        (reaches(&sim, "us-east-1a"), reaches(&sim, "us-east-1b"), reaches(&sim, "us-east-1c")),
        (true, false, false)
    );
    assert!(!sim.world.cloud.file_system_in("eu-west-1", SYSTEM, "us-east-1a"));
    assert!(!sim.world.cloud.file_system_in(R1, "fs-0b", "us-east-1a"));
    let mut document = elastic();
    document["aws"]["regions"][R1]["file_systems"][SYSTEM]["state"] = json!("error");
    assert!(!reaches(&Sim::new(document), "us-east-1a"));
    sim = Sim::with(elastic(), &[("/incident", json!([{ "at": "5s", "lose_region": R1, "planes": "data" }]))]);
    sim.go(6.0);
    assert!(!reaches(&sim, "us-east-1a"));
}
