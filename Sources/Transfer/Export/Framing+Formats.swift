internal import Model
internal import Platform

extension Framing {
    /// An archive whose checksums follow their members.
    static func parts(of layout: ZipLayout) -> [Element] { parts(of: layout, sums: Sums()) }

    /// The same, for layers that are not known yet. `facts` gives the last member when everything else was sent.
    static func parts(of layout: ZipLayout, endingWith facts: @escaping () throws -> [UInt8]) -> [Element] {
        let sums = Sums()
        let last = layout.members.count - 1
        var parts = parts(of: layout, sums: sums)
        parts.removeLast(4)
        parts.append(
            .summed { _ in
                let bytes = try facts()
                guard UInt64(bytes.count) == layout.members[last].size else {
                    throw CakeError(.failed, "an archive's facts do not have their announced length")
                }
                let sum = CRC32.of(bytes.span)
                return layout.header(of: last, sum: sum.value) + sums.take(sum, bytes)
            })
        return parts + [.summed { _ in layout.directory(sums: sums.values) }]
    }

    private static func parts(of layout: ZipLayout, sums: Sums) -> [Element] {
        var parts: [Element] = []
        for (index, member) in layout.members.enumerated() {
            switch member.content {
            case .bytes(let bytes):
                let sum = CRC32.of(bytes.span)
                parts += [.bytes(layout.header(of: index, sum: sum.value)), .bytes(bytes)]
                parts.append(.summed { _ in sums.take(sum, layout.descriptor(of: index, sum: sum.value)) })
            case .runs(let runs):
                // Made when it is its turn: a header is as long as the way to the next page.
                parts.append(.summed { _ in layout.header(of: index, sum: nil) })
                var end: UInt64 = 0
                for run in runs where run.layer.size > 0 {
                    if run.offset > end { parts.append(.zeros(run.offset - end)) }
                    parts.append(.layer(run.layer))
                    end = run.offset + run.layer.size
                }
                parts.append(.summed { sums.take($0, layout.descriptor(of: index, sum: $0.value)) })
            }
        }
        parts.append(.summed { _ in layout.directory(sums: sums.values) })
        return parts
    }

    /// A tar, and how long it is.
    static func parts(ofTar members: [(path: FilePath, size: UInt64, parts: [Element])]) -> (
        parts: [Element], size: UInt64
    ) {
        var parts: [Element] = []
        var size = UInt64(TarHeader.end.count)
        for member in members {
            let (header, padding) = (TarHeader.of(member.path, size: member.size), TarHeader.padding(member.size))
            parts.append(.bytes(header))
            parts += member.parts
            parts.append(.bytes(padding))
            size += UInt64(header.count + padding.count) + member.size
        }
        parts.append(.bytes(TarHeader.end))
        return (parts, size)
    }

    /// The checksums of an archive's members, as they become known.
    private final class Sums {
        private(set) var values: [UInt32] = []

        func take(_ sum: CRC32, _ bytes: [UInt8]) -> [UInt8] {
            values.append(sum.value)
            return bytes
        }
    }
}
