"""The list as a verifier reads it: the vectors of the draft, another implementation, and lists that are none."""

import json
import secrets
import zlib
from base64 import urlsafe_b64encode
from pathlib import Path

import jwt
import pytest
from conftest import Clock
from token_status_list import BitArray

from matricula_auth import BadToken, Unreachable, Verifier
from matricula_auth.fetching import Answer, Request, fetch
from matricula_auth.status_lists import StatusList, status_list_of, unpacked
from matricula_testing import Issuer

LIST = "/api/auth/status-list"

# Of draft-ietf-oauth-status-list, section 4.1 and “Test vectors for Status List encoding”.
SMALL = {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}
SMALL_OF_TWO = {"bits": 2, "lst": "eNo76fITAAPfAgc"}
MILLION = (
    "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADje"
    "lAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb"
)
ENDED = {0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345}

# The others of that appendix: more than one bit for each token.
VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())


def read(status_list: object) -> StatusList:
    return status_list_of({"status_list": status_list})


def test_the_small_lists_of_the_draft() -> None:
    assert [read(SMALL).status_at(index) for index in range(16)] == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    assert [read(SMALL_OF_TWO).status_at(index) for index in range(12)] == [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]


def test_the_list_of_a_million_of_the_draft() -> None:
    million = read({"bits": 1, "lst": MILLION})
    assert {index for index in range(1 << 20) if million.status_at(index)} == ENDED
    for index in (-1, 1 << 20):
        with pytest.raises(BadToken):
            million.status_at(index)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_lists_of_the_draft_with_more_than_one_bit(bits: int) -> None:
    vector = VECTORS[str(bits)]
    status_list = read({"bits": bits, "lst": vector["lst"]})
    found = {index: status for index in range(1 << 20) if (status := status_list.status_at(index))}
    assert found == dict(zip(vector["indexes"], vector["statuses"], strict=True))


def test_another_implementation_reads_the_list_that_tests_are_given(issuer: Issuer) -> None:
    ended, open_one = issuer.sign_up("Ada"), issuer.sign_up("Ben")
    ended.log_out()
    claims = jwt.decode(issuer.status_list(), options={"verify_signature": False})
    other = BitArray.load(claims["status_list"])
    ours = status_list_of(claims)
    for learner in (ended, open_one):
        assert ours.status_at(learner.index) == other.get(learner.index)
    assert ours.status_at(ended.index) == 1


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_we_read_the_list_that_another_implementation_writes(bits: int) -> None:
    other = BitArray.of_size(bits, 1000)
    wanted = [(index * 7) % (1 << bits) for index in range(1000)]
    for index, status in enumerate(wanted):
        other.set(index, status)
    assert [read(other.dump()).status_at(index) for index in range(1000)] == wanted


@pytest.mark.parametrize(
    "status_list",
    [None, [], {}, {"bits": 1}, {"bits": 3, "lst": SMALL["lst"]}, {"bits": "1", "lst": SMALL["lst"]}]
    + [{"bits": 1, "lst": lst} for lst in ("", "eNrb", "!!!!", "AAAA", 7, None, "é")],
)
def test_what_is_no_list_is_none(status_list: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(status_list)


def test_a_list_that_would_grow_without_end_is_none() -> None:
    packed = urlsafe_b64encode(zlib.compress(bytes(20_000_000))).decode()
    with pytest.raises(ValueError, match="longer"):
        unpacked(packed)


@pytest.mark.parametrize(
    ("what", "claims", "header"),
    [
        ("of another address", {"sub": "https://other.example.org/list"}, {}),
        ("without an address", {"sub": None}, {}),
        ("that is over", {"exp": 1}, {}),
        ("of another type", {}, {"typ": "JWT"}),
        ("without a type", {}, {"typ": ""}),
        ("of a key that nobody published", {}, {"kid": "stranger"}),
        ("without content", {"status_list": {}}, {}),
        ("with a time to live that is none", {"ttl": "soon"}, {}),
    ],
)
def test_nobody_is_let_in_by_a_list(
    issuer: Issuer, what: str, claims: dict[str, object], header: dict[str, str]
) -> None:
    good = jwt.decode(issuer.status_list(), options={"verify_signature": False})
    served = issuer.sign({**good, **claims}, **{"typ": "statuslist+jwt", **header})

    def serving(request: Request, timeout: float) -> Answer:
        return Answer(200, served.encode(), None) if request.url.endswith(LIST) else fetch(request, timeout)

    with pytest.raises(Unreachable):
        Verifier(issuer.url, fetch=serving).verify(issuer.sign_up().token())


def test_a_list_may_be_signed_by_a_key_that_is_new(issuer: Issuer, moved: Clock) -> None:
    verifier = Verifier(issuer.url)
    ada = issuer.sign_up()
    token = ada.token()
    verifier.verify(token)
    issuer.rotate()
    ada.log_out()
    moved.forward(5)
    with pytest.raises(BadToken, match="ended"):
        verifier.verify(token)


def test_a_list_of_a_million_sessions_that_have_ended_at_random_is_read() -> None:
    places = secrets.token_bytes(125_000)
    packed = urlsafe_b64encode(zlib.compress(places)).rstrip(b"=").decode()
    assert unpacked(packed) == places
