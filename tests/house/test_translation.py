"""Translation: every text of the interface is in the message catalogue."""

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from support.paths import ROOT

LOCALE = ROOT / "src" / "protocol" / "locale"


def catalogue() -> set[object]:
    with (LOCALE / "protocol.pot").open("rb") as file:
        return {message.id for message in read_po(file) if message.id}


@pytest.mark.slow
def test_the_catalogue_holds_what_code_templates_and_record_say() -> None:
    with (LOCALE / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = {text for _name, _line, text, *_rest in extract_from_dir(ROOT, methods, options)}
    assert found == catalogue(), "run: make messages"


def test_it_holds_labels_of_the_record_and_sentences_of_the_pages() -> None:
    assert {"Body mass index", "What to find out next"} <= catalogue()


def test_it_leaves_the_words_of_the_registry_alone() -> None:
    assert not [text for text in catalogue() if "Body mass index (BMI) of more than" in str(text)]
