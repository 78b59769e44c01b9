"""Every place in which a pod template can name a ConfigMap or a Secret, there and back."""

import copy

import pytest

from delivery.cluster.objects import CONFIG_MAPS, SECRETS
from delivery.workloads.configs.references import Config, references, renamed


def container(number):
    return {
        "name": f"c{number}",
        "envFrom": [
            {"configMapRef": {"name": f"from-map-{number}"}},
            {"prefix": "X_", "secretRef": {"name": f"from-secret-{number}", "optional": True}},
        ],
        "env": [
            {"name": "PLAIN", "value": "settings"},
            {"name": "FIELD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "M", "valueFrom": {"configMapKeyRef": {"name": f"key-map-{number}", "key": "a"}}},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": f"key-secret-{number}", "key": "a"}}},
        ],
    }


TEMPLATE = {
    "metadata": {"labels": {"app": "reviews"}},
    "spec": {
        "containers": [container(1)],
        "initContainers": [container(2)],
        "ephemeralContainers": [container(3)],
        "imagePullSecrets": [{"name": "pull"}],
        "serviceAccountName": "robot",
        "volumes": [
            {"name": "a", "configMap": {"name": "volume-map", "items": [{"key": "a", "path": "b"}]}},
            {"name": "b", "secret": {"secretName": "volume-secret", "optional": True}},
            {
                "name": "c",
                "projected": {
                    "sources": [
                        {"configMap": {"name": "projected-map"}},
                        {"secret": {"name": "projected-secret"}},
                        {"serviceAccountToken": {"path": "token"}},
                        {"configMap": {"name": "kube-root-ca.crt"}},
                    ]
                },
            },
            {"name": "d", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "csi"}}},
            {"name": "e", "azureFile": {"secretName": "azure", "shareName": "s"}},
            {"name": "f", "emptyDir": {}},
        ],
    },
}

MAPS = ["from-map-1", "from-map-2", "from-map-3", "key-map-1", "key-map-2", "key-map-3", "projected-map", "volume-map"]
OPTIONAL = ["from-secret-1", "from-secret-2", "from-secret-3", "volume-secret"]
SECRET = ["key-secret-1", "key-secret-2", "key-secret-3", "projected-secret"]


def test_every_place_is_followed_and_no_other():
    found = references(TEMPLATE)
    assert [config.name for config in found if config.kind == CONFIG_MAPS] == MAPS
    assert sorted(config.name for config in found if config.kind == SECRETS) == sorted(SECRET + OPTIONAL)
    assert sorted(config.name for config, optional in found.items() if optional) == OPTIONAL


def test_what_is_mandatory_anywhere_is_mandatory():
    source = {"name": "a", "secret": {"secretName": "from-secret-1"}}
    pod = {**TEMPLATE["spec"], "volumes": [source]}
    assert references({"spec": pod})[Config(SECRETS, "from-secret-1")] is False
    pod = {**pod, "containers": list(reversed([container(1), *pod["containers"]]))}
    assert references({"spec": pod})[Config(SECRETS, "from-secret-1")] is False


def test_names_are_put_everywhere_and_taken_back_and_what_was_given_stays():
    before = copy.deepcopy(TEMPLATE)
    names = {config: f"{config.name}-primary-0" for config in references(TEMPLATE)}
    changed = renamed(TEMPLATE, names)
    assert before == TEMPLATE
    assert {config.name for config in references(changed)} == set(names.values())
    assert not any(config.name == "kube-root-ca.crt" for config in references(changed))
    back = {Config(config.kind, name): config.name for config, name in names.items()}
    assert renamed(changed, back) == TEMPLATE


def test_a_map_and_a_secret_of_one_name_are_two():
    pod = {"volumes": [{"configMap": {"name": "x"}}, {"secret": {"secretName": "x"}}]}
    changed = renamed({"spec": pod}, {Config(SECRETS, "x"): "y"})
    assert changed["spec"]["volumes"] == [{"configMap": {"name": "x"}}, {"secret": {"secretName": "y"}}]


@pytest.mark.parametrize(
    "pod",
    [
        {},
        {"volumes": None, "containers": None},
        {"volumes": [{"configMap": None}, {"projected": {"sources": None}}, {"configMap": {"name": ""}}]},
        {"containers": [{"env": None, "envFrom": None}]},
        {"containers": [{"env": [{"valueFrom": None}], "envFrom": [{"configMapRef": {}}]}]},
    ],
)
def test_a_template_without_any_names_none(pod):
    assert references({"spec": pod}) == {}
    assert references({}) == {}


def test_a_config_is_written_and_read_the_same():
    for config in references(TEMPLATE):
        assert Config.parse(str(config)) == config
    assert [Config.parse(text) for text in ("", "x", "ConfigMap/", "Pod/x", "/x")] == [None] * 5
