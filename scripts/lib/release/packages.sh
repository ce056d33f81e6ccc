# Sourced by scripts/release: the package for Debian and Ubuntu.
# shellcheck shell=bash

make_package() {
    say "making ${1##*/}"
    local root=$work/package files=$top/scripts/lib/release
    mkdir -p "$root"/{DEBIAN,usr,etc/default}
    cp -r "$work/tree/bin" "$work/tree/share" "$root/usr/"
    mkdir -p "$root/usr/share/zsh/vendor-completions"
    mv "$root/usr/share/zsh/site-functions/_cake" "$root/usr/share/zsh/vendor-completions/"
    rmdir "$root/usr/share/zsh/site-functions"
    find "$root/usr/share/man" -type f -exec gzip -9 --no-name {} +
    install -Dm644 -t "$root/usr/lib/systemd/system" "$files"/systemd/*.service
    install -Dm644 "$files/systemd/cake.default" "$root/etc/default/cake"
    # Debian wants all licences in one file.
    local doc=$root/usr/share/doc/cake name
    mv "$doc/LICENSE" "$doc/copyright"
    for name in "$doc"/licences/*; do
        if [[ ${name##*/} != cake ]]; then printf '\n\n==== %s ====\n\n' "${name##*/}" && cat "$name"; fi
    done >>"$doc/copyright"
    rm -r "$doc/licences"
    gzip -9 --no-name "$doc/CHANGELOG.md"
    for name in postinst prerm postrm; do install -m755 "$files/debian/$name" "$root/DEBIAN/$name"; done
    printf '/etc/default/cake\n' >"$root/DEBIAN/conffiles"
    (cd "$root" && find usr etc -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
    sed "s/@VERSION@/$version/; s/@SIZE@/$(du -sk --apparent-size "$root/usr" | cut -f 1)/; s/@GLIBC@/$sysroot_glibc/" \
        "$files/debian/control" >"$root/DEBIAN/control"
    chmod -R u+rwX,go+rX,go-w "$root"
    find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    # Debian 11 reads xz and no zstd. More threads might cut the data elsewhere.
    dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$root" "$1" >"$work/dpkg-deb.log" 2>&1 ||
        stop "dpkg-deb failed: $(cat "$work/dpkg-deb.log")"
}
