"""The real site, for tests from end to end: its own server in a process of its own."""

import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

START_SECONDS = 120.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.1


@dataclass
class SiteLearner:
    """Somebody with an account and an open session."""

    site: "Site"
    name: str
    email: str
    password: str
    browser: urllib.request.OpenerDirector

    def token(self) -> str:
        """A token as a browser fetches it. @raises urllib.error.HTTPError (401) after `log_out`"""
        token: str = self.site.call(self.browser, "/api/auth/token")["token"]
        return token

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token()}"}

    def log_out(self) -> None:
        self.site.call(self.browser, "/api/auth/sign-out", {})


class Site:
    """
    Starts the built server of the folder `home` on a free port. Without `database_url` it uses the embedded database of
    that folder, whose data stay.
    """

    def __init__(self, home: str | Path, *, database_url: str | None = None) -> None:
        self._home = Path(home).resolve()
        server = self._home / "dist" / "server.js"
        if not server.exists():
            raise FileNotFoundError(f"There is no {server}: run `npm install && npm run build` in {home}")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.service_key = secrets.token_urlsafe(24)
        settings = {"HOST": "127.0.0.1", "PORT": str(port), "PUBLIC_URL": self.url, "SERVICE_KEY": self.service_key}
        if database_url is not None:
            settings["DATABASE_URL"] = database_url
        own = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
        command = ["node", str(server)]
        self._process = subprocess.Popen(  # noqa: S603
            command, cwd=home, env={**own, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def sign_up(self, name: str = "Ada", *, email: str | None = None) -> SiteLearner:
        """Somebody new, who is signed in."""
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        address = email or f"{name.lower()}-{secrets.token_hex(6)}@example.org"
        password = secrets.token_urlsafe(18)
        self.call(browser, "/api/auth/sign-up/email", {"name": name, "email": address, "password": password})
        return SiteLearner(self, name, address, password, browser)

    def call(self, browser: urllib.request.OpenerDirector, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Asks the API of the site, with POST if there is a body."""
        request = urllib.request.Request(f"{self.url}{path}")  # noqa: S310
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
            request.add_header("Origin", self.url)
        with browser.open(request, timeout=30) as answer:
            return json.load(answer)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"The site ended at once. To see why: cd {self._home} && node dist/server.js")
            try:
                with urllib.request.urlopen(f"{self.url}/health/ready", timeout=5):  # noqa: S310
                    return
            except OSError:
                time.sleep(POLL_SECONDS)
        raise TimeoutError("The site did not start")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
