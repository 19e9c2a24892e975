"""Errors between the operator and Prometheus as messages for the user."""

import logging

import requests
import urllib3

from serinus.metrics.results import ResponseError, cleaned
from serinus.prometheus.config import Config

_LOG = logging.getLogger(__name__)


class SlowError(Exception):
    """A query was sent, and took too long."""


class WaitedError(Exception):
    """A query did not get a slot in time."""


def sentence(error: BaseException, config: Config) -> str:
    """The message for an error."""
    where = f"Prometheus at {config.base}"
    match error:
        case ResponseError():
            return str(error)
        case WaitedError():
            return (
                f"The query was not started within {config.timeout:g}s, because others took too "
                f"long: "
                f"check how busy {where} is, and which queries of this namespace are slow."
            )
        case (
            SlowError()
            | TimeoutError()
            | requests.exceptions.Timeout()
            | urllib3.exceptions.TimeoutError()
        ):
            return (
                f"{where} did not answer within {config.timeout:g}s: check whether it "
                "is running or overloaded."
            )
        case requests.exceptions.SSLError():
            return (
                f"The certificate of {where} is not trusted: check ca_file and the host name "
                f"({_root(error)})."
            )
        case requests.exceptions.ConnectionError():
            return f"{where} cannot be reached: check its address and state ({_root(error)})."
        case OSError() | urllib3.exceptions.HTTPError():
            return f"The response of {where} is incomplete or cannot be read ({_root(error)})."
    _LOG.exception("unexpected error in a query to %s", where)
    return f"{where} cannot be queried: {type(error).__name__}; see the operator's log."


def _root(error: BaseException) -> str:
    """The message of the innermost cause."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    strerror = error.strerror if isinstance(error, OSError) else None
    return cleaned(strerror or str(error) or type(error).__name__)
