"""HTTP to Prometheus with limits of time and size, without redirects, proxies or .netrc."""

import time
from pathlib import Path
from typing import Any

import requests
from requests.auth import HTTPBasicAuth

from serinus.metrics.results import ResponseError, TooMuchExportedError, document
from serinus.prometheus.config import Config, is_header_value

_CHUNK = 1 << 16


class Session(requests.Session):
    """Sends queries as forms, and returns only complete documents of Prometheus.

    requests follows redirects, reads proxies and .netrc, and limits neither the size nor the total
    time of a response; PrometheusConnect puts a query into the URL even of a POST, where proxies
    cut it, and drops the warnings.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = str(config.ca_file) if config.ca_file else True
        self.auth = _Credentials(config)
        self._max_bytes = config.max_response_bytes

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Moves the parameters from the URL to the body."""
        request.data, request.params = request.params, {}
        return super().prepare_request(request)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Redirects are not followed, and their body is not read, which requests would do first."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Raises ResponseError, or the errors of requests; `timeout` limits the total time."""
        deadline = time.monotonic() + kwargs["timeout"]
        with super().send(request, **{**kwargs, "stream": True}) as response:
            body = self._body(response, deadline)
        return _Document(document(response.status_code, body))

    def _body(self, response: requests.Response, deadline: float) -> str:
        body = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > self._max_bytes:
                raise TooMuchExportedError(
                    f"The response of Prometheus is larger than {self._max_bytes} bytes: narrow "
                    f"the "
                    "check's matchers, or its query, to fewer series."
                )
            if time.monotonic() > deadline:
                raise requests.exceptions.ReadTimeout
        # as text, so that it is not in memory twice while it is parsed
        return body.decode(errors="replace")


class _Document(requests.Response):
    """A response that was read and checked, so that it is parsed once."""

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__()
        self.status_code = 200
        self._found = found

    def json(self, **kwargs: Any) -> Any:
        return self._found


class _Credentials(requests.auth.AuthBase):
    """Adds headers and credentials, and reads secrets at each request."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        config = self._config
        for header in config.headers:
            value = header.value
            request.headers[header.name] = _secret(value) if isinstance(value, Path) else value
        if config.token_file:
            request.headers["Authorization"] = f"Bearer {_secret(config.token_file)}"
        elif config.username_file and config.password_file:
            name, password = _secret(config.username_file), _secret(config.password_file)
            HTTPBasicAuth(name, password)(request)
        return request


def _secret(file: Path) -> str:
    """The content of a file without the final line break. Messages never contain the secret."""
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ResponseError(
            f"The credentials for Prometheus in {file} cannot be read: {type(error).__name__}."
        ) from None
    if not is_header_value(secret):
        raise ResponseError(
            f"The credentials for Prometheus in {file} are empty or contain invalid characters: "
            "they must be one line of printable ASCII."
        )
    return secret
