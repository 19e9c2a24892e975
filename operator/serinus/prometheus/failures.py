"""Errors between the operator and Prometheus as messages for the user."""

import requests
import urllib3

from serinus.api.isolation import Fault, Part
from serinus.metrics.queries import QueryError
from serinus.metrics.results import ResponseError, TooMuchExportedError, cleaned
from serinus.prometheus.config import Config


class SlowError(Exception):
    """A query was sent, and took too long."""


class WaitedError(Exception):
    """A query did not get a slot in time."""


def unreadable(error: Exception, config: Config) -> QueryError:
    """What an error is reported as; one that no source of metrics can cause is ours."""
    if message := _sentence(error, config):
        return QueryError(message, exported=isinstance(error, TooMuchExportedError))
    fault = Fault(Part.MEASURING, "", error)
    return QueryError(f"{fault.message}.", fault)


def _sentence(error: Exception, config: Config) -> str | None:
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
    return None


def _root(error: BaseException) -> str:
    """The message of the innermost cause."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    strerror = error.strerror if isinstance(error, OSError) else None
    return cleaned(strerror or str(error) or type(error).__name__)
