"""How the documentation becomes a site (``make docs``), without a network to build it or to read it."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "src")]

project = "Protocol workbook"
author = "The protocol workbook authors"
project_copyright = "2026, The protocol workbook authors"
release = version = installed("protocol-workbook")
language = "en"

extensions = [
    "myst_parser",  # pages in Markdown
    "sphinx.ext.autodoc",  # the reference from the docstrings ...
    "sphinx.ext.napoleon",  # ... which follow the NumPy style
    "reference",  # this and what follows stand in _ext
    "architecture",
    "catalogue",
    "record_schema",
    "traceability",
    "offline",
]
exclude_patterns = ["_build"]
nitpicky = True  # references to our own names must resolve; see _ext/reference.py for those of other packages
suppress_warnings = ["config.cache", "ref.python"]  # the second: several classes have an attribute of one name

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"Protocol workbook {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False

trial_folder = str(HERE.parent / "data" / "NCT05672420")  # whose record the catalogue shows
