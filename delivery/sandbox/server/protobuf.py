"""Objects that clients in Go send as protobuf: recent kubectl does so in `create` and `auth`, and has no other form.

The envelope is four bytes of magic and a message that names the kind. The messages of the kinds that kubectl creates
stand below, field numbers by name, as Kubernetes publishes them. A field that is not there is refused by its number
(unless it holds a zero, as every field that was not set does): nothing that was sent gets lost in silence.
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\x00"
_ENVELOPE, _TYPE, _RAW = "Envelope", 1, 2
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}

# number:name:type; [] a list, {} a map of strings, ! a pointer (its zero counts, for it was set), - not read: a status
# in what a client creates is the server's to write
_MESSAGES = """
ObjectMeta 1:name 2:generateName 3:namespace 5:uid 6:resourceVersion 7:generation:int 8:creationTimestamp:Time
  11:labels:{} 12:annotations:{} 13:ownerReferences:[]OwnerReference 14:finalizers:[]
OwnerReference 1:kind 3:name 4:uid 5:apiVersion 6:controller:bool! 7:blockOwnerDeletion:bool!
ConfigMap 1:metadata:ObjectMeta 2:data:{} 3:binaryData:{}bytes 4:immutable:bool!
Secret 1:metadata:ObjectMeta 2:data:{}bytes 3:type 4:stringData:{} 5:immutable:bool!
Namespace 1:metadata:ObjectMeta 2:spec:NamespaceSpec 3:status:-
NamespaceSpec 1:finalizers:[]
ServiceAccount 1:metadata:ObjectMeta 2:secrets:[]ObjectReference 3:imagePullSecrets:[]LocalReference
  4:automountServiceAccountToken:bool!
ObjectReference 1:kind 2:namespace 3:name 4:uid 5:apiVersion 6:resourceVersion 7:fieldPath
LocalReference 1:name
Service 1:metadata:ObjectMeta 2:spec:ServiceSpec 3:status:-
ServiceSpec 1:ports:[]ServicePort 2:selector:{} 3:clusterIP 4:type 5:externalIPs:[] 7:sessionAffinity 8:loadBalancerIP
  10:externalName 11:externalTrafficPolicy 18:clusterIPs:[] 19:ipFamilies:[]
ServicePort 1:name 2:protocol 3:port:int 4:targetPort:IntOrString 5:nodePort:int 6:appProtocol
Deployment 1:metadata:ObjectMeta 2:spec:DeploymentSpec 3:status:-
DeploymentSpec 1:replicas:int! 2:selector:LabelSelector 3:template:PodTemplateSpec 4:strategy:DeploymentStrategy
  5:minReadySeconds:int 6:revisionHistoryLimit:int! 7:paused:bool 9:progressDeadlineSeconds:int!
DeploymentStrategy 1:type 2:rollingUpdate:RollingUpdate
RollingUpdate 1:maxUnavailable:IntOrString 2:maxSurge:IntOrString
LabelSelector 1:matchLabels:{} 2:matchExpressions:[]Requirement
Requirement 1:key 2:operator 3:values:[]
PodTemplateSpec 1:metadata:ObjectMeta 2:spec:PodSpec
Pod 1:metadata:ObjectMeta 2:spec:PodSpec 3:status:-
PodSpec 2:containers:[]Container 3:restartPolicy 4:terminationGracePeriodSeconds:int! 6:dnsPolicy 7:nodeSelector:{}
  8:serviceAccountName 9:serviceAccount 10:nodeName 19:schedulerName 20:initContainers:[]Container
Container 1:name 2:image 3:command:[] 4:args:[] 5:workingDir 6:ports:[]ContainerPort 7:env:[]EnvVar
  8:resources:Resources 13:terminationMessagePath 14:imagePullPolicy 16:stdin:bool 18:tty:bool
  20:terminationMessagePolicy
ContainerPort 1:name 2:hostPort:int 3:containerPort:int 4:protocol 5:hostIP
EnvVar 1:name 2:value
Resources 1:limits:{}Quantity 2:requests:{}Quantity
Role 1:metadata:ObjectMeta 2:rules:[]PolicyRule
ClusterRole 1:metadata:ObjectMeta 2:rules:[]PolicyRule
PolicyRule 1:verbs:[] 2:apiGroups:[] 3:resources:[] 4:resourceNames:[] 5:nonResourceURLs:[]
RoleBinding 1:metadata:ObjectMeta 2:subjects:[]Subject 3:roleRef:RoleRef
ClusterRoleBinding 1:metadata:ObjectMeta 2:subjects:[]Subject 3:roleRef:RoleRef
Subject 1:kind 2:apiGroup 3:name 4:namespace
RoleRef 1:apiGroup 2:kind 3:name
HorizontalPodAutoscaler 1:metadata:ObjectMeta 2:spec:AutoscalerSpec 3:status:-
AutoscalerSpec 1:scaleTargetRef:ScaleTarget 2:minReplicas:int! 3:maxReplicas:int 4:metrics:[]MetricSpec
ScaleTarget 1:kind 2:name 3:apiVersion
MetricSpec 1:type 4:resource:ResourceMetric
ResourceMetric 1:name 2:target:MetricTarget
MetricTarget 1:type 2:value:Quantity 3:averageValue:Quantity 4:averageUtilization:int!
SelfSubjectAccessReview 1:metadata:ObjectMeta 2:spec:AccessSpec 3:status:-
SubjectAccessReview 1:metadata:ObjectMeta 2:spec:AccessSpec 3:status:-
LocalSubjectAccessReview 1:metadata:ObjectMeta 2:spec:AccessSpec 3:status:-
AccessSpec 1:resourceAttributes:ResourceAttributes 2:nonResourceAttributes:NonResourceAttributes 3:user 4:groups:[]
  6:uid
ResourceAttributes 1:namespace 2:verb 3:group 4:version 5:resource 6:subresource 7:name
NonResourceAttributes 1:path 2:verb
SelfSubjectRulesReview 1:metadata:ObjectMeta 2:spec:RulesSpec 3:status:-
RulesSpec 1:namespace
SelfSubjectReview 1:metadata:ObjectMeta 2:status:-
DeleteOptions 1:gracePeriodSeconds:int! 2:preconditions:Preconditions 3:orphanDependents:bool! 4:propagationPolicy
  5:dryRun:[]
Preconditions 1:uid 2:resourceVersion
IntOrString 1:type:int 2:number:int 3:text
Quantity 1:text
Time 1:seconds:int 2:nanos:int
"""

_Field = tuple[str, str]


def decode(raw: bytes) -> dict[str, Any]:
    """The object in an envelope, as JSON; BadRequestError if it can't be read, naming what can't."""
    if not raw.startswith(_MAGIC):
        raise BadRequestError("the request body is no Kubernetes protobuf: it does not begin with its magic number")
    envelope = dict(_fields(raw[len(_MAGIC) :], _ENVELOPE))
    named = {number: value.decode() for number, value in _fields(_bytes(envelope.get(_TYPE, b"")), _ENVELOPE)}
    version, kind = named.get(1, ""), named.get(2, "")
    if kind not in _messages():
        raise BadRequestError(f"a {kind or 'nameless kind'} can't be read as protobuf here: {_ADVICE}")
    return {"apiVersion": version, "kind": kind, **_message(_bytes(envelope.get(_RAW, b"")), kind)}


_ADVICE = "send JSON or YAML (kubectl create with --dry-run=client -o yaml, piped to kubectl apply -f -)"


@cache
def _messages() -> dict[str, dict[int, _Field]]:
    """Each message's fields by number: their name and type."""
    found: dict[str, dict[int, _Field]] = {}
    fields: dict[int, _Field] = {}
    for word in _MESSAGES.split():
        if word[0].isdigit():
            number, name, type_ = [*word.split(":"), "string"][:3]
            fields[int(number)] = (name, type_)
        else:
            fields = found.setdefault(word, {})
    return found


def _message(raw: bytes, name: str) -> dict[str, Any]:
    body: dict[str, Any] = {}
    known = _messages()[name]
    for number, value in _fields(raw, name):
        if number not in known:
            if value and _bytes(value):
                raise BadRequestError(f"field {number} of {name} can't be read as protobuf here: {_ADVICE}")
            continue
        field, type_ = known[number]
        if type_ == "-":
            continue
        if type_.startswith("[]"):
            body.setdefault(field, []).append(_value(value, type_[2:] or "string", name))
        elif type_.startswith("{}"):
            entry = dict(_fields(_bytes(value), name))
            body.setdefault(field, {})[_text(entry.get(1, b""))] = _value(
                entry.get(2, b""), type_[2:] or "string", name
            )
        else:
            one = _value(value, type_.rstrip("!"), name)
            if type_.endswith("!") or one not in ("", 0, False, None, {}):
                body[field] = one
    return body


def _value(value: int | bytes, type_: str, owner: str) -> Any:
    match type_:
        case "string":
            return _text(value)
        case "bytes":
            return base64.b64encode(_bytes(value)).decode()
        case "int" | "bool":
            if isinstance(value, bytes):
                raise BadRequestError(f"a number is needed in {owner}, not {value!r:.40}")
            signed = value - (1 << 64) if value >= 1 << 63 else value
            return bool(value) if type_ == "bool" else signed
    inner = _message(_bytes(value), type_)
    if type_ == "IntOrString":
        return inner.get("text", "") if inner.get("type") else inner.get("number", 0)
    if type_ == "Quantity":
        return inner.get("text", "")
    if type_ == "Time":
        return _time(inner)
    return inner


def _time(inner: dict[str, Any]) -> str | None:
    if not inner:
        return None
    return datetime.fromtimestamp(inner.get("seconds", 0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as wrong:
        raise BadRequestError(f"the request body has a text that is no UTF-8: {wrong}") from None


def _bytes(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode() if value else b""


def _fields(raw: bytes, owner: str) -> Iterator[tuple[int, Any]]:
    """The fields of a message in their order: numbers and values, not yet interpreted."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at, owner)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(raw, at, owner)
            yield number, value
            continue
        if wire not in (_LENGTH, *_FIXED):
            raise BadRequestError(f"the request body is no protobuf: wire type {wire} in {owner}")
        size, at = _varint(raw, at, owner) if wire == _LENGTH else (_FIXED[wire], at)
        if at + size > len(raw):
            raise BadRequestError(f"the request body is no protobuf: it ends within {owner}")
        yield number, raw[at : at + size]
        at += size


def _varint(raw: bytes, at: int, owner: str) -> tuple[int, int]:
    value = shift = 0
    while at < len(raw) and shift < 70:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
    raise BadRequestError(f"the request body is no protobuf: it ends within a number of {owner}")
