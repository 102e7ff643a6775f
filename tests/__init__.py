"""Tests, fastest first: house, rules, processors, schemas, streams (driver); then integration on a real Kafka."""
