# Sourced by the scripts: finds the repository, installs what is missing, builds when sources changed.
# Standard output belongs to what the scripts run in the end, so everything here speaks on standard error.
# shellcheck shell=bash

top=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
swift_needed=6.2
. "$top/scripts/lib/identity.sh"

say() { printf '%s\n' "$*" >&2; }

# stop WHAT FIX…: one line of what is wrong, then what to do, one line each.
stop() {
    say "error: $1"
    shift
    local line
    for line in "$@"; do say "fix: $line"; done
    exit 1
}

is_there() {
    case $1 in
    command:*) command -v "${1#command:}" >/dev/null 2>&1 ;;
    module:*) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "${1#module:}" 2>/dev/null ;;
    file:*) compgen -G "${1#file:}" >/dev/null ;;
    esac
}

# Prints the packages of the given uses (build, test, …) that are not there.
missing_packages() {
    local use package proof wanted
    while read -r use package proof; do
        [[ -z $use || $use == '#'* ]] && continue
        for wanted in "$@"; do
            if [[ $use == "$wanted" ]] && ! is_there "$proof"; then printf '%s\n' "$package"; fi
        done
    done <"$top/scripts/packages" | sort -u
}

install_with() {
    # A machine made from an image has no package lists, and old lists name files that are gone: then update first.
    local log as=("$@")
    log=$(mktemp)
    if compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null &&
        "${as[@]}" apt-get install -y --no-install-recommends "${missing[@]}" </dev/null >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    if "${as[@]}" apt-get update </dev/null >"$log" 2>&1 &&
        "${as[@]}" apt-get install -y --no-install-recommends "${missing[@]}" </dev/null >>"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    cat "$log" >&2
    rm -f "$log"
    return 1
}

# need USE…: returns when every package of these uses is there, and ends the script otherwise.
need() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]} == 0)) && return 0
    local typed="apt-get install -y ${missing[*]}"
    if ! command -v apt-get >/dev/null 2>&1; then
        stop "not found on this machine: ${missing[*]} (the names Debian gives them)" \
            "install them with this system's package manager, then run this again"
    fi
    if ((EUID == 0)); then
        say "installing ${missing[*]}"
        install_with env DEBIAN_FRONTEND=noninteractive || stop "apt-get could not install ${missing[*]}" "$typed"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
        say "installing ${missing[*]} (with sudo)"
        install_with sudo -n env DEBIAN_FRONTEND=noninteractive ||
            stop "apt-get could not install ${missing[*]}" "sudo $typed"
    else
        stop "these packages are missing: ${missing[*]}" "sudo $typed"
    fi
    hash -r
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]} == 0)) || stop "apt-get succeeded, but these are still not found: ${missing[*]}" \
        "scripts/packages says how each package is detected"
}

# Puts a swift that is new enough on PATH, or says where to get one.
need_swift() {
    local folder version
    if ! command -v swift >/dev/null 2>&1; then
        for folder in "${SWIFTLY_BIN_DIR:-}" "${HOME:-}/.local/share/swiftly/bin" "${HOME:-}/.swiftly/bin"; do
            if [[ -n $folder && -x $folder/swift ]]; then
                export PATH="$folder:$PATH"
                break
            fi
        done
    fi
    command -v swift >/dev/null 2>&1 || stop "swift is not installed, or not on PATH (cake needs $swift_needed or newer)" \
        "get a toolchain from https://www.swift.org/install/linux and run this again"
    version=$(swift --version 2>&1) || stop "$(command -v swift) does not run: $version" \
        "install what the toolchain itself needs: https://www.swift.org/install/linux"
    version=$(sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' <<<"$version" | head -n 1)
    if [[ -n $version && $(printf '%s\n' "$swift_needed" "$version" | sort -V | head -n 1) != "$swift_needed" ]]; then
        stop "swift is $version, and cake needs $swift_needed or newer" "https://www.swift.org/install/linux"
    fi
}

# Changes whenever a source file is edited, added or removed, or the compiler or the way of building is another.
fingerprint() {
    (
        cd "$top" || exit
        find Package.swift Package.resolved Sources Registry scripts/lib/setup.sh -type f \
            -printf '%p %s %T@\n' 2>/dev/null | LC_ALL=C sort || true
        readlink -f "$(command -v swift || true)" || true
    ) | cksum
}

# The release binary. Swift's own libraries are linked in: a hello world then starts in 1.4 ms where the dynamic one
# takes 2.6 ms (/bin/true: 0.6 ms), and the binary runs where no toolchain is. It costs 9 MB on disk instead of 19 kB.
build_release() {
    local now stamp="$top/.build/cake.built" log identity
    now=$(fingerprint)
    if [[ -x $top/.build/release/cake && -f $stamp && $(<"$stamp") == "$now" ]]; then return 0; fi
    need build
    need_swift
    now=$(fingerprint)
    mkdir -p "$top/.build/identity"
    log=$(mktemp)
    say "building cake (the first time takes some minutes)"
    # Its name has the commit: SwiftPM links again when the words for the linker are others.
    identity="$top/.build/identity/$(commit_of_sources).o"
    identity_object "$identity" ""
    if ! (cd "$top" && swift build -c release --product cake --static-swift-stdlib -Xlinker "$identity") \
        </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        stop "the build failed; the log is above" "fix the reported errors, then run this again"
    fi
    rm -f "$log"
    printf '%s\n' "$now" >"$stamp"
}

# The C library, optimised; its path.
build_library() {
    local log
    log=$(mktemp)
    if ! (cd "$top" && swift build -c release --product cake-c) </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        stop "the build of the library failed; the log is above" "fix the reported errors, then run this again"
    fi
    rm -f "$log"
    tool libcake-c.so
}

# build_tool NAME: one of the programs that tests and benches use, optimised; its path is what `tool NAME` prints.
build_tool() {
    local log
    log=$(mktemp)
    if ! (cd "$top" && swift build -c release --product "$1" --static-swift-stdlib) </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        stop "the build of $1 failed; the log is above" "fix the reported errors, then run this again"
    fi
    rm -f "$log"
}

tool() { printf '%s\n' "$top/.build/release/$1"; }

# own_python FOLDER NAME: a Python with the packages of scripts/NAME, made once and kept; prints its path.
own_python() {
    local folder=$1 wanted="$top/scripts/$2" have="$1/requirements.txt"
    if [[ ! -x $folder/bin/python || ! -f $have ]] || ! cmp -s "$wanted" "$have"; then
        say "setting up Python packages in $folder"
        mkdir -p "$(dirname "$folder")"
        python3 -m venv --clear "$folder" >&2 || stop "python3 -m venv failed" "sudo apt-get install -y python3-venv"
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" >&2 ||
            stop "pip could not install what $wanted lists" "look at the message above; a network is needed once"
        cp "$wanted" "$have"
    fi
    printf '%s\n' "$folder/bin/python"
}
