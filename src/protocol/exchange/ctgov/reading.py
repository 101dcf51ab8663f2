"""What is read as a ClinicalTrials.gov record, and what is refused by name."""

import re

from protocol.exchange.foreign import Place, read_json
from protocol.records import ProtocolError

LEGACY = ("FullStudiesResponse", "FullStudies", "FullStudy", "StudyFieldsResponse", "Study")


def registered(content: bytes, name: str = "record") -> Place:
    """Read one study record of API version 2.

    Parameters
    ----------
    content : bytes
        The JSON of one study, as downloaded.
    name : str
        What it is called in messages.

    Raises
    ------
    ProtocolError
        For what is not JSON, for the legacy API, for a list of studies, and without a registry number.
    """
    root = read_json(content, name)
    for key in LEGACY:
        if key in root.value:
            raise ProtocolError(
                f"{name}, {key}", "a record of the legacy API (version 1)", "the same study from API version 2"
            )
    if "studies" in root.value:
        raise ProtocolError(f"{name}, studies", "a list of studies", "one study of it")
    number = root.at("protocolSection", "identificationModule", "nctId")
    if not re.fullmatch(r"NCT\d{8}", number.text()):
        raise ProtocolError(f"{name}, {number.path}", f"{number.value!r}", "a number like NCT05672420")
    return root


def words(code: str) -> str:
    """Write a code of the registry in words: NOT_YET_RECRUITING, Not yet recruiting."""
    text = code.replace("_", " ").capitalize()
    return re.sub(r"[Pp]hase ?(\d)", r"Phase \1", text)


def code(text: str) -> str:
    """Write words as the registry's code; the inverse of :func:`words`."""
    return re.sub(r"PHASE_(\d)", r"PHASE\1", text.upper().replace(" ", "_"))
