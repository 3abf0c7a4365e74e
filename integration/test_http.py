"""Plain HTTP and CONNECT: curl and wget against nginx."""

import pytest

from integration.clients import sha256, shell, via_http
from integration.lab import Lab

HELLO = "hello from the origin\n"
BIG = 67_108_864


def test_curl_gets_a_page(lab: Lab) -> None:
    answer = via_http(lab, "http://origin.g3.test/hello.txt")

    assert (answer.status, answer.body) == (200, HELLO)


def test_curl_gets_a_page_through_connect(lab: Lab) -> None:
    answer = via_http(lab, "https://origin.g3.test/hello.txt")

    assert (answer.connect, answer.status, answer.body) == (200, 200, HELLO)


def test_plain_http_goes_through_connect_too(lab: Lab) -> None:
    answer = via_http(lab, "http://origin.g3.test/hello.txt", "--proxytunnel")

    assert (answer.connect, answer.status, answer.body) == (200, 200, HELLO)


def test_address_instead_of_a_name(lab: Lab) -> None:
    answer = via_http(lab, f"http://{lab.address('origin')}/hello.txt")

    assert (answer.status, answer.body) == (200, HELLO)


def test_http_1_0(lab: Lab) -> None:
    answer = via_http(lab, "http://origin.g3.test/hello.txt", "--http1.0")

    assert (answer.status, answer.body) == (200, HELLO)


def test_head_has_no_body(lab: Lab) -> None:
    answer = via_http(lab, "http://origin.g3.test/big.bin", "--head")

    assert answer.status == 200
    assert f"content-length: {BIG}" in answer.body.lower()


def test_status_of_the_origin_comes_through(lab: Lab) -> None:
    answer = via_http(lab, "http://origin.g3.test/no-such-file")

    assert answer.status == 404


def test_one_connection_serves_many_requests(lab: Lab) -> None:
    urls = ["http://origin.g3.test/hello.txt"] * 20
    form = "%{num_connects} %{http_code}\n"
    outputs = [word for _ in urls for word in ("-o", "/dev/null")]
    done = lab.client("curl", "-sS", "-x", lab.http_proxy, "-w", form, *outputs, *urls)

    assert done.stdout.splitlines() == ["1 200"] + ["0 200"] * 19


def test_chunked_answer_arrives_whole(lab: Lab) -> None:
    answer = via_http(lab, "http://origin.g3.test/lines.txt", "--compressed", "--include", seconds=60)
    head, _, body = answer.body.replace("\r\n", "\n").partition("\n\n")

    assert "transfer-encoding: chunked" in head.lower()
    assert body == "".join(f"{line}\n" for line in range(1, 200_001))


def test_a_range(lab: Lab) -> None:
    answer = via_http(lab, "http://origin.g3.test/hello.txt", "--range", "6-9")

    assert (answer.status, answer.body) == (206, "from")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_big_download_is_byte_exact(lab: Lab, scheme: str) -> None:
    answer = via_http(lab, f"{scheme}://origin.g3.test/big.bin", "-o", "/tmp/big")

    assert (answer.status, answer.size) == (200, BIG)
    assert sha256(lab, "/tmp/big", at="client") == sha256(lab, "/srv/www/big.bin")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_upload_is_byte_exact(lab: Lab, scheme: str, framing: str) -> None:
    shell(lab, "[ -e /tmp/upload ] || head -c 20000003 /dev/urandom >/tmp/upload")
    name = f"{scheme}-{framing}"
    words = ["-T", "/tmp/upload"]
    if framing == "chunked":
        words += ["-H", "Transfer-Encoding: chunked"]
    answer = via_http(lab, f"{scheme}://origin.g3.test/upload/{name}", *words)

    assert answer.status in {201, 204}
    assert sha256(lab, f"/srv/www/upload/{name}") == sha256(lab, "/tmp/upload", at="client")


def test_many_clients_at_once(lab: Lab) -> None:
    """300 transfers, 50 at a time, plain and tunnelled in turns."""
    script = """
        for i in $(seq 150); do
            printf 'url = "http://origin.g3.test/lines.txt"\\noutput = "/dev/null"\\n'
            printf 'url = "https://origin.g3.test/lines.txt"\\noutput = "/dev/null"\\n'
        done >/tmp/urls
        curl -sS --parallel --parallel-max 50 --no-keepalive --cacert /srv/tls/authority.crt -x "$1" \\
            -w '%{http_code} %{size_download}\\n' --config /tmp/urls | sort | uniq -c
    """
    size = sum(len(f"{line}\n") for line in range(1, 200_001))

    assert shell(lab, script, lab.http_proxy, seconds=100).split() == ["300", "200", str(size)]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_wget(lab: Lab, scheme: str) -> None:
    proxy = f"{scheme}_proxy={lab.http_proxy}"
    command = ["wget", "-q", "-O", "-", "-e", "use_proxy=yes", "-e", proxy, "--ca-certificate=/srv/tls/authority.crt"]
    done = lab.client(*command, f"{scheme}://origin.g3.test/hello.txt")

    assert (done.returncode, done.stdout) == (0, HELLO), done.stderr


def test_wget_resumes_a_download(lab: Lab) -> None:
    script = """
        rm -f /tmp/resume && head -c 1000000 /tmp/big >/tmp/resume
        wget -q -c -O /tmp/resume -e use_proxy=yes -e "http_proxy=$1" http://origin.g3.test/big.bin
        sha256sum /tmp/resume
    """
    via_http(lab, "http://origin.g3.test/big.bin", "-o", "/tmp/big")

    assert shell(lab, script, lab.http_proxy).split()[0] == sha256(lab, "/srv/www/big.bin")
