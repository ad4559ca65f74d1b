"""Django and its REST framework: middleware, decorator, authentication class."""

import asyncio
from typing import cast

import django
import pytest
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.test import AsyncClient, Client
from django.urls import path

from matricula_testing import Issuer

settings.configure(
    SECRET_KEY="only-of-the-tests",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["testserver"],
    MIDDLEWARE=["matricula_auth.django.LearnerMiddleware"],
    REST_FRAMEWORK={"UNAUTHENTICATED_USER": None},
)
django.setup()

from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from matricula_auth.django import learner_required  # noqa: E402
from matricula_auth.rest_framework import LearnerUser, MatriculaAuthentication, MatriculaStrictAuthentication  # noqa: E402


def anyone(request: HttpRequest) -> JsonResponse:
    learner = getattr(request, "learner", None)
    return JsonResponse({"name": learner.name if learner else None})


@learner_required
def me(request: HttpRequest) -> JsonResponse:
    return anyone(request)


@learner_required(strict=True)
def strict(request: HttpRequest) -> JsonResponse:
    return anyone(request)


@learner_required
async def later(request: HttpRequest) -> JsonResponse:
    return anyone(request)


@learner_required(strict=True, scopes=["labs"])
async def labs(request: HttpRequest, name: str) -> JsonResponse:
    return JsonResponse({"lab": name})


class Framed(APIView):
    authentication_classes = (MatriculaAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        user = cast(LearnerUser, request.user)
        return Response({"name": user.learner.name, "pk": user.pk})


class FramedStrict(Framed):
    authentication_classes = (MatriculaStrictAuthentication,)


urlpatterns = [
    path("anyone", anyone),
    path("me", me),
    path("strict", strict),
    path("later", later),
    path("labs/<name>", labs),
    path("framed", Framed.as_view()),
    path("framed-strict", FramedStrict.as_view()),
]

FRAMED = ("/framed", "/framed-strict")
ALL = ("/anyone", "/me", "/strict", "/later", *FRAMED)


@pytest.fixture(params=[True, False], ids=["with the middleware", "without"])
def has_middleware(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not request.param:
        monkeypatch.setattr(settings, "MIDDLEWARE", [])
    return bool(request.param)


def test_ada_is_let_in_until_she_logs_out(matricula: Issuer, has_middleware: bool) -> None:
    paths = ALL if has_middleware else FRAMED
    ada = matricula.sign_up("Ada")
    headers = ada.headers
    for path_ in paths:
        answer = Client(headers=headers).get(path_)
        assert (answer.status_code, answer.json()["name"]) == (200, "Ada"), path_
    assert Client(headers=headers).get("/framed").json()["pk"] == ada.sub
    ada.log_out()
    for path_ in paths:
        answer = Client(headers=headers).get(path_)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Not signed in, or no longer"}), path_
        assert 'error="invalid_token", error_description="The session' in answer.headers["WWW-Authenticate"]


def test_who_brings_no_token_is_a_visitor_or_asked_for_one(matricula: Issuer) -> None:
    assert Client().get("/anyone").json() == {"name": None}
    for path_ in ALL[1:]:
        answer = Client().get(path_)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="Matricula"'), path_


def test_while_nobody_can_tell_it_is_503(matricula: Issuer, has_middleware: bool) -> None:
    matricula.is_down = True
    for path_ in ALL if has_middleware else FRAMED:
        answer = Client(headers=matricula.sign_up().headers).get(path_)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), path_
        assert answer.json() == {"detail": "Out of reach for the moment"}


def test_tasks_are_served_too(matricula: Issuer) -> None:
    ada = matricula.sign_up("Ada")
    labs = {"Authorization": f"Bearer {ada.token(scope='labs')}"}

    async def statuses() -> list[int]:
        answers = [
            await AsyncClient().get("/later", headers=ada.headers),
            await AsyncClient().get("/labs/arm", headers=ada.headers),
            await AsyncClient().get("/labs/arm", headers=labs),
            await AsyncClient().get("/later"),
            await AsyncClient().get("/anyone", headers={"Authorization": "Bearer x"}),
        ]
        return [answer.status_code for answer in answers]

    assert asyncio.run(statuses()) == [200, 403, 200, 401, 401]
