"""The words that logs and metrics are made of."""

from ipaddress import IPv4Address

from g3_dns import Cause, Failure, Mismatch, Server


def test_words_are_stable() -> None:
    assert [failure.value for failure in Failure] == [
        "FORMERR",
        "SERVFAIL",
        "NOTIMP",
        "REFUSED",
        "OTHERRCODE",
        "LAME",
        "MALFORMED",
        "ALIASES",
        "HTTPS",
        "UNREACHABLE",
        "TIMEOUT",
    ]
    assert [cause.value for cause in Cause] == ["truncated", "forged", "unverified"]
    assert [mismatch.value for mismatch in Mismatch] == [
        "another server",
        "no response",
        "another id",
        "another question",
        "the question in another case",
        "another cookie",
    ]


def test_the_port_of_name_servers() -> None:
    assert Server(IPv4Address("192.0.2.53")).port == 53
