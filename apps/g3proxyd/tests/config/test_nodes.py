"""Nodes, places and paths."""

from pathlib import Path

from g3proxyd.config.document import read_documents
from g3proxyd.config.nodes import Node, Place, Real, Source, render_path

TEXT = """\
a:
  - 1
  - {b: x, c: null}
d: 1.50
"""


def root() -> Node:
    (node,) = read_documents(Source(Path("main.yml"), TEXT), [])
    return node


def test_lines_are_counted_from_one() -> None:
    source = Source(Path("x"), "a\nb")
    assert [source.line(number) for number in (0, 1, 2, 3)] == ["", "a", "b", ""]


def test_a_place_is_written_as_compilers_do() -> None:
    assert str(Place(Source(Path("dir/x.yml"), ""), 3, 7)) == "dir/x.yml:3:7"


def test_plain_data() -> None:
    assert root().plain() == {"a": [1, {"b": "x", "c": None}], "d": 1.5}


def test_parts_are_found_by_their_path() -> None:
    found = root().find(("a", 1, "b"))
    assert found.plain() == "x"
    assert found.path == ("a", 1, "b")
    assert (found.place.line, found.place.column) == (3, 9)


def test_what_is_not_there_is_blamed_on_what_is_around_it() -> None:
    node = root()
    assert node.find(("a", 7, "b")) is node.find(("a",))
    assert node.find(("a", "b")) is node.find(("a",))
    assert node.find(("x",)) is node
    assert node.find(("d", "e")) is node.find(("d",))


def test_paths_for_people() -> None:
    assert render_path(()) == ""
    assert render_path(("server", 0, "listen", "address")) == "server[0].listen.address"
    assert render_path((0, "a")) == "[0].a"


def test_a_real_number_keeps_its_text() -> None:
    assert Real("1.50") == 1.5
    assert Real("1.50").text == "1.50"
