"""How long each page of the console takes on a view of 8,600 clinicians, without a browser and without Kafka.

python -m bench.console [SQLite file; made there if it is not, which takes minutes]
"""

import sys
import time
from pathlib import Path

from starlette.testclient import TestClient

from infra.database.engine import open_engine
from tests.simulated_view import simulated_view
from tests.streams.console.asking import answer, client_of
from tests.streams.console.serving import made_on

CLINICIANS, TIMES = 8600, 5


def main(path: Path) -> None:
    """Make a view where there is none, and print how long each page takes: the first time, and the best of five."""
    there = path.exists()
    engine = open_engine(f"sqlite:///{path}")
    if not there:
        simulated_view(engine, CLINICIANS)
    client = client_of(made_on(engine), "operator")
    rows = answer(client, "/api/v1/missing")["items"]
    npi = next(row["npi"] for row in rows if "npi" in row)
    practice = f"/practices/{rows[0]['practice']['id']}"
    filtered = ("/?who=Ivanov", "/?cohort=HEART_FAILURE&alert=FIRING&points=10", "/?cursor=p20000")
    for page in (
        "/",
        *filtered,
        "/practices",
        practice,
        f"/clinicians/{npi}",
        "/cohorts",
        "/feeds",
        "/health",
        "/board.csv",
    ):
        took = [_seconds(client, page) for _ in range(TIMES)]
        cpu = min(each for _, each in took)
        print(  # noqa: T201
            f"{page:50} first {1000 * took[0][0]:6.0f} ms, best {1000 * min(took)[0]:6.0f} ms, cpu {1000 * cpu:6.0f} ms"
        )
    engine.dispose()


def _seconds(client: TestClient, page: str) -> tuple[float, float]:
    """Return how long a page takes, by the wall and of the processor, which does not count what else runs."""
    began, worked = time.perf_counter(), time.process_time()
    client.get(page).raise_for_status()
    return time.perf_counter() - began, time.process_time() - worked


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("console-bench.db"))
