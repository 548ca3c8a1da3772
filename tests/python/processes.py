"""Servers and programs as children of the tests: started, waited for, and killed whatever happens.

Knows nothing of what they serve.
"""

import contextlib
import ctypes
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIFEBOAT = Path(os.environ.get("LIFEBOAT", ROOT / "target/debug/lifeboat")).resolve()
START_TIMEOUT = 60.0
LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that leads to real credentials, endpoints or regions."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_COLOR": "1",
    }
    return kept | nowhere | more


def die_with_parent() -> None:
    """Asks the kernel to kill this child when the tests die without a chance to do it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Child:
    """A running program whose output is kept for the message of a failing test."""

    def __init__(self, command: list, environment: dict[str, str]):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        self.errors: list[str] = []
        self.output: list[str] = []
        self._lines: queue.Queue = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stderr, self.errors, self._lines), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stdout, self.output, None), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream, kept: list[str], lines: queue.Queue | None) -> None:
        for line in stream:
            kept.append(line)
            if lines is not None:
                lines.put(line)
        if lines is not None:
            lines.put(None)

    def wait_for_line(self, pattern: re.Pattern) -> re.Match:
        """The first line of standard error that matches, or a failure that shows all of them."""
        deadline = time.monotonic() + START_TIMEOUT
        with contextlib.suppress(queue.Empty):
            while (line := self._lines.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
                if match := pattern.search(line):
                    return match
        raise AssertionError(f"no line {pattern.pattern!r} from {self}")

    def wait_for_port(self, port: int) -> None:
        """Returns once something accepts connections on `port`."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            if self.ended_within(0.05):
                break
        raise AssertionError(f"port {port} was not opened by {self}")

    def ended_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def finish(self, timeout: float) -> int:
        """Waits for the program's own end and returns its exit code."""
        if not self.ended_within(timeout):
            self.kill()
            raise AssertionError(f"still running after {timeout} s: {self}")
        for reader in self._readers:
            reader.join(START_TIMEOUT)
        return self.process.returncode

    def kill(self) -> None:
        """SIGKILL: the program gets no chance to tidy up."""
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(START_TIMEOUT)

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.kill()

    def __str__(self) -> str:
        text = "".join(self.errors[-40:]) + "".join(self.output[-40:])
        return f"{' '.join(self.command)} (exit code {self.process.poll()})\n{text}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def simulation(world: Path, speed: int = 60):
    """`lifeboat sim` on a port of its own choice; yields its address."""
    assert LIFEBOAT.is_file(), f"{LIFEBOAT} is missing: run tests/run, or `cargo build`"
    command = [LIFEBOAT, "sim", world, "--listen", "127.0.0.1:0", "--speed", speed]
    with Child(command, clean_environment()) as child:
        yield child.wait_for_line(LISTENING)[1]
        assert child.process.poll() is None, f"the simulation died: {child}"


@contextlib.contextmanager
def moto(account: str):
    """moto's server on a free port, its resources owned by `account`; yields its address."""
    port = free_port()
    server = Path(sys.executable).with_name("moto_server")
    with Child([server, "-H", "127.0.0.1", "-p", port], clean_environment(MOTO_ACCOUNT_ID=account)) as child:
        child.wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
        assert child.process.poll() is None, f"moto died: {child}"


def lifeboat(*arguments, timeout: float = 300, **environment: str) -> Child:
    """Runs the program to its end."""
    with Child([LIFEBOAT, *arguments], clean_environment(**environment)) as child:
        child.finish(timeout)
        return child
