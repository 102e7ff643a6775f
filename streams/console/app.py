"""The composition of the console: routes, errors, and the headers that keep a browser from doing more."""

from collections.abc import Mapping

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.console.api import api
from streams.console.doors import FromElsewhere, doors, refuse_elsewhere
from streams.console.events import live
from streams.console.pages import pages
from streams.console.problems import handle_problems
from streams.console.templating import FOLDER
from streams.console.visit import Console

STATIC = "/static"
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class GuardedHeaders:
    """Puts on every answer what a browser may do with it; only the static files may be kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kept = "max-age=3600" if scope["path"].startswith(f"{STATIC}/") else "no-store"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update({**_HEADERS, "cache-control": kept})
            await send(message)

        await self._app(scope, receive, guarded)


def create_app(console: Console) -> FastAPI:
    """Return the console as an application for a server; it listens to no host name that it was not given."""
    app = FastAPI(title="asm-streams console", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.console = console
    for router in (doors, pages, live, api):
        app.include_router(router)
    app.mount(STATIC, StaticFiles(directory=FOLDER / "static"), name="static")
    handle_problems(app)
    app.add_exception_handler(FromElsewhere, refuse_elsewhere)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(console.hosts), www_redirect=False)
    app.add_middleware(GuardedHeaders)
    return app
