"""Two clusters of one system fail over at the same time, in two processes, on one simulated cloud."""

import json
import urllib.request

from processes import LIFEBOAT, ROOT, Child, clean_environment, simulation

RUNBOOK = ROOT / "runbooks/multi-cluster"
RUN_TIMEOUT = 300.0


def owner(address: str, host: str, port: int) -> str:
    """Who has a cluster's queues, as its engine tells."""
    proxy = urllib.request.ProxyHandler({"http": address})
    with urllib.request.build_opener(proxy).open(f"http://{host}:{port}/healthz", timeout=30) as answer:
        return json.load(answer)["owner"]


def test_both_clusters_move_at_once(tmp_path):
    with simulation(RUNBOOK / "world.yaml", speed=20) as address:

        def run(cluster: str, site: str) -> Child:
            words = ["run", RUNBOOK, "--to", site, "--input", f"cluster={cluster}", "--yes", "--format", "json"]
            return Child([LIFEBOAT, *words, "--cloud", address, "--state", tmp_path / "state"], clean_environment())

        assert owner(address, "wk1.s2.engine.example", 8081) == "s1"
        assert owner(address, "wk2.s1.engine.example", 8082) == "s2"
        with run("wk1", "s2") as one, run("wk2", "s1") as other:
            assert one.finish(RUN_TIMEOUT) == 0, one
            assert other.finish(RUN_TIMEOUT) == 0, other
            assert json.loads("".join(one.output))["outcome"] == "completed"
            assert json.loads("".join(other.output))["outcome"] == "completed"
        assert owner(address, "wk1.s2.engine.example", 8081) == "s2"
        assert owner(address, "wk2.s1.engine.example", 8082) == "s1"
