"""The verdict as one value for Hyper-V's key-value exchange, in the form of cloud-init's own report to the host.

That is one line of CSV with `|` between fields and `'` as quote, `name=value` each (cloud-init,
cloudinit/sources/azure/errors.py). What matters most comes first, because the host takes no more than 1023 bytes.
"""

from __future__ import annotations

from azpreflight.engine.assess import own_error
from azpreflight.model import Readiness, Report
from azpreflight.text import printable

_RESULT = {Readiness.READY: "success", Readiness.NOT_READY: "error", Readiness.UNDECIDED: "unknown"}


def render(report: Report) -> str:
    """One line of printable ASCII, not yet cut."""
    first = report.causes[0] if report.causes else None
    own = next((result for result in report.results if own_error(result)), None) if first is None else None
    reason = f"{first.cause.value}: {first.summary}" if first is not None else None
    reason = reason if own is None else f"{own.check}: {own.findings[0].message}"
    fields = {
        "result": _RESULT[report.verdict],
        "reason": reason,
        "agent": f"{report.tool.name}/{report.tool.version}",
        "stage": report.run.stage.value,
        "vm_id": report.run.vm_id,
        "timestamp": report.run.started_at,
        "check": first.check if first is not None else None,
        "causes": ",".join(entry.cause.value for entry in report.causes) or None,
        "fix": first.fix if first is not None else None,
    }
    return "|".join(_quoted(printable(f"{name}={value}")) for name, value in fields.items() if value is not None)


def _quoted(field: str) -> str:
    return "'" + field.replace("'", "''") + "'" if "|" in field or "'" in field else field
