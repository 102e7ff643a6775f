"""Reading a practice and its clinicians, and not reading again what rests on the same words as before."""

from collections.abc import Mapping
from dataclasses import dataclass

from processors.clinician import Clinician, is_scored, read_clinician, read_with
from processors.facts import ClinicianFacts, PracticeYear
from processors.identity import Npi
from processors.owed import Owed, clinician_items
from processors.practice import Practice, read_practice
from processors.rulebook import Rulebook


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadClinician:
    """A clinician as read, of what, and how far the items are; without a roster entry there are none.

    ``part`` is what decides over the clinician's part in what the TIN reports for all: scored, excused, elsewhere.
    """

    inputs: tuple[object, ...]
    clinician: Clinician
    part: tuple[bool, frozenset[str], frozenset[str]]
    items: tuple[Owed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadYear:
    """A practice as read, with its clinicians in order."""

    practice: Practice
    clinicians: Mapping[Npi, ReadClinician]


def read_year(facts: PracticeYear, rulebook: Rulebook, earlier: ReadYear | None) -> ReadYear:
    """Read a practice and its clinicians; of whom nothing has changed the earlier reading comes back."""
    practice = earlier.practice if earlier is not None else None
    if practice is None or practice.facts is not facts.practice:
        practice = read_practice(facts.practice, rulebook)
    known = {} if earlier is None else earlier.clinicians
    same = earlier is not None and earlier.practice is practice
    return ReadYear(
        practice=practice,
        clinicians={
            npi: known[npi]
            if same and npi in known and known[npi].clinician.facts is clinician
            else _read(clinician, practice, rulebook, known.get(npi))
            for npi, clinician in sorted(facts.clinicians.items())
        },
    )


def _read(
    facts: ClinicianFacts, practice: Practice, rulebook: Rulebook, earlier: ReadClinician | None
) -> ReadClinician:
    inputs = (facts, *read_with(facts, practice))
    if earlier is not None and earlier.inputs == inputs:
        return earlier
    clinician = read_clinician(facts, practice, rulebook)
    items = clinician_items(clinician, rulebook) if clinician.roster is not None else ()
    part = (is_scored(clinician, rulebook), clinician.excused, clinician.elsewhere)
    return ReadClinician(inputs=inputs, clinician=clinician, part=part, items=items)
