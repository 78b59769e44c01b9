"""Bodies in protobuf: read field by field, and refused where anything would get lost."""

import pytest

from delivery.cluster.errors import Invalid
from delivery.sandbox.server.protobuf import decode


def varint(value: int) -> bytes:
    """A number as protobuf writes it; negative ones as 64 bits."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field: a number, or a text, or the bytes of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def envelope(kind: str, *fields: bytes, version: str = "v1") -> bytes:
    return b"k8s\x00" + field(1, field(1, version) + field(2, kind)) + field(2, b"".join(fields))


def test_an_object_is_read_with_its_maps_lists_and_numbers() -> None:
    entry = field(1, "app") + field(2, "web")
    meta = field(1, "web") + field(3, "") + field(11, entry)
    port = field(1, "http") + field(3, 80) + field(4, field(1, 0) + field(2, 8080) + field(3, ""))
    service = envelope("Service", field(1, meta), field(2, field(1, port) + field(2, entry)))

    assert decode(service) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}], "selector": {"app": "web"}},
    }


def test_a_zero_counts_where_it_was_set() -> None:
    spec = field(1, 0) + field(5, 0) + field(7, 0)

    assert decode(envelope("Deployment", field(2, spec), version="apps/v1"))["spec"] == {"replicas": 0}


def test_bytes_become_base64_and_times_text() -> None:
    created = field(8, field(1, 1_767_225_600) + field(2, 0))
    body = decode(
        envelope("Secret", field(1, field(1, "s") + created), field(2, field(1, "k") + field(2, b"\xff\x00")))
    )

    assert body["data"] == {"k": "/wA="}
    assert body["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"


def test_negative_numbers_are_read() -> None:
    port = field(3, -1)

    assert decode(envelope("Service", field(2, field(1, port))))["spec"]["ports"] == [{"port": -1}]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"{}", "magic number"),
        (envelope("Lamp"), "a Lamp can't be read as protobuf here"),
        (envelope("ConfigMap", field(99, "x")), "field 99 of ConfigMap can't be read"),
        (envelope("Deployment", field(2, field(3, field(2, field(14, field(1, "x")))))), "field 14 of PodSpec"),
        (envelope("ConfigMap", b"\x0a\x7f"), "ends within ConfigMap"),
        (envelope("ConfigMap", b"\x80"), "ends within a number"),
        (envelope("ConfigMap", b"\x0b"), "wire type 3"),
        (envelope("Service", field(2, field(1, field(3, "x")))), "a number is needed"),
        (envelope("ConfigMap", field(1, field(1, b"\xff"))), "no UTF-8"),
    ],
)
def test_what_can_not_be_read_is_refused_and_named(raw: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        decode(raw)


def test_a_field_that_is_not_known_and_not_set_is_no_matter() -> None:
    assert decode(envelope("ConfigMap", field(1, field(1, "a")), field(99, 0)))["metadata"] == {"name": "a"}
