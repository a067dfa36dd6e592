"""Everything public says what it promises."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

import pytest

import service_monitoring

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = [
    "service_monitoring",
    *(module.name for module in pkgutil.walk_packages(service_monitoring.__path__, "service_monitoring.")),
]


def undocumented(name: str) -> Iterator[str]:
    """The public names that a module defines without a docstring of their own."""
    module = importlib.import_module(name)
    if not module.__doc__:
        yield name
    for key, thing in vars(module).items():
        if key.startswith("_") or getattr(thing, "__module__", None) != name:
            continue
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        if not thing.__doc__:
            yield f"{name}.{key}"
        if inspect.isclass(thing):
            for member, attribute in vars(thing).items():
                described = attribute.__func__ if isinstance(attribute, classmethod) else attribute
                if (
                    not member.startswith("_")
                    and (inspect.isfunction(described) or isinstance(described, property))
                    and not described.__doc__
                ):
                    yield f"{name}.{key}.{member}"


@pytest.mark.parametrize("name", MODULES)
def test_public_modules_classes_functions_and_methods_have_docstrings(name: str) -> None:
    """The API pages are made from docstrings: a missing one is an empty entry."""
    assert list(undocumented(name)) == []
