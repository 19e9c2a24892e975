"""What went wrong between us and Prometheus, in sentences for a person."""

import logging

import requests
import urllib3

from serinus.metrics.results import ResponseError, cleaned
from serinus.prometheus.config import Config

_LOG = logging.getLogger(__name__)


class SlowError(Exception):
    """A query was sent, and took too long."""


class WaitedError(Exception):
    """A query had no turn in time."""


def sentence(error: BaseException, config: Config) -> str:
    """What a person should look at."""
    where = f"Prometheus at {config.base}"
    match error:
        case ResponseError():
            return str(error)
        case WaitedError():
            return (
                f"The query had no turn within {config.timeout:g}s, for others took too long: "
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
                "runs, and how busy it is."
            )
        case requests.exceptions.SSLError():
            return (
                f"The certificate of {where} is not trusted: check ca_file and the host name "
                f"({_root(error)})."
            )
        case requests.exceptions.ConnectionError():
            return f"{where} cannot be reached: check its address and state ({_root(error)})."
        case OSError() | urllib3.exceptions.HTTPError():
            return f"The answer of {where} broke off, or could not be read ({_root(error)})."
    _LOG.exception("a query to %s failed in a way that was not foreseen", where)
    return f"{where} cannot be asked: {type(error).__name__}; the operator's log has more."


def _root(error: BaseException) -> str:
    """The innermost cause, in its own words."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    strerror = error.strerror if isinstance(error, OSError) else None
    return cleaned(strerror or str(error) or type(error).__name__)
