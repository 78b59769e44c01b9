"""`delivery run`: the controller."""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., None]


def _flag(name: str, text: str, *, also: str = "", **options: Any) -> Callable[[Command], Command]:
    """A flag and its environment variable: --lease-name is DELIVERY_LEASE_NAME too.

    `also` is Flagger's variable for it, which is heeded where neither of them is given.
    """
    variable = "DELIVERY_" + name.removeprefix("--").replace("-", "_").upper()
    if also:
        text = f"{text} Else ${also}."
        options |= {"default": lambda: os.environ.get(also), "show_default": False}
    return click.option(name, help=text, envvar=variable, show_envvar=True, **{"show_default": True, **options})


FLAGS = (
    _flag("--namespace", "Work in this namespace only; all of them by default."),
    _flag("--kubeconfig", "Path of a kubeconfig; by default the Pod's own account, else the user's kubeconfig."),
    _flag("--context", "Context of the kubeconfig; by default its current one."),
    _flag("--provider", "istio | kubernetes: who routes for Canaries without spec.provider.", default="istio"),
    _flag("--metrics-server", "Address of Prometheus.", default="http://prometheus:9090"),
    _flag(
        "--metrics-matchers",
        'Label matchers added to every builtin query, such as cluster="prod": for a Prometheus of several clusters.',
        default="",
    ),
    _flag(
        "--metrics-batch-seconds",
        "How long a builtin question may wait to be asked together with other Canaries'; 0: not at all.",
        default="1",
    ),
    _flag("--scrape-interval-seconds", "How often Prometheus scrapes the proxies.", default="15"),
    _flag(
        "--observe",
        "Every Canary only looks on, whatever its mode: nothing is written but their status and Events.",
        is_flag=True,
        default=False,
    ),
    _flag("--cluster-domain", "DNS domain of the cluster.", default="cluster.local"),
    _flag(
        "--config-tracking",
        "true | configmaps | false: whether a change of the ConfigMaps and Secrets that a target uses is a release.",
        default="true",
    ),
    _flag(
        "--selector-labels",
        "Labels that may tell the primary's pods from the target's, best first; else the first by name.",
        default="app,name,app.kubernetes.io/name",
    ),
    _flag(
        "--include-label-prefix",
        "Prefixes of the target's labels that a new primary gets; * is all, nothing is none.",
        default="*",
    ),
    _flag("--istio-root-namespace", "Istio's root namespace.", default="istio-system"),
    _flag("--log-level", "debug | info | warning | error", default="info"),
    _flag("--log-format", "json | console", default="json"),
    _flag("--listen", "HOST:PORT for /metrics, /healthz and /readyz.", default="0.0.0.0:8080"),
    _flag("--workers", "How many Canaries are handled at once, 1 to 64.", default="8"),
    _flag("--lease-namespace", "Namespace of the Lease; by default the Pod's own, else --namespace."),
    _flag("--lease-name", "Name of the Lease that the leader holds.", default="progressive-delivery"),
    _flag("--identity", "Name of this process in the Lease; by default the host's name and a random part."),
    _flag(
        "--webhook-allow",
        "Networks that webhooks and alert services may be in although they are refused, such as 127.0.0.0/8; with = in "
        "front nothing but these, and names.",
        default="",
    ),
    _flag("--slack-url", "Slack webhook, told of Canaries without alerts; better by environment.", also="SLACK_URL"),
    _flag("--slack-token", "Slack bot token for the same; better by environment.", also="SLACK_TOKEN"),
    _flag("--slack-channel", "Slack channel.", default="general"),
    _flag("--slack-user", "Name to write under in Slack.", default="progressive-delivery"),
    _flag("--slack-proxy-url", "HTTP proxy on the way to Slack.", also="SLACK_PROXY_URL"),
    _flag("--msteams-url", "Teams webhook that is told of Canaries without alerts.", also="MSTEAMS_URL"),
    _flag("--msteams-proxy-url", "HTTP proxy on the way to Teams.", also="MSTEAMS_PROXY_URL"),
    _flag(
        "--event-webhook",
        "URL that hears of all Events of Canaries without event webhooks.",
        also="EVENT_WEBHOOK_URL",
    ),
    _flag("--cluster-name", "Name of the cluster, shown in alerts."),
    _flag("--admission-cert", "PEM file of the admission webhook's certificate; without it there is no webhook."),
    _flag("--admission-key", "PEM file of that certificate's key."),
    _flag("--admission-port", "Port of the admission webhook.", default="9443"),
)


def _with_flags(command: Command) -> Command:
    return functools.reduce(lambda inner, flag: flag(inner), reversed(FLAGS), command)


@click.command("run")
@_with_flags
def run(**given: Any) -> None:
    """Run the controller.

    Ends with 0 when it was asked to stop (SIGTERM, SIGINT), with 1 when it lost the Lease or failed, and with 2 when
    a flag cannot be used. A second signal kills it.
    """
    from delivery.controller.settings import Settings, SettingsError

    try:
        settings = Settings.parse(given)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error

    from delivery.controller import application
    from delivery.controller.core import LeadershipLostError
    from delivery.controller.process import LOST, run_process
    from delivery.observability import logs

    logs.configure(level=settings.log_level, fmt=settings.log_format)
    sys.exit(run_process(lambda: application.run(settings), lost=(LeadershipLostError, *LOST)))
