# Sourced by scripts/release: the files of the program in one folder, as they lie below /usr/local, and the tarball of it.
# shellcheck shell=bash

# make_tree FOLDER
make_tree() {
    local folder=$1 page
    say "writing manual pages and completions"
    install -Dm755 "$program" "$folder/bin/cake"
    mkdir -p "$folder/share/man/man1"
    while read -r page; do "$program" man "$page" >"$folder/share/man/man1/$page.1"; done < <("$program" man --list)
    mkdir -p "$folder"/share/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
    "$program" completions bash >"$folder/share/bash-completion/completions/cake"
    "$program" completions zsh >"$folder/share/zsh/site-functions/_cake"
    "$program" completions fish >"$folder/share/fish/vendor_completions.d/cake.fish"
    install -Dm644 -t "$folder/share/doc/cake" "$top/README.md" "$top/docs/CHANGELOG.md" "$top/LICENSE"
    install -Dm644 -t "$folder/share/doc/cake/licences" "$made"/licences/*
}

make_tarball() {
    say "making ${1##*/}"
    local name=cake-$version-linux-x86_64
    mkdir -p "$work/tar"
    cp -r "$work/tree" "$work/tar/$name"
    # Settings of the package stand beside the units: below /usr/local there is no package that keeps them.
    install -Dm644 -t "$work/tar/$name/share/doc/cake/systemd" "$top"/scripts/lib/release/systemd/*
    # Sorted, of root, with one date.
    tar --create --directory="$work/tar" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 \
        --numeric-owner --mode='u+rwX,go+rX,go-w' "$name" | gzip -9 --no-name >"$1"
}
