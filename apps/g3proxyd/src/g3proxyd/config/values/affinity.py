"""Which processors each worker runs on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from .mistake import Mistake, MistakeError, show, wrong
from .numbers import BOOLEAN_FORMS, integer_from, parse_boolean
from .value import Value, list_of

__all__ = [
    "MAX_CPU",
    "MAX_WORKERS",
    "Affinity",
    "CpuSet",
    "SchedAffinity",
    "format_cpus",
    "parse_affinity",
    "parse_cpu_set",
]

MAX_CPU = 8191  # Linux counts up to 8192 processors (CONFIG_NR_CPUS) on any machine
MAX_WORKERS = 1024  # processes; a larger number is a slip of the pen that would bring the machine down

CpuSet: TypeAlias = frozenset[int]
Affinity: TypeAlias = Literal[True] | Mapping[int, CpuSet]
"""The processors of workers by number, or True for a processor each."""

_RANGE = re.compile(r"\s*([0-9]{1,20})\s*(?:-\s*([0-9]{1,20})\s*)?", re.ASCII)
_MAX_CHARS = 64 * 1024  # every other processor, one by one
_EXPECTED = f"a processor from 0 to {MAX_CPU}, a list of them, or text such as '0-3,8'"
_EXPECTED_MAP = "true, or a map from numbers of workers to processors such as {0: 0, 1: '2-3', 2: [4, 5]}"

_worker = integer_from(0, MAX_WORKERS - 1)


def parse_cpu_set(data: object) -> CpuSet:
    """A processor's number, text with numbers and ranges as in the kernel's lists (`0-3,8`), or a list of these."""
    cpus = frozenset[int]().union(*_parse_parts(list(data) if isinstance(data, frozenset) else data))
    if not cpus:
        raise wrong("there is no processor in it", expected=_EXPECTED)
    return cpus


def parse_affinity(data: object) -> Affinity | None:
    """A map from the numbers of workers, which begin at 0, to processors; a boolean: true is a processor for each."""
    if not isinstance(data, dict):
        try:
            return True if parse_boolean(data) else None
        except MistakeError as error:
            raise error.but(expected=_EXPECTED_MAP) from None
    affinity: dict[int, CpuSet] = {}
    mistakes: list[Mistake] = []
    for key, value in data.items():
        try:
            worker = _worker(key)
        except MistakeError as error:
            mistakes += error.but(expected=f"the number of a worker, from 0 to {MAX_WORKERS - 1}").under(key)
            continue
        if worker in affinity:
            mistakes.append(Mistake(f"the worker {worker} is given twice", path=(key,)))
        try:
            affinity[worker] = parse_cpu_set(value)
        except MistakeError as error:
            mistakes += error.under(key)
    if mistakes:
        raise MistakeError(*mistakes)
    return affinity


def format_cpus(cpus: CpuSet) -> str:
    """Write processors as the kernel does: `0-3,8`."""
    parts: list[tuple[int, int]] = []
    for cpu in sorted(cpus):
        if parts and parts[-1][1] == cpu - 1:
            parts[-1] = (parts[-1][0], cpu)
        else:
            parts.append((cpu, cpu))
    return ",".join(f"{low}-{high}" if low < high else f"{low}" for low, high in parts)


def _parse_part(data: object) -> CpuSet:
    if isinstance(data, int) and not isinstance(data, bool):
        data = str(data)
    if not isinstance(data, str) or len(data) > _MAX_CHARS:
        raise wrong(f"{show(data)} is not a set of processors", expected=_EXPECTED)
    cpus: set[int] = set()
    for part in data.split(","):
        found = _RANGE.fullmatch(part)
        if found is None:
            raise wrong(f"{show(data)} is not a set of processors", expected=_EXPECTED)
        low, high = int(found[1]), int(found[2] or found[1])
        if high > MAX_CPU or low > MAX_CPU:
            raise wrong(f"{max(low, high)} is out of range", expected=_EXPECTED)
        if low > high:
            raise wrong(f"the range {show(part.strip())} ends before it begins", expected=_EXPECTED)
        cpus.update(range(low, high + 1))
    return frozenset(cpus)


_parse_parts = list_of(_parse_part)


_PART_FORMS: list[dict[str, object]] = [
    {"type": "integer", "minimum": 0, "maximum": MAX_CPU},
    {"type": "string", "pattern": r"^\s*[0-9]+\s*(-\s*[0-9]+\s*)?(,\s*[0-9]+\s*(-\s*[0-9]+\s*)?)*$"},
]
_SET_FORMS = [*_PART_FORMS, {"type": "array", "items": {"anyOf": _PART_FORMS}, "minItems": 1}]
_MAP_FORM: dict[str, object] = {
    "type": "object",
    "patternProperties": {r"^\+?[0-9]+$": {"anyOf": _SET_FORMS}},
    "additionalProperties": False,
}

SchedAffinity: TypeAlias = Annotated[
    Affinity | None,
    Value("processors of workers", parse_affinity, {"anyOf": [*BOOLEAN_FORMS, _MAP_FORM]}),
]
