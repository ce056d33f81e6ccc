# Sourced by the scripts that build: what `cake version` says of a build, as an object that is linked in. Compilers see nothing of
# it: a new commit compiles nothing again.
# shellcheck shell=bash

# The commit of the sources, with a + where files differ from it; nothing outside of git.
commit_of_sources() {
    local commit changed
    commit=$(git -C "$top" rev-parse HEAD 2>/dev/null) || return 0
    changed=$(git -C "$top" status --porcelain 2>/dev/null) || true
    printf '%s%s\n' "$commit" "${changed:+ +}" | tr -d ' '
}

compiler_of_sources() { swift --version 2>/dev/null | sed -n 's/.*\(Swift version [0-9][0-9.]*\).*/\1/p' | sed 's/ version//' | head -n 1; }

# identity_object OUTPUT GLIBC CLANG-OPTION…: GLIBC is the oldest that the build runs with, or nothing.
identity_object() {
    local output=$1 glibc=$2 clang
    shift 2
    clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
    "$clang" "$@" -O2 -fPIC -x c -c -o "$output" - <<C
const char cake_identity_commit[] = "$(commit_of_sources)";
const char cake_identity_compiler[] = "$(compiler_of_sources)";
const char cake_identity_libc[] = "$glibc";
C
}
