"""--config-tracking: what revisions are made of, by flag and by environment."""

import pytest

from delivery.controller.application import SCOPES
from delivery.controller.settings import TRACKING, Settings, SettingsError
from delivery.workloads.revision import Scope


def test_every_value_has_its_scope_and_both_kinds_are_tracked_unless_told_otherwise():
    assert Settings.parse({}).config_tracking == "true"
    assert {each: SCOPES[Settings.parse({"config_tracking": each}).config_tracking] for each in TRACKING} == {
        "true": Scope.CONFIGS,
        "configmaps": Scope.CONFIG_MAPS,
        "false": Scope.TEMPLATE,
    }


def test_a_wrong_value_is_named_with_what_is_allowed():
    words = r"--config-tracking: 'secrets' given, allowed: true \| configmaps \| false"
    with pytest.raises(SettingsError, match=words):
        Settings.parse({"config_tracking": "secrets"})
