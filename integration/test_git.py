"""git over HTTP: clone and push, through CONNECT and SOCKS too."""

import pytest

from integration.clients import shell
from integration.lab import Lab

PLAIN = "http://origin.g3.test/git/project.git"
TLS = "https://origin.g3.test/git/project.git"


@pytest.mark.parametrize(
    ("scheme", "url"), [("http", PLAIN), ("http", TLS), ("socks5h", PLAIN), ("socks5", PLAIN), ("socks4a", TLS)]
)
def test_clone(lab: Lab, scheme: str, url: str) -> None:
    proxy = lab.http_proxy if scheme == "http" else f"{scheme}://{lab.socks_proxy}"
    script = """
        rm -rf /tmp/clone
        git -c http.proxy="$1" -c http.sslCAInfo=/srv/tls/authority.crt clone -q "$2" /tmp/clone
        git -C /tmp/clone fsck --full
        stat -c %s /tmp/clone/blob
    """

    assert shell(lab, script, proxy, url).split()[-1] == "3000000"


@pytest.mark.parametrize("post_buffer", ["1000", "100000000"], ids=["chunked", "length"])
def test_push(lab: Lab, post_buffer: str) -> None:
    """A request body with and without its length, answered by a program that reads all of it first."""
    script = """
        export HOME=/tmp GIT_AUTHOR_NAME=client GIT_AUTHOR_EMAIL=client@g3.test
        export GIT_COMMITTER_NAME=client GIT_COMMITTER_EMAIL=client@g3.test
        rm -rf /tmp/push
        git -c http.proxy="$1" clone -q "$2" /tmp/push
        cd /tmp/push
        head -c 2000000 /dev/urandom >new
        git add new
        git commit -q -m 'Pushed through the proxy'
        git -c http.proxy="$1" -c http.postBuffer="$3" push -q origin main
        git rev-parse main
    """
    pushed = shell(lab, script, lab.http_proxy, PLAIN, post_buffer).split()[-1]
    there = lab.run("origin", "git", "-C", "/srv/git/project.git", "rev-parse", "main")

    assert there.stdout.strip() == pushed
