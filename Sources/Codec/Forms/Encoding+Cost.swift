package import Model
package import Platform

/// What samples of a layer take: enough to compare bases with, less work than an encoding is chosen by.
extension Encoding {
    /// What a delta must save to be worth reading its base each time.
    package static let worthBaseShare = 0.95

    /// How many bytes a sample takes beside a base, by the likeliest of deltas.
    package static func cost(
        of plain: Span<UInt8>, dtype: DType?, beside base: Chunk, coder: Coder, stored: Chunk
    ) throws(CakeError) -> Int {
        guard let form = Form.deltas(of: dtype).first else { return plain.count }
        _ = try coder.write(plain, Encoding(form, searchedEfforts(of: form)), base: base, into: stored)
        return stored.count
    }

    /// How many bytes it takes without a base.
    package static func cost(
        of plain: Span<UInt8>, dtype: DType?, coder: Coder, stored: Chunk
    ) throws(CakeError) -> Int {
        let form = Form(of: dtype)
        var least = plain.count
        for encoding in [Encoding(.plain, [searched(dtype)]), Encoding(form, all: .literals)] {
            _ = try coder.write(plain, encoding, base: nil, into: stored)
            least = min(least, stored.count)
        }
        return least
    }
}
