"""What a verifier accepts and refuses, and how often it asks."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import Clock

from matricula_auth import AsyncVerifier, BadToken, MissingScope, NoToken, Unreachable, Verifier
from matricula_auth.fetching import Answer, Request, fetch
from matricula_testing import Issuer

KEYS, LIST, ASK = "/api/auth/jwks", "/api/auth/status-list", "/api/auth/introspect"


def test_ada_is_known_by_her_token(issuer: Issuer, verifier: Verifier) -> None:
    ada = issuer.sign_up("Ada", email_verified=True)
    learner = verifier.verify(ada.token())
    assert (learner.sub, learner.sid, learner.name, learner.email) == (ada.sub, ada.sid, "Ada", ada.email)
    assert learner.email_verified is True
    assert learner.exp - learner.iat == 900


@pytest.mark.parametrize("token", [None, ""])
def test_who_brings_no_token_is_asked_for_one(verifier: Verifier, token: str | None) -> None:
    with pytest.raises(NoToken) as refusal:
        verifier.verify(token)
    assert refusal.value.headers == {"WWW-Authenticate": 'Bearer realm="Matricula"'}


def test_both_names_of_the_algorithm_are_good(issuer: Issuer, verifier: Verifier) -> None:
    ada = issuer.sign_up()
    claims = ada._claims(60)
    assert verifier.verify(issuer.sign(claims, alg="EdDSA")).sub == ada.sub
    token = issuer.sign(claims)
    renamed = resigned(issuer, token, alg="Ed25519")
    assert verifier.verify(renamed).sub == ada.sub


def resigned(issuer: Issuer, token: str, **header: str) -> str:
    """The same claims under another header, which PyJWT would not write."""
    import base64
    import json

    def encoded(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    head = json.dumps({"kid": issuer._signer, **header}).encode()
    text = f"{encoded(head)}.{token.split('.')[1]}"
    return f"{text}.{encoded(issuer._keys[issuer._signer].sign(text.encode()))}"


@pytest.mark.parametrize(
    ("what", "claims"),
    [
        ("another audience", {"aud": "https://other.example.org"}),
        ("a list of audiences", {"aud": ["https://other.example.org"]}),
        ("another issuer", {"iss": "https://other.example.org"}),
        ("a longer life", {"iat": 0}),
        ("a user that is a number", {"sub": 7}),
        ("no user", {"sub": ""}),
        ("no session", {"sid": None}),
        ("a name that is a list", {"name": ["Ada"]}),
        ("a verified address as text", {"emailVerified": "true"}),
        ("a status that is a word", {"status": "open"}),
        ("a status of another kind alone", {"status": {"other": {}}}),
        ("a place that is true", {"status": {"status_list": {"idx": True, "uri": "https://x"}}}),
        ("a list of another site", {"status": {"status_list": {"idx": 1, "uri": "https://other.example.org/list"}}}),
    ],
)
def test_other_claims_are_refused(issuer: Issuer, verifier: Verifier, what: str, claims: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        verifier.verify(issuer.sign_up().token(**claims))


def test_a_place_outside_the_list_is_refused(issuer: Issuer, verifier: Verifier) -> None:
    status = {"status_list": {"idx": 1 << 17, "uri": f"{issuer.url}{LIST}"}}
    with pytest.raises(BadToken):
        verifier.verify(issuer.sign_up().token(status=status))


def test_a_list_of_another_site_that_begins_alike_is_not_asked(issuer: Issuer, verifier: Verifier) -> None:
    status = {"status_list": {"idx": 1, "uri": f"{issuer.url}1/api/auth/status-list"}}
    with pytest.raises(BadToken):
        verifier.verify(issuer.sign_up().token(status=status))


def test_a_token_that_names_no_list_is_good_until_its_end(issuer: Issuer, verifier: Verifier) -> None:
    ada = issuer.sign_up()
    claims = ada._claims(60)
    del claims["status"]
    assert verifier.verify(issuer.sign(claims)).sub == ada.sub
    assert issuer.asked[LIST] == 0


def test_a_token_is_over_thirty_seconds_after_its_end(issuer: Issuer, verifier: Verifier) -> None:
    ada = issuer.sign_up()
    assert verifier.verify(ada.token(-25)).sub == ada.sub
    with pytest.raises(BadToken, match="over"):
        verifier.verify(ada.token(-31))


def test_the_list_itself_is_no_token(issuer: Issuer, verifier: Verifier) -> None:
    with pytest.raises(BadToken):
        verifier.verify(issuer.status_list())


def test_garbage_costs_matricula_nothing(issuer: Issuer, verifier: Verifier) -> None:
    for garbage in ("x", "a.b.c", "e30.e30.e30", "é.ü.ÿ", "." * 60_000):
        with pytest.raises(BadToken):
            verifier.verify(garbage)
    assert not issuer.asked


def test_a_logout_is_seen_within_five_seconds_and_nothing_is_asked_for_a_call(
    issuer: Issuer, verifier: Verifier, moved: Clock
) -> None:
    ada, ben = issuer.sign_up("Ada"), issuer.sign_up("Ben")
    token, other = ada.token(), ben.token()
    for _ in range(100):
        verifier.verify(token)
    assert issuer.asked == {KEYS: 1, LIST: 1}
    ada.log_out()
    moved.forward(5)
    with pytest.raises(BadToken, match="ended"):
        verifier.verify(token)
    assert verifier.verify(other).sub == ben.sub
    assert issuer.asked == {KEYS: 1, LIST: 2}


def test_strict_sees_it_at_once(issuer: Issuer, verifier: Verifier) -> None:
    ada = issuer.sign_up()
    token = ada.token()
    assert verifier.verify(token, strict=True).sub == ada.sub
    ada.log_out()
    assert verifier.verify(token).sub == ada.sub
    with pytest.raises(BadToken, match="ended"):
        verifier.verify(token, strict=True)


def test_strict_lets_nobody_in_while_matricula_cannot_answer(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.sign_up().token()
    verifier.verify(token)
    issuer.is_down = True
    with pytest.raises(Unreachable):
        verifier.verify(token, strict=True)
    with pytest.raises(Unreachable):
        Verifier(issuer.url, service_key="another").verify(token, strict=True)


def test_strict_without_a_service_key_says_what_is_missing(issuer: Issuer) -> None:
    with pytest.raises(RuntimeError, match="MATRICULA_SERVICE_KEY"):
        Verifier(issuer.url).verify(issuer.sign_up().token(), strict=True)


def test_a_scope_that_the_token_lacks_is_403(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.sign_up().token(scope="labs notes")
    assert verifier.verify(token, scopes=["labs"]).scopes == ("labs", "notes")
    with pytest.raises(MissingScope) as refusal:
        verifier.verify(token, scopes=["labs", "grades"])
    assert refusal.value.status == 403
    assert 'error="insufficient_scope", scope="grades"' in refusal.value.headers["WWW-Authenticate"]


def test_a_new_key_costs_nobody_a_401(issuer: Issuer, verifier: Verifier, moved: Clock) -> None:
    ada = issuer.sign_up()
    old = ada.token()
    verifier.verify(old)
    issuer.rotate()
    moved.forward(5)
    assert verifier.verify(ada.token()).sub == ada.sub
    assert verifier.verify(old).sub == ada.sub
    assert issuer.asked[KEYS] == 2


def test_a_withdrawn_key_is_refused_once_the_keys_are_five_minutes_old(
    issuer: Issuer, verifier: Verifier, moved: Clock
) -> None:
    stolen = issuer.sign_up().token()
    verifier.verify(stolen)
    issuer.rotate(keep_old=False)
    moved.forward(300)
    with pytest.raises(BadToken, match="not published"):
        verifier.verify(stolen)


def test_made_up_key_ids_make_nobody_fetch_without_end(issuer: Issuer, verifier: Verifier, moved: Clock) -> None:
    token = issuer.sign_up().token()
    verifier.verify(token)
    for number in range(100):
        with pytest.raises(BadToken):
            verifier.verify(resigned(issuer, token, alg="EdDSA", kid=f"made-up-{number}"))
    assert issuer.asked[KEYS] == 5
    moved.forward(5)
    issuer.rotate()
    assert verifier.verify(issuer.sign_up().token()).name == "Ada"


def test_while_matricula_is_down_old_keys_and_the_last_list_serve_for_ten_minutes(
    issuer: Issuer, verifier: Verifier, moved: Clock
) -> None:
    ada, ben = issuer.sign_up("Ada"), issuer.sign_up("Ben")
    ben.log_out()
    verifier.verify(ada.token())
    issuer.is_down = True
    for _ in range(9):
        moved.forward(60)
        assert verifier.verify(ada.token(moved.moment - time.time() + 60)).sub == ada.sub
        with pytest.raises(BadToken):
            verifier.verify(ben.token(moved.moment - time.time() + 60))
    moved.forward(120)
    late = ada.token(moved.moment - time.time() + 60)
    with pytest.raises(Unreachable) as refusal:
        verifier.verify(late)
    assert refusal.value.headers == {"Retry-After": "5"}
    issuer.is_down = False
    moved.forward(1)
    issuer.rotate()
    with pytest.raises(Unreachable):
        verifier.verify(late)  # a list made by the real clock is over too


def test_who_would_rather_go_on_without_a_list_says_so(issuer: Issuer, moved: Clock) -> None:
    verifier = Verifier(issuer.url, when_unreachable="accept")
    ada = issuer.sign_up()
    verifier.verify(ada.token())
    issuer.is_down = True
    moved.forward(1200)
    assert verifier.verify(ada.token(moved.moment - time.time() + 60)).sub == ada.sub
    moved.forward(3600)
    with pytest.raises(Unreachable):
        verifier.verify(ada.token(moved.moment - time.time() + 60))


def test_a_matricula_in_trouble_is_asked_once_a_second(issuer: Issuer, verifier: Verifier, moved: Clock) -> None:
    issuer.is_down = True
    for _ in range(20):
        with pytest.raises(Unreachable):
            verifier.verify(issuer.sign_up().token())
    assert issuer.asked == {KEYS: 1}
    issuer.is_down = False
    moved.forward(1)
    assert verifier.verify(issuer.sign_up().token()).name == "Ada"


def test_a_list_that_has_not_changed_is_not_sent_again(issuer: Issuer, moved: Clock) -> None:
    answers: list[int] = []

    def counting(request: Request, timeout: float) -> Answer:
        answer = fetch(request, timeout)
        answers.append(answer.status)
        return answer

    verifier = Verifier(issuer.url, fetch=counting)
    token = issuer.sign_up().token()
    verifier.verify(token)
    moved.forward(5)
    verifier.verify(token)
    assert answers == [200, 200, 304]


def test_fifty_threads_fetch_once(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.sign_up().token()
    with ThreadPoolExecutor(50) as threads:
        assert {learner.name for learner in threads.map(verifier.verify, [token] * 200)} == {"Ada"}
    assert issuer.asked == {KEYS: 1, LIST: 1}


def test_a_thousand_tasks_fetch_once_also_after_a_rotation(issuer: Issuer) -> None:
    verifier = AsyncVerifier(issuer.url)
    ada = issuer.sign_up()

    async def calls() -> None:
        await asyncio.gather(*(verifier.verify(ada.token()) for _ in range(1000)))

    asyncio.run(calls())
    assert issuer.asked == {KEYS: 1, LIST: 1}
    issuer.rotate()
    asyncio.run(calls())
    # Who comes while the keys are on their way waits for those after them: they may have been sent off before.
    assert issuer.asked[KEYS] in (2, 3)


def test_a_call_that_is_given_up_leaves_the_fetch_to_the_others(issuer: Issuer) -> None:
    verifier = AsyncVerifier(issuer.url)
    token = issuer.sign_up().token()

    async def calls() -> str:
        first = asyncio.create_task(verifier.verify(token))
        second = asyncio.create_task(verifier.verify(token))
        await asyncio.sleep(0)
        first.cancel()
        return (await second).name

    assert asyncio.run(calls()) == "Ada"
    assert issuer.asked[KEYS] == 1


def test_a_slash_at_the_end_of_the_address_does_no_harm(issuer: Issuer) -> None:
    assert Verifier(f"{issuer.url}/").verify(issuer.sign_up().token()).name == "Ada"


def test_there_may_be_a_way_of_its_own_to_matricula(issuer: Issuer) -> None:
    public = "https://learn.example.org"
    verifier = Verifier(public, address=issuer.url, headers={"X-Forwarded-Proto": "https"})
    ada = issuer.sign_up()
    claims: dict[str, Any] = {"iss": public, "aud": public}
    with pytest.raises(BadToken):
        verifier.verify(ada.token(**claims))  # its list is of another site
    issuer.url, reached = public, issuer.url
    try:
        assert reached != public
        assert verifier.verify(ada.token()).sub == ada.sub
    finally:
        issuer.url = reached
