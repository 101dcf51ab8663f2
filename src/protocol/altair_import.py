"""Import Altair in a third of the time.

Altair imports jsonschema, which builds 38 parsers from rfc3987_syntax, where that is installed, only to check
"format: iri"; that takes 2 to 3 s of processor time, and no figure has that format. The module is hidden while Altair
is imported, and not afterwards.
"""

import sys

if "jsonschema" not in sys.modules and "rfc3987_syntax" not in sys.modules:
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        import altair  # noqa: F401
    finally:
        del sys.modules["rfc3987_syntax"]
