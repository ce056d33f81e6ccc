internal import CKernels

/// Which of a processor's instruction sets a kernel uses. The bytes are the same with each.
public enum InstructionSet: Int32, CaseIterable, Comparable, Sendable {
    case portable
    case avx2
    case avx512

    /// The widest that this processor has.
    public static let best = InstructionSet(rawValue: cake_kernels_best()) ?? .portable

    /// As its maker writes it.
    public var name: String {
        switch self {
        case .portable: "portable"
        case .avx2: "AVX2"
        case .avx512: "AVX-512"
        }
    }

    public static var available: [InstructionSet] { allCases.filter { $0 <= best } }

    public static func < (one: InstructionSet, other: InstructionSet) -> Bool { one.rawValue < other.rawValue }
}

/// Elements split into planes: byte k of all of them is plane k. After a rotation left by one bit, the exponent of a
/// float is nearly or exactly one byte. Bytes after the last whole element follow the last plane.
public enum Planes {
    public static let widths: Set<Int> = [1, 2, 4, 8]

    /// `planes` takes as many bytes as `plain` has.
    public static func split(
        _ plain: Span<UInt8>, width: Int, isRotated: Bool, into planes: inout MutableSpan<UInt8>,
        with set: InstructionSet = .best
    ) {
        precondition(widths.contains(width) && planes.count == plain.count)
        let whole = width == 1 ? 0 : plain.count / width * width
        unsafe plain.withUnsafeBufferPointer { source in
            unsafe planes.withUnsafeMutableBufferPointer { target in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                unsafe cake_split_planes(set.rawValue, from, whole / width, Int32(width), isRotated ? 1 : 0, to)
                unsafe (to + whole).update(from: from + whole, count: source.count - whole)
            }
        }
    }

    /// `plain` takes as many bytes as `planes` has.
    public static func merge(
        _ planes: Span<UInt8>, width: Int, isRotated: Bool, into plain: inout MutableSpan<UInt8>,
        with set: InstructionSet = .best
    ) {
        precondition(widths.contains(width) && planes.count == plain.count)
        let whole = width == 1 ? 0 : planes.count / width * width
        unsafe planes.withUnsafeBufferPointer { source in
            unsafe plain.withUnsafeMutableBufferPointer { target in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                unsafe cake_merge_planes(set.rawValue, from, whole / width, Int32(width), isRotated ? 1 : 0, to)
                unsafe (to + whole).update(from: from + whole, count: source.count - whole)
            }
        }
    }
}
