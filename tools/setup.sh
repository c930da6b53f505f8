#!/usr/bin/env bash
# Makes the machine ready: Debian/Ubuntu packages where they are missing, a virtual environment in .venv, the package itself.
# usage: setup.sh [run|develop|fuzz]     run: what the demo needs; develop: what tests and lint need, too; fuzz: what fuzzing needs
# Safe to run again; does nothing when everything is there. Packages are installed with apt where root or sudo allows it,
# else the command to paste is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-run}
venv=.venv

missing=()
need() { # need PACKAGE TEST...: PACKAGE is missing when TEST fails
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}
has_python_headers() { python3 -c 'import os, sysconfig; raise SystemExit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'; }
has_arm_libc() { arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -E -include string.h -x c /dev/null; }
has_riscv_libc() { riscv64-unknown-elf-gcc --specs=picolibc.specs -E -include string.h -x c /dev/null; }
has_libfuzzer() { echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang -fsanitize=fuzzer -x c - -o /dev/null; }

need build-essential command -v gcc
need build-essential command -v make
need build-essential test -e /usr/include/stdio.h
need python3-venv python3 -c 'import ensurepip, venv'
need python3-dev has_python_headers
need xz-utils command -v xz
need git command -v git
need debian-archive-keyring test -e /usr/share/keyrings/debian-archive-keyring.gpg
if [ "$profile" = develop ]; then
    need clang-format command -v clang-format
    need flatbuffers-compiler command -v flatc
    need gcc-arm-none-eabi command -v arm-none-eabi-gcc
    need libnewlib-arm-none-eabi has_arm_libc
    need clang command -v clang
    need lld command -v ld.lld
    need mspdebug command -v mspdebug
    need cmake command -v cmake
    need qemu-system-arm command -v qemu-system-arm
    need qemu-system-misc command -v qemu-system-riscv32
    need gcc-riscv64-unknown-elf command -v riscv64-unknown-elf-gcc
    need picolibc-riscv64-unknown-elf has_riscv_libc
fi
if [ "$profile" = fuzz ]; then
    need clang command -v clang
    need libclang-rt-dev has_libfuzzer
fi
if [ ${#missing[@]} -gt 0 ]; then
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    install="apt-get update -qq && apt-get install -y -qq --no-install-recommends ${missing[*]}"
    if ! command -v apt-get >/dev/null; then
        echo "setup: these Debian packages (or their like) are missing; install them and run again: ${missing[*]}" >&2
        exit 2
    elif [ "$(id -u)" = 0 ]; then
        echo "setup: installing ${missing[*]}"
        DEBIAN_FRONTEND=noninteractive sh -c "$install" >/dev/null
    elif sudo -n true 2>/dev/null; then
        echo "setup: installing ${missing[*]}"
        sudo -n DEBIAN_FRONTEND=noninteractive sh -c "$install" >/dev/null
    else
        echo "setup: packages are missing; paste this and run again: sudo sh -c '$install'" >&2
        exit 2
    fi
fi
python3 -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' || {
    echo "setup: Python 3.11 or newer is needed, python3 is $(python3 -V | cut -d' ' -f2)" >&2
    exit 2
}

# Packages are installed again only when what they are made from has changed.
extra=$([ "$profile" = develop ] && echo "[dev]" || echo "[demo]")
stamp=$venv/.$profile
sources=$(cat pyproject.toml setup.py requirements.txt | cksum)
if [ "$(cat "$stamp" 2>/dev/null)" != "$sources" ]; then
    [ -x $venv/bin/python ] || python3 -m venv $venv
    echo "setup: installing the Python packages (PyTorch is about 200 MB; this takes a minute or more the first time)"
    $venv/bin/python -m pip install -q --disable-pip-version-check --upgrade-strategy only-if-needed -c requirements.txt torch
    $venv/bin/python -m pip install -q --disable-pip-version-check -c requirements.txt -e ".$extra"
    echo "$sources" >"$stamp"
elif [ -n "$(find native -name '*.[ch]' -newer "$(ls -t host/freeml_pack/_engine*.so 2>/dev/null | head -n 1)" 2>&1)" ]; then
    echo "setup: building the C core again"
    $venv/bin/python -m pip install -q --disable-pip-version-check --no-deps -e .
fi
