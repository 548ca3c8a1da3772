"""The overlay-VIP runbook against an EC2 that is not ours: moto, reached as any AWS endpoint is, through AWS_ENDPOINT_URL."""

import json

import pytest
import seed
from processes import ROOT, lifeboat

RUNBOOK = ROOT / "runbooks/overlay-vip"


class Network:
    """The seeded network, looked at with boto3, and the program that works on it."""

    def __init__(self, address: str, state):
        self.address = address
        self.state = state
        self.inputs = seed.seed(address)
        self.ec2 = seed.client_for(address, "111122223333")

    def targets(self) -> list[str]:
        """The interface that each route table sends the address to."""
        tables = [self.inputs["route_table_clients"], self.inputs["route_table_servers"]]
        described = self.ec2.describe_route_tables(RouteTableIds=tables)["RouteTables"]
        assert len(described) == 2
        return [
            route["NetworkInterfaceId"]
            for table in described
            for route in table["Routes"]
            if route.get("DestinationCidrBlock") == self.inputs["destination"]
        ]

    def lifeboat(self, *arguments, expect: int = 0) -> dict:
        child = lifeboat(
            *arguments,
            "--format",
            "json",
            "--state",
            self.state,
            AWS_ENDPOINT_URL=self.address,
            AWS_ACCESS_KEY_ID="111122223333",
            AWS_SECRET_ACCESS_KEY="example",
        )
        assert child.process.returncode == expect, child
        return json.loads("".join(child.output))

    def run(self, site: str, expect: int = 0) -> dict:
        return self.lifeboat("run", RUNBOOK, "--to", site, "--yes", *seed.as_flags(self.inputs), expect=expect)


@pytest.fixture
def network(moto_address, tmp_path):
    return Network(moto_address, tmp_path / "state")


def outcomes(result: dict) -> dict[str, str]:
    return {step["id"]: step["outcome"] for step in result["steps"]}


def test_the_address_moves_and_comes_back(network):
    a, b = network.inputs["interface_a"], network.inputs["interface_b"]
    assert network.targets() == [a, a]

    result = network.run("b")
    assert result["outcome"] == "completed"
    assert outcomes(result)["move-address"] == "changed"
    assert network.targets() == [b, b]

    result = network.run("a")
    assert outcomes(result)["move-address"] == "changed"
    assert network.targets() == [a, a]


def test_a_plan_changes_nothing(network):
    a = network.inputs["interface_a"]
    plan = network.lifeboat("plan", RUNBOOK, "--to", "b", *seed.as_flags(network.inputs))
    assert {step["id"]: step["change"] for step in plan["steps"]}["move-address"] == "change"
    assert network.targets() == [a, a]


def test_a_run_to_where_the_address_is_changes_nothing(network):
    a = network.inputs["interface_a"]
    assert outcomes(network.run("a"))["move-address"] == "unchanged"
    assert network.targets() == [a, a]


def test_a_completed_run_is_rolled_back_to_what_each_table_had(network):
    a, b = network.inputs["interface_a"], network.inputs["interface_b"]
    # Before the run, the tables disagree: the rollback must restore each one's own target.
    network.ec2.replace_route(
        RouteTableId=network.inputs["route_table_servers"],
        DestinationCidrBlock=network.inputs["destination"],
        NetworkInterfaceId=b,
    )
    before = network.targets()
    assert sorted(before) == sorted([a, b])

    run = network.run("b")["run"]
    assert network.targets() == [b, b]
    network.lifeboat("rollback", run, "--yes", expect=0)
    assert network.targets() == before


def test_an_interface_that_does_not_exist_is_refused_before_anything_changes(network):
    a = network.inputs["interface_a"]
    network.inputs["interface_b"] = "eni-0123456789abcdef0"
    child = lifeboat(
        "run", RUNBOOK, "--to", "b", "--yes", "--state", network.state, *seed.as_flags(network.inputs),
        AWS_ENDPOINT_URL=network.address, AWS_ACCESS_KEY_ID="111122223333", AWS_SECRET_ACCESS_KEY="example",
    )  # fmt: skip
    assert child.process.returncode not in (0, 70), child
    assert "eni-0123456789abcdef0" in "".join(child.errors), child
    assert network.targets() == [a, a]
