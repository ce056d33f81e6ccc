# Sourced by scripts/release: what must hold for the files of a release, and their signatures.
# shellcheck shell=bash

# unpacked FOLDER: everything in all files of the release, and the files.
unpack_all() {
    mkdir -p "$1"/{tarball,package,control,wheel,image}
    tar -xzf "$tarball" -C "$1/tarball"
    dpkg-deb --extract "$package" "$1/package"
    dpkg-deb --control "$package" "$1/control"
    python3 -m zipfile -e "$wheel" "$1/wheel"
    local blob
    tar -xf "$image" -C "$1/image"
    for blob in "$1"/image/blobs/sha256/*; do
        if gzip -t "$blob" 2>/dev/null; then gzip -dc "$blob" >"$blob.tar"; fi
    done
    cp "$out"/cake-*.json "$1/"
}

# No folder of this machine, no name of it, and no server that its packages come from.
check_artifacts() {
    local folder=$work/unpacked word words swift
    say "looking for folders and servers of this machine"
    unpack_all "$folder"
    swift=$(dirname "$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")")
    words=("$top/" "$cache" "$work")
    if [[ $HOME != / && $HOME != /root ]]; then words+=("$HOME/"); else words+=("$HOME/."); fi
    if [[ $swift != / && $swift != /usr ]]; then words+=("$swift/"); fi
    for word in "$(cat "$cache/apt/host" 2>/dev/null)" "$(cat "$cache/apt-image/apt/host" 2>/dev/null)" "$(hostname)"; do
        # localhost is in every program that speaks HTTP.
        if [[ ${#word} -gt 4 && $word != localhost ]]; then words+=("$word"); fi
    done
    for word in "${words[@]}"; do
        if grep -rqaF -- "$word" "$folder"; then
            stop "$(grep -rlaF -- "$word" "$folder" | head -n 1 | sed "s|^$folder/||") contains $word"
        fi
    done
    [[ $("$folder/tarball/cake-$version-linux-x86_64/bin/cake" version --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["commit"])') == "$commit" ]] ||
        stop "the program was not built from $commit"
}

# A signature of the checksums, an envelope (DSSE) of the statement, and the key that proves both.
sign_artifacts() {
    openssl pkey -in "$key" -pubout -out "$out/cake-release.pub"
    openssl dgst -sha256 -sign "$key" -out "$out/SHA256SUMS.sig" "$out/SHA256SUMS"
    openssl dgst -sha256 -verify "$out/cake-release.pub" -signature "$out/SHA256SUMS.sig" "$out/SHA256SUMS" >/dev/null
    python3 "$top/scripts/lib/release/envelope.py" "$key" "$out/cake-$version.provenance.json" >"$out/cake-$version.intoto.jsonl"
    say "signed with the key of $(openssl pkey -pubin -in "$out/cake-release.pub" -outform DER | sha256sum | cut -c 1-16)…"
}
