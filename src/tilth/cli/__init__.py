"""The command line: one verb a file, each thin.

Exit codes: 0 done, 1 the run failed, 2 the recipe or the command is wrong, 3 a check fell short.
"""

from __future__ import annotations

import json
import sys
import traceback


def main(args: list[str] | None = None) -> None:
    """Run the command line; ends the process with the exit code."""
    import typer

    from tilth.cli._app import build
    from tilth.core.errors import TilthError
    from tilth.core.secret import hide

    given = sys.argv[1:] if args is None else args
    try:
        command = typer.main.get_command(build())
        code = command.main(args=given, prog_name="tilth", standalone_mode=False)
    except TilthError as error:
        if "--json" in given:
            print(json.dumps({"kind": "error", "error": str(error), "type": type(error).__name__}, ensure_ascii=False))
        else:
            print(f"tilth: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except typer.Exit as leaving:
        sys.exit(leaving.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        print("tilth: stopped", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 (the last one to say anything)
        # Click's own complaints about the command (a wrong option, a missing argument) know how to say themselves.
        if hasattr(error, "format_message"):
            print(f"tilth: {error.format_message()}", file=sys.stderr)
            sys.exit(2)
        # A fault of ours: what others' libraries say of it may quote a password.
        print(hide("".join(traceback.format_exception(error))), end="", file=sys.stderr)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
