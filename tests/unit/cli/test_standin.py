"""`azpreflight standin` as a program of its own on loopback: what it prints, what it serves, and how it ends."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import signal
import socket
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest

from azpreflight.standin import ntp
from azpreflight.standin.extension import HELLO, STORE_HOSTS
from azpreflight.standin.identity import VM_ID

PATIENCE = 60
"""Seconds for whatever takes a fraction of one."""
HEALTH = (
    b"<Health><Container><RoleInstanceList><Role><Health><State>Ready</State></Health></Role></RoleInstanceList>"
    b"</Container></Health>"
)


@dataclass(frozen=True)
class Running:
    """A stand-in that runs."""

    process: subprocess.Popen[str]
    urls: Mapping[str, str]
    """By part; the store's is that with TLS."""
    ports: Mapping[str, int]
    authority: Path

    def get(self, part: str, path: str = "/", **headers: str) -> bytes:
        """The body that a part answers with; the store's over TLS, by the name in the header if there is one."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if part == "store":
            context = ssl.create_default_context(cafile=str(self.authority))
            with ssl_connection(self.ports[part], sent.get("host", "127.0.0.1"), context) as connection:
                return fetched(connection, path, sent)
        return fetched(http.client.HTTPConnection("127.0.0.1", self.ports[part], timeout=PATIENCE), path, sent)

    def host(self, part: str) -> str:
        """Address and port."""
        return f"127.0.0.1:{self.ports[part]}"


def fetched(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]) -> bytes:
    """The body of an answer, which has to be a good one."""
    with contextlib.closing(connection):
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        assert response.status == 200
        return response.read()


@contextlib.contextmanager
def ssl_connection(port: int, name: str, context: ssl.SSLContext) -> Iterator[http.client.HTTPConnection]:
    """To a port of this machine, whose certificate has to be for this name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    with context.wrap_socket(plain, server_hostname=name) as sock:
        connection.sock = sock
        yield connection


@contextlib.contextmanager
def standin(*options: str) -> Iterator[Running]:
    """Until its ports are open, and not longer than the block."""
    default = ("env", "--default-signal=INT")  # in the background, a shell lets programs ignore it
    command = [*default, sys.executable, "-m", "azpreflight", "standin", "--format", "json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=PATIENCE)[1]
        listing: dict[str, Any] = json.loads(line)
        listeners = listing["listeners"]
        urls = {one["part"]: one["url"] for one in listeners}
        ports = {one["part"]: one["port"] for one in listeners}
        yield Running(process, urls, ports, Path(listing["authority"]))
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def failure(*options: str) -> str:
    """What it says where it does not start."""
    command = [sys.executable, "-m", "azpreflight", "standin", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def test_every_part_answers_on_loopback_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    """Each at a port of its own that was free, and nothing of it is left."""
    log = tmp_path / "requests"
    with standin("--requests", str(log)) as running:
        assert running.ports.keys() == {"wire", "hostgaplugin", "imds", "store", "dns", "ntp"}
        goal_state = running.get("wire", "/machine/?comp=goalstate", x_ms_version="2012-11-30").decode()
        assert f"http://{running.host('wire')}/machine/" in goal_state
        assert json.loads(running.get("hostgaplugin", "/versions")) == ["2015-09-01"]
        metadata = json.loads(running.get("imds", "/metadata/instance?api-version=2021-08-01", metadata="true"))
        assert metadata["compute"]["vmId"] == VM_ID
        package = running.get("store", f"/{HELLO.packages[0].split('/', 3)[3]}", host=STORE_HOSTS[0])
        assert zipfile.ZipFile(io.BytesIO(package)).namelist()[0] == "HandlerManifest.json"
        query = dns.message.make_query(STORE_HOSTS[0], "A")
        answer = dns.query.udp(query, "127.0.0.1", PATIENCE, running.ports["dns"])
        assert [item.address for rrset in answer.answer for item in rrset] == ["127.0.0.1"]
        assert asked_time(running.ports["ntp"])[0] & 7 == ntp.SERVER
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(PATIENCE) == 0
        assert running.process.communicate(timeout=PATIENCE) == ("", "")
        assert not running.authority.parent.exists()
    services = [json.loads(line)["service"] for line in log.read_text().splitlines()]
    assert services == ["wire", "hostgaplugin", "imds", "store", "dns", "ntp"]


def asked_time(port: int) -> bytes:
    """An answer of the time source."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.sendto(bytes([4 << 3 | ntp.CLIENT]) + bytes(47), ("127.0.0.1", port))
        return sock.recv(512)


def test_what_an_agent_reports_is_printed() -> None:
    """As soon as it came, one line a request; also where the body comes in pieces."""
    with standin("--requests", "-", "--parts", "wire") as running:
        with contextlib.closing(http.client.HTTPConnection(running.host("wire"), timeout=PATIENCE)) as connection:
            connection.request("POST", "/machine?comp=health", iter([HEALTH[:40], HEALTH[40:]]), encode_chunked=True)
            assert connection.getresponse().status == 200
        assert running.process.stdout is not None
        entry = json.loads(running.process.stdout.readline())
    assert entry["reported"] == {"state": "Ready", "substatus": "", "description": ""}


def test_the_authority_is_kept_where_that_is_wanted(tmp_path: Path) -> None:
    """The same for the next run, with a key that nobody else can read, and the attested document is signed by it."""
    said = []
    for _ in range(2):
        with standin("--directory", str(tmp_path / "kept"), "--parts", "store,imds") as running:
            assert running.get("store") == b"hello\n"
            document = running.get("imds", "/metadata/attested/document?api-version=2020-09-01", metadata="true")
            said.append((running.authority.read_text(), json.loads(document)["encoding"]))
    assert said[0] == said[1]
    assert (tmp_path / "kept/authority.key").stat().st_mode & 0o777 == 0o600


def test_an_extension_of_ones_own_is_delivered_with_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "Example.Own__2.1.0.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("HandlerManifest.json", "[]")
    with standin("--extension", str(path), "--settings", '{"a": "<b>"}', "--vm-id", VM_ID.upper()) as running:
        target = "/machine/c/i?comp=config&type=extensionsConfig"
        config = running.get("wire", target, x_ms_version="2012-11-30").decode()
        package = running.get("store", "/Example.Own/Example.Own__2.1.0.zip", host=STORE_HOSTS[1])
    assert 'name="Example.Own" version="2.1.0"' in config and "&lt;b&gt;" in config
    assert package == path.read_bytes()


@pytest.mark.parametrize(
    ("network", "part"), [("no-egress", "store"), ("tls-interception", "store"), ("dns-dead", "dns")]
)
def test_a_fault_of_the_network_is_seen_by_who_asks(network: str, part: str) -> None:
    """The rest answers as ever."""
    with standin("--network", network) as running:
        assert running.get("wire", "/?comp=versions").startswith(b"<?xml")
        with pytest.raises((OSError, dns.exception.DNSException)) as error:
            ask(running, part)
    assert (network == "tls-interception") == isinstance(error.value, ssl.SSLCertVerificationError)


def ask(running: Running, part: str) -> None:
    """With little patience, because it is silence that is expected."""
    if part == "dns":
        dns.query.udp(dns.message.make_query("x.windows.net", "A"), "127.0.0.1", 0.5, running.ports["dns"])
        return
    context = ssl.create_default_context(cafile=str(running.authority))
    with socket.create_connection(("127.0.0.1", running.ports["store"]), timeout=2) as plain:
        context.wrap_socket(plain, server_hostname=STORE_HOSTS[0])


def test_a_port_that_is_in_use_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = failure("--port", f"imds={taken.getsockname()[1]}")
    assert "imds at 127.0.0.1" in said and "--port imds=PORT" in said


@pytest.mark.root
def test_a_port_below_1024_needs_a_right() -> None:
    """In a namespace where no port is anybody's, without the capability that ordinary users lack."""
    lowest = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
    command = ["unshare", "--net", "sh", "-c", f'ip link set lo up && echo 1024 > {lowest} && exec "$@"', "sh"]
    command += ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
    command += [sys.executable, "-m", "azpreflight", "standin", "--port", "wire=80"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, "needs root" in done.stderr) == (2, True), done.stderr


def test_the_platforms_addresses_are_wanted_in_a_namespace() -> None:
    said = failure("--azure-addresses")
    assert "168.63.129.16" in said and "ip -n NAME address add 168.63.129.16/32 dev lo" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--dhcp", "eth0"), "give --azure-addresses as well"),
        (("--address", "::1"), "not an IPv4 address"),
        (("--parts", "wire,fax"), "there is no 'fax'"),
        (("--port", "wire=x"), "not PART=PORT"),
        (("--settings", "[]"), "not a JSON object"),
        (("--vm-id", "x"), "not a UUID"),
        (("--extension", __file__), "call it NAME__VERSION.zip"),
        (("--requests", "/nowhere/requests"), "cannot use /nowhere/requests: No such file or directory"),
    ],
)
def test_what_cannot_be_is_said(options: tuple[str, ...], words: str) -> None:
    assert words in failure(*options)


def test_a_package_that_is_none_is_said(tmp_path: Path) -> None:
    for name, content, words in (
        ("A__1.0.zip", b"x", "is not a zip file"),
        ("B__1.0.zip", zipped("other", "{}"), "has no HandlerManifest.json"),
        ("C__1.0.zip", zipped("HandlerManifest.json", "{"), "cannot be read"),
    ):
        (tmp_path / name).write_bytes(content)
        assert words in failure("--extension", str(tmp_path / name))


def zipped(name: str, text: str) -> bytes:
    """A zip file with one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()
