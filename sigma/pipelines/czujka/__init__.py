"""Czujka's pipelines for sigma-cli: `sigma convert -p czujka …` (see rules/README.md).

`sigma` and `sigma.pipelines` are namespace packages: pySigma finds its plugins as modules in them
(`sigma.plugins.InstalledSigmaPlugins`), so neither folder above this one may have an `__init__.py`.
"""

from __future__ import annotations

from sigma.processing.pipeline import ProcessingPipeline

__all__ = ["czujka", "czujka_linux", "czujka_windows"]


def czujka() -> ProcessingPipeline:
    """Every rule: fields to event keys, log source to conditions."""
    return _pipeline("czujka")


def czujka_windows() -> ProcessingPipeline:
    """The same for rules of the product windows alone."""
    return _pipeline("czujka_windows", "windows")


def czujka_linux() -> ProcessingPipeline:
    """The same for rules of the product linux alone."""
    return _pipeline("czujka_linux", "linux")


def _pipeline(name: str, product: str | None = None) -> ProcessingPipeline:
    # `sigma list` and every other plugin's conversion import this module too; they need not load the engine.
    from appliance.detect.ecs import pipeline  # noqa: PLC0415 - who lists plugins need not load the engine

    return pipeline(name, product)
