"""Who may do what. Nothing else in the code decides this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from appliance.state.models import Role


class Permission(StrEnum):
    """What a route needs. Every route names exactly one."""

    PUBLIC = "public"
    """Anybody, signed in or not: sign-in, set-up link, assets, the bare health answer."""
    SELF = "self"
    """A person about their own account."""
    SCHEMA_READ = "schema.read"
    """The API's description: anybody who has signed in."""
    ALERTS_READ = "alerts.read"
    ALERTS_ACT = "alerts.act"
    EVENTS_READ = "events.read"
    EVENTS_EXPORT = "events.export"
    PACKETS_TAKE = "packets.take"
    """Have the packets of a flow fetched, see what is in them, take them away: they hold what people wrote."""
    SEARCHES_KEEP = "searches.keep"
    """Keep searches, for oneself or for the office."""
    AGENTS_READ = "agents.read"
    AGENTS_MANAGE = "agents.manage"
    RULES_READ = "rules.read"
    RULES_MANAGE = "rules.manage"
    EXCEPTIONS_PROPOSE = "exceptions.propose"
    """Propose an exception, and take one back: the first hides nothing yet, the second hides less."""
    EXCEPTIONS_APPROVE = "exceptions.approve"
    """Agree to an exception that somebody else has proposed."""
    INDICATORS_MANAGE = "indicators.manage"
    """Take lists of indicators in and remove what they told; to see them takes `rules.read`."""
    HUNTS_READ = "hunts.read"
    HUNTS_MAKE = "hunts.make"
    """Start and stop hunts, and plan them: they find alerts and hide none."""
    HEALTH_READ = "health.read"
    HOLDS_SET = "holds.set"
    """Set and lift a legal hold on stored events; to see them takes `health.read`."""
    DEAD_LETTERS_READ = "dead_letters.read"
    IMPORTS_READ = "imports.read"
    REPORTS_READ = "reports.read"
    REPORTS_MAKE = "reports.make"
    OPERATIONS_READ = "operations.read"
    TOKENS_MANAGE = "tokens.manage"
    USERS_MANAGE = "users.manage"


class Scope(StrEnum):
    """What an API token may be given."""

    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    EVENTS_READ = "events:read"
    PACKETS_TAKE = "packets:take"
    AGENTS_READ = "agents:read"
    AGENTS_WRITE = "agents:write"
    RULES_READ = "rules:read"
    RULES_WRITE = "rules:write"
    EXCEPTIONS_WRITE = "exceptions:write"
    INDICATORS_WRITE = "indicators:write"
    HUNTS_READ = "hunts:read"
    HUNTS_WRITE = "hunts:write"
    HEALTH_READ = "health:read"
    REPORTS_READ = "reports:read"
    REPORTS_WRITE = "reports:write"
    AUDIT_READ = "audit:read"
    ADMIN = "admin"
    """Everything that is not a person's own account."""


_READING = frozenset(
    {
        Permission.PUBLIC,
        Permission.SELF,
        Permission.SCHEMA_READ,
        Permission.ALERTS_READ,
        Permission.EVENTS_READ,
        Permission.EVENTS_EXPORT,
        Permission.AGENTS_READ,
        Permission.RULES_READ,
        Permission.HUNTS_READ,
        Permission.HEALTH_READ,
        Permission.DEAD_LETTERS_READ,
        Permission.IMPORTS_READ,
        Permission.REPORTS_READ,
    }
)

OF_ROLE: Mapping[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.OPERATOR: _READING
    | {
        Permission.ALERTS_ACT,
        Permission.PACKETS_TAKE,
        Permission.SEARCHES_KEEP,
        Permission.REPORTS_MAKE,
        Permission.EXCEPTIONS_PROPOSE,
        Permission.EXCEPTIONS_APPROVE,
        Permission.INDICATORS_MANAGE,
        Permission.HUNTS_MAKE,
        Permission.HOLDS_SET,
    },
    Role.AUDITOR: _READING | {Permission.OPERATIONS_READ},
}

OF_SCOPE: Mapping[Scope, frozenset[Permission]] = {
    Scope.ALERTS_READ: frozenset({Permission.ALERTS_READ}),
    Scope.ALERTS_WRITE: frozenset({Permission.ALERTS_READ, Permission.ALERTS_ACT}),
    Scope.EVENTS_READ: frozenset({Permission.EVENTS_READ, Permission.EVENTS_EXPORT}),
    Scope.PACKETS_TAKE: frozenset({Permission.PACKETS_TAKE}),
    Scope.AGENTS_READ: frozenset({Permission.AGENTS_READ}),
    Scope.AGENTS_WRITE: frozenset({Permission.AGENTS_READ, Permission.AGENTS_MANAGE}),
    Scope.RULES_READ: frozenset({Permission.RULES_READ}),
    Scope.RULES_WRITE: frozenset({Permission.RULES_READ, Permission.RULES_MANAGE}),
    # Agreeing takes a person.
    Scope.EXCEPTIONS_WRITE: frozenset({Permission.RULES_READ, Permission.EXCEPTIONS_PROPOSE}),
    Scope.INDICATORS_WRITE: frozenset({Permission.RULES_READ, Permission.INDICATORS_MANAGE}),
    Scope.HUNTS_READ: frozenset({Permission.HUNTS_READ}),
    Scope.HUNTS_WRITE: frozenset({Permission.HUNTS_READ, Permission.HUNTS_MAKE}),
    Scope.HEALTH_READ: frozenset({Permission.HEALTH_READ, Permission.DEAD_LETTERS_READ, Permission.IMPORTS_READ}),
    Scope.REPORTS_READ: frozenset({Permission.REPORTS_READ}),
    Scope.REPORTS_WRITE: frozenset({Permission.REPORTS_READ, Permission.REPORTS_MAKE}),
    Scope.AUDIT_READ: frozenset({Permission.OPERATIONS_READ}),
    Scope.ADMIN: frozenset(Permission) - {Permission.SELF},
}

_ANY_TOKEN = frozenset({Permission.PUBLIC, Permission.SCHEMA_READ})


def of_role(role: Role) -> frozenset[Permission]:
    """Return what a person of a role may do."""
    return OF_ROLE[role]


def of_scopes(scopes: Iterable[str]) -> frozenset[Permission]:
    """Return what a token with these scopes may do; a name that is no scope gives nothing."""
    known = [OF_SCOPE[Scope(name)] for name in scopes if name in set(Scope)]
    return _ANY_TOKEN.union(*known) if known else frozenset({Permission.PUBLIC})
