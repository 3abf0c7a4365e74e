"""DNS over HTTPS: the requests and responses of RFC 8484, whatever carries them."""

import pytest
from dns.rdatatype import A
from g3_dns import MAX_MESSAGE_SIZE, MEDIA_TYPE, HttpsError, Question, https_answer, https_request, pack_query

TYPE = [(b"content-type", b"application/dns-message")]


def test_get_is_that_of_section_4_1_1() -> None:
    query = pack_query(Question("www.example.com", A), 0, edns=False)
    assert https_request(query, "dnsserver.example.net").headers == (
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "dnsserver.example.net"),
        (":path", "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB"),
        ("accept", "application/dns-message"),
    )
    assert https_request(query, "dnsserver.example.net").body == b""


def test_get_with_the_letters_of_base64url() -> None:
    name = "a.62characterlabel-makes-base64url-distinct-from-standard-base64.example.com"
    request = https_request(pack_query(Question(name, A), 0, edns=False), "x")
    assert request.headers[3][1] == (
        "/dns-query?dns=AAABAAABAAAAAAAAAWE-NjJjaGFyYWN0ZXJsYWJl"
        "bC1tYWtlcy1iYXNlNjR1cmwtZGlzdGluY3QtZnJvbS1z"
        "dGFuZGFyZC1iYXNlNjQHZXhhbXBsZQNjb20AAAEAAQ"
    )


def test_get_with_a_query_in_the_path() -> None:
    assert https_request(b"123", "x", "/q?a=b").headers[3] == (":path", "/q?a=b&dns=MTIz")


def test_post() -> None:
    request = https_request(b"123", "x:8443", "/q", post=True)
    assert request.body == b"123"
    assert request.headers == (
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "x:8443"),
        (":path", "/q"),
        ("accept", MEDIA_TYPE),
        ("content-type", MEDIA_TYPE),
        ("content-length", "3"),
    )


@pytest.mark.parametrize(
    ("value", "age"),
    [(b"0", 0), (b"250", 250), (b"9999999999", 0x7FFFFFFF), (b"99999999999", 0), (b"-1", 0), (b"1, 2", 0), (b"", 0)],
)
def test_age(value: bytes, age: int) -> None:
    assert https_answer(200, [*TYPE, (b"age", value), (b"server", b"7")], b"message") == (b"message", age)


def test_any_success_and_spelling_of_the_type() -> None:
    assert https_answer(200, TYPE, b"m") == (b"m", 0)
    assert https_answer(299, [(b"content-type", b"Application/DNS-Message ; x=y")], b"m") == (b"m", 0)


@pytest.mark.parametrize("status", [0, 199, 300, 404, 500])
def test_no_success(status: int) -> None:
    with pytest.raises(HttpsError, match=f"status {status}") as caught:
        https_answer(status, TYPE, b"m")
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ([], "b''"),
        ([(b"content-type", b"text/html")], "b'text/html'"),
        ([(b"content-type", b"x" * 9999)], "b'x{80}'"),
    ],
)
def test_another_media_type(headers: list[tuple[bytes, bytes]], shown: str) -> None:
    with pytest.raises(HttpsError, match=f"media type {shown}, not application/dns-message") as caught:
        https_answer(200, headers, b"m")
    assert len(str(caught.value)) < 200


def test_sizes() -> None:
    assert https_answer(200, TYPE, bytes(MAX_MESSAGE_SIZE)) == (bytes(MAX_MESSAGE_SIZE), 0)
    with pytest.raises(HttpsError, match="65536 bytes, at most 65535"):
        https_answer(200, TYPE, bytes(MAX_MESSAGE_SIZE + 1))
    with pytest.raises(HttpsError, match="3 bytes, at most 2"):
        https_answer(200, TYPE, b"123", 2)
