"""The same with Django REST framework: `python -m django runserver 8000 --settings django_rest --noreload`."""

from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

SECRET_KEY = "of your project"
ROOT_URLCONF = "django_rest"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["matricula_auth.rest_framework.MatriculaAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "UNAUTHENTICATED_USER": None,
}


def urls() -> list:
    @api_view()
    def me(request: Request) -> Response:
        return Response({"sub": request.user.pk, "name": request.user.learner.name})

    return [path("me", me)]


urlpatterns = urls()
