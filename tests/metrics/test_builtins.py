"""Reachability, counts, and what a success rate and a duration are made of, on a real Prometheus."""

from dataclasses import replace

import pytest

from metrics.analysis import Analyst
from metrics.providers import Providers
from metrics.spec import COUNT, DURATION, REACHABILITY, SUCCESS_RATE, Counted, MetricSpec, Subject
from metrics.verdict import Outcome, Verdict
from tests.metrics import test_application
from tests.metrics.conftest import NOON, subject_in, window_of
from tests.metrics.scenes import Samples, Scenes, Series, durations, flat, growing, requests, unreached

SCENES = Scenes.looked_at()
scene = SCENES.scene


class Asker:
    def __init__(self, namespace: str, server: str, providers: Providers) -> None:
        self.subject, self._server = subject_in(namespace), server
        self._analyst = Analyst(providers.provider_for, timeout=30)

    async def __call__(
        self,
        name: str,
        minimum: float | None = None,
        maximum: float | None = None,
        *,
        grpc_failures: tuple[int, ...] = MetricSpec(name="").grpc_failures,
        subject: Subject | None = None,
        back: float = 0.0,
    ) -> Verdict:
        spec = MetricSpec(name=name, minimum=minimum, maximum=maximum, grpc_failures=grpc_failures)
        window = window_of(60, ending=NOON.fromtimestamp(NOON.timestamp() - back, NOON.tzinfo))
        return await self._analyst.metric(spec, subject or self.subject, window, server=self._server)


@pytest.fixture
def ask(request: pytest.FixtureRequest, prometheus: str, providers: Providers) -> Asker:
    return Asker(request.node.originalname, prometheus, providers)


def sent(by: float, service: str = "reviews-canary", *, code: str = "200", flags: str = "-") -> Series:
    """Requests that callers sent to a service and that met a pod."""
    labels = {"reporter": "source", "destination_service_name": service, "response_flags": flags}
    return requests(growing(900, by=by), code=code, **labels)


# --- reachability ---------------------------------------------------------------------------------------------------


@scene(
    sent(80),
    unreached(growing(900, by=15), "reviews-canary", flags="UH"),
    unreached(growing(900, by=5), "reviews-canary", flags="UF,URX"),
    sent(500, "reviews-primary"),
    requests(growing(900, by=500)),
)
async def test_who_meets_no_pod_is_seen_although_no_pod_has_seen_it(ask: Asker) -> None:
    """Given one request in five to the canary that no pod ever counted, then its success rate knows nothing of it."""
    verdict = await ask(REACHABILITY, 99)
    assert (verdict.outcome, verdict.value) == (Outcome.FAIL, 80)
    assert verdict.message == "request-reachability 80 % is below the minimum of 99 %"
    assert (await ask(SUCCESS_RATE, 99)).value == 100


@pytest.mark.parametrize("flags", ["UF", "UH", "UO", "NC", "NR", "LH", "UO,DC", "UF,URX"])
@scene(
    *(
        unreached(growing(900, by=10), f"to-{flags}", flags=flags)
        for flags in ("UF", "UH", "UO", "NC", "NR", "LH", "UO,DC", "UF,URX")
    ),
    *(sent(30, f"to-{flags}") for flags in ("UF", "UH", "UO", "NC", "NR", "LH", "UO,DC", "UF,URX")),
)
async def test_flags_of_what_met_no_pod(ask: Asker, flags: str) -> None:
    assert (await ask(REACHABILITY, subject=replace(ask.subject, canary_service=f"to-{flags}"))).value == 75


@scene(
    sent(50),
    sent(10, code="503", flags="UC"),
    sent(10, code="504", flags="UT"),
    sent(10, code="500"),
    sent(10, code="503", flags="UR"),
    sent(99, code="0", flags="DC"),
    sent(10, code="429", flags="RL"),
)
async def test_what_a_pod_answered_badly_or_late_has_met_it(ask: Asker) -> None:
    """Nor is it the server's fault that somebody hung up."""
    assert (await ask(REACHABILITY, 100)).outcome is Outcome.PASS


@scene(unreached(growing(900, by=10), "reviews-canary", flags="NC"))
async def test_when_nobody_is_reached_it_is_0_and_not_unknown(ask: Asker) -> None:
    assert (await ask(REACHABILITY, 99)).value == 0


@scene(sent(0))
async def test_without_requests_there_is_no_reachability(ask: Asker) -> None:
    assert (await ask(REACHABILITY, 99)).outcome is Outcome.INCONCLUSIVE


async def test_roles_that_are_subsets_of_one_service_cannot_be_told_by_it(ask: Asker) -> None:
    verdict = await ask(REACHABILITY, 99, subject=replace(ask.subject, by_subset=True))
    assert verdict.outcome is Outcome.ERROR
    assert "both roles are subsets of one" in verdict.message


async def test_an_application_does_not_know_what_never_arrived(ask: Asker) -> None:
    subject = replace(ask.subject, counted=Counted.BY_APPLICATION, target_pods="reviews-.+")
    assert "needs a mesh" in (await ask(REACHABILITY, 99, subject=subject)).message
    told = await ask(SUCCESS_RATE, 99, subject=subject, grpc_failures=(2,))
    assert "grpcFailureStatuses needs a mesh" in told.message


# --- count ----------------------------------------------------------------------------------------------------------


@scene(
    requests(growing(500, by=10)),
    requests({-30: 2, -15: 4, 0: 6}, code="500"),
    requests(growing(500, by=1), code="0"),
    requests(growing(5000, by=99), "reviews-primary"),
    requests(growing(5000, by=99), reporter="source"),
)
async def test_every_request_that_reached_the_canary_counts(ask: Asker) -> None:
    verdict = await ask(COUNT, 100)
    assert (verdict.outcome, verdict.value, verdict.limit) == (Outcome.FAIL, 50, "min 100")
    assert verdict.message == "request-count 50 requests is below the minimum of 100 requests"


async def test_no_requests_are_0_and_fail_a_minimum(ask: Asker) -> None:
    verdict = await ask(COUNT, 1)
    assert (verdict.outcome, verdict.value) == (Outcome.FAIL, 0)


async def test_where_nobody_looked_there_is_no_count(ask: Asker) -> None:
    """Given a window before the first scrape of anything, then no requests were seen and nothing is known of them."""
    assert (await ask(COUNT, 1, back=86400)).outcome is Outcome.INCONCLUSIVE


def counted(samples: Samples) -> Series:
    return test_application.requests(samples)


@scene(counted(growing(500, by=10)), counted(growing(900, by=5)))
async def test_an_applications_own_count(ask: Asker) -> None:
    subject = replace(ask.subject, counted=Counted.BY_APPLICATION, target_pods="reviews-.+")
    assert (await ask(COUNT, 1, subject=subject)).value == 60
    nobody = replace(subject, target_pods="nobody-.+")
    assert (await ask(COUNT, 1, subject=nobody)).value == 0


# --- what a rate and a duration are made of -------------------------------------------------------------------------


@scene(
    *(
        requests(growing(500, by=10), request_protocol="grpc", grpc_response_status=status)
        for status in ("0", "4", "5", "8", "14")
    )
)
async def test_which_grpc_statuses_are_failures_can_be_said_per_metric(ask: Asker) -> None:
    """By default 4 and 14 of these."""
    assert (await ask(SUCCESS_RATE)).value == 60
    assert (await ask(SUCCESS_RATE, grpc_failures=(8,))).value == 80
    assert (await ask(SUCCESS_RATE, grpc_failures=(4, 5, 8, 14))).value == 20
    assert (await ask(SUCCESS_RATE, grpc_failures=())).value == 100


def grpc(edges: dict[str, Samples], status: str) -> list[Series]:
    labelled = {"request_protocol": "grpc", "grpc_response_status": status}
    return [replace(each, labels={**each.labels, **labelled}) for each in durations(edges)]


@scene(
    *grpc({"100": growing(990, by=99), "500": growing(1000, by=100), "+Inf": growing(1000, by=100)}, "0"),
    *grpc({"100": flat(0), "500": flat(0), "+Inf": growing(1000, by=100)}, "1"),
)
async def test_calls_that_their_caller_gave_up_do_not_make_the_canary_slow(ask: Asker) -> None:
    """Most gRPC streams end so, after hours."""
    assert (await ask(DURATION, maximum=100)).outcome is Outcome.PASS
