"""Permissions against an IAM that is not ours: moto with its access control on. It has no `SimulatePrincipalPolicy`."""

import json
import urllib.request

import boto3
import pytest
import seed
from processes import ROOT, lifeboat

RUNBOOK = ROOT / "runbooks/overlay-vip"
USER = "arn:aws:iam::111122223333:user/operator"


class Enforced:
    """The seeded network and a user who has a policy; everything that comes after is checked against it."""

    def __init__(self, address: str, state):
        self.address = address
        self.state = state
        self.inputs = seed.seed(address)
        iam = boto3.client(
            "iam",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id="111122223333",
            aws_secret_access_key="example",
        )
        iam.create_user(UserName="operator")
        self.key = iam.create_access_key(UserName="operator")["AccessKey"]
        self.iam = iam

    def policy(self) -> dict:
        """The actions that the program prints for this network. moto judges a call by its action, and takes its resource for any."""
        printed = lifeboat("policy", RUNBOOK, *seed.as_flags(self.inputs))
        assert printed.process.returncode == 0, str(printed)
        policy = json.loads("".join(printed.output))
        return {**policy, "Statement": [{**statement, "Resource": "*"} for statement in policy["Statement"]]}

    def enforce(self, policy: dict) -> None:
        self.iam.put_user_policy(UserName="operator", PolicyName="lifeboat", PolicyDocument=json.dumps(policy))
        request = urllib.request.Request(f"{self.address}/moto-api/reset-auth", data=b"0", method="POST", headers={"Content-Type": "text/plain"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def lifeboat(self, *words):
        return lifeboat(
            *words,
            RUNBOOK,
            "--to",
            "b",
            *seed.as_flags(self.inputs),
            "--state",
            self.state,
            AWS_ENDPOINT_URL=self.address,
            AWS_ACCESS_KEY_ID=self.key["AccessKeyId"],
            AWS_SECRET_ACCESS_KEY=self.key["SecretAccessKey"],
        )


def without(policy: dict, action: str) -> dict:
    statements = [
        {**statement, "Action": [other for other in statement["Action"] if other != action]}
        for statement in policy["Statement"]
    ]
    assert statements != policy["Statement"], f"{action} is in the policy"
    return {**policy, "Statement": [statement for statement in statements if statement["Action"]]}


@pytest.fixture
def enforced(moto_address, tmp_path):
    return Enforced(moto_address, tmp_path / "state")


def test_the_printed_actions_are_enough(enforced):
    enforced.enforce(enforced.policy())
    run = enforced.lifeboat("run", "--yes")
    assert run.process.returncode == 0, str(run)


def test_a_missing_read_refuses_the_plan_with_action_principal_and_step(enforced):
    enforced.enforce(without(enforced.policy(), "ec2:DescribeRouteTables"))
    plan = enforced.lifeboat("plan")
    said = "".join(plan.output)
    assert plan.process.returncode == 4, str(plan)
    for named in ["ec2:DescribeRouteTables", USER, "move-address"]:
        assert named in " ".join(said.split()), str(plan)
