"""What is English, or without a typeface, on a page in Chinese."""

import re

from support.paths import FOLDER

from protocol.escalation import DESIGNS

# What a reader sees or hears of a page, without what is marked as English: the words of the registry.
SAID = """() => {
  const said = [];
  const walk = (part, drawn = false) => {
    if (part.nodeType === Node.TEXT_NODE) { said.push(part.data); return; }
    if (part.nodeType !== Node.ELEMENT_NODE || part.matches("script, style, [lang=en], [translate=no]")) return;
    for (const name of drawn ? [] : ["aria-label", "title", "placeholder", "alt", "aria-valuetext"])
      if (part.hasAttribute(name)) said.push(part.getAttribute(name));
    // what is in a picture is presentational: the picture has a label, and its data stand in a table
    for (const child of part.childNodes) walk(child, drawn || part.getAttribute("role") === "img");
  };
  walk(document.querySelector("body"));
  return [...new Set(said.map((text) => text.trim()).filter(Boolean))];
}"""

# Signs that look like one that no typeface has.
WITHOUT_TYPEFACE = r"""(texts) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 32 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.font = "20px " + getComputedStyle(document.body).fontFamily;
  const drawn = (sign) => {
    pen.clearRect(0, 0, 32, 32);
    pen.fillText(sign, 4, 24);
    return pen.getImageData(0, 0, 32, 32).data.join();
  };
  const missing = drawn("\u{10FFFD}");
  return [...new Set(texts.join(""))].filter((sign) => sign.trim() && drawn(sign) === missing);
}"""

KEPT = re.compile(
    r"""
    (?<![A-Za-z])[A-Z]+[A-Za-z]*-?\d[A-Za-z0-9-]*   # ids: A1, I8, NCT05672420, W-017
    | (?<![A-Za-z])[A-Z]{2,}(?![a-z])[A-Z0-9/-]*    # abbreviations: DLT, BOIN, FHIR
    | “[^”]*”|"[^"]*"|《[^》]*》                    # words of the registry, names of guides
    | (?:[A-Z][a-z]+(?:、|,\s|\s&\s)?)+(?:等)?\s?[（(]?\d{4}  # papers: Lin & Yin 2017, Zhou等2017
    | [\w-]+\.(?:csv|json|xlsx?|ics|html|parquet|toml|zip|vcf|ndjson|md|svg|sqlite)\b
    | [\w.+-]+@[\w.-]+ | [a-z]+\.(?:com|cn) | https?://\S+ | protocol-workbook
    | (?<![A-Za-z0-9])[0-9a-f]{12,}(?![A-Za-z0-9])   # hashes
    | (?<![A-Za-z])(?:mg|g|kg|mL|dL|L|U|IU|[uμµ]kat|mmol|[uμµ]mol|cells|copies|min|m|mm|cm|Hg|kPa|ms|s|kB|MB|GB)
      (?:/\S+)?(?![A-Za-z])                         # units
    """,
    re.VERBOSE,
)
"""Ids, abbreviations, names of files, addresses and units stay as they are."""

REGISTERED = re.findall(
    r'^(?:name|value|city) = (".*"|\[".*"\])$', (FOLDER / "sites.toml").read_text("utf-8"), re.MULTILINE
)
"""Hospitals, their campuses and cities, contacts, districts and rivers."""

WHOLE = {*DESIGNS, *(name for names in REGISTERED for name in re.findall(r'"([^"]*)"', names))}
"""Names that stay as they are."""

SHORT = (
    "Python JupyterLab Parquet Excel Markdown vCard SQLite PostgreSQL ClinicalTrials gov Bundle Patient Condition "
    "mCODE ADaM English Tab Page Down Lin Yin Karnofsky Pocock Simon Keyboard CRi CRh allo"
)
"""Names of software and formats, of keys, and what is called by a person or by its letters."""

NAMES_KEPT = set(SHORT.split())


def english(text):
    """Return the English words in a text, besides names, ids and units."""
    text = " ".join(text.split())
    for name in sorted(WHOLE, key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", " ", text)
    words = re.findall(r"[A-Za-z]{3,}", KEPT.sub(" ", text))
    return [word for word in words if word not in NAMES_KEPT]
