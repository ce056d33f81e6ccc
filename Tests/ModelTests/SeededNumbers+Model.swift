import Model
import Support

extension SeededNumbers {
    mutating func digest() -> Digest { Digest(words: (next(), next(), next(), next())) }

    /// Mostly letters, sometimes difficult characters.
    mutating func text(upTo count: Int = 12) -> String {
        let troublesome: [Unicode.Scalar] = [
            "\"", "\\", "/", "\n", "\u{0}", "\u{1f}", "\u{7f}", "\u{e9}", "e", "\u{301}", "\u{1F600}", "\u{202e}", "%",
            " ",
            "\u{feff}",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...count, using: &self) {
            if Int.random(in: 0..<5, using: &self) == 0 {
                text.append(troublesome.randomElement(using: &self) ?? "x")
            } else {
                text.append(Unicode.Scalar(UInt8.random(in: 0x61...0x7a, using: &self)))
            }
        }
        return String(text)
    }

    /// One to three small injuries: a byte changed, removed, doubled, or the end cut off.
    mutating func injure(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &self) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &self)
            switch Int.random(in: 0..<5, using: &self) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &self)
            case 1: bytes[place] = Array("{}[]\",:0123456789\\ -e.".utf8).randomElement(using: &self) ?? 0
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(bytes[place], at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }
}

/// The error of a call that must fail, or nil if it does not.
func refusal<Value>(_ body: () throws(CakeError) -> Value) -> CakeError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error
    }
}
