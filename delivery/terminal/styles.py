"""Colours, in one place. They repeat what words say already."""

OUTCOMES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "error": "yellow"}
PHASES = {"Succeeded": "bold green", "Initialized": "green", "Failed": "bold red", "Finalising": "cyan"}
RESULTS = {"Promoted": "green", "RolledBack": "bold red", "Cancelled": "yellow", "Superseded": "cyan"}
