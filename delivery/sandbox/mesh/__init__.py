"""The mesh of the sandbox: Istio's routing and numbers, with proxies that hear of everything a little late.

See `mesh.Mesh`; how versions behave is said by annotations, see `behaviour`.
"""

from delivery.sandbox.mesh.behaviour import Behaviour
from delivery.sandbox.mesh.errors import MeshConfigError
from delivery.sandbox.mesh.ledger import Fate, Meeting
from delivery.sandbox.mesh.load import Load
from delivery.sandbox.mesh.mesh import Mesh
from delivery.sandbox.mesh.telemetry import Sample

__all__ = ["Behaviour", "Fate", "Load", "Meeting", "Mesh", "MeshConfigError", "Sample"]
