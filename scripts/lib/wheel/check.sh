# Sourced by scripts/wheel: what must hold for the binaries and for the wheel.
# shellcheck shell=bash

# The parts of glibc 2.31, all of which every system has that can run Python. glibc 2.34 put them into libc.so.6.
allowed='libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 libutil.so.1 librt.so.1 libresolv.so.2 ld-linux-x86-64.so.2'

# check_binaries FILE…: sets needed_glibc to the version that all of them need.
check_binaries() {
    local file name word
    needed_glibc=0
    for file in "$@"; do
        while read -r name; do
            [[ " $allowed " == *" $name "* ]] || stop "${file##*/} needs $name, which other systems may not have"
        done < <(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
        while read -r name; do
            needed_glibc=$(printf '%s\n' "$needed_glibc" "$name" | sort -V | tail -n 1)
        done < <(readelf -V "$file" | grep -oE 'GLIBC_[0-9]+\.[0-9]+' | sed 's/GLIBC_//' | sort -uV)
        for word in "$top/" "$cache" "$HOME/" "$(cat "$cache/apt/host" 2>/dev/null || echo "$cache")"; do
            if LC_ALL=C grep -qaF -- "$word" "$file"; then stop "${file##*/} contains $word"; fi
        done
    done
    if [[ $kind == portable && $(printf '%s\n' "$needed_glibc" "$sysroot_glibc" | sort -V | tail -n 1) != "$sysroot_glibc" ]]; then
        stop "the binaries need glibc $needed_glibc, newer than $sysroot_glibc"
    fi
    local exported
    exported=$(readelf --dyn-syms -W "$1" | awk '$7 != "UND" && $5 == "GLOBAL" && NR > 3 { print $8 }' | sed 's/@.*//' | grep -v '^cake_' || true)
    [[ -z $exported ]] || stop "${1##*/} exports more than cake.h has: ${exported//$'\n'/ }"
    say "the binaries need glibc $needed_glibc; libcake.so has $(stat -c %s "$1") bytes and cake $(stat -c %s "$2")"
}

# check_wheel WHEEL: auditwheel agrees with its tag and has nothing to add, and the wheel works in a Python without packages.
check_wheel() {
    local wheel=$1 folder
    folder=$(mktemp -d)
    (
        PATH="$(dirname "$python"):$PATH"
        python -m auditwheel show "$wheel"
        # It fails if the tag promises too much, and would copy shared libraries into the wheel.
        python -m auditwheel repair --plat "$platform" --only-plat -w "$folder" "$wheel"
    ) >"$folder/said" 2>&1 || stop "auditwheel says: $(tail -n 5 "$folder/said")"
    if "$python" -m zipfile -l "$folder"/*.whl | grep -q '\.libs/'; then stop "auditwheel copied libraries into the wheel"; fi
    say "$(sed -n '/is consistent/,/^$/p' "$folder/said" | tr '\n' ' ')"
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index "$wheel"
    (
        cd "$folder"
        venv/bin/python -c 'import cake; from cake import _library; _library.library()' || exit 1
        [[ $(venv/bin/cake --version) == "$(venv/bin/python -c 'from importlib.metadata import version; print("cake", version("cake-models"))')"* ]]
    ) || stop "the wheel does not work in a venv, or its version is not cake's"
    rm -rf "$folder"
}
