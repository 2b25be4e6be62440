#!/usr/bin/env bash
# Make the virtual environment and install Tilth with its extras, in one resolve with exact pins.
# Usage: setup.sh PYTHON VENV EXTRAS [PACKAGE...]
set -euo pipefail
python=$1 venv=$2 extras=$3
shift 3
start=$SECONDS
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "setup: $python is older than Python 3.11. Install Python 3.11 or newer, or run: make PYTHON=/path/to/python3" >&2
  exit 2
}
if [ ! -x "$venv/bin/pip" ]; then
  "$python" -m venv "$venv" 2>/dev/null || {
    # Debian ships Python without venv and pip.
    rm -rf "$venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv python3-pip >/dev/null
      "$python" -m venv "$venv"
    else
      echo "setup: $python cannot make a virtual environment. Install your system's python3-venv." >&2
      exit 2
    fi
  }
fi
"$venv/bin/pip" install -q --disable-pip-version-check -U pip -c constraints.txt
"$venv/bin/pip" install -q --disable-pip-version-check -c constraints.txt -e ".[$extras]" "$@"
echo "setup: $extras ready in $((SECONDS - start)) s"
