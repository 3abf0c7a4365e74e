"""What a server replies to a command (RFC 959 section 4.2)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply."""

    code: int
    """100 to 599; the first digit says how it stands."""
    lines: tuple[bytes, ...]
    """The text of each line, without line ends; of the first and the last line without the code."""

    @property
    def preliminary(self) -> bool:
        """Whether a further reply to the same command follows (1yz)."""
        return self.code < 200

    @property
    def completed(self) -> bool:
        """Whether the command is done (2yz)."""
        return 200 <= self.code < 300

    @property
    def intermediate(self) -> bool:
        """Whether the server waits for the next command of a sequence (3yz)."""
        return 300 <= self.code < 400

    @property
    def failed(self) -> bool:
        """Whether the command was not done: for now (4yz) or for good (5yz)."""
        return self.code >= 400

    @property
    def text(self) -> str:
        """The last line, for people; what is not UTF-8 is replaced."""
        return self.lines[-1].decode("utf-8", "replace")
