"""The file of a socket: its mode, its replacement, its end."""

import errno
import os
import socket
import stat
from pathlib import Path

import pytest
from g3proxyd.control import socket_file
from g3proxyd.control.socket_file import MAX_PATH, check_directory, open_socket


def answers(path: Path, listening: socket.socket) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return False
        return True


def test_only_its_owner_may_connect_from_the_first_moment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    rename = Path.rename

    def noted(self: Path, target: Path) -> Path:
        modes.append(stat.S_IMODE(self.lstat().st_mode))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", noted)
    before = os.umask(0)
    try:
        sock, file = open_socket(folder / "new" / "a.sock")
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    with sock:
        assert modes == [0o600]
        assert stat.S_IMODE(file.path.lstat().st_mode) == 0o600
        assert stat.S_IMODE(file.path.parent.lstat().st_mode) == 0o700
        assert not sock.getblocking()
        assert not sock.get_inheritable()
        assert answers(file.path, sock)
        assert os.listdir(folder / "new") == ["a.sock"]


def test_a_stale_file_is_replaced(folder: Path) -> None:
    open_socket(folder / "a.sock")[0].close()
    sock, file = open_socket(folder / "a.sock")
    with sock:
        assert answers(file.path, sock)
        file.remove()
        assert os.listdir(folder) == []
        file.remove()


def test_the_file_of_a_successor_stays(folder: Path) -> None:
    old, old_file = open_socket(folder / "a.sock")
    new, new_file = open_socket(folder / "a.sock")
    with old, new:
        old_file.remove()
        assert answers(new_file.path, new)
        new_file.remove()
        assert os.listdir(folder) == []


def test_the_directory_may_be_gone_at_the_end(folder: Path) -> None:
    sock, file = open_socket(folder / "d" / "a.sock")
    with sock:
        file.path.unlink()
        file.path.parent.rmdir()
        file.remove()
        file.path.parent.touch()
        file.remove()


def test_what_is_no_socket_is_not_replaced(folder: Path) -> None:
    path = folder / "a.sock"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match=r"not a socket; move it away: '.*a\.sock'"):
        open_socket(path)
    assert path.read_text() == "precious"


def test_the_longest_path(folder: Path) -> None:
    path = folder / ("x" * (MAX_PATH - len(bytes(folder)) - len("/.sock")) + ".sock")
    sock, file = open_socket(path)
    with sock:
        assert len(bytes(path)) == 107
        assert answers(path, sock)
        file.remove()
    with pytest.raises(OSError, match="at most 107 bytes") as caught:
        open_socket(path.with_name("x" + path.name))
    assert caught.value.errno == errno.ENAMETOOLONG


def test_nothing_is_left_of_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="broken"):
            open_socket(folder / "a.sock")
    with monkeypatch.context() as patch:
        patch.setattr(socket_file, "_bind", fail)
        with pytest.raises(OSError, match="broken"):
            open_socket(folder / "a.sock")
    assert os.listdir(folder) == []


def test_a_directory_without_a_place(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        open_socket(folder / "none" / "d" / "a.sock")


@pytest.mark.parametrize(
    ("mode", "fits"), [(0o700, True), (0o775, True), (0o1777, True), (0o777, False), (0o702, False)]
)
def test_who_may_write(folder: Path, mode: int, fits: bool) -> None:
    inner = folder / "inner"
    inner.mkdir()
    folder.chmod(mode)
    try:
        for directory in (folder, inner):
            if fits:
                check_directory(directory)
            else:
                with pytest.raises(PermissionError, match="everybody can write here; chmod o-w") as caught:
                    check_directory(directory)
                assert caught.value.filename == str(folder)
    finally:
        folder.chmod(0o700)


def test_no_socket_is_made_where_others_may_write(folder: Path) -> None:
    directory = folder / "open"
    directory.mkdir()
    directory.chmod(0o777)
    with pytest.raises(PermissionError, match="everybody can write here"):
        open_socket(directory / "a.sock")
    assert os.listdir(directory) == []


def test_a_directory_of_root_will_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lstat = Path.lstat
    monkeypatch.setattr(Path, "lstat", lambda self: _owned_by(lstat(self), 0))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    check_directory(folder)


def _owned_by(status: os.stat_result, uid: int) -> os.stat_result:
    values = list(status)
    values[stat.ST_UID] = uid
    return os.stat_result(values)


@pytest.mark.parametrize("kind", ["directory", "link", "target"])
def test_whose_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    directory, link = folder / "directory", folder / "link"
    directory.mkdir()
    link.symlink_to(directory)
    check_directory(link)
    foreign = link if kind == "link" else directory
    lstat = Path.lstat

    def seen(self: Path) -> os.stat_result:
        status = lstat(self)
        return _owned_by(status, os.geteuid() + 1) if self == foreign else status

    monkeypatch.setattr(Path, "lstat", seen)
    with pytest.raises(PermissionError, match=f"belongs to the user {os.geteuid() + 1}; choose another") as caught:
        check_directory(directory if kind == "directory" else link)
    assert caught.value.filename == str(foreign)
