"""Each example is a valid configuration, and its server carries a request to an origin of ours."""

import http.server
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from socket import create_connection, socket

import pytest
import yaml

HERE = Path(__file__).parent
EXAMPLES = sorted(path.parent.name for path in HERE.glob("*/main.yml"))
PATIENCE = 30.0


class Origin(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def origin() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid_as_it_stands(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "g3proxyd", "-t", "-c", str(HERE / name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_a_curl_line(name: str) -> None:
    assert re.search(r"^\$ curl .*", (HERE / name / "README.md").read_text(), re.MULTILINE)


def moved(name: str, folder: Path, origin: int) -> int:
    """The example on free ports, allowed to reach the test's origin under the name example.com; its HTTP port."""
    with socket() as one, socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        other: int = two.getsockname()[1]
    for source in (HERE / name).rglob("*.yml"):
        text = (
            source.read_text()
            .replace("127.0.0.1:8080", f"127.0.0.1:{port}")
            .replace("127.0.0.1:1080", f"127.0.0.1:{other}")
        )
        document = yaml.safe_load(text)
        escapers = document.get("escaper") if "escaper" in document else [document]
        for escaper in escapers if isinstance(escapers, list) else []:
            if escaper.get("type") == "direct_fixed":
                rules = escaper.setdefault("egress_network_filter", {"default": "permit"})
                rules["permit"] = "127.0.0.0/8"
                escaper["resolve_redirection"] = {"example.com": "127.0.0.1"}
        for server in document.get("server", []):
            if "dst_port_filter" in server:
                server["dst_port_filter"].append(origin)
        target = folder / source.relative_to(HERE / name)
        target.parent.mkdir(exist_ok=True)
        target.write_text(yaml.safe_dump(document))
    return port


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_carries_a_request(name: str, tmp_path: Path, origin: int) -> None:
    port = moved(name, tmp_path, origin)
    process = subprocess.Popen([sys.executable, "-m", "g3proxyd", "-c", str(tmp_path)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                create_connection(("127.0.0.1", port), PATIENCE).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{port}"}))
        with direct.open(f"http://example.com:{origin}/", timeout=PATIENCE) as response:
            assert response.read() == b"ok"
        if name == "easy_proxy":
            plain = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            url = f"http://127.0.0.1:{port}/.well-known/easy-proxy/http/example.com/{origin}/"
            with plain.open(url, timeout=PATIENCE) as response:
                assert response.read() == b"ok"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
