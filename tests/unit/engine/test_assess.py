"""Judging and diagnosis on facts and probes written for the purpose."""

from __future__ import annotations

from typing import Any

import pytest

from azpreflight.engine.assess import assess, exit_code
from azpreflight.engine.diagnosis import covers
from azpreflight.engine.gather import gather
from azpreflight.host import HostError
from azpreflight.model import (
    Cause,
    Check,
    Confidence,
    Finding,
    NotApplicable,
    Platform,
    Probe,
    Readiness,
    Run,
    Severity,
    Stage,
    Status,
    Unknown,
)
from tests.support.fakes import FakeHost
from tests.support.probes import Facts, check, finding, probe


def report(*probes: Probe[Any], stage: Stage = Stage.FIRSTBOOT, platform: Platform = Platform.AZURE, **kw: Any) -> Any:
    run = Run(stage=stage, platform=platform, **kw)
    return assess(gather(FakeHost(), probes, run), probes)


def statuses(result: Any) -> dict[str, str]:
    return {r.check: r.status.value for r in result.results}


@pytest.mark.parametrize(
    ("pattern", "flow", "covered"),
    [
        ("any", "tcp 1.2.3.4:443", True),
        ("tcp 1.2.3.4:443", "tcp 1.2.3.4:443", True),
        ("tcp 1.2.3.4:443", "tcp 1.2.3.5:443", False),
        ("tcp *:443", "tcp 1.2.3.5:443", True),
        ("tcp *:443", "tcp 1.2.3.5:80", False),
        ("tcp *:443", "udp 1.2.3.5:443", False),
        ("name *", "name x.blob", True),
        ("tcp 1.2.3.4:443", "any", False),
    ],
)
def test_a_flow_is_covered_by_itself_and_by_wildcards(pattern: str, flow: str, covered: bool) -> None:
    assert covers(pattern, flow) is covered


def test_a_symptom_names_the_root_and_only_the_root_is_a_cause() -> None:
    """firewall -> dns -> egress on one flow: one cause, two symptoms."""
    result = report(
        probe("fw", check("fw", finding("udp 10.0.0.9:53"), cause=Cause.GUEST_FIREWALL)),
        probe(
            "net",
            check(
                "dns",
                finding("udp 10.0.0.9:53", breaks=("name *",)),
                cause=Cause.DNS_UNREACHABLE,
                depends_on=("fw",),
            ),
            check("egress", finding("name x.blob"), cause=Cause.NO_EGRESS, depends_on=("dns",)),
        ),
    )
    assert [entry.cause for entry in result.causes] == [Cause.GUEST_FIREWALL]
    assert result.causes[0].symptoms == ("dns", "egress")
    assert {r.check: r.because_of for r in result.results} == {"fw": (), "dns": ("fw",), "egress": ("fw",)}
    assert result.verdict is Readiness.NOT_READY
    assert exit_code(result, Severity.ERROR) == 1


def test_a_fault_on_another_flow_is_not_hidden() -> None:
    """A rule that blocks host A does not explain host B."""
    result = report(
        probe("fw", check("fw", finding("tcp 1.1.1.1:443"), cause=Cause.GUEST_FIREWALL)),
        probe("net", check("egress", finding("tcp 2.2.2.2:443"), cause=Cause.NO_EGRESS, depends_on=("fw",))),
    )
    assert [entry.cause for entry in result.causes] == [Cause.GUEST_FIREWALL, Cause.NO_EGRESS]


def test_a_symptom_is_no_worse_than_its_cause() -> None:
    """What a rule stops that is not in the image is a warning as the rule is: exit code and verdict agree."""
    flow = "tcp 1.2.3.4:80"
    wire = probe("wire", check("wire", finding(flow), finding("tcp 1.2.3.4:81"), depends_on=("fw",)))
    rule = finding(flow, Severity.WARNING, breaks=("tcp 1.2.3.4:81",))
    result = report(probe("fw", check("fw", rule, cause=Cause.GUEST_FIREWALL)), wire)
    assert [(r.severity, {f.severity for f in r.findings}) for r in result.results] == [
        (Severity.WARNING, {Severity.WARNING}),
        (Severity.WARNING, {Severity.WARNING}),
    ]
    assert (exit_code(result, Severity.ERROR), result.verdict) == (0, Readiness.READY)
    nameless = report(probe("fw", check("fw", rule)), wire)
    assert exit_code(nameless, Severity.ERROR) == 1


def test_an_unknown_dependency_hides_nothing() -> None:
    result = report(
        probe("fw", check("fw", Unknown("no iptables"), cause=Cause.GUEST_FIREWALL)),
        probe("net", check("egress", finding("any"), cause=Cause.NO_EGRESS, depends_on=("fw",))),
    )
    assert [entry.cause for entry in result.causes] == [Cause.NO_EGRESS]


def test_checks_that_depend_on_one_another_still_have_a_root() -> None:
    result = report(
        probe(
            "net",
            check("a", finding("any"), cause=Cause.NO_NETWORK, depends_on=("b",)),
            check("b", finding("any"), cause=Cause.NO_EGRESS, depends_on=("a",)),
        )
    )
    assert len(result.causes) >= 1


def test_causes_are_sorted_by_severity_then_confidence_then_order() -> None:
    result = report(
        probe(
            "net",
            check("w", finding("any", Severity.WARNING), cause=Cause.PROXY),
            check("l", finding("any", confidence=Confidence.LIKELY), cause=Cause.FORCED_TUNNEL),
            check("c", finding("any"), cause=Cause.CLOCK),
            check("d", finding("any"), cause=Cause.NO_NETWORK),
        )
    )
    assert [entry.check for entry in result.causes] == ["c", "d", "l", "w"]


def test_could_not_look_is_unknown_and_exit_3() -> None:
    def cannot(host: Any, run: Run) -> Facts:
        raise HostError("cannot read /etc/shadow: Permission denied")

    result = report(probe("users", check("users"), gather=cannot))
    assert result.results[0].status is Status.UNKNOWN
    assert result.results[0].reason == "cannot read /etc/shadow: Permission denied"
    assert result.verdict is Readiness.UNDECIDED
    assert exit_code(result, Severity.ERROR) == 3


def test_an_undecided_note_does_not_matter() -> None:
    result = report(probe("p", check("p", Unknown("why"), severity=Severity.NOTE)))
    assert exit_code(result, Severity.ERROR) == 0
    assert result.verdict is Readiness.READY


@pytest.mark.parametrize("where", ["gather", "judge"])
def test_a_bug_is_reported_with_exit_70_and_the_others_still_report(where: str) -> None:
    def broken(*args: Any) -> Any:
        raise ZeroDivisionError("oops")

    good = probe("good", check("good", finding("any"), cause=Cause.CLOCK))
    if where == "gather":
        bad = probe("bad", check("bad"), gather=broken)
    else:
        bad = probe("bad", Check("bad", "t", broken, Severity.ERROR))
    result = report(bad, good)
    assert statuses(result) == {"bad": "unknown", "good": "fail"}
    assert "ZeroDivisionError" in (result.results[0].traceback or "")
    assert exit_code(result, Severity.ERROR) == 70


def test_the_environment_is_notes_before_first_boot_unless_in_the_image() -> None:
    checks = (
        check("dns", finding("any"), environment=True),
        check("static", finding("any", in_image=True), environment=True),
    )
    capture = report(probe("dns", *checks), stage=Stage.CAPTURE)
    assert [r.severity for r in capture.results] == [Severity.NOTE, Severity.ERROR]
    firstboot = report(probe("dns", *checks))
    assert [r.severity for r in firstboot.results] == [Severity.ERROR, Severity.ERROR]


def test_what_has_no_meaning_here_is_not_applicable() -> None:
    asked = probe(
        "p",
        check("azure", finding("any"), azure_only=True),
        check("stage", finding("any"), stages=(Stage.FIRSTBOOT,)),
        check("said", NotApplicable("no such thing")),
        check("file", offline=True),
    )
    assert statuses(report(asked, stage=Stage.BUILD, platform=Platform.NONE)) == {
        "azure": "notapplicable",
        "stage": "notapplicable",
        "said": "notapplicable",
        "file": "pass",
    }
    assert statuses(report(asked, root="/mnt"))["file"] == "pass"
    assert statuses(report(asked, root="/mnt"))["said"] == "notapplicable"


def test_a_probe_gets_the_facts_that_it_needs_and_no_others() -> None:
    seen: list[Any] = []

    def late(host: Any, run: Run) -> Facts:
        seen.append(dict(run.needed))
        return Facts()

    report(probe("a"), probe("b"), probe("c", gather=late, needs=("a",)))
    assert seen == [{"a": Facts()}]


def test_commands_for_a_mounted_image_run_inside_it() -> None:
    """In namespaces of their own: deprovisioning sets the host name."""
    wrong = Finding(Severity.ERROR, "x", "fix it", ("rm -f '/etc/a b'",))
    one = probe("p", Check("a", "a is well", lambda facts, run: iter([wrong]), Severity.ERROR, offline=True))
    run = Run(root="/mnt/my image")
    report = assess(gather(FakeHost(root=run.root), (one,), run), (one,))
    (command,) = report.results[0].findings[0].commands
    assert command.endswith("""--root='/mnt/my image' sh -c 'rm -f '"'"'/etc/a b'"'"''""")
