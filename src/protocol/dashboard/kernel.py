"""Start a kernel for a dashboard page, without the modules it never uses."""

import sys

# jsonschema builds 35 parsers (0.8 s) on import when this module is there. Only the check of "format: iri"
# needs it, which no figure has; JupyterLab's kernels and the library itself keep it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
# 8 MB for stepping through cells, which nobody can do on the dashboard.
sys.modules.setdefault("debugpy", None)  # type: ignore[arg-type]
# 40 MB that pandas takes where PyArrow happens to be installed; the workbook does not need it.
sys.modules.setdefault("pyarrow", None)  # type: ignore[arg-type]

from ipykernel.kernelapp import launch_new_instance  # noqa: E402 - the lines above must come first

if __name__ == "__main__":
    launch_new_instance()
