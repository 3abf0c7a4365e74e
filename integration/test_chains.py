"""Ways over next proxies: squid, tinyproxy, dante, haproxy that takes PROXY headers, and the daemon itself over TLS."""

import pytest

from integration.clients import curl, sha256, shell, via_entrance
from integration.lab import Lab, Service, eventually

HELLO = "hello from the origin\n"
# Each way, and the host and port that it begins with; it is taken for the name below fresh.g3.test of the same name.
WAYS: dict[str, tuple[Service, int]] = {
    "squid": ("hops", 3128),
    "tinyproxy": ("hops", 8888),
    "dante": ("hops", 1080),
    "header": ("hops", 3129),
    "header-and-tls": ("hops", 3130),
    "relay": ("west", 8443),
    "relay-socks": ("west", 1443),
    "three": ("west", 8444),
}
# How a client may ask: an http target in the absolute form, the same and an https target by CONNECT.
FORMS: dict[str, tuple[str, list[str]]] = {
    "forward": ("http", []),
    "tunnel": ("http", ["--proxytunnel"]),
    "https": ("https", []),
}

ways = pytest.mark.parametrize("way", WAYS)


@ways
@pytest.mark.parametrize("form", FORMS)
def test_download_is_byte_exact(lab: Lab, way: str, form: str) -> None:
    scheme, words = FORMS[form]
    answer = via_entrance(lab, f"{scheme}://{way}.fresh.g3.test/medium.bin", "-o", "/tmp/chain", *words)

    assert answer.status == 200, answer.error
    assert sha256(lab, "/tmp/chain", at="client") == sha256(lab, "/srv/www/medium.bin")


@ways
@pytest.mark.parametrize("form", ["forward", "https"])
def test_upload_is_byte_exact(lab: Lab, way: str, form: str) -> None:
    """5 MB of unannounced length where the client forwards, else of a known one."""
    scheme, words = FORMS[form]
    shell(lab, "[ -e /tmp/chain-upload ] || head -c 5000003 /dev/urandom >/tmp/chain-upload")
    chunked = ["-H", "Transfer-Encoding: chunked"] if form == "forward" else []
    url = f"{scheme}://{way}.fresh.g3.test/upload/{way}-{form}"
    answer = via_entrance(lab, url, "-T", "/tmp/chain-upload", *words, *chunked)

    assert answer.status in {201, 204}, answer.error
    assert sha256(lab, f"/srv/www/upload/{way}-{form}") == sha256(lab, "/tmp/chain-upload", at="client")


@pytest.mark.parametrize("way", ["squid", "dante", "three"])
def test_big_download_is_byte_exact(lab: Lab, way: str) -> None:
    answer = via_entrance(lab, f"https://{way}.fresh.g3.test/big.bin", "-o", "/tmp/chain-big")

    assert answer.status == 200, answer.error
    assert sha256(lab, "/tmp/chain-big", at="client") == sha256(lab, "/srv/www/big.bin")


@ways
def test_log_tells_the_next_proxy(lab: Lab, way: str) -> None:
    uri = f"http://{way}.fresh.g3.test/hello.txt?log"
    assert via_entrance(lab, uri).body == HELLO
    line = lab.task("entrance", uri=uri)

    service, port = WAYS[way]
    assert line["escaper"] == way
    assert line["next_peer_addr"] == f"{lab.address(service)}:{port}"
    assert (line["reason"], line["rsp_status"], line["origin_status"]) == ("Finished", 200, 200)
    assert line["upstream"] == f"{way}.fresh.g3.test:80", "the next proxy resolves the name"


def test_three_proxies_in_a_row(lab: Lab) -> None:
    """The relay takes the entrance's certificate and goes on to squid."""
    uri = "http://three.fresh.g3.test/hello.txt?in-a-row"
    assert via_entrance(lab, uri).body == HELLO
    line = lab.task("west", uri=uri)

    assert line["client_addr"].startswith(f"{lab.address('entrance')}:")
    assert (line["escaper"], line["next_peer_addr"]) == ("squid", f"{lab.address('hops')}:3128")


@pytest.mark.parametrize("way", ["header", "header-and-tls"])
@pytest.mark.parametrize("form", ["forward", "https"])
def test_balancer_learns_who_the_client_is(lab: Lab, way: str, form: str) -> None:
    """By version 1, and by version 2 ahead of TLS."""
    scheme, words = FORMS[form]
    line = f"{way} {lab.address('client')}"
    before = lab.log("hops").splitlines().count(line)
    via_entrance(lab, f"{scheme}://{way}.fresh.g3.test/hello.txt", *words)

    assert eventually(lambda: lab.log("hops").splitlines().count(line) > before), lab.log("hops")[-500:]


def test_site_learns_who_the_client_is(lab: Lab) -> None:
    """The entrance connects directly, with a header of version 2."""
    assert via_entrance(lab, "http://hops.g3.test:8084/").body == f"{lab.address('client')}\n"


@pytest.mark.parametrize("version", ["socks4a", "socks5-hostname"])
@pytest.mark.parametrize("way", ["squid", "dante", "three"])
def test_socks_clients_have_the_same_ways(lab: Lab, version: str, way: str) -> None:
    proxy = f"{lab.address('entrance')}:1080"
    answer = curl(lab, f"--{version}", proxy, f"http://{way}.fresh.g3.test/medium.bin", "-o", "/tmp/chain")

    assert answer.status == 200, answer.error
    assert sha256(lab, "/tmp/chain", at="client") == sha256(lab, "/srv/www/medium.bin")


@pytest.mark.parametrize("port", [1081, 1082], ids=["dante", "relay"])
def test_questions_to_a_name_server(lab: Lab, port: int) -> None:
    """dnsmasq is asked over our SOCKS server and the next one."""
    client = ["/usr/bin/python3", "/srv/udp_client.py", f"{lab.address('entrance')}:{port}"]
    done = lab.client(*client, "dns", lab.address("dns"), "origin.g3.test", "A")

    assert done.stdout.split() == ["origin.g3.test.", "60", "IN", "A", lab.address("origin")], done.stderr


@pytest.mark.parametrize("port", [1081, 1082], ids=["dante", "relay"])
def test_datagrams_come_back_as_they_were(lab: Lab, port: int) -> None:
    client = ["/usr/bin/python3", "/srv/udp_client.py", f"{lab.address('entrance')}:{port}"]
    done = lab.client(*client, "echo", lab.address("origin"), "1", "512", "1200", "1400")

    sizes = [line.split()[0] for line in done.stdout.splitlines()]
    assert sizes == ["1", "512", "1200", "1400"], done.stderr
