"""``asm explain``: why a score is what it is, and how it came to that."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from infra.database.questions import score_history
from infra.database.tables import Score, ScoreHistory
from infra.settings import Settings
from streams.answers import moves, plain
from streams.commands.eligibility import explain_eligibility
from streams.commands.exposure import exposure_table
from streams.commands.past_exposure import exposures_then
from streams.commands.terminal import OUT, Json, print_json, table
from streams.commands.view import AsOf, Year, law_of, projection, score_tree, who_is
from streams.wording import ESTIMATE, points, show_instant

HELP = """Why a score is what it is: every part with its numbers, reason, citation and how sure that is; then each
change of the score with what caused it and which parts it moved; with --as-of, as it was said by that instant.

`asm explain eligibility WHO` shows instead what the practice's own claims say of each clinician's eligibility: what was
counted, from which claims, what would change the answer, and where CMS's roster disagrees."""
Words = Annotated[
    list[str],
    typer.Argument(metavar="[eligibility] WHO", help="NPI, practice alias, or - for a TIN on standard input."),
]


def explain(words: Words, year: Year = None, as_of: AsOf = None, json: Json = False) -> None:
    """Explain a score, or who is eligible."""
    if words[:-1] == ["eligibility"]:
        if as_of is not None:
            raise typer.BadParameter("what the claims say of eligibility is known of the present alone, not --as-of")
        explain_eligibility(words[-1], year, json)
    elif len(words) == 1:
        _explain_score(words[0], year, as_of, json)
    else:
        raise typer.BadParameter("name one WHO, or `eligibility` and one WHO")


def _explain_score(who: str, year: int | None, as_of: str | None, json: bool) -> None:
    settings = Settings()
    with projection(settings, as_of) as session:
        scores = who_is(session, who, year)
        histories = [score_history(session, score) for score in scores]
        if json:
            print_json([_document(s, h) for s, h in zip(scores, histories, strict=True)])
            return
        for score, history in zip(scores, histories, strict=True):
            _show(score, history)
            OUT.print(exposure_table(exposures_then(session, [score], settings)))
        OUT.print(ESTIMATE, style="dim")


def _document(score: Score, history: Sequence[ScoreHistory]) -> dict[str, Any]:
    changes = [
        {
            "revision": said.revision,
            "as_of": said.as_of,
            "final_score": said.final_score,
            "cause": {"type": said.cause_type, "source": said.cause_source, "event_id": said.cause_event_id},
            "moved": moved,
        }
        for said, moved in zip(history, moves(history), strict=True)
    ]
    return {**plain(score), "changes": changes}


def _show(score: Score, history: Sequence[ScoreHistory]) -> None:
    title = f"{score.name or score.npi} (NPI {score.npi}) · {score.cohort} · {score.performance_year}"
    OUT.print(title, style="bold", markup=False)
    OUT.print(f"Said as of {show_instant(score.as_of)} under {law_of(score)}", markup=False)
    OUT.print(score_tree(score.tree, with_inputs=True))
    rows = (
        (
            show_instant(said.as_of),
            points(said.final_score),
            f"{said.cause_type} {said.cause_event_id}",
            "; ".join(f"{m['code']} {points(m['before'])} → {points(m['after'])}" for m in moved) or "–",
        )
        for said, moved in zip(history, moves(history), strict=True)
    )
    OUT.print(table("How it came to this", ("said as of", "final", "because of", "parts that moved"), rows))
