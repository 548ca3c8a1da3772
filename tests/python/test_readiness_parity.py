"""`lifeboat parity` against an AWS that is not ours (moto), and the reads it needs from ours, as boto3 understands them."""

import json

import boto3
import pytest
from clients import KEY, error_of
from processes import lifeboat

REGIONS = {"r1": "us-east-1", "r2": "eu-west-1"}
RUNBOOK = """\
lifeboat: 1
name: two-regions
providers: {{ aws: {{ account: "111122223333" }} }}
sites:
  r1: {{ provider: aws, region: us-east-1, vars: {{ vpc: {r1} }} }}
  r2: {{ provider: aws, region: eu-west-1, vars: {{ vpc: {r2} }} }}
steps:
  - {{ id: wait, uses: wait, with: {{ duration: 1s }} }}
parity:
  - id: network
    uses: aws.ec2.vpc
    with: {{ vpc: "${{{{ site.vpc }}}}", required_tags: {{ owner: orders }} }}
  - id: firewall
    uses: aws.ec2.security_groups
    with: {{ vpc: "${{{{ site.vpc }}}}", groups: [web, database] }}
  - id: web
    uses: aws.elbv2.load_balancer
    with: {{ load_balancer: "web-${{{{ site.id }}}}" }}
  - id: workers
    uses: aws.eks.cluster
    with: {{ cluster: orders }}
  - id: secrets
    uses: aws.secretsmanager.secrets
    with: {{ secrets: [orders/database] }}
  - id: compute
    uses: aws.ec2.instance_types
    with: {{ instance_types: [t3.medium] }}
"""


class TwoRegions:
    """The same system in two regions of moto, and the program that compares them."""

    def __init__(self, address: str, folder):
        self.address = address
        self.folder = folder
        nets = zip(REGIONS.items(), ("10.1", "10.2"))
        self.vpcs = {site: self.build(site, region, net) for (site, region), net in nets}
        secrets = self.boto("secretsmanager", "us-east-1")
        replicas = [{"Region": "eu-west-1"}]
        secrets.create_secret(Name="orders/database", SecretString="never-read", AddReplicaRegions=replicas)
        self.runbook = folder / "runbook.yaml"
        self.runbook.write_text(RUNBOOK.format(**self.vpcs), encoding="utf-8")

    def boto(self, service: str, region: str):
        key = KEY | {"aws_access_key_id": "111122223333"}
        return boto3.client(service, region_name=region, endpoint_url=self.address, **key)

    def build(self, site: str, region: str, net: str) -> str:
        ec2, elb, eks = (self.boto(service, region) for service in ("ec2", "elbv2", "eks"))
        vpc = ec2.create_vpc(CidrBlock=f"{net}.0.0/16")["Vpc"]["VpcId"]
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": "owner", "Value": "orders"}])
        subnets = []
        for number, zone in ((1, "a"), (2, "b")):
            place = {"CidrBlock": f"{net}.{number}.0/24", "AvailabilityZone": f"{region}{zone}"}
            subnets.append(ec2.create_subnet(VpcId=vpc, **place)["Subnet"]["SubnetId"])
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        ec2.create_route(RouteTableId=tables[0]["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        web = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
        database = ec2.create_security_group(GroupName="database", Description="database", VpcId=vpc)["GroupId"]
        https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        inner = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": web}]}
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[https])
        ec2.authorize_security_group_ingress(GroupId=database, IpPermissions=[inner])
        balancer = elb.create_load_balancer(Name=f"web-{site}", Subnets=subnets, SecurityGroups=[web])["LoadBalancers"][0]
        group = elb.create_target_group(Name=f"web-{site}", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
        )  # fmt: skip
        role = "arn:aws:iam::111122223333:role/eks"
        eks.create_cluster(name="orders", version="1.30", roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
        eks.create_nodegroup(
            clusterName="orders", nodegroupName="workers", subnets=subnets, nodeRole=role, instanceTypes=["t3.medium"],
            scalingConfig={"minSize": 1, "maxSize": 4, "desiredSize": 1},
        )  # fmt: skip
        return vpc

    def parity(self, expect: int) -> dict:
        child = lifeboat(
            "parity", self.runbook, "--format", "json", "--state", self.folder / "state",
            AWS_ENDPOINT_URL=self.address, AWS_ACCESS_KEY_ID="111122223333", AWS_SECRET_ACCESS_KEY="example",
        )  # fmt: skip
        text = "".join(child.output)
        assert child.process.returncode == expect, (text, child)
        assert "never-read" not in text + "".join(child.errors)
        found = json.loads(text)
        assert found["unread"] == [], found
        return found


@pytest.fixture
def regions(moto_address, tmp_path):
    return TwoRegions(moto_address, tmp_path)


def pairs(found: dict) -> set[tuple[str, str]]:
    return {(difference["resource"], difference["aspect"]) for difference in found["differences"]}


def test_two_regions_of_moto_are_the_same_until_something_is_changed(regions):
    assert pairs(regions.parity(expect=0)) == set()

    ec2, elb = regions.boto("ec2", "eu-west-1"), regions.boto("elbv2", "eu-west-1")
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [regions.vpcs["r2"]]}])["SecurityGroups"]
    web = next(group["GroupId"] for group in groups if group["GroupName"] == "web")
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.2.1.0/24"}]}
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[ssh])
    ec2.delete_tags(Resources=[regions.vpcs["r2"]], Tags=[{"Key": "owner"}])
    regions.boto("eks", "eu-west-1").update_nodegroup_config(
        clusterName="orders", nodegroupName="workers", scalingConfig={"minSize": 1, "maxSize": 2, "desiredSize": 1}
    )
    balancer = elb.describe_load_balancers(Names=["web-r2"])["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    elb.delete_listener(ListenerArn=listener)
    assert pairs(regions.parity(expect=4)) == {
        ("firewall", "web/in/tcp 22/vpc+0.0.1.0/24"),
        ("network", "tags/owner"),
        ("web", "listeners/80"),
        ("workers", "node groups/workers/maximum"),
    }


def test_no_kind_of_resource_asks_for_the_value_of_a_secret():
    child = lifeboat("kinds", "aws.secretsmanager.secrets")
    page = "".join(child.output)
    assert page.splitlines()[-1].strip() == "secretsmanager:DescribeSecret", page


def test_boto3_reads_what_only_parity_asks_of_the_simulated_cloud(region_failover):
    boto = region_failover.clients.boto
    cache = boto("elasticache", "eu-west-1")
    group = cache.describe_replication_groups(ReplicationGroupId="orders-r2")["ReplicationGroups"][0]
    assert group["GlobalReplicationGroupInfo"]["GlobalReplicationGroupMemberRole"] == "SECONDARY"
    assert len(group["NodeGroups"][0]["NodeGroupMembers"]) == 2
    node = cache.describe_cache_clusters(CacheClusterId=group["MemberClusters"][0])["CacheClusters"][0]
    assert (node["Engine"], node["CacheNodeType"]) == ("valkey", "cache.r7g.large")
    assert error_of(cache.describe_replication_groups, ReplicationGroupId="none") == ("ReplicationGroupNotFoundFault", 404)

    primary, replica = (boto("secretsmanager", region) for region in REGIONS.values())
    described = primary.describe_secret(SecretId="orders/database")
    assert described["ReplicationStatus"] == [{"Region": "eu-west-1", "Status": "InSync"}]
    follower = replica.describe_secret(SecretId="orders/database")
    assert follower["PrimaryRegion"] == "us-east-1"
    assert follower["VersionIdsToStages"] == described["VersionIdsToStages"]
    assert error_of(primary.get_secret_value, SecretId="orders/database")[0] == "AccessDeniedException"
    assert error_of(primary.describe_secret, SecretId="none") == ("ResourceNotFoundException", 400)

    quota = boto("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]
    assert quota["Value"] == 64.0

    elb = boto("elbv2")
    balancer = elb.describe_load_balancers(Names=["orders-r1"])["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    presented = elb.describe_listener_certificates(ListenerArn=listener)["Certificates"]
    certificate = boto("acm").describe_certificate(CertificateArn=presented[0]["CertificateArn"])["Certificate"]
    assert (certificate["DomainName"], certificate["Status"]) == ("orders.example", "ISSUED")
    assert (certificate["NotAfter"] - certificate["NotBefore"]).days == 395

    types = [{"Name": "instance-type", "Values": ["t3.medium"]}]
    offered = boto("ec2").describe_instance_type_offerings(LocationType="region", Filters=types)["InstanceTypeOfferings"]
    assert offered == [{"InstanceType": "t3.medium", "LocationType": "region", "Location": "us-east-1"}]
