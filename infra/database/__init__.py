"""The projection's database: tables, engine, and the questions that people ask of it."""
