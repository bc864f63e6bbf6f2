"""What a person sees: whole outputs, and what must never reach a terminal."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.model import Config, Severity, Status, Tool
from azpreflight.render import catalogue, json, junit, prometheus, text
from azpreflight.text import WIDTH, printable, wrapped
from tests.support import golden
from tests.support.reports import BROKEN, READY, RULE, UNDECIDED, result


def test_the_whole_text() -> None:
    """Word for word as in tests/data/reports; a reworded message shows there, as `make pages` writes it."""
    kept = {path.name: path.read_text() for path in golden.FOLDER.iterdir()}
    assert golden.printed() == kept


@pytest.mark.parametrize("width", [60, 80, 100])
def test_lines_fit_the_terminal_and_no_word_is_broken(width: int) -> None:
    """A line is too long only where it is a command or a single word."""
    printed = text.render(BROKEN, width=width, verbose=True)
    assert [
        line for line in printed.splitlines() if len(line) > width and " " in line.strip() and "$ " not in line
    ] == []
    names = ("more:", "https:", "or")  # of a page, whose address is left out where it has no room
    whole = [line for line in text.render(BROKEN, width=100, verbose=True).splitlines() if "more: " not in line]
    kept = [line for line in printed.splitlines() if not line.strip().startswith(names)]
    assert " ".join(kept).split() == [word for word in " ".join(whole).split() if not word.startswith("https:")]


def test_findings_with_one_fix_share_it_and_others_have_their_own() -> None:
    """A reader sees which command belongs to which finding."""
    again = replace(RULE, message="rule 3 drops tcp 168.63.129.16:32526")
    other = replace(
        RULE, message="rule 9 drops udp 10.0.0.4:53", fix="delete rule 9", commands=("iptables -D OUTPUT 9",)
    )
    results = (result("firewall-wireserver", Status.FAIL, RULE, again, other, cause=BROKEN.causes[0].cause),)
    lines = [line.strip() for line in text.render(replace(BROKEN, results=results)).splitlines()]
    at = lines.index
    assert lines.count(f"fix: {RULE.fix}") == 1
    assert at(f"firewall-wireserver: {again.message}") < at(f"fix: {RULE.fix}") < at(f"$ {RULE.commands[0]}")
    assert at(f"firewall-wireserver: {other.message}") < at("fix: delete rule 9") == at("$ iptables -D OUTPUT 9") - 1


def test_a_cause_without_results_speaks_for_itself() -> None:
    """As in a report out of a log whose results were lost on the way."""
    lines = [line.strip() for line in text.render(replace(BROKEN, results=())).splitlines()]
    assert f"firewall-wireserver: {BROKEN.causes[0].summary}" in lines
    assert f"fix: {BROKEN.causes[0].fix}" in lines
    assert f"$ {BROKEN.causes[0].commands[0]}" in lines


def test_many_findings_of_one_cause_are_counted() -> None:
    """Ten are shown; the JSON, and -v, have all."""
    many = tuple(replace(RULE, message=f"rule {number} drops it", fix=f"delete {number}") for number in range(14))
    report = replace(BROKEN, results=(result("a", Status.FAIL, *many, cause=BROKEN.causes[0].cause),))
    assert "  and 4 more findings of this cause\n" in text.render(report)
    assert "more findings" not in text.render(report, verbose=True)


def test_quiet_is_the_verdict_alone() -> None:
    """One line, for a shell prompt or a log."""
    assert text.render(BROKEN, quiet=True) == text.render(BROKEN).splitlines()[0] + "\n"


def test_verbose_has_every_check_with_its_mark() -> None:
    """Each check is there once, with why it is as it is."""
    lines = text.render(BROKEN, verbose=True).splitlines()
    marked = {line[7:].split(":")[0]: line[:6] for line in lines if re.match(r"\[[PFUN]", line)}
    assert list(marked) == [r.check for r in BROKEN.results]
    assert marked["wireserver-http"] == "[FAIL]"
    assert marked["gen-users"] == "[UNKN]"
    assert marked["gen-sudoers"] == "[N/A ]"
    assert "    because of firewall-wireserver" in lines
    assert "[PASS] network-address: network-address is well" in lines


def test_colour_is_only_added() -> None:
    """Without its colours, the coloured text is the plain one; without asking there is none."""
    colored = text.render(BROKEN, verbose=True, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == text.render(BROKEN, verbose=True)
    assert "\x1b" in colored
    assert "\x1b" not in text.render(BROKEN, verbose=True)


def test_what_is_ignored_is_said() -> None:
    """A ready machine of which half was not inspected must not look like any other."""
    assert ", 2 ignored (gen-users, dns-tcp); " in text.render(replace(READY, ignored=("gen-users", "dns-tcp")))


def test_lesser_findings_do_not_hide_behind_ready() -> None:
    """A warning leaves the machine ready, and is in the first line."""
    warned = result("dns-tcp", Status.FAIL, replace(RULE, severity=Severity.WARNING))
    said = text.render(replace(READY, results=(*READY.results, warned)))
    assert said.startswith("READY: nothing was found that stops a VM from this image (1 warning)\n\nwarning: dns-tcp: ")


def test_what_the_logs_say_is_shown_under_its_cause() -> None:
    """Two lines at most, so that a chatty agent does not bury the fix."""
    entry = replace(BROKEN.causes[0], evidence=("waagent.log: one", "waagent.log: two", "waagent.log: three"))
    said = text.render(replace(BROKEN, causes=(entry,)))
    assert "  log evidence: waagent.log: one\n  log evidence: waagent.log: two\n  explains: " in said
    assert "three" not in said


def test_a_machine_that_nothing_was_asked_of_is_not_praised() -> None:
    """Where no check applies, the first line says that nothing is known."""
    said = text.render(replace(UNDECIDED, results=READY.results[1:]))
    assert said.startswith("UNDECIDED: none of these checks applies here, so nothing is known\n")


def test_an_unprivileged_look_is_said() -> None:
    """Whoever reads a saved report must see that it was not made by root."""
    assert "unprivileged" in text.render(replace(READY, run=replace(READY.run, privileged=False)))


EVIL = "a\x1b]0;pwned\x07\nNOT READY: \u202e\x00\x9b\u00e9\udc80"


def test_nothing_from_outside_reprograms_a_terminal() -> None:
    """Control characters, line breaks and non-ASCII are written as escapes wherever they come from."""
    finding = replace(RULE, message=EVIL, fix=EVIL, commands=(EVIL,))
    report = replace(
        BROKEN,
        results=(
            result("a", Status.FAIL, finding),
            result("b", Status.UNKNOWN, reason=EVIL),
            result("c", Status.NOT_APPLICABLE, reason=EVIL),
        ),
        causes=(replace(BROKEN.causes[0], summary=EVIL, confidence_reason=EVIL, fix=EVIL, commands=(EVIL,)),),
        extensions=(replace(BROKEN.extensions[0], name=EVIL, why=EVIL),),
        run=replace(BROKEN.run, kernel=EVIL, os=replace(BROKEN.run.os, id=EVIL), root=EVIL),
        ignored=(EVIL,),
    )
    outputs = [text.render(report, verbose=True), junit.render(report), prometheus.render(report)]
    outputs += [json.render(report), json.render_lines(report)]
    for output in outputs:
        assert set(output) <= {"\n", *map(chr, range(0x20, 0x7F))}
    ElementTree.fromstring(outputs[1])


@given(st.text())
def test_plain_text_is_printable_ascii(value: str) -> None:
    """Whatever the text, what remains is printable ASCII on one line; what was so already is unchanged."""
    assert all(" " <= character <= "~" for character in printable(value))
    assert printable(printable(value)) == printable(value)


@given(st.lists(st.text(alphabet="ab-/.\u00e9", min_size=1, max_size=WIDTH - 20)))
def test_lines_are_at_most_as_wide_as_a_terminal(words: list[str]) -> None:
    """A line is too long only where a single word is."""
    for line in wrapped(" ".join(words), "error    ", " " * 9):
        assert len(line) <= WIDTH or " " not in line[9:].strip()


def test_an_unbreakable_word_stays_whole() -> None:
    """A long URL can be copied from the output."""
    url = "https://" + "x" * 150
    assert any(url in line for line in wrapped(f"cannot reach {url} at all"))


def test_prometheus_has_few_series_and_the_time_of_the_run() -> None:
    """What passes has none; what fails, and what matters and is unknown, has one each."""
    lines = [line for line in prometheus.render(BROKEN).splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'azpreflight_\w+(\{(\w+="[^"]*",?)+\})? [0-9.]+', line) for line in lines)
    assert 'azpreflight_info{version="1.0.0",stage="firstboot",profile="generalized",platform="azure"} 1' in lines
    assert 'azpreflight_verdict{verdict="not-ready"} 1' in lines
    assert 'azpreflight_checks{status="pass"} 2' in lines
    assert 'azpreflight_cause{cause="guest-firewall",severity="error"} 1' in lines
    assert "azpreflight_run_timestamp_seconds 1795368600" in lines
    assert [line for line in lines if "network-address" in line] == []
    assert len([line for line in lines if line.startswith("azpreflight_check_failed")]) == 6
    assert len(prometheus.render(READY).splitlines()) - 2 * len(prometheus.GAUGES) == 13


def test_no_label_of_prometheus_ends_before_its_end() -> None:
    """A saved report may be anybody's."""
    evil = replace(BROKEN, tool=Tool("azpreflight", '1" 1\n\\'))
    assert 'version="1\\" 1\\n\\\\"' in prometheus.render(evil)


def test_every_json_line_says_its_run() -> None:
    """A collector keeps lines apart: each can be joined to its run."""
    import json as stdlib_json

    rows = [stdlib_json.loads(line) for line in json.render_lines(BROKEN).splitlines()]
    run = BROKEN.run
    expected = (run.started_at, run.vm_id, run.boot_id, "firstboot", {"name": "azpreflight", "version": "1.0.0"})
    assert {(row["time"], row["vm_id"], row["boot_id"], row["stage"]) for row in rows} == {expected[:4]}
    assert all(row["tool"] == expected[4] and row["schema"] == json.REPORT_SCHEMA for row in rows)


def test_json_lines_are_one_object_a_line() -> None:
    """The run first, then causes, results and extensions, each of a named kind."""
    import json as stdlib_json

    rows = [stdlib_json.loads(line) for line in json.render_lines(BROKEN).splitlines()]
    assert [row["kind"] for row in rows] == ["run"] + ["cause"] * 2 + ["result"] * 11 + ["extension"] * 2
    assert rows[0]["verdict"] == "not-ready" and rows[0]["schema"] == json.REPORT_SCHEMA


def test_the_catalogue_of_nothing_is_empty() -> None:
    """No checks, no lines; and an empty array for programs."""
    assert catalogue.rows((), Config()) == []
    assert catalogue.render(()) == "" and catalogue.render_json(()) == "[]\n"
