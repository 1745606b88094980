"""The box's settings: `czujka.toml` in the state folder, over it the environment (`CZUJKA_…`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from appliance.home import Home

Port = int


class SettingsError(ValueError):
    """The settings cannot be used; the text names every fault."""


class Section(BaseModel):
    """A table of the settings file; an unknown key is a fault, not a guess."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Office(Section):
    """The office, as it is named in messages and reports. Phones stand in triage cards."""

    name: str = Field("Urząd", max_length=120)
    it_phone: str = Field("", max_length=32)
    head_phone: str = Field("", max_length=32)
    support_phone: str = Field("", max_length=32)
    dpo_phone: str = Field("", max_length=32)


class Mail(Section):
    """The outgoing mail server. Without a host, mail is put into the mailbox folder of the state folder."""

    host: str = ""
    port: int = Field(587, ge=1, le=65535)
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: str = "czujka@localhost"
    recipients: list[str] = Field(default_factory=lambda: ["informatyk@localhost"], max_length=50)
    starttls: bool = True


class Webhook(Section):
    """An address that gets alerts as JSON, signed with HMAC-SHA256 when it has a secret."""

    url: HttpUrl
    secret: SecretStr = SecretStr("")


class StoreSettings(Section):
    """How much history is kept: by age in days, and by share of the disk.

    `retention_days` are those of ordinary events, `days` of the classes of rules/retention/classes.yml by their ids.
    """

    retention_days: int = Field(730, ge=1, le=36500)
    days: dict[str, Annotated[int, Field(ge=1, le=36500)]] = Field(default_factory=dict)
    disk_share: float = Field(0.8, gt=0, le=0.95)

    @field_validator("days")
    @classmethod
    def _known(cls, days: dict[str, int]) -> dict[str, int]:
        from appliance.store.classes import shipped  # noqa: PLC0415 - only where a class is named

        known = {one.id for one in shipped().listed}
        wrong = sorted(days.keys() - known)
        if wrong:
            raise ValueError(f"nie ma klasy zdarzeń {', '.join(wrong)}; są: {', '.join(sorted(known))}")
        return days


class EvidenceSettings(Section):
    """The evidence chain: how often what is new is sealed, and where its daily anchor goes.

    `folder` should lie on another machine. `recipients` get the anchor by mail; without any, those of alerts do.
    """

    minutes: int = Field(15, ge=1, le=60)
    folder: Path | None = None
    recipients: list[str] = Field(default_factory=list, max_length=20)


class JournalSettings(Section):
    """The bound of the hand-off between gateway and pipeline, in bytes on disk."""

    max_bytes: int = Field(2 << 30, ge=1 << 20)


class PipelineSettings(Section):
    """How many processes may help the pipeline to read and match while there is much to do; None is a core's each,
    but one.
    """

    helpers: int | None = Field(None, ge=0, le=64)

    def most(self, cores: int) -> int:
        """Return how many helpers a machine of so many cores may have."""
        return max(0, cores - 1) if self.helpers is None else self.helpers


class RuleSettings(Section):
    """Further rules, how long a rule may be without data, and a rule's budget.

    `folders` are folders or files with Sigma rules, beside those that ship and the office's own. `data_days` is how
    many days without events, or without a field that it needs, make a rule one without data. `budget` is the share of
    one core that a single rule may take over a minute; 0 is no bound. `time_zone` is where rules read the hours and
    days of events: a name of the IANA database.
    """

    folders: list[Path] = Field(default_factory=list)
    data_days: int = Field(7, ge=1, le=90)
    budget: float = Field(0.1, ge=0, le=1)
    time_zone: str = "Europe/Warsaw"

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        # `available_timezones` and not `ZoneInfo`: a name must not become a path.
        if name not in available_timezones():
            raise ValueError(f"nieznana strefa czasowa „{name}”; napisz na przykład Europe/Warsaw")
        return name


class Settings(BaseSettings):
    """All settings with their defaults. `docs/settings.md` explains each."""

    model_config = SettingsConfigDict(
        env_prefix="CZUJKA_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(8443, ge=1, le=65535)
    gateway_host: str = "127.0.0.1"
    gateway_port: int = Field(8444, ge=1, le=65535)
    names: list[str] = Field(default_factory=list)
    language: Literal["pl", "en"] = "pl"
    min_level: int = Field(2, ge=0, le=4)
    state_url: str = ""
    office: Office = Office()
    mail: Mail = Mail()
    webhooks: list[Webhook] = Field(default_factory=list, max_length=20)
    store: StoreSettings = StoreSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    journal: JournalSettings = JournalSettings()
    pipeline: PipelineSettings = PipelineSettings()
    rules: RuleSettings = RuleSettings()

    def gateway_urls(self, port: int | None = None) -> list[str]:
        """Return where stations reach the gateway; `port` is the one it has when that is not the set one."""
        return [f"https://{name}:{port or self.gateway_port}" for name in self.names or [self.gateway_host]]

    def database(self, home: Home) -> str:
        """Return the URL of the state database."""
        return self.state_url or f"sqlite:///{home.state}"


# Names of the environment that start alike but belong to the launcher and the tests.
FOREIGN = ("CZUJKA_HOME", "CZUJKA_VENV", "CZUJKA_CORPORA", "CZUJKA_AGENT_HOME")


def load_settings(home: Home) -> Settings:
    """Read the settings of a state folder.

    Raises SettingsError with every fault, located in the file, in Polish.
    """

    class Located(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the hook's signature
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the hook's signature
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home.config)

    try:
        return Located()
    except ValidationError as error:
        faults = "\n".join(f"  {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise SettingsError(f"Ustawienia w {home.config} wymagają poprawy:\n{faults}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"Nie udało się odczytać {home.config}: {error}") from error
