"""Open every tab of a page in a browser."""

# The tab to open next: the innermost first, so that those within a tab are seen before the tab is left.
NEXT_TAB = """() => {
  const around = (part) => part.parentElement?.closest("[role=tabpanel]");
  const depth = (part) => (around(part) ? 1 + depth(around(part)) : 0);
  const left = [...document.querySelectorAll("[role=tab]:not([data-seen])")].filter((tab) => tab.checkVisibility());
  const tab = left.sort((one, other) => depth(other) - depth(one))[0];
  if (tab) tab.dataset.seen = "yes";
  return tab ?? null;
}"""
BUILT = """!document.querySelector('#rendered_cells .pw-skeleton') && [...document.querySelectorAll('[role=tab]')]
  .filter((tab) => tab.checkVisibility())
  .every((tab) => document.getElementById(tab.getAttribute('aria-controls'))?.checkVisibility()
    === (tab.getAttribute('aria-selected') === 'true'))"""
"""The panel of each chosen tab is there, and no other."""


def every_tab(tab):
    """Open one tab of the page after the other, and yield its name and the id of its panel, "" for the whole page."""
    tab.locator("[role=tab][aria-selected=true]").evaluate_all(
        "all => { for (const tab of all) tab.dataset.seen = 'yes'; }"
    )
    yield "first", ""
    while opened := tab.evaluate_handle(NEXT_TAB).as_element():
        opened.click()
        yield opened.inner_text(), opened.get_attribute("aria-controls")
