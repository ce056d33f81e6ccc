// What the codec makes of models, on one thread and in memory: codec MODEL.safetensors [BASE.safetensors] [ROUNDS] [PART/PARTS]
// Of PARTS, from 0 on, each has every PARTS-th tensor that is coded: for two programs at once. Beside a base, tensors that are
// the same are left out, others are encoded beside those of the same name, dtype and shape.
import Codec
import Model
import Platform
import Store
import Transfer

struct Model {
    let file: File
    let header: Safetensors.Header

    init(_ path: String) throws {
        file = try File(path, .read)
        header = try Segmentation.header(of: file, size: file.size())
    }

    func bytes(_ range: Range<UInt64>) -> PlainBytes {
        PlainBytes(file: file, start: range.lowerBound, count: range.upperBound - range.lowerBound)
    }
}

func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

let arguments = CommandLine.arguments.dropFirst()
let paths = arguments.filter { $0.hasSuffix(".safetensors") }
let rounds = arguments.compactMap { Int($0) }.first ?? 3
let parts = arguments.map { $0.split(separator: "/").compactMap { Int($0) } }.first { $0.count == 2 } ?? [0, 1]
guard let path = paths.first, parts[0] >= 0, parts[0] < parts[1] else {
    throw CakeError(.usage, "codec MODEL.safetensors [BASE.safetensors] [ROUNDS] [PART/PARTS]")
}
let model = try Model(path)
let base = paths.count > 1 ? try Model(paths[paths.index(after: paths.startIndex)]) : nil
var benchmark = CodecBenchmark(rounds: rounds)
var same: UInt64 = 0
var number = 0
for entry in model.header.tensors where !entry.range.isEmpty {
    let plain = model.bytes(entry.range)
    let other = base?.header.tensors.first { $0.tensor == entry.tensor }
    if let other, let base, try plain.all() == base.bytes(other.range).all() {
        same += plain.count
        continue
    }
    number += 1
    guard number % parts[1] == parts[0] else { continue }
    try benchmark.run(plain, entry.tensor.kind, base: other.flatMap { base?.bytes($0.range) })
}
let outcome = benchmark.outcome
let transforms = outcome.transforms.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
print(
    """
    {"same": \(same), "plain": \(outcome.plain), "stored": \(outcome.stored), \
    "choose": \(seconds(outcome.choosing)), "encode": \(seconds(outcome.encoding)), "checked": \(seconds(outcome.checkedEncoding)), \
    "decode": \(seconds(outcome.decoding)), "sha256": \(seconds(outcome.hashing)), \
    "transforms": {\(transforms.joined(separator: ", "))}}
    """)
