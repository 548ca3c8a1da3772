"""One sequence of EC2 and Elastic Load Balancing calls, for any cloud: a network is built, looked at, changed and misused.

Contains no expectation: the answers of two clouds are compared with each other.
"""

import contextlib

from botocore.exceptions import ClientError

OVERLAY = "192.168.10.10/32"


class Sequence:
    """Makes calls and remembers what the later ones need of their answers."""

    def __init__(self, clients, normal):
        self.ec2 = clients.boto("ec2")
        self.elb = clients.boto("elbv2")
        self.normal = normal
        self.answers: list[tuple[str, dict]] = []

    def ask(self, client, operation: str, title: str = "", **arguments) -> dict:
        """Makes one call, keeps its normalised answer under its name and number, and returns the raw one (empty on refusal)."""
        raw: dict = {}

        def call(**arguments):
            raw.update(getattr(client, operation)(**arguments))
            return raw

        normal = self.normal.call(call, arguments)
        self.answers.append((f"{operation} {title}".strip(), normal))
        return raw

    def run(self) -> list[tuple[str, dict]]:
        network = self.build_network()
        self.change_routes(network)
        self.misuse_routes(network)
        self.run_instances(network)
        self.balance_load(network)
        self.tear_down(network)
        return self.answers

    def build_network(self) -> dict:
        ec2, ask = self.ec2, self.ask
        n: dict = {}
        n["vpc"] = ask(ec2, "create_vpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ask(ec2, "describe_vpcs", VpcIds=[n["vpc"]])
        in_vpc = [{"Name": "vpc-id", "Values": [n["vpc"]]}]
        ask(ec2, "describe_route_tables", "main", Filters=in_vpc)
        ask(ec2, "describe_security_groups", "default", Filters=in_vpc)
        for name, zone, cidr in [("a", "us-east-1a", "10.0.1.0/24"), ("b", "us-east-1b", "10.0.2.0/24")]:
            subnet = ask(ec2, "create_subnet", name, VpcId=n["vpc"], AvailabilityZone=zone, CidrBlock=cidr)
            n[f"subnet_{name}"] = subnet["Subnet"]["SubnetId"]
        ask(ec2, "create_subnet", "overlapping", VpcId=n["vpc"], CidrBlock="10.0.1.0/25")
        ask(ec2, "create_subnet", "outside", VpcId=n["vpc"], CidrBlock="10.9.0.0/24")
        ask(ec2, "describe_subnets", Filters=in_vpc)
        n["gateway"] = ask(ec2, "create_internet_gateway")["InternetGateway"]["InternetGatewayId"]
        ask(ec2, "attach_internet_gateway", InternetGatewayId=n["gateway"], VpcId=n["vpc"])
        ask(ec2, "describe_internet_gateways", InternetGatewayIds=[n["gateway"]])
        n["table"] = ask(ec2, "create_route_table", VpcId=n["vpc"])["RouteTable"]["RouteTableId"]
        n["association"] = ask(ec2, "associate_route_table", RouteTableId=n["table"], SubnetId=n["subnet_a"])["AssociationId"]
        for name, address in [("a", "10.0.1.10"), ("b", "10.0.2.10")]:
            interface = ask(
                ec2, "create_network_interface", name, SubnetId=n[f"subnet_{name}"], PrivateIpAddress=address
            )
            n[f"interface_{name}"] = interface["NetworkInterface"]["NetworkInterfaceId"]
        ask(ec2, "describe_network_interfaces", NetworkInterfaceIds=[n["interface_a"], n["interface_b"]])
        ask(
            ec2, "modify_network_interface_attribute",
            NetworkInterfaceId=n["interface_a"], SourceDestCheck={"Value": False},
        )  # fmt: skip
        ask(
            ec2, "describe_network_interface_attribute",
            NetworkInterfaceId=n["interface_a"], Attribute="sourceDestCheck",
        )  # fmt: skip
        ask(ec2, "create_tags", Resources=[n["vpc"], n["table"]], Tags=[{"Key": "Name", "Value": "orders"}])
        ask(ec2, "describe_route_tables", "by tag", Filters=[{"Name": "tag:Name", "Values": ["orders"]}])
        ask(ec2, "delete_tags", Resources=[n["table"]], Tags=[{"Key": "Name"}])
        return n

    def look(self, n: dict, title: str) -> None:
        self.ask(self.ec2, "describe_route_tables", title, RouteTableIds=[n["table"]])

    def change_routes(self, n: dict) -> None:
        ec2, ask = self.ec2, self.ask
        route = {"RouteTableId": n["table"], "DestinationCidrBlock": OVERLAY}
        ask(ec2, "create_route", "internet", RouteTableId=n["table"], DestinationCidrBlock="0.0.0.0/0", GatewayId=n["gateway"])
        ask(ec2, "create_route", "overlay", **route, NetworkInterfaceId=n["interface_a"])
        self.look(n, "created")
        ask(ec2, "replace_route", "overlay", **route, NetworkInterfaceId=n["interface_b"])
        self.look(n, "replaced")
        by_route = [{"Name": "route.destination-cidr-block", "Values": [OVERLAY]}]
        ask(ec2, "describe_route_tables", "by destination", Filters=by_route)
        by_subnet = [{"Name": "association.subnet-id", "Values": [n["subnet_a"]]}]
        ask(ec2, "describe_route_tables", "by subnet", Filters=by_subnet)
        ask(ec2, "delete_route", "overlay", **route)
        self.look(n, "deleted")
        ask(ec2, "create_route", "overlay again", **route, NetworkInterfaceId=n["interface_a"])

    def misuse_routes(self, n: dict) -> None:
        ec2, ask = self.ec2, self.ask
        route = {"RouteTableId": n["table"], "DestinationCidrBlock": OVERLAY}
        absent = {"RouteTableId": n["table"], "DestinationCidrBlock": "192.168.99.9/32"}
        nowhere = {"NetworkInterfaceId": "eni-0123456789abcdef0"}
        ask(ec2, "replace_route", "absent", **absent, NetworkInterfaceId=n["interface_a"])
        ask(ec2, "delete_route", "absent", **absent)
        ask(ec2, "replace_route", "to nowhere", **route, **nowhere)
        ask(ec2, "create_route", "to nowhere", **absent, **nowhere)
        ask(ec2, "describe_route_tables", "missing", RouteTableIds=["rtb-0123456789abcdef0"])
        ask(ec2, "describe_vpcs", "missing", VpcIds=["vpc-0123456789abcdef0"])
        ask(ec2, "describe_subnets", "missing", SubnetIds=["subnet-0123456789abcdef0"])
        ask(ec2, "describe_network_interfaces", "missing", NetworkInterfaceIds=["eni-0123456789abcdef0"])
        ask(ec2, "describe_instances", "missing", InstanceIds=["i-0123456789abcdef0"])
        ask(ec2, "create_subnet", "in a missing network", VpcId="vpc-0123456789abcdef0", CidrBlock="10.0.5.0/24")
        self.look(n, "after all refusals")
        # Where one cloud wrongly accepts a call, what it did is looked at and then put right, so that what follows starts equal.
        ask(ec2, "create_route", "malformed", **(absent | {"DestinationCidrBlock": "nonsense"}), NetworkInterfaceId=n["interface_a"])
        self.put_right(ec2.delete_route, RouteTableId=n["table"], DestinationCidrBlock="nonsense")
        ask(ec2, "create_route", "different target", **route, NetworkInterfaceId=n["interface_b"])
        self.look(n, "after a second create")
        self.put_right(ec2.replace_route, **route, NetworkInterfaceId=n["interface_a"])
        ask(ec2, "replace_route", "dry run", **route, NetworkInterfaceId=n["interface_b"], DryRun=True)
        self.look(n, "after a dry run")
        self.put_right(ec2.replace_route, **route, NetworkInterfaceId=n["interface_a"])
        ask(ec2, "create_route", "inside the network", **(absent | {"DestinationCidrBlock": "10.0.1.77/32"}), NetworkInterfaceId=n["interface_a"])
        self.put_right(ec2.delete_route, RouteTableId=n["table"], DestinationCidrBlock="10.0.1.77/32")
        twin = ask(ec2, "create_network_interface", "same address", SubnetId=n["subnet_a"], PrivateIpAddress="10.0.1.10")
        if twin:
            self.put_right(ec2.delete_network_interface, NetworkInterfaceId=twin["NetworkInterface"]["NetworkInterfaceId"])
        self.look(n, "put right")
        ask(ec2, "describe_vpcs", "dry run", DryRun=True)

    def put_right(self, call, **arguments) -> None:
        with contextlib.suppress(ClientError):
            call(**arguments)

    def run_instances(self, n: dict) -> None:
        ec2, ask = self.ec2, self.ask
        launched = ask(
            ec2, "run_instances", ImageId="ami-12c6146b", InstanceType="t3.micro", MinCount=1, MaxCount=1,
            NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": n["interface_a"]}],
        )  # fmt: skip
        if not launched:
            return
        n["instance"] = launched["Instances"][0]["InstanceId"]
        ec2.get_waiter("instance_running").wait(InstanceIds=[n["instance"]], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        ask(ec2, "describe_instances", InstanceIds=[n["instance"]])
        ask(ec2, "describe_instance_status", InstanceIds=[n["instance"]])
        ask(ec2, "describe_network_interfaces", "attached", NetworkInterfaceIds=[n["interface_a"]])
        self.look(n, "through an instance's interface")
        ask(ec2, "stop_instances", "dry run", InstanceIds=[n["instance"]], DryRun=True)

    def balance_load(self, n: dict) -> None:
        elb, ask = self.elb, self.ask
        group = ask(
            elb, "create_target_group", Name="orders", Protocol="HTTP", Port=8080, VpcId=n["vpc"], TargetType="instance",
            HealthCheckPath="/healthz", HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2, UnhealthyThresholdCount=2,
        )  # fmt: skip
        arn = group["TargetGroups"][0]["TargetGroupArn"]
        ask(elb, "describe_target_groups", "by name", Names=["orders"])
        ask(elb, "describe_target_groups", "missing", Names=["nothing"])
        missing = arn.replace("targetgroup/orders", "targetgroup/nothing")
        ask(elb, "describe_target_health", "of a missing group", TargetGroupArn=missing)
        ask(elb, "describe_target_group_attributes", TargetGroupArn=arn)
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}]
        ask(elb, "modify_target_group_attributes", TargetGroupArn=arn, Attributes=delay)
        balancer = ask(elb, "create_load_balancer", Name="orders", Subnets=[n["subnet_a"], n["subnet_b"]])
        n["balancer"] = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[n["balancer"]], WaiterConfig={"Delay": 1})
        ask(elb, "describe_load_balancers", "by name", Names=["orders"])
        ask(elb, "describe_load_balancers", "missing", Names=["nothing"])
        forward = [{"Type": "forward", "TargetGroupArn": arn}]
        listener = ask(elb, "create_listener", LoadBalancerArn=n["balancer"], Protocol="HTTP", Port=80, DefaultActions=forward)
        n["listener"] = listener["Listeners"][0]["ListenerArn"]
        ask(elb, "describe_listeners", LoadBalancerArn=n["balancer"])
        ask(elb, "describe_rules", ListenerArn=n["listener"])
        ask(elb, "describe_target_groups", "in use", TargetGroupArns=[arn])
        n["group"] = arn
        if "instance" not in n:
            return
        targets = [{"Id": n["instance"]}]
        ask(elb, "register_targets", TargetGroupArn=arn, Targets=targets)
        ask(elb, "register_targets", "again", TargetGroupArn=arn, Targets=targets)
        ask(elb, "describe_target_health", "registered", TargetGroupArn=arn)
        ask(elb, "register_targets", "missing", TargetGroupArn=arn, Targets=[{"Id": "i-0123456789abcdef0"}])
        ask(elb, "deregister_targets", TargetGroupArn=arn, Targets=targets)
        ask(elb, "describe_target_health", "draining", TargetGroupArn=arn, Targets=targets)
        ask(elb, "deregister_targets", "again", TargetGroupArn=arn, Targets=targets)

    def tear_down(self, n: dict) -> None:
        ec2, elb, ask = self.ec2, self.elb, self.ask
        ask(elb, "delete_target_group", "in use", TargetGroupArn=n["group"])
        ask(elb, "delete_listener", ListenerArn=n["listener"])
        ask(elb, "delete_load_balancer", LoadBalancerArn=n["balancer"])
        ask(elb, "delete_target_group", TargetGroupArn=n["group"])
        ask(elb, "describe_target_groups", "deleted", TargetGroupArns=[n["group"]])
        ask(ec2, "delete_route_table", "in use", RouteTableId=n["table"])
        ask(ec2, "disassociate_route_table", AssociationId=n["association"])
        ask(ec2, "delete_route_table", RouteTableId=n["table"])
        ask(ec2, "delete_network_interface", NetworkInterfaceId=n["interface_b"])
        ask(ec2, "delete_subnet", "b", SubnetId=n["subnet_b"])
        ask(ec2, "delete_vpc", "in use", VpcId=n["vpc"])
