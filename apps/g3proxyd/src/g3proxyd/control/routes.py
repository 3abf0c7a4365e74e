"""The paths of the control interface, and what each asks of the daemon."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from ..config.values.mistake import MistakeError, nearest
from ..config.values.resolve import parse_query_strategy
from .operations import Kind, OperationError, Operations, Reason

__all__ = ["HANDOVER", "ROUTES", "Answer", "Call", "RefusalError", "Route", "find"]

HANDOVER = "/v1/handover"
"""Where a successor asks for the listening sockets; the connection leaves HTTP then."""

MAX_RESOLUTION_DELAY = 65535  # milliseconds; upstream's field has 16 bits
DEFAULT_RESOLUTION_DELAY = 50
MAX_PARAMETERS = 16  # of a query; more than any path has


class RefusalError(Exception):
    """A request that is refused before any operation has begun."""

    def __init__(self, status: int, reason: str, text: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text
        self.headers = tuple(headers)


@dataclass(frozen=True, slots=True)
class Call:
    """What a request says beside its path."""

    name: str = ""
    """The object's name, where the path has one."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    """JSON text, where the path takes a body."""


Answer = Callable[[Operations, Call], Awaitable[object]]
"""Do it, and return the document of the answer: None stands for success with nothing to say."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path with one method."""

    method: str
    path: str
    """As in the documentation, with `NAME` where the name of an object goes."""
    answer: Answer | None = None
    """None where the answer is no document."""
    parameters: frozenset[str] = frozenset()
    """What its query may hold."""
    takes_body: bool = False


def find(method: str, target: str) -> tuple[Route, Call]:
    """The route for a request, and what its target says. Raises RefusalError."""
    path, _, query = _origin_form(target).partition("?")
    try:
        parts = [unquote(part, errors="strict") for part in path.split("/")]
    except ValueError:
        raise RefusalError(400, "invalid", "the path is not UTF-8 in percent-encoding") from None
    there = [(route, name) for route in ROUTES if (name := _match(route.path, parts)) is not None]
    for route, name in there:
        if route.method == method:
            return route, Call(name, _parameters(route, query))
    if there:
        allowed = ", ".join(sorted(route.method for route, _ in there))
        raise RefusalError(405, "method", f"this path takes {allowed} only", [("Allow", allowed)])
    raise RefusalError(404, "no_such_path", _no_such_path("/".join(parts)))


def _origin_form(target: str) -> str:
    """A server takes the absolute form too (RFC 9112 section 3.2.2); whose host it names is all the same here."""
    scheme, found, rest = target.partition("://")
    if found and scheme.lower() in ("http", "https"):
        return "/" + rest.partition("/")[2]
    return target


def _match(pattern: str, parts: list[str]) -> str | None:
    """The name if the path is of this pattern, empty if that has none; None if it is another path."""
    wanted = pattern.split("/")
    if len(wanted) != len(parts):
        return None
    name = ""
    for want, part in zip(wanted, parts, strict=True):
        if want == "NAME":
            name = part
        elif want != part:
            return None
    return name


def _no_such_path(path: str) -> str:
    meant = nearest(path, dict.fromkeys(route.path for route in ROUTES))
    text = f"there is no path {path[:200]!r}"
    return text if meant is None else f"{text}; did you mean {meant!r}?"


def _parameters(route: Route, query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    except ValueError:
        raise RefusalError(400, "invalid", f"the query is not UTF-8, or has more than {MAX_PARAMETERS} parts") from None
    parameters: dict[str, str] = {}
    for key, value in pairs:
        if key not in route.parameters:
            takes = ", ".join(sorted(route.parameters)) or "none"
            raise RefusalError(400, "invalid", f"there is no parameter {key[:200]!r} here; this path takes {takes}")
        if key in parameters:
            raise RefusalError(400, "invalid", f"the parameter {key!r} is given twice")
        parameters[key] = value
    return parameters


async def _version(operations: Operations, call: Call) -> object:
    return {"version": await operations.version(), "pid": os.getpid()}


async def _status(operations: Operations, call: Call) -> object:
    return {
        "version": await operations.version(),
        "pid": os.getpid(),
        "workers": await operations.workers(),
        "servers": await operations.servers(),
    }


async def _offline(operations: Operations, call: Call) -> None:
    await operations.offline()


async def _cancel_shutdown(operations: Operations, call: Call) -> None:
    await operations.cancel_shutdown()


async def _force_quit_all(operations: Operations, call: Call) -> None:
    await operations.force_quit_all()


async def _force_quit(operations: Operations, call: Call) -> None:
    await operations.force_quit(call.name)


async def _reload_all(operations: Operations, call: Call) -> object:
    return await operations.reload()


def _list(kind: Kind) -> Answer:
    async def answer(operations: Operations, call: Call) -> object:
        return {"kind": kind, "names": await operations.names(kind)}

    return answer


def _reload(kind: Kind) -> Answer:
    async def answer(operations: Operations, call: Call) -> object:
        return await operations.reload(kind, call.name)

    return answer


async def _server_status(operations: Operations, call: Call) -> object:
    return await operations.server_status(call.name)


async def _resolver_query(operations: Operations, call: Call) -> object:
    domain = call.parameters.get("domain", "")
    if not domain:
        raise OperationError(Reason.INVALID, "the parameter 'domain' is missing: what is to be resolved?")
    try:
        strategy = parse_query_strategy(call.parameters.get("strategy", "ipv4_first"))
    except MistakeError as error:
        mistake = error.mistakes[0]
        raise OperationError(Reason.INVALID, f"{mistake.message}; expected {mistake.expected}") from None
    delay = call.parameters.get("resolution_delay", str(DEFAULT_RESOLUTION_DELAY))
    if not (delay.isascii() and delay.isdecimal() and len(delay) <= 5 and int(delay) <= MAX_RESOLUTION_DELAY):
        what = f"milliseconds from 0 to {MAX_RESOLUTION_DELAY}"
        raise OperationError(Reason.INVALID, f"{delay[:200]!r} is not a resolution_delay; expected {what}")
    return {"addresses": await operations.resolver_query(call.name, domain, strategy, int(delay))}


async def _escaper_publish(operations: Operations, call: Call) -> object:
    warnings = await operations.escaper_publish(call.name, _checked_json(call.body))
    return {"warnings": warnings} if warnings else None


async def _list_static(operations: Operations, call: Call) -> object:
    return {"names": await operations.user_group_list_static(call.name)}


async def _list_dynamic(operations: Operations, call: Call) -> object:
    return {"names": await operations.user_group_list_dynamic(call.name)}


async def _publish_dynamic(operations: Operations, call: Call) -> None:
    await operations.user_group_publish_dynamic(call.name, _checked_json(call.body))


def _checked_json(text: str) -> str:
    """The text, if it is JSON; what it means is checked by whoever it is for."""
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise OperationError(Reason.INVALID, "the data is nested too deeply") from None
    except ValueError as error:
        raise OperationError(Reason.INVALID, f"the data is not JSON: {error}") from None
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a value of JSON")


ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/version", _version),
    Route("GET", "/v1/status", _status),
    Route("POST", "/v1/offline", _offline),
    Route("POST", "/v1/cancel-shutdown", _cancel_shutdown),
    Route("POST", "/v1/force-quit", _force_quit_all),
    Route("POST", "/v1/reload", _reload_all),
    Route("POST", HANDOVER),
    *(Route("GET", f"/v1/{kind.value}", _list(kind)) for kind in Kind),
    *(Route("POST", f"/v1/{kind.value}/NAME/reload", _reload(kind)) for kind in Kind),
    Route("GET", "/v1/server/NAME/status", _server_status),
    Route("POST", "/v1/server/NAME/force-quit", _force_quit),
    Route("GET", "/v1/resolver/NAME/query", _resolver_query, frozenset(("domain", "strategy", "resolution_delay"))),
    Route("POST", "/v1/escaper/NAME/publish", _escaper_publish, takes_body=True),
    Route("GET", "/v1/user-group/NAME/static-users", _list_static),
    Route("GET", "/v1/user-group/NAME/dynamic-users", _list_dynamic),
    Route("POST", "/v1/user-group/NAME/dynamic-users", _publish_dynamic, takes_body=True),
)
