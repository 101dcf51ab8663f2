"""The JSON Schema (draft 2020-12) of each file of a trial folder, from the models that read them.

``python docs/_ext/record_schema.py folder`` writes them into a folder; the site has them below ``schema/``.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NAME = "{}.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def models() -> dict[str, Any]:
    """Return the model of each file of a trial folder, by the file's name without its ending."""
    from protocol.effect import EffectRecord
    from protocol.eligibility import Cases, EligibilityRecord
    from protocol.escalation import EscalationRecord
    from protocol.followup import FollowupRecord
    from protocol.sites import SitesRecord
    from protocol.trial import Identity, Register

    return {
        "trial": Identity,
        "eligibility": EligibilityRecord,
        "eligibility_cases": Cases,
        "escalation": EscalationRecord,
        "followup": FollowupRecord,
        "effect": EffectRecord,
        "sites": SitesRecord,
        "ambiguities": Register,
    }


def schema(stem: str) -> dict[str, Any]:
    """Return the schema of one file; dates are text in the form of ISO 8601."""
    return {"$schema": DIALECT, **models()[stem].model_json_schema(), "title": f"{stem}.toml"}


def write(folder: Path) -> list[Path]:
    """Write every schema into a folder and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for stem in models():
        file = folder / NAME.format(stem)
        file.write_text(json.dumps(schema(stem), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        files.append(file)
    return files


def setup(app: Any) -> dict[str, bool]:
    """Register the table of the files, and write them beside the pages."""
    import nodes_of
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Schemas(Directive):
        """A row for each file, with the record it becomes and a link to its schema."""

        def run(self) -> list[nodes.Node]:
            """Return the table."""
            rows = [
                [nodes_of.code(f"{stem}.toml"), nodes_of.code(model.__name__), _link(stem)]
                for stem, model in models().items()
            ]
            return [nodes_of.table(["file", "record", "schema"], rows)]

    def _link(stem: str) -> nodes.reference:
        name = NAME.format(stem)
        return nodes.reference("", name, refuri=f"../schema/{name}")

    def publish(app: Any, exception: Exception | None) -> None:
        if exception is None and app.builder.format == "html":
            write(Path(app.outdir) / "schema")

    app.add_directive("record-schemas", Schemas)
    app.connect("build-finished", publish)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    for written in write(Path(sys.argv[1])):
        print(written)
