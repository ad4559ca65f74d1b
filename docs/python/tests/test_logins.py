"""What a backend may ask of the login behind a token: two steps, and not too long ago."""

import asyncio
import time
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from matricula_auth import AsyncVerifier, BadToken, Learner, TooWeakLogin, Verifier
from matricula_auth.fastapi import LearnerDependency
from matricula_testing import Issuer

MFA = ("pwd", "otp", "mfa")


def test_a_token_says_how_and_when_its_learner_logged_in(issuer: Issuer, verifier: Verifier) -> None:
    ada = issuer.sign_up()
    ada.amr = MFA
    learner = verifier.verify(ada.token(), require_amr={"mfa"}, max_age=60)
    assert (learner.amr, learner.auth_time) == (MFA, ada.auth_time)


def test_who_has_logged_in_with_the_password_alone_is_asked_for_more(issuer: Issuer, verifier: Verifier) -> None:
    ada = issuer.sign_up()
    with pytest.raises(TooWeakLogin) as refusal:
        verifier.verify(ada.token(), require_amr={"mfa"})
    assert refusal.value.status == 401
    assert 'error="insufficient_user_authentication"' in refusal.value.headers["WWW-Authenticate"]


def test_who_has_logged_in_too_long_ago_is_asked_to_do_so_again(issuer: Issuer, verifier: Verifier) -> None:
    ada = issuer.sign_up()
    ada.auth_time = int(time.time()) - 1000
    assert verifier.verify(ada.token(), max_age=1000).sub == ada.sub
    with pytest.raises(TooWeakLogin) as refusal:
        verifier.verify(ada.token(), max_age=900)
    assert 'max_age="900"' in refusal.value.headers["WWW-Authenticate"]


def test_a_token_of_an_older_site_is_as_good_as_before_and_no_better(issuer: Issuer, verifier: Verifier) -> None:
    ada = issuer.sign_up()
    claims = {name: value for name, value in ada._claims(60).items() if name not in ("amr", "auth_time")}
    token = issuer.sign(claims)
    learner = verifier.verify(token)
    assert (learner.amr, learner.auth_time) == ((), None)
    demands: dict[str, Any]
    for demands in ({"require_amr": ["pwd"]}, {"max_age": 100_000}):
        with pytest.raises(TooWeakLogin):
            verifier.verify(token, **demands)


@pytest.mark.parametrize("claims", [{"amr": "mfa"}, {"amr": [1]}, {"auth_time": "1"}, {"auth_time": True}])
def test_claims_of_another_kind_are_not_guessed_at(issuer: Issuer, verifier: Verifier, claims: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        verifier.verify(issuer.sign_up().token(**claims))


def test_tasks_ask_the_same(issuer: Issuer, verifier: Verifier) -> None:
    with pytest.raises(TooWeakLogin):
        asyncio.run(AsyncVerifier(verifier).verify(issuer.sign_up().token(), require_amr={"mfa"}))


def test_fastapi_asks_it_of_one_route(issuer: Issuer, verifier: Verifier) -> None:
    app = FastAPI()
    careful = LearnerDependency(AsyncVerifier(verifier), require_amr={"mfa"})

    @app.get("/grades")
    async def grades(learner: Annotated[Learner, Depends(careful)]) -> str:
        return learner.sub

    client = TestClient(app)
    ada = issuer.sign_up()
    assert client.get("/grades", headers=ada.headers).status_code == 401
    ada.amr = MFA
    assert client.get("/grades", headers=ada.headers).json() == ada.sub
