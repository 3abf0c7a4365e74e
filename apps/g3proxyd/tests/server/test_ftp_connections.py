"""FTP over HTTP when one of its two connections fails: no active mode takes the place of a passive connection."""

import pytest
from ftp_site import scripted
from loopback import run
from proxy import proxy, talk
from server.test_ftp_servers import EPSV, FILE, IN, LIST, UNKNOWN, get, play, status

ENDINGS = pytest.mark.parametrize(
    ("ending", "reason"), [(b"|close|", "ClosedByUpstream"), (b"|reset|", "UpstreamReadFailed")]
)


@ENDINGS
@pytest.mark.parametrize("verb", ["USER", "PASS", "TYPE", "SIZE", "MDTM", "EPSV", "PASV", "RETR"])
def test_a_control_connection_that_ends_instead_of_a_reply(verb: str, ending: bytes, reason: str) -> None:
    passive = {"EPSV": b"500 what?\r\n", "PASV": b""} if verb == "PASV" else EPSV
    response, record, commands = play({**passive, **FILE, verb: ending})
    assert (status(response), record["reason"]) == (502, reason)
    assert commands[-1].partition(" ")[0] == verb


@ENDINGS
def test_a_control_connection_that_ends_while_a_file_comes(ending: bytes, reason: str) -> None:
    """A body with a length is whole when it has come; one without is whole only if the server says so."""
    response, record, _ = play({**EPSV, **FILE, "RETR": b"150 comes\r\n" + ending})
    assert response.endswith(b"\r\n\r\nhello")
    assert record["reason"] == reason
    for replies, path in (
        ({**UNKNOWN, "RETR": b"150 comes\r\n|later|" + ending}, "/file"),
        ({**LIST, "LIST": b"150 comes\r\n|later|" + ending}, "/directory/"),
    ):
        response, record, _ = play({**EPSV, **replies}, (path,), data=b"hello\r\n")
        assert b"hello\r\n" in response
        assert not response.endswith(b"0\r\n\r\n")
        assert record["reason"] == reason
        response, record, _ = play({**EPSV, **replies}, (path,), data=b"hello\r\n", minor=0)
        assert (response, record["reason"]) == (b"RESET", reason)


@ENDINGS
def test_a_control_connection_that_ends_while_a_file_goes(ending: bytes, reason: str) -> None:
    """Nobody knows what the server has kept: it is no success."""
    replies = {**EPSV, "SIZE": b"550 no\r\n", "STOR": b"150 go on\r\n|later|" + ending}
    response, record, _ = play(replies, ("/new", b"Content-Length: 3"), method="PUT", body=b"abc", data=b"")
    assert (status(response), record["reason"]) == (502, reason)


@pytest.mark.parametrize(
    "replies",
    [
        {"EPSV": b"229 ok (|||0|)\r\n"},
        {"EPSV": b"229 ok (|||65536|)\r\n"},
        {"EPSV": b"229 ok (|1|192.0.2.1|80|)\r\n"},
        {"EPSV": b"500 what?\r\n", "PASV": b"227 ok (127,0,0,1,0,0)\r\n"},
        {"EPSV": b"500 what?\r\n", "PASV": b"227 ok (127,0,0,1,256,1)\r\n"},
        {"EPSV": b"500 what?\r\n", "PASV": b"227 ok\r\n"},
    ],
)
def test_a_port_that_nobody_can_connect_to(replies: dict[str, bytes]) -> None:
    response, record, commands = play({**FILE, **replies})
    assert (status(response), record["reason"]) == (502, "InvalidUpstreamProtocol")
    assert "RETR file" not in commands


def test_neither_way_to_a_passive_connection() -> None:
    """The server's refusal is told; PORT and EPRT, which would have it connect to us, are never said."""
    response, record, commands = play({**FILE, "EPSV": b"522 no\r\n", "PASV": b"425 no\r\n"})
    assert (status(response), record["reason"]) == (502, "Finished")
    assert b"425 no" in response
    assert not {"PORT", "EPRT"} & {command.partition(" ")[0] for command in commands}


@pytest.mark.parametrize("path", ["/file", "/directory/"])
def test_a_data_connection_without_a_word(path: str) -> None:
    """It ends when the task has been idle for too long; what the client has is no whole response."""

    async def main() -> None:
        idle = {"task_idle_check_interval": "100ms", "task_idle_max_count": 1}
        replies = {**IN, **EPSV, **FILE, **LIST}
        async with proxy(http=idle) as p, scripted(replies) as ((_, port), _, _):  # it waits for an upload
            response = await talk(p.http, get(port, path))
            assert response.startswith(b"HTTP/1.1 200 ")
            assert response.endswith(b"\r\n\r\n")
            assert not response.endswith(b"0\r\n\r\n")
            assert (await p.task_record())["reason"] == "UpstreamAppTimeout"

    run(main())
