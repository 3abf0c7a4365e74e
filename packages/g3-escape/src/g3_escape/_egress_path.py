"""Egress path selection: what a request says about its own way out, and how escapers read it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from ._route_error import RouteError, RouteFault
from ._user_name import Upstream

T = TypeVar("T")

MAX_PATH_ID = 256
"""Characters of an id: it is the name of a node or of an address."""

MAX_PATH_VALUE = 16_384
"""Characters of a JSON text: it describes one peer, which takes a few hundred."""

_NUMBER = re.compile(r"[0-9]{1,20}")
_LARGEST = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class EgressPath:
    """The selections of one request, each under the name of the escaper that it speaks to."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    """Which one of a list: see `select_by_number`."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """The id of an address, of a peer, or the name of a next escaper."""
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """A whole address or peer, in the form of the escaper's own configuration."""
    upstreams: Mapping[str, Upstream] = field(default_factory=dict)
    """The next proxy, from the parameters behind the user name."""

    def over(self, hints: EgressPath) -> EgressPath:
        """Return what counts when these are the selections of a user and ``hints`` those of a request.

        Where both say something of the same kind to the same escaper, the user's counts.
        """
        return EgressPath(
            {**hints.numbers, **self.numbers},
            {**hints.ids, **self.ids},
            {**hints.values, **self.values},
            {**hints.upstreams, **self.upstreams},
        )


def request_path(
    escaper: str, number: int | None = None, upstream: Upstream | None = None, user: EgressPath | None = None
) -> EgressPath | None:
    """Return the selections of a request to a server that has this escaper; None for a request without any.

    ``number`` is what `parse_path_number` reads, ``upstream`` what the user name tells, and ``user`` are the selections
    of the user, which count before those.
    """
    if number is None and upstream is None:
        return user
    hints = EgressPath(
        numbers={} if number is None else {escaper: number}, upstreams={} if upstream is None else {escaper: upstream}
    )
    return hints if user is None else user.over(hints)


def select_by_number(nodes: Sequence[T], number: int) -> T:
    """Return the node of a number: 1 is the first, 0 the last, and larger ones wrap around.

    Raises RouteError if there is no node.
    """
    if not nodes:
        raise RouteError(RouteFault.NO_NODE, "there is no node to select by number")
    return nodes[(number - 1) % len(nodes)]


def parse_path_number(text: str) -> int:
    """Return the number in a header: decimal digits alone, at most 2**64 - 1. Raises RouteError for all else."""
    if _NUMBER.fullmatch(text):
        number = int(text)
        if number <= _LARGEST:
            return number
    message = f"a path selection is a decimal number of at most {_LARGEST}, not {_clip(text)}"
    raise RouteError(RouteFault.INVALID_NUMBER, message)


def parse_path_id(text: str) -> str:
    """Return an id as it came. Raises RouteError unless it is 1 to `MAX_PATH_ID` printable characters."""
    if 0 < len(text) <= MAX_PATH_ID and text.isprintable():
        return text
    message = f"a path id is 1 to {MAX_PATH_ID} printable characters, not {_clip(text)}"
    raise RouteError(RouteFault.INVALID_ID, message)


def parse_path_value(text: str) -> dict[str, Any]:
    """Return the JSON object (RFC 8259) in a text of at most `MAX_PATH_VALUE` characters.

    Raises RouteError for all else, for a name that comes twice, and for NaN and infinities.
    """
    if len(text) > MAX_PATH_VALUE:
        raise RouteError(
            RouteFault.INVALID_VALUE, f"a path value of {len(text)} characters, {MAX_PATH_VALUE} are allowed"
        )
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RouteError:
        raise
    except (ValueError, RecursionError) as error:
        raise RouteError(RouteFault.INVALID_VALUE, f"a path value is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise RouteError(RouteFault.INVALID_VALUE, f"a path value is a JSON object, not {_clip(text)}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RouteError(RouteFault.INVALID_VALUE, "a path value has a name twice in one object")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise RouteError(RouteFault.INVALID_VALUE, f"a path value is no JSON: {word} is no number")


def _clip(text: str) -> str:
    return ascii(text if len(text) <= 64 else text[:64] + "...")
