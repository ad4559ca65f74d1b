"""Verifiers: one for threads, one for tasks. Both do the same steps."""

import asyncio
import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from .documents import Document
from .fetching import Fetch, fetch
from .learner import Learner
from .verification import Demands, Verification, Work

# So many questions to Matricula at once from a program of tasks.
THREADS = 8


class Verifier:
    """
    Checks access tokens. One for each process: it keeps the keys and the list of ended sessions, and any thread may
    use it. Settings:

    - `issuer`: the `PUBLIC_URL` of Matricula; also the audience, unless `audience` is another.
    - `service_key`: its service key, for `strict`.
    - `leeway`: seconds that two clocks may differ.
    - `timeout`: seconds after which a request to Matricula is given up.
    - `address`, `headers`: a way of its own to Matricula, and what to send along, past the proxy that ends TLS.
    - `when_unreachable`: whether to `refuse` (with 503) or `accept` while nobody knows whether a session has ended:
      once the last list is over, ten minutes after Matricula was last heard.
    - `fetch`: what asks, in place of the standard library.
    """

    def __init__(
        self,
        issuer: str,
        *,
        audience: str | None = None,
        service_key: str | None = None,
        leeway: float = 30,
        timeout: float = 5,
        address: str | None = None,
        headers: Mapping[str, str] | None = None,
        when_unreachable: Literal["refuse", "accept"] = "refuse",
        fetch: Fetch = fetch,
    ) -> None:
        self.verification = Verification(
            issuer,
            audience=audience,
            service_key=service_key,
            leeway=leeway,
            timeout=timeout,
            address=address,
            headers=headers,
            when_unreachable=when_unreachable,
            fetch=fetch,
        )

    def verify(
        self,
        token: str | None,
        *,
        scopes: Collection[str] = (),
        strict: bool = False,
        require_amr: Collection[str] = (),
        max_age: int | None = None,
    ) -> Learner:
        """
        The learner of a token whose session was open a few seconds ago; with `strict`, is open now, for which
        Matricula is asked. `require_amr={"mfa"}` takes only logins with a second step, `max_age` only logins of the
        last so many seconds. @raises Refusal: `NoToken`, `BadToken`, `MissingScope`, `TooWeakLogin` or `Unreachable`.
        """
        steps = self.verification.steps(token, Demands(scopes, require_amr, max_age), strict)
        try:
            while True:
                next(steps).do()
        except StopIteration as end:
            learner: Learner = end.value
            return learner

    def fetch_again(self) -> None:
        """Has keys and lists fetched anew for the next call, for tests that will not wait until they are old."""
        self.verification.keys.make_due()
        self.verification.status_lists.make_due()


class AsyncVerifier:
    """The same for tasks. `AsyncVerifier(verifier)` shares what that one keeps."""

    def __init__(self, verifier: Verifier | str, **settings: Any) -> None:  # noqa: ANN401
        self._verifier = Verifier(verifier, **settings) if isinstance(verifier, str) else verifier
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        # By document: the round, and who fetches it.
        self._under_way: dict[Document[Any], tuple[int, asyncio.Future[None]]] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="matricula")

    async def verify(
        self,
        token: str | None,
        *,
        scopes: Collection[str] = (),
        strict: bool = False,
        require_amr: Collection[str] = (),
        max_age: int | None = None,
    ) -> Learner:
        """As `Verifier.verify`. Nothing in it blocks the loop: what has to be fetched is fetched in a thread."""
        steps = self._verifier.verification.steps(token, Demands(scopes, require_amr, max_age), strict)
        try:
            while True:
                await self._done(next(steps))
        except StopIteration as end:
            learner: Learner = end.value
            return learner

    async def _done(self, work: Work) -> None:
        if self._process != os.getpid():
            # Forked: the threads have stayed in the other process.
            self._begin()
        loop = asyncio.get_running_loop()
        if work.shared is None:
            await loop.run_in_executor(self._threads, work.do)
            return
        document, wanted = work.shared
        known_round, known = self._under_way.get(document, (0, None))
        if known is None or known.done() or known_round < wanted or known.get_loop() is not loop:
            known = loop.run_in_executor(self._threads, work.do)
            self._under_way[document] = (wanted, known)
        # Shielded: others may wait for it too when this call is given up.
        await asyncio.shield(known)
