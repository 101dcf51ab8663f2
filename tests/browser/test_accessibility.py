"""Every tab of every page: WCAG 2.2 AA as axe-core judges it, laptop and phone, and whole in Chinese."""

from pathlib import Path

import pytest
from support.chinese import SAID, WITHOUT_TYPEFACE, english
from support.paths import NOTEBOOKS
from support.tabs import BUILT, every_tab

from protocol.dashboard.server import pages_of

NAMES = [Path(page.file).stem for page in pages_of(NOTEBOOKS)]
AXE = Path(__file__).with_name("vendor") / "axe-core" / "axe.min.js"
SIZES = {"laptop": (1280, 800), "phone": (390, 844)}
READY = ".pw-page :is(h2, h3, button, label) >> visible=true"

JUDGE = """(panel) => axe.run(panel ? `#${panel}` : document, {
  runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
  rules: Object.fromEntries(["label-content-name-mismatch", "page-has-heading-one", "landmark-unique"]
    .map((rule) => [rule, { enabled: true }])),
  resultTypes: ["violations"],
}).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, any, all, none }) => {
  const why = [...any, ...all, ...none].map(({ message }) => message).join("; ");
  return [id, html.slice(0, 160), why.slice(0, 200)].join(" | ");
})))"""

SETTLED = """[...document.querySelectorAll('.pw-chart:has(.pw-chart-handle)')].every((chart) => {
  const middle = (part) => part.getBoundingClientRect().x + part.getBoundingClientRect().width / 2;
  const [svg, handles] = [chart.querySelector('svg'), [...chart.querySelectorAll('.pw-chart-handle')]];
  if (!handles[0].checkVisibility()) return true;
  const points = [...chart.querySelectorAll('.handles_marks path')];
  return Math.abs(svg.getBoundingClientRect().width - chart.clientWidth) < 2
    && points.every((point) => handles.some((handle) => Math.abs(middle(point) - middle(handle)) < 2));
})"""
"""A picture with points to drag has taken the width of its box."""


def dress(tab, theme, size):
    tab.set_viewport_size(dict(zip(("width", "height"), SIZES[size], strict=True)))
    button = tab.locator("#wb-dark")
    if button.get_attribute("aria-pressed") != str(theme == "dark").lower():
        button.click()


@pytest.mark.requirement("R-SYS-04")
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_tab_of_a_page_is_accessible_fits_a_phone_and_is_wholly_in_chinese(name, dashboard, laptop):
    """Other tests read the pages in English; a page has the same parts in both languages."""
    laptop.tab.context.set_extra_http_headers({"Accept-Language": "zh-CN"})
    laptop.open(dashboard, name)
    laptop.tab.wait_for_selector(READY)
    laptop.tab.evaluate(AXE.read_text(encoding="utf-8"))
    found, without_typeface = {}, set()
    for title, panel in every_tab(laptop.tab):
        laptop.tab.wait_for_function(BUILT)
        texts = laptop.tab.evaluate(SAID)
        without_typeface |= set(laptop.tab.evaluate(WITHOUT_TYPEFACE, texts))
        found |= {f"{', '.join(words)} in: {text[:200]}": title for text in texts if (words := english(text))}
        for size, theme in zip(SIZES, ("light", "dark"), strict=True):  # each size and each theme once
            dress(laptop.tab, theme, size)
            laptop.tab.wait_for_function(SETTLED)
            for problem in laptop.tab.evaluate(JUDGE, panel):
                found.setdefault(problem, f"{title}, {size}, {theme}")
        assert laptop.tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{title}: wider than a phone"
        )
        dress(laptop.tab, "light", "laptop")
    assert not found, "\n".join(f"{where}: {problem}" for problem, where in found.items())
    assert not without_typeface


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_the_start_page_and_a_missing_page_are_accessible(path, dashboard, laptop):
    laptop.tab.goto(dashboard.address)
    laptop.tab.goto(dashboard.root + path)
    laptop.tab.evaluate(AXE.read_text(encoding="utf-8"))
    for size in SIZES:
        for theme in ("light", "dark"):
            dress(laptop.tab, theme, size)
            assert laptop.tab.evaluate(JUDGE) == []
