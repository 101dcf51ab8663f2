"""Reference cases of the effect, and how a test takes them one by one."""

import json
from typing import Any

from support.paths import VECTORS


def effect_cases(name: str) -> list[dict[str, Any]]:
    return json.loads((VECTORS / "effect" / name).read_text(encoding="utf-8"))["cases"]


def by_case(name: str) -> dict[str, Any]:
    """Arguments of ``pytest.mark.parametrize`` for every case of a file."""
    found = effect_cases(name)
    return {"argvalues": found, "ids": [f"{name.removesuffix('.json')}-{case['id']}" for case in found]}
