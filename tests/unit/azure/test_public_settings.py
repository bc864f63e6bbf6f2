"""Servers that an extension's public settings name, and nothing else of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.azure import goal_state, public_settings
from azpreflight.standin import documents
from azpreflight.standin.extension import HELLO

SAS = "https://store1.blob.core.windows.net/scripts/run.sh?sv=2024&sig=c2VjcmV0"


@pytest.mark.parametrize(
    ("settings", "origins"),
    [
        ({"fileUris": [SAS, SAS]}, ["https://store1.blob.core.windows.net/"]),
        ({"a": {"b": [{"url": "HTTPS://Vault1.Vault.Azure.net/secrets/x"}]}}, ["https://vault1.vault.azure.net/"]),
        ({"proxy": {"address": "http://user:secret@10.0.0.6:3128"}}, ["http://10.0.0.6:3128/"]),
        ({"commandToExecute": f"curl {SAS}"}, []),
        ({"x": "http://localhost/x", "y": "http://169.254.169.254/m", "z": "http://168.63.129.16:80/"}, []),
        ({"x": "https://[::1", "y": "https:///x", "z": "ftp://host/x", "n": 3, "none": None}, []),
        (None, []),
    ],
)
def test_servers_are_known_by_the_form_of_an_address(settings: Any, origins: list[str]) -> None:
    """Scheme, host and port; never a path, a query or a user."""
    assert list(public_settings.origins(settings)) == origins


def test_a_storage_account_is_known_by_its_key() -> None:
    """In whatever case the key is written."""
    assert public_settings.accounts({"StorageAccount": "Diag1", "storageAccountName": "x y"}) == ("diag1",)
    assert public_settings.accounts({"account": "diag1"}) == ()


def test_both_goal_states_name_the_same_servers() -> None:
    """An object in one, JSON in a text in the other."""
    public = '"fileUris": ["https://a.example.net/x?sig=c2VjcmV0"]'
    fabric = documents.extensions_config(HELLO).replace('"hello": "world"', public)
    settings = documents.vm_settings(HELLO).replace('\\"hello\\": \\"world\\"', public.replace('"', '\\"'))
    for wanted in (
        goal_state.parse_extensions_config(fabric.encode()),
        goal_state.parse_vm_settings(settings.encode()),
    ):
        assert [plugin.named for plugin in wanted.plugins] == [("https://a.example.net/",)]
        assert "c2VjcmV0" not in repr(wanted)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.just(SAS),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_no_settings_are_too_odd(settings: Any) -> None:
    """Whatever they are, at most a few servers come of them, and no signature."""
    found = public_settings.origins(settings)
    assert len(found) <= public_settings.ORIGINS_MOST
    assert not any("sig" in origin for origin in found)


def test_a_workspace_is_known_by_its_key_and_its_form() -> None:
    """In whatever case, nested or not; another id under the key is none."""
    workspace = "1234A123-aa1a-123a-aaa1-a1a345aa6789"
    assert public_settings.workspaces({"workspaceId": workspace}) == (workspace.lower(),)
    assert public_settings.workspaces({"log": [{"WorkspaceID": workspace}]}) == (workspace.lower(),)
    assert public_settings.workspaces({"workspaceId": "/subscriptions/x", "id": workspace}) == ()
