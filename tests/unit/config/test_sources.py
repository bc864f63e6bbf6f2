"""Where the configuration comes from: the file, what is dropped in beside it, and whose these files may be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from azpreflight.config import DEFAULT_PATH, DROP_INS, ConfigError, Loaded, load_all
from azpreflight.host import FileInfo, FileKind, HostError, LocalHost
from azpreflight.model import Severity
from tests.support.fakes import FakeHost, Link

IDS = ("dns-servers", "dns-tcp")
MAIN = "fail_on: warning\nignore: [dns-tcp]\ntimeout: 20\n"
FIRST = "timeout: 30\nchecks:\n- {id: a, file: /etc/a}\n"
LAST = "timeout: 40\nignore: [dns-servers, site-a]\n"
FILES = {DEFAULT_PATH: MAIN, f"{DROP_INS}/20-last.yaml": LAST, f"{DROP_INS}/10-first.yaml": FIRST}


def loaded(host: FakeHost, path: str = DEFAULT_PATH, required: bool = False) -> Loaded:
    """What is in force on this machine."""
    return load_all(host, path, required=required, check_ids=IDS)


def test_lists_add_up_and_of_anything_else_the_last_file_counts() -> None:
    """In the order of their names; what is defined in one file may be named in another."""
    found = loaded(FakeHost(files=FILES))
    assert found.files == (DEFAULT_PATH, f"{DROP_INS}/10-first.yaml", f"{DROP_INS}/20-last.yaml")
    assert (found.config.timeout, found.config.fail_on) == (40.0, Severity.WARNING)
    assert found.config.ignore == ("dns-tcp", "dns-servers", "site-a")
    places = {(origin.key, str(getattr(origin.value, "id", origin.value))): origin.place for origin in found.origins}
    assert places[("timeout", "40.0")] == f"{DROP_INS}/20-last.yaml:1"
    assert places[("ignore", "dns-tcp")] == f"{DEFAULT_PATH}:2"
    assert places[("checks", "site-a")] == f"{DROP_INS}/10-first.yaml:3"


def test_a_mistake_names_its_own_file() -> None:
    host = FakeHost(files={**FILES, f"{DROP_INS}/30.yaml": "\ncluod: public\n"})
    with pytest.raises(ConfigError, match=rf"^{DROP_INS}/30\.yaml:2: no key cluod"):
        loaded(host)


def test_only_files_of_yaml_are_read() -> None:
    host = FakeHost(files={f"{DROP_INS}/{name}": "cluod: x" for name in ("a.yml", "b.yaml.dpkg-old", "README")})
    assert loaded(host).files == ()


def test_a_file_that_is_named_stands_alone() -> None:
    host = FakeHost(files={**FILES, "/tmp/c.yaml": "timeout: 5\n"})
    assert loaded(host, "/tmp/c.yaml", required=True).files == ("/tmp/c.yaml",)


@pytest.mark.parametrize("path", [DEFAULT_PATH, DROP_INS, f"{DROP_INS}/10-first.yaml", "/etc/azpreflight"])
@pytest.mark.parametrize(
    ("uid", "mode", "reason"),
    [(1000, 0o755, "it belongs to user 1000"), (0, 0o775, "others may write to it, mode 0775")],
)
def test_what_others_may_write_is_refused(path: str, uid: int, mode: int, reason: str) -> None:
    """It decides what runs as root. The kind of node does not matter here, only whose it is."""
    kind = FileKind.FILE if path.endswith(".yaml") else FileKind.DIRECTORY
    host = FakeHost(files={**FILES, path: FileInfo(kind, 0, mode, uid, 0, 0.0)})
    with pytest.raises(ConfigError, match=rf"^{path} is not used: {reason}"):
        loaded(host)


def test_a_file_that_is_named_may_be_anybodys() -> None:
    info = FileInfo(FileKind.FILE, 0, 0o664, 1000, 0, 0.0)
    assert loaded(FakeHost(files={"/c.yaml": info}), "/c.yaml", required=True).files == ("/c.yaml",)


def test_a_link_that_leads_nowhere_is_no_default() -> None:
    host = FakeHost(files={f"{DROP_INS}/a.yaml": Link("/nowhere")})
    with pytest.raises(ConfigError, match=r"a\.yaml: a link that leads nowhere"):
        loaded(host)


def test_many_files_are_refused_before_they_are_read() -> None:
    """By their number, and by their size together."""
    many = {f"{DROP_INS}/{number:03}.yaml": "timeout: 5" for number in range(51)}
    with pytest.raises(ConfigError, match="has more than 50 files"):
        loaded(FakeHost(files=many))
    large = {f"{DROP_INS}/{number}.yaml": "#" * 60_000 for number in range(5)}
    with pytest.raises(ConfigError, match="more than 256 KiB together"):
        loaded(FakeHost(files=large))


def test_checks_are_counted_over_all_files() -> None:
    text = "checks:\n" + "".join(f"- {{id: ID{number}, file: /a}}\n" for number in range(101))
    files = {f"{DROP_INS}/{name}.yaml": text.replace("ID", name) for name in ("a", "b")}
    with pytest.raises(ConfigError, match=rf"^{DROP_INS}/b\.yaml:101: checks: more than 200 checks"):
        loaded(FakeHost(files=files))


def test_a_closed_directory_is_no_absence() -> None:
    """What cannot be listed may have anything in it."""

    class Closed(FakeHost):
        def glob(self, pattern: str) -> tuple[str, ...]:
            raise HostError("cannot list it: Permission denied")

    with pytest.raises(ConfigError, match="Permission denied"):
        loaded(Closed(files=FILES))


def test_a_real_file_of_the_callers(tmp_path: Path) -> None:
    """Read by the real host."""
    (tmp_path / "c.yaml").write_text(MAIN)
    found = load_all(LocalHost(), str(tmp_path / "c.yaml"), required=True, check_ids=IDS)
    assert replace(found.config, ignore=()).timeout == 20.0
