"""The escaper that asks a function of the operator's which escaper is next."""

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.abc import ExecutionLoader
from importlib.util import module_from_spec, spec_from_loader
from traceback import extract_tb
from typing import TYPE_CHECKING

from ..upstream import Upstream
from .base import Escaper, TaskIdentity, client_host
from .errors import ConnectReason, TcpConnectError
from .route import Route

if TYPE_CHECKING:
    from ..config.escaper import RoutePythonConfig
    from ..config.values.python_source import PythonSource

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """What a function is told of a request."""

    host: str
    """The target's host: an address, or a name in lower case without a dot at the end."""
    port: int
    """The target's port."""
    client_ip: str
    """The client's address."""
    user: str | None = None
    """The name that the client has logged in with, None without a login."""


class RoutePythonEscaper(Route):
    """``route_python``: a function takes a `RouteRequest` and returns the name of an escaper, or None for the default.

    A function that raises, or names an escaper that is not allowed, fails the request: it may have been about to refuse
    it. It runs on the event loop, so that all connections of a worker wait for it.
    """

    type_name = "RoutePython"

    def __init__(self, config: "RoutePythonConfig", escapers: Mapping[str, Escaper]) -> None:
        """``escapers`` are those that exist, by their names. Raises ValueError if the file cannot be run."""
        self._default = escapers[config.default_next]
        self._allowed = {name: escapers[name] for name in (config.default_next, *config.allowed_next)}
        super().__init__(config.name, self._allowed.values())
        self._function = load_function(config)
        self._told = False

    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """By the function."""
        request = RouteRequest(str(upstream.host), upstream.port, str(client_host(task)), task.user)
        try:
            name = self._function(request)
        except (Exception, SystemExit) as error:
            if not self._told:  # once: what fails for one request fails for thousands
                self._told = True
                log.exception("escaper %s: the function has failed for %s", self.name, upstream)
            raise unusable(f"the function has failed: {type(error).__name__}: {error}") from None
        if name is None:
            return self._default
        escaper = self._allowed.get(name) if isinstance(name, str) else None
        if escaper is None:
            raise unusable(f"the function has named {str(name)[:64]!a}, which is no escaper that it may name")
        return escaper


class CheckedSource(ExecutionLoader):
    """Imports a file as it was when the configuration was checked, whatever it has become since."""

    def __init__(self, source: "PythonSource") -> None:
        self._source = source

    def get_source(self, fullname: str) -> str:
        """The text of the file."""
        return self._source.text

    def get_filename(self, fullname: str) -> str:
        """The path of the file."""
        return self._source.path


def load_function(config: "RoutePythonConfig") -> Callable[[RouteRequest], object]:
    """Run the file as a module of its own, and return the function in it. Raises ValueError."""
    spec = spec_from_loader(f"g3proxyd.{config.type}.{config.name}", CheckedSource(config.file))
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - for the type checker
    module = module_from_spec(spec)
    before = sys.modules.get(spec.name)
    sys.modules[spec.name] = module  # where dataclasses and pickles look their module up
    try:
        spec.loader.exec_module(module)
        function: Callable[[RouteRequest], object] = getattr(module, config.function)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        if before is not None:
            sys.modules[spec.name] = before
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == config.file.path]
        place = f"{config.file}:{lines[-1]}" if lines else str(config.file)
        raise ValueError(f"escaper {config.name}: {place}: {type(error).__name__}: {error}") from error
    return function


def unusable(detail: str) -> TcpConnectError:
    """Why a request has no next escaper."""
    return TcpConnectError(ConnectReason.ESCAPER_NOT_USABLE, detail=detail)
