"""Names that are asked for, and how they are spelled."""

import dns.name
import pytest
from dns.rdatatype import AAAA, A
from g3_dns import Question, question_for
from g3_dns._question import mix_case, pack_question
from g3_machine import LocalProtocolError


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.example", "a.example"),
        ("A.Example.", "a.example"),
        ("_dns._tcp.x-1.example", "_dns._tcp.x-1.example"),
        ("localhost", "localhost"),
        (".".join(["a" * 63] * 3 + ["a" * 61]), ".".join(["a" * 63] * 3 + ["a" * 61])),
    ],
)
def test_names(text: str, name: str) -> None:
    assert question_for(text, A) == Question(name, A)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..example",
        "a.example..",
        ".a",
        "a b",
        "a\0b",
        "a\n",
        "*.example",
        "ü.example",
        "\u212a.example",
        "a\\.b",
        "a" * 64,
        ".".join(["a" * 63] * 3 + ["a" * 62]),
    ],
)
def test_no_names(text: str) -> None:
    with pytest.raises(LocalProtocolError, match="no name of a host"):
        question_for(text, A)


def test_a_question_is_in_lower_case() -> None:
    with pytest.raises(LocalProtocolError):
        Question("A.example", A)
    assert str(Question("a.example", AAAA)) == "a.example AAAA"


def test_a_long_name_is_cut_in_the_message() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        question_for("!" * 100_000, A)
    assert len(str(caught.value)) < 400


def test_pack_agrees_with_dnspython() -> None:
    name = "www.A-1.example"
    spelled = dns.name.from_text(name).to_wire()
    assert spelled is not None
    assert pack_question(name, AAAA) == spelled + bytes((0, 28, 0, 1))


def test_mix_case_uses_one_bit_for_each_character() -> None:
    asked: list[int] = []

    def below(limit: int) -> int:
        asked.append(limit)
        return 0b101

    assert mix_case("abcd", below) == "AbCd"
    assert asked == [16]
    assert mix_case("a-1.b", lambda limit: limit - 1) == "A-1.B"
