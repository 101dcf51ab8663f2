"""The registry's words stay English; in Chinese the workbook's own translation stands beside them, marked as one."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from ipywidgets import HTML, Box
from support import paths
from support.trial import ELIGIBILITY, TRIAL

from protocol.eligibility.gates import infusion_catalogue
from protocol.eligibility.screening_record import screening_record
from protocol.exchange.documents import synopsis
from protocol.exchange.documents.screening import screening_page
from protocol.exchange.registry import ctgov
from protocol.pages.eligibility.verdicts import verdict_list
from protocol.pages.overview.protocol_facts import ProtocolPanel
from protocol.trial import Trial, load_trial

TODAY = date(2026, 11, 20)
MEANING = "译：工作簿自译，非登记内容"
SAME = {TRIAL.identity[name].value for name in ("nct_id", "investigator")}
"""An id and a person's name."""

Write = Callable[[Trial], str]


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROTOCOL_LANGUAGE", "zh_CN")


@pytest.fixture
def another(tmp_path: Path) -> Trial:
    """A trial whose words nobody has translated."""
    file = paths.VECTORS / "ctgov" / "NCT02210780.json"
    ctgov.write_folder(ctgov.draft(file.read_bytes(), file.name), tmp_path / "trial")
    return load_trial(tmp_path / "trial")


def overview(trial: Trial) -> str:
    def text(widget: object) -> str:
        if isinstance(widget, HTML):
            return str(widget.value)
        return "\n".join(map(text, widget.children)) if isinstance(widget, Box) else ""

    return text(ProtocolPanel(trial, TODAY).view)


def eligibility(trial: Trial) -> str:
    record = trial.eligibility
    return str(verdict_list(record.answers({}, record.phases[-1], as_of=TODAY), record, trial.ambiguities))


def infusion(trial: Trial) -> str:
    record = trial.eligibility
    facts = {str(record.roles.infusion_day): TODAY}
    answers = record.answers(facts, record.phases[-1], as_of=TODAY, gate="infusion")
    return str(verdict_list(answers, infusion_catalogue(record), trial.ambiguities))


def screening(trial: Trial) -> str:
    about = {"study_id": "W-001", "trial_id": "NCT00000000", "registry_version": "2023-01-05", "software": "1.0"}
    return screening_page(screening_record(trial.eligibility, {}, trial.eligibility.phases[-1], TODAY, **about))


def written(trial: Trial) -> str:
    return synopsis.as_html(trial, TODAY)


EVERYWHERE = [overview, eligibility, infusion, screening, written]


def quotes(page: str) -> list[tuple[str, str]]:
    """Return the texts that are marked as English, sources apart, and the marked Chinese text that comes next."""
    found = []
    for quote in BeautifulSoup(page, "html.parser").select("[lang=en]"):
        words, follows = quote.get_text().strip(), quote.find_next(lang=True)
        if words not in SAME and any(map(str.isalpha, words)) and not quote.find_parent(class_="pw-tag"):
            is_chinese = follows is not None and follows["lang"] == "zh-CN"
            found.append((words, follows.get_text() if is_chinese else ""))
    return found


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("write", EVERYWHERE)
def test_in_chinese_every_text_of_the_registry_has_a_rendering(write: Write) -> None:
    page = write(TRIAL)
    found = quotes(page)
    assert found
    assert [words for words, rendering in found if not rendering.startswith("译：")] == []
    assert page.count(MEANING) == 1


@pytest.mark.usefixtures("chinese")
def test_each_criterion_is_rendered_where_its_words_stand() -> None:
    said = dict(quotes(eligibility(TRIAL)))
    assert said["Male or female"] == "译：男性或女性"
    oddity = next(words for words in said if "autologous" in words)
    assert "自体造血干细胞移植（allo-HSCT）" in said[oddity]
    assert {one.wording for one in ELIGIBILITY.criteria} <= set(said)


@pytest.mark.usefixtures("chinese")
def test_the_markdown_of_the_synopsis_has_the_renderings_too() -> None:
    text = synopsis.as_markdown(TRIAL, TODAY)
    assert "Interventional 译：干预性研究" in text
    assert text.count(MEANING) == 1


@pytest.mark.parametrize("write", EVERYWHERE)
def test_in_english_there_is_none(write: Write) -> None:
    page = write(TRIAL)
    assert "译" not in page
    assert "Translated here" not in page
    assert "zh" not in {str(tag["lang"])[:2] for tag in BeautifulSoup(page, "html.parser").select("[lang]")}


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("write", [overview, eligibility, screening, written])
def test_words_that_nobody_translated_stand_alone_in_english(write: Write, another: Trial) -> None:
    found = dict(quotes(write(another)))
    own = [another.identity["title"].value, *(one.wording for one in another.eligibility.criteria)]
    assert {found[words] for words in own if words in found} <= {""}
    assert [words for words, rendering in found.items() if len(words) > 40 and rendering] == []
