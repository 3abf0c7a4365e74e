"""The escaper that lets everything through."""

import pytest
from escaper.network import Task, run_virtually
from escaper.paths import End, make_route
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.upstream import Upstream

UPSTREAM = Upstream("a.test", 80)
KEYS = {"type": "comply_audit", "next": "end"}


def test_every_call_goes_on() -> None:
    async def main() -> None:
        end = End("end")
        escaper = make_route(KEYS, end)
        notes, task = ConnectNotes(), Task()
        for connection in (
            await escaper.tcp_connect(UPSTREAM, notes, task),
            (await escaper.http_connect(UPSTREAM, notes, task)).connection,
            await escaper.tcp_connect_beside(UPSTREAM, notes, ConnectNotes(), task),
            await escaper.udp_connect(UPSTREAM, notes, task),
        ):
            connection.close()
        for peer in end.peers:
            peer.close()
        assert end.asked == [f"{call} a.test:80" for call in ("tcp", "http", "beside", "udp")]
        assert notes.escaper == "end"

    run_virtually(main)


def test_so_does_a_refusal() -> None:
    async def main() -> None:
        escaper = make_route(KEYS, End("end", error=ConnectReason.METHOD_UNAVAILABLE))
        with pytest.raises(TcpConnectError):
            await escaper.tcp_connect(UPSTREAM, ConnectNotes(), Task())

    run_virtually(main)
