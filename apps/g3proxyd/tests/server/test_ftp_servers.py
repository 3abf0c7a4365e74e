"""FTP over HTTP with servers that are old, odd, slow or hostile: each says what the test tells it to."""

import asyncio
import socket
from typing import Any

import pytest
from ftp_site import scripted
from loopback import run
from proxy import Proxy, origin, proxy, talk

IN = {"USER": b"331 password\r\n", "PASS": b"230 in\r\n", "TYPE": b"200 ok\r\n", "QUIT": b"221 bye\r\n"}
EPSV = {"EPSV": b"229 Entering Extended Passive Mode (|||{port}|)\r\n"}
FILE = {"SIZE": b"213 5\r\n", "RETR": b"150 comes\r\n|later|226 done\r\n"}
UNKNOWN = {"SIZE": b"500 what?\r\n", "RETR": b"150 comes\r\n|later|226 done\r\n"}
LIST = {"CWD": b"250 ok\r\n", "LIST": b"150 comes\r\n|later|226 done\r\n"}


def get(port: int, path: str = "/file", *more: bytes, minor: int = 1, body: bytes = b"", method: str = "GET") -> bytes:
    fields = b"".join(line + b"\r\n" for line in (b"Connection: close", *more))
    head = f"{method} ftp://127.0.0.1:{port}{path} HTTP/1.{minor}\r\nHost: 127.0.0.1:{port}\r\n"
    return head.encode() + fields + b"\r\n" + body


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def play(
    replies: dict[str, bytes],
    request: tuple[Any, ...] = (),
    *,
    data: bytes = b"hello",
    greeting: bytes = b"220 ready\r\n",
    ftp: dict[str, Any] | None = None,
    reset: bool = False,
    **more: Any,
) -> tuple[bytes, dict[str, Any], list[str]]:
    """One request; what the client got, the task's log record, the commands that the server got."""

    async def main() -> tuple[bytes, dict[str, Any], list[str]]:
        site = scripted({**IN, **replies}, data, greeting=greeting, reset=reset)
        async with proxy(http={"ftp_client": ftp or {}}) as p, site as ((_, port), commands, _):
            try:
                response = await talk(p.http, get(port, *request, **more))
            except ConnectionResetError:
                response = b"RESET"
            return response, await p.task_record(), commands

    return run(main())


def test_a_server_that_knows_epsv() -> None:
    response, _, commands = play({**EPSV, **FILE})
    assert response.endswith(b"\r\n\r\nhello")
    assert commands[:7] == [
        "USER anonymous",
        "PASS anonymous@",
        "TYPE I",
        "SIZE file",
        "MDTM file",
        "EPSV",
        "RETR file",
    ]


def test_an_old_server_and_the_address_that_it_would_send_us_to() -> None:
    # 203.0.113.9 is not where the control connection goes: nobody is to be bounced there.
    async def main() -> None:
        async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")

        async with origin(data) as (_, port):
            passive = b"227 Entering Passive Mode (203,0,113,9,%d,%d)\r\n" % divmod(port, 256)
            replies = {**IN, **FILE, "PASV": passive, "RETR": b"150 comes\r\n226 done\r\n"}
            async with proxy() as p, scripted(replies) as ((_, control), commands, _):
                assert (await talk(p.http, get(control))).endswith(b"\r\n\r\nhello")
                assert commands[5:8] == ["EPSV", "PASV", "RETR file"]
                assert (await p.task_record())["ftp_d_peer_addr"] == f"127.0.0.1:{port}"

    run(main())


def test_a_port_of_epsv_that_does_not_answer_is_tried_with_pasv() -> None:
    async def main() -> None:
        async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")

        with socket.socket() as dead:
            dead.bind(("127.0.0.1", 0))
            async with origin(data) as (_, port):
                replies = {
                    **IN,
                    **FILE,
                    "EPSV": b"229 ok (|||%d|)\r\n" % dead.getsockname()[1],
                    "PASV": b"227 ok (127,0,0,1,%d,%d)\r\n" % divmod(port, 256),
                    "RETR": b"150 comes\r\n226 done\r\n",
                }
                async with proxy() as p, scripted(replies) as ((_, control), _, _):
                    assert (await talk(p.http, get(control))).endswith(b"\r\n\r\nhello")
                replies["PASV"] = b"227 ok (127,0,0,1,%d,%d)\r\n" % divmod(dead.getsockname()[1], 256)
                async with proxy() as p, scripted(replies) as ((_, control), _, _):
                    assert status(await talk(p.http, get(control))) == 521

    run(main())


@pytest.mark.parametrize(("features", "asked"), [(b"211-f\r\n EPSV\r\n211 e\r\n", "EPSV"), (b"502 what?\r\n", "PASV")])
def test_without_always_try_epsv_the_server_is_asked_what_it_can(features: bytes, asked: str) -> None:
    _, _, commands = play({**EPSV, **FILE, "FEAT": features}, ftp={"always_try_epsv": False})
    assert commands[2] == "FEAT"
    assert {command for command in commands if command.endswith("SV")} == {asked}


@pytest.mark.parametrize(
    ("greeting", "code", "reason"),
    [
        (b"421 too many\r\n", 503, "UpstreamNotAvailable"),
        (b"530 go away\r\n", 502, "UpstreamNotAvailable"),
        (b"hello\r\n", 502, "InvalidUpstreamProtocol"),
        (b"220-" + b"x" * 2050, 502, "InvalidUpstreamProtocol"),
        (b"220-" + b"x\r\n" * 129, 502, "InvalidUpstreamProtocol"),
        (b"220-half\r\n", 504, "UpstreamAppTimeout"),
        (b"", 504, "UpstreamAppTimeout"),
    ],
)
def test_greetings(greeting: bytes, code: int, reason: str) -> None:
    response, record, commands = play({}, greeting=greeting, ftp={"greeting_timeout": "100ms"})
    assert (status(response), record["reason"], record["rsp_status"]) == (code, reason, code)
    assert commands in ([], ["QUIT"])


def test_a_server_that_will_be_ready_soon() -> None:
    response, _, _ = play({**EPSV, **FILE}, greeting=b"120 wait\r\n220 ready\r\n")
    assert response.endswith(b"\r\n\r\nhello")


def test_a_server_that_closes_instead_of_greeting() -> None:
    async def main() -> None:
        async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with proxy() as p, origin(closing) as (_, port):
            assert status(await talk(p.http, get(port))) == 502
            assert (await p.task_record())["reason"] == "ClosedByUpstream"

    run(main())


@pytest.mark.parametrize(
    ("replies", "code", "reason"),
    [
        ({"USER": b"530 no\r\n"}, 401, "UpstreamNotAvailable"),
        ({"PASS": b"332 account?\r\n"}, 401, "UpstreamNotAvailable"),
        ({"USER": b""}, 504, "UpstreamAppTimeout"),
        ({"TYPE": b"504 no\r\n"}, 502, "Finished"),
        ({"SIZE": b"550 no\r\n", "RETR": b"550 no\r\n"}, 404, "Finished"),
        ({"RETR": b"450 busy\r\n"}, 503, "Finished"),
        ({"RETR": b"425 no data\r\n"}, 502, "Finished"),
        ({"RETR": b"226 done already\r\n"}, 502, "Finished"),
        ({"RETR": b"421 bye\r\n"}, 503, "UpstreamNotAvailable"),
        ({"RETR": b""}, 504, "UpstreamAppTimeout"),
        ({"EPSV": b"229 what?\r\n"}, 502, "InvalidUpstreamProtocol"),
        ({"EPSV": b"500 no\r\n", "PASV": b"500 no\r\n"}, 502, "Finished"),
        ({"EPSV": b"500 no\r\n", "PASV": b"227 (1,2,3)\r\n"}, 502, "InvalidUpstreamProtocol"),
    ],
)
def test_refusals(replies: dict[str, bytes], code: int, reason: str) -> None:
    options = {"control": {"command_timeout": "200ms"}}
    response, record, _ = play({**EPSV, **FILE, **replies}, ftp=options)
    assert (status(response), record["reason"], record["rsp_status"]) == (code, reason, code)


def test_a_body_of_unknown_length_is_whole_only_if_the_server_says_so() -> None:
    response, record, _ = play({**EPSV, **UNKNOWN})
    assert b"\r\nTransfer-Encoding: chunked\r\n" in response
    assert response.endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert record["reason"] == "Finished"
    for later, reason in ((b"426 broken\r\n", "ClosedByUpstream"), (b"226-", "UpstreamAppTimeout")):
        replies = {**EPSV, **UNKNOWN, "RETR": b"150 comes\r\n|later|" + later}
        options = {"transfer": {"end_wait_timeout": "100ms"}}
        response, record, _ = play(replies, ftp=options)
        assert response.endswith(b"5\r\nhello\r\n")
        assert record["reason"] == reason
        response, record, _ = play(replies, ftp=options, minor=0)
        assert (response, record["reason"]) == (b"RESET", reason)


def test_a_file_that_ends_too_early_or_is_reset() -> None:
    response, record, _ = play({**EPSV, **FILE}, data=b"hel")
    assert response.endswith(b"\r\nhel")
    assert record["reason"] == "ClosedByUpstream"
    assert record["msg"] == "2 bytes of the file did not come"
    response, record, _ = play({**EPSV, **FILE}, data=b"hel", reset=True)
    assert record["reason"] == "UpstreamReadFailed"


def test_a_file_that_has_grown_is_sent_as_it_was() -> None:
    response, _, _ = play({**EPSV, **FILE}, data=b"hello world")
    assert response.endswith(b"\r\n\r\nhello")


def test_a_server_that_cannot_resume_sends_all() -> None:
    response, _, commands = play({**EPSV, **FILE, "REST": b"502 no\r\n"}, ("/file", b"Range: bytes=2-"))
    assert "REST 2" in commands
    assert status(response) == 200
    assert response.endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize(
    ("data", "options", "reason"),
    [
        (b"x\r\n" * 4, {"list_max_entries": 3}, "InvalidUpstreamProtocol"),
        (b"x" * 20 + b"\r\n", {"list_max_line_len": 20}, "InvalidUpstreamProtocol"),
    ],
)
def test_listings_have_limits(data: bytes, options: dict[str, Any], reason: str) -> None:
    response, record, _ = play({**EPSV, **LIST}, ("/dir/",), data=data, ftp={"transfer": options})
    assert status(response) == 200
    assert not response.endswith(b"0\r\n\r\n")
    assert record["reason"] == reason


def test_a_listing_that_takes_too_long_is_cut_off() -> None:
    # Nothing to send: the scripted server waits for the other side to close, as it does for an upload.
    response, record, _ = play({**EPSV, **LIST}, ("/dir/",), data=b"", ftp={"transfer": {"list_all_timeout": "100ms"}})
    assert response.endswith(b"\r\n\r\n")
    assert record["reason"] == "UpstreamAppTimeout"


def test_the_last_line_of_a_listing_may_lack_its_end_and_list_gets_no_argument() -> None:
    response, _, commands = play({**EPSV, **LIST}, ("/-R/",), data=b"one\ntwo")
    assert b"\r\n\r\n5\r\none\r\n\r\n5\r\ntwo\r\n\r\n0\r\n\r\n" in response
    assert commands[2:6] == ["TYPE A", "CWD -R/", "EPSV", "LIST"]


STOR = {"SIZE": b"550 no\r\n", "STOR": b"150 send\r\n|later|226 done\r\n"}


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"550 not allowed\r\n", 403),
        (b"553 bad name\r\n", 403),
        (b"452 disk full\r\n", 507),
        (b"552 quota\r\n", 507),
        (b"150 send\r\n|later|426 broken\r\n", 502),
        (b"150 send\r\n|later|552 quota\r\n", 507),
    ],
)
def test_uploads_that_a_server_does_not_take(reply: bytes, code: int) -> None:
    request = ("/file", b"Content-Length: 4")
    response, record, _ = play({**EPSV, **STOR, "STOR": reply}, request, body=b"body", method="PUT", data=b"")
    assert (status(response), record["rsp_status"]) == (code, code)


def test_a_server_that_takes_no_more_may_say_why() -> None:
    async def main() -> None:
        async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        async with origin(closing) as (_, port):
            replies = {
                **IN,
                "SIZE": b"550 no\r\n",
                "EPSV": b"229 ok (|||%d|)\r\n" % port,
                "STOR": b"150 s\r\n452 full\r\n",
            }
            size = 1 << 22
            async with proxy() as p, scripted(replies) as ((_, control), _, _):
                reader, writer = await asyncio.open_connection(*p.http)
                writer.write(get(control, "/file", b"Content-Length: %d" % size, method="PUT", body=bytes(size)))
                assert status(await reader.readuntil(b"\r\n\r\n")) == 507
                writer.close()
                assert (await p.task_record())["reason"] == "Finished"

    run(main())


def test_each_ftp_connection_is_closed_with_its_request() -> None:
    async def main(p: Proxy) -> None:
        async with scripted({**IN, **EPSV, **FILE}, b"hello") as ((_, port), commands, _):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(get(port).replace(b"Connection: close\r\n", b""))
            await reader.readuntil(b"hello")
            while commands[-1] != "QUIT":
                await asyncio.sleep(0)
            writer.close()

    async def whole() -> None:
        async with proxy() as p:
            await main(p)

    run(whole())


@pytest.mark.parametrize("moment", ["greeting", "data"])
def test_a_connection_that_takes_too_long(moment: str) -> None:
    async def main() -> None:
        with socket.socket() as full, socket.socket() as filler:  # a backlog of nothing: SYNs are dropped
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            others = [socket.socket() for _ in range(3)]
            for other in others:
                other.setblocking(False)
                other.connect_ex(full.getsockname())
            port = full.getsockname()[1]
            replies = {**IN, **FILE, "EPSV": b"229 ok (|||%d|)\r\n" % port, "PASV": b"500 no\r\n"}
            async with proxy(http={"ftp_client": {"connect_timeout": "100ms"}}) as p:
                if moment == "greeting":
                    response = await talk(p.http, get(port))
                    assert status(response) == 504
                else:
                    async with scripted(replies) as ((_, control), _, _):
                        assert status(await talk(p.http, get(control))) == 502  # PASV is the last word
            for other in others:
                other.close()

    run(main())
