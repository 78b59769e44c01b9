"""The simulated world around the API server: workloads roll, ReplicaSets keep pods, kubelets run them.

It lives in the instance "world", so neither a pause nor a kill of a controller stops it, and it acts on the store
directly: its own API requests are not what is being tested.
"""

from delivery.cluster.memory.autoscalers import Autoscalers, Load
from delivery.cluster.memory.behaviours import Behaviour
from delivery.cluster.memory.controlling import Context, Seconds, controller_of
from delivery.cluster.memory.daemonsets import DaemonSets
from delivery.cluster.memory.defaulting import default_builtins
from delivery.cluster.memory.deployments import Deployments
from delivery.cluster.memory.injection import inject
from delivery.cluster.memory.kubelet import Kubelet
from delivery.cluster.memory.namespaces import NamespaceLifecycle, Namespaces
from delivery.cluster.memory.nodes import Nodes
from delivery.cluster.memory.recording import Recorder
from delivery.cluster.memory.replicasets import ReplicaSets
from delivery.cluster.memory.resources import AUTOSCALERS, NAMESPACES
from delivery.cluster.memory.scaled_objects import ScaledObjects
from delivery.cluster.memory.service_addresses import ServiceAddresses
from delivery.cluster.memory.store import Store
from delivery.cluster.memory.timekeeping import Schedule, VirtualSchedule
from delivery.cluster.memory.virtual import VirtualLoop
from delivery.cluster.memory.watching import Happened
from delivery.cluster.objects import DAEMON_SETS, DEPLOYMENTS, PODS, REPLICA_SETS, SCALED_OBJECTS, Object, Ref


class World:
    """Deployments, ReplicaSets, DaemonSets and pods that do what the real ones do, in virtual or in real time.

    `delay` is how late each controller is, in seconds; `ready_seconds` how long a healthy pod takes to become Ready
    unless its annotation says (behaviours.py); `terminate_seconds` how long a deleted pod lives on at the most.
    With `events`, the controllers write Events as the real ones do. With `cluster`, there is more of a cluster:
    namespaces that live and die and hold what is in them, and addresses for Services. `load` gives the requests per
    second that a pod answers; with it, autoscalers work, KEDA's too where their kind is served.
    """

    def __init__(
        self,
        store: Store,
        time: VirtualLoop | Schedule,
        *,
        delay: Seconds = (0.01, 0.2),
        ready_seconds: float = 1.0,
        terminate_seconds: float = 2.0,
        events: bool = False,
        cluster: bool = False,
        load: Load | None = None,
    ) -> None:
        schedule = VirtualSchedule(time) if isinstance(time, VirtualLoop) else time
        self._store = store
        self._context = Context(store, schedule, delay=delay, rng=schedule.random("world"))
        if events:
            self._context.recorder = self._recorder(store, schedule)
        self._kubelet = Kubelet(self._context, ready_seconds=ready_seconds, terminate_seconds=terminate_seconds)
        self._context.handle(DEPLOYMENTS, Deployments(self._context).sync)
        self._context.handle(REPLICA_SETS, ReplicaSets(self._context).sync)
        self._context.handle(PODS, self._kubelet.sync)
        self.nodes = Nodes(self._look_at_daemon_sets)
        self._context.handle(DAEMON_SETS, DaemonSets(self._context, self.nodes).sync)
        store.admission += [default_builtins, inject]
        store.observers.append(self._note)
        if load is not None:
            self._context.handle(AUTOSCALERS, Autoscalers(self._context, load).sync)
            self._context.handle(SCALED_OBJECTS, ScaledObjects(self._context).sync)
        if cluster:
            self._make_cluster(store)
        for kind in (DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS, PODS, NAMESPACES, AUTOSCALERS, SCALED_OBJECTS):
            for body in store.scan(kind):
                self._context.enqueue(Ref.of(kind, body))

    def break_pods(self, selector: str, behaviour: str, *, namespace: str | None = None) -> None:
        """Pods with these labels, now and later, behave so: healthy, never-ready, crash-loop, image-pull, oom."""
        self._kubelet.impose(selector, Behaviour.parse(behaviour, "behaviour"), namespace)

    def heal_pods(self, selector: str, *, namespace: str | None = None) -> None:
        """Pods with these labels are healthy from now on, whatever their annotation says."""
        self._kubelet.impose(selector, Behaviour.HEALTHY, namespace)

    def warn(self, ref: Ref, reason: str, message: str, *, source: str) -> None:
        """A Warning on an object by another part of the cluster, if the object is there and Events are wanted."""
        body = self._store.peek(ref)
        if body is not None:
            self._context.tell(body, reason, message, source=source, warning=True)

    def _look_at_daemon_sets(self) -> None:
        for body in self._store.scan(DAEMON_SETS):
            self._context.enqueue(Ref.of(DAEMON_SETS, body))

    def _make_cluster(self, store: Store) -> None:
        namespaces = Namespaces(self._context)
        self._context.handle(NAMESPACES, namespaces.sync)
        store.admission.extend([NamespaceLifecycle(store), ServiceAddresses(store)])
        store.observers.append(namespaces.note)
        namespaces.install()

    def _recorder(self, store: Store, schedule: Schedule) -> Recorder:
        return Recorder(store, now=schedule.now, later=schedule.call_later, rng=schedule.random("events"))

    def _note(self, event: Happened) -> None:
        """Take note of a write: whoever has to do with the object looks at it soon."""
        self._context.enqueue(event.ref)
        owner = self._owner(event.ref, event.object)
        if owner is None:
            return
        self._context.enqueue(owner)
        body = self._store.peek(owner)
        above = self._owner(owner, body) if body is not None else None
        if above is not None:
            self._context.enqueue(above)

    def _owner(self, ref: Ref, body: Object) -> Ref | None:
        """The object that controls this one, if it is one of ours."""
        reference = controller_of(body)
        kinds = {kind.kind: kind for kind in (DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS)}
        if reference.get("kind") not in kinds:
            return None
        return Ref(kinds[reference["kind"]], ref.namespace, reference["name"])
