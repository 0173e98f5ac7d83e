#!/bin/sh
# A venv with Carbon and graphite-web from PyPI in the user's cache, for tests; prints where it is.
set -eu
venv="${XDG_CACHE_HOME:-$HOME/.cache}/wattribute/graphite"
# setuptools has pkg_resources, which Carbon asks for, only up to 80.
wanted='carbon==1.1.10 graphite-web==1.1.10 whisper==1.1.10 setuptools<80'
if [ "$(cat "$venv/installed.txt" 2> /dev/null)" != "$wanted" ]; then
    echo "making $venv" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    # shellcheck disable=SC2086  # several words are meant
    "$venv/bin/pip" install --quiet --disable-pip-version-check $wanted >&2
    printf '%s' "$wanted" > "$venv/installed.txt"
fi
echo "$venv"
