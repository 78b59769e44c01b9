"""The rules for names, labels and keys (RFC 1035, RFC 1123, Kubernetes' qualified names) and how servers state them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from delivery.cluster.memory.rejections import Cause
from delivery.sandbox.schemas.complaints import invalid, required

Rule = Callable[[str], list[str]]
"""What is wrong with a text."""

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"
_ENV = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_KEY = "[-._a-zA-Z0-9]+"
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion", "customresourcecleanup.apiextensions.k8s.io")


def _matching(pattern: str, limit: int, rule: str, *examples: str) -> Rule:
    """A rule by expression and length, with the examples that servers give."""
    compiled = re.compile(pattern)
    shown = ",  or ".join(f"'{example}'" for example in examples)
    failure = f"{rule} (e.g. {shown}, regex used for validation is '{pattern}')"

    def check(text: str) -> list[str]:
        problems = [f"must be no more than {limit} characters"] if len(text) > limit else []
        return problems if compiled.fullmatch(text) else [*problems, failure]

    return check


_ENDS = "and must start and end with an alphanumeric character"
dns_subdomain = _matching(
    _SUBDOMAIN,
    253,
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS}",
    "example.com",
)
dns_label = _matching(
    _LABEL,
    63,
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS}",
    "my-name",
    "123-abc",
)
dns_1035_label = _matching(
    _DNS_1035,
    63,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character",
    "my-name",
    "abc-123",
)
label_value = _matching(
    _VALUE,
    63,
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', " + _ENDS,
    "MyValue",
    "my_value",
    "12345",
)
env_name = _matching(
    _ENV,
    2**31,
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', "
    "and must not start with a digit",
    "my.env-name",
    "MY_ENV.NAME",
    "MyEnvName1",
)
_CHARACTERS = "must consist of alphanumeric characters, '-', '_' or '.', " + _ENDS
_name_part = _matching(_QUALIFIED, 63, f"name part {_CHARACTERS}", "MyName", "my.name", "123-abc")
_too_many_parts = _matching(_QUALIFIED, 2**31, f"a qualified name {_CHARACTERS}", "MyName", "my.name", "123-abc")
_config_key = _matching(
    _KEY,
    253,
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    "key.name",
    "KEY_NAME",
    "key-name",
)


def config_key(text: str) -> list[str]:
    """The keys of ConfigMaps and Secrets."""
    return [f"must not be '{text}'"] if text in (".", "..") else _config_key(text)


def path_segment(text: str) -> list[str]:
    """The names of roles and bindings, which may hold colons."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{each}'" for each in "/%" if each in text]


def qualified_name(text: str) -> list[str]:
    """Keys of labels and annotations: a name, with a domain and a slash before it or without."""
    parts = text.split("/")
    if len(parts) > 2:
        optional = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [_too_many_parts("/")[0] + optional]
    problems = []
    if len(parts) == 2:
        problems = [f"prefix part {problem}" for problem in dns_subdomain(parts[0])] if parts[0] else [
            "prefix part must be non-empty"
        ]  # fmt: skip
    if not parts[-1]:
        problems.append("name part must be non-empty")
    return problems + _name_part(parts[-1])


def port_name(text: str) -> list[str]:
    """Names of container ports (IANA service names, RFC 6335)."""
    problems = ["must be no more than 15 characters"] if len(text) > 15 else []
    if not re.fullmatch("[-a-z0-9]+", text):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        problems.append("must contain at least one letter or number (a-z, 0-9)")
    if "--" in text:
        problems.append("must not contain consecutive hyphens")
    if text[:1] == "-" or text[-1:] == "-":
        problems.append("must not begin or end with a hyphen")
    return problems


def port_number(value: Any) -> list[str]:
    """Numbers of ports, 1 to 65535."""
    return [] if isinstance(value, int) and 0 < value < 65536 else ["must be between 1 and 65535, inclusive"]


def named(field: str, text: str, rule: Rule) -> list[Cause]:
    """What a rule says of a text, as causes."""
    return [invalid(field, text, problem) for problem in rule(text)]


def labels(field: str, values: Mapping[str, str] | None) -> Iterator[Cause]:
    """Labels, or a selector made of them."""
    for key, value in (values or {}).items():
        yield from named(field, key, qualified_name)
        yield from named(field, value, label_value)


def metadata(meta: Mapping[str, Any], rule: Rule) -> Iterator[Cause]:
    """The metadata of an object, whose name has to follow `rule`."""
    if not meta.get("name"):
        yield required("metadata.name", "name or generateName is required")
    else:
        yield from named("metadata.name", meta["name"], rule)
    if prefix := meta.get("generateName"):
        yield from named("metadata.generateName", prefix.removesuffix("-") or "-", rule)
    yield from labels("metadata.labels", meta.get("labels"))
    for key in meta.get("annotations") or ():
        yield from named("metadata.annotations", key.lower(), qualified_name)
    if sum(len(k.encode()) + len(v.encode()) for k, v in (meta.get("annotations") or {}).items()) > 256 * 1024:
        yield Cause("metadata.annotations", "Too long: must have at most 262144 bytes", "FieldValueTooLong")
    for owner in meta.get("ownerReferences") or ():
        for member in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(member):
                what = "version" if member == "apiVersion" else member
                yield invalid(f"metadata.ownerReferences.{member}", "", f"{what} must not be empty")
    for number, finalizer in enumerate(meta.get("finalizers") or ()):
        field = f"metadata.finalizers[{number}]"
        yield from named(field, finalizer, qualified_name)
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            yield invalid(field, finalizer, "name is neither a standard finalizer name nor is it fully qualified")
