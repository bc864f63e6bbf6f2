"""Gathering on clocks, threads and hosts that behave badly."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest

from azpreflight.engine.gather import AZURE_CHASSIS_TAG, detect_platform, gather, run_info, run_of, vm_id
from azpreflight.host import HostError, LocalHost
from azpreflight.model import Config, Os, Platform, Probe, Run
from tests.support.fakes import Denied, FakeHost, Node

TAG = "/sys/class/dmi/id/chassis_asset_tag"


@dataclass(frozen=True)
class Seen:
    """What a probe of these tests saw."""

    value: int


def probe(name: str, look: Any, *needs: str) -> Probe[Seen]:
    return Probe(name, Seen, look, (), needs)


def test_probes_that_do_not_need_one_another_run_at_once() -> None:
    """All of them meet at a barrier, which they could not one after the other."""
    barrier = threading.Barrier(5, timeout=5)
    probes = [probe(f"p{number}", lambda host, run: Seen(barrier.wait(60))) for number in range(5)]
    snapshot = gather(LocalHost(), probes, Run())
    assert all(gathered.facts is not None for gathered in snapshot.probes.values())


def test_the_order_follows_from_the_needs() -> None:
    """A chain of needs runs in its order, whatever the order of the probes."""
    order: list[str] = []

    def look(name: str) -> Any:
        def gather_one(host: Any, run: Run) -> Seen:
            order.append(name)
            return Seen(len(run.needed))

        return gather_one

    probes = [probe("c", look("c"), "a", "b"), probe("b", look("b"), "a"), probe("a", look("a"))]
    snapshot = gather(LocalHost(), probes, Run())
    assert order == ["a", "b", "c"]
    assert [gathered.facts for gathered in snapshot.probes.values()] == [Seen(2), Seen(1), Seen(0)]
    assert list(snapshot.probes) == ["c", "b", "a"]


def test_a_probe_that_could_not_look_is_absent_for_those_that_need_it() -> None:
    """They still run, and see that there is nothing."""

    def cannot(host: Any, run: Run) -> Seen:
        raise HostError("cannot look")

    probes = [probe("a", cannot), probe("b", lambda host, run: Seen(len(run.needed)), "a")]
    snapshot = gather(LocalHost(), probes, Run())
    assert snapshot.probes["a"].facts is None and snapshot.probes["a"].reason == "cannot look"
    assert snapshot.probes["b"].facts == Seen(0)


def test_a_hung_probe_costs_the_budget_and_spares_the_others() -> None:
    """What never returns is unknown, and so is what waits for it; the rest is there in time."""
    never = threading.Event()
    probes = [
        probe("hung", lambda host, run: Seen(int(never.wait()))),
        probe("waits", lambda host, run: Seen(int(never.wait())), "hung"),
        probe("good", lambda host, run: Seen(1)),
    ]
    began = time.monotonic()
    snapshot = gather(LocalHost(budget=2.0), probes, Run())
    assert time.monotonic() - began < 10
    never.set()
    assert snapshot.probes["good"].facts == Seen(1)
    for name in ("hung", "waits"):
        assert snapshot.probes[name].facts is None
        assert re.fullmatch(r"not done within the \d\.\d s that this run had", snapshot.probes[name].reason or "")


def test_a_bug_brings_a_traceback() -> None:
    """And no other probe is hurt. What the exception quotes is left out: it may be anybody's secret."""

    def broken(host: Any, run: Run) -> Seen:
        raise KeyError("geheim" + "nis")

    snapshot = gather(LocalHost(), [probe("bad", broken), probe("good", lambda host, run: Seen(1))], Run())
    assert "KeyError" in (snapshot.probes["bad"].traceback or "")
    assert "geheimnis" not in str(snapshot.probes["bad"])
    assert snapshot.probes["good"].facts == Seen(1)


def test_a_missing_library_is_said_and_no_bug() -> None:
    """Distributions that lack one are served all the same."""

    def lacking(host: Any, run: Run) -> Seen:
        import no_such_library  # type: ignore[import-not-found]

        return Seen(len(dir(no_such_library)))

    seen = gather(LocalHost(), [probe("bad", lacking)], Run()).probes["bad"]
    assert (seen.reason, seen.traceback) == ("the Python module no_such_library is not installed", None)


def test_progress_hears_of_every_probe() -> None:
    """Once each."""
    heard: list[str] = []
    probes = [probe(f"p{number}", lambda host, run: Seen(0)) for number in range(5)]
    gather(LocalHost(), probes, Run(), lambda name, gathered: heard.append(name))
    deadline = time.monotonic() + 2
    while len(heard) < 5 and time.monotonic() < deadline:  # the last one is told just after the run has its facts
        time.sleep(0.01)
    assert sorted(heard) == [f"p{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("node", "root", "platform"),
    [
        (AZURE_CHASSIS_TAG + "\n", "/", Platform.AZURE),
        ("Default string\n", "/", Platform.NONE),
        ("", "/", Platform.NONE),
        (None, "/", Platform.NONE),
        (Denied(), "/", Platform.NONE),
        (AZURE_CHASSIS_TAG + "\n", "/mnt", Platform.NONE),
    ],
)
def test_the_platform_is_read_from_the_smbios(node: Node, root: str, platform: Platform) -> None:
    """Unless an image is inspected, whose files of /sys are not its own."""
    assert detect_platform(FakeHost(files={TAG: node}, root=root)) is platform


def test_what_is_asked_is_kept() -> None:
    """The snapshot carries the question, so that it can be judged elsewhere."""
    config = Config(cloud="usgov", ignore=("a",))
    run = run_of(FakeHost(), platform=Platform.AZURE, config=config, extensions=("X",))
    snapshot = gather(FakeHost(), [], run)
    assert (snapshot.config, snapshot.extensions, snapshot.run.platform) == (config, ("X",), Platform.AZURE)


def test_run_info_of_a_machine_and_of_an_image() -> None:
    """Of an image only what is in its files: this machine's kernel and id are not the image's."""
    files: dict[str, Node] = {
        "/usr/lib/os-release": "# comment\nID=ubuntu\nVERSION_ID=\"24.04\"\nBAD LINE\nNAME='x=y'\n",
        "/sys/class/dmi/id/product_uuid": "ABCD-EF\n",
        "/proc/sys/kernel/random/boot_id": "b-o-o-t\n",
        "/proc/sys/kernel/osrelease": "6.1.0\n",
    }
    live = run_info(FakeHost(files=files), Run(), "now", 1.0)
    assert (live.os, live.vm_id, live.boot_id, live.kernel) == (Os("ubuntu", "24.04"), "abcd-ef", "b-o-o-t", "6.1.0")
    image = run_info(FakeHost(files=files, root="/mnt"), Run(root="/mnt"), "now", 1.0)
    assert (image.root, image.vm_id, image.boot_id, image.kernel) == ("/mnt", None, None, None)
    empty = run_info(FakeHost(files={"/etc/os-release": Denied()}), Run(), "now", 1.0)
    assert (empty.os, empty.vm_id, empty.kernel) == (Os(None, None), None, None)
    assert vm_id(FakeHost(files={"/sys/class/dmi/id/product_uuid": Denied()})) is None
