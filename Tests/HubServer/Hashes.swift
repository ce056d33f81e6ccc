internal import Model
internal import Platform

/// What a file is called, for comparing with other programs, and the seconds that each name took once it was in memory.
func hashes(of path: String) throws -> JSONValue {
    let file = try MappedFile(path)
    return file.withBytes { bytes in
        // Read once, so that no time is that of the disk.
        _ = Checksum.of(bytes)
        let clock = ContinuousClock()
        var chunks: [XetChunk] = []
        var (plain, name) = (XetHash.empty, XetHash.empty)
        let hashing = clock.measure { plain = BLAKE3.hash(of: bytes) }
        let chunking = clock.measure {
            var chunker = XetChunker()
            chunker.update(bytes) { chunks.append($0) }
            if let last = chunker.finish() { chunks.append(last) }
            var tree = XetTree()
            for chunk in chunks { tree.add(chunk) }
            name = tree.fileHash()
        }
        let keyed = BLAKE3.Key(Array("whats the Elvish word for friend".utf8)).map { BLAKE3.hash(of: bytes, key: $0) }
        return [
            "blake3": .string(hex(plain)), "keyed": JSONValue(keyed.map { hex($0) }), "xet": .string(name.text),
            "chunks": .array(chunks.map { [.string($0.hash.text), JSONValue($0.size)] }),
            "seconds": ["blake3": JSONValue(hashing / .seconds(1)), "xet": JSONValue(chunking / .seconds(1))],
        ]
    }
}

private func hex(_ hash: XetHash) -> String {
    // A Xet hash is spelled with its bytes the other way round, eight at a time.
    let words = [hash.words.0, hash.words.1, hash.words.2, hash.words.3].map(\.byteSwapped)
    return XetHash(words: (words[0], words[1], words[2], words[3])).text
}
