"""All that is fuzzed, by name."""

from __future__ import annotations

from tests.fuzz.documents import CALIBRATIONS, RUN_FILES
from tests.fuzz.language import LANGUAGE
from tests.fuzz.output import OWN, SAVED
from tests.fuzz.plugins import PLUGINS
from tests.fuzz.symbols import DWARF, ELF, MACHO
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (LANGUAGE, RUN_FILES, SAVED, OWN, ELF, DWARF, MACHO, CALIBRATIONS, PLUGINS)
}
