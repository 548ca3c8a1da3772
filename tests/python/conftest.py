"""Fixtures: one simulated cloud for each world, one moto, and clients for them."""

import pytest
import yaml
from clients import Clients
from processes import ROOT, moto, simulation

RUNBOOKS = ROOT / "runbooks"


class World:
    """A simulated cloud that is being served, and the document that it was made from."""

    def __init__(self, path, address: str):
        self.path = path
        self.address = address
        self.document = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.clients = Clients(address)

    @property
    def account(self) -> str:
        return self.document["account"]

    @property
    def aws(self) -> dict:
        return self.document["aws"]


@pytest.fixture
def region_failover():
    """The two-region world, fresh for each test."""
    path = RUNBOOKS / "region-failover/world.yaml"
    with simulation(path) as address:
        yield World(path, address)


@pytest.fixture
def overlay_vip():
    """The overlay-address world, fresh for each test."""
    path = RUNBOOKS / "overlay-vip/world.yaml"
    with simulation(path) as address:
        yield World(path, address)


@pytest.fixture
def empty_world():
    """A world with an account and a region, and nothing in it."""
    path = ROOT / "tests/python/worlds/empty.yaml"
    with simulation(path) as address:
        yield World(path, address)


@pytest.fixture
def moto_address():
    """moto with nothing in it but the default network, in the account that the worlds use."""
    with moto("111122223333") as address:
        yield address
