"""Every code with which this system refuses, finds, or explains: where it arises, what it means, what to do.

``docs/reasons.md`` is written from this table; a test holds the two equal, and that no code is used that stands not
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """Where a code arises."""

    REFUSAL = "refusal"  # at admission or intake: the event is not taken in
    FINDING = "finding"  # about an event that was taken in
    REASON = "reason"  # in a score or an obligation


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means, and what to do about it."""

    kind: Kind
    meaning: str
    remedy: str
    cites: tuple[str, ...] = ()


def _refusal(meaning: str, remedy: str) -> Meaning:
    return Meaning(Kind.REFUSAL, meaning, remedy)


def _finding(meaning: str, remedy: str, *cites: str) -> Meaning:
    return Meaning(Kind.FINDING, meaning, remedy, cites)


def _reason(meaning: str, remedy: str, *cites: str) -> Meaning:
    return Meaning(Kind.REASON, meaning, remedy, cites)


_SUBMISSION, _QUALITY, _ACTIVITIES = "42 CFR 512.720", "42 CFR 512.725", "42 CFR 512.735"
_INTEROPERABILITY, _FINAL, _ELIGIBILITY = "42 CFR 512.740", "42 CFR 512.745", "42 CFR 512.710"

REASONS: Mapping[str, Meaning] = MappingProxyType(
    {
        # refused at admission: no rulebook could accept it
        "UNKNOWN_SCHEMA": _refusal(
            "The record does not begin with the magic byte and a schema id that the contract knows.",
            "Frame the record as Confluent does, with an id from schemas/topics.toml.",
        ),
        "UNDECODABLE": _refusal(
            "The bytes after the schema id are not a record of that schema.",
            "Encode with the schema that the id names; check for cut or doubled framing.",
        ),
        "WRONG_TOPIC": _refusal(
            "The record's type does not belong on this topic.",
            "Send each type to the topic that topics.toml names.",
        ),
        "MISSING_KEY": _refusal("The record has no key.", "Key every record with the TIN's nine ASCII digits."),
        "KEY_MISMATCH": _refusal(
            "The key is not the TIN in the body.", "Key every record with the TIN that its body names."
        ),
        "WRONG_PARTITION": _refusal(
            "The record lies in a partition that murmur2 of its key does not give.",
            "Use Java's default partitioner; librdkafka clients set partitioner=murmur2_random.",
        ),
        "MALFORMED_TIN": _refusal(
            "The TIN is not nine digits, or begins with 000.",
            "Send nine digits as text with leading zeros; test files need ASM_TEST_IDENTIFIERS=accept.",
        ),
        "MALFORMED_NPI": _refusal(
            "The NPI is not ten digits beginning 1 or 2 with a valid check digit.",
            "Correct the NPI; test files need ASM_TEST_IDENTIFIERS=accept.",
        ),
        "TOO_LARGE": _refusal(
            "The record is longer than any event can be; no payload is kept.",
            "Send one event a record, and of measures and lines only what there is.",
        ),
        "MALFORMED_TEXT": _refusal(
            "A text of the record holds the character NUL, which no reader expects.", "Leave it out and send it again."
        ),
        "MALFORMED_YEAR": _refusal(
            "The performance year is not a year of four digits.", "Correct the year and send a new event."
        ),
        "MALFORMED_REDRIVE": _refusal(
            "A record on the redrive topic does not say in its headers where and when it was received first.",
            "Only `asm dead-letters redrive` writes there: find who else did.",
        ),
        "NO_PAYLOAD": _refusal(
            "A dead letter whose payload was not kept, since it may identify somebody, cannot be tried again.",
            "Have the feed send it again, corrected.",
        ),
        "NO_KEY": _refusal(
            "A dead letter of which neither key nor body names a TIN cannot be tried again: it has no partition.",
            "Have the feed send it again, with its key.",
        ),
        "REDRIVEN_TOO_OFTEN": _refusal(
            "A dead letter was tried again as often as it may be.", "Correct it where it comes from, then drop it here."
        ),
        "MISSING_IDENTITY": _refusal(
            "Source, event id or the document's id is empty.", "Give every event a source and an id of its own."
        ),
        "BENEFICIARY_IN_CLEAR": _refusal(
            "The beneficiary field has the shape of an MBI, HICN, Railroad Board number or SSN; no payload is kept.",
            "Replace the identifier by the published token recipe before it leaves your house.",
        ),
        "MALFORMED_BENEFICIARY": _refusal(
            "The beneficiary field is not a token; no payload is kept, for it might identify somebody.",
            "Send tokens made by the published recipe: b<key version>_<52 base32 digits>.",
        ),
        "MISSING_COUNT": _refusal(
            "A quality measurement has no eligible population.",
            "Report the eligible population, 0 where it is none.",
        ),
        "IMPOSSIBLE_COUNTS": _refusal(
            "A count is negative, the parts exceed the eligible population, or a numerator its denominator.",
            "Correct the counts and send them with a new event id.",
        ),
        "MISSING_REFERENCE": _refusal(
            "A receipt names neither a submission nor an attestation, or both.",
            "Name the one document it answers.",
        ),
        # refused at intake: it cannot be made into an event
        "MALFORMED_EVENT": _refusal(
            "The object is not an event of its type: a field is missing or has another type.",
            "Compare with schemas/examples; the message names the field.",
        ),
        "UNKNOWN_TYPE": _refusal(
            "The event's type is not in the contract.",
            "Use a type of schemas/topics.toml, such as asm.v1.ClaimReceived.",
        ),
        "MALFORMED_FILE": _refusal(
            "The file, or a line of it, is not of the format that the command reads.",
            "Check the format and the encoding; the message names the line.",
        ),
        "MISSING_COLUMN": _refusal(
            "The file's header lacks a column that is needed.",
            "Export the file with the columns that --help names.",
        ),
        "MISSING_TIN": _refusal(
            "Neither the record nor the command says which TIN it belongs to.",
            "Give --practice, or a file that joins NPIs to TINs; a TIN is never guessed.",
        ),
        "UNSUPPORTED_CATEGORY": _refusal(
            "The measurement set is of a category that ASM does not take.", "Send quality, pi and ia sets."
        ),
        "NOT_SUBMISSION": _refusal(
            "The JSON is not a submission of the QPP Submissions API.",
            "Give the submission object, or an answer whose data.submission holds it.",
        ),
        # found in what was received
        "WRONG_YEAR": _finding(
            "The performance year is none of the model's.",
            "Correct the year and send a new event.",
            "42 CFR 512.705",
        ),
        "NOT_ON_ROSTER": _finding(
            "Nobody on CMS's roster is meant: kept, and applied when the roster names them.",
            "Check TIN and NPI; ingest the participants file.",
            _ELIGIBILITY,
        ),
        "UNKNOWN_COHORT": _finding(
            "The roster names a cohort that the rulebook does not know.",
            "Check the cohort's code.",
            "42 CFR 512.705",
        ),
        "UNKNOWN_CATEGORY": _finding(
            "The category is none that is submitted.", "Use QUALITY or PROMOTING_INTEROPERABILITY.", _SUBMISSION
        ),
        "UNKNOWN_MEASURE": _finding("The measure is not one of ASM's.", "Report the cohort's measures.", _QUALITY),
        "UNKNOWN_ACTIVITY": _finding(
            "The activity is not one of ASM's.", "Attest ASM_IA_1, ASM_IA_2 or a PI statement.", _ACTIVITIES
        ),
        "MEASURE_OF_OTHER_COHORT": _finding(
            "The measure belongs to another cohort: it never counts.",
            "Report the cohort's own measures.",
            _QUALITY,
        ),
        "RESULT_OUT_OF_RANGE": _finding(
            "A score that CMS is said to have given lies outside the scale; it is left out.",
            "Compare with CMS's own report and send the result again.",
            "42 CFR 512.730",
        ),
        "UNKNOWN_READINESS_ITEM": _finding(
            "The item is none of the readiness checklist.",
            "Use an item_id of the rulebook's checklist: `asm rules list` shows it.",
        ),
        "SCOPE_TOO_NARROW": _finding(
            "Relief or a channel for one clinician does not cover what the TIN reports for all its participants.",
            "Send it without an NPI where it holds for the TIN.",
            "42 CFR 512.720",
        ),
        "COLLECTION_TYPE_NOT_ALLOWED": _finding(
            "The measure does not allow this collection type: it never counts.",
            "Report it under a collection type that it allows.",
            _QUALITY,
        ),
        "COLLECTION_TYPE_MISSING": _finding(
            "Quality data without a collection type never count.", "Say ECQM or CQM.", _QUALITY
        ),
        "STRATUM_MISSING": _finding(
            "The stratum on which the measure is scored is missing: it does not count.",
            "Report the stratum that the rulebook names.",
            _QUALITY,
        ),
        "DUPLICATE_MEASUREMENT": _finding(
            "One measure stands twice in one submission: the first row counts.",
            "Report each measure once.",
            _SUBMISSION,
        ),
        "WRONG_LEVEL": _finding(
            "The category is not reported at this level: it does not count.",
            "Report PI and activities for the TIN, quality for the clinician (small practices: also the TIN).",
            _SUBMISSION,
        ),
        "GROUP_NOT_ALLOWED": _finding(
            "Group quality of a practice that is not small: kept, and not counted.",
            "Report quality for each clinician.",
            _SUBMISSION,
        ),
        "PERIOD_TOO_SHORT": _finding(
            "The period has too few days inside the performance year.", "Report a longer period.", _SUBMISSION
        ),
        "PERIOD_OUTSIDE_YEAR": _finding(
            "The period leaves the performance year; only the days inside it count.",
            "Correct the period.",
            _SUBMISSION,
        ),
        "PERIOD_NOT_WHOLE_YEAR": _finding(
            "A quality period is the whole performance year; this one counts all the same.",
            "Correct the period.",
            _QUALITY,
        ),
        "MEASURE_WITH_EXCLUSION": _finding(
            "A measure stands beside its own exclusion: the set is worth 0 %.",
            "Report one of the two.",
            _INTEROPERABILITY,
        ),
        "SUBSTITUTES_TOGETHER": _finding(
            "Two ways of health information exchange stand side by side: the set is worth 0 %.",
            "Report one way of exchange.",
            _INTEROPERABILITY,
        ),
        "ENGAGEMENT_LEVELS_TOGETHER": _finding(
            "Two levels of active engagement stand side by side: the set is worth 0 %.",
            "Name one level.",
            _INTEROPERABILITY,
        ),
        "CEHRT_ID_MISSING": _finding("The set has no CEHRT ID: it is worth 0 %.", "Add it.", _INTEROPERABILITY),
        "CEHRT_ID_INVALID": _finding(
            "The CEHRT ID is not valid for the year: the set is worth 0 %.",
            "Take the ID of the year from the Certified Health IT Product List.",
            _INTEROPERABILITY,
        ),
        "STATEMENT_DISAGREES": _finding(
            "The set and a separate attestation answer one statement differently: the later received stands.",
            "Answer it once, or alike.",
            _INTEROPERABILITY,
        ),
        "ELEMENTS_MISSING": _finding(
            "Elements of an attested activity are missing: no points are lost, an audit would be.",
            "Complete the activity, or withdraw the attestation.",
            _ACTIVITIES,
        ),
        "ARRANGEMENT_MISSING": _finding(
            "IA-2 is attested without a collaborative care arrangement.",
            "Name the arrangement.",
            "42 CFR 512.771",
        ),
        "ARRANGEMENT_INCOMPLETE": _finding(
            "The arrangement is unwritten, unsigned, or takes effect after the period starts.",
            "Complete the arrangement.",
            "42 CFR 512.771",
        ),
        "NOT_ALL_PARTICIPANTS": _finding(
            "The attestation does not cover all ASM participants of the TIN.",
            "Attest for all of them.",
            _ACTIVITIES,
        ),
        "LATE": _finding(
            "It arrived at or after the due instant and changes nothing.",
            "If it was receipted before, send the receipt with its confirmation and instant.",
            _SUBMISSION,
        ),
        "CONFLICT": _finding(
            "One revision or version has two contents: the one received first stands, this one does not count.",
            "Send the correction under a higher revision.",
            _SUBMISSION,
        ),
        "EVENT_ID_REUSED": _finding(
            "One event id of a source has two contents: the one received first stands, this one does not count.",
            "Give every event an id of its own.",
        ),
        "UNKNOWN_SYMBOL": _finding(
            "A field has a symbol that this version does not know: the event is kept and does not count.",
            "Upgrade this system, or correct the feed.",
        ),
        "RECEIPT_UNMATCHED": _finding(
            "The receipt answers nothing that is known to have been sent.",
            "Send the document it answers, or name its revision.",
            _SUBMISSION,
        ),
        "RECEIPT_WITHOUT_CONFIRMATION": _finding(
            "A receipt without a confirmation number: its instant is not taken at its word.",
            "Send the receiver's confirmation number with it.",
            _SUBMISSION,
        ),
        "RECEIPT_REJECTED": _finding(
            "The receiver rejected the document.",
            "Correct what its errors name, and send a higher revision.",
            _SUBMISSION,
        ),
        "SOLO_UNKNOWN": _finding(
            "The roster does not say whether the small practice is a solo one: 10 points are assumed.",
            "Correct the roster.",
            _FINAL,
        ),
        "SOLO_DISAGREES": _finding(
            "The roster calls the practice solo and not small: solo is taken.", "Correct the roster.", _FINAL
        ),
        "TEST_IDENTIFIER": _finding(
            "A TIN or NPI that only a test file can hold was accepted, as ASM_TEST_IDENTIFIERS says.",
            "Set ASM_TEST_IDENTIFIERS=refuse where real data arrive.",
        ),
        # explained in a score or an obligation
        "SCORED": _reason("Scored from what was reported or determined.", "Nothing."),
        "GIVEN_BY_CMS": _reason("CMS itself gives this score.", "Nothing.", "42 CFR 512.730"),
        "NOT_SUBMITTED": _reason("It was not submitted: no points.", "Submit it before the deadline.", _SUBMISSION),
        "INCOMPLETE_DATA": _reason(
            "Too small a share of the eligible cases: no points.", "Report more cases.", _QUALITY
        ),
        "BELOW_CASE_MINIMUM": _reason("Complete, with too few cases: left out of the score.", "Nothing.", _QUALITY),
        "NO_DENOMINATOR": _reason("No case was met or not met: left out of the score.", "Nothing.", _QUALITY),
        "NO_BENCHMARK": _reason("There is no benchmark: left out of the score.", "Nothing.", _QUALITY),
        "HISTORICAL_BENCHMARK": _reason(
            "Scored against a historical MIPS benchmark until CMS publishes ASM's own.",
            "Expect it to move.",
            _QUALITY,
        ),
        "GROUP_DATA": _reason("The practice's group data count for the clinician.", "Nothing.", _SUBMISSION),
        "GROUP_SHADOWED": _reason(
            "Group data are there and do not count: individual data do.", "Report one level.", _SUBMISSION
        ),
        "RECEIPT_OVERDUE": _reason(
            "It was sent, and no receipt came within the days that the rulebook allows.",
            "Ask the receiver for the receipt; without one it does not count.",
            _SUBMISSION,
        ),
        "EXCEPTION": _reason(
            "CMS's roster names an exception for the clinician; what follows from it is not known.",
            "Ask CMS what the exception means for the year.",
            _ELIGIBILITY,
        ),
        "WITHDRAWN": _reason(
            "The word of CMS on which the score rested does not count: its event id was used before.",
            "Nothing, unless CMS lists the clinician: then send the listing under an event id of its own.",
        ),
        "ESTIMATED_FROM_CLAIMS": _reason(
            "Episodes, specialty and area are counted in the practice's own claims: an estimate that enters no score.",
            "Compare it with CMS's own word; `asm explain eligibility` shows what was counted.",
            _ELIGIBILITY,
        ),
        "CLAIMS_INCOMPLETE": _reason(
            "The time within which claims of the year are expected has not passed: the count will still change.",
            "Wait, or send the claims that are still to come.",
            _ELIGIBILITY,
        ),
        "CLAIMS_RUN_OUT": _reason(
            "The time within which claims of the year are expected has passed.",
            "Nothing; claims that come all the same still change the count.",
            _ELIGIBILITY,
        ),
        "AWAITING_CMS": _reason("Only CMS can give it, and has not yet: left out.", "Wait for CMS."),
        "BELOW_EPISODE_MINIMUM": _reason("Too few episodes: cost is not scored.", "Nothing.", "42 CFR 512.730"),
        "NO_REFERENCE": _reason("CMS has not published the reference: left open.", "Wait for CMS.", _FINAL),
        "DONE": _reason("The activity is attested.", "Keep the evidence.", _ACTIVITIES),
        "NOT_ATTESTED": _reason("The activity is not attested.", "Attest it before the deadline.", _ACTIVITIES),
        "ANSWERED_NO": _reason("It is answered no.", "Do it, and answer yes.", _ACTIVITIES),
        "MEASURE_MISSING": _reason("A required measure of the set is missing.", "Report it.", _INTEROPERABILITY),
        "ENGAGEMENT_LEVEL_MISSING": _reason(
            "A public health measure lacks its level of active engagement.",
            "Name the level.",
            _INTEROPERABILITY,
        ),
        "STATEMENT_MISSING": _reason("A required statement is not answered.", "Answer it.", _INTEROPERABILITY),
        "EXCLUDED": _reason("Excluded: its points move on to other measures.", "Nothing.", _INTEROPERABILITY),
        "BONUS": _reason("Bonus points for an optional measure.", "Nothing.", _INTEROPERABILITY),
        "EFFECT": _reason("What the category takes off the final score.", "See its parts.", _FINAL),
        "SOLO": _reason("Points for a solo practitioner.", "Nothing.", _FINAL),
        "SMALL": _reason("Points for a small practice.", "Nothing.", _FINAL),
        "NOT_SMALL": _reason("No points: the practice is not small.", "Nothing.", _FINAL),
        "SUM": _reason("Categories averaged, adjustments added, clamped once.", "See its parts.", _FINAL),
        "NO_SCORE": _reason("Neither quality nor cost has a score: no final score.", "Wait for CMS.", _FINAL),
        "MINIMUM_SUBMISSION": _reason(
            "No quality measure was submitted complete: the final score is 0, the worst adjustment follows.",
            "Submit at least one complete quality measure.",
            "42 CFR 512.745(a)(2)(ii)",
        ),
        "WEIGHT_MOVED": _reason("A category has no score; the other takes its weight.", "Nothing.", _FINAL),
        "NOT_ELIGIBLE": _reason(
            "CMS does not list the clinician as eligible: no final score.", "Nothing.", _ELIGIBILITY
        ),
        "CMS_FINAL_SCORE": _reason("CMS's own final score, beside ours.", "Compare, and dispute in time.", _FINAL),
    }
)
