"""What importing the package brings with it: the standard library, and no adapter that nobody asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

INSIDE = ("domain", "application", "boundary", "storage.address", "signals.catalogue", "cli")
ADAPTERS = {
    "psutil",
    "psycopg",
    "sqlite3",
    "starlette",
    "uvicorn",
    "prometheus_client",
    "opentelemetry",
    "service_monitoring.server",
    "service_monitoring.sinks",
    "service_monitoring.storage.sql",
}
LIST_MODULES = """
import importlib, pkgutil, sys
package = importlib.import_module("service_monitoring.{name}")
for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
    importlib.import_module(f"{{package.__name__}}.{{module.name}}")
print(*sys.modules)
"""


def imported(name: str) -> set[str]:
    """What is loaded once a part of the package and all its modules are."""
    code = LIST_MODULES.format(name=name)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", INSIDE)
def test_no_adapter_is_loaded_before_it_is_named(name: str) -> None:
    """Whoever imports the inside pays for the inside."""
    modules = imported(name)
    assert f"service_monitoring.{name}" in modules
    assert modules & ADAPTERS == set()


def test_the_adapters_are_those_that_are_there() -> None:
    """A name that nothing ever loads would guard nothing."""
    modules = imported("server") | imported("storage") | imported("signals") | imported("sources")
    assert modules >= ADAPTERS


@pytest.mark.parametrize("name", ["domain", "application", "boundary"])
def test_the_inside_needs_the_standard_library_only(name: str) -> None:
    """Whatever is loaded beyond Python itself is the package."""
    roots = {module.partition(".")[0] for module in imported(name)} - {"service_monitoring", "__main__"}
    # Files of an environment may bring helpers of their own before any code runs.
    before = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], check=True, capture_output=True, text=True
    )
    roots -= {module.partition(".")[0] for module in before.stdout.split()}
    assert roots <= set(sys.stdlib_module_names)
