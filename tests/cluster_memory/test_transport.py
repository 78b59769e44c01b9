"""The simulation's transport: time, loss and doubt between a controller and its API server."""

import asyncio

import pytest

from delivery.cluster.errors import Conflict, Expired, Gone, Invalid, Unavailable, Unknown
from delivery.cluster.memory import Faults, MemoryApi, Store, VirtualClock, VirtualLoop
from delivery.cluster.objects import DEPLOYMENTS, PODS, SERVICES, Kind, Ref


@pytest.fixture
def api(store, loop):
    return MemoryApi(store, loop)


def scale(replicas):
    return [{"op": "replace", "path": "/spec/replicas", "value": replicas}]


def version_of(event):
    return int(event.object["metadata"]["resourceVersion"])


def test_a_whole_life_over_the_wire(loop, store, api, deployment, reviews):
    async def story():
        created = await api.create(reviews, deployment())
        assert await api.get(reviews) == created
        patched = await api.patch(reviews, scale(5))
        listing = await api.list(DEPLOYMENTS, "shop", label_selector="app=reviews")
        assert listing.items == [patched]
        assert listing.resource_version == patched["metadata"]["resourceVersion"]
        await api.patch(reviews, [{"op": "add", "path": "/status", "value": {"replicas": 5}}], subresource="status")
        await api.delete(reviews)
        with pytest.raises(Gone):
            await api.get(reviews)

    loop.run_until_complete(story())
    assert [(r.verb, r.kind.kind, r.name, r.subresource, r.outcome) for r in api.log] == [
        ("create", "Deployment", "reviews", "", "done"),
        ("get", "Deployment", "reviews", "", "done"),
        ("patch", "Deployment", "reviews", "", "done"),
        ("list", "Deployment", "", "", "done"),
        ("patch", "Deployment", "reviews", "status", "done"),
        ("delete", "Deployment", "reviews", "", "done"),
        ("get", "Deployment", "reviews", "", "NotFoundError"),
    ]
    assert "world request 3" in str(api.log[2])
    assert 0.014 < loop.time() < 0.7


def test_the_server_s_refusals_arrive_typed(loop, api, deployment, reviews):
    async def story():
        await api.create(reviews, deployment())
        with pytest.raises(Conflict):
            await api.create(reviews, deployment())
        with pytest.raises(Conflict):
            await api.patch(reviews, [{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}])
        with pytest.raises(Invalid):
            await api.patch(reviews, [{"op": "add", "path": "nowhere"}])
        with pytest.raises(Gone):
            await api.list(Kind("example.com", "v1", "Thing", "things"))

    loop.run_until_complete(story())


def test_writes_carry_their_field_manager(loop, store, deployment, reviews):
    api = MemoryApi(store, loop, manager="delivery-a")
    loop.run_until_complete(api.create(reviews, deployment()))
    assert store.get(reviews)["metadata"]["managedFields"][-1]["manager"] == "delivery-a"


def test_what_is_on_its_way_does_not_change_with_the_caller_s_values(loop, store, api, deployment, reviews):
    async def story():
        body = deployment()
        task = asyncio.create_task(api.create(reviews, body))
        while not api.log:  # noqa: ASYNC110 - until the other task has sent
            await asyncio.sleep(0)
        body["spec"]["replicas"] = 99
        await task

    loop.run_until_complete(story())
    assert store.get(reviews)["spec"]["replicas"] == 4


@pytest.mark.parametrize("seed", range(10))
def test_a_write_whose_answer_is_lost_was_done_exactly_once(deployment, reviews, seed):
    loop = VirtualLoop(seed)
    store = Store(VirtualClock(loop))
    store.create(DEPLOYMENTS, deployment())
    api = MemoryApi(store, loop, faults=Faults(lose_response=1))
    before = int(store.resource_version)
    with pytest.raises(Unknown, match=r"patch Deployment shop/reviews: (no answer in 10s|the connection was reset)"):
        loop.run_until_complete(api.patch(reviews, scale(5)))
    loop.advance(60)
    assert int(store.resource_version) == before + 1
    assert store.get(reviews)["spec"]["replicas"] == 5
    with pytest.raises(Unavailable):
        loop.run_until_complete(api.get(reviews))
    loop.close()


@pytest.mark.parametrize(
    ("faults", "error", "outcome"),
    [
        (Faults(refuse=1), Unavailable, "Unavailable"),
        (Faults(down=True), Unavailable, "Unavailable"),
        (Faults(lose_request=1), Unknown, "lost"),
    ],
)
def test_what_never_reached_the_server_was_not_done(loop, store, deployment, reviews, faults, error, outcome):
    api = MemoryApi(store, loop, faults=faults)
    with pytest.raises(error):
        loop.run_until_complete(api.create(reviews, deployment()))
    assert store.peek(reviews) is None
    assert api.log[0].outcome == outcome
    faults.heal()
    loop.run_until_complete(api.create(reviews, deployment()))
    assert store.peek(reviews) is not None


def test_a_request_slower_than_its_timeout_is_done_later_and_in_doubt(loop, store, deployment, reviews):
    api = MemoryApi(store, loop, faults=Faults(latency=(4, 4)))
    with pytest.raises(Unknown, match="no answer in 3s"):
        loop.run_until_complete(api.create(reviews, deployment(), timeout=3))
    assert store.peek(reviews) is None
    loop.advance(2)
    assert store.peek(reviews) is not None


@pytest.mark.parametrize("stop", ["pause", "kill", "cancel"])
def test_what_was_sent_is_done_even_if_the_client_stops(loop, store, deployment, reviews, stop):
    api, answers = MemoryApi(store, loop, faults=Faults(latency=(1, 1))), []

    async def client():
        answers.append(await api.create(reviews, deployment()))

    task = loop.spawn(client(), instance="a")
    loop.advance(0.5)
    task.cancel() if stop == "cancel" else getattr(loop, stop)("a")
    loop.advance(60)
    assert store.peek(reviews) is not None
    assert answers == []
    if stop == "pause":
        loop.resume("a")
        loop.run_until(task.done, max_time=1)
        assert answers or isinstance(task.exception(), Unknown)


@pytest.mark.parametrize(("where", "done"), [("before", False), ("after", True)])
def test_a_client_can_be_killed_before_and_after_each_request(loop, store, api, deployment, reviews, where, done):
    store.create(DEPLOYMENTS, deployment())
    went_on = []

    async def client():
        await api.patch(reviews, scale(5))
        await api.patch(reviews, scale(6))
        went_on.append(True)

    setattr(api, where, lambda request: loop.kill("a") if request.number == 2 else None)
    loop.spawn(client(), instance="a")
    loop.advance(60)
    assert store.get(reviews)["spec"]["replicas"] == (6 if done else 5)
    assert went_on == []
    assert [request.outcome for request in api.log] == ["done", "done" if done else "lost"]


class Mirror:
    """A client that lists and watches, and writes down what it hears."""

    def __init__(self, api, kind, *, timeout=60.0):
        self.api, self.kind, self.timeout = api, kind, timeout
        self.objects, self.heard, self.troubles = {}, [], []

    async def run(self):
        while True:
            try:
                listing = await self.api.list(self.kind)
                self.objects = {body["metadata"]["name"]: body for body in listing.items}
                await self.follow(int(listing.resource_version))
            except (Expired, Unavailable) as error:
                self.troubles.append(type(error).__name__)

    async def follow(self, version):
        while True:
            try:
                watch = self.api.watch(self.kind, resource_version=str(version), timeout=self.timeout)
                async for event in watch:
                    version = max(version, version_of(event))
                    self.note(event)
            except Unavailable as error:
                self.troubles.append(type(error).__name__)
                await asyncio.sleep(0.5)

    def note(self, event):
        if event.type == "BOOKMARK":
            return
        name = event.object["metadata"]["name"]
        self.heard.append((name, version_of(event)))
        if event.type == "DELETED":
            self.objects.pop(name, None)
        else:
            self.objects[name] = event.object


def churn(loop, store, kind, names, *, writes):
    """Random writes to objects of a kind, one every tenth of a second on average."""
    rng = loop.random(f"churn/{kind}")

    async def run():
        for number in range(writes):
            await asyncio.sleep(rng.expovariate(10))
            ref = Ref(kind, "default", rng.choice(names))
            if store.peek(ref) is None:
                store.create(kind, {"metadata": {"name": ref.name}, "spec": {"n": number}})
            elif rng.random() < 0.2:
                store.delete(ref)
            else:
                store.patch(ref, [{"op": "replace", "path": "/spec/n", "value": number}])

    return run()


FAULTS = [
    Faults(watch_lag=(0, 2)),
    Faults(watch_lag=(0, 2), reorder=True),
    Faults(watch_lag=(0, 1), watch_drop=0.1, watch_expired=0.3),
    Faults(watch_lag=(0, 3), watch_drop=0.2, reorder=True),
    Faults(refuse=0.2, lose_response=0.1, lose_request=0.1, watch_lag=(0, 1), watch_drop=0.05),
]


@pytest.mark.parametrize("faults", FAULTS, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_a_client_that_lists_and_watches_ends_with_the_truth(seed, faults):
    loop = VirtualLoop(seed)
    store = Store(VirtualClock(loop), history=15)
    mirror = Mirror(MemoryApi(store, loop, faults=faults), PODS, timeout=7)
    loop.spawn(mirror.run(), instance="a")
    loop.spawn(churn(loop, store, PODS, "abcd", writes=200))
    loop.call_later(5, loop.pause, "a")
    loop.call_later(9, loop.resume, "a")
    loop.advance(60)
    faults.heal()
    loop.advance(60)
    loop.close()
    assert mirror.objects == {pod["metadata"]["name"]: pod for pod in store.scan(PODS)}
    for name in "abcd":
        versions = [version for heard, version in mirror.heard if heard == name]
        assert versions == sorted(versions)
        assert len(versions) == len(set(versions))


def heard_by_one_watch(seed, faults):
    loop = VirtualLoop(seed)
    store = Store(VirtualClock(loop))
    mirror = Mirror(MemoryApi(store, loop, faults=faults), PODS, timeout=1000)
    loop.spawn(mirror.run(), instance="a")
    loop.advance(1)
    loop.spawn(churn(loop, store, PODS, "abcd", writes=50))
    loop.advance(60)
    loop.close()
    return mirror.heard, int(store.resource_version)


def test_one_watch_keeps_its_order_and_has_no_gap():
    heard, last = heard_by_one_watch(3, Faults(watch_lag=(0, 2)))
    assert [version for _, version in heard] == list(range(2, last + 1))


def test_objects_overtake_each_other_only_if_that_is_wanted():
    heard, last = heard_by_one_watch(3, Faults(watch_lag=(0, 2), reorder=True))
    versions = [version for _, version in heard]
    assert versions != sorted(versions)
    assert sorted(versions) == list(range(2, last + 1))


def test_events_of_different_kinds_overtake_each_other(loop, store):
    faults = Faults(watch_lag=(0, 0), kind_lag={PODS: (5, 5)})
    api, order = MemoryApi(store, loop, faults=faults), []

    async def follow(kind):
        watch = api.watch(kind, resource_version=store.resource_version)
        order.append((await anext(watch)).object["kind"])

    for kind in (PODS, SERVICES):
        loop.spawn(follow(kind), instance="a")
    loop.advance(1)
    store.create(PODS, {"metadata": {"name": "a"}})
    store.create(SERVICES, {"metadata": {"name": "a"}})
    loop.advance(10)
    assert order == ["Service", "Pod"]


def test_a_watch_ends_at_its_timeout_with_a_bookmark_on_the_way(loop, store):
    api, heard = MemoryApi(store, loop, faults=Faults(bookmark_seconds=4)), []

    async def follow():
        watch = api.watch(PODS, resource_version=store.resource_version, timeout=10)
        heard.extend([(event.type, version_of(event)) async for event in watch])
        return loop.time()

    store.create(SERVICES, {"metadata": {"name": "a"}})
    store.create(PODS, {"metadata": {"name": "a"}})
    ended = loop.run_until_complete(follow())
    assert heard == [("BOOKMARK", int(store.resource_version))] * 2
    assert 10 < ended < 10.2


def test_watches_can_be_broken_and_expired_from_outside(loop, store):
    api, ends = MemoryApi(store, loop), []

    async def follow(kind):
        try:
            async for _ in api.watch(kind, resource_version=store.resource_version):
                pass
        except (Unavailable, Expired) as error:
            ends.append((kind.kind, isinstance(error, Expired)))

    for kind in (PODS, SERVICES):
        loop.spawn(follow(kind), instance="a")
    loop.advance(1)
    api.drop_watches(PODS)
    loop.advance(1)
    api.expire_watches()
    loop.advance(1)
    assert ends == [("Pod", False), ("Service", True)]


def test_a_watch_of_a_server_that_is_down_or_of_a_forgotten_past_fails(loop, store, deployment):
    api = MemoryApi(store, loop)
    old = store.resource_version

    async def first(version):
        return await anext(api.watch(DEPLOYMENTS, resource_version=version))

    store.create(DEPLOYMENTS, deployment())
    assert loop.run_until_complete(first(old)).type == "ADDED"
    store.compact()
    with pytest.raises(Expired):
        loop.run_until_complete(first(old))
    api.faults.down = True
    with pytest.raises(Unavailable):
        loop.run_until_complete(first(store.resource_version))


def test_a_watch_that_was_let_go_hears_nothing_more(loop, store):
    api = MemoryApi(store, loop)
    watch = api.watch(PODS, resource_version=store.resource_version)

    async def story():
        waiting = asyncio.create_task(anext(watch))
        await asyncio.sleep(1)
        await watch.aclose()
        with pytest.raises(StopAsyncIteration):
            await waiting

    loop.run_until_complete(story())


def story_of(seed):
    loop = VirtualLoop(seed)
    store = Store(VirtualClock(loop), seed=seed)
    faults = Faults(refuse=0.1, lose_response=0.1, watch_lag=(0, 1), watch_drop=0.1)
    mirror = Mirror(MemoryApi(store, loop, faults=faults), PODS, timeout=5)
    loop.spawn(mirror.run(), instance="a")
    loop.spawn(churn(loop, store, PODS, "abc", writes=600))
    loop.advance(90)
    loop.close()
    return mirror.heard, [str(request) for request in mirror.api.log], loop.steps


def test_the_same_seed_replays_requests_faults_and_events():
    assert story_of(4) == story_of(4)
    assert story_of(4) != story_of(5)
