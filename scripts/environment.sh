# shellcheck shell=bash
# The steps that scripts/quickstart and scripts/test share. Sourced, never run.
#
#   prepare_environment          .venv at the top of the repository with promptsci in it, editable
#   prepare_environment dev      the same with the dev extra
#   check_code                   formatting, lint, types, spelling
#
# Both do nothing, quickly, when there is nothing to do. PYTHON picks the interpreter that .venv is made with.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.venv"
python="$venv/bin/python"

say() {
    printf '==> %s\n' "$*" >&2
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

make_venv() {
    local base="${PYTHON:-python3}"
    command -v "$base" >/dev/null ||
        fail "promptsci needs Python 3.10 or newer, and there is no '$base' on PATH." \
            "  Install Python, or name one: PYTHON=/path/to/python3.12 $0"
    "$base" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "promptsci needs Python 3.10 or newer; $base is $("$base" -V 2>&1)." \
            "  Name a newer one: PYTHON=/path/to/python3.12 $0"
    say "making a virtual environment in .venv with $("$base" -V 2>&1)"
    "$base" -m venv --clear "$venv" ||
        fail "'$base -m venv' failed." "  On Debian and Ubuntu: apt-get install python3-venv"
}

pip_install() {
    "$python" -m pip install -qq --disable-pip-version-check -c "$root/constraints.txt" "$@"
}

# What an installed environment depends on: the two files and the place (an editable install remembers where it is).
fingerprint() {
    { cat "$root/pyproject.toml" "$root/constraints.txt" && printf '%s' "$root"; } | cksum
}

prepare_environment() {
    local extra="${1:-}" stamp="$venv/installed" now
    now="$(fingerprint)"
    if [[ -z "$extra" && "$(cat "$stamp-dev" 2>/dev/null)" == "$now" ]]; then
        stamp="$stamp-dev"
    elif [[ -n "$extra" ]]; then
        stamp="$stamp-$extra"
    fi
    "$python" -c '' 2>/dev/null || make_venv
    if [[ "$(cat "$stamp" 2>/dev/null)" == "$now" ]]; then
        return
    fi
    say "installing PyTorch (200 MB as a CPU build, more with CUDA; once)"
    # First and alone, pinned: a CPU build that pip has been told of is taken, and nothing after it moves it.
    pip_install torch
    say "installing promptsci${extra:+[$extra]} and what it needs (once)"
    pip_install --editable "$root${extra:+[$extra]}"
    printf '%s\n' "$now" >"$stamp"
}

check_code() (
    cd "$root" || exit
    say "ruff format, ruff check, mypy, codespell"
    "$python" -m ruff format --check .
    "$python" -m ruff check .
    "$python" -m mypy
    "$python" -m codespell_lib
)
