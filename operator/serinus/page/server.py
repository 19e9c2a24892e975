"""The routes of the page, and what every answer says to the browser."""

import logging
import time
from collections.abc import Callable, Hashable, Iterator
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from aiohttp import ETag, web
from aiohttp.typedefs import Handler, Middleware

from serinus.page import rendering
from serinus.page.known import INTERNAL, KnownObjects
from serinus.page.rendering import STATIC, Around, RowFilter
from serinus.page.renderings import Rendering, Renderings
from serinus.page.snapshot import Snapshots
from serinus.page.streams import MOST_STREAMS, Streams
from serinus.page.viewers import Rights, UnavailableError, UnknownViewerError
from serinus.serving import body_of

log = logging.getLogger(__name__)

COOKIE: Final = "serinus-token"
MOST_CONNECTIONS: Final = MOST_STREAMS + 100
_LONGEST_COOKIE: Final = 3800
"""Characters; browsers drop longer ones."""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # with no-referrer a browser would not say from which site a form was sent
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "serinus",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_VARY: Final = {"Vary": "HX-Request, Accept-Encoding"}
_STORED: Final = "public, max-age=31536000, immutable"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NOBODY: Final = (
    "Log in with a bearer token of yours, for example from kubectl create token. You see the "
    "ModelDeployments that it may list."
)
_NOT_ACCEPTED: Final = "The API server does not accept this token: it may have expired."


class Page:
    """The page over what is known, for those who may see it.

    `login`: viewers log in with a token, else everyone is the one user of this machine. `nothing`:
    what an empty list says.
    """

    def __init__(
        self,
        known: KnownObjects,
        rights: Rights,
        *,
        login: bool,
        nothing: str = rendering.NOTHING,
        streams: Streams | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._known, self._rights = known, rights
        self._login, self._nothing = login, nothing
        self._streams = streams or Streams()
        self._clock = clock
        self._snapshots, self._renderings = Snapshots(known), Renderings()

    def application(self, hosts: frozenset[str] | None = None) -> web.Application:
        """To serve. `hosts`: the only names by which it may be reached; None: any. Otherwise
        another site could have its own name lead here, and read the page as its own."""
        app = web.Application(
            middlewares=[_only_by(hosts), self._errors], client_max_size=16 * 1024
        )
        app.on_response_prepare.append(_say)
        app.router.add_get("/", self._list)
        app.router.add_get("/events", self._events, allow_head=False)
        app.router.add_get("/rollouts/{namespace}/{name}", self._one)
        app.router.add_get("/rollouts/{namespace}/{name}/events", self._events, allow_head=False)
        app.router.add_static(f"/static/{rendering.digest()}", STATIC)
        app.router.add_get("/healthz", self._healthy)
        app.router.add_get("/readyz", self._ready)
        if self._login:
            app.router.add_post("/login", self._log_in)
            app.router.add_post("/logout", self._log_out)
        app.on_shutdown.append(self._streams.close)
        return app

    async def _list(self, request: web.Request) -> web.Response:
        snapshot = self._snapshots.newest
        namespaces = snapshot.namespaces
        seen = await self._rights.namespaces(_token(request), namespaces, _address(request))
        state, now = snapshot.state(seen), self._clock()
        wanted = RowFilter(request.query.get("q", "")[:200], request.query.get("phase", ""))

        def pieces() -> Iterator[str]:
            found, base = snapshot.rows(seen), _base(request)
            return rendering.rows(found, wanted, now, base, self._nothing)

        def whole(rows: str) -> str:
            return rendering.listed(rows, wanted, now, self._around(request, state))

        return await self._answer(request, (seen, wanted), state, pieces, whole)

    async def _one(self, request: web.Request) -> web.Response:
        namespace, name = _named(request)
        # asked even if there is none: the time that it takes shows nothing to who may not see it
        sees = await self._rights.sees(_token(request), namespace, name, _address(request))
        found, now = self._known.seen(namespace, name), self._clock()
        if not sees or found is None:
            raise web.HTTPNotFound

        def pieces() -> Iterator[str]:
            live = found.live()
            return rendering.rollout(live, self._known.history(live), now)

        def whole(rollout: str) -> str:
            around = self._around(request, found.version)
            return rendering.shown(rollout, namespace, name, now, around)

        return await self._answer(request, (namespace, name), found.version, pieces, whole)

    async def _answer(
        self,
        request: web.Request,
        key: Hashable,
        state: str,
        pieces: Callable[[], Iterator[str]],
        whole: Callable[[str], str],
    ) -> web.Response:
        """The part of the page that changes, if the script asks for it and does not have it, or
        else the whole. `key`: what all who are shown the same have in common."""
        shown = repr((self._snapshots.began, request.path_qs, state))
        # weak, since what is shown also says how long ago something was
        part, tag = _part(request), ETag(sha256(shown.encode()).hexdigest()[:16], is_weak=True)
        if part and any(each.value == tag.value for each in request.if_none_match or ()):
            response = web.Response(status=304, headers=_VARY)
        else:
            found = await self._renderings.of(key, state, pieces)
            response = _packed(request, found) if part else _html(whole(found.html))
        response.etag = tag
        return response

    async def _events(self, request: web.Request) -> web.StreamResponse:
        token, address = _token(request), _address(request)

        async def of_all() -> str:
            snapshot = self._snapshots.newest
            seen = await self._rights.namespaces(token, snapshot.namespaces, address)
            return snapshot.state(seen)

        async def of_one() -> str | None:
            namespace, name = _named(request)
            sees = await self._rights.sees(token, namespace, name, address)
            found = self._known.seen(namespace, name)
            return (found.version or None) if sees and found else None

        def behind() -> bool:
            return state is of_all and self._snapshots.behind

        state = of_one if "name" in request.match_info else of_all
        # asked before there is a stream: who may see nothing takes none of them
        if await state() is None:
            raise web.HTTPNotFound
        return await self._streams.answer(request, hash(token), state, self._known, behind)

    async def _log_in(self, request: web.Request) -> web.Response:
        _same_site(request)
        form = parse_qs((await body_of(request)).decode(errors="replace"))
        token = form.get("token", [""])[0].strip()
        if len(token) > _LONGEST_COOKIE:
            message = "The token is too long for a cookie: use a proxy that sends it."
            return self._nobody(request, message)
        try:
            await self._rights.namespaces(token, (), _address(request))
        except UnknownViewerError:
            return self._nobody(request, _NOT_ACCEPTED)
        response = web.Response(status=303, headers={"Location": "./"})
        https = "https" in (request.scheme, request.headers.get("X-Forwarded-Proto"))
        _set_cookie(response, token, secure=https)
        return response

    async def _log_out(self, request: web.Request) -> web.Response:
        _same_site(request)
        response = web.Response(status=303, headers={"Location": "./"})
        _set_cookie(response, "", max_age=0)
        return response

    async def _healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _ready(self, _: web.Request) -> web.Response:
        synced = self._known.synced
        text = "ok" if synced else "ModelDeployments were not listed yet"
        return web.Response(text=text, status=200 if synced else 503)

    def _around(self, request: web.Request, shown: str = "") -> Around:
        return Around(_base(request), self._login, self._known.warning, shown)

    def _nobody(self, request: web.Request, message: str = _NOBODY) -> web.Response:
        around = Around(_base(request), login=False)
        return _html(rendering.message_page("Log in", message, around, form=True), status=401)

    @web.middleware
    async def _errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except UnknownViewerError:
            return self._nobody(request, _NOT_ACCEPTED if _token(request) else _NOBODY)
        except UnavailableError:
            message = "The API server does not answer, so it is not known what you may see."
            page = rendering.message_page("Not available", message, self._around(request))
            return _html(page, status=503)
        except web.HTTPNotFound:
            message = "There is nothing here, or nothing that you may see."
            page = rendering.message_page("Not found", message, self._around(request))
            return _html(page, status=404)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            log.exception("%s cannot be shown", request.path)
            page = rendering.message_page("Not shown", INTERNAL, self._around(request))
            return _html(page, status=500)


async def _say(request: web.Request, response: web.StreamResponse) -> None:
    """To every answer, streams and errors included."""
    response.headers.update(_HEADERS)
    stored = request.path.startswith("/static/") and response.status == 200
    response.headers["Cache-Control"] = _STORED if stored else "no-store"


def _only_by(hosts: frozenset[str] | None) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if hosts is not None and _hostname(request.host) not in hosts:
            raise web.HTTPForbidden(text="This page is not served by that name.")
        return await handler(request)

    return check


def _hostname(authority: str) -> str | None:
    """Without the port; None if it cannot be read."""
    try:
        return urlsplit(f"//{authority}").hostname
    except ValueError:
        return None


def hosts_of(address: str) -> frozenset[str] | None:
    """The names by which a page at a local address may be reached; None: any."""
    return None if address in ("0.0.0.0", "::") else _LOOPBACK | {address}


def _token(request: web.Request) -> str:
    """The viewer's: from a proxy in front, else from the cookie; empty without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        return token.strip()
    return request.cookies.get(COOKIE, "")


def _address(request: web.Request) -> str:
    """The viewer's, or a proxy's: what a header says of it, anybody can say."""
    return request.remote or ""


def _same_site(request: web.Request) -> None:
    """A form of another site may not log anyone in or out."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin", "").partition("//")[2]
    if site != "same-origin" if site else origin != request.host:
        raise web.HTTPForbidden(text="The form was sent by another site.")


def _named(request: web.Request) -> tuple[str, str]:
    return request.match_info["namespace"], request.match_info["name"]


def _base(request: web.Request) -> str:
    """The way from the address to the root of the page. So links and scripts are also found if a
    proxy serves the page below another path, and no setting says below which."""
    return "../" * (request.rel_url.raw_path.count("/") - 1) or "./"


def _set_cookie(response: web.Response, token: str, **options: Any) -> None:
    """Without a path: the browser takes the folder of the form, whatever path that is below."""
    response.set_cookie(COOKIE, token, path="", httponly=True, samesite="Strict", **options)


def _part(request: web.Request) -> bool:
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", status=status, headers=_VARY)


def _packed(request: web.Request, found: Rendering) -> web.Response:
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return _html(found.html)
    headers = {**_VARY, "Content-Encoding": "gzip", "Content-Type": "text/html; charset=utf-8"}
    return web.Response(body=found.packed, headers=headers)
