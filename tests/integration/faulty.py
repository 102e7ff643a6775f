"""The command line with a fault: the process stops in its tracks just before it commits, once, while a file is there.

``ASM_TEST_FREEZE`` names a part of the transactional id and the file; it is no part of the product.
"""

import os
import signal
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.commands import main

_commit = AIOKafkaProducer.commit_transaction


async def _freeze_and_commit(producer: Any) -> Any:
    _freeze_once(producer._txn_manager.transactional_id or "")
    return await _commit(producer)


def _freeze_once(transactional_id: str) -> None:
    stage, flag = os.environ["ASM_TEST_FREEZE"].split(":", 1)
    if stage in transactional_id and Path(flag).exists():
        Path(flag).unlink()
        os.kill(os.getpid(), signal.SIGSTOP)


AIOKafkaProducer.commit_transaction = _freeze_and_commit
main()
