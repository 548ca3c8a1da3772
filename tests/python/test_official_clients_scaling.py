"""boto3 drives Auto Scaling, EKS and EFS of the simulated cloud; and the same calls go to moto, as far as it has them.

The answers of the two are compared; each difference is listed with its reason.
"""

from dataclasses import dataclass

import pytest
from answers import differences, matches
from clients import Clients, error_of, until
from conftest import World
from processes import ROOT, simulation
from scaling_sequence import Sequence


@pytest.fixture
def elastic():
    """A world whose services grow, fresh for each test."""
    path = ROOT / "tests/python/worlds/elastic.yaml"
    with simulation(path) as address:
        yield World(path, address)


def group_of(client, name: str) -> dict:
    (group,) = client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return group


def in_service(client, name: str) -> list[str]:
    return [i["InstanceId"] for i in group_of(client, name)["Instances"] if i["LifecycleState"] == "InService"]


# ---- Auto Scaling


def test_a_group_grows_into_service_and_shrinks_back(elastic):
    scaling, elb = elastic.clients.boto("autoscaling"), elastic.clients.boto("elbv2")
    before = group_of(scaling, "orders")
    sizes = {name: before[name] for name in ("MinSize", "MaxSize", "DesiredCapacity")}
    assert sizes == {"MinSize": 1, "MaxSize": 4, "DesiredCapacity": 1}
    (arn,) = before["TargetGroupARNs"]
    first = in_service(scaling, "orders")
    scaling.update_auto_scaling_group(AutoScalingGroupName="orders", MinSize=3, MaxSize=4, DesiredCapacity=3)
    states = sorted(instance["LifecycleState"] for instance in group_of(scaling, "orders")["Instances"])
    assert states == ["InService", "Pending", "Pending"]
    until(lambda: len(in_service(scaling, "orders")) == 3)
    targets = [{"Id": instance} for instance in in_service(scaling, "orders")]
    quickly = {"Delay": 1, "MaxAttempts": 30}
    elb.get_waiter("target_in_service").wait(TargetGroupArn=arn, Targets=targets, WaiterConfig=quickly)
    instances = elastic.clients.boto("ec2").describe_instances(InstanceIds=[target["Id"] for target in targets])
    found = [instance for reservation in instances["Reservations"] for instance in reservation["Instances"]]
    assert {instance["State"]["Name"] for instance in found} == {"running"}
    assert {instance["Placement"]["AvailabilityZone"] for instance in found} == {"us-east-1a", "us-east-1b"}
    assert all({"Key": "aws:autoscaling:groupName", "Value": "orders"} in instance["Tags"] for instance in found)

    scaling.update_auto_scaling_group(AutoScalingGroupName="orders", **sizes)
    until(lambda: len(group_of(scaling, "orders")["Instances"]) == 1)
    assert in_service(scaling, "orders") == first, "the youngest went first"
    activities = scaling.describe_scaling_activities(AutoScalingGroupName="orders")["Activities"]
    assert len(activities) == 4
    assert {activity["StatusCode"] for activity in activities} == {"Successful"}
    assert [activity["StartTime"] for activity in activities] == sorted((a["StartTime"] for a in activities), reverse=True)
    assert all(activity["EndTime"] >= activity["StartTime"] for activity in activities)


def test_a_zone_that_is_out_of_capacity(elastic):
    scaling = elastic.clients.boto("autoscaling")
    scaling.set_desired_capacity(AutoScalingGroupName="scarce", DesiredCapacity=2)
    until(lambda: len(in_service(scaling, "scarce")) == 1)
    newest, *_ = scaling.describe_scaling_activities(AutoScalingGroupName="scarce")["Activities"]
    assert newest["StatusCode"] == "Failed"
    assert newest["StatusMessage"].startswith("We currently do not have sufficient t3.medium capacity")
    assert len(group_of(scaling, "scarce")["Instances"]) == 1


def test_activities_come_in_pages(elastic):
    scaling = elastic.clients.boto("autoscaling")
    scaling.set_desired_capacity(AutoScalingGroupName="orders", DesiredCapacity=4)
    pages = scaling.get_paginator("describe_scaling_activities").paginate(
        AutoScalingGroupName="orders", PaginationConfig={"PageSize": 2}
    )
    counts = [len(page["Activities"]) for page in pages]
    assert counts == [2, 1]


def test_what_auto_scaling_refuses(elastic):
    scaling = elastic.clients.boto("autoscaling")
    before = group_of(scaling, "orders")
    name = {"AutoScalingGroupName": "orders"}
    refused = ("ValidationError", 400)
    assert error_of(scaling.update_auto_scaling_group, **name, MinSize=5, MaxSize=3) == refused
    assert error_of(scaling.update_auto_scaling_group, **name, DesiredCapacity=9) == refused
    assert error_of(scaling.set_desired_capacity, **name, DesiredCapacity=0) == refused
    assert error_of(scaling.set_desired_capacity, AutoScalingGroupName="nothing", DesiredCapacity=1) == refused
    assert error_of(scaling.describe_auto_scaling_groups, NextToken="x") == ("InvalidNextToken", 400)
    assert group_of(scaling, "orders") == before


# ---- EKS


class Web:
    """The world's one node group."""

    def __init__(self, world):
        self.eks, self.scaling = world.clients.boto("eks"), world.clients.boto("autoscaling")
        self.names = {"clusterName": "shop", "nodegroupName": "web"}

    def describe(self) -> dict:
        return self.eks.describe_nodegroup(**self.names)["nodegroup"]

    def resize(self, minimum: int, maximum: int, desired: int) -> str:
        sizes = {"minSize": minimum, "maxSize": maximum, "desiredSize": desired}
        update = self.eks.update_nodegroup_config(**self.names, scalingConfig=sizes)["update"]
        assert update["status"] == "InProgress"
        return update["id"]

    def status_of(self, update: str) -> str:
        answer = self.eks.describe_update(name="shop", updateId=update, nodegroupName="web")
        return answer["update"]["status"]


def test_a_node_group_grows_and_shrinks(elastic):
    web = Web(elastic)
    before = web.describe()
    assert before["status"] == "ACTIVE"
    update = web.resize(1, 4, 2)
    assert web.describe()["status"] == "UPDATING"
    assert error_of(web.eks.update_nodegroup_config, **web.names, scalingConfig={"desiredSize": 1}) == ("ResourceInUseException", 409)
    web.eks.get_waiter("nodegroup_active").wait(**web.names, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    assert web.status_of(update) == "Successful"
    assert web.eks.list_updates(name="shop", nodegroupName="web")["updateIds"] == [update]
    (group,) = web.describe()["resources"]["autoScalingGroups"]
    until(lambda: len(in_service(web.scaling, group["name"])) == 2)
    back = web.resize(1, 4, 1)
    until(lambda: web.status_of(back) == "Successful")
    until(lambda: len(group_of(web.scaling, group["name"])["Instances"]) == 1)
    after = web.describe()
    assert after | {"modifiedAt": None} == before | {"modifiedAt": None}


def test_a_node_group_without_capacity_is_degraded(elastic):
    web = Web(elastic)
    update = web.resize(1, 4, 4)
    until(lambda: web.status_of(update) == "Successful")
    nodegroup = until(lambda: (found := web.describe())["status"] == "DEGRADED" and found)
    (issue,) = nodegroup["health"]["issues"]
    assert issue["code"] == "AsgInstanceLaunchFailures"
    assert "InsufficientInstanceCapacity" in issue["message"]


def test_what_eks_refuses(elastic):
    web = Web(elastic)
    def refused(**sizes) -> tuple:
        return error_of(web.eks.update_nodegroup_config, **web.names, scalingConfig=sizes)

    assert refused(minSize=3, desiredSize=1) == ("InvalidParameterException", 400)
    assert refused(desiredSize=9) == ("InvalidParameterException", 400)
    assert error_of(web.eks.describe_cluster, name="nothing") == ("ResourceNotFoundException", 404)
    try:
        web.eks.describe_nodegroup(clusterName="shop", nodegroupName="nothing")
        raise AssertionError("it was not refused")
    except web.eks.exceptions.ResourceNotFoundException as error:
        assert str(error).endswith("No node group found for name: nothing.")


# ---- EFS


def test_a_file_system_has_a_mount_target_in_each_zone(elastic):
    efs = elastic.clients.boto("efs")
    (system,) = efs.describe_file_systems()["FileSystems"]
    assert (system["LifeCycleState"], system["NumberOfMountTargets"], system["Name"]) == ("available", 2, "queues")
    pages = efs.get_paginator("describe_mount_targets").paginate(
        FileSystemId=system["FileSystemId"], PaginationConfig={"PageSize": 1}
    )
    targets = [target for page in pages for target in page["MountTargets"]]
    assert {target["AvailabilityZoneName"]: target["LifeCycleState"] for target in targets} == {
        "us-east-1a": "available",
        "us-east-1b": "available",
    }
    ec2 = elastic.clients.boto("ec2")
    for target in targets:
        (interface,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[target["NetworkInterfaceId"]])["NetworkInterfaces"]
        assert interface["PrivateIpAddress"] == target["IpAddress"]
        groups = efs.describe_mount_target_security_groups(MountTargetId=target["MountTargetId"])["SecurityGroups"]
        assert [group["GroupId"] for group in interface["Groups"]] == groups


def test_what_efs_refuses(elastic):
    efs = elastic.clients.boto("efs")
    assert error_of(efs.describe_mount_targets) == ("BadRequest", 400)
    assert error_of(efs.describe_file_systems, FileSystemId="fs-00000000") == ("FileSystemNotFound", 404)
    assert error_of(efs.describe_mount_targets, MountTargetId="fsmt-00000000") == ("MountTargetNotFound", 404)


# ---- The same against moto


@dataclass(frozen=True)
class Known:
    """A known difference: in which call (its name and title), at which path, and why."""

    call: str
    path: str
    why: str


# What moto gets wrong or leaves out, and what the simulation leaves out because nobody here needs it.
KNOWN: list[Known] = [
    Known("describe_auto_scaling_groups*", "/AutoScalingGroups/*/AvailabilityZoneIds/*", "moto leaves it out"),
    Known("describe_auto_scaling_groups", "/AutoScalingGroups/*/Instances/*/AvailabilityZoneId", "moto leaves it out"),
    Known("describe_auto_scaling_groups*", "/AutoScalingGroups/*/TrafficSources/*", "moto leaves it out"),
    Known("describe_auto_scaling_groups ?*", "/AutoScalingGroups/*/Instances*", "moto does not heed IncludeInstances"),
    Known("describe_auto_scaling_groups suspended", "*/SuspensionReason", "moto leaves it empty"),
    Known("set_desired_capacity beyond", "/Error", "moto accepts a desired size above the maximum [AWS 9]"),
    Known("set_desired_capacity beyond", "/HTTP", "moto accepts a desired size above the maximum [AWS 9]"),
    Known("update_auto_scaling_group contradiction", "/Error", "moto accepts a minimum above the maximum"),
    Known("update_auto_scaling_group contradiction", "/HTTP", "moto accepts a minimum above the maximum"),
    Known("describe_cluster", "/cluster/certificateAuthority/data", "no Kubernetes is simulated"),
    Known("describe_cluster", "/cluster/logging/*", "no Kubernetes is simulated"),
    Known("describe_cluster", "/cluster/endpoint", "each cloud's own"),
    Known("describe_cluster", "/cluster/identity/oidc/issuer", "each cloud's own"),
    Known("describe_cluster", "/cluster/platformVersion", "each cloud's own"),
    Known("describe_cluster", "/cluster/clientRequestToken", "drawn by chance by the client that creates it"),
    Known("describe_cluster", "/cluster/encryptionConfig", "moto sends it empty"),
    Known("describe_cluster", "/cluster/health/issues", "moto leaves it out"),
    Known("describe_cluster", "/cluster/kubernetesNetworkConfig/ipFamily", "moto leaves it out"),
    Known("describe_cluster", "/cluster/resourcesVpcConfig/*", "moto tells the subnets alone"),
    Known("describe_nodegroup*", "/nodegroup/releaseVersion", "each cloud's own"),
    Known("describe_nodegroup*", "/nodegroup/remoteAccess/ec2SshKey", "moto invents a key"),
    Known("describe_nodegroup*", "/nodegroup/resources/remoteAccessSecurityGroup", "moto invents a group"),
    Known("describe_nodegroup*", "/nodegroup/resources/autoScalingGroups/*/name", "moto leaves the node group's name out"),
    Known("describe_nodegroup*", "/nodegroup/taints", "moto sends it empty"),
    Known("describe_nodegroup*", "/nodegroup/updateConfig/maxUnavailable", "moto leaves it out"),
    Known("describe_nodegroup resized", "/nodegroup/status", "moto's updates are done at once"),
    Known("update_nodegroup_config", "/update/status", "moto's updates are done at once"),
    Known("update_nodegroup_config", "/update/params/*", "moto writes one parameter of a type that the service does not have"),
    Known("describe_file_systems", "/FileSystems/*/CreationToken", "chosen by the client that creates it"),
    Known("describe_file_systems", "/FileSystems/*/FileSystemProtection/*", "moto leaves it out"),
    Known("describe_file_systems", "/FileSystems/*/SizeInBytes/*", "an empty file system has 6 KiB; moto's has none, measured at a moment"),
    Known("describe_mount_target_security_groups", "/SecurityGroups/*", "moto gives no default group"),
]


def furnish(address: str) -> str:
    """Gives moto what the world has at its start; returns the file system's id."""
    clients = Clients(address)
    ec2, elb = clients.boto("ec2"), clients.boto("elbv2")
    found = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-east-1a", "us-east-1b"]}])["Subnets"]
    subnets = [subnet["SubnetId"] for subnet in sorted(found, key=lambda subnet: subnet["AvailabilityZone"])]
    (target,) = elb.create_target_group(Name="orders", Protocol="HTTP", Port=80, VpcId=found[0]["VpcId"])["TargetGroups"]
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    template = {"ImageId": image, "InstanceType": "t3.medium"}
    ec2.create_launch_template(LaunchTemplateName="orders", LaunchTemplateData=template)
    clients.boto("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="orders",
        LaunchTemplate={"LaunchTemplateName": "orders", "Version": "1"},
        MinSize=1,
        MaxSize=4,
        DesiredCapacity=1,
        VPCZoneIdentifier=",".join(subnets),
        TargetGroupARNs=[target["TargetGroupArn"]],
        TerminationPolicies=["NewestInstance"],
    )
    eks = clients.boto("eks")
    eks.create_cluster(
        name="shop", version="1.34", roleArn="arn:aws:iam::111122223333:role/shop-cluster", resourcesVpcConfig={"subnetIds": subnets}
    )
    eks.create_nodegroup(
        clusterName="shop",
        nodegroupName="web",
        scalingConfig={"minSize": 1, "maxSize": 4, "desiredSize": 1},
        subnets=subnets,
        nodeRole="arn:aws:iam::111122223333:role/shop-node",
        amiType="AL2023_x86_64_STANDARD",
        version="1.34",
    )
    efs = clients.boto("efs")
    tags = [{"Key": "Name", "Value": "queues"}]
    system = efs.create_file_system(CreationToken="queues", Tags=tags, ThroughputMode="elastic")["FileSystemId"]
    for subnet in subnets:
        efs.create_mount_target(FileSystemId=system, SubnetId=subnet)
    return system


@pytest.fixture
def both(moto_address, elastic):
    """The named answers of moto and of the simulation."""
    theirs = Sequence(Clients(moto_address), "orders", "shop", "web", furnish(moto_address)).run()
    ours = Sequence(elastic.clients, "orders", "shop", "web", "fs-0a000000000000001").run()
    assert [name for name, _ in theirs] == [name for name, _ in ours], "the same calls were made"
    return [(name, moto, simulated) for (name, moto), (_, simulated) in zip(theirs, ours, strict=True)]


def test_the_same_calls_get_the_same_answers(both):
    used: set[Known] = set()
    unknown = []
    for name, moto, simulated in both:
        for path, (theirs, ours) in differences(moto, simulated).items():
            why = [entry for entry in KNOWN if matches(name, entry.call) and matches(path, entry.path)]
            used.update(why)
            if not why:
                unknown.append(f"{name}: {path}: moto {theirs!r}, simulation {ours!r}")
    assert not unknown, f"{len(unknown)} differences that nobody knows:\n" + "\n".join(unknown)
    stale = [f"{entry.call}: {entry.path}" for entry in KNOWN if entry not in used]
    assert not stale, "differences that are listed and are none:\n" + "\n".join(stale)


def test_the_sequence_is_not_all_refusals(both):
    """Guards the comparison itself: two clouds that refuse everything agree, too."""
    answered = [name for name, _, simulated in both if simulated["HTTP"] == 200]
    assert len(answered) > len(both) / 2, answered
