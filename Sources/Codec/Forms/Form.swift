package import Model
package import Platform

/// The form of a piece before zstd: a transform's number and parameters, decoded. Each is described in docs/codec.md.
package enum Form: Hashable, Sendable {
    case plain
    /// Elements of so many bytes, rotated and taken apart into planes.
    case planes(width: Int)
    /// The differences from a base's floats, sorted by the base's exponents.
    case grouped(FloatLayout)
    /// The differences from a base's elements, taken apart into planes.
    case difference(width: Int, areFloats: Bool)
    /// The bits in which a base's elements differ, taken apart into planes.
    case xor(width: Int)
    /// Like `grouped`, against the prediction that two factors make from the base.
    case lowRank(LowRank)

    /// Nil for a transform that is unknown, and for parameters that make no sense.
    package init?(_ header: ObjectHeader) {
        let parameters = header.parameters.map { Int($0) }
        switch (header.transform, parameters.count) {
        case (.none, 0): self = .plain
        case (.planes, 1): self = .planes(width: parameters[0])
        case (.grouped, 2):
            guard let layout = FloatLayout.all.first(where: { [$0.width, $0.fraction] == parameters }) else {
                return nil
            }
            self = .grouped(layout)
        case (.difference, 2) where parameters[1] < 2:
            self = .difference(width: parameters[0], areFloats: parameters[1] == 1)
        case (.xor, 1): self = .xor(width: parameters[0])
        case (.lowRank, _):
            guard let lowRank = LowRank(parameters: header.parameters, size: header.layer.size) else { return nil }
            self = .lowRank(lowRank)
        default: return nil
        }
        guard isPossible, header.framesPerPiece == framesPerPiece, (header.base != nil) == needsBase,
            header.base != header.layer.digest
        else { return nil }
    }

    private var isPossible: Bool {
        switch self {
        case .plain, .grouped, .lowRank: true
        case .planes(let width): width > 1 && Planes.widths.contains(width)
        case .difference(let width, _), .xor(let width): Planes.widths.contains(width)
        }
    }

    package var needsBase: Bool {
        switch self {
        case .plain, .planes: false
        case .grouped, .difference, .xor, .lowRank: true
        }
    }

    package var transform: ObjectHeader.Transform {
        switch self {
        case .plain: .none
        case .planes: .planes
        case .grouped: .grouped
        case .difference: .difference
        case .xor: .xor
        case .lowRank: .lowRank
        }
    }

    var parameters: [UInt8] {
        switch self {
        case .plain: []
        case .planes(let width), .xor(let width): [UInt8(width)]
        case .grouped(let layout): [UInt8(layout.width), UInt8(layout.fraction)]
        case .difference(let width, let areFloats): [UInt8(width), areFloats ? 1 : 0]
        case .lowRank(let lowRank): lowRank.parameters
        }
    }

    package var framesPerPiece: Int {
        switch self {
        case .plain: 1
        case .planes(let width), .difference(let width, _), .xor(let width): width
        case .grouped, .lowRank: 2
        }
    }

    /// Of the differences that are sorted by exponents.
    var groupedLayout: FloatLayout? {
        switch self {
        case .grouped(let layout): layout
        case .lowRank(let lowRank): lowRank.layout
        case .plain, .planes, .difference, .xor: nil
        }
    }

    /// How many bytes the frames before those of the pieces hold, each of them.
    func sizesAhead(pieceSize: Int) -> [Int] {
        guard case .lowRank(let lowRank) = self else { return [] }
        return lowRank.sizes(pieceSize: pieceSize).flatMap { Factors.form.frameSizes(ofPiece: $0) ?? [] }
    }

    /// How many bytes each frame of a piece of `count` bytes holds, where that is the same for all pieces of this length.
    func frameSizes(ofPiece count: Int) -> [Int]? {
        guard groupedLayout == nil else { return nil }
        let plane = count / framesPerPiece
        var sizes = [Int](repeating: plane, count: framesPerPiece)
        sizes[framesPerPiece - 1] += count - plane * framesPerPiece
        return sizes
    }

    /// How many bytes the frames of a piece of `count` bytes may hold together.
    func sizes(ofPiece count: Int) -> ClosedRange<Int> {
        groupedLayout == nil ? count...count : 0...GroupedDelta.limit(of: count)
    }

    /// The limit for a piece of any form.
    static let limit = GroupedDelta.limit(of: 1 << Int(ObjectHeader.standardPieceBits))
}

extension Form {
    /// For a tensor by itself: planes where elements are floats of more than a byte.
    package init(of dtype: DType?) {
        switch dtype {
        case .f16, .bf16: self = .planes(width: 2)
        case .f32, .c64: self = .planes(width: 4)
        case .f64: self = .planes(width: 8)
        default: self = .plain
        }
    }

    /// The forms of a delta for a tensor with a base of the same dtype and size, the likeliest first.
    static func deltas(of dtype: DType?) -> [Form] {
        switch dtype {
        case .bf16: floats(.bf16)
        case .f16: floats(.f16)
        case .f32, .c64: floats(.f32)
        case .f64: [.difference(width: 8, areFloats: true), .xor(width: 8)]
        case .f8e4m3, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz: [.difference(width: 1, areFloats: true), .xor(width: 1)]
        case .i16, .u16: [.difference(width: 2, areFloats: false), .xor(width: 2)]
        case .i32, .u32: [.difference(width: 4, areFloats: false), .xor(width: 4)]
        case .i64, .u64: [.difference(width: 8, areFloats: false), .xor(width: 8)]
        case .i8, .u8, .f8e8m0: [.difference(width: 1, areFloats: false), .xor(width: 1)]
        case .bool, .f4, .f6e2m3, .f6e3m2, nil: [.xor(width: 1)]
        }
    }

    private static func floats(_ layout: FloatLayout) -> [Form] {
        [.grouped(layout), .difference(width: layout.width, areFloats: true), .xor(width: layout.width)]
    }
}

extension ObjectHeader {
    package init(layer: Layer, form: Form, base: Digest?) {
        self.init(
            layer: layer, transform: form.transform, framesPerPiece: UInt8(form.framesPerPiece), base: base,
            parameters: form.parameters)
    }

    /// The number of bytes in each frame before those of the pieces; empty if the form is unknown.
    package var sizesAhead: [Int] { Form(self)?.sizesAhead(pieceSize: pieceSize) ?? [] }
}
