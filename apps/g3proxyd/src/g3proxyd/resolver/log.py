"""The lines of the resolve log."""

import time

from g3_escape import Family

from ..log import Logger, encode
from .base import Answer


def log_failure(logger: Logger, domain: str, family: Family, started: float, answer: Answer) -> None:
    """Write a record if the answer is an error. ``started`` is when it was asked for, by ``time.monotonic``."""
    error = answer.error
    if error is not None and logger.enabled:
        fields = {
            "query_type": "A" if family is Family.IPV4 else "AAAA",
            "duration": encode.duration(time.monotonic() - started),
            "rr_source": answer.source.value,
            "error_type": error.error_type.value,
            "error_subtype": error.subtype,
            "domain": domain,
        }
        logger.log(fields, str(error))
