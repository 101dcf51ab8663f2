"""What the package exchange offers by name, and that importing it loads no format."""

import subprocess
import sys

import pytest

from protocol import exchange


@pytest.mark.parametrize("name", exchange.__all__)
def test_every_name_offered_is_there_and_documented(name: str) -> None:
    assert getattr(exchange, name).__doc__
    assert name in dir(exchange)


def test_the_names_offered_are_those_that_can_be_loaded() -> None:
    loaded = {name for names in exchange._NAMES.values() for name in names} | set(exchange._MODULES)
    assert sorted(loaded) == sorted(exchange.__all__)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'read_everything'"):
        _ = exchange.read_everything


def test_importing_the_package_loads_no_format() -> None:
    code = "import sys, protocol.exchange; print([n for n in sys.modules if n.startswith('protocol.exchange.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
