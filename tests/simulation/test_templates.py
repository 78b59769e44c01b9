"""Runs that are judged by what MetricTemplates ask: templates and Secrets come, change and go, and nobody is lost."""

from typing import Any

import pytest

from delivery.cluster.errors import Denied
from delivery.cluster.memory import Request
from delivery.cluster.objects import CONFIG_MAPS, METRIC_TEMPLATES, SECRETS
from delivery.workloads.revision import Scope
from metrics.source import Source
from metrics.spec import MetricSpec, Subject, Window
from metrics.verdict import Outcome, Verdict
from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_worlds import FAULTS, KILLS
from tests.simulation.scenes import asked, initialised, is_silent, recovers, says, served, version
from tests.simulation.simulation import Simulation
from tests.simulation.templated import ADDRESS, AUTHORITY, METRIC, SECRET, TEMPLATE, content, credentials, template


@pytest.fixture
def sim():
    with Simulation(31) as world:
        world.heard = listen(world)
        yield world


def listen(sim: Simulation) -> list[MetricSpec]:
    """What the analyst is asked about queries of somebody's own, from now on."""
    heard: list[MetricSpec] = []
    answer = sim.analyst.metric

    async def metric(spec: MetricSpec, subject: Subject, window: Window, *, server: str) -> Verdict:
        if spec.is_own:
            heard.append(spec)
        return await answer(spec, subject, window, server=server)

    sim.analyst.metric = metric
    return heard


def holds(sim: Simulation, *words: str) -> None:
    """The weight stands still, and why is said."""
    says(sim, "AnalysisHealthy", "MetricsUnavailable", *words)
    weight = sim.weight
    sim.loop.advance(120)
    assert (sim.status.phase.value, sim.weight) == ("Progressing", weight), sim.told()
    assert sim.status.failed_checks == 0
    served(sim)


def releasing(sim: Simulation, *metrics: dict[str, Any]) -> None:
    """A run whose first step has its weight."""
    initialised(sim, metrics=list(metrics or (METRIC,)), stepWeights=[10, 20, 30, 40, 50, 60, 70, 80])
    sim.release("v2")
    sim.until(lambda: sim.weight, seconds=120, what="some weight")


def test_a_run_is_judged_by_what_a_template_asks(sim):
    sim.apply(METRIC_TEMPLATES, template('sum(errors{job="{{ target }}"})'))
    releasing(sim)
    recovers(sim)

    assert version(sim) == "v2"
    assert {(each.query, each.source) for each in sim.heard} == {
        ('sum(errors{job="{{ target }}"})', Source(address=ADDRESS))
    }
    assert is_silent(sim, "NotYetActedOn", "FieldsWithoutEffect")


def test_a_bad_version_is_rolled_back_by_a_template_alone(sim):
    sim.apply(METRIC_TEMPLATES, template())
    initialised(sim, metrics=[METRIC])
    sim.release("v2", quality="bad")
    sim.until_phase("Failed")

    assert version(sim) == "v1"
    served(sim)


def test_a_template_that_is_not_there_is_said_before_a_run_needs_it(sim):
    initialised(sim, metrics=[METRIC])
    says(sim, "MetricsUnresolved", "TemplateNotFound", "shop/errors", "create it")

    sim.apply(METRIC_TEMPLATES, template())
    sim.until(lambda: is_silent(sim, "MetricsUnresolved", "TemplateNotFound"), seconds=30, what="silence")


def test_a_template_that_goes_in_the_middle_of_a_run_holds_it_until_it_is_back(sim):
    sim.apply(METRIC_TEMPLATES, template())
    releasing(sim)
    sim.store.delete(TEMPLATE)
    sim.loop.advance(5)
    sim.heard.clear()
    holds(sim, "metric 'errors'", "MetricTemplate shop/errors does not exist", "create it")
    assert sim.heard == []

    sim.apply(METRIC_TEMPLATES, template("sum(other)"))
    recovers(sim)
    assert {each.query for each in sim.heard} == {"sum(other)"}


def test_a_change_of_a_template_is_seen_by_the_next_question(sim):
    sim.apply(METRIC_TEMPLATES, template("sum(before)"))
    releasing(sim)
    sim.until(lambda: sim.heard, seconds=60, what="a question")
    sim.merge(TEMPLATE, {"spec": {"query": "sum(after)"}})
    sim.loop.advance(3)
    sim.heard.clear()
    recovers(sim)
    assert {each.query for each in sim.heard} == {"sum(after)"}


def test_an_invalid_template_holds_and_its_correction_goes_on(sim):
    sim.apply(METRIC_TEMPLATES, template(type="newrelic"))
    releasing(sim)
    says(sim, "MetricsUnresolved", "TemplateInvalid", "newrelic", "allowed prometheus")
    holds(sim, "shop/errors", "newrelic")

    sim.merge(TEMPLATE, {"spec": {"provider": {"type": "prometheus"}}})
    recovers(sim)


def test_a_variable_without_a_value_holds_and_is_named(sim):
    sim.apply(METRIC_TEMPLATES, template("sum(errors{topic='{{ variables.topic }}'})"))
    releasing(sim)
    says(sim, "MetricsUnresolved", "VariableMissing", "'topic'", "templateVariables")
    holds(sim, "'topic' has no value", "templateVariables")

    sim.edit(analysis={"metrics": [{**METRIC, "templateVariables": {"topic": "orders"}}]})
    recovers(sim)
    assert sim.heard[-1].variables == {"topic": "orders"}


def test_a_template_of_another_namespace_is_read_with_the_secret_beside_it(sim):
    for kind, body in ((METRIC_TEMPLATES, template(secretRef={"name": SECRET.name})), (SECRETS, credentials())):
        elsewhere = {**body, "metadata": {"name": body["metadata"]["name"]}}
        sim.store.create(kind, elsewhere, namespace="shared", manager="kubectl")
    releasing(sim, {**METRIC, "templateRef": {"name": "errors", "namespace": "shared"}})
    recovers(sim)

    assert sim.heard[-1].source.secret("token") == "hunter2"


def test_a_secret_that_is_missing_holds_and_one_that_changes_is_read_once(sim):
    sim.apply(METRIC_TEMPLATES, template(secretRef={"name": SECRET.name}, caRef={"name": AUTHORITY.name}))
    sim.apply(CONFIG_MAPS, content(AUTHORITY, **{"ca.crt": "PEM"}))
    releasing(sim)
    says(sim, "MetricsUnresolved", "SecretNotFound", "Secret shop/prometheus", "create it")
    holds(sim, "Secret shop/prometheus", "create it")

    sim.apply(SECRETS, credentials())
    sim.until(lambda: sim.heard, seconds=120, what="a question")
    before = len(reads(sim))
    sim.loop.advance(30)
    assert len(reads(sim)) == before, "what has not changed is not read again"
    sim.merge(SECRET, {"data": {"token": "bmV3"}})
    recovers(sim)
    assert sim.heard[-1].source == Source(address=ADDRESS, credentials=(("token", "new"),), ca="PEM")
    assert len([each for each in reads(sim) if each.kind == SECRETS]) <= 2 + before


def reads(sim: Simulation) -> list[Any]:
    return [each for each in asked(sim) if each.verb == "get" and each.kind in (SECRETS, CONFIG_MAPS)]


def test_an_authority_without_its_key_holds(sim):
    sim.apply(METRIC_TEMPLATES, template(caRef={"name": AUTHORITY.name}))
    sim.apply(CONFIG_MAPS, content(AUTHORITY, other="PEM"))
    releasing(sim)
    holds(sim, "ConfigMap shop/authorities has no key ca.crt")

    sim.merge(AUTHORITY, {"data": {"ca.crt": "PEM"}})
    recovers(sim)


def test_a_secret_without_keys_holds_and_says_the_way_out(sim):
    sim.apply(METRIC_TEMPLATES, template(secretRef={"name": SECRET.name}))
    sim.apply(SECRETS, {**credentials(), "data": {}})
    releasing(sim)
    holds(sim, "Secret shop/prometheus has no keys", "put the credentials in, or take provider.secretRef out")

    sim.merge(SECRET, {"data": credentials()["data"]})
    recovers(sim)


def test_without_its_kind_a_template_is_said_to_be_impossible():
    with Simulation(32) as sim:
        sim.store.unregister(METRIC_TEMPLATES)
        initialised(sim, metrics=[METRIC])
        says(sim, "MetricsUnresolved", "TemplateNotFound", "does not know the kind", "crds/metrictemplates.yaml")


def test_a_controller_killed_in_the_middle_goes_on_with_the_template(sim):
    sim.apply(METRIC_TEMPLATES, template())
    releasing(sim)
    sim.kill("delivery-1")
    recovers(sim)
    assert version(sim) == "v2"


def test_no_credential_is_in_the_status_an_event_or_the_text_of_a_source(sim):
    sim.apply(METRIC_TEMPLATES, template(secretRef={"name": SECRET.name}))
    sim.apply(SECRETS, credentials())
    sim.analyst.away = True
    releasing(sim)
    says(sim, "AnalysisHealthy", "MetricsUnavailable", "Prometheus is away")

    assert Outcome.ERROR in {check.outcome for check in sim.status.checks}
    assert "hunter2" not in repr(sim.heard) + repr(sim.store.scan(METRIC_TEMPLATES, None)) + repr(sim.status)


def test_an_idle_canary_reads_nothing_however_much_its_templates_name(sim):
    sim.apply(METRIC_TEMPLATES, template(secretRef={"name": SECRET.name}, caRef={"name": AUTHORITY.name}))
    sim.apply(SECRETS, credentials())
    sim.apply(CONFIG_MAPS, content(AUTHORITY, **{"ca.crt": "PEM"}))
    initialised(sim, metrics=[METRIC])
    sim.loop.advance(90)
    before = len(sim.requests())
    sim.loop.advance(1800)

    assert [each.verb for each in asked(sim, before)] == []


def test_where_secrets_are_not_watched_one_is_read_for_each_question_and_never_kept(sim):
    sim.tracking = Scope.TEMPLATE
    sim.apply(METRIC_TEMPLATES, template(secretRef={"name": SECRET.name}))
    sim.apply(SECRETS, credentials())
    releasing(sim)
    sim.until(lambda: len(sim.heard) == 2, seconds=120, what="two questions")
    sim.merge(SECRET, {"data": {"token": "bmV3"}})
    sim.loop.advance(2)
    sim.heard.clear()
    sim.until(lambda: sim.heard, seconds=60, what="another question")

    assert sim.heard[-1].source.secret("token") == "new"
    recovers(sim)


def test_a_secret_that_may_not_be_read_holds_and_says_the_way_out(sim):
    sim.tracking = Scope.TEMPLATE
    forbidden = True

    def refuse(request: Request) -> None:
        if forbidden and (request.verb, request.kind) == ("get", SECRETS):
            raise Denied("get secrets: not allowed")

    sim.before = refuse
    sim.apply(METRIC_TEMPLATES, template(secretRef={"name": SECRET.name}))
    sim.apply(SECRETS, credentials())
    releasing(sim)
    holds(sim, "Secret shop/prometheus cannot be read", "let the controller get secrets")

    forbidden = False
    recovers(sim)


@pytest.mark.parametrize("fates", [KILLS, FAULTS], ids=["killed", "failed"])
def test_what_happens_at_any_call_changes_nothing_of_the_end(fates, record_simulation):
    expected = undisturbed("templated")
    chosen = points("templated", expected, fates)[::6]
    failures = survive("templated", chosen, expected)
    record_simulation(f"{len(chosen) - len(failures)} of {len(chosen)} calls survived (templated)")
    assert not failures, f"{len(failures)} ended otherwise; the first:\n{failures[0]}"
