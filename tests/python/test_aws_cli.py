"""The AWS CLI drives the simulated cloud, as an operator does by hand. test_official_clients.py goes into the details."""

import pytest
from clients import CliError, until


def test_who_am_i(region_failover):
    identity = region_failover.clients.cli("sts", "get-caller-identity", region="eu-west-1")
    assert identity["Account"] == region_failover.account


def test_global_accelerator(region_failover):
    aws = region_failover.clients.cli
    (accelerator,) = aws("globalaccelerator", "list-accelerators")["Accelerators"]
    named = ("--accelerator-arn", accelerator["AcceleratorArn"])
    (listener,) = aws("globalaccelerator", "list-listeners", *named)["Listeners"]
    groups = aws("globalaccelerator", "list-endpoint-groups", "--listener-arn", listener["ListenerArn"])["EndpointGroups"]
    arn = next(group["EndpointGroupArn"] for group in groups if group["EndpointGroupRegion"] == "us-east-1")
    for dial in ("0", "100"):
        aws("globalaccelerator", "update-endpoint-group", "--endpoint-group-arn", arn, "--traffic-dial-percentage", dial)
        until(lambda: aws("globalaccelerator", "describe-accelerator", *named)["Accelerator"]["Status"] == "DEPLOYED")
        group = aws("globalaccelerator", "describe-endpoint-group", "--endpoint-group-arn", arn)["EndpointGroup"]
        assert group["TrafficDialPercentage"] == float(dial)


def test_aurora(region_failover):
    aws = region_failover.clients.cli
    (cluster,) = aws("rds", "describe-global-clusters")["GlobalClusters"]
    target = next(member["DBClusterArn"] for member in cluster["GlobalClusterMembers"] if not member["IsWriter"])
    name = cluster["GlobalClusterIdentifier"]
    switch = ("--global-cluster-identifier", name, "--target-db-cluster-identifier", target)
    aws("rds", "switchover-global-cluster", *switch)

    def settled() -> bool:
        (now,) = aws("rds", "describe-global-clusters", "--global-cluster-identifier", name)["GlobalClusters"]
        return [member["DBClusterArn"] for member in now["GlobalClusterMembers"] if member["IsWriter"]] == [target]

    until(settled)
    aws("rds", "wait", "db-cluster-available", "--db-cluster-identifier", target.rsplit(":", 1)[1], region="eu-west-1")


def test_cloudwatch(region_failover):
    aws = region_failover.clients.cli
    listed = aws("cloudwatch", "list-metrics", "--metric-name", "AuroraGlobalDBRPOLag", region="eu-west-1")["Metrics"]
    assert listed
    dimensions = ",".join(f"{{Name={one['Name']},Value={one['Value']}}}" for one in listed[0]["Dimensions"])
    metric = f"{{Namespace=AWS/RDS,MetricName=AuroraGlobalDBRPOLag,Dimensions=[{dimensions}]}}"
    query = f"Id=lag,MetricStat={{Metric={metric},Period=60,Stat=Maximum}}"
    start = region_failover.document["start"]
    window = ("--start-time", start.isoformat(), "--end-time", start.replace(hour=23).isoformat())

    def values() -> list:
        answer = aws("cloudwatch", "get-metric-data", "--metric-data-queries", query, *window, region="eu-west-1")
        return answer["MetricDataResults"][0]["Values"]

    assert all(value > 0 for value in until(values))


def test_target_groups(region_failover):
    aws = region_failover.clients.cli
    (group,) = aws("elbv2", "describe-target-groups")["TargetGroups"]
    arn = ("--target-group-arn", group["TargetGroupArn"])
    health = aws("elbv2", "describe-target-health", *arn)["TargetHealthDescriptions"]
    assert [target["TargetHealth"]["State"] for target in health] == ["healthy"] * 4, "two servers, and two of the scaling group"
    gone = f"Id={health[0]['Target']['Id']}"
    aws("elbv2", "deregister-targets", *arn, "--targets", gone)
    (described,) = aws("elbv2", "describe-target-health", *arn, "--targets", gone)["TargetHealthDescriptions"]
    assert described["TargetHealth"]["State"] in ("draining", "unused")


def test_routes(overlay_vip):
    aws = overlay_vip.clients.cli
    by_route = ("--filters", "Name=route.destination-cidr-block,Values=192.168.10.10/32")
    tables = aws("ec2", "describe-route-tables", *by_route)["RouteTables"]
    assert len(tables) == 2
    route = ("--route-table-id", tables[0]["RouteTableId"], "--destination-cidr-block", "192.168.10.10/32")
    to_b = ("--network-interface-id", "eni-0b000000000000001")
    with pytest.raises(CliError, match="DryRunOperation"):
        aws("ec2", "replace-route", *route, *to_b, "--dry-run")
    with pytest.raises(CliError, match="InvalidNetworkInterfaceID.NotFound"):
        aws("ec2", "replace-route", *route, "--network-interface-id", "eni-0123456789abcdef0")
    aws("ec2", "replace-route", *route, *to_b)
    query = ("--query", "RouteTables[].Routes[?DestinationCidrBlock=='192.168.10.10/32'].NetworkInterfaceId[]")
    described = aws("ec2", "describe-route-tables", "--route-table-ids", tables[0]["RouteTableId"], *query)
    assert described == ["eni-0b000000000000001"] or described == [["eni-0b000000000000001"]]


def test_a_network_is_built(empty_world):
    aws = empty_world.clients.cli
    vpc = aws("ec2", "create-vpc", "--cidr-block", "10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = aws("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", "10.9.1.0/24")["Subnet"]["SubnetId"]
    table = aws("ec2", "create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
    interface = aws("ec2", "create-network-interface", "--subnet-id", subnet)["NetworkInterface"]["NetworkInterfaceId"]
    destination = ("--destination-cidr-block", "192.168.9.9/32", "--network-interface-id", interface)
    assert aws("ec2", "create-route", "--route-table-id", table, *destination)["Return"] is True
