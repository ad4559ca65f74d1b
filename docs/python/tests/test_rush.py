"""Calls at the same moment, after a silence: none is judged by what was true before it."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from conftest import Clock

from matricula_auth import AsyncVerifier, BadToken, Verifier
from matricula_auth.fetching import Answer, Request, fetch
from matricula_testing import Issuer

LIST = "/api/auth/status-list"
PATIENCE = 20


class Slow:
    """Fetches lists only once it is let go."""

    def __init__(self) -> None:
        self.is_slow = False
        self.begun, self.go_on = Event(), Event()

    def __call__(self, request: Request, timeout: float) -> Answer:
        if self.is_slow and request.url.endswith(LIST):
            self.begun.set()
            assert self.go_on.wait(PATIENCE)
        return fetch(request, timeout)


def test_threads_wait_for_the_list_that_one_of_them_fetches(issuer: Issuer, moved: Clock) -> None:
    slow = Slow()
    verifier = Verifier(issuer.url, fetch=slow)
    ada = issuer.sign_up()
    token = ada.token()
    verifier.verify(token)
    ada.log_out()
    moved.forward(60)
    slow.is_slow = True
    with ThreadPoolExecutor(5) as threads:
        first = threads.submit(verifier.verify, token)
        assert slow.begun.wait(PATIENCE)
        others = [threads.submit(verifier.verify, token) for _ in range(4)]
        time.sleep(0.2)
        slow.go_on.set()
        for call in (first, *others):
            assert isinstance(call.exception(PATIENCE), BadToken)
    assert issuer.asked[LIST] == 2


def test_tasks_wait_for_the_list_that_one_of_them_fetches(issuer: Issuer, moved: Clock) -> None:
    slow = Slow()
    verifier = AsyncVerifier(issuer.url, fetch=slow)
    ada = issuer.sign_up()
    token = ada.token()

    async def use() -> None:
        await verifier.verify(token)
        ada.log_out()
        moved.forward(60)
        slow.is_slow = True
        first = asyncio.create_task(verifier.verify(token))
        assert await asyncio.to_thread(slow.begun.wait, PATIENCE)
        others = [asyncio.create_task(verifier.verify(token)) for _ in range(4)]
        await asyncio.sleep(0.2)
        slow.go_on.set()
        for answer in await asyncio.gather(first, *others, return_exceptions=True):
            assert isinstance(answer, BadToken)

    asyncio.run(use())
    assert issuer.asked[LIST] == 2


@pytest.mark.parametrize("seconds", [4.5, 60])
def test_nobody_waits_while_a_list_is_only_just_old_or_in_an_outage(
    issuer: Issuer, moved: Clock, seconds: float
) -> None:
    slow = Slow()
    verifier = Verifier(issuer.url, fetch=slow)
    token = issuer.sign_up().token()
    verifier.verify(token)
    if seconds > 5:
        issuer.is_down = True
        moved.forward(seconds)
        verifier.verify(token)
        moved.forward(2)
    else:
        moved.forward(seconds)
    slow.is_slow = True
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(verifier.verify, token)
        assert slow.begun.wait(PATIENCE)
        # The lock is held by who fetches, and would hold this thread up.
        verifier.verify(token)
        assert not first.done()
        slow.go_on.set()
        first.result(PATIENCE)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_that_is_forked_fetches_with_threads_of_its_own(issuer: Issuer) -> None:
    verifier = AsyncVerifier(issuer.url)
    token = issuer.sign_up().token()
    asyncio.run(verifier.verify(token))
    child = os.fork()
    if child == 0:
        try:
            verifier._verifier.fetch_again()
            asyncio.run(asyncio.wait_for(verifier.verify(token), PATIENCE))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
