"""The official clients, pointed at one address with dummy credentials. Contains no expectation about what is answered."""

import json
import subprocess
import sys
import time
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from processes import clean_environment

KEY = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "example"}
# The global services and the one region each is signed for.
HOME = {"globalaccelerator": "us-west-2"}
POLL = 0.05


class Clients:
    """boto3 and the AWS CLI for one address."""

    def __init__(self, address: str):
        self.address = address
        self._clients: dict = {}

    def boto(self, service: str, region: str = "us-east-1"):
        region = HOME.get(service, region)
        if (service, region) not in self._clients:
            # A retry would hide an error that the server should not have made.
            config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
            self._clients[service, region] = boto3.client(
                service, region_name=region, endpoint_url=self.address, config=config, **KEY
            )
        return self._clients[service, region]

    def cli(self, *words: str, region: str = "us-east-1"):
        """What `aws … --output json` prints, decoded; `None` where it prints nothing. Raises `CliError` when it fails."""
        command = [Path(sys.executable).with_name("aws"), "--endpoint-url", self.address, "--output", "json", *words]
        environment = clean_environment(
            AWS_ACCESS_KEY_ID=KEY["aws_access_key_id"],
            AWS_SECRET_ACCESS_KEY=KEY["aws_secret_access_key"],
            AWS_DEFAULT_REGION=HOME.get(words[0], region),
            AWS_MAX_ATTEMPTS="1",
            AWS_PAGER="",
        )
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise CliError(f"aws {' '.join(words)}: exit code {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None


class CliError(Exception):
    """What the AWS CLI wrote to standard error."""


def error_of(call, **arguments) -> tuple[str, int]:
    """The error code and HTTP status that a boto3 call is refused with."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError(f"{call.__name__} was not refused")


def until(question, seconds: float = 30):
    """Asks until the answer is true, and returns it; fails when it was not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {question.__qualname__}"
        time.sleep(POLL)
    return answer
