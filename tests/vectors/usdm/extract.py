"""Cut a USDM study down to its schedule and criteria: python extract.py STUDY.json > SMALLER.json."""

import json
import sys
from pathlib import Path

KEPT = {
    "version": ("id", "studyDesigns", "eligibilityCriterionItems"),
    "design": ("id", "name", "scheduleTimelines", "eligibilityCriteria"),
}


def cut(full):
    """Keep timings, instances, criteria and their texts; every value kept is unchanged."""
    versions = [{key: version[key] for key in KEPT["version"]} for version in full["study"]["versions"]]
    for version in versions:
        version["studyDesigns"] = [{key: one[key] for key in KEPT["design"]} for one in version["studyDesigns"]]
    return {"study": {"name": full["study"]["name"], "versions": versions}, "usdmVersion": full["usdmVersion"]}


if __name__ == "__main__":
    print(json.dumps(cut(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), ensure_ascii=False))
