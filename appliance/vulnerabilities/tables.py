"""Our own tables: office software and builds of Windows (`rules/vulnerabilities/`), each fact with its source."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

import rules
from agent.wire.editions import Line
from appliance import plainyaml
from appliance.vulnerabilities.versions import dotted

FOLDER = rules.ROOT / "vulnerabilities"
SOFTWARE, BUILDS = FOLDER / "office-software.yaml", FOLDER / "windows-builds.yaml"
Numbers = Annotated[tuple[int, ...], BeforeValidator(lambda text: dotted(str(text)))]


class _Fact(BaseModel):
    """What every row has: where it stands, when it was looked up, whether that source itself was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str = Field(pattern=r"^https://\S+$")
    checked: date
    verified: bool


class Software(_Fact):
    """A weakness of a program, or the end of its support."""

    name: Annotated[re.Pattern[str], BeforeValidator(lambda text: re.compile(text, re.IGNORECASE))]
    product: str = Field(min_length=1, max_length=120)
    weakness: str = Field(pattern=r"^(CVE-\d{4}-\d{4,9}|END-[A-Z0-9-]{1,50})$")
    since: Numbers | None = Field(None, alias="from")
    least: str = ""
    end: date | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Software:
        if bool(self.least) == (self.end is not None):
            raise ValueError("either `least` or `end`")
        if self.least:
            dotted(self.least)
        return self

    def names(self, shown: str) -> bool:
        """Tell whether a program that is shown under a name is this one."""
        return self.name.fullmatch(shown) is not None


class Build(_Fact):
    """A release of Windows."""

    build: int = Field(ge=2600, le=99_999)
    release: str
    line: Line = "client"
    end: date
    business: date | None = None
    revision: int | None = None
    update: str = ""


class Tables(BaseModel):
    """Both tables; `digest` changes with their text."""

    software: tuple[Software, ...]
    builds: tuple[Build, ...]
    digest: str


def load(software: Path, builds: Path) -> Tables:
    """Read the tables. Raises yaml.YAMLError, pydantic.ValidationError (a ValueError)."""
    texts = [path.read_text("utf-8") for path in (software, builds)]
    rows = [plainyaml.load(text)["rows"] for text in texts]
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    return Tables(software=rows[0], builds=rows[1], digest=digest)


@cache
def shipped() -> Tables:
    """Return the tables of the product, read once a process."""
    return load(SOFTWARE, BUILDS)
