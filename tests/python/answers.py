"""Makes the answers of two clouds comparable: ids become numbers of their first appearance, moments and hosts become words.

Knows nothing of which difference matters: that is the table's in test_parity_with_moto.py.
"""

import re
from datetime import datetime
from fnmatch import fnmatchcase

from botocore.exceptions import ClientError

ID = re.compile(r"\b([a-z]+(?:-[a-z]+)*)-([0-9a-f]{17}|[0-9a-f]{8})\b")
ARN_TAIL = re.compile(r"/([0-9a-f]{16})\b")
ACCOUNT = re.compile(r"\b111122223333\b")
# Chosen by each cloud as it likes.
ANY = {
    "DNSName": "<host>",
    "CanonicalHostedZoneId": "<zone>",
    "MacAddress": "<mac>",
    "RequesterId": "<requester>",
    "ReservationId": "<reservation>",
    "AvailabilityZoneId": "<zone id>",
    "ZoneId": "<zone id>",
    "NextToken": "<token>",
}


class Normal:
    """One cloud's answers, normalised in the order in which they came."""

    def __init__(self):
        self._numbers: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def _number(self, kind: str, name: str) -> str:
        if name not in self._numbers:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._numbers[name] = f"<{kind} {self._counts[kind]}>"
        return self._numbers[name]

    def _text(self, text: str) -> str:
        text = ID.sub(lambda match: self._number(match[1], match[0]), text)
        text = ARN_TAIL.sub(lambda match: "/" + self._number("arn", match[1]), text)
        return ACCOUNT.sub("<account>", text)

    def of(self, value, key: str = ""):
        if key in ANY and value:
            return ANY[key]
        if isinstance(value, dict):
            return {name: self.of(member, name) for name, member in value.items() if name != "ResponseMetadata"}
        if isinstance(value, list):
            return [self.of(member) for member in value]
        if isinstance(value, datetime):
            return "<moment>"
        return self._text(value) if isinstance(value, str) else value

    def call(self, call, arguments: dict) -> dict:
        """The normalised answer of one call: its members, or the error it was refused with, and the HTTP status."""
        try:
            answer = call(**arguments)
        except ClientError as error:
            return {"HTTP": error.response["ResponseMetadata"]["HTTPStatusCode"], "Error": error.response["Error"]["Code"]}
        return {"HTTP": answer["ResponseMetadata"]["HTTPStatusCode"]} | self.of(answer)


def leaves(value, path: str = "") -> dict[str, object]:
    """Every leaf by its path; an empty list or object is a leaf. `None`, empty and absent stay apart."""
    if isinstance(value, dict) and value:
        members = value.items()
    elif isinstance(value, list) and value:
        members = enumerate(value)
    else:
        return {path: value}
    found: dict[str, object] = {}
    for name, member in members:
        found |= leaves(member, f"{path}/{name}")
    return found


ABSENT = "(absent)"


def differences(one: dict, other: dict) -> dict[str, tuple]:
    """The paths at which two answers differ, with both values."""
    left, right = leaves(one), leaves(other)
    paths = sorted(left.keys() | right.keys())
    pairs = {path: (left.get(path, ABSENT), right.get(path, ABSENT)) for path in paths}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


def matches(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern)
