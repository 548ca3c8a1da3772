"""boto3 drives the simulated cloud: every service that the worlds of runbooks/ have, as an operator's own scripts would.

What the AWS CLI sends differs in places; test_aws_cli.py has its half.
"""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from clients import error_of, until


def world_time(response: dict) -> datetime:
    """The moment in the world at which a response was sent."""
    return parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])


# ---- STS


def test_caller_identity_in_every_region(region_failover):
    for region in region_failover.aws["regions"]:
        identity = region_failover.clients.boto("sts", region).get_caller_identity()
        assert identity["Account"] == region_failover.account
        assert identity["Arn"].startswith("arn:aws:")
        assert identity["UserId"]


# ---- Global Accelerator


class Accelerator:
    """The world's one accelerator, found as somebody who does not know its ids finds it."""

    def __init__(self, world):
        self.client = world.clients.boto("globalaccelerator")
        (self.accelerator,) = self.client.list_accelerators()["Accelerators"]
        self.arn = self.accelerator["AcceleratorArn"]
        (listener,) = self.client.list_listeners(AcceleratorArn=self.arn)["Listeners"]
        self.groups = {
            group["EndpointGroupRegion"]: group["EndpointGroupArn"]
            for group in self.client.list_endpoint_groups(ListenerArn=listener["ListenerArn"])["EndpointGroups"]
        }

    def group(self, region: str) -> dict:
        return self.client.describe_endpoint_group(EndpointGroupArn=self.groups[region])["EndpointGroup"]

    def status(self) -> str:
        return self.client.describe_accelerator(AcceleratorArn=self.arn)["Accelerator"]["Status"]

    def update(self, region: str, **change) -> dict:
        answer = self.client.update_endpoint_group(EndpointGroupArn=self.groups[region], **change)
        return answer["EndpointGroup"]

    def wait_until_deployed(self) -> None:
        # Right after a change the status may still tell of the state before it.
        until(lambda: self.status() == "IN_PROGRESS")
        until(lambda: self.status() == "DEPLOYED")


def test_a_dial_goes_to_zero_and_back(region_failover):
    accelerator = Accelerator(region_failover)
    assert accelerator.accelerator["Status"] == "DEPLOYED"
    assert accelerator.accelerator["Enabled"] is True
    assert accelerator.group("us-east-1")["TrafficDialPercentage"] == 100.0
    endpoints = accelerator.group("us-east-1")["EndpointDescriptions"]
    for dial in (0, 100):
        assert accelerator.update("us-east-1", TrafficDialPercentage=dial)["TrafficDialPercentage"] == dial
        accelerator.wait_until_deployed()
        group = accelerator.group("us-east-1")
        assert group["TrafficDialPercentage"] == dial
        assert group["EndpointDescriptions"] == endpoints, "a change of the dial alone leaves the endpoints alone"


def test_weights_are_replaced_as_a_whole(region_failover):
    accelerator = Accelerator(region_failover)
    (endpoint,) = accelerator.group("us-east-1")["EndpointDescriptions"]
    assert endpoint["Weight"] == 128
    endpoint_id = endpoint["EndpointId"]
    for configuration, expected in [({"Weight": 0}, [0]), ({}, [128]), (None, [])]:
        sent = [] if configuration is None else [{"EndpointId": endpoint_id} | configuration]
        accelerator.update("us-east-1", EndpointConfigurations=sent)
        accelerator.wait_until_deployed()
        group = accelerator.group("us-east-1")
        assert [known["Weight"] for known in group["EndpointDescriptions"]] == expected
        assert group["TrafficDialPercentage"] == 100.0


def test_what_global_accelerator_refuses(region_failover):
    accelerator = Accelerator(region_failover)
    client = accelerator.client
    arn = accelerator.groups["us-east-1"]
    # boto3 knows the lower bound of a dial itself, and does not send what lies below it.
    code, _ = error_of(client.update_endpoint_group, EndpointGroupArn=arn, TrafficDialPercentage=100.5)
    assert code == "InvalidArgumentException"
    code, _ = error_of(client.describe_endpoint_group, EndpointGroupArn=arn + "0")
    assert code == "EndpointGroupNotFoundException"
    code, _ = error_of(client.describe_accelerator, AcceleratorArn=accelerator.arn + "0")
    assert code == "AcceleratorNotFoundException"


# ---- RDS


class GlobalCluster:
    """The world's global cluster, seen from any region."""

    def __init__(self, world):
        self.clients = world.clients
        ((self.identifier, document),) = world.aws["global_clusters"].items()
        self.regions = {member["cluster"]: member["region"] for member in document["members"]}
        self.writer = document["writer"]
        (self.standby,) = self.regions.keys() - {self.writer}

    def arn(self, cluster: str) -> str:
        rds = self.clients.boto("rds", self.regions[cluster])
        return rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]["DBClusterArn"]

    def describe(self, region: str) -> dict:
        rds = self.clients.boto("rds", region)
        (cluster,) = rds.describe_global_clusters(GlobalClusterIdentifier=self.identifier)["GlobalClusters"]
        return cluster

    def writers(self, region: str) -> list[str]:
        members = self.describe(region)["GlobalClusterMembers"]
        return [member["DBClusterArn"].rsplit(":", 1)[1] for member in members if member["IsWriter"]]

    def switch_over(self, source: str, target: str) -> dict:
        rds = self.clients.boto("rds", self.regions[source])
        answer = rds.switchover_global_cluster(
            GlobalClusterIdentifier=self.identifier, TargetDbClusterIdentifier=self.arn(target)
        )
        return answer["GlobalCluster"]

    def settled_on(self, target: str) -> bool:
        now = self.describe(self.regions[target])
        return now["Status"] == "available" and "FailoverState" not in now and self.writers(self.regions[target]) == [target]


def test_both_regions_tell_the_same_of_the_global_cluster(region_failover):
    cluster = GlobalCluster(region_failover)
    seen = [cluster.describe(region) for region in cluster.regions.values()]
    assert seen[0] == seen[1]
    assert seen[0]["Status"] == "available"
    assert len(seen[0]["GlobalClusterMembers"]) == 2
    assert cluster.writers("us-east-1") == [cluster.writer]


def test_a_switchover_and_the_one_back(region_failover):
    cluster = GlobalCluster(region_failover)
    for source, target in [(cluster.writer, cluster.standby), (cluster.standby, cluster.writer)]:
        answer = cluster.switch_over(source, target)
        assert answer["FailoverState"]["Status"] in ("pending", "switching-over")
        assert answer["FailoverState"]["ToDbClusterArn"] == cluster.arn(target)
        assert answer["FailoverState"]["IsDataLossAllowed"] is False
        until(lambda target=target: cluster.settled_on(target))
        rds = cluster.clients.boto("rds", cluster.regions[target])
        rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier=target, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        (described,) = rds.describe_db_clusters(DBClusterIdentifier=target)["DBClusters"]
        assert [member["IsClusterWriter"] for member in described["DBClusterMembers"]].count(True) == 1
        for instance in rds.describe_db_instances()["DBInstances"]:
            assert instance["DBInstanceStatus"] == "available"


def test_what_rds_refuses(region_failover):
    cluster = GlobalCluster(region_failover)
    primary = cluster.clients.boto("rds", cluster.regions[cluster.writer])
    secondary = cluster.clients.boto("rds", cluster.regions[cluster.standby])
    target = cluster.arn(cluster.standby)
    names = {"GlobalClusterIdentifier": cluster.identifier, "TargetDbClusterIdentifier": target}
    assert error_of(primary.describe_global_clusters, GlobalClusterIdentifier="nothing") == ("GlobalClusterNotFoundFault", 404)
    assert error_of(primary.describe_db_clusters, DBClusterIdentifier="nothing") == ("DBClusterNotFoundFault", 404)
    error_of(secondary.switchover_global_cluster, **names)
    both = names | {"AllowDataLoss": True, "Switchover": True}
    assert error_of(secondary.failover_global_cluster, **both)[0] == "InvalidParameterCombination"
    assert cluster.writers("us-east-1") == [cluster.writer], "a refused call changes nothing"
    primary.switchover_global_cluster(**names)
    assert error_of(primary.switchover_global_cluster, **names) == ("InvalidGlobalClusterStateFault", 400)


# ---- CloudWatch


def test_the_replication_lag_is_told_where_the_standby_is(region_failover):
    cluster = GlobalCluster(region_failover)
    cloudwatch = region_failover.clients.boto("cloudwatch", cluster.regions[cluster.standby])
    listed = cloudwatch.list_metrics(Namespace="AWS/RDS", MetricName="AuroraGlobalDBRPOLag")
    dimensions = [metric["Dimensions"] for metric in listed["Metrics"]]
    assert dimensions, "the secondary region has the series"
    for one in dimensions:
        assert {"Name": "DBClusterIdentifier", "Value": cluster.standby} in one
    now = world_time(listed)
    metric = {"Namespace": "AWS/RDS", "MetricName": "AuroraGlobalDBRPOLag", "Dimensions": dimensions[0]}
    # The world is a minute old when it has its first sample.
    def samples() -> dict | None:
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=[
                {"Id": "lag", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum", "Unit": "Milliseconds"}}
            ],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=10),
            ScanBy="TimestampDescending",
        )
        (result,) = answer["MetricDataResults"]
        return result if result["Values"] else None

    result = until(samples)
    assert result["Id"] == "lag"
    assert result["StatusCode"] == "Complete"
    assert all(0 < value < 30_000 for value in result["Values"]), "a lag of 700 ms, in milliseconds"
    assert result["Timestamps"] == sorted(result["Timestamps"], reverse=True)

    statistics = cloudwatch.get_metric_statistics(
        **metric, StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=10), Period=60, Statistics=["Maximum"]
    )
    assert statistics["Label"] == "AuroraGlobalDBRPOLag"
    assert {point["Unit"] for point in statistics["Datapoints"]} == {"Milliseconds"}


def test_the_primary_region_has_no_lag(region_failover):
    cluster = GlobalCluster(region_failover)
    cloudwatch = region_failover.clients.boto("cloudwatch", cluster.regions[cluster.writer])
    assert cloudwatch.list_metrics(Namespace="AWS/RDS", MetricName="AuroraGlobalDBRPOLag")["Metrics"] == []


# ---- Elastic Load Balancing


def test_a_target_drains_and_comes_back(region_failover):
    elb = region_failover.clients.boto("elbv2", "us-east-1")
    (group,) = elb.describe_target_groups(Names=["orders-r1"])["TargetGroups"]
    arn = group["TargetGroupArn"]
    assert group["LoadBalancerArns"] == [elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]]
    targets = [{"Id": target["Target"]["Id"]} for target in elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]]
    assert len(targets) == 4, "two servers, and two of the scaling group"
    quickly = {"Delay": 1, "MaxAttempts": 30}
    elb.get_waiter("target_in_service").wait(TargetGroupArn=arn, Targets=targets, WaiterConfig=quickly)

    elb.deregister_targets(TargetGroupArn=arn, Targets=targets[:1])
    (health,) = elb.describe_target_health(TargetGroupArn=arn, Targets=targets[:1])["TargetHealthDescriptions"]
    assert health["TargetHealth"]["State"] == "draining"
    assert health["TargetHealth"]["Reason"] == "Target.DeregistrationInProgress"
    elb.get_waiter("target_deregistered").wait(TargetGroupArn=arn, Targets=targets[:1], WaiterConfig=quickly)

    elb.register_targets(TargetGroupArn=arn, Targets=targets[:1])
    (health,) = elb.describe_target_health(TargetGroupArn=arn, Targets=targets[:1])["TargetHealthDescriptions"]
    assert health["TargetHealth"]["State"] == "initial"
    elb.get_waiter("target_in_service").wait(TargetGroupArn=arn, Targets=targets, WaiterConfig=quickly)


# ---- EC2


class Overlay:
    """The overlay address of the world: its tables and where they send it."""

    def __init__(self, world):
        self.ec2 = world.clients.boto("ec2", "us-east-1")
        self.destination = world.document["pings"]["client"]["to"] + "/32"
        self.table, self.other_table = sorted(table["RouteTableId"] for table in self.tables())

    def tables(self) -> list[dict]:
        by_route = [{"Name": "route.destination-cidr-block", "Values": [self.destination]}]
        return self.ec2.describe_route_tables(Filters=by_route)["RouteTables"]

    def route(self, table: str | None = None) -> dict:
        (described,) = self.ec2.describe_route_tables(RouteTableIds=[table or self.table])["RouteTables"]
        (route,) = [route for route in described["Routes"] if route.get("DestinationCidrBlock") == self.destination]
        return route

    def names(self, **more) -> dict:
        return {"RouteTableId": self.table, "DestinationCidrBlock": self.destination} | more


def test_a_route_is_replaced(overlay_vip):
    overlay = Overlay(overlay_vip)
    before = overlay.route()
    assert before["NetworkInterfaceId"] == "eni-0a000000000000001"
    assert before["InstanceId"] == "i-0a000000000000001", "a route to an interface tells the instance too"
    assert before["Origin"] == "CreateRoute"
    overlay.ec2.replace_route(**overlay.names(NetworkInterfaceId="eni-0b000000000000001"))
    until(lambda: overlay.route()["NetworkInterfaceId"] == "eni-0b000000000000001")
    assert overlay.route()["State"] == "active"
    assert overlay.route(overlay.other_table)["NetworkInterfaceId"] == "eni-0a000000000000001"


def test_a_dry_run_changes_nothing(overlay_vip):
    overlay = Overlay(overlay_vip)
    before = overlay.route()
    names = overlay.names(NetworkInterfaceId="eni-0b000000000000001")
    assert error_of(overlay.ec2.replace_route, **names, DryRun=True) == ("DryRunOperation", 412)
    assert overlay.route() == before


def test_what_ec2_refuses(overlay_vip):
    overlay = Overlay(overlay_vip)
    ec2, to_b = overlay.ec2, {"NetworkInterfaceId": "eni-0b000000000000001"}
    absent = overlay.names(DestinationCidrBlock="192.168.99.9/32")
    assert error_of(ec2.replace_route, **absent, **to_b)[0] in ("InvalidParameterValue", "InvalidRoute.NotFound")
    assert error_of(ec2.delete_route, **absent) == ("InvalidRoute.NotFound", 400)
    assert error_of(ec2.create_route, **overlay.names(**to_b)) == ("RouteAlreadyExists", 400)
    missing = overlay.names(NetworkInterfaceId="eni-0123456789abcdef0")
    assert error_of(ec2.replace_route, **missing) == ("InvalidNetworkInterfaceID.NotFound", 400)
    table = {"RouteTableIds": ["rtb-0123456789abcdef0"]}
    assert error_of(ec2.describe_route_tables, **table) == ("InvalidRouteTableID.NotFound", 400)


def test_a_network_is_built_through_the_api(empty_world):
    ec2 = empty_world.clients.boto("ec2", "us-east-1")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.get_waiter("vpc_available").wait(VpcIds=[vpc], WaiterConfig={"Delay": 1})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet], WaiterConfig={"Delay": 1})
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    interface = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.9.1.9")["NetworkInterface"]
    interface_id = interface["NetworkInterfaceId"]
    assert interface["PrivateIpAddress"] == "10.9.1.9"
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface_id, SourceDestCheck={"Value": False})
    (described,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface_id])["NetworkInterfaces"]
    assert described["SourceDestCheck"] is False
    assert described["SubnetId"] == subnet
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.168.9.9/32", NetworkInterfaceId=interface_id)
    (described,) = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["RouteTables"]
    assert {route["DestinationCidrBlock"] for route in described["Routes"]} == {"10.9.0.0/16", "192.168.9.9/32"}
    assert [one["RouteTableAssociationId"] for one in described["Associations"]] == [association]
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="192.168.9.9/32")
    (described,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert [route["DestinationCidrBlock"] for route in described["Routes"]] == ["10.9.0.0/16"]


def test_regions_are_apart(region_failover):
    """The region is what the request was signed for; the address is the same for all."""
    for region, document in region_failover.aws["regions"].items():
        vpcs = region_failover.clients.boto("ec2", region).describe_vpcs()["Vpcs"]
        assert {vpc["VpcId"] for vpc in vpcs} == set(document["vpcs"])
        clusters = region_failover.clients.boto("rds", region).describe_db_clusters()["DBClusters"]
        assert {cluster["DBClusterIdentifier"] for cluster in clusters} == set(document["db_clusters"])
