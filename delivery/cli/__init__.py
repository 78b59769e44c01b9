"""The command line: `delivery`, and the same program as `kubectl delivery`.

A command is imported when it is called, so that help and mistakes are answered at once and without loading half of
the Kubernetes world.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click
from click.shell_completion import CompletionItem


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command lives, and what the help says of it without asking it."""

    module: str
    attribute: str
    about: str


COMMANDS: Mapping[str, Lazy] = MappingProxyType(
    {
        "abort": Lazy("delivery.cli.command", "abort", "Take users back to the primary now."),
        "approve": Lazy("delivery.cli.approve", "approve", "Open a gate at which a rollout waits."),
        "completion": Lazy("delivery.cli.completing", "completion", "Print what makes a shell complete commands."),
        "crds": Lazy("delivery.cli.crds", "crds", "Print the CustomResourceDefinitions, or write them to files."),
        "deny": Lazy("delivery.cli.approve", "deny", "Refuse what goes out: its run is rolled back."),
        "freeze": Lazy("delivery.cli.freeze", "freeze", "Hold all rollouts for a time."),
        "demo": Lazy("delivery.cli.demo", "demo", "Watch a good release promoted and a bad one rolled back."),
        "get": Lazy("delivery.cli.get", "get", "Show what a Canary does and why."),
        "history": Lazy("delivery.cli.listing", "history", "Show the last runs of a Canary."),
        "gates": Lazy("delivery.cli.gates", "gates", "Serve gates over HTTP, as Flagger's load tester does."),
        "judge": Lazy("delivery.cli.judge", "judge", "See what the judge would have said of past releases."),
        "lint": Lazy("delivery.cli.lint", "lint", "Find mistakes in manifests before they are applied."),
        "list": Lazy("delivery.cli.listing", "list_canaries", "List Canaries with what each does next."),
        "plan": Lazy("delivery.cli.plan", "plan", "See what a Canary would do and write, before it is applied."),
        "pause": Lazy("delivery.cli.command", "pause", "Hold a rollout where it is."),
        "promote": Lazy("delivery.cli.command", "promote", "Skip the rest of a step, or of the analysis."),
        "restart": Lazy("delivery.cli.command", "restart", "Begin a run again at its first step."),
        "resume": Lazy("delivery.cli.command", "resume", "Let a paused rollout go on."),
        "retry": Lazy("delivery.cli.command", "retry", "Try a failed version again."),
        "run": Lazy("delivery.cli.run", "run", "Run the controller."),
        "sandbox": Lazy("delivery.cli.sandbox", "sandbox", "Run a cluster in this process, to try rollouts."),
        "simulate": Lazy("delivery.cli.simulate", "simulate", "Test a rollout policy on simulated releases."),
        "status": Lazy("delivery.cli.status", "status", "Say how a release stands; wait for its outcome."),
        "undo": Lazy("delivery.cli.undo", "undo", "Set the target back to the version promoted before."),
        "unfreeze": Lazy("delivery.cli.freeze", "unfreeze", "End freezes before their time."),
        "version": Lazy("delivery.cli.version", "version", "Print the version."),
        "why": Lazy("delivery.cli.why", "why", "Explain the last decision about a Canary."),
    }
)


INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it; whatever was going on says nothing more."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            raise SystemExit(INTERRUPTED) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        where = COMMANDS.get(cmd_name)
        if where is None:
            return None
        command: click.Command = getattr(import_module(where.module), where.attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [CompletionItem(name, help=COMMANDS[name].about) for name in self.list_commands(ctx)]
        options = click.Command.shell_complete(self, ctx, incomplete)  # the group's own way imports all commands
        return [*(each for each in found if each.value.startswith(incomplete)), *options]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].about) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Roll out new versions on Istio step by step, judged by Prometheus."""


def plugin() -> None:
    """The program kubectl-delivery, under the name by which people call it."""
    main(prog_name="kubectl delivery")
