"""hypothesis strategies for streams of bytes."""

from hypothesis import strategies as st


def cuts(max_size: int = 200, most: int = 8) -> st.SearchStrategy[list[int]]:
    """Offsets at which a stream of up to ``max_size`` bytes is cut, at most ``most`` of them."""
    return st.lists(st.integers(0, max_size), max_size=most)


@st.composite
def mutations(draw: st.DrawFn, streams: st.SearchStrategy[bytes]) -> bytes:
    """A stream in which a few bytes are flipped, dropped, doubled or put in."""
    stream = bytearray(draw(streams))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(stream)))
        match draw(st.sampled_from(["flip", "drop", "double", "insert"])):
            case "flip" if at < len(stream):
                stream[at] = draw(st.integers(0, 255))
            case "drop":
                del stream[at : at + draw(st.integers(1, 4))]
            case "double":
                stream[at:at] = stream[at : at + draw(st.integers(1, 8))]
            case _:
                stream[at:at] = draw(st.binary(min_size=1, max_size=4))
    return bytes(stream)
