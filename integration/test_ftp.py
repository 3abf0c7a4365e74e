"""FTP over HTTP: curl through the HTTP proxy against vsftpd."""

import pytest

from integration.clients import sha256, shell, via_http
from integration.lab import Lab

SITE = "ftp://origin.g3.test"
ALICE = "ftp://alice:wonderland@origin.g3.test"


@pytest.mark.parametrize("site", [f"{SITE}/", f"{ALICE}/%2Fsrv/www/"], ids=["anonymous", "with a password"])
def test_download_is_byte_exact(lab: Lab, site: str) -> None:
    answer = via_http(lab, f"{site}medium.bin", "-o", "/tmp/ftp-medium")

    assert answer.status == 200
    assert sha256(lab, "/tmp/ftp-medium", at="client") == sha256(lab, "/srv/www/medium.bin")


def test_log_of_a_download(lab: Lab) -> None:
    uri = f"{SITE}/hello.txt"
    assert via_http(lab, uri).body == "hello from the origin\n"
    line = lab.task(uri=uri)

    assert (line["task_type"], line["reason"], line["rsp_status"]) == ("FtpOverHttp", "Finished", 200)


def test_a_range(lab: Lab) -> None:
    answer = via_http(lab, f"{SITE}/hello.txt", "--range", "6-9")

    assert (answer.status, answer.body) == (206, "from")


def test_listing(lab: Lab) -> None:
    answer = via_http(lab, f"{SITE}/")

    assert answer.status == 200
    assert {line.split()[-1] for line in answer.body.splitlines()} >= {"hello.txt", "medium.bin", "upload"}


def test_upload_and_delete(lab: Lab) -> None:
    shell(lab, "[ -e /tmp/upload ] || head -c 20000003 /dev/urandom >/tmp/upload")
    url = f"{ALICE}/upload.bin"

    assert via_http(lab, url, "-T", "/tmp/upload").status == 201
    assert sha256(lab, "/srv/alice/upload.bin") == sha256(lab, "/tmp/upload", at="client")
    assert via_http(lab, url, "-T", "/tmp/upload").status == 204, "it was there"
    assert via_http(lab, url, "-X", "DELETE").status in {200, 204}
    assert lab.run("origin", "test", "-e", "/srv/alice/upload.bin").returncode == 1
    assert via_http(lab, url).status == 404


@pytest.mark.parametrize(
    ("url", "words", "status"),
    [
        pytest.param(f"{SITE}/no-such-file", [], 404, id="no such file"),
        pytest.param("ftp://alice:looking-glass@origin.g3.test/", [], 401, id="wrong password"),
        pytest.param(f"{SITE}/nobody-may-write", ["-T", "/etc/hostname"], 403, id="upload of a stranger"),
        pytest.param("ftp://origin.g3.test:81/", [], 521, id="nobody listens"),
        pytest.param("ftp://origin.g3.test:80/", [], 504, id="no greeting"),
        pytest.param("ftp://127.0.0.1/", [], 403, id="forbidden address"),
    ],
)
def test_refusals(lab: Lab, url: str, words: list[str], status: int) -> None:
    assert via_http(lab, url, *words).status == status


def test_password_is_not_logged(lab: Lab) -> None:
    via_http(lab, f"{ALICE}/")

    assert "wonderland" not in lab.log("proxy") + lab.process_log()
