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
MOTO_IS_WRONG: list[Known] = []

# What the simulated cloud leaves out or simplifies, and why that is harmless. Short, and meant to get shorter.
SIMULATION_LEAVES_OUT: list[Known] = []


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
