"""The forms that a report can have, by the words of --format, in one place. Each is loaded when it is asked for."""

from __future__ import annotations

from azpreflight.model import Report, Severity

NAMES = (
    *("json", "jsonl", "junit", "prometheus", "markdown", "html"),
    *("github", "azure-pipelines", "nagios"),
)
"""All but text, whose form depends on the terminal."""
FOR_OTHERS = ("junit", "prometheus", "markdown", "html")
"""Formats that another user's program fetches from a file: the umask decides who may read a new one."""


def render(name: str, report: Report, fail_on: Severity) -> str:
    """The report in this form. KeyError for one that is not in NAMES."""
    return {
        "json": _json,
        "jsonl": _jsonl,
        "junit": _junit,
        "prometheus": _prometheus,
        "markdown": _markdown,
        "html": _html,
        "github": _github,
        "azure-pipelines": _azure_pipelines,
        "nagios": _nagios,
    }[name](report, fail_on)


def _json(report: Report, fail_on: Severity) -> str:
    from azpreflight.render import json

    return json.render(report)


def _jsonl(report: Report, fail_on: Severity) -> str:
    from azpreflight.render import json

    return json.render_lines(report)


def _junit(report: Report, fail_on: Severity) -> str:
    from azpreflight.render import junit

    return junit.render(report, fail_on)


def _prometheus(report: Report, fail_on: Severity) -> str:
    from azpreflight.render import prometheus

    return prometheus.render(report)


def _markdown(report: Report, fail_on: Severity) -> str:
    from azpreflight.render import markdown

    return markdown.render(report)


def _html(report: Report, fail_on: Severity) -> str:
    from azpreflight.render.html import report as html

    return html.render(report)


def _github(report: Report, fail_on: Severity) -> str:
    from azpreflight.render import github

    return github.render(report)


def _azure_pipelines(report: Report, fail_on: Severity) -> str:
    from azpreflight.render import azure_pipelines

    return azure_pipelines.render(report, fail_on)


def _nagios(report: Report, fail_on: Severity) -> str:
    from azpreflight.render import nagios

    return nagios.render(report, fail_on)
