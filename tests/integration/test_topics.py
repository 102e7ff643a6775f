"""``asm topics`` and the cluster: what is declared is what is there, and a partition count never changes."""

import json

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions

from schemas.topics import contract
from tests.integration.system import PARTITIONS, System
from tests.making import at

pytestmark = pytest.mark.integration


def test_what_apply_has_made_check_finds_as_declared(system: System) -> None:
    assert (system.run("topics", "check").returncode, system.run("topics", "apply").returncode) == (0, 0)
    admin = KafkaAdminClient(bootstrap_servers=system.connection.bootstrap)
    present = {t["name"]: len(t["partitions"]) for t in admin.describe_topics()}
    admin.close()
    expected = {system.names.of(t.name): t.partitions or PARTITIONS for t in contract().topics.values()}
    assert {name: count for name, count in present.items() if name.startswith(system.settings.namespace)} == expected


def test_missing_topics_are_told_and_made(system: System) -> None:
    told = system.run("topics", "check", "--json", ASM_NAMESPACE=f"{system.settings.namespace}new.")
    assert told.returncode == 1
    assert {d["what"] for d in json.loads(told.stdout)} == {"is not on the cluster"}


def test_another_partition_count_for_a_journal_is_refused(system: System) -> None:
    told = system.run("topics", "apply", ASM_PARTITIONS=str(PARTITIONS + 1))
    assert told.returncode == 1
    assert "a journal's count is fixed" in " ".join(told.stdout.split())


def test_a_topic_whose_partitions_were_raised_by_hand_is_refused(system: System) -> None:
    name = system.names.of("asm.claims.v1")
    admin = KafkaAdminClient(bootstrap_servers=system.connection.bootstrap)
    admin.create_partitions({name: NewPartitions(total_count=PARTITIONS + 2)})
    admin.close()
    told = system.run("topics", "check", "--json")
    assert told.returncode == 1
    assert json.loads(told.stdout) == [
        {
            "topic": name,
            "what": f"has {PARTITIONS + 2} partitions, not {PARTITIONS}, which is fixed for a topic's life",
            "mendable": False,
        }
    ]


def test_a_configuration_that_was_changed_is_mended(system: System) -> None:
    name = system.names.of("asm.journal.v1")
    admin = KafkaAdminClient(bootstrap_servers=system.connection.bootstrap)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"cleanup.policy": "compact"})])
    admin.close()
    assert system.run("topics", "check").returncode == 1
    assert system.run("topics", "apply").returncode == 0
    assert system.run("topics", "check").returncode == 0


def test_the_text_of_a_rulebook_that_ships_no_more_is_read_from_the_cluster(system: System) -> None:
    system.send_bytes("asm.rulebooks.v1", b"feedfacecafe", b'{"vintage":"gone"}', at("2027-01-01"))
    system.send([])
    told = system.run("rules", "show", "--digest", "feedface")
    assert (told.returncode, told.stdout.strip()) == (0, '{"vintage":"gone"}')
    assert system.run("rules", "show", "--digest", "0000feedface").returncode == 1
