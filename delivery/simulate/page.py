"""The reports as one page: numbers, checks and the picture, in a file that needs nothing else."""

from collections.abc import Sequence
from html import escape

from delivery.simulate.bounds import quantile
from delivery.simulate.checks import Finding
from delivery.simulate.picture import picture
from delivery.simulate.report import RESULTS, Report
from delivery.simulate.table import duration

STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;margin:2rem auto;max-width:1040px;
padding:0 1rem;background:#fff;color:#1f2328}
table{border-collapse:collapse;margin:1rem 0;width:100%}
th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid #d1d9e0;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}.soft{color:#59636e}.unmet{color:#c2410c;font-weight:600}svg{max-width:100%;height:auto}
@media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}th,td{border-color:#3d444d}.soft{color:#9198a1}
.unmet{color:#f0803c}}
"""
HEADS = ("policy", "release", "ought to be", "rolled back", "promoted", "undecided", "time to rollback",
         "time to promotion", "requests hit", "held")  # fmt: skip


def page(reports: Sequence[Report], findings: Sequence[Finding] = (), *, seed: int) -> str:
    """The page as an HTML document."""
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    rows = "".join(_row(each) for each in reports)
    runs = len(reports[0].outcomes) if reports else 0
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>Simulated rollouts</title>'
        f"<style>{STYLE}</style></head><body><h1>Simulated rollouts</h1>"
        f"<p>{runs} rollouts of each release, seed {seed}. Shares with 95 % bounds of the probability (Clopper and "
        "Pearson); times and requests as the median and, in brackets, the 95th percentile.</p>"
        f'{_checks(findings)}<div class="wide"><table><tr>{heads}</tr>{rows}</table></div>'
        f'<div class="wide">{picture(reports, findings, seed=seed)}</div>'
        '<p class="soft">The state machine and the judges are those of the controller; the cluster and its users are '
        "played. Requests hit are users' requests that failed or were slow because of the new version.</p>"
        "</body></html>\n"
    )


def _checks(findings: Sequence[Finding]) -> str:
    items = "".join(f"<li{'' if each.met else ' class=unmet'}>{escape(str(each))}</li>" for each in findings)
    return f"<ul>{items}</ul>" if items else ""


def _row(report: Report) -> str:
    hits = [float(each.hit) for each in report.outcomes]
    held = [each.held_seconds for each in report.outcomes]
    cells = [report.policy, report.release, "promoted" if report.healthy else "rolled back"]
    for result in RESULTS:
        low, high = report.share(result).bounds
        cells.append(f"{100 * report.share(result).value:.1f} % ({100 * low:.1f}..{100 * high:.1f})")
    cells += [_times(report.seconds("rolled_back")), _times(report.seconds("promoted"))]
    cells += [f"{quantile(hits, 0.5) or 0:,.0f} ({quantile(hits, 0.95) or 0:,.0f})", _times(held)]
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _times(seconds: Sequence[float]) -> str:
    return f"{duration(quantile(seconds, 0.5))} ({duration(quantile(seconds, 0.95))})" if seconds else "-"
