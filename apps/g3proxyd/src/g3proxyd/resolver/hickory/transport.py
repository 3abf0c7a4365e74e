"""What every transport can do: ask one name server one question."""

from abc import ABC, abstractmethod

from g3_dns import Failure, Question, Response


class NoReplyError(Exception):
    """The name server gave no answer, or none that may be used."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(f"{failure.value}: {detail}" if detail else failure.value)
        self.failure = failure
        self.detail = detail
        """What else is known, for people: the words of TLS or of the operating system."""


class Transport(ABC):
    """How one name server is asked, with whatever is kept for the next question. Lives on one event loop."""

    @abstractmethod
    async def ask(self, question: Question) -> Response:
        """Return the server's answer to this question, whatever its code is.

        It comes or fails within the connect and request timeouts of the configuration. To cancel it leaves nothing
        open but connections that are kept for others. Raises NoReplyError, and nothing else of its own.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release everything; nobody asks any more, and nobody waits. No task and no socket is left afterwards."""
