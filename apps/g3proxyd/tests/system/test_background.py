"""The background, and pid files."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from g3proxyd.system.background import MAX_MESSAGE, PidFile, PidFileError
from system.forks import PATIENCE, Parent, child, outcome

DAEMON = """
import json, os, socket, sys
from g3proxyd.system.background import daemonize
foreground = os.getpid()
os.umask(0o077)
print("before", flush=False)
launch = daemonize()
with socket.socket(socket.AF_UNIX) as line:
    line.connect(sys.argv[1])
    report = {
        "pid": os.getpid(),
        "foreground": foreground,
        "session": os.getsid(0),
        "group": os.getpgid(0),
        "directory": os.getcwd(),
        "umask": os.umask(0),
        "files": [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)],
    }
    print("nobody reads this")
    line.sendall(json.dumps(report).encode())
    exec(line.recv(4096).decode())
    line.sendall(b"done")
"""


class Background:
    """A process in the background, and the one that waits for it."""

    def __init__(self, foreground: subprocess.Popen[str], line: socket.socket) -> None:
        self.foreground = foreground
        self.line = line
        self.report: dict[str, Any] = json.loads(line.recv(4096))

    def tell(self, code: str) -> tuple[int, str, str]:
        """Let it run the code; return what becomes of the foreground: exit code, output, errors."""
        assert self.foreground.poll() is None
        self.line.sendall(code.encode())
        output, errors = self.foreground.communicate(timeout=PATIENCE)
        return self.foreground.returncode, output, errors


@contextmanager
def background(folder: Path, *, closed: bool = False) -> Iterator[Background]:
    path = folder / "line"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(PATIENCE)
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", DAEMON, str(path)]
        if closed:
            command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as foreground:
            try:
                line, _ = listening.accept()
                with line:
                    line.settimeout(PATIENCE)
                    yield Background(foreground, line)
                    while line.recv(4096):  # until nobody has the other end: neither it nor its children live on
                        pass
            finally:
                foreground.kill()


def test_going_to_the_background(tmp_path: Path) -> None:
    with background(tmp_path) as process:
        report = process.report
        assert report["pid"] != report["foreground"] == process.foreground.pid
        assert report["session"] == report["group"] != report["pid"]  # no leader: it cannot get a terminal
        assert report["session"] != os.getsid(0)
        assert (report["directory"], report["umask"]) == ("/", 0o022)
        assert report["files"] == ["/dev/null"] * 3
        assert process.tell("launch.ready(); launch.failed('too late')") == (0, "before\n", "")
        assert process.line.recv(4096) == b"done"


def test_a_start_that_fails(tmp_path: Path) -> None:
    with background(tmp_path) as process:
        assert process.tell("launch.failed('cannot listen: ü')") == (1, "before\n", "cannot listen: ü\n")
        assert process.line.recv(4096) == b"done"


def test_a_long_message_is_cut(tmp_path: Path) -> None:
    with background(tmp_path) as process:
        code, _, errors = process.tell("launch.failed(chr(0x10FFFF) * 100_000)")
        assert (code, len(errors)) == (1, MAX_MESSAGE + 1)


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_an_end_without_a_word(end: str, tmp_path: Path) -> None:
    with background(tmp_path) as process:
        assert process.tell(end) == (1, "before\n", "the daemon ended before it was ready\n")


CHILD = """
reader, writer = os.pipe()
if not os.fork():
    os.close(writer)
    os.read(reader, 1)
    os._exit(0)
launch.ready()
line.recv(1)
"""


def test_children_do_not_matter(tmp_path: Path) -> None:
    """They have the same descriptor, and live as long as their parent."""
    with background(tmp_path) as process:
        assert process.tell(CHILD)[0] == 0
        process.line.sendall(b"x")


@pytest.mark.parametrize(("word", "code"), [("launch.ready()", 0), ("launch.failed('x')", 1)])
def test_a_start_without_standard_files(word: str, code: int, tmp_path: Path) -> None:
    """The pipe between the two gets their numbers at first."""
    with background(tmp_path, closed=True) as process:
        assert process.report["files"] == ["/dev/null"] * 3
        assert process.tell(word) == (code, "", "")
        assert process.line.recv(4096) == b"done"


def test_nobody_waits_any_more(tmp_path: Path) -> None:
    with background(tmp_path) as process:
        process.foreground.kill()
        process.foreground.wait()
        process.line.sendall(b"launch.ready()")
        assert process.line.recv(4096) == b"done"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "g3proxyd.pid"


def take(path: Path, **how: int) -> str:
    """Try to take the file, in another process that ends at once."""
    return outcome(lambda: PidFile(path).take(**how))


def hold(path: Path) -> Any:
    """A process that takes the file, removes it when it is let on, and then ends when it is again."""

    def work(parent: Parent) -> None:
        file = PidFile(path)
        file.take()
        parent.say("taken")
        file.remove()
        parent.say("removed")

    return child(work)


def test_a_pid_file(path: Path) -> None:
    with hold(path) as process:
        assert process.hear() == "taken"
        assert path.read_text() == f"{process.pid}\n"
        assert path.stat().st_mode & 0o777 == 0o644
        assert list(path.parent.iterdir()) == [path]
        assert take(path) == f"the pid file {path} is held by the process {process.pid}; end that one first"
        assert path.read_text() == f"{process.pid}\n"
        process.go_on()
        assert process.hear() == "removed"
        assert not path.exists()
        assert take(path) == "None"
        process.go_on()


def test_a_file_that_was_left(path: Path) -> None:
    with hold(path) as process:
        process.hear()
        os.kill(process.pid, signal.SIGKILL)
        assert process.hear() == ""
    assert path.exists()
    with hold(path) as process:
        assert process.hear() == "taken"
        assert path.read_text() == f"{process.pid}\n"
        process.go_on()
        process.hear()
        process.go_on()


@pytest.mark.parametrize("content", ["", "1", pytest.param(f"{os.getpid()}\n", id="our own"), " 4194304 \n"])
def test_only_the_lock_counts(content: str, path: Path) -> None:
    path.write_text(content)
    assert take(path) == "None"
    assert path.read_text() != content


@pytest.mark.parametrize("content", ["root:x:0:0\n", "1 2", "-1", "12345678901"])
def test_no_other_file_is_overwritten(content: str, path: Path) -> None:
    path.write_text(content)
    assert take(path) == f"{path} is no pid file: it holds something else; remove it or give another path"
    assert path.read_text() == content
    assert list(path.parent.iterdir()) == [path]


def test_what_is_no_file(path: Path) -> None:
    os.mkfifo(path)
    assert "is no pid file" in take(path)
    path.unlink()
    path.symlink_to(path.parent / "elsewhere")
    assert take(path) == f"the pid file {path} is a symbolic link; give the path itself"
    path.unlink()
    path.mkdir()
    assert take(path) == f"cannot write the pid file {path}: Is a directory"


def test_no_folder(path: Path) -> None:
    with pytest.raises(PidFileError) as caught:
        PidFile(path / "x").take()
    assert str(caught.value) == f"cannot write the pid file {path / 'x'}: No such file or directory"


def test_what_a_killed_namesake_left(path: Path) -> None:
    """The file beside, of a process with the same number that was killed half way."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text("old")
    file = PidFile(path)
    file.take()
    assert (path.read_text(), beside.exists()) == (f"{os.getpid()}\n", False)
    file.remove()
    file.remove()
    assert not path.exists()


def test_a_successor(path: Path) -> None:
    """It may have the file while its predecessor lives; then the file is its own."""
    with hold(path) as old:
        old.hear()

        def succeed(parent: Parent) -> None:
            file = PidFile(path)
            file.take(from_process=old.pid)
            parent.say("taken")
            file.remove()

        with child(succeed) as new:
            assert new.hear() == "taken"
            assert path.read_text() == f"{new.pid}\n"
            old.go_on()
            assert old.hear() == "removed"
            assert path.read_text() == f"{new.pid}\n"
            assert take(path, from_process=old.pid).startswith(f"the pid file {path} is held by the process {new.pid};")
            new.go_on()
        assert not path.exists()
        old.go_on()


def test_a_successor_that_fails(path: Path) -> None:
    """The predecessor takes the file back."""

    def work(parent: Parent) -> None:
        file = PidFile(path)
        file.take()
        parent.say("taken")
        file.take()
        parent.say("taken back")
        file.remove()

    with child(work) as process:
        process.hear()
        assert take(path, from_process=process.pid) == "None"
        assert path.read_text() != f"{process.pid}\n"
        process.go_on()
        assert process.hear() == "taken back"
        assert path.read_text() == f"{process.pid}\n"
        assert take(path).endswith("end that one first")
        process.go_on()
    assert not path.exists()


def test_a_file_that_somebody_else_removed(path: Path) -> None:
    file = PidFile(path)
    file.take()
    path.unlink()
    path.write_text("1\n")
    file.remove()
    assert path.read_text() == "1\n"


def test_workers_do_not_keep_the_lock(path: Path) -> None:
    """A forked child may outlive the process that took the file."""
    children: list[int] = []
    reader, writer = os.pipe()

    def work(parent: Parent) -> None:
        PidFile(path).take()
        pid = os.fork()
        if pid == 0:
            os.read(reader, 1)
            os._exit(0)
        parent.say(str(pid))
        os._exit(0)

    with child(work) as process:
        children.append(int(process.hear()))
        process.go_on()
    assert take(path) == "None"
    os.kill(children[0], 0)  # it was alive all the time
    os.write(writer, b".")
    os.close(reader)
    os.close(writer)


def test_of_many_that_start_at_once_one_has_it(path: Path) -> None:
    go, start = os.pipe()
    end, stay = os.pipe()

    def work(parent: Parent) -> None:
        os.close(start)
        os.close(stay)
        os.read(go, 1)  # the end of the pipe, for all at once
        try:
            PidFile(path).take()
            parent.say("taken")
        except PidFileError:
            parent.say("refused")
        os.read(end, 1)

    path.write_text("1\n")
    with ExitStack() as stack:
        processes = [stack.enter_context(child(work)) for _ in range(6)]
        os.close(start)
        said = [process.hear() for process in processes]
        for process in processes:
            process.go_on()
        os.close(stay)
    os.close(go)
    os.close(end)
    assert sorted(said) == ["refused"] * 5 + ["taken"]
