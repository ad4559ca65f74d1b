"""To test a backend with: learners who are made up, and the real site. With pytest, both are fixtures."""

from .issuer import Issuer, MadeUpLearner
from .site import Site, SiteLearner

__all__ = ["Issuer", "MadeUpLearner", "Site", "SiteLearner"]
