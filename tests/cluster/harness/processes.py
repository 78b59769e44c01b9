"""Real programs as parts of a test. The sandbox starts its own in the same way, so the code is the product's."""

from delivery.sandbox.promql.programs import (
    NotStartedError,
    PortLostError,
    Program,
    free_port,
    start_on_free_ports,
)

__all__ = ["NotStartedError", "PortLostError", "Program", "free_port", "start_on_free_ports"]
