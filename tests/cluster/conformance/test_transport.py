"""What is promised in delivery.cluster.protocols.Api, kept on the sandbox too: the same tests on another server."""

import os
from collections.abc import AsyncIterator

import pytest

from delivery.cluster.kubernetes import KubernetesApi
from tests.cluster.conformance.asking import Server
from tests.cluster.conftest import skip
from tests.cluster.test_transport import (  # noqa: F401 - collected here, where the fixtures below stand for those there
    test_a_custom_resource_against_its_schema_is_invalid,
    test_a_long_list_is_read_in_pages,
    test_a_patch_decided_on_something_else_is_a_conflict_and_changes_nothing,
    test_a_reference_without_a_name_never_means_all_objects,
    test_a_status_is_patched_apart_from_the_spec,
    test_a_watch_tells_what_happens_then_a_bookmark_and_ends,
    test_an_object_is_created_read_patched_and_deleted,
    test_content_that_the_server_refuses_is_invalid_and_names_the_field,
    test_creating_what_exists_is_a_conflict,
    test_nothing_is_created_in_a_namespace_that_is_being_deleted,
    test_our_writes_carry_our_name_as_field_manager,
    test_the_server_says_which_kinds_it_has,
    test_what_is_not_there_is_gone,
)


@pytest.fixture
async def api(sandbox: Server) -> AsyncIterator[KubernetesApi]:
    async with KubernetesApi.connect(str(sandbox.tool.kubeconfig)) as connected:
        yield connected


@pytest.fixture
def namespace(sandbox: Server) -> str:
    return sandbox.namespace


@pytest.fixture
def crds() -> None:
    """The sandbox has them, if there is a file that says what they are."""
    if not os.environ.get("ISTIO_CRDS"):
        skip("ISTIO_CRDS is not set: there are no definitions of Istio's kinds")
