/// One tensor's value: an object with three fields, or the three as an array, which the reference library reads too.
struct TensorFields {
    private var dtype: DType?
    private var shape: [UInt64]?
    private var begin: UInt64 = 0
    private var end: UInt64?

    mutating func read(
        _ name: ExactText, _ scanner: inout JSONScanner, in bytes: Span<UInt8>
    ) throws(CakeError) -> HeaderClaims.Claim {
        switch try scanner.kind(in: bytes) {
        case .object:
            try scanner.beginObject(in: bytes)
            while let key = try scanner.nextKey(in: bytes) {
                if try JSONScanner.text(key, is: "dtype", in: bytes) {
                    try readDType(&scanner, in: bytes)
                } else if try JSONScanner.text(key, is: "shape", in: bytes) {
                    try readShape(&scanner, in: bytes)
                } else if try JSONScanner.text(key, is: "data_offsets", in: bytes) {
                    try readOffsets(&scanner, in: bytes)
                } else {
                    try scanner.skipValue(in: bytes)
                }
            }
        case .array:
            try scanner.beginArray(in: bytes)
            var place = 0
            while try scanner.nextElement(in: bytes) {
                switch place {
                case 0: try readDType(&scanner, in: bytes)
                case 1: try readShape(&scanner, in: bytes)
                case 2: try readOffsets(&scanner, in: bytes)
                default: throw scanner.refuse("more than dtype, shape and data_offsets", in: bytes)
                }
                place += 1
            }
        default: throw scanner.refuse("not an object with dtype, shape and data_offsets", in: bytes)
        }
        guard let dtype else { throw CakeError(.damaged, "has no dtype") }
        guard let shape else { throw CakeError(.damaged, "has no shape") }
        guard let end else { throw CakeError(.damaged, "has no data_offsets") }
        return HeaderClaims.Claim(tensor: Tensor(name: name, dtype: dtype, shape: shape), begin: begin, end: end)
    }

    private mutating func readDType(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) {
        guard dtype == nil else { throw scanner.refuse("dtype is given twice", in: bytes) }
        let text = try dtypeText(&scanner, in: bytes)
        let known =
            text.isPlain
            ? DType(spelling: bytes.extracting(text.range))
            : DType(rawValue: try JSONScanner.string(of: text, in: bytes))
        guard let known else {
            let spelling = Printable.escape(try JSONScanner.string(of: text, in: bytes))
            throw CakeError(
                .damaged, "dtype \"\(spelling.prefix(40))\" is unknown", fix: "a newer cake may know this dtype")
        }
        dtype = known
    }

    /// The reference library also reads `{"F32":null}`, so this does too: no file it loads is refused for its spelling.
    private func dtypeText(
        _ scanner: inout JSONScanner, in bytes: Span<UInt8>
    ) throws(CakeError) -> JSONScanner.Text {
        guard try scanner.kind(in: bytes) == .object else { return try scanner.text(in: bytes) }
        try scanner.beginObject(in: bytes)
        guard let text = try scanner.nextKey(in: bytes) else { throw scanner.refuse("dtype is missing", in: bytes) }
        try scanner.null(in: bytes)
        guard try scanner.nextKey(in: bytes) == nil else { throw scanner.refuse("more than one dtype", in: bytes) }
        return text
    }

    private mutating func readShape(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) {
        guard shape == nil else { throw scanner.refuse("shape is given twice", in: bytes) }
        var dimensions: [UInt64] = []
        try scanner.beginArray(in: bytes)
        while try scanner.nextElement(in: bytes) {
            guard let dimension = try scanner.wholeNumber(in: bytes) else {
                throw scanner.refuse("a dimension that is not a whole number", in: bytes)
            }
            dimensions.append(dimension)
        }
        shape = dimensions
    }

    private mutating func readOffsets(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) {
        guard end == nil else { throw scanner.refuse("data_offsets is given twice", in: bytes) }
        try scanner.beginArray(in: bytes)
        guard try scanner.nextElement(in: bytes), let first = try scanner.wholeNumber(in: bytes),
            try scanner.nextElement(in: bytes), let second = try scanner.wholeNumber(in: bytes),
            try !scanner.nextElement(in: bytes)
        else { throw scanner.refuse("data_offsets that are not two whole numbers", in: bytes) }
        begin = first
        end = second
    }
}
