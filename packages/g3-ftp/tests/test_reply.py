"""How a reply stands."""

import pytest
from g3_ftp import Reply


@pytest.mark.parametrize(
    ("code", "stands"),
    [
        (100, "preliminary"),
        (199, "preliminary"),
        (200, "completed"),
        (299, "completed"),
        (300, "intermediate"),
        (399, "intermediate"),
        (400, "failed"),
        (599, "failed"),
    ],
)
def test_a_reply_stands_in_one_way(code: int, stands: str) -> None:
    reply = Reply(code, (b"",))
    for name in ("preliminary", "completed", "intermediate", "failed"):
        assert getattr(reply, name) is (name == stands)


def test_the_text_is_the_last_line_whatever_its_encoding() -> None:
    assert Reply(200, (b"first", b"caf\xc3\xa9 \xff")).text == "caf\u00e9 \ufffd"
