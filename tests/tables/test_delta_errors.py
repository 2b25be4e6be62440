"""What delta-rs says of a store becomes one line: worth another try, or not, and what to do."""

import pytest

from tilth.core.errors import Terminal, Transient
from tilth.tables._delta_errors import is_storage, plain

CHAIN = (
    "Kernel error -> Generic S3 error\n"
    "          \x1b[31m↳\x1b[0m Error performing list request\n"
    "           \x1b[31m↳\x1b[0m Error performing GET http://127.0.0.1:3/b?prefix=t in 4ms - Server returned {}\n"
    "            \x1b[31m↳\x1b[0m {}\n"
)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (CHAIN.format("non-2xx status code", "503 Service Unavailable: busy"), Transient),
        (CHAIN.format("non-2xx status code", "429 Too Many Requests"), Transient),
        (CHAIN.format("nothing", "tcp connect error: Connection refused (os error 111)"), Transient),
        (CHAIN.format("nothing", "end of file before message length reached"), Transient),
        (CHAIN.format("non-2xx status code", "404 Not Found <Code>NoSuchBucket</Code>"), Terminal),
        (CHAIN.format("non-2xx status code", "403 Forbidden"), Terminal),
        ("No space left on device (os error 28)", Terminal),
    ],
)
def test_a_network_is_worth_another_try_and_a_refusal_is_not(said, kind):
    error = plain("reading the log", "tickets", OSError(said))
    assert type(error) is kind
    assert str(error).startswith("tickets: the store failed while reading the log: ")
    assert "\x1b" not in str(error)
    assert "\n" not in str(error)
    assert error.do


def test_a_log_that_is_wrong_is_not_the_stores_fault():
    assert is_storage(OSError(CHAIN.format("nothing", "timed out")))
    assert not is_storage(ValueError("Invalid JSON in log record, version=3"))
