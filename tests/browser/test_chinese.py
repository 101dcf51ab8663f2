"""Every tab of every page in Chinese: no English word is left, every sign has a typeface, and nothing is cut."""

import re
from pathlib import Path

import pytest
from support.paths import FOLDER, NOTEBOOKS
from support.tabs import BUILT, every_tab

from protocol.dashboard.server import pages_of
from protocol.escalation import DESIGNS

NAMES = [Path(page.file).stem for page in pages_of(NOTEBOOKS)]

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
    | (?<![A-Za-z])(?:mg|g|kg|mL|dL|L|U|IU|ukat|mmol|[uμµ]mol|cells|copies|min|m|mm|cm|Hg|kPa|ms|s|kB|MB|GB)
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


@pytest.fixture
def chinese(laptop):
    laptop.tab.context.set_extra_http_headers({"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"})
    return laptop


@pytest.mark.slow
@pytest.mark.requirement("R-SYS-04")
@pytest.mark.parametrize("name", NAMES)
def test_a_page_in_chinese_has_no_english_word_and_no_sign_without_a_typeface(name, dashboard, chinese):
    chinese.open(dashboard, name)
    chinese.tab.wait_for_selector(".pw-page :is(h2, h3, button, label) >> visible=true")
    found, signs = {}, set()
    for title in every_tab(chinese.tab):
        chinese.tab.wait_for_function(BUILT)
        texts = chinese.tab.evaluate(SAID)
        signs |= set(chinese.tab.evaluate(WITHOUT_TYPEFACE, texts))
        for text in texts:
            if words := english(text):
                found.setdefault(text, f"{title}: {', '.join(words)}")
    assert not found, "\n".join(f"{where} in: {text[:200]}" for text, where in found.items())
    assert not signs


def language(tab):
    return tab.evaluate("document.documentElement.lang")


@pytest.mark.requirement("R-SYS-04")
def test_a_click_on_the_language_keeps_page_tab_and_settings_and_other_readers_keep_theirs(dashboard, laptop, phone):
    laptop.open(dashboard, "01-overview")
    laptop.tab.get_by_role("tab", name="Protocol").click()
    laptop.tab.get_by_role("button", name="medium").click()
    laptop.tab.wait_for_url("**severity=medium*")
    address = laptop.tab.url
    laptop.tab.get_by_role("button", name="中文").click()
    laptop.tab.get_by_role("tabpanel", name="试验方案").wait_for()
    laptop.tab.locator("button.mod-active", has_text="中").wait_for()
    assert (laptop.tab.url, language(laptop.tab)) == (address, "zh-CN")
    phone.open(dashboard, "01-overview")
    phone.tab.get_by_role("tab", name="Status").wait_for()
    laptop.tab.reload()
    laptop.tab.get_by_role("tab", name="状态").wait_for()
    assert (language(phone.tab), language(laptop.tab)) == ("en", "zh-CN")


@pytest.mark.requirement("R-SYS-04")
@pytest.mark.parametrize(("address", "opened"), [("/", False), ("/", True), ("/voila/render/99-none.ipynb", True)])
def test_login_start_and_error_pages_are_in_chinese(address, opened, dashboard, chinese):
    if opened:
        chinese.tab.goto(dashboard.address)
    chinese.tab.goto(dashboard.root + address)
    assert language(chinese.tab) == "zh-CN"
    assert [text for text in chinese.tab.evaluate(SAID) if english(text)] == []
    chinese.errors.clear()  # the browser notes the 404


@pytest.mark.requirement("R-SYS-04")
@pytest.mark.parametrize("name", NAMES)
def test_a_page_in_chinese_fits_a_telephone(name, dashboard, phone):
    phone.tab.context.set_extra_http_headers({"Accept-Language": "zh-CN"})
    phone.open(dashboard, name)
    phone.tab.wait_for_selector(".pw-page :is(h2, h3, button, label) >> visible=true")
    phone.tab.wait_for_function(BUILT)
    assert phone.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
