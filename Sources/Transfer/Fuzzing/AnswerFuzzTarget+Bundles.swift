internal import Model

extension AnswerFuzzTarget {
    /// A tar, read as a bundle in memory: its members, its index, and what is in blobs.
    static func readBundle(_ input: Span<UInt8>) {
        if let list = try? LayerList(parsing: input) {
            precondition(
                (try? LayerList(parsing: list.encoded.span)) == list, "a list that reads otherwise when written")
        }
        var reader = TarReader()
        var place = 0
        while place + TarReader.blockSize <= input.count {
            guard let step = try? reader.step(input.extracting(place..<place + TarReader.blockSize)) else { return }
            place += TarReader.blockSize
            switch step {
            case .zeros: continue
            case .records(let length):
                guard length <= UInt64(input.count - place),
                    (try? reader.take(input.extracting(place..<place + Int(length)))) != nil
                else { return }
                place += Int(TarReader.padded(length))
            case .member(let member):
                precondition(member.path.parts.allSatisfy { $0 != ".." && !$0.isEmpty }, "a path that leads out")
                guard member.size <= UInt64(input.count - place) else { return }
                let bytes = input.extracting(place..<place + Int(member.size))
                if member.path.string == BundleIndex.indexName { readBundleIndex(bytes) }
                if let blob = BundleIndex.blob(at: member.path.string) {
                    precondition(BundleIndex.path(of: blob) == member.path.string, "a blob with two paths")
                    _ = try? ModelArtifact(RegistryManifest(parsing: bytes), mayBePart: true)
                }
                place += Int(member.paddedSize)
            }
        }
    }

    private static func readBundleIndex(_ input: Span<UInt8>) {
        guard let index = try? BundleIndex(parsing: input) else { return }
        let again = index.encoded
        precondition((try? BundleIndex(parsing: again.span)) == index, "an index that reads otherwise when written")
    }
}
