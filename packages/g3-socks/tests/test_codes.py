"""The numbers and their words."""

import pytest
from g3_socks import Method, Reply, Socks4Reply
from g3_socks._codes import named


def test_methods_are_those_of_rfc_1928_section_3() -> None:
    assert {method.name: method.value for method in Method} == {"NO_AUTHENTICATION": 0, "USERNAME_PASSWORD": 2}


@pytest.mark.parametrize(
    ("reply", "code", "meaning"),
    [
        (Reply.SUCCEEDED, 0, "succeeded"),
        (Reply.GENERAL_FAILURE, 1, "general failure"),
        (Reply.NOT_ALLOWED, 2, "not allowed by the rules"),
        (Reply.NETWORK_UNREACHABLE, 3, "network unreachable"),
        (Reply.HOST_UNREACHABLE, 4, "host unreachable"),
        (Reply.CONNECTION_REFUSED, 5, "connection refused"),
        (Reply.TTL_EXPIRED, 6, "TTL expired"),
        (Reply.COMMAND_NOT_SUPPORTED, 7, "command not supported"),
        (Reply.ADDRESS_TYPE_NOT_SUPPORTED, 8, "address type not supported"),
        (Reply.CONNECTION_TIMED_OUT, 9, "connection timed out"),
        (Socks4Reply.GRANTED, 90, "granted"),
        (Socks4Reply.REJECTED, 91, "rejected or failed"),
        (Socks4Reply.NO_IDENTD, 92, "no identd at the client"),
        (Socks4Reply.USER_ID_MISMATCH, 93, "the client's identd names another user"),
    ],
)
def test_replies(reply: Reply | Socks4Reply, code: int, meaning: str) -> None:
    assert reply == code
    assert reply.meaning == meaning


def test_there_are_no_other_replies() -> None:
    assert [*Reply] == [*range(10)]
    assert [*Socks4Reply] == [*range(90, 94)]


def test_a_known_code_has_a_name_and_another_stays_a_number() -> None:
    assert named(Reply, 5) is Reply.CONNECTION_REFUSED
    assert named(Socks4Reply, 92) is Socks4Reply.NO_IDENTD
    unknown = named(Reply, 10)
    assert unknown == 10
    assert type(unknown) is int
