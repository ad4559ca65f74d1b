"""Serves an issuer on a loopback port, so that backends in other processes can be tested with it too."""

import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Protocol


class Served(Protocol):
    service_key: str
    is_down: bool
    asked: Any

    def jwks(self) -> dict[str, Any]: ...
    def status_list(self) -> str: ...
    def introspect(self, token: str) -> dict[str, Any]: ...


class Serving:
    """Runs in threads of its own until it is closed."""

    def __init__(self, issuer: Served) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._count()
                if issuer.is_down:
                    self._send(503, b"{}")
                elif self.path == "/api/auth/jwks":
                    self._send(200, json.dumps(issuer.jwks()).encode())
                elif self.path == "/api/auth/status-list":
                    self._send(200, issuer.status_list().encode(), "application/statuslist+jwt")
                else:
                    self._send(404, b"{}")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self._count()
                if issuer.is_down:
                    self._send(503, b"{}")
                elif self.path != "/api/auth/introspect":
                    self._send(404, b"{}")
                elif self.headers.get("Authorization") != f"Bearer {issuer.service_key}":
                    self._send(401, b"{}")
                else:
                    self._send(200, json.dumps(issuer.introspect(json.loads(body)["token"])).encode())

            def _count(self) -> None:
                issuer.asked[self.path] += 1

            def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
                etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
                is_known = status == 200 and self.headers.get("If-None-Match") == etag
                self.send_response(304 if is_known else status)
                self.send_header("ETag", etag)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", "0" if is_known else str(len(body)))
                self.end_headers()
                self.wfile.write(b"" if is_known else body)

            def log_message(self, *_: object) -> None:
                """Says nothing: its lines would stand among those of the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
