"""The synopsis: the whole record in the order of ICH M11, with every assumption named as one."""

import re
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trial import TRIAL

from protocol.exchange.documents import synopsis
from protocol.exchange.documents.synopsis import SynopsisTable

DAY = date(2026, 11, 22)
MARKDOWN, HTML = synopsis.as_markdown(TRIAL, DAY), synopsis.as_html(TRIAL, DAY)


class Words(HTMLParser):
    """What a reader of the page sees, and the tags that make it."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags = "", []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def seen(markdown):
    return re.sub(r"\\(.)", r"\1", markdown)


def test_sections_stand_in_the_order_of_the_template():
    numbers = [section.number for section in synopsis.sections(TRIAL)]
    assert numbers == ["1.1.1", "1.1.2", "1.2", "1.3", "2", "4.1", "5.2", "5.3", "6.1", "8.1", "11", "A", "B"]
    assert [line.split()[1] for line in MARKDOWN.splitlines() if line.startswith("## ")] == numbers


@pytest.mark.parametrize("page", [seen(MARKDOWN), Words(HTML).text], ids=["markdown", "html"])
def test_every_criterion_visit_dose_site_and_question_is_said(page):
    flat = " ".join(page.split())
    for criterion in TRIAL.eligibility.criteria:
        for wording in (criterion.wording, *(part.wording for part in criterion.parts)):
            assert " ".join(wording.split()) in flat
    for visit in TRIAL.followup.all_visits:
        assert visit.name in flat
    for dose in TRIAL.escalation.doses:
        assert f"{dose.amount.value:,.0f} {TRIAL.escalation.dose_unit}" in flat
    for site in TRIAL.sites:
        assert site.contact.mail in flat
    for ambiguity in TRIAL.ambiguities:
        assert " ".join(ambiguity.question.split()) in flat


@pytest.mark.requirement("R-REC-01")
def test_every_assumption_is_marked_and_counted():
    origins = [
        origin
        for section in synopsis.sections(TRIAL)
        for item in section.content
        for origin in ([row[1] for row in item.rows] if isinstance(item, SynopsisTable) else [item.origin])
    ]  # fmt: skip
    assumed = [origin for origin in origins if origin and origin.is_assumption]
    assert len(assumed) > 30
    assert MARKDOWN.count("**assumption:**") == len(assumed)
    assert HTML.count('class="assumption"') == len(assumed)
    assert f"{len(assumed)} entries are assumptions" in MARKDOWN
    for origin in assumed:
        assert " ".join(origin.origin.split()) in " ".join(seen(MARKDOWN).split())


@pytest.mark.requirement("R-EXP-03")
def test_the_page_loads_nothing():
    tags = Words(HTML).tags
    assert not [attributes for _tag, attributes in tags if {"src", "href"} & set(attributes)]
    assert {tag for tag, _attributes in tags} <= {
        "html", "meta", "title", "style", "h1", "h2", "p", "b", "section", "span", "table", "tr", "th", "td",
    }  # fmt: skip


TEXTS = st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@pytest.mark.requirement("R-EXP-02")
@pytest.mark.slow
@given(TEXTS | st.sampled_from(["<img src=x>", "a | b", "# x", "- x", "1. x", "**x**", "[x](y)", "`x`", "--- | ---"]))
def test_outside_text_stays_text(text):
    site = TRIAL.sites[0].model_copy(update={"name": text})
    facts = tuple(
        fact.model_copy(update={"value": text}) if fact.id == "status" else fact for fact in TRIAL.identity.facts
    )
    changed = TRIAL.model_copy(
        update={"sites": (site,), "identity": TRIAL.identity.model_copy(update={"facts": facts})}
    )
    page = Words(synopsis.as_html(changed, DAY))
    assert "img" not in {tag for tag, _attributes in page.tags}
    assert page.text.count(text) >= 2
    markdown = synopsis.as_markdown(changed, DAY)
    (row,) = [line for line in markdown.splitlines() if line.startswith("|") and TRIAL.sites[0].contact.mail in line]
    assert len(re.findall(r"(?<!\\)\|", re.sub(r"\\\\", "", row))) == 7
    assert not re.search(r"(?<!\\)<img", markdown)
