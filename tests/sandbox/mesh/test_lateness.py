"""Proxies hear of things late, each stream by itself: that is how users are lost though all pods are ready."""

import pytest

from delivery.sandbox.mesh import Load, Mesh
from tests.sandbox.mesh.things import (
    CANARY,
    LOAD,
    PRIMARY,
    deleting,
    destination_rule,
    pod,
    reached,
    route,
    see,
    shop,
    to,
    virtual_service,
)


def test_each_proxy_follows_a_new_route_at_a_time_of_its_own() -> None:
    mesh = shop(PRIMARY, CANARY, virtual_service(to("reviews-primary")), lag=(1.0, 9.0))
    see(mesh, virtual_service(to("reviews-canary")))

    mesh.advance(1.0)
    assert reached(mesh, "reviews") == 0
    arrivals = []
    while (due := mesh.next_change()) is not None:
        arrivals.append(due)
        mesh.advance(due)
    assert len(arrivals) == 5
    assert all(1.0 <= each <= 9.0 for each in arrivals)
    assert len(set(arrivals)) == 5
    before = reached(mesh, "reviews-primary")
    mesh.advance(20)
    assert reached(mesh, "reviews-primary") == before
    assert mesh.lost() == 0


def test_what_is_under_way_about_a_host_is_known_until_the_last_proxy_has_it() -> None:
    mesh = shop(PRIMARY, CANARY, virtual_service(to("reviews-primary")), lag=(1.0, 9.0))
    host, other = "reviews.shop.svc.cluster.local", "ratings.shop.svc.cluster.local"
    assert mesh.under_way(host) == 0
    see(mesh, virtual_service(to("reviews-canary")))

    assert (mesh.under_way(host), mesh.under_way(other)) == (5, 0)
    for left in (4, 3, 2, 1, 0):
        due = mesh.next_change()
        assert due is not None
        mesh.advance(due)
        assert mesh.under_way(host) == left


def test_the_same_seed_is_late_in_the_same_way() -> None:
    def told(seed: int) -> str:
        mesh = shop(PRIMARY, CANARY, virtual_service(to("reviews-primary")), lag=(0.0, 9.0), seed=seed)
        see(mesh, virtual_service(to("reviews-canary")))
        mesh.advance(9)
        return mesh.exposition()

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_pushes_of_one_kind_never_overtake() -> None:
    for seed in range(20):
        mesh = shop(PRIMARY, CANARY, virtual_service(to("reviews-primary")), lag=(0.0, 9.0), seed=seed)
        see(mesh, virtual_service(to("reviews-canary")))
        mesh.advance(0.5)
        see(mesh, virtual_service(to("reviews-primary")))
        mesh.advance(9.5)
        before = reached(mesh, "reviews")
        mesh.advance(20)
        assert reached(mesh, "reviews") == before


def test_a_slow_proxy_is_as_late_as_told() -> None:
    mesh = shop(PRIMARY, CANARY, virtual_service(to("reviews-primary")), lag=(0.1, 0.2), slow=120.0)
    see(mesh, virtual_service(to("reviews-canary")))
    mesh.advance(100)
    before = reached(mesh, "reviews-primary")
    mesh.advance(119)
    assert reached(mesh, "reviews-primary") - before == 19 * 20  # one proxy of five
    mesh.advance(120)
    before = reached(mesh, "reviews-primary")
    mesh.advance(130)
    assert reached(mesh, "reviews-primary") == before


def test_a_subset_that_is_used_before_it_is_known_loses_users() -> None:
    pods = [pod("a", app="reviews-primary"), pod("b", app="reviews-primary", version="v2")]
    mesh = shop(*pods, virtual_service(to("reviews")), lag=(0.0, 5.0), seed=3)
    see(mesh, destination_rule("reviews", v2="v2"), virtual_service(to("reviews", "v2")))
    mesh.advance(10)
    assert mesh.lost(flag="NC") > 0
    assert mesh.lost(since=5.0) == 0


def test_a_subset_that_is_known_before_it_is_used_loses_nobody() -> None:
    pods = [pod("a", app="reviews-primary"), pod("b", app="reviews-primary", version="v2")]
    mesh = shop(*pods, virtual_service(to("reviews")), lag=(0.0, 5.0), seed=3)
    see(mesh, destination_rule("reviews", v2="v2"))
    mesh.advance(5)
    see(mesh, virtual_service(to("reviews", "v2")))
    mesh.advance(20)
    assert mesh.lost() == 0


def test_pods_that_are_ready_are_reached_when_the_proxy_has_heard_of_them() -> None:
    mesh = shop(PRIMARY, virtual_service(to("reviews-canary")), lag=(0.0, 0.0), endpoint_lag=(3.0, 3.0))
    see(mesh, CANARY)
    mesh.advance(4)
    assert mesh.lost(flag="UH") == pytest.approx(300)
    assert reached(mesh, "reviews") == 100


def test_a_pod_that_goes_gracefully_serves_whoever_has_not_heard() -> None:
    other = pod("primary-2", app="reviews-primary")
    mesh = shop(PRIMARY, other, lag=(5.0, 5.0), shutdown_seconds=6.0)
    see(mesh, deleting(PRIMARY))
    mesh.advance(1)
    see(mesh, deleting(PRIMARY), event="DELETED")
    mesh.advance(20)
    assert (mesh.lost(), mesh.unready()) == (0, 0)
    assert reached(mesh, "reviews-primary", pod="primary-2") == 250 + 1500


def test_a_pod_that_goes_too_early_refuses_who_has_not_heard_and_a_retry_finds_another() -> None:
    other = pod("primary-2", app="reviews-primary")
    mesh = shop(PRIMARY, other, lag=(5.0, 5.0), shutdown_seconds=2.0)
    see(mesh, deleting(PRIMARY))
    mesh.advance(20)
    assert mesh.lost(flag="UF") == 0
    assert mesh.lost(flag="UC") == pytest.approx(50 * 0.0209, rel=0.01)  # what was under way when it ended


def test_the_last_pod_that_goes_too_early_loses_users() -> None:
    mesh = shop(PRIMARY, lag=(5.0, 5.0), shutdown_seconds=2.0)
    see(mesh, deleting(PRIMARY))
    mesh.advance(20)
    assert mesh.unready() == pytest.approx(200)  # answered, by a service without a ready pod
    assert mesh.lost(flag="UF") == pytest.approx(300)  # the proxies have not heard
    assert mesh.lost(flag="UH") == pytest.approx(1500)  # they have
    assert mesh.requests(reporter="source", response_flags="UF", destination_workload="unknown") == 300


def test_a_pod_that_is_killed_cuts_what_is_under_way() -> None:
    slow = pod("primary-1", app="reviews-primary", latency_ms="500", latency_spread="0")
    mesh = shop(slow, pod("primary-2", app="reviews-primary"))
    mesh.advance(1)
    see(mesh, slow, event="DELETED")
    mesh.advance(2)
    assert mesh.lost() == pytest.approx(25)  # 50 per second, half a second each
    assert mesh.by("flag", "destination", fate="lost") == {("UC", "reviews"): pytest.approx(25)}


def test_a_pod_says_itself_how_long_it_goes_on() -> None:
    polite = pod("primary-1", app="reviews-primary", shutdown_seconds="60")
    mesh = shop(polite, lag=(30.0, 30.0), shutdown_seconds=0.0)
    see(mesh, deleting(polite))
    mesh.advance(30)
    assert mesh.lost() == 0


def test_the_smallest_loss_counts() -> None:
    mesh = shop(PRIMARY, CANARY, virtual_service(route(primary=100, canary=0)), loads=(Load("shop", "reviews", 0.01),))
    see(mesh, virtual_service(route(primary=99, nowhere=1)))
    mesh.advance(0.001)
    see(mesh, virtual_service(route(primary=100, nowhere=0)))
    mesh.advance(100)
    assert 0 < mesh.lost() < 1e-6


def test_a_service_that_moves_its_selector_is_followed_late() -> None:
    mesh = shop(PRIMARY, CANARY, lag=(2.0, 2.0))
    moved = {
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": "reviews"},
        "spec": {"selector": {"app": "reviews"}},
    }
    see(mesh, moved)
    mesh.advance(3)
    assert (reached(mesh, "reviews-primary"), reached(mesh, "reviews")) == (200, 100)


@pytest.mark.parametrize("lag", [(-1.0, 2.0), (3.0, 1.0)])
def test_a_lag_is_a_range(lag: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="allowed is a range of seconds from 0"):
        Mesh(lag=lag)
    with pytest.raises(ValueError, match="proxies: 0"):
        Mesh(proxies=0, loads=[LOAD])
