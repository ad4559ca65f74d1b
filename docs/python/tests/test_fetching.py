"""Requests to Matricula: what counts as an answer, and what does not."""

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from matricula_auth import Unreachable
from matricula_auth.fetching import LONGEST, Answer, Request, fetch

asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked.append(self.path)
        answers: dict[str, Callable[[], None]] = {
            "/good": lambda: self.send(200, b"good", {"ETag": '"one"'}),
            "/known": lambda: self.send(304, b"", {"ETag": '"one"'}),
            "/elsewhere": lambda: self.send(302, b"", {"Location": "/good"}),
            "/empty": lambda: self.send(204, b"", {}),
            "/gone": lambda: self.send(404, b"good", {}),
            "/long": lambda: self.send(200, b"x" * (LONGEST + 1), {}),
            "/broken": lambda: self.send(200, b"x", {"Content-Length": "10"}),
            "/slow": self.drip,
        }
        answers[self.path]()

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self) -> None:
        self.send(200, b"", {"Content-Length": "1000"})
        for _ in range(100):
            try:
                self.wfile.write(b"x")
            except OSError:
                return
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_answer_and_one_that_is_known_are_answers(url: str) -> None:
    assert fetch(Request(f"{url}/good"), 30) == Answer(200, b"good", '"one"')
    assert fetch(Request(f"{url}/known", {"If-None-Match": '"one"'}), 30) == Answer(304, b"", '"one"')


@pytest.mark.parametrize("path", ["elsewhere", "empty", "gone", "long", "broken"])
def test_anything_else_is_none(url: str, path: str) -> None:
    asked.clear()
    with pytest.raises(Unreachable):
        fetch(Request(f"{url}/{path}"), 30)
    assert asked == [f"/{path}"]


def test_an_answer_that_drips_is_given_up(url: str) -> None:
    with pytest.raises(Unreachable, match="TimeoutError"):
        fetch(Request(f"{url}/slow"), 0.3)


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/x", "nothing", "http://127.0.0.1:1/"])
def test_nothing_but_http_is_asked(address: str) -> None:
    with pytest.raises(Unreachable):
        fetch(Request(address), 5)
