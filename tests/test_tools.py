"""The tools that judge tests are judged here, by a package made for it."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tools.mutate.__main__ import run
from tools.mutate.hot import KILLED
from tools.mutate.mutants import mutants
from tools.mutate.processes import TIMED_OUT, forked
from tools.workspace import ROOT, Member

READER = '''
"""A module to be tested."""

UNUSED = 7


def limit() -> int:
    return 3


LIMIT = limit()


class Reader:
    def __init__(self) -> None:
        self.taken = 0

    @property
    def is_full(self) -> bool:
        return self.taken >= LIMIT

    def take(self, size: int) -> int:
        while size > 0 and not self.is_full:
            size -= 1
            self.taken += 1
        return size


def unseen(x: int) -> int:
    return x
'''
TESTS = """
from g3_sample._reader import Reader, limit

def test_reader() -> None:
    limit()
    reader = Reader()
    assert reader.take(2) == 0
    assert not reader.is_full
    assert reader.take(2) == 1
    assert reader.is_full
"""


@pytest.fixture
def sample(tmp_path: Path) -> Member:
    """A package whose tests miss a constant and a function; what `limit` says counts only while it is imported."""
    folder = tmp_path / "g3-sample"
    files = {
        "src/g3_sample/__init__.py": "",
        "src/g3_sample/_reader.py": READER.lstrip(),
        "src/g3_sample/_writer.py": "def write() -> int:\n    return 1\n",
        "tests/conftest.py": f"import sys\nsys.path.insert(0, {str(folder / 'src')!r})\n",
        "tests/test_reader.py": TESTS,
        "tests/test_all.py": "from g3_sample._writer import write\ndef test_it() -> None:\n    assert write() == 1\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Member(folder)


def test_mutants_change_one_place_each(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    source = dedent("""
        LIMIT: int = 8
        Kind = int | None

        def f(data: bytes, start: int = 0) -> bytes:
            '''A docstring.'''
            if len(data) < LIMIT and start:
                raise ValueError("a message", 1)
            return data[start:]
        """)
    path.write_text(source)
    changes = [(mutant.before.strip(), mutant.after.strip()) for mutant in mutants(path)]
    condition = "if len(data) < LIMIT and start:"
    head = "def f(data: bytes, start: int = 0) -> bytes:"
    assert changes == [
        ("LIMIT: int = 8", "LIMIT: int = 9"),
        ("LIMIT: int = 8", "LIMIT: int = 7"),
        (head, head.replace("0", "1")),
        (head, head.replace("0", "-1")),
        (condition, "if (not (len(data) < LIMIT and start)):"),
        (condition, "if (len(data) < LIMIT or start):"),
        (condition, "if (len(data) <= LIMIT) and start:"),
        (condition, "if (len(data) >= LIMIT) and start:"),
        ('raise ValueError("a message", 1)', "pass"),
        ('raise ValueError("a message", 1)', 'raise ValueError("a message", 2)'),
        ('raise ValueError("a message", 1)', 'raise ValueError("a message", 0)'),
        ("return data[start:]", "return None"),
        ("return data[start:]", "return data[:]"),
    ]


def test_survivors_are_what_the_tests_miss(sample: Member) -> None:
    fates = run(sample, list(mutants(sample.source / "_reader.py")))
    survivors = {mutant.before for mutant, status in fates if status not in (KILLED, TIMED_OUT)}
    assert survivors == {"UNUSED = 7", "return x"}
    killed = {mutant.before for mutant, status in fates if status == KILLED}
    assert {"return 3", "return self.taken >= LIMIT", "self.taken = 0", "size -= 1"} <= killed


def test_a_child_that_never_ends_is_ended() -> None:
    def work(job: str) -> int:
        while job == "endless":
            pass
        return 7

    assert dict(forked([("endless", 0.2), ("quick", 60.0)], work)) == {"endless": TIMED_OUT, "quick": 7}


def test_a_module_is_covered_by_its_own_tests(sample: Member) -> None:
    program = (
        "import sys; from pathlib import Path; from tools.own_coverage import measure;"
        "sys.exit(measure(Path(sys.argv[1]), ['-p', 'no:cacheprovider']))"
    )
    command = [sys.executable, "-c", program, str(sample.folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        "g3-sample/src/g3_sample/_reader.py: test_reader.py misses 29",
        "g3-sample/src/g3_sample/_writer.py: test_writer.py (not there) misses 2",
    ]
