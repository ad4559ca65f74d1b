"""
For WebSockets of Starlette and FastAPI. A browser cannot send a header with them, so the token comes as a subprotocol,
`new WebSocket(url, ['bearer', token])`, or as the first message. The socket is closed with 4401 when the session ends.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

import anyio
from starlette.exceptions import WebSocketException
from starlette.types import Message, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from .clock import now
from .environment import default_async_verifier
from .errors import MissingScope, Refusal, Unreachable
from .learner import Learner
from .verifier import AsyncVerifier

SUBPROTOCOL = "bearer"
# Codes from 4000 on are for applications. The last three digits are those of HTTP.
NOT_SIGNED_IN, NOT_ALLOWED, TRY_AGAIN = 4401, 4403, 4503
# Who connects and then says nothing does not stay.
FIRST_MESSAGE_SECONDS = 10.0
LOOK_SECONDS = 5.0


class SocketSession:
    """The learner at the other end. A token lives for 15 minutes, so a socket that stays longer has to `renew` it."""

    def __init__(self, token: str, learner: Learner, verifier: AsyncVerifier, scopes: Collection[str]) -> None:
        self.learner = learner
        self._token, self._verifier, self._scopes = token, verifier, scopes

    async def renew(self, token: str) -> None:
        """Goes on with a newer token of the same learner. @raises WebSocketException, which closes the socket"""
        renewed = await verified(self._verifier, token, self._scopes)
        if renewed.sub != self.learner.sub:
            raise WebSocketException(NOT_SIGNED_IN, "Another learner")
        self._token, self.learner = token, renewed

    async def look(self) -> None:
        """@raises WebSocketException once the session has ended, or the token is over."""
        token = self._token
        try:
            await self._verifier.verify(token, scopes=self._scopes)
        except Unreachable:
            # It was good before. Until the token is over, not knowing is no reason to hang up.
            if now() >= self.learner.exp:
                raise closing(Refusal("The token is over")) from None
        except Refusal as refusal:
            # A newer one may have come while this one was looked at.
            if token == self._token:
                raise closing(refusal) from refusal


@asynccontextmanager
async def signed_in(
    socket: WebSocket,
    *,
    verifier: AsyncVerifier | None = None,
    scopes: Collection[str] = (),
    look_seconds: float = LOOK_SECONDS,
) -> AsyncIterator[SocketSession]:
    """
    Accepts the socket and yields its learner. When the session ends, what stands in the `with` block is cancelled and
    the socket is closed with 4401; at once with 4401, 4403 or 4503 if nobody is let in. When the learner leaves, the
    block ends quietly.
    """
    try:
        verifier = verifier or default_async_verifier()
        token = await token_of(socket)
        session = SocketSession(token, await verified(verifier, token, scopes), verifier, scopes)
        async with watched(session, look_seconds):
            with suppress(WebSocketDisconnect):
                yield session
    except WebSocketException:
        # Starlette closes the socket. If the other end has gone, that is no fault of the backend, to be logged as one.
        socket._send = forgiving(socket._send)
        raise


@asynccontextmanager
async def watched(session: SocketSession, look_seconds: float) -> AsyncIterator[None]:
    """Cancels what stands in the block when the session ends. @raises WebSocketException then"""
    end: list[Exception] = []

    with anyio.CancelScope() as block:

        async def watch() -> None:
            while not end:
                await asyncio.sleep(look_seconds)
                try:
                    await session.look()
                except Exception as error:  # also a fault: nobody stays unwatched
                    end.append(error)
                    block.cancel()

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
    if end:
        raise end[0]


def forgiving(send: Send) -> Send:
    async def send_if_there(message: Message) -> None:
        with suppress(OSError):
            await send(message)

    return send_if_there


async def token_of(socket: WebSocket) -> str:
    """Accepts the socket and returns its token. Refusing before would hide the code: browsers then see only 1006."""
    offered: list[str] = socket.scope.get("subprotocols", [])
    try:
        if len(offered) == 2 and offered[0] == SUBPROTOCOL:
            await socket.accept(SUBPROTOCOL)
            return offered[1]
        await socket.accept()
        return (await asyncio.wait_for(socket.receive_text(), FIRST_MESSAGE_SECONDS)).strip()
    except (asyncio.TimeoutError, KeyError, WebSocketDisconnect):
        raise WebSocketException(NOT_SIGNED_IN, "There is no access token") from None


async def verified(verifier: AsyncVerifier, token: str, scopes: Collection[str]) -> Learner:
    try:
        return await verifier.verify(token, scopes=scopes)
    except Refusal as refusal:
        raise closing(refusal) from refusal


def closing(refusal: Refusal) -> WebSocketException:
    if isinstance(refusal, Unreachable):
        return WebSocketException(TRY_AGAIN, refusal.detail)
    code = NOT_ALLOWED if isinstance(refusal, MissingScope) else NOT_SIGNED_IN
    return WebSocketException(code, refusal.reason)
