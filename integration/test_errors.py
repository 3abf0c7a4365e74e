"""What the proxy answers when the way to the origin is barred, wrong, or breaks."""

import pytest

from integration.clients import shell, via_http, via_socks
from integration.lab import Lab, eventually

# For each target: what is wrong with it, and the status that says so.
REFUSALS = [
    pytest.param("no-such-name.g3.test", 530, id="no such name"),
    pytest.param("empty.g3.test", 502, id="name without an address"),
    pytest.param("elsewhere.example", 530, id="name server refuses"),
    pytest.param("origin.g3.test:81", 521, id="nobody listens"),
    pytest.param("loopback.g3.test", 403, id="name of a forbidden address"),
    pytest.param("127.0.0.1", 403, id="loopback"),
    pytest.param("169.254.1.1", 403, id="link-local"),
    pytest.param("0.0.0.0", 403, id="unspecified"),
    pytest.param("[::1]", 403, id="loopback of IPv6"),
    pytest.param("[::ffff:127.0.0.1]", 403, id="loopback inside IPv6"),
]


@pytest.mark.parametrize(("target", "status"), REFUSALS)
def test_forward_tells_why_not(lab: Lab, target: str, status: int) -> None:
    assert via_http(lab, f"http://{target}/").status == status


@pytest.mark.parametrize(("target", "status"), REFUSALS)
def test_connect_tells_why_not(lab: Lab, target: str, status: int) -> None:
    assert via_http(lab, f"http://{target}/", "--proxytunnel").connect == status


def test_address_where_no_machine_is(lab: Lab) -> None:
    assert via_http(lab, "http://nobody.g3.test/").status == 523


def test_second_address_is_tried(lab: Lab) -> None:
    """Two addresses, and only one of them has a web server: the order is the proxy's choice, the answer is not."""
    statuses = {via_http(lab, "http://several.g3.test/hello.txt").status for _ in range(6)}

    assert statuses == {200}


def test_proxy_serves_on_after_refusals(lab: Lab) -> None:
    """One client connection: a refusal that needs no close must not disturb what follows."""
    urls = ["http://no-such-name.g3.test/", "http://origin.g3.test/hello.txt"]
    done = lab.client(
        "curl", "-s", "-x", lab.http_proxy, "-w", "%{http_code} ", "-o", "/dev/null", "-o", "/dev/null", *urls
    )

    assert done.stdout.split() == ["530", "200"]


def test_name_server_goes_and_comes_back(lab: Lab) -> None:
    # Each worker has a cache of its own: after so many connections both have met the name.
    ask = 'for i in $(seq 20); do curl -sf -o /dev/null -x "$1" http://known.fresh.g3.test/hello.txt; done'
    shell(lab, ask, lab.http_proxy)
    with lab.stopped("dns"):
        assert via_http(lab, "http://known.fresh.g3.test/hello.txt").status == 200, "kept in the cache"
        assert via_http(lab, "http://unknown.fresh.g3.test/hello.txt", seconds=30).status == 530
        assert via_socks(lab, "socks5-hostname", "http://unknown2.fresh.g3.test/hello.txt").exit_code == 97
    assert via_http(lab, "http://later.fresh.g3.test/hello.txt").status == 200
    assert eventually(lambda: via_http(lab, "http://unknown.fresh.g3.test/hello.txt").status == 200)


def test_origin_goes_and_comes_back(lab: Lab) -> None:
    """The proxy may hold a connection to the origin, and must not trust it.

    How long the kernel trusts an address that answered a moment ago is its own affair: it says that there is no way
    (523), or the configured time for a connection is over first (504).
    """
    assert via_http(lab, "http://origin.g3.test/hello.txt").status == 200
    with lab.stopped("origin"):
        assert via_http(lab, "http://origin.g3.test/hello.txt").status in {504, 523}
        assert via_http(lab, "https://origin.g3.test/hello.txt").connect in {504, 523}
    assert via_http(lab, "http://origin.g3.test/hello.txt").status == 200


def test_origin_that_does_not_answer(lab: Lab) -> None:
    with lab.frozen("origin"):
        assert via_http(lab, "http://origin.g3.test/hello.txt").status == 504
    assert via_http(lab, "http://origin.g3.test/hello.txt").status == 200


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_origin_dies_in_the_middle_of_a_download(lab: Lab, scheme: str) -> None:
    """The client must see at once that the file is not whole; nobody else must see anything."""
    download = """
        rm -f /tmp/broken /tmp/ended
        (
            code=0
            curl -s -x "$1" --cacert /srv/tls/authority.crt --limit-rate 4M -o /tmp/broken "$2" || code=$?
            echo $code >/tmp/code
            mv /tmp/code /tmp/ended
        ) >/dev/null 2>&1 &
    """
    kill_worker = "for p in /proc/[0-9]*; do ! grep -qs 'nginx: [w]orker' $p/cmdline || kill -9 ${p#/proc/}; done"
    shell(lab, download, lab.http_proxy, f"{scheme}://origin.g3.test/big.bin")
    assert eventually(lambda: lab.client("test", "-s", "/tmp/broken").returncode == 0)
    assert lab.run("origin", "sh", "-c", kill_worker).returncode == 0

    assert eventually(lambda: lab.client("test", "-s", "/tmp/ended").returncode == 0, 30)
    # 18: a part of the file; 56: failure in receiving.
    assert shell(lab, "cat /tmp/ended").strip() in {"18", "56"}
    assert eventually(lambda: via_http(lab, "http://origin.g3.test/hello.txt").status == 200)


@pytest.mark.parametrize("line", ["GET", "GET /", "GET http://origin.g3.test/ HTTP/1.1 x", "\\x16\\x03\\x01"])
def test_what_is_no_request_is_refused(lab: Lab, line: str) -> None:
    answer = shell(
        lab,
        """printf "$1\\r\\n\\r\\n" | /usr/bin/python3 -c '
import socket, sys
peer = socket.create_connection((sys.argv[1], 8080), 20)
peer.sendall(sys.stdin.buffer.read())
while block := peer.recv(4096):
    sys.stdout.buffer.write(block)
' "$2" """,
        line,
        lab.address("proxy"),
    )

    assert answer.startswith("HTTP/1.1 400 ")
