"""Programs of others that tests talk to."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

PATIENCE = 20.0
"""Seconds that a program has to listen, and to end."""


def program(name: str) -> str:
    """Where a program is; skips the test on a machine that lacks it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextlib.contextmanager
def listening_program(*command: str, port: int) -> Iterator[None]:
    """Run a program that listens on this port of 127.0.0.1, and says so to nobody."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), PATIENCE):
                break
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
