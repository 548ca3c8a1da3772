"""The official management clients for Python drive the simulated Azure, through `lifeboat sim`.

Their pollers decide what an operation's end is, and their models what a resource looks like: nothing here repeats what the
simulation itself believes.
"""

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.trafficmanager import TrafficManagerManagementClient
from clients import until
from processes import ROOT, simulation

WORLD = ROOT / "tests/python/worlds/azure.yaml"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "engine"


class Token:
    """A credential that asks nobody."""

    def get_token(self, *_scopes, **_options) -> AccessToken:
        return AccessToken("token", 4102444800)


class Azure:
    """The clients for one address. Their default policy for authentication refuses plain HTTP, so they get one that does nothing."""

    def __init__(self, address: str):
        self.seen: list = []
        options = {
            "base_url": address,
            "credential_scopes": ["https://management.azure.com/.default"],
            "authentication_policy": SansIOHTTPPolicy(),
            "polling_interval": 0,
            "raw_response_hook": self.seen.append,
        }
        self.network = NetworkManagementClient(Token(), SUBSCRIPTION, **options)
        self.compute = ComputeManagementClient(Token(), SUBSCRIPTION, **options)
        self.traffic_manager = TrafficManagerManagementClient(Token(), SUBSCRIPTION, **options)
        self.storage = StorageManagementClient(Token(), SUBSCRIPTION, **options)

    def statuses(self) -> list[int]:
        """The statuses of all answers since the last time this was asked."""
        seen = [response.http_response.status_code for response in self.seen]
        self.seen.clear()
        return seen

    def power(self, machine: str) -> str:
        view = self.compute.virtual_machines.instance_view(GROUP, machine)
        (code,) = [status.code for status in view.statuses if status.code.startswith("PowerState/")]
        return code.removeprefix("PowerState/")


@pytest.fixture
def azure():
    """The world with Azure, fresh for each test."""
    with simulation(WORLD) as address:
        yield Azure(address)


@pytest.fixture
def slow_azure():
    """The same world at a pace at which a second write comes while the first goes on."""
    with simulation(WORLD, speed=10) as address:
        yield Azure(address)


def throttled(tmp_path, matching: str, times: int):
    """The same world, in which the calls that match are throttled `times` times."""
    path = tmp_path / "throttled.yaml"
    faults = f"faults:\n  - match: {{ {matching}, times: {times} }}\n    throttle: true\n"
    path.write_text(WORLD.read_text(encoding="utf-8") + faults, encoding="utf-8")
    return simulation(path)


def code_of(error: HttpResponseError) -> str:
    return error.error.code


# ---- Route tables


def next_hops(azure: Azure) -> dict:
    """The user-defined routes that the client's interface really has."""
    effective = azure.network.network_interfaces.begin_get_effective_route_table(GROUP, "client").result()
    user = [route for route in effective.value if route.source == "User" and route.state == "Active"]
    return {route.address_prefix[0]: route.next_hop_ip_address[0] for route in user}


def test_a_route_is_moved_and_put_back(azure):
    route = azure.network.routes.get(GROUP, "clients", "overlay")
    assert route.next_hop_ip_address == "10.1.1.10"
    assert route.next_hop_type == "VirtualAppliance"
    assert next_hops(azure) == {"192.168.10.10/32": "10.1.1.10"}
    for hop in ("10.1.1.11", "10.1.1.10"):
        route.next_hop_ip_address = hop
        before = azure.network.route_tables.get(GROUP, "clients")
        poller = azure.network.routes.begin_create_or_update(GROUP, "clients", "overlay", route)
        written = poller.result()
        assert poller.status() == "Succeeded"
        assert written.provisioning_state == "Succeeded"
        assert written.next_hop_ip_address == hop
        after = azure.network.route_tables.get(GROUP, "clients")
        assert after.etag != before.etag, "a write to a child changes its parent's etag"
        assert next_hops(azure) == {"192.168.10.10/32": hop}


def test_a_route_is_created_and_deleted(azure):
    body = {"properties": {"addressPrefix": "192.168.10.11/32", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.1.1.11"}}
    azure.network.routes.begin_create_or_update(GROUP, "clients", "second", body).result()
    assert {route.name for route in azure.network.routes.list(GROUP, "clients")} == {"overlay", "second"}
    assert next_hops(azure)["192.168.10.11/32"] == "10.1.1.11"
    azure.network.routes.begin_delete(GROUP, "clients", "second").result()
    assert {route.name for route in azure.network.routes.list(GROUP, "clients")} == {"overlay"}
    with pytest.raises(ResourceNotFoundError):
        azure.network.routes.get(GROUP, "clients", "second")


def test_a_write_on_a_stale_etag_is_refused(azure):
    route = azure.network.routes.get(GROUP, "clients", "overlay")
    stale = {"If-Match": route.etag}
    route.next_hop_ip_address = "10.1.1.11"
    azure.network.routes.begin_create_or_update(GROUP, "clients", "overlay", route, headers=dict(stale)).result()
    route.next_hop_ip_address = "10.1.1.10"
    with pytest.raises(HttpResponseError) as refused:
        azure.network.routes.begin_create_or_update(GROUP, "clients", "overlay", route, headers=dict(stale))
    assert refused.value.status_code == 412
    assert azure.network.routes.get(GROUP, "clients", "overlay").next_hop_ip_address == "10.1.1.11"


def test_a_second_write_meets_a_busy_table(slow_azure):
    routes = slow_azure.network.routes
    route = routes.get(GROUP, "clients", "overlay")
    route.next_hop_ip_address = "10.1.1.11"
    poller = routes.begin_create_or_update(GROUP, "clients", "overlay", route)
    # The client would wait as the answer asks it to, and try again.
    with pytest.raises(ResourceExistsError) as refused:
        routes.begin_create_or_update(GROUP, "clients", "overlay", route, retry_total=0)
    assert refused.value.status_code == 409
    assert code_of(refused.value) == "AnotherOperationInProgress"
    assert poller.result().provisioning_state == "Succeeded"
    routes.begin_create_or_update(GROUP, "clients", "overlay", route).result()


# ---- Interfaces, security groups, load balancers


def test_a_secondary_address_moves_between_interfaces(azure):
    interfaces = azure.network.network_interfaces
    subnet = azure.network.subnets.get(GROUP, "net", "servers")
    address = {
        "name": "vip",
        "properties": {"subnet": {"id": subnet.id}, "privateIPAddress": "10.1.1.50", "privateIPAllocationMethod": "Static"},
    }

    def addresses(name: str) -> set[str]:
        return {one.private_ip_address for one in interfaces.get(GROUP, name).ip_configurations}

    interface = interfaces.get(GROUP, "a").as_dict()
    interface["properties"]["ipConfigurations"].append(address)
    interfaces.begin_create_or_update(GROUP, "a", interface).result()
    assert addresses("a") == {"10.1.1.10", "10.1.1.50"}

    other = interfaces.get(GROUP, "b").as_dict()
    other["properties"]["ipConfigurations"].append(address)
    with pytest.raises(HttpResponseError) as refused:
        interfaces.begin_create_or_update(GROUP, "b", other).result()
    assert refused.value.status_code == 400, "the address is taken"

    interface = interfaces.get(GROUP, "a")
    interface.ip_configurations = [one for one in interface.ip_configurations if one.name != "vip"]
    interfaces.begin_create_or_update(GROUP, "a", interface).result()
    interfaces.begin_create_or_update(GROUP, "b", other).result()
    assert (addresses("a"), addresses("b")) == ({"10.1.1.10"}, {"10.1.1.11", "10.1.1.50"})
    assert interfaces.get(GROUP, "a").enable_ip_forwarding is True
    assert interfaces.get(GROUP, "a").virtual_machine.id.lower().endswith("/virtualmachines/vm-a")


def test_a_deny_rule_comes_and_goes(azure):
    rules = azure.network.security_rules
    deny = {
        "properties": {
            "priority": 100,
            "direction": "Inbound",
            "access": "Deny",
            "protocol": "*",
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "*",
        }
    }
    rule = rules.begin_create_or_update(GROUP, "fence", "deny-all", deny).result()
    assert (rule.access, rule.priority, rule.provisioning_state) == ("Deny", 100, "Succeeded")
    assert {one.name for one in rules.list(GROUP, "fence")} == {"allow-all", "deny-all"}
    twice = {"properties": deny["properties"] | {"access": "Allow"}}
    with pytest.raises(HttpResponseError) as refused:
        rules.begin_create_or_update(GROUP, "fence", "other", twice).result()
    assert refused.value.status_code == 400, "two rules of one direction have one priority"
    rules.begin_delete(GROUP, "fence", "deny-all").result()
    assert {one.name for one in rules.list(GROUP, "fence")} == {"allow-all"}


def test_the_admin_state_of_a_backend_address(azure):
    pools = azure.network.load_balancer_backend_address_pools

    def states() -> dict:
        pool = pools.get(GROUP, "front", "engines")
        return {one.name: one.admin_state for one in pool.load_balancer_backend_addresses}

    assert {state or "None" for state in states().values()} == {"None"}
    pool = pools.get(GROUP, "front", "engines")
    for address in pool.load_balancer_backend_addresses:
        address.admin_state = "Down" if address.name == "a" else "Up"
    written = pools.begin_create_or_update(GROUP, "front", "engines", pool).result()
    assert written.provisioning_state == "Succeeded"
    assert states() == {"a": "Down", "b": "Up"}
    # An empty pool can be said.
    pool.load_balancer_backend_addresses = []
    pools.begin_create_or_update(GROUP, "front", "engines", pool).result()
    assert states() == {}
    balancer = azure.network.load_balancers.get(GROUP, "front")
    assert [one.name for one in balancer.backend_address_pools] == ["engines"]
    assert balancer.sku.name == "Standard"


# ---- Virtual machines


def test_a_machine_is_deallocated_and_started(azure):
    machines = azure.compute.virtual_machines
    assert azure.power("vm-a") == "running"
    machine = machines.get(GROUP, "vm-a", expand="instanceView")
    assert machine.zones == ["1"]
    assert machine.instance_view.statuses[1].code == "PowerState/running"
    assert machine.network_profile.network_interfaces[0].id.endswith("/networkInterfaces/a")
    azure.statuses()
    machines.begin_deallocate(GROUP, "vm-a").result()
    assert 202 in azure.statuses()
    assert azure.power("vm-a") == "deallocated"
    assert azure.network.network_interfaces.get(GROUP, "a").ip_configurations[0].private_ip_address == "10.1.1.10"
    machines.begin_start(GROUP, "vm-a").result()
    assert azure.power("vm-a") == "running"
    machines.begin_start(GROUP, "vm-a").result()
    machines.begin_power_off(GROUP, "vm-a").result()
    assert azure.power("vm-a") == "stopped"
    machines.begin_start(GROUP, "vm-a").result()
    machines.begin_restart(GROUP, "vm-a").result()
    assert azure.power("vm-a") == "running"
    assert {machine.name for machine in machines.list(GROUP)} == {"vm-a", "vm-b", "vm-client"}


def test_a_failed_operation_tells_its_code(azure):
    poller = azure.compute.virtual_machines.begin_start(GROUP, "vm-b")
    with pytest.raises(HttpResponseError) as failed:
        poller.result()
    assert code_of(failed.value) == "ZonalAllocationFailed"
    assert poller.status() == "Failed"
    assert azure.power("vm-b") == "deallocated"


# ---- Traffic Manager


def test_an_endpoint_is_changed_alone(azure):
    endpoints = azure.traffic_manager.endpoints
    east = endpoints.get(GROUP, "orders", "ExternalEndpoints", "east")
    assert (east.endpoint_status, east.endpoint_monitor_status, east.priority) == ("Enabled", "Online", 1)
    assert endpoints.get(GROUP, "orders", "ExternalEndpoints", "west").endpoint_monitor_status == "Degraded"
    changed = endpoints.update(GROUP, "orders", "ExternalEndpoints", "east", {"properties": {"endpointStatus": "Disabled"}})
    assert (changed.endpoint_status, changed.target, changed.weight) == ("Disabled", "east.orders.example", 1)
    with pytest.raises(HttpResponseError) as refused:
        endpoints.update(GROUP, "orders", "ExternalEndpoints", "east", {"properties": {"priority": 2}})
    assert refused.value.status_code == 400, "priorities are unique"
    endpoints.update(GROUP, "orders", "ExternalEndpoints", "east", {"properties": {"endpointStatus": "Enabled"}})
    until(lambda: endpoints.get(GROUP, "orders", "ExternalEndpoints", "east").endpoint_monitor_status == "Online")


def test_all_endpoints_are_changed_at_once(azure):
    profiles = azure.traffic_manager.profiles
    profile = profiles.get(GROUP, "orders")
    assert profile.dns_config.fqdn == "orders.trafficmanager.net"
    assert profile.dns_config.ttl == 30
    assert [(one.name, one.priority) for one in profile.endpoints] == [("east", 1), ("west", 2)]
    for endpoint in profile.endpoints:
        endpoint.priority = 3 - endpoint.priority
    updated = profiles.update(GROUP, "orders", {"properties": {"endpoints": [one.as_dict() for one in profile.endpoints]}})
    assert {one.name: one.priority for one in updated.endpoints} == {"east": 2, "west": 1}
    profile = profiles.get(GROUP, "orders")
    profile.dns_config.ttl = 10
    again = profiles.create_or_update(GROUP, "orders", profile)
    assert again.dns_config.ttl == 10
    assert {one.name: (one.priority, one.target) for one in again.endpoints} == {
        "east": (2, "east.orders.example"),
        "west": (1, "west.orders.example"),
    }
    assert [one.name for one in profiles.list_by_resource_group(GROUP)] == ["orders"]


# ---- Storage


def test_a_file_share_is_described(azure):
    share = azure.storage.file_shares.get(GROUP, "engineshare", "wk1")
    assert (share.share_quota, share.enabled_protocols, share.lease_state) == (200, "NFS", "Available")
    account = azure.storage.storage_accounts.get_properties(GROUP, "engineshare")
    assert (account.sku.name, account.status_of_primary) == ("Premium_ZRS", "available")
    assert azure.storage.storage_accounts.get_properties(GROUP, "zonalshare").zones == ["1"]
    assert [one.name for one in azure.storage.file_shares.list(GROUP, "engineshare")] == ["wk1"]


# ---- Errors


def test_what_is_not_there(azure):
    for ask in [
        lambda: azure.network.route_tables.get(GROUP, "nothing"),
        lambda: azure.network.network_interfaces.get(GROUP, "nothing"),
        lambda: azure.compute.virtual_machines.get(GROUP, "nothing"),
        lambda: azure.traffic_manager.profiles.get(GROUP, "nothing"),
        lambda: azure.storage.storage_accounts.get_properties(GROUP, "nothing"),
    ]:
        with pytest.raises(ResourceNotFoundError) as missing:
            ask()
        assert code_of(missing.value) == "ResourceNotFound"
    with pytest.raises(ResourceNotFoundError) as missing:
        azure.network.route_tables.get("nothing", "clients")
    assert code_of(missing.value) == "ResourceGroupNotFound"
    with pytest.raises(ResourceNotFoundError) as missing:
        azure.storage.file_shares.get(GROUP, "engineshare", "nothing")
    assert code_of(missing.value) == "ShareNotFound"


def test_a_throttled_request_is_repeated(tmp_path):
    with throttled(tmp_path, "service: Microsoft.Network, operation: GET routetables/routes", times=1) as address:
        azure = Azure(address)
        route = azure.network.routes.get(GROUP, "clients", "overlay")
        assert route.next_hop_ip_address == "10.1.1.10"
        assert azure.statuses() == [429, 200]
