"""waagent's policy file: which extensions it lets run, read as strictly as the agent reads it. Parsing only.

The agent takes the file where it is, an image's too, and refuses every extension if there is anything in it that it
does not know (WALinuxAgent, azurelinuxagent/ga/policy/policy_engine.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import loads

SUPPORTED = (0, 1, 0)
"""The newest policyVersion that 2.16 takes."""
VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,2}")
NAME = re.compile(r"[\w.-]{1,120}", re.ASCII)
_POLICY = ("policyVersion", "extensionPolicies")
_POLICIES = ("allowListedExtensionsOnly", "signatureRequired", "extensions")
_EXTENSION = ("signatureRequired", "runtimePolicy")


class _Invalid(ValueError):
    """The agent refuses the file; the text says why."""


@dataclass(frozen=True)
class Policy:
    """What the file says."""

    fault: Optional[str] = None
    """Why the agent refuses it, and with it every extension; None if it takes it."""
    listed_only: bool = False
    """Extensions that are not listed are refused."""
    listed: tuple[str, ...] = ()
    """Names in lower case; the agent does not tell cases apart."""
    signed_only: bool = False
    """Extensions must be signed, but those that say otherwise."""
    signed: tuple[str, ...] = ()
    """Those of `listed` that must be signed."""
    unsigned: tuple[str, ...] = ()
    """Those of `listed` that need not, whatever holds for all."""

    def refuses(self, extension: str) -> bool:
        """It is not run, signed or not."""
        return self.fault is not None or (self.listed_only and extension.lower() not in self.listed)

    @property
    def wants_signatures(self) -> bool:
        """Of some extensions; on a VM that is not a confidential one the agent refuses such a file as a whole."""
        return self.signed_only or bool(self.signed)


def parse(content: bytes) -> Policy:
    """The policy, or why it is none."""
    try:
        return _policy(loads(content.decode()))
    except _Invalid as reason:
        return Policy(fault=str(reason))
    except ValueError:
        return Policy(fault="it is not JSON")


def _policy(root: Any) -> Policy:
    if not isinstance(root, dict):
        raise _Invalid("it is not a JSON object")
    _known(root, _POLICY)
    version = root.get("policyVersion")
    if not isinstance(version, str) or VERSION.fullmatch(version) is None:
        raise _Invalid("policyVersion is missing or no version")
    if tuple(map(int, version.split("."))) > SUPPORTED:
        raise _Invalid(f"policyVersion {version} is newer than {'.'.join(map(str, SUPPORTED))}")
    policies = _object(root, "extensionPolicies")
    _known(policies, _POLICIES)
    extensions = {str(name).lower(): one for name, one in _object(policies, "extensions").items()}
    for one in extensions.values():
        if not isinstance(one, dict):
            raise _Invalid("an entry of extensions is not an object")
        _known(one, _EXTENSION)
    signed = {name: _switch(one, "signatureRequired") for name, one in extensions.items()}
    return Policy(
        listed_only=bool(_switch(policies, "allowListedExtensionsOnly")),
        listed=_names(extensions),
        signed_only=bool(_switch(policies, "signatureRequired")),
        signed=_names({name: value for name, value in signed.items() if value is True}),
        unsigned=_names({name: value for name, value in signed.items() if value is False}),
    )


def _names(entries: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in entries if NAME.fullmatch(name))


def _known(value: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    if any(key not in keys for key in value):
        raise _Invalid(f"it has a key beside {', '.join(keys)}")


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    if value is not None and not isinstance(value, dict):
        raise _Invalid(f"{key} is not an object")
    return value or {}


def _switch(parent: Mapping[str, Any], key: str) -> Optional[bool]:
    value = parent.get(key)
    if value is not None and not isinstance(value, bool):
        raise _Invalid(f"{key} is neither true nor false")
    return value
