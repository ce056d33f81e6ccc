# Sourced by scripts/wheel: links the objects that SwiftPM made by hand. SwiftPM would put the folders of this machine's shared
# libraries first, so that static ones beside them lose, and it knows no sysroot.
# shellcheck shell=bash

# compile: all objects, in a build folder of its own, without this folder's name in them.
compile() {
    say "compiling cake and libcake (the first time takes some minutes)"
    local product
    for product in cake cake-c; do
        (cd "$top" && swift build -c release --scratch-path "$objects" --product "$product" --static-swift-stdlib \
            -Xswiftc -Xfrontend -Xswiftc -function-sections -Xcc -ffunction-sections -Xcc -fdata-sections \
            -Xswiftc -file-prefix-map -Xswiftc "$top=." -Xcc "-ffile-prefix-map=$top=.") </dev/null >"$cache/compile.log" 2>&1 || {
            tail -n 40 "$cache/compile.log" >&2
            stop "the build of $product failed" "read $cache/compile.log"
        }
    done
}

# linked OUTPUT PRODUCT OPTION-OR-LIBRARY…: and the linker's map, OUTPUT.map, of which archives were taken.
linked() {
    local output=$1 list="$1.objects" runtime object number=1000
    # In one order, wherever this repository is, and without a hash that the compiler leaves for its next run: it depends on the folder.
    rm -rf "$list"
    mkdir "$list"
    while read -r object; do
        number=$((number + 1))
        printf '%s\0%s\0' "$object" "$list/$number.o"
    done < <(LC_ALL=C sort "$objects/release/$2.product/Objects.LinkFileList") |
        xargs -0 -n 2 -P "$(nproc)" "$(dirname "$clang")/llvm-objcopy" --remove-section=.swift_modhash
    shift 2
    runtime=$(dirname "$clang")/../lib/swift_static/linux
    local swift=(
        "$runtime/x86_64/swiftrt.o" "-L$runtime" -lswift_StringProcessing -lswift_RegexParser -lswift_Concurrency
        -lswiftSynchronization -lswift_Builtin_float -lswiftSwiftOnoneSupport -lswiftGlibc -lswiftCore -ldispatch
        -lBlocksRuntime
    )
    local older=()
    if [[ $sysroot ]]; then
        "$clang" "--sysroot=$sysroot" -O2 -fPIC -c "$top/scripts/lib/wheel/older_glibc.c" -o "$made/older_glibc.o"
        older=("$made/older_glibc.o")
        identity_object "$made/identity.o" "$sysroot_glibc" "--sysroot=$sysroot"
    else
        identity_object "$made/identity.o" ""
    fi
    "$clang" ${sysroot:+"--sysroot=$sysroot"} -fuse-ld=lld -o "$output" "$list"/*.o "${older[@]}" "$made/identity.o" "-L$made/lib" \
        -Wl,--start-group "$@" "${swift[@]}" "$made/lib/libstdc++.a" -Wl,--end-group -nostdlib++ -static-libgcc -lm -lpthread -ldl \
        -Wl,-s -Wl,-O2 -Wl,--gc-sections -Wl,--exclude-libs=ALL -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,--build-id=sha1 \
        "-Wl,-Map=$output.map"
    rm -r "$list"
}

link_library() {
    linked "$1" cake-c -shared -Wl,-soname=libcake.so "-Wl,--version-script=$top/Sources/Library/exports.map" \
        -Wl,-Bsymbolic -Wl,-z,nodelete -lzstd -lcrypto -lxxhash -lz -ldeflate
}

link_program() {
    # SwiftPM names the program's main after its module, because tests import it.
    linked "$1" cake -pie -Wl,--defsym=main=cake_main \
        -lcurl -lssl -lmicrohttpd -lgnutls -lhogweed -lnettle -lgmp -lfuse3 -lzstd -lcrypto -lxxhash -lz -ldeflate
}
