"""Why a name could not be resolved, in the words of the resolve log."""

from enum import Enum


class ErrorType(Enum):
    """The main kind of a failed lookup: the ``error_type`` field of the resolve log."""

    EMPTY_DOMAIN = "EmptyDomain"
    SERVER = "ServerError"
    DRIVER = "DriverError"
    LOCAL = "LocalError"


class ResolveError(Exception):
    """A name has no usable address; the text is for people, the attributes are for programs.

    Errors are cached and shared between tasks: `fresh` makes a copy to raise, so that no traceback of one task is
    kept alive, or shown, by another.
    """

    def __init__(self, error_type: ErrorType, subtype: str, text: str) -> None:
        self.error_type = error_type
        self.subtype = subtype
        """The detail: FORMERR, SERVFAIL, NOTFOUND, NOTIMP, REFUSED of a server; BadQuery, BadName, BadFamily, BadResp,
        ConnRefused, Timeout, InternalError of the driver; NoResolverSet, NoResolverRunning, DriverTimedOut of our own;
        otherwise empty."""
        self.text = text
        super().__init__(text)

    def fresh(self) -> "ResolveError":
        """The same error as a new object."""
        return ResolveError(self.error_type, self.subtype, self.text)


def server_error(subtype: str, text: str) -> ResolveError:
    """The server answered, and the answer was no."""
    return ResolveError(ErrorType.SERVER, subtype, f"server error: {text}")


def driver_error(subtype: str, text: str) -> ResolveError:
    """No valid answer came from any server."""
    return ResolveError(ErrorType.DRIVER, subtype, f"driver error: {text}")


def local_error(subtype: str, text: str) -> ResolveError:
    """No server was asked, or we did not wait for its answer."""
    return ResolveError(ErrorType.LOCAL, subtype, f"local error: {text}")
