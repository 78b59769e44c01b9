"""Versions behave as annotations of their pods say, or as their image is known to."""

import re

import pytest

from delivery.sandbox.mesh import Behaviour, Load, MeshConfigError
from delivery.sandbox.mesh.behaviour import PREFIX
from delivery.sandbox.mesh.latency import Latency
from tests.sandbox.mesh.things import deleting, pod, reached, see, shop, to, virtual_service


def primary(**annotations: str) -> dict[str, object]:
    return pod("primary-1", app="reviews-primary", **annotations)


def test_an_image_has_its_own_ways_and_an_annotation_overrules_it() -> None:
    by_image = {"example/reviews:v2": Behaviour(error_share=0.5, error_kind="503")}
    given = pod("primary-1", app="reviews-primary", version="v2")
    mesh = shop(given, by_image=by_image)
    mesh.advance(1)
    assert reached(mesh, "reviews-primary", response_code="503") == 50

    given["metadata"]["annotations"][PREFIX + "error-share"] = "0.1"
    see(mesh, given)
    mesh.advance(2)
    assert reached(mesh, "reviews-primary", response_code="503") == 60


def test_a_pod_is_slow_while_it_warms_up_and_ever_less() -> None:
    mesh = shop(primary(warm_up_seconds="60", warm_up_factor="10", latency_ms="10", latency_spread="0"))

    def mean(since: float, until: float) -> float:
        mesh.advance(since)
        before = sums(mesh)
        mesh.advance(until)
        return (sums(mesh) - before) / (100 * (until - since))

    assert mean(0, 5) == pytest.approx(100)
    assert mean(55, 60) == pytest.approx(25)
    assert mean(60, 65) == pytest.approx(10)


def sums(mesh: object) -> float:
    found = [
        each for each in mesh.samples() if each.name.endswith("_sum") and ("reporter", "destination") in each.labels
    ]
    return sum(each.value for each in found)


def test_a_pod_may_fail_after_some_minutes() -> None:
    mesh = shop(primary(fails_after_minutes="2", error_kind="502"))
    mesh.advance(120)
    assert mesh.bad() == 0
    mesh.advance(130)
    assert mesh.bad() == pytest.approx(1000)
    assert mesh.bad(code=502, version="v1", since=120) == pytest.approx(1000)


def test_a_pod_may_fail_above_a_load_and_another_one_relieves_it() -> None:
    mesh = shop(primary(max_requests_per_second="60"))
    mesh.advance(10)
    assert mesh.bad(code=503) == pytest.approx(400)
    assert mesh.rate("shop", "primary-1") == pytest.approx(100)

    see(mesh, pod("primary-2", app="reviews-primary", max_requests_per_second="60"))
    mesh.advance(20)
    assert mesh.bad(code=503) == pytest.approx(400)
    assert mesh.rate("shop", "primary-1") == pytest.approx(50)


def test_callers_that_try_again_make_a_crowded_pod_more_so() -> None:
    retries = {"attempts": 2, "retryOn": "503"}
    mesh = shop(primary(max_requests_per_second="60"), virtual_service({**to("reviews-primary"), "retries": retries}))
    mesh.advance(10)
    served = mesh.met("served")
    assert served == pytest.approx(600, rel=0.01)  # what it can take, and no more
    assert mesh.bad() == pytest.approx(400, rel=0.02)
    assert mesh.rate("shop", "primary-1") > 200

    see(mesh, primary())
    mesh.advance(20)
    assert mesh.bad(since=10) == 0


def test_a_load_of_several_callers_adds_up_at_the_pod() -> None:
    loads = tuple(Load("shop", "reviews", 50, source=name) for name in ("a", "b", "c"))
    mesh = shop(primary(max_requests_per_second="100"), loads=loads)
    mesh.advance(1)
    assert mesh.bad() == pytest.approx(50, rel=1e-3)


@pytest.mark.parametrize(
    ("annotation", "value", "says"),
    [
        ("error-share", "1.5", "error-share: 1.5; allowed is a share from 0 to 1"),
        ("error-share", "much", "error-share: 'much'; allowed is a number"),
        ("error-kind", "200", "error-kind: '200'; allowed is an HTTP code from 400 to 599, or grpc- and a status"),
        ("error-kind", "grpc-99", "error-kind: '99'; allowed are 0 to 16 or a name such as UNAVAILABLE"),
        ("latency-ms", "0", "latency-ms: 0.0; allowed is more than 0 milliseconds"),
        ("latency-spread", "-1", "latency-spread: -1.0; allowed is 0 or more"),
        ("warm-up-seconds", "-1", "warm-up-seconds: -1.0; allowed is 0 or more seconds"),
        ("warm-up-factor", "0.5", "warm-up-factor: 0.5; allowed is 1 or more"),
        ("fails-after-minutes", "-2", "fails-after-minutes: -2.0; allowed is 0 or more minutes"),
        ("max-requests-per-second", "0", "max-requests-per-second: 0.0; allowed is more than 0 requests per second"),
        ("shutdown-seconds", "nan", "shutdown-seconds: 'nan'; allowed is a number"),
    ],
)
def test_a_value_that_makes_no_sense_is_named_and_the_pod_goes_on_as_before(
    annotation: str, value: str, says: str
) -> None:
    mesh = shop(primary(**{annotation.replace("-", "_"): value}))
    mesh.advance(1)
    assert re.fullmatch(f"Pod shop/primary-1: {re.escape(PREFIX + says)}.*", mesh.problems["Pod", "shop", "primary-1"])
    assert reached(mesh, "reviews-primary", response_code="200") == 100

    see(mesh, primary())
    assert not mesh.problems


def test_a_misspelt_annotation_is_told_of() -> None:
    mesh = shop(primary(error_share="0.5", eror_kind="503"))
    mesh.advance(1)
    assert "eror-kind: unknown; known are sandbox.progressive.delivery/error-kind" in str(mesh.problems)
    assert reached(mesh, "reviews-primary", response_code="500") == 50


def test_a_behaviour_in_code_is_checked_as_well() -> None:
    with pytest.raises(MeshConfigError, match="latency-ms"):
        Behaviour(latency_ms=-1)


def test_a_pod_that_runs_and_is_not_ready_answers_only_who_has_not_heard() -> None:
    given = primary()
    mesh = shop(given, lag=(2.0, 2.0))
    see(mesh, {**given, "status": {**given["status"], "conditions": [{"type": "Ready", "status": "False"}]}})
    mesh.advance(3)
    assert mesh.unready() == pytest.approx(200)
    assert mesh.lost(flag="UH") == pytest.approx(100)


def test_a_container_that_crashed_refuses_connections() -> None:
    given = primary()
    mesh = shop(given, lag=(2.0, 2.0))
    see(mesh, pod("primary-1", app="reviews-primary", ready=False))
    mesh.advance(3)
    assert mesh.by("flag", fate="lost") == {("UF",): pytest.approx(200), ("UH",): pytest.approx(100)}


def test_a_latency_that_is_cut_off_keeps_its_shape() -> None:
    whole, cut = Latency(100.0, 0.5), Latency(100.0, 0.5, limit_ms=100.0)
    assert whole.within(100) == pytest.approx(0.5)
    assert cut.within(50) == pytest.approx(whole.within(50) / 0.5)
    assert cut.within(100) == 1.0
    assert 60 < cut.mean_ms < 80
    assert whole.beyond(100) == pytest.approx(0.5)


def test_the_pods_numbers_stay_until_it_is_gone() -> None:
    mesh = shop(primary(), shutdown_seconds=5.0, lag=(0.0, 0.0))
    mesh.advance(1)
    see(mesh, deleting(primary()))
    mesh.advance(5.9)
    assert reached(mesh, "reviews-primary") == 100
    mesh.advance(6)
    assert reached(mesh, "reviews-primary") == 0
