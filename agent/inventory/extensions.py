"""Extensions of browsers, from the profiles' own files; the same on every system but for where profiles lie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agent.inventory.section import Item

_BROWSERS = (("edge", "Edge"), ("chromium", "Chromium"), ("chrome", "Chrome"), ("brave", "Brave"))
_CHROMIUM = re.compile(r"Extensions[/\\]([a-p]{32})[/\\]([^/\\]+)[/\\]manifest\.json$")
_BUILT_IN = frozenset({"app-builtin", "app-builtin-addons", "app-system-defaults", "app-system-addons"})


def firefox(texts: Mapping[str, str]) -> Iterator[Item]:
    """Read Firefox's extensions.json files, by path; the browser's own parts are left out."""
    for path, text in texts.items():
        for addon in _list(_object(text).get("addons")):
            if addon.get("location") in _BUILT_IN or addon.get("type") != "extension":
                continue
            shown = addon.get("defaultLocale")
            name = shown.get("name") if isinstance(shown, dict) else None
            extension, version = str(addon.get("id", "")), str(addon.get("version", ""))
            yield _item("Firefox", path, extension, str(name or extension), version)


def chromium(texts: Mapping[str, str]) -> Iterator[Item]:
    """Read the manifests of Chromium's family, by path; a name that stands in a translation is given as its id."""
    for path, text in texts.items():
        found = _CHROMIUM.search(path)
        if found is None:
            continue
        manifest = _object(text)
        name = str(manifest.get("name", ""))
        yield _item(
            next((shown for part, shown in _BROWSERS if part in path.lower()), "Chromium"),
            path, found[1], found[1] if name.startswith("__MSG_") else name, str(manifest.get("version", "")),
        )  # fmt: skip


def _object(text: str) -> Mapping[str, Any]:
    """Return a file's object; nothing of a file that is broken, for whoever owns it must not hide the others' files."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _item(browser: str, path: str, extension: str, name: str, version: str) -> Item:
    user = _user(path)
    return (
        f"{browser}:{user}:{extension}",
        {
            "inventory.browser": browser,
            "user.name": user,
            "inventory.extension": extension,
            "package.name": name,
            "package.version": version,
        },
    )


def _user(path: str) -> str:
    parts = re.split(r"[/\\]", path)
    return next((parts[i + 1] for i, part in enumerate(parts[:-1]) if part.lower() in {"home", "users"}), "root")
