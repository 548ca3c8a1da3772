"""The same calls against moto and the simulated cloud give the same answers, but for the differences listed here.

A difference that is not listed fails, and so does an entry that no longer matches anything.
"""

from dataclasses import dataclass

import pytest
from answers import Normal, differences, matches
from clients import Clients
from network_sequence import Sequence


@dataclass(frozen=True)
class Known:
    """A known difference: in which call (its name and title), at which path, and why."""

    call: str
    path: str
    why: str


# What moto gets wrong. The source of each fact is in brackets: the emulators' table is COMPONENTS §13, the simulator notes
# AWS §14, of the facts that the simulation was built from.
MOTO_IS_WRONG: list[Known] = [
    Known("*", "/Vpc/DhcpOptionsId", "moto names a set of options that has no id"),
    Known("describe_vpcs", "/Vpcs/*/DhcpOptionsId", "moto names a set of options that has no id"),
    Known("*", "/RouteTables/*/PropagatingVgws", "moto leaves it out"),
    Known("describe_security_groups default", "/SecurityGroups/*/IpPermissions", "moto sends it empty"),
    Known("describe_security_groups default", "/SecurityGroups/*/IpPermissions/*/IpProtocol", "moto leaves it out"),
    Known("describe_security_groups default", "/SecurityGroups/*/IpPermissions/*/IpRanges", "moto leaves it out"),
    Known("describe_security_groups default", "/SecurityGroups/*/IpPermissions/*/Ipv6Ranges", "moto leaves it out"),
    Known("describe_security_groups default", "/SecurityGroups/*/IpPermissions/*/PrefixListIds", "moto leaves it out"),
    Known("describe_security_groups default", "/SecurityGroups/*/IpPermissions/*/UserIdGroupPairs/*/GroupId", "moto leaves it out"),
    Known("describe_security_groups default", "/SecurityGroups/*/IpPermissions/*/UserIdGroupPairs/*/UserId", "moto leaves it out"),
    Known("*", "/Subnet/EnableDns64", "moto leaves it out"),
    Known("*", "/Subnet/MapCustomerOwnedIpOnLaunch", "moto leaves it out"),
    Known("describe_subnets", "/Subnets/*/EnableDns64", "moto leaves it out"),
    Known("describe_subnets", "/Subnets/*/MapCustomerOwnedIpOnLaunch", "moto leaves it out"),
    Known("*", "/ClientToken", "drawn by chance by the client, or left out by moto"),
    Known("create_route_table", "/RouteTable/PropagatingVgws", "moto leaves it out"),
    Known("*", "/NetworkInterface/Association", "moto sends it empty"),
    Known("*", "/NetworkInterface/AvailabilityZoneId", "moto leaves it out"),
    Known("*", "/NetworkInterface/PrivateDnsName", "moto leaves it out"),
    Known("*", "/NetworkInterface/PrivateIpAddresses/*/PrivateDnsName", "moto leaves it out"),
    Known("*", "/NetworkInterface/RequesterId", "moto invents a requester"),
    Known("*", "/NetworkInterfaces/*/AvailabilityZoneId", "moto leaves it out"),
    Known("*", "/NetworkInterfaces/*/PrivateDnsName", "moto leaves it out"),
    Known("*", "/NetworkInterfaces/*/PrivateIpAddresses/*/PrivateDnsName", "moto leaves it out"),
    Known("*", "/NetworkInterfaces/*/RequesterId", "moto invents a requester"),
    Known('*', '/RouteTables/*/Routes/*/State', "moto's routes never become a black hole [AWS 14]"),
    Known("*", "/Error", "moto accepts a route that AWS refuses [COMPONENTS 13, AWS 14]"),
    Known("*", "/HTTP", "moto accepts a route that AWS refuses [COMPONENTS 13, AWS 14]"),
    Known("*", "/Return", "moto accepts a route that AWS refuses [COMPONENTS 13, AWS 14]"),
    Known("*", "/RouteTables/*/Routes/*/NetworkInterfaceId", "moto overwrites the route on a second create [COMPONENTS 13]"),
    Known("*", "/Error", "moto accepts what AWS refuses [AWS 14]"),
    Known("*", "/HTTP", "moto accepts what AWS refuses [AWS 14]"),
    Known("create_network_interface same address", "/Error", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/HTTP", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/Association", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/AvailabilityZone", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/Description", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/Groups/*/GroupId", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/Groups/*/GroupName", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/InterfaceType", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/Ipv6Addresses", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/MacAddress", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/NetworkInterfaceId", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/OwnerId", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/PrivateIpAddress", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/PrivateIpAddresses/*/Primary", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/PrivateIpAddresses/*/PrivateIpAddress", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/RequesterId", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/RequesterManaged", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/SourceDestCheck", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/Status", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/SubnetId", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/TagSet", "moto accepts an address that is taken; AWS refuses it"),
    Known("create_network_interface same address", "/NetworkInterface/VpcId", "moto accepts an address that is taken; AWS refuses it"),
    Known("run_instances", "/Instances/*/ClientToken", "drawn by chance by the client, or left out by moto"),
    Known("run_instances", "/Instances/*/EnaSupport", "moto leaves it out"),
    Known("run_instances", "/Instances/*/EnclaveOptions/Enabled", "moto leaves it out"),
    Known("run_instances", "/Instances/*/HibernationOptions", "moto sends it empty"),
    Known("run_instances", "/Instances/*/HibernationOptions/Configured", "moto leaves it out"),
    Known("run_instances", "/Instances/*/MaintenanceOptions/AutoRecovery", "moto leaves it out"),
    Known("run_instances", "/Instances/*/NetworkInterfaces/*/Association", "moto sends it empty"),
    Known("run_instances", "/Instances/*/NetworkInterfaces/*/PrivateDnsName", "moto leaves it out"),
    Known("run_instances", "/Instances/*/NetworkInterfaces/*/PrivateIpAddresses/*/PrivateDnsName", "moto leaves it out"),
    Known("run_instances", "/Instances/*/Placement/AvailabilityZoneId", "moto leaves it out"),
    Known("run_instances", "/Instances/*/Platform", "moto takes the image for one of Windows"),
    Known("run_instances", "/Instances/*/PlatformDetails", "moto leaves it out"),
    Known("run_instances", "/Instances/*/PublicDnsName", "moto leaves it out"),
    Known("run_instances", "/Instances/*/SecurityGroups", "moto sends it empty"),
    Known("run_instances", "/Instances/*/SecurityGroups/*/GroupId", "moto leaves it out"),
    Known("run_instances", "/Instances/*/SecurityGroups/*/GroupName", "moto leaves it out"),
    Known("run_instances", "/Instances/*/SourceDestCheck", "moto does not take it from the interface"),
    Known("run_instances", "/Instances/*/StateReason/Code", "moto sends it empty"),
    Known("run_instances", "/Instances/*/StateReason/Message", "moto sends it empty"),
    Known("run_instances", "/Instances/*/Tags", "moto leaves it out"),
    Known("run_instances", "/Instances/*/UsageOperation", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/ClientToken", "drawn by chance by the client, or left out by moto"),
    Known("describe_instances", "/Reservations/*/Instances/*/EnaSupport", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/EnclaveOptions/Enabled", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/HibernationOptions", "moto sends it empty"),
    Known("describe_instances", "/Reservations/*/Instances/*/HibernationOptions/Configured", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/MaintenanceOptions/AutoRecovery", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/NetworkInterfaces/*/Association", "moto sends it empty"),
    Known("describe_instances", "/Reservations/*/Instances/*/NetworkInterfaces/*/PrivateDnsName", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/NetworkInterfaces/*/PrivateIpAddresses/*/PrivateDnsName", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/Placement/AvailabilityZoneId", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/Platform", "moto takes the image for one of Windows"),
    Known("describe_instances", "/Reservations/*/Instances/*/PlatformDetails", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/PublicDnsName", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/SecurityGroups", "moto sends it empty"),
    Known("describe_instances", "/Reservations/*/Instances/*/SecurityGroups/*/GroupId", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/SecurityGroups/*/GroupName", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/SourceDestCheck", "moto does not take it from the interface"),
    Known("describe_instances", "/Reservations/*/Instances/*/StateReason/Code", "moto sends it empty"),
    Known("describe_instances", "/Reservations/*/Instances/*/StateReason/Message", "moto sends it empty"),
    Known("describe_instances", "/Reservations/*/Instances/*/Tags", "moto leaves it out"),
    Known("describe_instances", "/Reservations/*/Instances/*/UsageOperation", "moto leaves it out"),
    Known('describe_instance_status', '/InstanceStatuses/*/AvailabilityZoneId', "moto's instances are checked at once [AWS 14]"),
    Known('describe_instance_status', '/InstanceStatuses/*/Events', "moto's instances are checked at once [AWS 14]"),
    Known('describe_instance_status', '/InstanceStatuses/*/InstanceStatus/Details/*/Status', "moto's instances are checked at once [AWS 14]"),
    Known('describe_instance_status', '/InstanceStatuses/*/InstanceStatus/Status', "moto's instances are checked at once [AWS 14]"),
    Known('describe_instance_status', '/InstanceStatuses/*/SystemStatus/Details/*/Status', "moto's instances are checked at once [AWS 14]"),
    Known('describe_instance_status', '/InstanceStatuses/*/SystemStatus/Status', "moto's instances are checked at once [AWS 14]"),
    Known("describe_route_tables through an instance's interface", '/RouteTables/*/Routes/*/InstanceId', 'moto leaves it out'),
    Known("describe_route_tables through an instance's interface", '/RouteTables/*/Routes/*/InstanceOwnerId', 'moto leaves it out'),
    Known("create_target_group", "/TargetGroups/*/LoadBalancerArns", "moto leaves it out"),
    Known("*", "/Attributes/*/Key", "moto knows fewer attributes of a target group, and other ones"),
    Known("*", "/Attributes/*/Value", "moto knows fewer attributes of a target group, and other ones"),
    Known("*", "/LoadBalancers/*/AvailabilityZones/*/LoadBalancerAddresses", "moto leaves it out"),
    Known("*", "/LoadBalancers/*/Scheme", "moto leaves it out"),
    Known("*", "/LoadBalancers/*/SecurityGroups", "moto sends it empty"),
    Known("*", "/LoadBalancers/*/SecurityGroups/*", "moto leaves it out"),
    Known("*", "/Listeners/*/AlpnPolicy", "moto gives a listener without TLS a policy"),
    Known("*", "/Listeners/*/Certificates", "moto leaves it out"),
    Known("*", "/Listeners/*/DefaultActions/*/ForwardConfig/TargetGroupStickinessConfig/Enabled", "moto leaves it out"),
    Known("*", "/Listeners/*/DefaultActions/*/ForwardConfig/TargetGroups/*/TargetGroupArn", "moto leaves it out"),
    Known("*", "/Listeners/*/DefaultActions/*/ForwardConfig/TargetGroups/*/Weight", "moto leaves it out"),
    Known("*", "/Listeners/*/SslPolicy", "moto gives a listener without TLS a policy"),
    Known("describe_rules", "/Rules/*/Actions/*/ForwardConfig/TargetGroupStickinessConfig/Enabled", "moto leaves it out"),
    Known("describe_rules", "/Rules/*/Actions/*/ForwardConfig/TargetGroups/*/TargetGroupArn", "moto leaves it out"),
    Known("describe_rules", "/Rules/*/Actions/*/ForwardConfig/TargetGroups/*/Weight", "moto leaves it out"),
    Known('describe_rules', '/Rules/*/RuleArn', "moto's id of a rule is no hexadecimal number"),
    Known('*', '/TargetHealthDescriptions/*/HealthCheckPort', "moto's targets are healthy at once, and their port is not told [COMPONENTS 13]"),
    Known('*', '/TargetHealthDescriptions/*/TargetHealth/Description', "moto's targets are healthy at once, and their port is not told [COMPONENTS 13]"),
    Known('*', '/TargetHealthDescriptions/*/TargetHealth/Reason', "moto's targets are healthy at once, and their port is not told [COMPONENTS 13]"),
    Known('*', '/TargetHealthDescriptions/*/TargetHealth/State', "moto's targets are healthy at once, and their port is not told [COMPONENTS 13]"),
    Known("deregister_targets again", "/Error", "a target that is gone is deregistered without an error [AWS 8]"),
    Known("deregister_targets again", "/HTTP", "a target that is gone is deregistered without an error [AWS 8]"),
]

# What the simulated cloud leaves out or simplifies, and why that is harmless. Short, and meant to get shorter.
SIMULATION_LEAVES_OUT: list[Known] = [
    Known("run_instances", "/Instances/*/BlockDeviceMappings", "no volumes are simulated"),
    Known("run_instances", "/Instances/*/BlockDeviceMappings/*/DeviceName", "no volumes are simulated"),
    Known("run_instances", "/Instances/*/BlockDeviceMappings/*/Ebs/AttachTime", "no volumes are simulated"),
    Known("run_instances", "/Instances/*/BlockDeviceMappings/*/Ebs/DeleteOnTermination", "no volumes are simulated"),
    Known("run_instances", "/Instances/*/BlockDeviceMappings/*/Ebs/Status", "no volumes are simulated"),
    Known("run_instances", "/Instances/*/BlockDeviceMappings/*/Ebs/VolumeId", "no volumes are simulated"),
    Known("run_instances", "/Instances/*/RootDeviceName", "no volumes are simulated"),
    Known("run_instances", "/Instances/*/SriovNetSupport", "not simulated"),
    Known("describe_instances", "/Reservations/*/Instances/*/BlockDeviceMappings", "no volumes are simulated"),
    Known("describe_instances", "/Reservations/*/Instances/*/BlockDeviceMappings/*/DeviceName", "no volumes are simulated"),
    Known("describe_instances", "/Reservations/*/Instances/*/BlockDeviceMappings/*/Ebs/AttachTime", "no volumes are simulated"),
    Known("describe_instances", "/Reservations/*/Instances/*/BlockDeviceMappings/*/Ebs/DeleteOnTermination", "no volumes are simulated"),
    Known("describe_instances", "/Reservations/*/Instances/*/BlockDeviceMappings/*/Ebs/Status", "no volumes are simulated"),
    Known("describe_instances", "/Reservations/*/Instances/*/BlockDeviceMappings/*/Ebs/VolumeId", "no volumes are simulated"),
    Known("describe_instances", "/Reservations/*/Instances/*/RootDeviceName", "no volumes are simulated"),
    Known("describe_instances", "/Reservations/*/Instances/*/SriovNetSupport", "not simulated"),
]


@pytest.fixture
def both(moto_address, empty_world):
    """The named answers of moto and of the simulation."""
    ours = Sequence(empty_world.clients, Normal()).run()
    theirs = Sequence(Clients(moto_address), Normal()).run()
    assert [name for name, _ in theirs] == [name for name, _ in ours], "the same calls were made"
    return [(name, moto, simulated) for (name, moto), (_, simulated) in zip(theirs, ours, strict=True)]


def test_the_same_calls_get_the_same_answers(both):
    known = MOTO_IS_WRONG + SIMULATION_LEAVES_OUT
    used: set[Known] = set()
    unknown = []
    for name, moto, simulated in both:
        for path, (theirs, ours) in differences(moto, simulated).items():
            why = [entry for entry in known if matches(name, entry.call) and matches(path, entry.path)]
            used.update(why)
            if not why:
                unknown.append(f"{name}: {path}: moto {theirs!r}, simulation {ours!r}")
    assert not unknown, f"{len(unknown)} differences that nobody knows:\n" + "\n".join(unknown)
    stale = [f"{entry.call}: {entry.path}" for entry in known if entry not in used]
    assert not stale, "differences that are listed and are none:\n" + "\n".join(stale)


def test_the_sequence_is_not_all_refusals(both):
    """Guards the comparison itself: two clouds that refuse everything agree, too."""
    answered = [name for name, _, simulated in both if simulated["HTTP"] == 200]
    assert len(answered) > len(both) / 2, answered
