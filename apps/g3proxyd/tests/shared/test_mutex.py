"""The mutex between processes: it excludes, and outlives those who die with it."""

import errno
import mmap
import os
import signal
import sys
import threading
from collections.abc import Callable

import pytest
from g3proxyd.shared import Mutex, mutex
from g3proxyd.shared.mutex import SIZE, UnsupportedPlatformError, check_platform
from shared.forking import forked, kill_myself


@pytest.fixture
def memory() -> mmap.mmap:
    return mmap.mmap(-1, 4096)


@pytest.fixture
def lock(memory: mmap.mmap) -> Mutex:
    return Mutex(memory, SIZE, new=True)


def test_one_at_a_time(memory: mmap.mmap, lock: Mutex) -> None:
    cells = memoryview(memory).cast("Q")

    def work() -> None:
        for _ in range(20_000):
            with lock:
                cells[0] += 1

    with forked(lambda _: work()) as one, forked(lambda _: work()) as two:
        work()
        assert (one.wait(), two.wait()) == (0, 0)
    assert cells[0] == 60_000


def test_every_process_may_have_an_object_of_its_own(memory: mmap.mmap, lock: Mutex) -> None:
    with Mutex(memory, SIZE):
        assert waits(lock)
    assert not waits(lock)


def waits(lock: Mutex) -> bool:
    """Whether a new process would have to wait for it."""

    def work(_: object) -> None:
        mutex._lock = lambda _address: os._exit(7)
        with lock:
            pass

    with forked(work) as child:
        code = child.wait()
    assert code in (0, 7)
    return code == 7


def test_a_child_does_not_own_what_its_parent_holds(lock: Mutex) -> None:
    with lock:
        assert waits(lock)
    assert not waits(lock)


def test_another_thread_waits_and_lets_us_go_on(lock: Mutex, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    at_the_door = threading.Event()
    real = mutex._lock

    def announced(address: object) -> int:
        at_the_door.set()
        code: int = real(address)
        return code

    monkeypatch.setattr(mutex, "_lock", announced)

    def work() -> None:
        with lock:
            order.append("thread")

    thread = threading.Thread(target=work)
    with lock:
        thread.start()
        assert at_the_door.wait(60)
        order.append("we")
    thread.join()
    assert order == ["we", "thread"]


def test_whoever_has_it_already_is_told_so(lock: Mutex) -> None:
    with lock:
        with pytest.raises(RuntimeError, match="a shared mutex cannot be had: Resource deadlock avoided"), lock:
            pass
        assert waits(lock)
    assert not waits(lock)


def test_an_exception_lets_it_go(lock: Mutex) -> None:
    with pytest.raises(KeyError), lock:
        raise KeyError
    assert not waits(lock)


def test_a_killed_owner_leaves_it_to_the_next(lock: Mutex) -> None:
    def die(_: object) -> None:
        with lock:
            kill_myself()

    for _ in range(3):
        with forked(die) as child:
            assert child.wait() == -signal.SIGKILL
        with lock:
            assert waits(lock)
        assert not waits(lock)


def test_an_heir_may_be_killed_as_well(lock: Mutex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it has said that all is well."""

    def die(_: object) -> None:
        with lock:
            kill_myself()

    def die_as_heir(_: object) -> None:
        monkeypatch.setattr(mutex, "_consistent", lambda _: kill_myself())
        with lock:
            pass

    for work in (die, die_as_heir):
        with forked(work) as child:
            assert child.wait() == -signal.SIGKILL
    assert not waits(lock)


def test_who_waits_inherits_from_a_killed_owner(lock: Mutex) -> None:
    def hold(say: Callable[[], None]) -> None:
        with lock:
            say()
            signal.pause()

    def follow(say: Callable[[], None]) -> None:
        real = mutex._lock

        def announced(address: object) -> int:
            say()
            code: int = real(address)
            return code

        mutex._lock = announced
        with lock:
            pass

    with forked(hold) as owner:
        owner.read()
        with forked(follow) as heir:
            heir.read()
            owner.kill()
            assert heir.wait() == 0


@pytest.mark.parametrize("offset", [-SIZE, 1, SIZE - 8, 4096, 4096 - SIZE + 8])
def test_it_needs_its_place(memory: mmap.mmap, offset: int) -> None:
    with pytest.raises(ValueError, match="needs 64 aligned bytes"):
        Mutex(memory, offset, new=True)


def test_the_last_place_is_one(memory: mmap.mmap) -> None:
    lock = Mutex(memory, 4096 - SIZE, new=True)
    with lock:
        assert waits(lock)


def test_it_keeps_to_its_bytes(memory: mmap.mmap) -> None:
    memory[:] = b"\xaa" * 4096
    lock = Mutex(memory, SIZE, new=True)
    with lock:
        pass
    assert memory[:SIZE] == b"\xaa" * SIZE
    assert memory[2 * SIZE :] == b"\xaa" * (4096 - 2 * SIZE)


def test_a_system_without_such_mutexes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutex, "_NEEDED", ("pthread_mutex_init", "pthread_no_such_thing"))
    with pytest.raises(UnsupportedPlatformError, match=r"lacks pthread_no_such_thing; use Linux with glibc") as caught:
        check_platform()
    assert caught.value.errno == errno.ENOSYS


def test_other_systems_are_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UnsupportedPlatformError, match=r"lacks Linux \(this is darwin\)"):
        check_platform()


def test_a_refusal_at_the_start_is_an_error(memory: mmap.mmap, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __getattr__(self, name: str) -> Callable[..., int]:
            return lambda *_: errno.ENOTSUP if name == "pthread_mutexattr_setrobust" else 0

    monkeypatch.setattr(mutex, "_libc", Refusing())
    with pytest.raises(UnsupportedPlatformError, match="setrobust") as caught:
        Mutex(memory, 0, new=True)
    assert caught.value.errno == errno.ENOTSUP


def test_what_the_library_lacks_is_noticed_later() -> None:
    assert mutex._function(mutex._libc, "pthread_no_such_thing") is None
