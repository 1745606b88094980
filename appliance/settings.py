"""The box's settings: `czujka.toml` in the state folder, over it the environment (`CZUJKA_…`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, ValidationError, field_validator, model_validator
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


class ElasticSettings(Section):
    """A cluster of Elasticsearch 8 or 9, or of OpenSearch 3, for `store.kind = "elasticsearch"`.

    `hosts` are its addresses (https; plain http only on this machine). It is trusted by `ca_file`, by `fingerprint`
    (SHA-256 of a certificate) or else by the system's CAs; the box proves itself by `api_key`, or by `user` and
    `password`. `index` begins the names of indices. `max_bytes` bounds the events' size in the cluster, `spool_bytes`
    what waits on this machine while the cluster is away, `timeout_seconds` a question.
    """

    hosts: list[str] = Field(default_factory=list, max_length=50)
    engine: Literal["elasticsearch", "opensearch"] = "elasticsearch"
    api_key: SecretStr = SecretStr("")
    user: str = Field("", max_length=200)
    password: SecretStr = SecretStr("")
    ca_file: Path | None = None
    fingerprint: str = ""
    index: str = Field("czujka-events", pattern=r"^[a-z][a-z0-9_-]{0,60}$")
    shards: int = Field(1, ge=1, le=64)
    max_bytes: int | None = Field(None, ge=1 << 20)
    spool_bytes: int = Field(4 << 30, ge=1 << 20)
    timeout_seconds: float = Field(20, ge=1, le=300)

    @field_validator("hosts")
    @classmethod
    def _readable(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            _address(host)
        return hosts

    @field_validator("fingerprint")
    @classmethod
    def _digest(cls, text: str) -> str:
        digits = text.replace(":", "").lower()
        if digits and (len(digits) != 64 or set(digits) - set("0123456789abcdef")):
            raise ValueError("odcisk to 64 cyfry szesnastkowe (SHA-256); pokaże go: openssl x509 -fingerprint -sha256")
        return digits

    @model_validator(mode="after")
    def _one_proof(self) -> ElasticSettings:
        if self.api_key.get_secret_value() and self.user:
            raise ValueError("podaj api_key albo user i password, nie oba")
        if self.ca_file is not None and self.fingerprint:
            raise ValueError("podaj ca_file albo fingerprint, nie oba")
        if self.ca_file is not None and not self.ca_file.is_file():
            raise ValueError(f"nie ma pliku {self.ca_file}")
        return self

    def addresses(self) -> list[tuple[str, str, int, str]]:
        """Return scheme, host, port and path of each address."""
        return [_address(host) for host in self.hosts]


ELASTIC_PORT = 9200


def _address(text: str) -> tuple[str, str, int, str]:
    """Take an address apart. Raises ValueError with what is wrong with it."""
    parts = urlsplit(text)
    port = parts.port
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"„{text[:100]}” to nie adres; napisz na przykład https://es1.urzad.local:{ELASTIC_PORT}")
    if parts.username or parts.password:
        raise ValueError("hasło nie należy do adresu; wpisz user i password albo api_key")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError(f"„{text[:100]}”: bez szyfrowania tylko do tego samego komputera; napisz https://")
    return parts.scheme, parts.hostname, port or ELASTIC_PORT, parts.path.rstrip("/")


class StoreSettings(Section):
    """Where events are kept and how much history: by age in days, and by share of this machine's disk (embedded).

    `kind` names the store that answers; with `both` events are written to the two. `originals` are the classes of
    events that are kept together with the record that they came in.
    """

    kind: Literal["embedded", "elasticsearch"] = "embedded"
    both: bool = False
    retention_days: int = Field(730, ge=1, le=36500)
    days: dict[str, Annotated[int, Field(ge=1, le=36500)]] = Field(default_factory=dict)
    disk_share: float = Field(0.8, gt=0, le=0.95)
    originals: list[str] = Field(default_factory=list, max_length=20)
    elasticsearch: ElasticSettings = ElasticSettings()

    @model_validator(mode="after")
    def _somewhere(self) -> StoreSettings:
        if self.clustered and not self.elasticsearch.hosts:
            raise ValueError('kind = "elasticsearch" i both potrzebują adresu klastra w store.elasticsearch.hosts')
        return self

    @property
    def local(self) -> bool:
        """Whether segments on this machine have the events."""
        return self.kind == "embedded" or self.both

    @property
    def clustered(self) -> bool:
        """Whether a cluster has the events."""
        return self.kind == "elasticsearch" or self.both

    def kept_days(self) -> dict[str, int]:
        """Return for how many days each class of events stays."""
        from appliance.store.classes import shipped  # noqa: PLC0415 - only where a class is named

        return shipped().days(self.retention_days, self.days)

    @property
    def divided(self) -> bool:
        """Whether classes of events are kept for different numbers of days."""
        return len({*self.kept_days().values()}) > 1

    @field_validator("days")
    @classmethod
    def _known(cls, days: dict[str, int]) -> dict[str, int]:
        _classes(days, set())
        return days

    @field_validator("originals")
    @classmethod
    def _kept(cls, names: list[str]) -> list[str]:
        _classes(names, {"ordinary"})
        return names


def _classes(names: Iterable[str], more: set[str]) -> None:
    """Raise ValueError for names that no class of events has."""
    from appliance.store.classes import shipped  # noqa: PLC0415 - only where a class is named

    known = {one.id for one in shipped().listed} | more
    wrong = sorted({*names} - known)
    if wrong:
        raise ValueError(f"nie ma klasy zdarzeń {', '.join(wrong)}; są: {', '.join(sorted(known))}")


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


class HuntSettings(Section):
    """Hunts that the box makes by itself: a rule that was added or changed looks through so many past days; 0: none."""

    days: int = Field(30, ge=0, le=36500)


class SliceSettings(Section):
    """Packets of flows: bytes and days of those that imports keep, and days of those that somebody asked for."""

    max_bytes: int = Field(2 << 30, ge=0)
    days: int = Field(7, ge=1, le=3650)
    kept_days: int = Field(90, ge=1, le=36500)


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
    hunts: HuntSettings = HuntSettings()
    slices: SliceSettings = SliceSettings()

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
