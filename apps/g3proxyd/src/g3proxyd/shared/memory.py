"""Counters in memory that all processes share: each worker writes its own row, the supervisor adds the rows up.

A counter is written where it lives, so that it is exact whenever its worker is killed: nothing waits to be flushed. A
cell has one writer, for two processes that add to one cell lose counts. It is 64 bits, aligned, and stored by one
instruction, so that a reader never sees half of a value.
"""

import ctypes
import inspect
import mmap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias, TypeVar

if TYPE_CHECKING:
    from _ctypes import _PyCStructType as _StructType
else:  # ctypes keeps the name of its metaclass to itself
    _StructType = type(ctypes.Structure)

Counter: TypeAlias = Annotated[int, "counter"]
"""Annotates what a `CounterGroup` counts since the start."""

Gauge: TypeAlias = Annotated[int, "gauge"]
"""Annotates what goes up and down again, and ends with the worker that counted it: running tasks for instance."""

COLUMNS = 65536
"""Half a MiB of addresses per row, of which only used pages are memory: 5000 servers, escapers and resolvers."""

_CELL = 8
_MASK = (1 << 64) - 1


class _CounterGroupType(_StructType):
    """Turns annotations into cells."""

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:  # noqa: N805  # a metaclass
        super().__init__(name, bases, namespace)
        kinds = inspect.get_annotations(cls, eval_str=True)
        own = [name for name, kind in kinds.items() if kind in (Counter, Gauge)]
        cls._fields_ = [(name, ctypes.c_uint64) for name in own]
        cls.names = (*getattr(cls, "names", ()), *own)
        cls.gauges = (*getattr(cls, "gauges", ()), *(name for name in own if kinds[name] == Gauge))


class CounterGroup(ctypes.Structure, metaclass=_CounterGroupType):
    """Counters of one object, a server for instance; a subclass names them by annotations::

        class ServerStats(CounterGroup):
            task_total: Counter
            task_alive: Gauge

    ``ServerStats()`` counts in memory of its own; `Row.group` gives one that counts in shared memory. Both are used
    alike: ``stats.task_total += 1``. Other attributes are those of any object. Values are unsigned and wrap at 2^64.
    """

    names: ClassVar[tuple[str, ...]]
    """All counters in the order of their columns."""
    gauges: ClassVar[tuple[str, ...]]
    """Those of them that are gauges."""

    __hash__ = object.__hash__  # objects as others are, which ctypes denies


Group = TypeVar("Group", bound=CounterGroup)


class Layout:
    """Which columns belong to whom. The supervisor decides, and sends `columns` to the workers.

    It only ever grows, so that a worker with an older configuration counts in the right place, too.
    """

    def __init__(self, capacity: int = COLUMNS) -> None:
        """``capacity`` is the number of columns."""
        self.columns: dict[str, int] = {}
        """The first column of each name."""
        self.gauges: set[int] = set()
        """The columns of gauges, which have to be zeroed when their worker is dead."""
        self.used = 0
        """So many columns have an owner; they are the first ones."""
        self._capacity = capacity
        self._widths: dict[str, int] = {}

    def add(self, name: str, width: int = 1) -> int:
        """The first of ``width`` columns of this name: new ones, or those that the name has already.

        Raises ValueError if no columns are left, or if the name has another number of them.
        """
        if name in self.columns:
            if self._widths[name] != width:
                raise ValueError(f"{name} has {self._widths[name]} columns, not {width}")
            return self.columns[name]
        if self.used + width > self._capacity:
            raise ValueError(
                f"no room for the counters of {name}: {self.used} of {self._capacity} are in use. Names of removed "
                "objects keep theirs; a restart or an upgrade frees them"
            )
        first = self.columns[name] = self.used
        self._widths[name] = width
        self.used += width
        return first

    def add_group(self, name: str, group: type[CounterGroup]) -> int:
        """The first column of a group; raises as `add` does. A name belongs to one type of group."""
        first = self.add(name, len(group.names))
        self.gauges.update(first + group.names.index(gauge) for gauge in group.gauges)
        return first


class Row:
    """The cells of one worker. One process at a time writes it, from one thread per cell."""

    def __init__(self, memory: mmap.mmap, offset: int, columns: int) -> None:
        """Made by `Counters.row`."""
        self.cells = memoryview(memory).cast("Q")[offset : offset + columns]
        """By column: ``row.cells[column] += 1``."""
        self._memory = memory
        self._offset = offset

    def group(self, group: type[Group], column: int) -> Group:
        """The counters of this type that begin in this column. They go on from what the cells hold.

        Raises ValueError if the group doesn't fit into the row.
        """
        if not 0 <= column <= len(self.cells) - len(group.names):
            raise ValueError(f"{group.__name__} doesn't fit into {len(self.cells)} columns at {column}")
        cells: Group = group.from_buffer(self._memory, (self._offset + column) * _CELL)
        return cells


class Counters:
    """A table of counters, zero at first: a row for each worker, a column for each counter.

    Make it before the first fork. All processes that come of it see the same numbers. The memory is freed with the last
    object that refers to it.
    """

    def __init__(self, rows: int, columns: int = COLUMNS) -> None:
        """Raises OSError if the kernel grants no memory, ValueError for a table without cells."""
        if rows < 1 or columns < 1:
            raise ValueError("a table of counters has at least one row and one column")
        self.rows = rows
        self.columns = columns
        self._memory = mmap.mmap(-1, rows * columns * _CELL)
        self._cells = memoryview(self._memory).cast("Q")

    def row(self, number: int) -> Row:
        """The row of the worker with this number, from 0. Raises IndexError."""
        return Row(self._memory, self._start(number), self.columns)

    def column(self, number: int) -> memoryview:
        """A column, by rows. Raises IndexError."""
        if not 0 <= number < self.columns:
            raise IndexError(f"there is no column {number} among {self.columns}")
        return self._cells[number :: self.columns]

    def total(self, column: int) -> int:
        """The sum of a column; it wraps at 2^64. Raises IndexError."""
        total: int = sum(self.column(column))
        return total & _MASK

    def totals(self, group: type[Group], column: int) -> Group:
        """The sums of a group whose first column this is. They don't change any more. Raises IndexError."""
        return group(*(self.total(column + index) for index in range(len(group.names))))

    def zero(self, row: int, columns: Iterable[int]) -> None:
        """Set these cells of a row to zero; nobody else may be writing them. Raises IndexError.

        The supervisor does it for the gauges of a dead worker, before another one takes over the row.
        """
        start = self._start(row)
        for column in columns:
            if not 0 <= column < self.columns:
                raise IndexError(f"there is no column {column} among {self.columns}")
            self._cells[start + column] = 0

    def _start(self, row: int) -> int:
        if not 0 <= row < self.rows:
            raise IndexError(f"there is no row {row} among {self.rows}")
        return row * self.columns
