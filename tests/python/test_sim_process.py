"""The program works on a simulated cloud in another process: there and back, killed in the middle, two at a time."""

import json
import re

import pytest
from clients import until
from processes import LIFEBOAT, ROOT, Child, clean_environment, lifeboat

RUNBOOK = ROOT / "runbooks/region-failover"
OVERLAY = ROOT / "runbooks/overlay-vip"
RUN_TIMEOUT = 300.0


class Operator:
    """Runs the program against one simulated cloud with one state folder."""

    def __init__(self, world, state):
        self.world = world
        self.state = state

    def _words(self, words) -> list:
        return [*words, "--state", self.state, "--format", "json"]

    def run_words(self, runbook, site: str) -> list:
        return self._words(["run", runbook, "--to", site, "--yes", "--cloud", self.world.address])

    def ask(self, *words, expect: int = 0):
        child = lifeboat(*self._words(words), timeout=RUN_TIMEOUT)
        assert child.process.returncode == expect, child
        return json.loads("".join(child.output))

    def run(self, runbook, site: str, expect: int = 0) -> dict:
        child = lifeboat(*self.run_words(runbook, site), timeout=RUN_TIMEOUT)
        assert child.process.returncode == expect, child
        return json.loads("".join(child.output))

    def run_killed_when(self, runbook, site: str, pattern: str) -> str:
        """Starts a run, kills it once its journal has a line that matches, and returns the run's id."""
        with Child([LIFEBOAT, *self.run_words(runbook, site)], clean_environment()) as child:

            def reached() -> bool:
                assert child.process.poll() is None, f"the run ended before {pattern!r} was journaled: {child}"
                return bool(re.search(pattern, self.journal()))

            until(reached, 120)
            child.kill()
        (run,) = self.ask("runs")
        return run["run"]

    def journal(self) -> str:
        files = [path for path in self.state.rglob("*") if path.is_file() and path.suffix == ".jsonl"]
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


class Roles:
    """What the region-failover runbook moves, as the clouds' own API tells it."""

    def __init__(self, world):
        self.world = world
        self.clients = world.clients

    def now(self) -> dict:
        (cluster,) = self.clients.boto("rds", "eu-west-1").describe_global_clusters()["GlobalClusters"]
        accelerator = self.clients.boto("globalaccelerator")
        (one,) = accelerator.list_accelerators()["Accelerators"]
        (listener,) = accelerator.list_listeners(AcceleratorArn=one["AcceleratorArn"])["Listeners"]
        groups = accelerator.list_endpoint_groups(ListenerArn=listener["ListenerArn"])["EndpointGroups"]
        return {
            "writer": [member["DBClusterArn"] for member in cluster["GlobalClusterMembers"] if member["IsWriter"]],
            "status": cluster["Status"],
            "dials": {group["EndpointGroupRegion"]: group["TrafficDialPercentage"] for group in groups},
            "targets": {region: self.in_service(region) for region in ("us-east-1", "eu-west-1")},
        }

    def in_service(self, region: str) -> list[str]:
        """The document's own servers behind the load balancer; those of the scaling group have ids of their own."""
        elb = self.clients.boto("elbv2", region)
        (group,) = elb.describe_target_groups()["TargetGroups"]
        health = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        serving = [one["Target"]["Id"] for one in health if one["TargetHealth"]["State"] in ("initial", "healthy")]
        return sorted(set(serving) & set(self.world.aws["regions"][region]["instances"]))

    def scaled(self, region: str) -> tuple[int, int, int]:
        (group,) = self.clients.boto("autoscaling", region).describe_auto_scaling_groups(AutoScalingGroupNames=["orders-web"])["AutoScalingGroups"]
        return group["MinSize"], group["MaxSize"], group["DesiredCapacity"]


R1 = {
    "writer": ["arn:aws:rds:us-east-1:111122223333:cluster:orders-r1"],
    "status": "available",
    "dials": {"us-east-1": 100.0, "eu-west-1": 0.0},
    "targets": {
        "us-east-1": ["i-0a100000000000001", "i-0a100000000000002"],
        "eu-west-1": ["i-0b200000000000001", "i-0b200000000000002"],
    },
}
R2 = R1 | {
    "writer": ["arn:aws:rds:eu-west-1:111122223333:cluster:orders-r2"],
    "dials": {"us-east-1": 0.0, "eu-west-1": 100.0},
    "targets": R1["targets"] | {"us-east-1": []},
}
BACK_ON_R1 = R1 | {"targets": R1["targets"] | {"eu-west-1": []}}


@pytest.fixture
def operator(region_failover, tmp_path):
    return Operator(region_failover, tmp_path / "state")


def test_a_region_is_failed_over_and_back(operator, region_failover):
    roles = Roles(region_failover)
    assert roles.now() == R1
    assert (roles.scaled("us-east-1"), roles.scaled("eu-west-1")) == ((2, 4, 2), (0, 4, 0))
    there = operator.run(RUNBOOK, "r2")
    assert there["outcome"] == "completed"
    assert {step["outcome"] for step in there["steps"]} <= {"changed", "unchanged", "passed"}
    assert roles.now() == R2
    assert (roles.scaled("us-east-1"), roles.scaled("eu-west-1")) == ((0, 4, 0), (2, 4, 2))
    back = operator.run(RUNBOOK, "r1")
    assert back["outcome"] == "completed"
    assert roles.now() == BACK_ON_R1
    assert [run["run"] for run in operator.ask("runs")] == [back["run"], there["run"]], "newest first"


@pytest.mark.parametrize("step", ["promote-database", "open-standby", "drain-active"])
def test_a_killed_run_is_resumed_to_the_same_end(operator, region_failover, step):
    run = operator.run_killed_when(RUNBOOK, "r2", rf'"attempt_sent".*"{step}"|"{step}".*"attempt_sent"')
    result = operator.ask("resume", run)
    assert result["outcome"] == "completed"
    assert result["run"] == run
    assert Roles(region_failover).now() == R2


def test_a_killed_run_is_rolled_back_to_the_first_world(operator, region_failover):
    run = operator.run_killed_when(RUNBOOK, "r2", r'"attempt_sent".*"open-standby"|"open-standby".*"attempt_sent"')
    result = operator.ask("rollback", run, "--yes", expect=0)
    assert result["outcome"] == "rolled_back"
    assert Roles(region_failover).now() == R1


def test_a_second_run_is_told_who_holds_the_first(operator):
    with Child([LIFEBOAT, *operator.run_words(RUNBOOK, "r2")], clean_environment()) as first:
        until(lambda: '"attempt_sent"' in operator.journal(), 120)
        (held,) = operator.ask("runs")
        second = lifeboat(*operator.run_words(RUNBOOK, "r2"))
        assert second.process.returncode == 8, second
        assert held["run"] in "".join(second.errors), second
        assert first.finish(RUN_TIMEOUT) == 0, first


def test_the_overlay_address_moves_over_the_socket(overlay_vip, tmp_path):
    operator = Operator(overlay_vip, tmp_path / "state")
    ec2 = overlay_vip.clients.boto("ec2", "us-east-1")

    def targets() -> set[str]:
        tables = ec2.describe_route_tables()["RouteTables"]
        routes = [route for table in tables for route in table["Routes"]]
        return {route["NetworkInterfaceId"] for route in routes if route.get("DestinationCidrBlock") == "192.168.10.10/32"}

    assert targets() == {"eni-0a000000000000001"}
    assert operator.run(OVERLAY, "b")["outcome"] == "completed"
    assert targets() == {"eni-0b000000000000001"}
    assert operator.run(OVERLAY, "a")["outcome"] == "completed"
    assert targets() == {"eni-0a000000000000001"}
