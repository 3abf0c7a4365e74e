"""curl, through the daemon, at a real FTP server."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from daemon import daemon
from ftp_site import ftp_site

DATA = random.Random(21).randbytes(3_000_000)
USER = ["-u", "user:p@ss w"]


def curl(proxy: str, *arguments: str) -> bytes:
    """What curl prints; fails with what it complains about."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    command = ["curl", "-sS", "--fail-with-body", "--max-time", "50", "--noproxy", "", "-x", proxy, *arguments]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def test_curl(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "file").write_bytes(DATA)
    (tmp_path / "up").write_bytes(DATA[::-1])
    with ftp_site(folder) as (_, port), daemon(tmp_path) as d:
        site = f"ftp://127.0.0.1:{port}"
        assert curl(d.http_url, f"{site}/file") == DATA
        (tmp_path / "part").write_bytes(DATA[:1_000_000])
        curl(d.http_url, "-C", "-", "-o", str(tmp_path / "part"), f"{site}/file")
        assert (tmp_path / "part").read_bytes() == DATA
        assert curl(d.http_url, "-r", "10-19", f"{site}/file") == DATA[10:20]
        assert b"file\r\n" in curl(d.http_url, f"{site}/")
        curl(d.http_url, *USER, "-T", str(tmp_path / "up"), f"{site}/new")
        assert (folder / "new").read_bytes() == DATA[::-1]
        curl(d.http_url, *USER, "-X", "DELETE", f"{site}/file")
        assert not (folder / "file").exists()
        finished = d.finished(6)
        assert {(record["task_type"], record["reason"]) for record in finished} == {("FtpOverHttp", "Finished")}
        assert [record["rsp_status"] for record in finished] == [200, 206, 206, 200, 201, 204]
        assert d.stop() == 0
