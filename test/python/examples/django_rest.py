"""The views: `python -m django runserver 8000 --settings django_rest_settings --noreload`."""

from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response


@api_view()
def me(request: Request) -> Response:
    return Response({"sub": request.user.pk, "name": request.user.learner.name})


urlpatterns = [path("me", me)]
