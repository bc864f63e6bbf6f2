"""Parsing what the wire server, the HostGAPlugin and the instance metadata service send."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.azure import goal_state, imds
from azpreflight.azure.goal_state import Plugin, Unreadable, Wanted
from azpreflight.standin import documents
from azpreflight.standin.extension import HELLO, manifest
from azpreflight.standin.identity import CONFIG_NAME, CONTAINER_ID, VM_ID
from azpreflight.standin.metadata import instance

EXTENSION = HELLO
PARSERS: list[Callable[[bytes], Any]] = [
    goal_state.parse_versions,
    goal_state.parse_goal_state,
    goal_state.parse_extensions_config,
    goal_state.parse_vm_settings,
    goal_state.parse_manifest,
    goal_state.parse_plugin_versions,
    imds.parse,
]
ENTITIES = b'<!DOCTYPE v [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><Versions><Version>&b;</Version></Versions>'


def test_the_goal_state_names_container_configuration_and_extensions() -> None:
    state, address = goal_state.parse_goal_state(documents.goal_state().encode())
    assert (state.incarnation, state.container_id) == ("1", CONTAINER_ID)
    assert state.config_name == CONFIG_NAME
    assert address == "http://168.63.129.16:80/machine/c/i?comp=config&type=extensionsConfig&incarnation=1"


def test_both_ways_name_the_same_extensions() -> None:
    fabric = goal_state.parse_extensions_config(documents.extensions_config(EXTENSION).encode())
    settings = goal_state.parse_vm_settings(documents.vm_settings(EXTENSION).encode())
    expected = Plugin(EXTENSION.name, EXTENSION.version, "enabled", EXTENSION.manifests, signed=False)
    assert fabric.plugins == settings.plugins == (expected,)
    assert fabric.families == settings.families
    assert [family.name for family in fabric.families] == ["Prod"]


def test_more_locations_and_other_states_are_read() -> None:
    body = b"""<Extensions><Plugins><Plugin name="A.B" version="1" location="https://x/a" state="uninstall">
      <additionalLocations><additionalLocation>https://y/b</additionalLocation><additionalLocation>https://x/a
      </additionalLocation></additionalLocations></Plugin></Plugins></Extensions>"""
    assert goal_state.parse_extensions_config(body).plugins == (
        Plugin("A.B", "1", "uninstall", ("https://x/a", "https://y/b"), signed=False),
    )


def test_extensions_beyond_the_limit_are_counted() -> None:
    plugins = [{"name": f"A.B{number}", "version": "1", "state": "enabled"} for number in range(70)]
    texts = "".join(f'<Plugin name="{one["name"]}" version="1" state="enabled"/>' for one in plugins)
    fabric = goal_state.parse_extensions_config(f"<Extensions><Plugins>{texts}</Plugins></Extensions>".encode())
    settings = goal_state.parse_vm_settings(json.dumps({"extensionGoalStates": plugins}).encode())
    assert (len(fabric.plugins), fabric.beyond) == (len(settings.plugins), settings.beyond) == (64, 6)


def test_the_newer_way_counts_if_it_is_marked_as_one() -> None:
    def wanted(source: str, created: int) -> Wanted:
        return Wanted(source, created, (), ())

    fabric = wanted("Fabric", 5)
    assert goal_state.newer(fabric, wanted("FastTrack", 6)) == wanted("FastTrack", 6)
    assert goal_state.newer(fabric, wanted("FastTrack", 4)) == fabric
    assert goal_state.newer(fabric, wanted("Fabric", 6)) == fabric
    assert goal_state.newer(fabric, None) == fabric
    assert goal_state.newer(None, wanted("FastTrack", 1)) == wanted("FastTrack", 1)
    assert goal_state.newer(None, None) is None


def test_signatures_and_settings_are_left_where_they_are() -> None:
    """The status blob's signature, an extension's protected settings, and a signed location."""
    location = "https://x.blob.core.windows.net/m.xml?sv=1&amp;sig=c2VjcmV0"
    body = documents.extensions_config(EXTENSION).replace(EXTENSION.manifests[0], location).encode()
    wanted = goal_state.parse_extensions_config(body)
    assert wanted.plugins[0].manifests[0] == "https://x.blob.core.windows.net/m.xml"
    assert wanted.plugins[0].signed
    assert "sig" not in repr(wanted).replace("signed", "")
    assert "hello" not in repr(wanted)


@pytest.mark.parametrize(
    ("uri", "left"),
    [
        ("https://x/a?sig=b", "https://x/a"),
        ("https://x/a#b", "https://x/a"),
        (" https://user:pass@x/a ", "https://x/a"),
        ("https://x/a@b", "https://x/a@b"),
        ("http://\u00e4/", "http://\\xe4/"),
    ],
)
def test_an_address_is_cut_down_to_what_may_be_shown(uri: str, left: str) -> None:
    assert goal_state.bare(uri) == left


def test_a_manifest_tells_where_each_version_is() -> None:
    versions = goal_state.parse_manifest(manifest(EXTENSION).encode())
    assert versions == {EXTENSION.version: EXTENSION.packages}


def test_a_byte_order_mark_is_no_fault() -> None:
    assert "2012-11-30" in goal_state.parse_versions(b"\xef\xbb\xbf" + documents.VERSIONS.encode())


@pytest.mark.parametrize("parse", PARSERS[:3] + PARSERS[4:5])
def test_a_document_type_is_refused_before_any_entity_grows(parse: Callable[[bytes], Any]) -> None:
    with pytest.raises(Unreadable, match="document type"):
        parse(ENTITIES)


def test_a_document_type_in_another_encoding_is_not_read_either() -> None:
    for encoding in ("utf-16", "utf-32"):
        with pytest.raises(Unreadable):
            goal_state.parse_versions(ENTITIES.decode().encode(encoding))


@pytest.mark.parametrize("parse", PARSERS)
@given(body=st.one_of(st.binary(), st.text().map(str.encode), st.from_type(type(None)).map(lambda _: b"[" * 100_000)))
def test_whatever_comes_is_read_or_unreadable(parse: Callable[[bytes], Any], body: bytes) -> None:
    try:
        parse(body)
    except Unreadable as error:
        assert str(error)


SHAPES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(st.sampled_from(["extensionGoalStates", "gaFamilies", "uris", "name", "compute"]), inner),
    ),
)


@pytest.mark.parametrize("parse", [goal_state.parse_vm_settings, goal_state.parse_plugin_versions, imds.parse])
@given(value=SHAPES)
def test_json_of_any_shape_is_read_or_unreadable(parse: Callable[[bytes], Any], value: Any) -> None:
    try:
        parse(json.dumps(value).encode())
    except Unreadable as error:
        assert str(error)


def test_the_instance_document_tells_cloud_region_and_subnet() -> None:
    found = imds.parse(json.dumps(instance()).encode())
    assert (found.cloud, found.location, found.vm_id) == ("public", "westeurope", VM_ID)
    assert found.subnets == ("10.0.0.0/24",)


def test_secrets_of_the_instance_document_are_left_where_they_are() -> None:
    document: Any = instance()
    document["compute"].update(
        userData="secret",
        customData="secret",
        tags="secret",
        publicKeys=[{"keyData": "secret"}],
        osProfile={"a": "secret"},
    )
    assert "secret" not in repr(imds.parse(json.dumps(document).encode()))
