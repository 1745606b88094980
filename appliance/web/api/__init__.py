"""The JSON API under `/api/v1`."""

from __future__ import annotations

from fastapi import APIRouter

from appliance.web.api import (
    accounts,
    agents,
    alerts,
    analysis,
    collecting,
    coverage,
    decisions,
    events,
    exceptions,
    health,
    holds,
    hunts,
    indicators,
    live,
    records,
    reports,
    rollouts,
    rules,
    rulesets,
    searches,
    slices,
    stations,
    weaknesses,
)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    holds.router,
    alerts.router,
    analysis.router,  # before the events' own, one of which takes any name
    events.router,
    searches.router,
    agents.router,
    stations.router,
    decisions.router,
    collecting.router,
    rollouts.router,
    weaknesses.router,
    coverage.router,
    rules.router,
    rulesets.router,
    exceptions.router,
    indicators.router,
    hunts.router,
    slices.router,
    records.router,
    reports.router,
    accounts.router,
    live.router,
)
"""Every router of the API."""
