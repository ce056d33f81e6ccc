# Sourced by scripts/wheel: an apt of its own that reads Debian's lists of packages and of sources without changing this
# machine's, and a folder with glibc 2.31 to link against. apt checks signatures and checksums.
# shellcheck shell=bash

# Debian 11, of 2021: the oldest glibc on which the wheel runs. Nothing is compiled against it but C libraries; the rest is linked.
sysroot_suite=bullseye
sysroot_glibc=2.31
sysroot_packages=(libc6 libc6-dev libcrypt1 libcrypt-dev linux-libc-dev libgcc-s1 libgcc-10-dev libstdc++6 libstdc++-10-dev)
# Where the sources of libcurl, libmicrohttpd and GnuTLS are from.
sources_suite=bookworm
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The server of Debian's packages that this machine uses.
mirror_of() {
    local found
    found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
        grep -v '^ *#' | grep -oE "https?://[^ ]+/$1/?( |\$)" | head -n 1) || true
    found=${found%% }
    printf '%s\n' "${found%/}"
}

own_apt() { APT_CONFIG="$cache/apt/apt.conf" apt-get -q "$@"; }

# Writes the settings of the apt of its own, and updates its lists; --here reads no packages of the older Debian.
prepare_apt() {
    local debian security type archive=http://archive.debian.org/debian
    debian=${CAKE_WHEEL_MIRROR:-$(mirror_of debian)}
    debian=${debian:-http://deb.debian.org/debian}
    security=$(mirror_of debian-security)
    security=${security:-${debian%/debian}/debian-security}
    mkdir -p "$cache"/apt/{etc/apt.conf.d,etc/preferences.d,state/lists/partial,cache/archives/partial}
    cat >"$cache/apt/apt.conf" <<CONF
Dir::Etc "$cache/apt/etc";
Dir::State "$cache/apt/state";
Dir::State::status "/dev/null";
Dir::Cache "$cache/apt/cache";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
    local place
    sed 's|.*//||; s|/.*||' <<<"$debian" >"$cache/apt/host"
    for place in "$debian" "$archive"; do
        {
            if [[ $kind == portable ]]; then printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$place" "$sysroot_suite"; fi
            # An image has Debian's programs; everything else is linked from what its sources make.
            type=deb-src
            if [[ $kind == image ]]; then type=deb; fi
            printf '%s [signed-by=%s] %s %s main\n' "$type" "$keyring" "$debian" "$sources_suite"
            printf '%s [signed-by=%s] %s %s-security main\n' "$type" "$keyring" "$security" "$sources_suite"
        } >"$cache/apt/etc/sources.list"
        if own_apt update -o APT::Update::Error-Mode=any >"$cache/apt/log" 2>&1; then return 0; fi
    done
    cat "$cache/apt/log" >&2
    stop "Debian's package lists could not be read" "CAKE_WHEEL_MIRROR=http://HOST/debian scripts/wheel" \
        "without the older glibc: scripts/wheel --here"
}

# make_sysroot FOLDER
make_sysroot() {
    local folder=$1 package link target
    say "unpacking glibc $sysroot_glibc"
    mkdir -p "$folder.debs" "$folder"
    (cd "$folder.debs" && own_apt download "${sysroot_packages[@]/%//$sysroot_suite}") >"$cache/apt/log" 2>&1 || {
        cat "$cache/apt/log" >&2
        stop "Debian's packages of $sysroot_suite could not be had" "scripts/wheel --here"
    }
    for package in "$folder.debs"/*.deb; do
        dpkg-deb --extract "$package" "$folder"
        dpkg-deb --show --showformat='${source:Package} ${source:Version}\n' "$package"
    done | sort -u >"$folder.versions"
    rm -r "$folder.debs"
    while IFS= read -r -d '' link; do
        target=$(readlink "$link")
        ln -sfn "$(realpath -sm --relative-to="$(dirname "$link")" "$folder$target")" "$link"
    done < <(find "$folder" -type l -lname '/*' -print0)
}
