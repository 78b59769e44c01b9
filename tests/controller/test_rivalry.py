"""When something is taken back by somebody, and when we only write it again."""

from delivery.cluster.objects import HORIZONTAL_POD_AUTOSCALERS, Action, Change, Ref
from delivery.controller.rivalry import Rivalry

REF = Ref(HORIZONTAL_POD_AUTOSCALERS, "shop", "reviews")


def change(value, *, fence="1"):
    fenced = {"op": "add", "path": "/metadata/annotations/progressive.delivery~1fence", "value": fence}
    return Change(ref=REF, ops=({"op": "replace", "path": "/spec/minReplicas", "value": value}, fenced))


def test_three_takes_in_a_minute_make_us_wait_and_say_who():
    rivalry = Rivalry()
    for now in (0, 5, 10):
        rivalry.wrote(change(4), "argocd", now)
        assert not rivalry.waits(change(4), now)
    rivalry.wrote(change(4, fence="2"), "argocd", 15)
    assert rivalry.waits(change(4), 16)
    assert rivalry.seconds(16) == 59
    problem = rivalry.problem(16)
    assert problem is not None
    assert "argocd keeps changing /spec/minReplicas of HorizontalPodAutoscaler reviews" in problem.message
    assert not rivalry.waits(change(4), 75)
    assert rivalry.problem(75) is None


def test_each_round_lasts_twice_as_long_up_to_ten_minutes():
    rivalry, now, waits = Rivalry(), 0.0, []
    rivalry.wrote(change(4), "argocd", now)
    for _ in range(6):
        for _ in range(3):
            now += 1
            rivalry.wrote(change(4), "argocd", now)
        waits.append(rivalry.seconds(now))
        now += waits[-1]
    assert waits == [60, 120, 240, 480, 600, 600]


def test_what_is_new_is_written_at_once_and_forgives():
    rivalry = Rivalry()
    for now in range(4):
        rivalry.wrote(change(4), "argocd", now)
    assert not rivalry.waits(change(5), 5)
    rivalry.wrote(change(5), "argocd", 5)
    assert not rivalry.waits(change(4), 6)


def test_up_and_down_again_is_nobodys_doing():
    rivalry = Rivalry()
    for now in range(10):
        rivalry.wrote(change(now % 2), "", now)
    assert rivalry.problem(11) is None


def test_slow_takes_are_put_right_each_time():
    rivalry = Rivalry()
    for now in range(0, 600, 40):
        rivalry.wrote(change(4), "kubectl", now)
    assert rivalry.problem(600) is None


def test_a_creation_is_no_contest():
    rivalry = Rivalry()
    for now in range(9):
        rivalry.wrote(Change(ref=REF, action=Action.CREATE), "", now)
    assert rivalry.problem(9) is None
