"""Each example is a valid configuration, and its server carries a request to an origin of ours."""

import http.client
import http.server
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import yaml

from tools.ports import free_port

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


def make_certificates(name: str, folder: Path) -> None:
    """Follow the example's own instructions, if it has any."""
    commands = re.findall(r"^\$ (openssl .*)", (HERE / name / "README.md").read_text(), re.MULTILINE)
    if commands and shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    for command in commands:
        subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid_as_it_stands(name: str, tmp_path: Path) -> None:
    folder = shutil.copytree(HERE / name, tmp_path / name)
    make_certificates(name, folder)
    done = subprocess.run(
        [sys.executable, "-m", "g3proxyd", "-t", "-c", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_list_of_examples_is_complete() -> None:
    listed = re.findall(r"^\| \[(\w+)\]\(\1\) ", (HERE / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_a_curl_line(name: str) -> None:
    assert re.search(r"^\$ curl .*", (HERE / name / "README.md").read_text(), re.MULTILINE)


def moved(name: str, folder: Path, origin: int) -> int:
    """The example on free ports, allowed to reach the test's origin under the name example.com; the first port."""
    port, other = free_port(), free_port()
    shutil.copytree(HERE / name, folder, dirs_exist_ok=True)
    for source in (HERE / name).rglob("*.json"):
        (folder / source.name).write_text(source.read_text().replace("127.0.0.1:1080", f"127.0.0.1:{other}"))
    for source in (HERE / name).rglob("*.yml"):
        text = (
            source.read_text()
            .replace("127.0.0.1:8080", f"127.0.0.1:{port}")
            .replace("127.0.0.1:1080", f"127.0.0.1:{other}")
            .replace("127.0.0.1:8443", f"127.0.0.1:{other}")
            .replace("127.0.0.1:1053", f"127.0.0.1:{other}")
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
            for place in (server, *server.get("hosts", ())):
                if place.get("upstream") == "example.com:80":
                    place["upstream"] = f"example.com:{origin}"
        target = folder / source.relative_to(HERE / name)
        target.parent.mkdir(exist_ok=True)
        target.write_text(yaml.safe_dump(document))
    return port


def trusting(path: Path) -> ssl.SSLContext:
    """A client's context, as strict everywhere as Python's default is from 3.13 on."""
    context = ssl.create_default_context(cafile=str(path))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def by_http_proxy(port: int, origin: int, folder: Path) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{port}"}))
    with opener.open(f"http://example.com:{origin}/", timeout=PATIENCE) as response:
        return bytes(response.read())


def by_easy_proxy(port: int, origin: int, folder: Path) -> bytes:
    plain = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"http://127.0.0.1:{port}/.well-known/easy-proxy/http/example.com/{origin}/"
    with plain.open(url, timeout=PATIENCE) as response:
        assert response.read() == b"ok"
    return by_http_proxy(port, origin, folder)


def by_https_proxy(port: int, origin: int, folder: Path) -> bytes:
    context = trusting(folder / "authority.crt")
    without = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=context)
    with pytest.raises((OSError, http.client.HTTPException)):
        get(without, f"http://example.com:{origin}/")
    without.close()
    context.load_cert_chain(folder / "client.crt", folder / "client.key")
    connection = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=context)
    return get(connection, f"http://example.com:{origin}/")


def by_tls_in_front(port: int, origin: int, folder: Path) -> bytes:
    context = trusting(folder / "server.crt")
    return get(http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=context), "/")


def by_socks_inside_tls(port: int, origin: int, folder: Path) -> bytes:
    context = trusting(folder / "proxy.crt")
    sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), PATIENCE), server_hostname="localhost")
    sock.sendall(b"\x05\x01\x00")
    assert sock.recv(2) == b"\x05\x00"
    sock.sendall(b"\x05\x01\x00\x03\x0bexample.com" + origin.to_bytes(2, "big"))
    assert sock.recv(10).startswith(b"\x05\x00")
    connection = http.client.HTTPConnection("example.com", origin)
    connection.sock = sock
    return get(connection, "/")


def by_reverse_proxy(port: int, origin: int, folder: Path) -> bytes:
    context = trusting(folder / "com.crt")
    context.load_verify_locations(folder / "org.crt")

    def connect(name: str) -> ssl.SSLSocket:
        return context.wrap_socket(socket.create_connection(("127.0.0.1", port), PATIENCE), server_hostname=name)

    connect("www.example.org").close()  # with a certificate of its own
    connection = http.client.HTTPConnection("example.com")
    connection.sock = connect("example.com")
    return get(connection, "/")


def by_function(port: int, origin: int, folder: Path) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "http://www.ads.example/")
    assert connection.getresponse().status == 403
    connection.close()
    return by_http_proxy(port, origin, folder)


def by_service(port: int, origin: int, folder: Path) -> bytes:
    address = yaml.safe_load((folder / "main.yml").read_text())["escaper"][0]["query_peer_addr"]
    service = subprocess.Popen([sys.executable, str(HERE / "ask_a_service" / "service.py"), address, "ads.example"])
    try:
        wait_for_service(service, address)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("GET", "http://www.ads.example/")
        assert connection.getresponse().status == 403
        connection.close()
        return by_http_proxy(port, origin, folder)
    finally:
        service.terminate()
        service.wait(PATIENCE)


def wait_for_service(service: subprocess.Popen[bytes], address: str) -> None:
    """Until the service answers: the daemon would remember for each host that it does not."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + PATIENCE
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.connect((host, int(port)))
        asking.settimeout(PATIENCE)
        while True:
            assert service.poll() is None
            assert time.monotonic() < deadline
            try:
                asking.send(msgspec.msgpack.encode({"id": 1, "host": "a.example"}))
                asking.recv(1000)
                return
            except ConnectionRefusedError:
                time.sleep(0.02)


def by_quic(port: int, origin: int, folder: Path) -> bytes:
    local = free_port()
    command = [str(HERE / "quic" / "client.py"), str(local), "127.0.0.1", str(port), "localhost", "proxy.crt"]
    client = subprocess.Popen([sys.executable, *command], cwd=folder)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return by_http_proxy(local, origin, folder)
            except urllib.error.URLError:
                assert client.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
    finally:
        client.terminate()
        client.wait(PATIENCE)


def get(connection: http.client.HTTPConnection, target: str) -> bytes:
    connection.request("GET", target, headers={"Connection": "close"})
    body = connection.getresponse().read()
    connection.close()
    return body


WAYS: dict[str, Callable[[int, int, Path], bytes]] = {
    "ask_a_service": by_service,
    "easy_proxy": by_easy_proxy,
    "https_proxy": by_https_proxy,
    "quic": by_quic,
    "reverse_proxy": by_reverse_proxy,
    "python_route": by_function,
    "socks_inside_tls": by_socks_inside_tls,
    "tls_in_front": by_tls_in_front,
}
"""How a client uses an example; what is not here is an HTTP proxy."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_carries_a_request(name: str, tmp_path: Path, origin: int) -> None:
    port = moved(name, tmp_path, origin)
    make_certificates(name, tmp_path)
    process = subprocess.Popen([sys.executable, "-m", "g3proxyd", "-c", str(tmp_path)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), PATIENCE).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        assert WAYS.get(name, by_http_proxy)(port, origin, tmp_path) == b"ok"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
