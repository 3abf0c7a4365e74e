"""The whole command, short: that it works and cleans up, not what it measures."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure import process_tree
from bench.origin import missing
from bench.peers import PEERS
from bench.peers.debian import Squid
from bench.workloads import WORKLOADS, missing_clients

COMMAND = [sys.executable, str(Path(__file__).resolve().parents[1] / "run.py")]
PRESENT = [peer for peer in PEERS if peer.missing() is None and peer.package is not None]
MEASURED = [workload for workload in WORKLOADS if workload.missing() is None]

needs_programs = pytest.mark.skipif(
    bool(missing() or missing_clients() or not PRESENT), reason="nginx, wrk, curl or every proxy is missing"
)


@needs_programs
@pytest.mark.timeout(300)
def test_quick_run_measures_each_proxy_that_is_there(tmp_path: Path) -> None:
    proxies = ",".join(peer.name for peer in PRESENT)
    done = subprocess.run(
        [*COMMAND, "--quick", "--proxies", proxies, "--output", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = tmp_path.iterdir()
    results = {row["workload"]: row["proxies"] for row in json.loads(file.read_text())["results"]}
    assert list(results) == [workload.name for workload in MEASURED]
    for workload in MEASURED:
        speakers = {peer.name for peer in PRESENT if workload.setup in peer.setups}
        assert results[workload.name].keys() == speakers
        least = 0 if workload.name == "udp-loss" else 1e-9
        assert all(cell["figure"] >= least for cell in results[workload.name].values())


@needs_programs
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    run = subprocess.Popen(
        [*COMMAND, "--quick", "--proxies", PRESENT[0].name, "--output", str(tmp_path / "results")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        # A shell's job in the background ignores it, and all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert run.stderr is not None
    assert run.stderr.readline()  # the first repetition is done, so all is running
    members = [pid for pid in process_tree(run.pid) if pid != run.pid]
    assert members
    run.send_signal(number)
    run.stderr.read()

    assert run.wait(30) == 130
    run.stderr.close()
    assert not [pid for pid in members if Path(f"/proc/{pid}").exists()]
    assert not list(tmp_path.iterdir())


def test_unknown_names_are_told() -> None:
    done = subprocess.run([*COMMAND, "--only", "forwrad"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "unknown: forwrad; known: forward, web, connect" in done.stderr


def test_a_proxy_that_is_not_there_is_named_with_the_reason() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "G3PROXY_BIN"}
    command = [*COMMAND, "--proxies", "g3proxy"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert done.returncode == 2
    assert "G3PROXY_BIN" in done.stderr or missing() or missing_clients()


def test_a_row_whose_next_proxy_is_not_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = (workload for workload in WORKLOADS if workload.name == "next-http")
    monkeypatch.setattr(Squid, "missing", lambda self: "not installed")

    assert row.missing() == "squid, the next proxy, is not installed"
