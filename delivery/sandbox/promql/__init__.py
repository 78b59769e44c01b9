"""Prometheus for a sandbox: a real one where the machine has the program, else one in this process.

Somebody who tries the controller on a machine with Python alone still has to see it judge releases, so a Prometheus
must come from somewhere. Both scrape the same mesh and answer the same HTTP API. The embedded one knows less PromQL,
and says so: a question that it cannot answer exactly as Prometheus would is an error, never a number.

    choice.py     which of the two                    labels.py series.py storage.py   what is kept
    binary.py     starting the real program           grammar.py nodes.py              what was asked
    embedded.py   the one in this process             engine.py and beside it          what the answer is
    http.py       its HTTP API                        exposition.py                    what a target says
"""
