"""What is raised on a user's autoscaler is given back exactly, whoever comes to do it."""

import copy
import json

import pytest

from delivery.cluster.indexes import FLOOR, by_floor
from delivery.cluster.memory.patching import json_patch
from delivery.cluster.objects import HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS
from delivery.workloads.autoscalers import floors
from delivery.workloads.autoscalers.flavours import PAUSED_AT

FENCE = "progressive.delivery/fence"


def applied(body, change):
    return body if change is None else json_patch(body, change.patch)


def held(body, least, *, kind=HORIZONTAL_POD_AUTOSCALERS, epoch=3):
    return applied(body, floors.hold(kind, body, canary="reviews", least=least, epoch=epoch))


def returned(body, *, kind=HORIZONTAL_POD_AUTOSCALERS, epoch=3, **more):
    return applied(body, floors.give_back(kind, body, epoch=epoch, **more))


@pytest.mark.parametrize("annotations", [{"note": "ours"}, None])
def test_a_floor_is_given_back_to_the_letter(hpa, annotations):
    if annotations is None:
        del hpa["metadata"]["annotations"]
    before = copy.deepcopy(hpa)
    raised = held(hpa, 4)
    assert raised["spec"]["minReplicas"] == 4
    assert raised["metadata"]["annotations"][FENCE] == "3"
    after = returned(held(raised, 5))
    after["metadata"]["annotations"] = after["metadata"].get("annotations") or None
    before["metadata"]["annotations"] = before["metadata"].get("annotations")
    assert after == before


def test_the_primarys_copy_is_made_of_what_people_wrote_not_of_what_we_raised(hpa, keda):
    assert floors.as_people_have_it(HORIZONTAL_POD_AUTOSCALERS, held(hpa, 5))["spec"] == hpa["spec"]
    assert floors.as_people_have_it(SCALED_OBJECTS, held(keda, 5, kind=SCALED_OBJECTS))["spec"] == keda["spec"]
    raised = held(hpa, 5)
    raised["spec"]["minReplicas"] = 3
    assert floors.as_people_have_it(HORIZONTAL_POD_AUTOSCALERS, raised)["spec"]["minReplicas"] == 3


def test_what_is_enough_already_is_not_written(hpa):
    assert floors.hold(HORIZONTAL_POD_AUTOSCALERS, hpa, canary="reviews", least=2, epoch=3) is None
    raised = held(hpa, 4)
    assert floors.hold(HORIZONTAL_POD_AUTOSCALERS, raised, canary="reviews", least=4, epoch=9) is None


def test_a_floor_that_is_no_longer_needed_goes(hpa):
    assert held(held(hpa, 4), 2) == hpa


def test_no_floor_above_the_most_because_the_api_server_would_refuse_it(hpa):
    raised = held(hpa, 9)
    assert raised["spec"]["minReplicas"] == 6
    assert "raise its maxReplicas" in floors.lack(HORIZONTAL_POD_AUTOSCALERS, raised, least=9).message
    assert floors.lack(HORIZONTAL_POD_AUTOSCALERS, raised, least=6) is None


def test_what_gitops_sets_back_is_not_fought_over(hpa):
    raised = held(hpa, 4)
    raised["spec"]["minReplicas"] = 2
    writers = [{"manager": "argocd-controller"}, {"manager": "kube-controller-manager", "subresource": "status"}]
    raised["metadata"]["managedFields"] = writers
    assert held(raised, 4) is raised
    message = floors.lack(HORIZONTAL_POD_AUTOSCALERS, raised, least=4).message
    assert "argocd-controller set minReplicas" in message
    assert held(raised, 5)["spec"]["minReplicas"] == 5, "the next step asks once more"


def test_a_number_that_a_person_sets_in_the_middle_stays(hpa):
    raised = held(hpa, 4)
    raised["spec"]["minReplicas"] = 3
    assert returned(raised)["spec"]["minReplicas"] == 3
    again = held(raised, 5)
    assert again["spec"]["minReplicas"] == 5
    assert returned(again)["spec"]["minReplicas"] == 3


def test_an_absent_least_becomes_absent_again(keda):
    keda["metadata"]["annotations"] = {}
    del keda["spec"]["minReplicaCount"]
    before = copy.deepcopy(keda)
    raised = held(keda, 3, kind=SCALED_OBJECTS)
    assert raised["spec"]["minReplicaCount"] == 3
    assert "idleReplicaCount" not in raised["spec"], "KEDA would go below the least"
    assert returned(raised, kind=SCALED_OBJECTS) == before


def test_an_idle_count_goes_although_the_least_is_enough_and_is_not_fought_over(keda):
    del keda["metadata"]["annotations"]
    raised = held(keda, 1, kind=SCALED_OBJECTS)
    assert raised["spec"]["minReplicaCount"] == 2
    assert "idleReplicaCount" not in raised["spec"]
    assert floors.hold(SCALED_OBJECTS, raised, canary="reviews", least=1, epoch=3) is None
    back = copy.deepcopy(raised)
    back["spec"]["idleReplicaCount"] = 0
    assert held(back, 1, kind=SCALED_OBJECTS)["spec"]["idleReplicaCount"] == 0
    assert returned(raised, kind=SCALED_OBJECTS)["spec"] == keda["spec"]
    assert returned(back, kind=SCALED_OBJECTS)["spec"] == keda["spec"]


def test_a_pause_at_nothing_ends_with_the_rest_and_any_other_is_the_users(keda):
    assert PAUSED_AT not in held(keda, 1, kind=SCALED_OBJECTS)["metadata"]["annotations"]
    keda["metadata"]["annotations"][PAUSED_AT] = "3"
    assert held(keda, 1, kind=SCALED_OBJECTS)["metadata"]["annotations"][PAUSED_AT] == "3"
    assert "paused" in floors.lack(SCALED_OBJECTS, keda, least=1).message


def test_rest_pauses_only_what_can_be_paused(hpa, keda):
    assert returned(hpa, pause=True) is hpa
    del keda["metadata"]["annotations"][PAUSED_AT]
    rested = returned(keda, kind=SCALED_OBJECTS, pause=True)
    assert rested["metadata"]["annotations"][PAUSED_AT] == "0"
    assert PAUSED_AT not in held(rested, 1, kind=SCALED_OBJECTS)["metadata"]["annotations"]


def test_an_autoscaler_with_a_floor_is_found_by_its_canary(hpa):
    assert list(by_floor(held(hpa, 4))) == ["shop/reviews"]
    assert list(by_floor(hpa)) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"canary": 1}', '{"was": 3, "canary": "x", "least": 1}', "null"])
def test_what_nobody_can_read_holds_nothing_up(hpa, text):
    hpa["metadata"]["annotations"][FLOOR] = text
    list(by_floor(hpa))
    assert floors.floor_on(hpa) is None
    assert FLOOR not in returned(hpa)["metadata"]["annotations"]
    assert json.loads(held(hpa, 4)["metadata"]["annotations"][FLOOR])["was"] == {"minReplicas": 2}
