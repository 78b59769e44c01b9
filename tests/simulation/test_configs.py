"""What a target's ConfigMaps and Secrets hold goes out like its image: in steps, checked, and never half."""

import json

import pytest

from delivery.cluster.objects import CONFIG_MAPS, SECRETS
from strategies.status import Result
from tests.simulation import wired
from tests.simulation.invariants import CANARY, PRIMARY, TARGET
from tests.simulation.scenes import initialised, recovers, served


@pytest.fixture
def sim():
    with wired.world(31) as world:
        yield world


def at_weight(sim, weight=10):
    sim.until(lambda: sim.weight == weight, seconds=120, what=f"weight {weight}")


def names(sim, ref):
    return set(json.dumps(sim.store.peek(ref)["spec"]["template"]["spec"]).split('"'))


def test_the_primary_runs_on_copies_and_the_target_on_the_users_own(sim):
    initialised(sim)
    made = {**wired.copies(sim), **wired.copies(sim, SECRETS)}
    assert len(made) == 3
    assert names(sim, PRIMARY) >= set(made)
    assert not names(sim, PRIMARY) & {"settings", "files", "login"}
    assert names(sim, TARGET) >= {"settings", "files", "login"}
    assert wired.read_by(sim, PRIMARY) == wired.read_by(sim, TARGET)
    files = next(each for name, each in made.items() if name.startswith("files-primary-"))
    assert (files["binaryData"], files["immutable"]) == ({"logo": "aGVsbG8="}, True)
    login = next(each for name, each in made.items() if name.startswith("login-primary-"))
    assert login["type"] == "Opaque"


def test_an_edit_between_runs_is_a_release_and_reaches_users_only_when_it_is_promoted(sim):
    initialised(sim)
    sim.loop.advance(120.0)
    wired.edit(sim, "red")
    sim.until(lambda: sim.status.run is not None, seconds=1.0, what="the run")
    at_weight(sim)
    assert wired.served_stars(sim) == "black"
    recovers(sim)
    assert wired.served_stars(sim) == "red"
    assert sim.status.last_promoted_spec == sim.status.history[-1].revision


def test_a_bad_edit_is_rolled_back_and_users_never_see_it(sim):
    initialised(sim)
    sim.analyst.turned = "bad"
    wired.edit(sim, "red")
    recovers(sim, "Failed")
    assert wired.served_stars(sim) == "black"
    assert wired.stars(sim) == ["black"]


def test_copies_are_collected_when_no_revision_in_use_needs_them(sim):
    initialised(sim)
    for colour in ("red", "green"):
        wired.edit(sim, colour)
        at_weight(sim)
        assert len(wired.stars(sim)) == 2
        sim.until_phase("Succeeded")
        assert wired.stars(sim) == [colour]
    assert len(wired.copies(sim, SECRETS)) == 1
    served(sim)


def test_an_edit_in_the_middle_of_a_run_starts_it_again_with_pods_that_have_read_it(sim):
    initialised(sim)
    wired.edit(sim, "red")
    at_weight(sim)
    before = wired.pods(sim)
    wired.edit(sim, "green")
    sim.until(lambda: sim.weight == 0, seconds=10, what="users off the old content")
    at_weight(sim)
    assert before
    assert not before & wired.pods(sim), "a pod that read the old content was given users"
    recovers(sim)
    assert wired.served_stars(sim) == "green"
    assert [past.result for past in sim.status.history] == [Result.SUPERSEDED, Result.PROMOTED]


def test_what_is_edited_back_cancels_the_run(sim):
    initialised(sim)
    wired.edit(sim, "red")
    at_weight(sim)
    wired.edit(sim, "black")
    recovers(sim)
    assert sim.status.history[-1].result is Result.CANCELLED
    assert wired.stars(sim) == ["black"]


def test_what_was_analysed_is_promoted_although_the_source_is_edited_meanwhile(sim):
    initialised(sim)
    wired.edit(sim, "red")
    sim.until(lambda: sim.status.phase.value == "Promoting", seconds=300, what="the promotion")
    wired.edit(sim, "green")
    sim.until(lambda: wired.served_stars(sim) == "red", seconds=60, what="the analysed content on the primary")
    sim.until(lambda: wired.served_stars(sim) == "green", seconds=600, what="the next run's content on the primary")
    recovers(sim)


def test_an_edit_between_a_decision_and_its_copy_is_not_copied_in_its_place(sim):
    initialised(sim)
    asked = []

    def before(request):
        if request.verb == "get" and request.name == "settings":
            asked.append(request)
            if len(asked) == 2:
                wired.edit(sim, "green")

    (api,) = sim.apis.values()
    api.before = before
    wired.edit(sim, "red")
    recovers(sim)
    assert wired.served_stars(sim) == "green"
    assert [past.result for past in sim.status.history] == [Result.SUPERSEDED, Result.PROMOTED]


def test_template_and_configs_edited_together_go_out_as_one(sim):
    initialised(sim)
    wired.edit(sim, "red")
    sim.release("v2")
    recovers(sim)
    assert sim.store.peek(PRIMARY)["spec"]["template"]["metadata"]["labels"]["version"] == "v2"
    assert wired.served_stars(sim) == "red"


def test_a_secret_that_is_deleted_and_made_again_with_the_same_content_is_no_release(sim):
    initialised(sim)
    runs = len(sim.status.history)
    sim.store.delete(wired.LOGIN)
    sim.apply(SECRETS, wired.secret("login", {"password": "1234"}))
    sim.loop.advance(30.0)
    assert sim.status.run is None
    assert len(sim.status.history) == runs
    sim.merge(wired.LOGIN, {"data": wired.secret("login", {"password": "4321"})["data"]})
    at_weight(sim)
    recovers(sim)


def test_metadata_and_immutable_are_no_release(sim):
    initialised(sim)
    sim.merge(wired.SETTINGS, {"metadata": {"labels": {"team": "books"}}, "immutable": True})
    sim.loop.advance(30.0)
    assert sim.status.run is None
    assert not sim.status.history


def test_an_optional_config_that_appears_is_a_release(sim):
    initialised(sim)
    sim.apply(CONFIG_MAPS, wired.config_map("extras", {"a": "b"}))
    at_weight(sim)
    recovers(sim)
    assert wired.read_by(sim, PRIMARY)["extras"] == {"a": "b"}


@pytest.mark.parametrize("annotation", ["progressive.delivery/config-tracking", "flagger.app/config-tracking"])
def test_an_annotation_keeps_a_config_out_of_revisions(sim, annotation):
    sim.merge(wired.SETTINGS, {"metadata": {"annotations": {annotation: "disabled"}}})
    initialised(sim)
    assert wired.stars(sim) == []
    assert "settings" in names(sim, PRIMARY)
    wired.edit(sim, "red")
    sim.loop.advance(30.0)
    assert not sim.status.history
    assert sim.status.run is None


def test_a_new_version_whose_config_is_missing_waits_with_the_way_out_and_nothing_changes_for_users(sim):
    initialised(sim)
    volumes = [{"name": "pictures", "configMap": {"name": "not-there"}}]
    sim.merge(TARGET, {"spec": {"template": {"spec": {"volumes": volumes}}}})
    sim.until(lambda: sim.status.reason == "ConfigNotFound", seconds=30, what="the condition")
    assert "ConfigMap shop/not-there" in sim.status.condition("Ready").message
    assert wired.read_by(sim, PRIMARY)["files"] == {"logo": "aGVsbG8="}
    sim.apply(CONFIG_MAPS, wired.config_map("not-there", {"x": "y"}))
    at_weight(sim)
    recovers(sim)


def test_a_config_deleted_in_the_middle_of_a_run_holds_it(sim):
    initialised(sim)
    wired.edit(sim, "red")
    at_weight(sim)
    sim.store.delete(wired.FILES)
    sim.until(lambda: sim.status.reason == "ConfigNotFound", seconds=30, what="the condition")
    sim.loop.advance(60.0)
    assert sim.weight == 10
    assert sim.status.run is not None
    sim.apply(CONFIG_MAPS, wired.config_map("files", {}, binaryData={"logo": "aGVsbG8="}))
    recovers(sim)
    assert sim.status.history[-1].result is Result.PROMOTED


def test_a_canary_that_is_reverted_leaves_no_copies(sim):
    sim.set_up()
    sim.edit(revertOnDeletion=True)
    sim.start_controller()
    sim.until_phase("Initialized")
    wired.edit(sim, "red")
    recovers(sim)
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=300, what="the end of the Canary")
    assert not wired.copies(sim)
    assert not wired.copies(sim, SECRETS)
    served(sim)


def test_a_canary_that_is_deleted_leaves_the_primary_what_it_runs_on(sim):
    initialised(sim)
    sim.store.delete(CANARY)
    sim.loop.advance(60.0)
    assert wired.served_stars(sim) == "black"
    assert len(wired.copies(sim, SECRETS)) == 1


def test_contents_are_read_once_and_a_resting_canary_reads_nothing(sim):
    initialised(sim)
    sim.loop.advance(120.0)
    since = len(sim.requests())
    sim.loop.advance(600.0)
    quiet = [each for each in sim.requests()[since:] if each.kind in (CONFIG_MAPS, SECRETS) and each.verb != "watch"]
    assert quiet == []


def test_nothing_of_a_content_is_told(sim, capsys):
    sim.merge(wired.LOGIN, {"data": wired.secret("login", {"password": "hush-hush"})["data"]})
    initialised(sim)
    sim.merge(wired.LOGIN, {"data": wired.secret("login", {"password": "still-hush"})["data"]})
    recovers(sim)
    told = "".join(capsys.readouterr()) + sim.told()
    for kind in sim.store.kinds():
        if kind.kind not in (SECRETS, CONFIG_MAPS):
            told += json.dumps(sim.store.scan(kind.kind))
    for word in ("hush", *wired.secret("login", {"p": "hush-hush", "q": "still-hush"})["data"].values()):
        assert word not in told
