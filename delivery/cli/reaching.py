"""How a command reaches the cluster: which one, which namespace, and what to say when it cannot.

Everything heavy is imported when a connection is made, so that help stays fast. What goes wrong is said in the words
of the person who typed: no cluster, another context, no permission (verb and resource), a name that does not exist.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

import click

from delivery.cluster.errors import ClusterError, Conflict, Denied, Expired, Gone, Unavailable
from delivery.cluster.objects import CANARIES, GROUP, Kind, Object, Op, Ref

if TYPE_CHECKING:
    from delivery.cluster.kubernetes.contexts import Context
    from delivery.cluster.protocols import Api, Listing, WatchEvent

Found = TypeVar("Found")

FIELD_MANAGER = "delivery"
"""How managedFields name what a command has written, which tells it from the controller's own writes."""

AGAIN_SECONDS = 1.0
"""Pause before a broken watch is begun anew."""


class ReachError(click.ClickException):
    """A command could not do what was asked; the text is one sentence for the person who typed it. Exit code 1."""


class DeniedError(ReachError):
    """The user may not do that; the text names the verb and the resource."""


class UnreachableError(ReachError):
    """The cluster does not answer, or not now."""


class MissingError(ReachError):
    """An object, or its whole kind, is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What the options say: which kubeconfig, context and namespace. None is whatever kubectl would take.

    `everywhere`: all namespaces.
    """

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    everywhere: bool = False


def reaching(command: Callable[..., Any] | None = None, *, everywhere: bool = False) -> Callable[..., Any]:
    """Give a command the options --kubeconfig, --context and --namespace, and the argument `where` that they make.

    With `everywhere` it has -A, too. Use it below `click.command`, as `@reaching` or `@reaching(everywhere=True)`.
    """
    if command is None:
        return functools.partial(reaching, everywhere=everywhere)
    inner = command

    @functools.wraps(inner)
    def with_where(**given: Any) -> Any:
        if given.get("all_namespaces") and given["namespace"] is not None:
            raise click.UsageError("given both of -n and -A, allowed one of them")
        where = Where(
            kubeconfig=given.pop("kubeconfig"),
            context=given.pop("context"),
            namespace=given.pop("namespace"),
            everywhere=given.pop("all_namespaces", False),
        )
        return inner(where=where, **given)

    options = [
        click.option("-n", "--namespace", metavar="NAME", help="Namespace; by default that of the context."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig; by default its current one."),
        click.option("--kubeconfig", metavar="FILE", help="Kubeconfig; by default $KUBECONFIG, else ~/.kube/config."),
    ]
    if everywhere:
        options.insert(1, click.option("-A", "--all-namespaces", is_flag=True, help="In all namespaces."))
    return functools.reduce(lambda made, option: option(made), reversed(options), with_where)


def reach(where: Where, action: Callable[["Cluster"], Awaitable[Found]]) -> Found:
    """Connect, do it, and end the connection. Raises ReachError, or click's Abort on Ctrl-C."""

    async def connected() -> Found:
        async with connect(where) as cluster:
            return await action(cluster)

    try:
        return asyncio.run(connected())
    except KeyboardInterrupt:
        raise click.Abort from None


@asynccontextmanager
async def connect(where: Where) -> AsyncIterator["Cluster"]:
    """The cluster that the options mean. Nothing is sent yet; ReachError if there is nothing to connect with."""
    import delivery
    from delivery.cluster.kubernetes import KubernetesApi
    from delivery.cluster.kubernetes.contexts import find_context

    async with AsyncExitStack() as stack:
        try:
            context = find_context(where.kubeconfig, where.context)
            agent = f"{FIELD_MANAGER}/{delivery.__version__}"
            connecting = KubernetesApi.connect(context.kubeconfig, context=context.name or None, user_agent=agent)
            api = await stack.enter_async_context(connecting)
        except ValueError as error:
            raise ReachError(str(error)) from error
        yield Cluster(api, where, context, server=api.server)


class Cluster:
    """A cluster as one person sees it. Every method raises ReachError, nothing else of ours.

    `namespace` is where names are looked for; None with -A, when lists are of all namespaces.
    """

    def __init__(self, api: "Api", where: Where, context: "Context", *, server: str) -> None:
        self.api = api
        self.context = context
        self.namespace: str | None = None if where.everywhere else where.namespace or context.namespace
        self._server = server

    async def get(self, kind: Kind, name: str, *, namespace: str | None = None) -> Object:
        """One object; MissingError if there is none."""
        ref = self._ref(kind, name, namespace)
        with self._explained("get", kind, ref.namespace):
            return await self.api.get(ref)

    async def find(self, kind: Kind, name: str, *, namespace: str | None = None) -> Object | None:
        """One object, or None if it, or its kind, is not there."""
        try:
            return await self.get(kind, name, namespace=namespace)
        except MissingError:
            return None

    async def list(self, kind: Kind, *, selector: str = "", namespace: str | None = None) -> list[Object]:
        """All objects of a kind that the label selector takes, sorted by namespace and name.

        MissingError if the cluster has no such kind.
        """
        place = namespace or self.namespace
        with self._explained("list", kind, place):
            found = await self.api.list(kind, place, label_selector=selector)
        return sorted(found.items, key=_place)

    async def create(self, kind: Kind, body: Object, *, namespace: str | None = None) -> Object:
        """Create an object under its metadata.name; the answer is what was stored."""
        ref = self._ref(kind, body["metadata"]["name"], namespace or body["metadata"].get("namespace"))
        with self._explained("create", kind, ref.namespace):
            return await self.api.create(ref, body)

    async def patch(self, ref: Ref, ops: Sequence[Op]) -> Object:
        """JSON patch. delivery.cluster.errors.Conflict when a test in it fails: read it and decide again."""
        with self._explained("patch", ref.kind, ref.namespace):
            return await self.api.patch(ref, ops)

    async def delete(self, ref: Ref) -> None:
        """Delete an object; one that has gone already is gone."""
        with self._explained("delete", ref.kind, ref.namespace), suppress(Gone):
            await self.api.delete(ref)

    async def watch(self, kind: Kind, *, namespace: str | None = None) -> AsyncIterator["WatchEvent"]:
        """What there is, as ADDED, then what changes, for as long as somebody asks; a broken watch begins anew.

        After an interruption everything that there is comes again, as ADDED, and what was deleted meanwhile as DELETED.
        """
        from delivery.cluster.protocols import WatchEvent

        place = namespace or self.namespace
        found, known = await self._listing(kind, place), dict[tuple[str, str], Object]()
        while True:
            there = {_place(body): body for body in found.items}
            for lost in [known[each] for each in known if each not in there]:
                yield WatchEvent("DELETED", lost)
            known = there
            for body in found.items:
                yield WatchEvent("ADDED", body)
            async for event in self._changes(kind, place, found.resource_version):
                known[_place(event.object)] = event.object
                if event.type == "DELETED":
                    del known[_place(event.object)]
                yield event
            while True:
                await asyncio.sleep(AGAIN_SECONDS)
                with suppress(UnreachableError):
                    found = await self._listing(kind, place)
                    break

    async def _listing(self, kind: Kind, place: str | None) -> "Listing":
        with self._explained("list", kind, place):
            return await self.api.list(kind, place)

    async def _changes(self, kind: Kind, place: str | None, version: str) -> AsyncIterator["WatchEvent"]:
        """Events after a version, until the stream breaks or the server has forgotten the version."""
        while True:
            try:
                async for event in self.api.watch(kind, place, resource_version=version):
                    version = event.object["metadata"]["resourceVersion"]
                    if event.type != "BOOKMARK":
                        yield event
            except (Expired, Unavailable):
                return
            except ClusterError as error:
                raise self._in_words(error, "watch", kind, place) from error

    async def canary(self, name: str) -> Object:
        """A Canary by its name; of one that does not exist the text says which names are near."""
        ref = self._ref(CANARIES, name, None)
        found = await self.find(CANARIES, name)
        if found is not None:
            return found
        there = [_place(body)[1] for body in await self.list(CANARIES, namespace=ref.namespace)]
        raise MissingError(f"there is no Canary {name!r} in namespace {ref.namespace}{_near(name, there)}")

    def _ref(self, kind: Kind, name: str, namespace: str | None) -> Ref:
        if not kind.namespaced:
            return Ref(kind, "", name)
        place = namespace or self.namespace
        if place is None:
            raise click.UsageError("a name belongs to one namespace, which -A does not tell; give -n")
        return Ref(kind, place, name)

    @contextmanager
    def _explained(self, verb: str, kind: Kind, namespace: str | None) -> Iterator[None]:
        try:
            yield
        except Conflict:
            raise
        except ClusterError as error:
            raise self._in_words(error, verb, kind, namespace) from error

    def _in_words(self, error: ClusterError, verb: str, kind: Kind, namespace: str | None) -> ReachError:
        """What happened, in the words of the person who typed, and the way out."""
        place = f" in namespace {namespace}" if namespace else " in all namespaces" if kind.namespaced else ""
        what = f"{verb} {kind.plural}{'.' if kind.group else ''}{kind.group}{place}"
        context = self.context.name or "of the Pod"
        if isinstance(error, Denied):
            return DeniedError(f"no permission to {what} (context {context}): {error}")
        if isinstance(error, Gone) and verb == "list":
            return MissingError(f"{error}; the cluster of context {context} does not know {kind.plural}{_crds(kind)}")
        if isinstance(error, Gone):
            return MissingError(str(error))
        if isinstance(error, Unavailable):
            return UnreachableError(
                f"no answer from the cluster at {self._server} (context {context}); is it the right one? {error}"
            )
        return ReachError(f"cannot {what}: {error}")


def _crds(kind: Kind) -> str:
    return ": install the CRDs (delivery crds | kubectl apply -f -)" if kind.group == GROUP else ""


def _place(body: Object) -> tuple[str, str]:
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _near(name: str, there: Sequence[str]) -> str:
    """Which names could have been meant."""
    if not there:
        return ", nor any other; -n names another namespace"
    near = get_close_matches(name, there, n=3)
    return f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(there[:10])}"
