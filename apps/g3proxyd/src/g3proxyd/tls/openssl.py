"""What OpenSSL can do and the ssl module does not offer: asked for through the very library that the module has loaded.

An `ssl.SSLContext` of CPython is an object whose first field behind the header is the library's own context, and an
`ssl.MemoryBIO` one with the library's own BIO there (Modules/_ssl.c, since 3.2 and 3.5). Where that does not hold, or
the library's functions are not to be found (it may be linked in without them), nothing is tried: each function says
whether it worked.
"""

import _ssl
import ctypes
import ssl
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

SET_SESSION_CACHE_SIZE = 42
SET_SESSION_CACHE_MODE = 44
SET_MAX_SEND_FRAGMENT = 52
SET_TICKET_KEYS = 59
SET_STATUS_REQUEST = 65
SET_GROUPS = 92
"""SSL_CTRL_* of <openssl/ssl.h>."""

BIO_CTRL_INFO = 3
BIO_C_FILE_SEEK = 128
"""Of <openssl/bio.h>."""

PYBUF_READ = 0x100
"""Of CPython's <object.h>."""

CACHE_OFF = 0
OCSP = 1

TICKET_KEY_BYTES = 80
"""A name of 16 bytes, 32 for the digest, 32 for the cipher."""


@cache
def _library() -> Any | None:
    if sys.implementation.name != "cpython":
        return None
    try:
        library = ctypes.CDLL(_ssl.__file__)
        library.SSL_CTX_ctrl.restype = ctypes.c_long
        library.SSL_CTX_ctrl.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p)
        library.SSL_CTX_set_ciphersuites.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
        library.SSL_CTX_set_session_id_context.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint)
        library.SSL_CTX_set_timeout.restype = ctypes.c_long
        library.SSL_CTX_set_timeout.argtypes = (ctypes.c_void_p, ctypes.c_long)
        library.ERR_clear_error.restype = None
        library.BIO_ctrl.restype = ctypes.c_long
        library.BIO_ctrl.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p)
    except (OSError, AttributeError):
        return None
    return library


def available() -> bool:
    """Whether the functions here can work at all."""
    return _library() is not None


def control(context: ssl.SSLContext, command: int, number: int = 0, data: bytes | None = None) -> bool:
    """SSL_CTX_ctrl; whether it worked. Some commands answer with the former value: theirs is no answer."""
    return _call("SSL_CTX_ctrl", context, command, number, data)


def set_ciphersuites(context: ssl.SSLContext, names: str) -> bool:
    """The cipher suites of TLS 1.3; whether the library knows one of them."""
    return _call("SSL_CTX_set_ciphersuites", context, names.encode())


def set_session_context(context: ssl.SSLContext, identity: bytes) -> bool:
    """Sessions are resumed within the same identity alone; 32 bytes at most."""
    return _call("SSL_CTX_set_session_id_context", context, identity, len(identity))


def set_session_timeout(context: ssl.SSLContext, seconds: int) -> bool:
    """How long sessions may be resumed."""
    return _call("SSL_CTX_set_timeout", context, seconds)


def in_place(bio: ssl.MemoryBIO) -> "InPlace | None":
    """A way to what lies in a memory, of which the ssl module hands out copies alone."""
    return None if _library() is None else InPlace(bio)


class InPlace:
    """See `in_place`."""

    __slots__ = ("_address", "_bio", "_control", "_place", "_view")

    def __init__(self, bio: ssl.MemoryBIO) -> None:
        self._bio = bio
        self._address = _first_field(bio)
        self._place = ctypes.c_void_p()
        library: Any = _library()
        self._control: Callable[..., int] = library.BIO_ctrl
        prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)
        self._view: Any = prototype(("PyMemoryView_FromMemory", ctypes.pythonapi))

    def look(self) -> memoryview:
        """All of it; not to be used any more as soon as the memory is written or read."""
        size = self._control(self._address, BIO_CTRL_INFO, 0, ctypes.byref(self._place))
        view: memoryview = self._view(self._place, size, PYBUF_READ)
        return view

    def clear(self) -> None:
        """Take all of it for read."""
        self._control(self._address, BIO_C_FILE_SEEK, self._bio.pending, None)
        if self._bio.pending:
            self._bio.read()  # OpenSSL before 3.0 seeks in files alone


def _first_field(instance: object) -> ctypes.c_void_p:
    return ctypes.c_void_p.from_address(id(instance) + object.__basicsize__)


def _call(name: str, context: ssl.SSLContext, *arguments: Any) -> bool:
    library = _library()
    if library is None:
        return False
    worked: bool = getattr(library, name)(_first_field(context), *arguments) > 0
    if not worked:
        library.ERR_clear_error()  # or the next error of the ssl module would be this one
    return worked
