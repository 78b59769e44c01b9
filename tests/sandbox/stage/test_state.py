"""What a sandbox holds survives its restart, and its file survives everything."""

import asyncio
import json

import pytest

from delivery.cluster.memory import EPOCH, Store, VirtualClock, VirtualLoop, World, custom_resource
from delivery.cluster.memory.behaviours import BEHAVIOUR
from delivery.cluster.memory.conditions import is_ready
from delivery.cluster.memory.rejections import ExpiredError
from delivery.cluster.memory.resources import CONFIG_MAPS
from delivery.cluster.objects import DEPLOYMENTS, PODS, REPLICA_SETS, Kind, Ref
from delivery.sandbox.state import Keeper, StateError, StateFile

PATIENCE = 20.0
ROCKETS = Kind("example.com", "v1", "Rocket", "rockets")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.json"


@pytest.fixture
def store(loop):
    return Store(VirtualClock(loop))


def config_map(store, name="a", **data):
    return store.create(CONFIG_MAPS, {"metadata": {"name": name}, "data": data}, namespace="shop", manager="kubectl")


def save(store, path):
    with StateFile(path) as file:
        file.write(file.encode(store))


def restored(path, clock, **options):
    store = Store(clock, **options)
    with StateFile(path) as file:
        state = file.load()
    store.restore(state.objects, state.version)
    return store


def test_objects_come_back_to_the_letter(store, loop, path):
    store.register(custom_resource(ROCKETS))
    store.create(ROCKETS, {"metadata": {"name": "r"}, "spec": {"text": "ü \u2028"}}, namespace="shop")
    before = config_map(store, a="1")
    save(store, path)
    after = restored(path, VirtualClock(loop))
    assert after.get(Ref(CONFIG_MAPS, "shop", "a")) == before
    assert after.resource_version == store.resource_version
    after.register(custom_resource(ROCKETS))
    assert after.get(Ref(ROCKETS, "shop", "r")) == store.get(Ref(ROCKETS, "shop", "r"))


def test_versions_go_on_and_old_watches_are_told_to_begin_anew(store, loop, path):
    old = config_map(store)["metadata"]["resourceVersion"]
    config_map(store, "b")
    save(store, path)
    after = restored(path, VirtualClock(loop))
    assert int(config_map(after, "c")["metadata"]["resourceVersion"]) == int(store.resource_version) + 1
    with pytest.raises(ExpiredError):
        after.subscribe(CONFIG_MAPS, resource_version=old, deliver=lambda _: None)
    events = []
    after.subscribe(CONFIG_MAPS, resource_version=store.resource_version, deliver=events.append)
    assert [each.object["metadata"]["name"] for each in events] == ["c"]


def test_owners_still_take_their_dependents_with_them(loop, path):
    store = world_with_reviews(loop)
    save(store, path)
    after = restored(path, VirtualClock(loop))
    after.delete(Ref(DEPLOYMENTS, "shop", "reviews"))
    assert after.scan(REPLICA_SETS) == []


def world_with_reviews(loop, **annotations):
    store = Store(VirtualClock(loop))
    World(store, loop)
    labels = {"app": "reviews"}
    template = {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": "reviews:1"}]},
    }
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
    store.create(DEPLOYMENTS, {"metadata": {"name": "reviews", "namespace": "shop"}, "spec": spec})
    loop.advance(30)
    return store


def later_that_day():
    again = VirtualLoop(seed=2)
    again.advance(3600)
    return again


def test_the_world_takes_up_where_it_was(loop, path):
    """Given pods that were Ready, then they are the same pods, Ready all the time, and new ones get new addresses."""
    save(world_with_reviews(loop), path)
    again = later_that_day()
    store = restored(path, VirtualClock(again), seed="another")
    before = store.resource_version
    World(store, again)
    again.advance(60)
    assert store.resource_version == before
    store.patch(Ref(DEPLOYMENTS, "shop", "reviews"), [{"op": "replace", "path": "/spec/replicas", "value": 5}])
    again.advance(60)
    pods = store.scan(PODS)
    assert [is_ready(pod) for pod in pods] == [True] * 5
    assert len({pod["status"]["podIP"] for pod in pods}) == 5
    assert len({pod["metadata"]["uid"] for pod in pods}) == 5
    again.close()


def test_pods_on_their_way_go_on(loop, path):
    """Given one crash loop and one pod that was being deleted, then one goes on to crash and the other to go."""
    store = world_with_reviews(loop, **{BEHAVIOUR: "crash-loop"})
    gone = Ref.of(PODS, store.scan(PODS)[0])
    store.delete(gone)
    crashes = max(pod["status"]["containerStatuses"][0]["restartCount"] for pod in store.scan(PODS))
    save(store, path)
    again = later_that_day()
    store = restored(path, VirtualClock(again), seed="another")
    World(store, again)
    again.advance(60)
    assert store.peek(gone) is None
    now = max(pod["status"]["containerStatuses"][0]["restartCount"] for pod in store.scan(PODS))
    assert now > crashes
    again.close()


def test_there_is_nothing_to_load_at_first(path):
    with StateFile(path) as file:
        assert file.load() is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"format": "progressive-delivery-sandbox", "vers', "it is no JSON: line 1"),
        (b"[]", "it is no state of a sandbox"),
        (b'{"format": "progressive-delivery-sandbox", "version": 2}', "written by a newer program (version 2;"),
        (b'{"format": "progressive-delivery-sandbox", "version": "x"}', "version: 'x'; a whole number from 1"),
        (b'{"format": "progressive-delivery-sandbox", "version": 1}', "it is damaged: KeyError: 'resourceVersion'"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_that_is_not_understood_is_an_error_and_stays(path, content, why):
    path.write_bytes(content)
    with StateFile(path) as file, pytest.raises(StateError) as refused:
        file.load()
    assert why in str(refused.value)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == content


def test_an_object_without_a_uid_is_named(store, path):
    config_map(store)
    save(store, path)
    document = json.loads(path.read_text())
    document["objects"][0]["metadata"]["uid"] = ""
    path.write_text(json.dumps(document))
    with StateFile(path) as file, pytest.raises(StateError, match=r"metadata\.uid: '' in an object of kind ConfigMap"):
        file.load()


def test_two_sandboxes_cannot_share_a_file(path):
    with StateFile(path), pytest.raises(StateError, match="in use by another sandbox"), StateFile(path):
        pass
    with StateFile(path):
        pass
    assert list(path.parent.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StateError, match="cannot be written: No such file"), StateFile(tmp_path / "no" / "state"):
        pass


def test_a_write_that_fails_leaves_the_last_good_file(store, path):
    config_map(store)
    save(store, path)
    before = path.read_bytes()
    path.with_name(f"{path.name}.new").mkdir()
    problems = []
    with StateFile(path) as file:
        config_map(store, "b")

        async def run():
            Keeper(store, file, problem=problems.append).finish()

        asyncio.run(run())
    assert path.read_bytes() == before
    assert problems == [f"the state was not saved to {path}: Is a directory"]


def test_only_the_owner_may_read_the_file(store, path):
    save(store, path)
    assert path.stat().st_mode & 0o777 == 0o600


class Clock:
    def now(self):
        return EPOCH

    def monotonic(self):
        return 0.0


class Counting(StateFile):
    """Counts what is written and says when."""

    def __init__(self, path):
        super().__init__(path)
        self.loop, self.writes, self.written = asyncio.get_running_loop(), 0, asyncio.Event()

    def write(self, content):
        super().write(content)
        self.writes += 1
        self.loop.call_soon_threadsafe(self.written.set)


async def test_changes_are_saved_while_they_happen_but_not_each_for_itself(path):
    store = Store(Clock())
    with Counting(path) as file:
        keeper = Keeper(store, file, problem=pytest.fail, seconds=3600)
        task = asyncio.create_task(keeper.run())
        config_map(store)
        await asyncio.wait_for(file.written.wait(), PATIENCE)
        for number in range(100):
            config_map(store, f"more-{number}")
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE)
        assert file.writes == 1
        keeper.finish()
        keeper.finish()
        assert file.writes == 2
    assert len(restored(path, Clock()).scan(CONFIG_MAPS)) == 101
