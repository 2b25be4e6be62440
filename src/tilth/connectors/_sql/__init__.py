"""Speak to SQL databases: one dialect a system, which opens sessions and knows the system's words.

dialect.py    what every system offers (`Dialect`, `Session`, `Column`)
address.py    URLs -> dialects
postgres.py   PostgreSQL through ADBC; read by COPY in binary, with a decoder of our own (`_copy`, `_copy_rows`)
mysql.py      MySQL and MariaDB through PyMySQL, with a decoder of the binary protocol of our own (`_wire`, `_decode`)
sqlite.py     SQLite through Python's own module
duck.py       DuckDB, Arrow on both sides
ranges.py     cut a table at its key into shards
window.py     what is new since a cursor
drift.py      what became of the columns since a cursor
landed.py     what an Arrow batch becomes in a record: names, subjects, rejects
stage.py, commits.py   the sink: workers stage, one transaction merges
"""
