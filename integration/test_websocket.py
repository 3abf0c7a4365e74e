"""WebSocket: one conversation, with messages from nothing to 5 MB, on every way through the proxy."""

import pytest

from integration.lab import Lab


@pytest.mark.parametrize(
    ("port", "way"),
    [
        pytest.param(8080, "forward", id="forwarded upgrade"),
        pytest.param(8080, "connect", id="CONNECT"),
        pytest.param(2080, "forward", id="forwarded upgrade behind a port"),
        pytest.param(443, "direct", id="by the Host field"),
        pytest.param(4080, "direct", id="reverse proxy"),
    ],
)
def test_conversation(lab: Lab, port: int, way: str) -> None:
    done = lab.client("/usr/bin/python3", "/srv/websocket_client.py", f"{lab.address('proxy')}:{port}", way)

    assert done.stdout == "closed 1000\n", done.stderr
