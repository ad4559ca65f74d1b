"""The same with Django, in one file: `python -m django runserver 8000 --settings django_app --noreload`."""

from django.http import HttpRequest, JsonResponse
from django.urls import path
from matricula_auth.django import learner_required

SECRET_KEY = "of your project"
ROOT_URLCONF = "django_app"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
MIDDLEWARE = ["matricula_auth.django.LearnerMiddleware"]


@learner_required
def me(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"sub": request.learner.sub, "name": request.learner.name})


urlpatterns = [path("me", me)]
