"""The goal state: what the platform wants on this VM, and where the packages for it are. Parsing only.

The guest agent learns its extensions in two ways. The wire server's goal state names an extensions document (XML); the
HostGAPlugin has the same as vmSettings (JSON), and what is marked FastTrack there counts where it is newer. Either
names, for each extension, where its manifest is; the manifest says where the package of each version is. Shapes as
WALinuxAgent reads them (azurelinuxagent/common/protocol: goal_state.py, hostplugin.py and the two
extensions_goal_state_from_*.py).

The documents hold signed addresses and settings, encrypted ones and public ones. Nothing of a query string leaves this
module, and of settings no more than the servers that the public ones name (azure/public_settings.py). They come from
the network in the clear, so a document type declaration, the way to entities that grow without end, is refused; the
platform sends none.
"""

from __future__ import annotations

import re
from typing import Any, Optional
from xml.etree import ElementTree

from azpreflight.azure import public_settings
from azpreflight.dataclass import dataclass
from azpreflight.foreign import edge, loads

URL_MOST = 2_000
"""Characters of an address that is used: the platform's signed ones have some 300, and libraries that take addresses
apart need quadratic time for a long one."""
PLUGINS_LIMIT = 64
"""Extensions that are inspected; a VM with more than a dozen is rare."""
FABRIC, FAST_TRACK = "Fabric", "FastTrack"
DOCTYPE = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


class Unreadable(ValueError):
    """The document is malformed; the text says why."""


@dataclass(frozen=True)
class GoalState:
    """What the wire server wants of this VM."""

    incarnation: str
    """Counts up with each change; "" if the document does not say."""
    container_id: str
    """The HostGAPlugin wants it with every request."""
    config_name: str
    """Likewise."""


@dataclass(frozen=True)
class Plugin:
    """An extension that this VM shall have."""

    name: str
    version: str
    state: str
    """enabled, disabled or uninstall."""
    manifests: tuple[str, ...]
    """Where its manifest is, in the order of the goal state, without query strings."""
    signed: bool
    """True if an address lost a query string, so that the store will not deliver for what is left of it."""
    named: tuple[str, ...] = ()
    """Servers that its public settings name, https://host/."""
    accounts: tuple[str, ...] = ()
    """Storage accounts that they name without an address."""
    workspaces: tuple[str, ...] = ()
    """Ids of Log Analytics workspaces that they name."""


@dataclass(frozen=True)
class Family:
    """A line of releases of the guest agent itself."""

    name: str
    manifests: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """The extensions and agent releases that one of the two ways names."""

    source: str
    """"Fabric" or "FastTrack"."""
    created: int
    """Ticks (100 ns); 0 if the document does not say. The newer of the two ways counts."""
    plugins: tuple[Plugin, ...]
    families: tuple[Family, ...]
    beyond: int = 0
    """Extensions that the document names besides, of which nothing is kept."""


def newer(fabric: Optional[Wanted], settings: Optional[Wanted]) -> Optional[Wanted]:
    """The one of the two that the agent goes by."""
    if settings is None or settings.source != FAST_TRACK:
        return fabric
    if fabric is None or settings.created >= fabric.created:
        return settings
    return fabric


def bare(uri: str) -> str:
    """The address without user, query and fragment, which may hold a signature."""
    path = re.split(r"[?#]", uri.strip(), maxsplit=1)[0]
    return re.sub(r"^([a-z]+://)[^/@]*@", r"\1", path, flags=re.IGNORECASE).encode("ascii", "backslashreplace").decode()


def parse_xml(body: bytes) -> ElementTree.Element:
    """The root of a document in UTF-8 without a document type declaration; Unreadable if it is anything else."""
    with edge(Unreadable, Unreadable):
        try:
            text = body.decode("utf-8-sig")
            if DOCTYPE.search(text):
                raise Unreadable("it declares a document type, which the platform never does")
            return ElementTree.fromstring(text)  # noqa: S314 - entities need a DOCTYPE, which is refused above
        except UnicodeDecodeError:
            raise Unreadable("it is not UTF-8") from None
        except ElementTree.ParseError as error:
            raise Unreadable(f"it is not XML: {error}") from None


def parse_versions(body: bytes) -> tuple[str, ...]:
    """The protocol versions that the wire server offers."""
    return tuple(_plain(_text(element)) for element in parse_xml(body).iter("Version"))


def parse_goal_state(body: bytes) -> tuple[GoalState, Optional[str]]:
    """The goal state, and the address of its extensions document; Unreadable without a container id."""
    root = parse_xml(body)
    container_id = _text(root.find("Container/ContainerId"))
    if not container_id:
        raise Unreadable("it names no container")
    configuration = "Container/RoleInstanceList/RoleInstance/Configuration"
    config_name = _text(root.find(f"{configuration}/ConfigName"))
    address = _address(root.find(f"{configuration}/ExtensionsConfig"))
    return GoalState(_text(root.find("Incarnation")), container_id, config_name), address or None


def parse_extensions_config(body: bytes) -> Wanted:
    """The extensions in the wire server's document."""
    root = parse_xml(body)
    settings = _settings_of(root)
    named = root.findall("Plugins/Plugin")
    plugins = [
        _plugin(
            element.get("name"),
            element.get("version"),
            element.get("state"),
            [
                element.get("location"),
                element.get("failoverlocation"),
                *(_text(more) for more in element.iter("additionalLocation")),
            ],
            settings.get((element.get("name") or "").lower(), []),
        )
        for element in named[:PLUGINS_LIMIT]
    ]
    families = [
        Family(_plain(_text(element.find("Name"))), _bare_all([_text(uri) for uri in element.iter("Uri")]))
        for element in root.iter("GAFamily")
    ]
    metadata = root.find("InVMGoalStateMetaData")
    ticks = _ticks(metadata.get("createdOnTicks") if metadata is not None else None)
    return Wanted(FABRIC, ticks, tuple(plugins), tuple(families), len(named) - len(plugins))


def parse_vm_settings(body: bytes) -> Wanted:
    """The extensions in the HostGAPlugin's document."""
    root = _mapping(_json(body))
    named = _sequence(root.get("extensionGoalStates"))
    plugins = [
        _plugin(
            state.get("name"),
            state.get("version"),
            state.get("state"),
            [state.get("location"), state.get("failoverlocation"), *_sequence(state.get("additionalLocations"))],
            [_public(one) for one in _sequence(state.get("settings"))[:PLUGINS_LIMIT]],
        )
        for state in map(_mapping, named[:PLUGINS_LIMIT])
    ]
    families = [
        Family(_plain(family.get("name")), _bare_all(_sequence(family.get("uris"))))
        for family in map(_mapping, _sequence(root.get("gaFamilies")))
    ]
    source = FAST_TRACK if root.get("extensionGoalStatesSource") == FAST_TRACK else FABRIC
    ticks = _ticks(root.get("extensionsLastModifiedTickCount"))
    return Wanted(source, ticks, tuple(plugins), tuple(families), len(named) - len(plugins))


def parse_manifest(body: bytes) -> dict[str, tuple[str, ...]]:
    """Where the package of each version is, query strings included: to be asked for, not to be written down."""
    return {
        _text(element.find("Version")): tuple(_address(uri) for uri in element.iter("Uri") if _address(uri))
        for element in parse_xml(body).iter("Plugin")
    }


def parse_plugin_versions(body: bytes) -> tuple[str, ...]:
    """The versions of its interface that the HostGAPlugin offers."""
    return tuple(_plain(version) for version in _sequence(_json(body)))


def _settings_of(root: ElementTree.Element) -> dict[str, list[Any]]:
    """The public settings by the extension's name in lower case; a handler may have several."""
    found: dict[str, list[Any]] = {}
    for element in root.findall("PluginSettings/Plugin")[:PLUGINS_LIMIT]:
        own = found.setdefault((element.get("name") or "").lower(), [])
        for runtime in list(element.iter("RuntimeSettings"))[:PLUGINS_LIMIT]:
            try:
                document = loads(_text(runtime))
            except ValueError:
                continue
            entries = document.get("runtimeSettings") if isinstance(document, dict) else None
            handlers = (one.get("handlerSettings") for one in _list(entries) if isinstance(one, dict))
            own += [_public(handler) for handler in handlers]
    return found


def _public(settings: Any) -> Any:
    """The public part, which is an object here and its JSON there."""
    public = settings.get("publicSettings") if isinstance(settings, dict) else None
    if not isinstance(public, str):
        return public
    try:
        return loads(public)
    except ValueError:
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _plugin(name: Any, version: Any, state: Any, locations: list[Any], settings: list[Any]) -> Plugin:
    signed = any("?" in location for location in locations if isinstance(location, str))
    return Plugin(
        _plain(name),
        _plain(version),
        _plain(state or "enabled"),
        _bare_all(locations),
        signed,
        public_settings.origins(settings),
        public_settings.accounts(settings),
        public_settings.workspaces(settings),
    )


def _plain(value: Any) -> str:
    """A name from the network made fit to print."""
    return re.sub(r"[^!-~]", "", str(value or ""))[:120]


def _ticks(value: Any) -> int:
    text = str(value)
    return int(text) if re.fullmatch(r"[0-9]{1,19}", text) else 0


def _bare_all(uris: list[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(bare(uri) for uri in uris if isinstance(uri, str) and 0 < len(uri.strip()) <= URL_MOST))


def _text(element: Optional[ElementTree.Element]) -> str:
    return (element.text or "").strip() if element is not None else ""


def _address(element: Optional[ElementTree.Element]) -> str:
    """An address; "" for one that is too long to be used."""
    text = _text(element)
    return text if len(text) <= URL_MOST else ""


def _json(body: bytes) -> Any:
    try:
        return loads(body)
    except ValueError:
        raise Unreadable("it is not JSON") from None


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable("it has not the expected shape")
    return value


def _sequence(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable("it has not the expected shape")
    return value
