"""One sequence of Auto Scaling, EKS and EFS calls, for any cloud that has a group, a node group and a file system.

Contains no expectation: the answers of two clouds are compared with each other.
"""

import re

from answers import Normal

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Names(Normal):
    """As other answers, and every UUID is as good as any other."""

    def _text(self, text: str) -> str:
        return super()._text(UUID.sub("<uuid>", text))


class Sequence:
    """Makes calls and keeps their normalised answers, by name."""

    def __init__(self, clients, group: str, cluster: str, nodegroup: str, file_system: str):
        self.autoscaling = clients.boto("autoscaling")
        self.eks = clients.boto("eks")
        self.efs = clients.boto("efs")
        self.group, self.file_system = group, file_system
        self.nodegroup = {"clusterName": cluster, "nodegroupName": nodegroup}
        self.normal = Names()
        self.answers: list[tuple[str, dict]] = []

    def ask(self, client, operation: str, title: str = "", **arguments) -> dict:
        answer = self.normal.call(getattr(client, operation), arguments)
        self.answers.append((f"{operation} {title}".strip(), answer))
        return answer

    def run(self) -> list[tuple[str, dict]]:
        self.resize_group()
        self.resize_nodegroup()
        self.look_at_storage()
        return self.answers

    def resize_group(self) -> None:
        name, named = {"AutoScalingGroupName": self.group}, {"AutoScalingGroupNames": [self.group]}
        scaling = self.autoscaling
        self.ask(scaling, "describe_auto_scaling_groups", **named)
        self.ask(scaling, "describe_auto_scaling_groups", "unknown", AutoScalingGroupNames=["nothing"])
        self.ask(scaling, "update_auto_scaling_group", **name, MinSize=2, MaxSize=6)
        self.ask(scaling, "describe_auto_scaling_groups", "after a larger minimum", **named, IncludeInstances=False)
        self.ask(scaling, "update_auto_scaling_group", "all three", **name, MinSize=1, MaxSize=4, DesiredCapacity=3)
        self.ask(scaling, "set_desired_capacity", **name, DesiredCapacity=2)
        self.ask(scaling, "describe_auto_scaling_groups", "resized", **named, IncludeInstances=False)
        self.ask(scaling, "update_auto_scaling_group", "unknown", AutoScalingGroupName="nothing", MinSize=1)
        self.ask(scaling, "suspend_processes", **name, ScalingProcesses=["Launch"])
        self.ask(scaling, "describe_auto_scaling_groups", "suspended", **named, IncludeInstances=False)
        self.ask(scaling, "resume_processes", **name, ScalingProcesses=["Launch"])
        self.ask(scaling, "set_desired_capacity", "beyond", **name, DesiredCapacity=9)
        self.ask(scaling, "update_auto_scaling_group", "contradiction", **name, MinSize=5, MaxSize=2)

    def resize_nodegroup(self) -> None:
        eks, cluster = self.eks, self.nodegroup["clusterName"]
        self.ask(eks, "list_clusters")
        self.ask(eks, "describe_cluster", name=cluster)
        self.ask(eks, "list_nodegroups", clusterName=cluster)
        self.ask(eks, "describe_nodegroup", **self.nodegroup)
        sizes = {"minSize": 1, "maxSize": 4, "desiredSize": 2}
        self.ask(eks, "update_nodegroup_config", **self.nodegroup, scalingConfig=sizes)
        self.ask(eks, "describe_nodegroup", "resized", **self.nodegroup)
        unknown = self.nodegroup | {"nodegroupName": "nothing"}
        self.ask(eks, "describe_cluster", "unknown", name="nothing")
        self.ask(eks, "describe_nodegroup", "unknown", **unknown)
        self.ask(eks, "update_nodegroup_config", "unknown", **unknown, scalingConfig=sizes)

    def look_at_storage(self) -> None:
        efs, system = self.efs, {"FileSystemId": self.file_system}
        self.ask(efs, "describe_file_systems", **system)
        self.ask(efs, "describe_mount_targets", **system)
        target, *_ = efs.describe_mount_targets(**system)["MountTargets"]
        one = {"MountTargetId": target["MountTargetId"]}
        self.ask(efs, "describe_mount_targets", "one", **one)
        self.ask(efs, "describe_mount_target_security_groups", **one)
        self.ask(efs, "describe_file_systems", "unknown", FileSystemId="fs-0123456789abcdef0")
        self.ask(efs, "describe_mount_targets", "unknown", FileSystemId="fs-0123456789abcdef0")
        self.ask(efs, "describe_mount_targets", "unknown target", MountTargetId="fsmt-0123456789abcdef0")
        self.ask(efs, "describe_mount_targets", "of nothing")
        self.ask(efs, "describe_mount_target_security_groups", "unknown", MountTargetId="fsmt-0123456789abcdef0")
