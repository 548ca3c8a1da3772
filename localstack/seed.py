#!/usr/bin/env python3
"""Seeds an EC2 emulator (LocalStack, moto) with the network of runbooks/overlay-vip, and prints the runbook's inputs.

Emulators choose their own ids, so the inputs are how the runbook learns them. Run it once per emulator: a second run builds
a second network. Needs boto3.
"""

import argparse
import json
import os
import sys

import boto3

REGION = "us-east-1"
DESTINATION = "192.168.10.10/32"
VPC_CIDR = "10.0.0.0/16"
# The zone, range and address of the clients and of each server.
PLACES = {
    "clients": ("us-east-1c", "10.0.1.0/24", "10.0.1.10"),
    "a": ("us-east-1a", "10.0.2.0/24", "10.0.2.10"),
    "b": ("us-east-1b", "10.0.3.0/24", "10.0.3.10"),
}


def named(kind: str, name: str) -> list[dict]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


def client_for(endpoint: str, account: str):
    # Emulators take twelve digits as an access key for the account to work in.
    return boto3.client(
        "ec2", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=account, aws_secret_access_key="example"
    )


def seed(endpoint: str, account: str = "111122223333") -> dict[str, str]:
    """Builds the network with the overlay address on server a, and returns the runbook's inputs."""
    ec2 = client_for(endpoint, account)
    vpc = ec2.create_vpc(CidrBlock=VPC_CIDR, TagSpecifications=named("vpc", "overlay-vip"))["Vpc"]["VpcId"]
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    subnets, interfaces = {}, {}
    for place, (zone, cidr, address) in PLACES.items():
        subnets[place] = ec2.create_subnet(
            VpcId=vpc, AvailabilityZone=zone, CidrBlock=cidr, TagSpecifications=named("subnet", place)
        )["Subnet"]["SubnetId"]
        interfaces[place] = server(ec2, subnets[place], place, address, image)
    tables = {
        "clients": route_table(ec2, vpc, "clients", [subnets["clients"]]),
        "servers": route_table(ec2, vpc, "servers", [subnets["a"], subnets["b"]]),
    }
    for table in tables.values():
        ec2.create_route(RouteTableId=table, DestinationCidrBlock=DESTINATION, NetworkInterfaceId=interfaces["a"])
    return {
        "destination": DESTINATION,
        "route_table_clients": tables["clients"],
        "route_table_servers": tables["servers"],
        "interface_a": interfaces["a"],
        "interface_b": interfaces["b"],
        # No emulator runs a guest system that could answer.
        "guest_checks": "false",
    }


def server(ec2, subnet: str, name: str, address: str, image: str) -> str:
    """An instance with one interface; returns the interface."""
    interface = ec2.create_network_interface(
        SubnetId=subnet, PrivateIpAddress=address, TagSpecifications=named("network-interface", name)
    )["NetworkInterface"]["NetworkInterfaceId"]
    if name != "clients":
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
    ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": interface}],
        TagSpecifications=named("instance", name),
    )
    return interface


def route_table(ec2, vpc: str, name: str, subnets: list[str]) -> str:
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=named("route-table", name))["RouteTable"]["RouteTableId"]
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return table


def as_flags(inputs: dict[str, str]) -> list[str]:
    """The inputs as flags of `lifeboat plan` and `lifeboat run`."""
    return [word for name, value in inputs.items() for word in ("--input", f"{name}={value}")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", default=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"))
    parser.add_argument("--format", choices=["flags", "json"], default="flags")
    arguments = parser.parse_args()
    inputs = seed(arguments.endpoint)
    json.dump(inputs, sys.stdout, indent=2) if arguments.format == "json" else sys.stdout.write(" ".join(as_flags(inputs)))
    sys.stdout.write("\n")
