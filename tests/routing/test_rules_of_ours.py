"""Property: whatever is asked for, a run lays its rules over nobody else's and leaves none behind."""

import copy

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strategies.traffic import Traffic
from tests.routing.special import INSIDER, OURS, TESTER, a_spec

SPECS = [
    a_spec(stepWeights=[10], testerMatch=[TESTER], sessionAffinity={"cookieName": "c", "primaryCookieName": "p"}),
    a_spec(iterations=3, match=[INSIDER], service={"match": [{"uri": {"prefix": "/a"}}], "timeout": "3s"}),
    a_spec(stepWeights=[10], mirror=True, service={"hosts": ["r.example.com"], "gateways": ["edge", "mesh"]}),
]

CONDITIONS = st.sampled_from([None, [{"uri": {"prefix": "/x"}}], [{"headers": {"a": {"exact": "b"}}}]])

FOREIGN = st.fixed_dictionaries(
    {"name": st.text("abc", min_size=1, max_size=3)},
    optional={
        "match": CONDITIONS.filter(bool),
        "fault": st.just({"delay": {"fixedDelay": "1s"}}),
        "timeout": st.just("1s"),
        "route": st.just([{"destination": {"host": "ratings"}}]),
        "mirror": st.just({"host": "audit"}),
    },
)

TRAFFIC = st.builds(
    lambda weight, mirror, matched, testers, cookie: Traffic(
        100 - weight, weight, mirror=mirror, matched=matched, testers=testers, cookie=cookie
    ),
    weight=st.integers(0, 100),
    mirror=st.integers(0, 100),
    matched=st.booleans(),
    testers=st.booleans(),
    cookie=st.sampled_from(["", "run-1"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    spec=st.sampled_from(SPECS),
    before=st.lists(FOREIGN, max_size=2),
    behind=st.lists(FOREIGN, max_size=2),
    extra=st.dictionaries(st.sampled_from(["fault", "retries"]), st.just({"x": 1}), max_size=2),
    run=st.lists(TRAFFIC, min_size=1, max_size=5),
)
def test_in_a_whole_run_only_what_is_ours_changes_and_at_its_end_nothing_has(
    render, view, spec, before, behind, extra, run
):
    found = render(spec, Traffic(100, 0))
    found["spec"]["http"][0] |= extra
    found["spec"]["http"] = [
        *(rule for rule in before if rule.get("match")),
        *found["spec"]["http"],
        *behind,
    ]
    began = copy.deepcopy(found)
    for traffic in run:
        found = render(spec, traffic, found)
        foreign = [rule for rule in found["spec"]["http"] if not rule["name"].startswith(OURS)]
        assert foreign == [rule for rule in began["spec"]["http"] if not rule["name"].startswith(OURS)]
        assert {**found["spec"], "http": []} == {**began["spec"], "http": []}
        said = view(spec, found)
        nobody = traffic.matched and not spec.audience
        assert said.everybody_weight == traffic.everybody
        assert (said.canary_weight, said.mirror) == ((0, 0) if nobody else (traffic.canary, traffic.mirror))
        assert said.applied_matches
        for rule in found["spec"]["http"]:
            if rule["name"].startswith(OURS):
                assert sum(item["weight"] for item in rule["route"]) == 100
    found = render(spec, Traffic(100, 0), found)
    assert found["spec"] == began["spec"]
