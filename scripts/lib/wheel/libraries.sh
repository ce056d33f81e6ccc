# Sourced by scripts/wheel: libcurl, GnuTLS and libmicrohttpd as static libraries without what cake does not use, from Debian's
# sources. Debian's own static libraries of them need Kerberos, LDAP, SSH and p11-kit.
# shellcheck shell=bash

# Static libraries of this machine that are linked as they are, and the packages whose licences say so.
# shellcheck disable=SC2034
licences=(libssl-dev libzstd-dev libxxhash-dev zlib1g-dev libdeflate-dev libfuse3-dev nettle-dev libgmp-dev libstdc++-12-dev)

# Changes with everything that is built or copied.
libraries_version() {
    cat "$top"/LICENSE "$top"/scripts/lib/wheel/{sysroot,libraries}.sh "$(g++ -print-file-name=libstdc++.a)" \
        /usr/lib/x86_64-linux-gnu/lib{ssl,crypto,nettle,hogweed,gmp,zstd,xxhash,z,deflate,fuse3}.a | cksum | cut -d ' ' -f 1
}

# unpack SOURCE-PACKAGE: with Debian's changes, into $work/SOURCE-PACKAGE.
unpack_source() {
    mkdir -p "$work/sources"
    (cd "$work/sources" && own_apt source --download-only "$1") >>"$log" 2>&1 || failed "the sources of $1 could not be had"
    dpkg-source --no-check -x "$work"/sources/"$1"_*.dsc "$work/$1" >>"$log" 2>&1 || failed "dpkg-source could not unpack $1"
    # Made files are newer than what they were made from: nothing has to be made again.
    (cd "$work/$1" && for name in aclocal.m4 configure config.h.in config.hin Makefile.in; do
        find . -name "$name" -exec touch {} +
    done)
    install -Dm644 "$work/$1/debian/copyright" "$made/licences/$1"
    printf '%s %s\n' "$1" "$(dpkg-parsechangelog -l "$work/$1/debian/changelog" -S Version)" >>"$made/versions"
}

failed() {
    tail -n 40 "$log" >&2
    stop "$1" "read $log"
}

# configured FOLDER OPTION…: makes and installs one into $made.
configured() {
    local folder=$1
    shift
    (cd "$folder" && ./configure --prefix="$made" --enable-static --disable-shared --with-pic --disable-dependency-tracking \
        CC="$clang ${sysroot:+--sysroot=$sysroot}" CPPFLAGS="-I$made/include" LDFLAGS="-L$made/lib" \
        CFLAGS="-O2 -fPIC -ffunction-sections -fdata-sections -fstack-protector-strong -ffile-prefix-map=$work=." \
        PKG_CONFIG_LIBDIR="$made/lib/pkgconfig" PKG_CONFIG="pkg-config --static" "$@") >>"$log" 2>&1 || failed "configure failed in $folder"
}

built() { make -j"$(nproc)" -C "$@" >>"$log" 2>&1 || failed "make failed in $1"; }

# Headers and libraries of this machine that the three need, apart from its glibc.
copy_dependencies() {
    local where=/usr/lib/x86_64-linux-gnu name
    mkdir -p "$made"/{include,lib/pkgconfig,licences}
    cp -r /usr/include/openssl /usr/include/nettle "$made/include/"
    cp -r /usr/include/x86_64-linux-gnu/openssl /usr/include/x86_64-linux-gnu/gmp.h "$made/include/"
    for name in ssl crypto nettle hogweed gmp zstd xxhash z deflate fuse3; do cp "$where/lib$name.a" "$made/lib/"; done
    cp "$(g++ -print-file-name=libstdc++.a)" "$made/lib/"
    for name in nettle hogweed; do
        sed "s|^prefix=.*|prefix=$made|; s|^libdir=.*|libdir=$made/lib|; s|^includedir=.*|includedir=$made/include|" \
            "$where/pkgconfig/$name.pc" >"$made/lib/pkgconfig/$name.pc"
    done
    cp "$top/LICENSE" "$made/licences/cake"
    cp "${clang%/bin/clang}/share/swift/LICENSE.txt" "$made/licences/swift"
    for name in "${licences[@]}"; do
        if [[ -f /usr/share/doc/$name/copyright ]]; then cp "/usr/share/doc/$name/copyright" "$made/licences/$name"; fi
    done
    # Sources with their versions: what a bill of materials says of static libraries.
    dpkg-query -W -f='${source:Package} ${source:Version}\n' "${licences[@]}" | sort -u >"$made/versions"
}

make_curl() {
    say "building libcurl"
    unpack_source curl
    # cake finds certificates at run time, and asks for HTTP/1.1 without compression.
    configured "$work/curl" --with-openssl="$made" --without-ca-bundle --without-ca-path --without-ca-fallback --disable-debug \
        --disable-ftp --disable-file --disable-ldap --disable-ldaps --disable-rtsp --disable-dict --disable-telnet \
        --disable-tftp --disable-pop3 --disable-imap --disable-smb --disable-smtp --disable-gopher --disable-mqtt \
        --disable-manual --disable-libcurl-option --disable-unix-sockets --disable-cookies --disable-netrc --disable-doh \
        --disable-ntlm --disable-kerberos-auth --disable-negotiate-auth --disable-aws --disable-tls-srp --disable-alt-svc \
        --disable-hsts --enable-threaded-resolver --enable-ipv6 --disable-ares --without-zlib --without-brotli \
        --without-zstd --without-librtmp --without-libssh2 --without-libpsl --without-libidn2 --without-nghttp2 \
        --without-gssapi
    built "$work/curl/lib"
    built "$work/curl/lib" install
    built "$work/curl/include" install
}

make_gnutls() {
    say "building GnuTLS"
    unpack_source gnutls28
    # Debian adds a file to what is compiled. Its m4 files of a newer gettext have to go first, as its own rules say.
    (cd "$work/gnutls28" && grep -rlZ gettext-0.20 m4 | xargs -0 rm -f && GTKDOCIZE=true autoreconf -fi) >>"$log" 2>&1 ||
        failed "autoreconf failed in $work/gnutls28"
    configured "$work/gnutls28" --with-included-libtasn1 --with-included-unistring --without-p11-kit --without-idn \
        --without-tpm --without-tpm2 --without-zlib --without-brotli --without-zstd --disable-doc --disable-tools \
        --disable-cxx --disable-tests --disable-nls --disable-guile --disable-libdane --disable-openssl-compatibility \
        --disable-maintainer-mode --disable-gcc-warnings --disable-srp-authentication \
        --disable-anon-authentication --disable-heartbeat-support --disable-dtls-srtp-support --disable-gost \
        --without-default-trust-store-file --without-default-trust-store-dir
    built "$work/gnutls28/gl"
    built "$work/gnutls28/lib"
    built "$work/gnutls28/lib" install
}

make_microhttpd() {
    say "building libmicrohttpd"
    unpack_source libmicrohttpd
    configured "$work/libmicrohttpd" --enable-https=yes --with-gnutls --disable-doc --disable-examples --disable-curl \
        --disable-bauth --disable-dauth --disable-postprocessor --disable-nls \
        LIBS="-lhogweed -lnettle -lgmp" LIBGCRYPT_CONFIG=no
    built "$work/libmicrohttpd/src/microhttpd"
    built "$work/libmicrohttpd/src/microhttpd" install
    built "$work/libmicrohttpd/src/include" install
}

# make_libraries: into $made.
make_libraries() {
    local work="$made.work" log="$made.log"
    rm -rf "$work" "$made"
    : >"$log"
    copy_dependencies
    make_curl
    make_gnutls
    make_microhttpd
    rm -rf "$work"
}
