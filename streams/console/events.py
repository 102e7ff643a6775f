"""Server-sent events: that something newer is there, of what a person may see; the page then reads itself anew."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from infra.database.overviews import newest
from streams.console.identity import Identity
from streams.console.problems import EVENTS
from streams.console.sight import Sight
from streams.console.visit import COOKIE, Console, console_of, identity_of

POLL_SECONDS = 2.0
_QUIET_POLLS = 10
live = APIRouter(include_in_schema=False)


@live.get(EVENTS)
def tell_changes(request: Request, identity: Annotated[Identity, Depends(identity_of)]) -> StreamingResponse:
    """Stream an event each time that something newer is there."""
    console, session = console_of(request), request.cookies.get(COOKIE)

    def still_here() -> bool:
        return session is None or console.sign_in.identify(session, None) == identity

    stream = changes(lambda: seen_now(console, identity), still_here, POLL_SECONDS)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store"})


def seen_now(console: Console, identity: Identity) -> tuple[int, ...]:
    """Return numbers that change whenever something is said of what a person may see."""
    with Session(console.engine) as session:
        return newest(session, Sight(session, identity, console.key).tins)


async def changes(
    seen: Callable[[], tuple[int, ...]], still_here: Callable[[], bool], poll_seconds: float
) -> AsyncIterator[str]:
    """Yield an event for each change of what is seen, a comment now and then, and end with the session."""
    last = await run_in_threadpool(seen)
    quiet = 0
    yield ": listening\n\n"
    while still_here():
        await asyncio.sleep(poll_seconds)
        now = await run_in_threadpool(seen)
        quiet += 1
        if now != last:
            last, quiet = now, 0
            yield "event: newer\ndata: {}\n\n"
        elif quiet >= _QUIET_POLLS:
            quiet = 0
            yield ": still here\n\n"
