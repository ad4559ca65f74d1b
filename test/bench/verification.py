"""What a check of a token costs over PyJWT's decode alone, each call beside the other, in one process."""

import asyncio
import json
import platform
import statistics
import time
from collections.abc import Callable

import jwt
from matricula_auth import AsyncVerifier, Verifier
from matricula_testing import Issuer

CALLS = 10_000

issuer = Issuer()
token = issuer.sign_up("Ada").token()
verifier = Verifier(issuer.url)
later = AsyncVerifier(verifier)
verifier.verify(token)
key = verifier.verification.keys.find(jwt.get_unverified_header(token)["kid"])


def bare() -> None:
    jwt.decode(token, key, algorithms=["EdDSA"], issuer=issuer.url, audience=issuer.url, leeway=30)


def timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


async def timed_later() -> float:
    begun = time.perf_counter()
    await later.verify(token)
    return (time.perf_counter() - begun) * 1000


async def measure() -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"PyJWT alone": [], "Verifier": [], "AsyncVerifier": []}
    for _ in range(CALLS):
        times["PyJWT alone"].append(timed(bare))
        times["Verifier"].append(timed(lambda: verifier.verify(token)))
        times["AsyncVerifier"].append(await timed_later())
    return times


begun = time.monotonic()
times = asyncio.run(measure())
seconds = time.monotonic() - begun
rows = [
    {"name": name, "p50": statistics.median(each), "p99": statistics.quantiles(each, n=100)[98]}
    for name, each in times.items()
]
asked = sum(issuer.asked.values())
print(
    json.dumps({"python": platform.python_version(), "rows": rows, "calls": CALLS, "seconds": seconds, "asked": asked})
)
