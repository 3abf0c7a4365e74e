"""Reading a whole configuration: all files, all mistakes at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from . import nodes, references
from .config import Config
from .conflicts import MAX_FAILOVERS, check_listeners, failovers_too_deep, hops_to_own_servers, tls_in_tls
from .controller import ControllerConfig
from .document import read_documents
from .errors import ConfigError, Kind, Problem, in_order
from .escaper import TrickFloatConfig
from .escaper.floating import FloatConfig
from .files import FileError, expand, find_main_file, read_source
from .keys import normalise
from .kinds import KINDS, model_of
from .later import LATER_SECTIONS
from .log import LogConfig
from .module import ModuleConfig
from .nodes import Entry, Node, Place, Scalar, Sequence
from .reading import Reader, read
from .references import Link, loops
from .runtime import RuntimeConfig
from .section import Section
from .server import ListeningServerConfig
from .values.mistake import Mistake, MistakeError, nearest, show
from .worker import WorkerConfig

__all__ = ["load"]

_MAPS: dict[str, type[Section]] = {
    "runtime": RuntimeConfig,
    "worker": WorkerConfig,
    "log": LogConfig,
    "controller": ControllerConfig,
}
_ALIASES = {"user": "user_group"}

UNREACHABLE = "no client can reach this server: 'listen' is not set, and no other server leads to it"

Map = TypeVar("Map", bound=Section)


def load(path: Path | str) -> Config:
    """Read the configuration at `path`: its main file, or a directory that holds one.

    Raises ConfigError with everything that is wrong in any of the files.
    """
    loading = _Loading(find_main_file(Path(path)))
    config = loading.run()
    if loading.problems:
        raise ConfigError(loading.problems, loading.warnings, loading.main_file)
    return config


@dataclass(slots=True)
class _Object:
    """A named object: where it stands, and its model unless something is wrong with it."""

    kind: str
    name: str
    node: nodes.Mapping
    reader: Reader
    model: ModuleConfig | None = None


class _Loading:
    """One run over the files."""

    def __init__(self, main_file: Path) -> None:
        self.main_file = main_file
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._sections: dict[str, list[Node]] = {}
        self._objects: dict[str, dict[str, _Object]] = {kind: {} for kind in KINDS}
        self._links: list[Link] = []

    def run(self) -> Config:
        """Read everything; what is wrong is in `problems` afterwards."""
        self._read_main_file()
        runtime = self._map("runtime", RuntimeConfig) or RuntimeConfig()
        worker = self._map("worker", WorkerConfig)
        log = self._map("log", LogConfig) or LogConfig()
        controller = self._map("controller", ControllerConfig) or ControllerConfig()
        for section, reason in LATER_SECTIONS.items():
            self._refuse_later(section, reason)
        for kind in KINDS:
            for node in self._sections.get(kind, ()):
                self._read_objects(kind, node)
        self._check_references()
        self._check_listeners()
        self._check_tls()
        self._check_floats()
        self._check_failovers()
        self._check_next_hops()
        return Config(
            path=self.main_file,
            runtime=runtime,
            worker=worker,
            log=log,
            controller=controller,
            servers=self._models("server"),
            escapers=self._models("escaper"),
            resolvers=self._models("resolver"),
            warnings=in_order(self.warnings, self.main_file),
        )

    def _refuse(self, kind: Kind, place: Place | None, path: str, mistake: Mistake) -> None:
        self.problems.append(Problem(kind, place, path, mistake.message, mistake.expected, mistake.suggestion))

    def _read_main_file(self) -> None:
        known = (*_MAPS, *KINDS, *LATER_SECTIONS)
        for document in self._documents(self.main_file, None, ""):
            for written, entry in document.entries.items():
                name = _ALIASES.get(normalise(written), normalise(written))
                if name in known:
                    self._sections.setdefault(name, []).append(entry.value)
                else:
                    mistake = Mistake("unknown section", f"one of {', '.join(known)}", nearest(name, known))
                    self._refuse(Kind.KEY, entry.place, written, mistake)

    def _documents(self, path: Path, place: Place | None, key_path: str) -> Iterator[nodes.Mapping]:
        """The maps in a file that `key_path` at `place` asks for; an empty document counts for nothing."""
        try:
            source = read_source(path, main=place is None)
        except FileError as error:
            self._refuse(Kind.FILE, place, key_path, Mistake(f"cannot read {path}: {error}"))
            return
        for document in read_documents(source, self.problems):
            if isinstance(document, nodes.Mapping):
                yield document
            elif not isinstance(document, Scalar) or document.value is not None:
                mistake = Mistake(f"the document is {show(document.plain())}", "a map in each document of the file")
                self._refuse(Kind.VALUE, document.place, "", mistake)

    def _map(self, name: str, model: type[Map]) -> Map | None:
        """Read a section that is a map; several documents may add keys to it."""
        found = [node for node in self._sections.get(name, ()) if not _is_null(node)]
        if not found:
            return model() if name in self._sections else None
        node, *more = found
        for other in more:
            node = self._merged(name, node, other)
        reader = Reader(name, node.path)
        section = read(model, node, reader)
        self._take(reader)
        return section

    def _merged(self, name: str, first: Node, second: Node) -> Node:
        if not isinstance(first, nodes.Mapping) or not isinstance(second, nodes.Mapping):
            self._refuse(Kind.KEY, second.place, name, Mistake(f"given twice: also at {first.place}"))
            return first
        entries = dict(first.entries)
        for key, entry in second.entries.items():
            if key in entries:
                mistake = Mistake(f"given twice: also at {entries[key].place}")
                self._refuse(Kind.KEY, entry.place, f"{name}.{key}", mistake)
            else:
                entries[key] = entry
        return nodes.Mapping(first.place, first.path, entries)

    def _refuse_later(self, section: str, reason: str) -> None:
        for node in self._sections.get(section, ()):
            if node.plain() not in (None, {}, []):
                self._refuse(Kind.UNSUPPORTED, node.place, section, Mistake(f"not supported yet: {reason}"))

    def _read_objects(self, kind: str, section: Node) -> None:
        """Read what stands under `server`, `escaper` or `resolver`: maps, and paths of files with maps."""
        if _is_null(section):
            return
        for item in section.items if isinstance(section, Sequence) else (section,):
            path = nodes.render_path(item.path)
            if isinstance(item, nodes.Mapping) and isinstance(section, Sequence):
                self._read_object(kind, item, path)
            elif isinstance(item, Scalar) and isinstance(item.value, str):
                for document in self._split_documents(item, item.value, path):
                    self._read_object(kind, document, kind)
            else:
                expected = f"a list of maps and paths, or one path of a file or directory with maps, one {kind} each"
                mistake = Mistake(f"{show(item.plain())} stands where a {kind} should", expected)
                self._refuse(Kind.VALUE, item.place, path, mistake)

    def _split_documents(self, item: Scalar, text: str, path: str) -> Iterator[nodes.Mapping]:
        try:
            for file in expand(text, self.main_file):
                yield from self._documents(file, item.place, path)
        except FileError as error:
            self._refuse(Kind.FILE, item.place, path, Mistake(f"cannot read {show(text)}: {error}"))

    def _read_object(self, kind: str, node: nodes.Mapping, path: str) -> None:
        name_entry = _entry(node, "name")
        name = name_entry.value.plain() if name_entry else None
        label = f"{kind} {name}" if isinstance(name, str) and name.isprintable() else path
        reader = Reader(label, node.path)
        this = _Object(kind, name if isinstance(name, str) else "", node, reader)
        model = self._model(kind, node, label)
        if model is not None:
            this.model = read(model, node, reader)
        self._take(reader)
        if name_entry is not None and this.name in self._objects[kind]:
            earlier = _entry(self._objects[kind][this.name].node, "name")
            place = earlier.value.place if earlier else None
            mistake = Mistake(f"the name is taken by another {kind} at {place}")
            self._refuse(Kind.KEY, name_entry.value.place, f"{label}.name", mistake)
        elif this.name:
            self._objects[kind][this.name] = this
        self._links += [
            Link((kind, this.name), (to.kind, to.name), to.node.place, reader.path(to.node)) for to in reader.references
        ]

    def _model(self, kind: str, node: nodes.Mapping, label: str) -> type[ModuleConfig] | None:
        entry = _entry(node, "type")
        try:
            return model_of(kind, entry.value.plain() if entry else None)
        except MistakeError as error:
            (mistake,) = error.mistakes
            if entry is not None:
                problem = Kind.UNSUPPORTED if mistake.unsupported else Kind.VALUE
                self._refuse(problem, entry.value.place, f"{label}.type", mistake)
            elif written := nearest("type", node.entries):
                unknown = Mistake("unknown key", suggestion="type")
                self._refuse(Kind.KEY, node.entries[written].place, f"{label}.{written}", unknown)
            else:
                missing = Mistake("the key 'type' is missing", mistake.expected)
                self._refuse(Kind.KEY, node.place, label, missing)
            return None

    def _take(self, reader: Reader) -> None:
        self.problems += reader.problems
        self.warnings += reader.warnings

    def _check_references(self) -> None:
        # Names from a file that could not be read are not missing.
        if not any(problem.kind in (Kind.FILE, Kind.SYNTAX) for problem in self.problems):
            self.problems += references.check(self._objects, self._links)

    def _check_listeners(self) -> None:
        listeners = []
        led_to = {link.target for link in self._links}
        for name, server in self._objects["server"].items():
            entry = _entry(server.node, "listen")
            if not isinstance(server.model, ListeningServerConfig):
                continue
            if entry is not None and server.model.listen is not None:
                listeners.append((name, server.model.listen, entry.place))
            elif ("server", name) not in led_to:
                self.warnings.append(Problem(Kind.WARNING, server.node.place, server.reader.label, UNREACHABLE))
        self.problems += check_listeners(listeners)

    def _check_tls(self) -> None:
        for name, inner in tls_in_tls(self._models("server")):
            entry = _entry(self._objects["server"][name].node, "server")
            place = entry.value.place if entry else None
            expected = f"one of the two without TLS; a plain_tcp_port hands TLS on to {inner} as it is"
            mistake = Mistake(f"TLS ends here, and the server {inner} behind it would ask for TLS again", expected)
            self._refuse(Kind.CONFLICT, place, f"server {name}.server", mistake)

    def _check_floats(self) -> None:
        escapers = self._models("escaper")
        for link in self._links:
            kind, name = link.target
            leads = kind == "escaper" and isinstance(escapers.get(link.source[1]), TrickFloatConfig)
            if leads and name in escapers and not isinstance(escapers[name], FloatConfig):
                mistake = Mistake(f"the escaper {name} takes nothing published", "one of direct_float or proxy_float")
                self._refuse(Kind.CONFLICT, link.place, link.path, mistake)

    def _check_failovers(self) -> None:
        if self.problems:
            return
        for name in failovers_too_deep(self._models("escaper")):
            this = self._objects["escaper"][name]
            mistake = Mistake(f"there are more failovers behind it than {MAX_FAILOVERS - 1}, one behind the other")
            self._refuse(Kind.CONFLICT, this.node.place, this.reader.label, mistake)

    def _check_next_hops(self) -> None:
        """Addresses that lead in a circle. There may be a reason for each, such as a route that knows where to stop."""
        if self.problems:
            return
        links = list(self._links)
        for escaper, server in hops_to_own_servers(self._models("server"), self._models("escaper")):
            this = self._objects["escaper"][escaper]
            entry = _entry(this.node, "proxy_addr")
            place = this.node.place if entry is None else entry.value.place
            links.append(Link(("escaper", escaper), ("server", server), place, f"{this.reader.label}.proxy_addr"))
        for link, text in loops(links):
            message = f"what a client asks for may come back without end: {text}"
            self.warnings.append(Problem(Kind.WARNING, link.place, link.path, message))

    def _models(self, kind: str) -> dict[str, Any]:
        return {name: this.model for name, this in self._objects[kind].items() if this.model is not None}


def _entry(node: nodes.Mapping, key: str) -> Entry | None:
    return next((entry for written, entry in node.entries.items() if normalise(written) == key), None)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None
