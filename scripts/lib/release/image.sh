# Sourced by scripts/release: a container image without an engine. Its first layer is what cake needs of Debian, glibc and
# certificates, its second cake.
# shellcheck shell=bash

image_packages=(base-files ca-certificates libc6)

# The packages of the image, and their versions in $work/image.versions.
fetch_image_packages() {
    local folder=$1 own=$cache/apt-image
    mkdir -p "$folder"
    # An apt of its own, which knows one Debian alone.
    (
        cache=$own kind=image
        prepare_apt
        cd "$folder" && own_apt download "${image_packages[@]}"
    ) >"$work/image.log" 2>&1 || stop "Debian's packages for the image could not be had: $(tail -n 3 "$work/image.log")"
}

make_image() {
    say "making ${1##*/}"
    local base=$work/image-base debs=$work/image-debs package name
    fetch_image_packages "$debs"
    mkdir -p "$base"
    for package in "$debs"/*.deb; do
        # Debian's folders /bin and /lib are links to those in /usr, and tar must not follow them out of the image.
        dpkg-deb --fsys-tarfile "$package" | tar --extract --directory="$base" --transform='s,^\./\(lib\|lib64\|bin\|sbin\)/,./usr/\1/,' \
            --exclude='./usr/lib/x86_64-linux-gnu/gconv' --exclude='./lib/x86_64-linux-gnu/gconv' --exclude='./usr/share/lintian' \
            --exclude='./usr/share/man' --exclude='./usr/share/base-files' --exclude='./usr/share/doc/*/examples' --exclude='./etc/*' --exclude='./usr/sbin' --exclude='./sbin' --exclude='./var/*'
        name=$(dpkg-deb --field "$package" Package)
        # Where scanners of images without a package manager look.
        mkdir -p "$base/var/lib/dpkg/status.d"
        dpkg-deb --field "$package" >"$base/var/lib/dpkg/status.d/$name"
        dpkg-deb --show --showformat='${source:Package} ${source:Version}\n' "$package" >>"$work/image.versions"
    done
    find "$base/usr/share/doc" -type f ! -name copyright -delete
    find "$base" -type d -empty -delete
    mkdir -p "$base/etc/ssl/certs" "$base/tmp"
    for name in lib lib64 bin; do ln -s "usr/$name" "$base/$name"; done
    ln -s ../usr/lib/os-release "$base/etc/os-release"
    # As update-ca-certificates does.
    for name in "$base"/usr/share/ca-certificates/mozilla/*.crt; do
        sed -e '$a\' "$name"
    done >"$base/etc/ssl/certs/ca-certificates.crt"
    cp "$top"/scripts/lib/release/image/{passwd,group,nsswitch.conf} "$base/etc/"
    local layer=$work/image-cake
    install -Dm755 "$program" "$layer/usr/bin/cake"
    install -Dm644 -t "$layer/usr/share/doc/cake" "$work/tree/share/doc/cake/LICENSE"
    install -Dm644 -t "$layer/usr/share/doc/cake/licences" "$work"/tree/share/doc/cake/licences/*
    mkdir -p "$layer/var/lib/cake"
    python3 "$top/scripts/lib/release/image.py" --version "$version" --commit "$commit" --layer "$base" --layer "$layer" --out "$1"
}
