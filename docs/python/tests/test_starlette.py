"""WebSockets: how the token comes, and when the socket is closed."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Clock
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from matricula_auth import AsyncVerifier, BadToken, Learner, configure
from matricula_auth.fetching import Answer, Request, fetch
from matricula_auth.starlette import SocketSession, signed_in
from matricula_testing import Issuer

LOOK_SECONDS = 0.05
undone: list[str] = []


async def echo(socket: WebSocket) -> None:
    async with signed_in(socket, look_seconds=LOOK_SECONDS) as session:
        await socket.send_text(session.learner.name)
        try:
            while True:
                said = await socket.receive_text()
                if said.startswith("renew "):
                    await session.renew(said.removeprefix("renew "))
                if said == "break":
                    raise ValueError("of the backend's own")
                await socket.send_text(said[:5])
        finally:
            undone.append(session.learner.name)


async def labs(socket: WebSocket) -> None:
    async with signed_in(socket, scopes=["labs"]):
        await socket.send_text("in")


@pytest.fixture
def client(matricula: Issuer) -> Iterator[TestClient]:
    undone.clear()
    app = Starlette(routes=[WebSocketRoute("/echo", echo), WebSocketRoute("/labs", labs)])
    with TestClient(app) as client:
        yield client


def test_the_token_comes_as_a_subprotocol(matricula: Issuer, client: TestClient) -> None:
    with client.websocket_connect("/echo", subprotocols=["bearer", matricula.sign_up("Ada").token()]) as socket:
        assert socket.accepted_subprotocol == "bearer"
        assert socket.receive_text() == "Ada"
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


def test_the_token_comes_as_the_first_message(matricula: Issuer, client: TestClient) -> None:
    with client.websocket_connect("/echo") as socket:
        socket.send_text(matricula.sign_up("Ada").token())
        assert socket.receive_text() == "Ada"


@pytest.mark.parametrize("token", ["garbage", ""])
def test_who_has_no_good_token_is_told_so_and_closed(client: TestClient, token: str) -> None:
    with client.websocket_connect("/echo") as socket:
        socket.send_text(token)
        with pytest.raises(WebSocketDisconnect) as end:
            socket.receive_text()
    assert end.value.code == 4401


def test_a_missing_scope_and_an_outage_have_their_own_codes(matricula: Issuer, client: TestClient) -> None:
    token = matricula.sign_up().token()
    assert ending_of(client, "/labs", token) == 4403
    matricula.is_down = True
    configure(matricula.verifier())
    assert ending_of(client, "/labs", token) == 4503


def ending_of(client: TestClient, path: str, token: str) -> int:
    with client.websocket_connect(path, subprotocols=["bearer", token]) as socket:
        return int(socket.receive()["code"])


def test_the_socket_is_closed_with_4401_when_the_session_ends(matricula: Issuer, client: TestClient) -> None:
    ada = matricula.sign_up("Ada")
    with client.websocket_connect("/echo", subprotocols=["bearer", ada.token()]) as socket:
        assert socket.receive_text() == "Ada"
        ada.log_out()
        with pytest.raises(WebSocketDisconnect) as end:
            socket.receive_text()
    assert (end.value.code, end.value.reason) == (4401, "The session has ended")
    assert undone == ["Ada"]


def test_an_outage_closes_no_socket_that_is_open(matricula: Issuer, client: TestClient) -> None:
    ada = matricula.sign_up("Ada")
    with client.websocket_connect("/echo", subprotocols=["bearer", ada.token()]) as socket:
        assert socket.receive_text() == "Ada"
        matricula.is_down = True
        matricula._verifiers[0].fetch_again()
        asked = sum(matricula.asked.values())
        while sum(matricula.asked.values()) == asked:
            time.sleep(LOOK_SECONDS)
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


def test_a_socket_ends_with_its_token_unless_it_is_renewed(matricula: Issuer, client: TestClient, moved: Clock) -> None:
    ada, ben = matricula.sign_up("Ada"), matricula.sign_up("Ben")
    with client.websocket_connect("/echo", subprotocols=["bearer", ada.token(-28)]) as socket:
        assert socket.receive_text() == "Ada"
        socket.send_text(f"renew {ada.token()}")
        assert socket.receive_text() == "renew"
        moved.forward(3)
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
        socket.send_text(f"renew {ben.token()}")
        with pytest.raises(WebSocketDisconnect) as end:
            socket.receive_text()
    assert (end.value.code, end.value.reason) == (4401, "Another learner")
    with client.websocket_connect("/echo", subprotocols=["bearer", ada.token(-25)]) as socket:
        assert socket.receive_text() == "Ada"
        moved.forward(8)
        with pytest.raises(WebSocketDisconnect) as end:
            socket.receive_text()
    assert end.value.code == 4401


def test_a_socket_that_cannot_be_watched_does_not_stay_open(matricula: Issuer, client: TestClient) -> None:
    def failing(request: Request, timeout: float) -> Answer:
        if failures:
            raise failures[0]
        return fetch(request, timeout)

    failures: list[Exception] = []
    verifier = matricula.verifier(fetch=failing)
    configure(verifier)

    def use() -> None:
        with client.websocket_connect("/echo", subprotocols=["bearer", matricula.sign_up("Ada").token()]) as socket:
            socket.receive_text()
            failures.append(KeyError("of the backend's own way to fetch"))
            verifier.fetch_again()
            socket.receive_text()

    with pytest.raises(KeyError, match="own way"):
        use()
    assert undone == ["Ada"]


def test_a_newer_token_counts_that_comes_while_the_last_one_is_looked_at(matricula: Issuer) -> None:
    ada = matricula.sign_up("Ada")
    first, second = ada.token(), ada.token()

    async def use() -> None:
        let_go = asyncio.Event()

        class Late(AsyncVerifier):
            async def verify(self, token: str | None, **settings: Any) -> Learner:  # noqa: ANN401
                if token == first:
                    await let_go.wait()
                    raise BadToken("The token is over")
                return await super().verify(token, **settings)

        verifier = Late(matricula.verifier())
        session = SocketSession(first, await verifier.verify(second), verifier, ())
        looking = asyncio.create_task(session.look())
        await asyncio.sleep(0)
        await session.renew(second)
        let_go.set()
        await looking

    asyncio.run(use())


def test_a_fault_of_the_backend_stays_one(matricula: Issuer, client: TestClient) -> None:
    token = matricula.sign_up().token()

    def use() -> None:
        with client.websocket_connect("/echo", subprotocols=["bearer", token]) as socket:
            socket.receive_text()
            socket.send_text("break")
            socket.receive_text()

    with pytest.raises(ValueError, match="own"):
        use()
