/// Reads a document of XML from its first byte to its last. It expands no entity but the five that XML itself has, so the
/// result is never larger than the document.
struct XMLScanner {
    private let bytes: [UInt8]
    private var place = 0

    private static let deepest = 16

    /// An element that has begun.
    private struct Open {
        let tag: ArraySlice<UInt8>
        var element: XMLElement
        var text: [UInt8] = []
    }

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(CakeError) -> XMLElement {
        skip("\u{feff}")
        var open: [Open] = []
        while true {
            let text = try self.text()
            if open.isEmpty {
                guard text.allSatisfy(XMLScanner.isSpace) else { throw wrong("text outside of the element") }
            } else {
                open[open.count - 1].text += text
            }
            guard place < bytes.count else { throw wrong("an early end") }
            if skip("<?") {
                _ = try upTo("?>")
            } else if skip("<!--") {
                _ = try upTo("-->")
            } else if skip("<![CDATA[") {
                guard !open.isEmpty else { throw wrong("text outside of the element") }
                open[open.count - 1].text += try upTo("]]>")
            } else if skip("<!") {
                throw wrong("a declaration")
            } else if skip("</") {
                guard let last = open.popLast(), last.tag == name() else { throw wrong("an end without a beginning") }
                skipSpace()
                guard skip(">") else { throw wrong("a broken end") }
                if let whole = try close(last, in: &open) { return whole }
            } else {
                let (new, isEmpty) = try begin()
                guard open.count < XMLScanner.deepest else { throw wrong("more than \(XMLScanner.deepest) levels") }
                if !isEmpty {
                    open.append(new)
                } else if let whole = try close(new, in: &open) {
                    return whole
                }
            }
        }
    }

    /// The whole document, if its first element ends here.
    private mutating func close(_ last: Open, in open: inout [Open]) throws(CakeError) -> XMLElement? {
        var element = last.element
        guard let text = String(validating: last.text, as: UTF8.self) else { throw wrong("text that is not UTF-8") }
        element.text = text
        guard open.isEmpty else {
            open[open.count - 1].element.children.append(element)
            return nil
        }
        skipSpace()
        while skip("<!--") {
            _ = try upTo("-->")
            skipSpace()
        }
        guard place == bytes.count else { throw wrong("text behind the end") }
        return element
    }

    /// From a `<` to the `>` that ends the tag. A quoted value may contain a `>`.
    private mutating func begin() throws(CakeError) -> (Open, isEmpty: Bool) {
        skip("<")
        let tag = name()
        let local = tag.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).last ?? tag
        guard !local.isEmpty, let name = String(validating: local, as: UTF8.self) else { throw wrong("a broken name") }
        var quote: UInt8?
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            if let end = quote {
                if byte == end { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                return (Open(tag: tag, element: XMLElement(name: name)), bytes[place - 2] == UInt8(ascii: "/"))
            } else if byte == UInt8(ascii: "<") {
                break
            }
        }
        throw wrong("a tag without an end")
    }

    private mutating func name() -> ArraySlice<UInt8> {
        let name = bytes[place...].prefix { !XMLScanner.isSpace($0) && !"<>/=\"'&".utf8.contains($0) }
        place = name.endIndex
        return name
    }

    /// Text up to the next tag, its entities replaced.
    private mutating func text() throws(CakeError) -> [UInt8] {
        var text: [UInt8] = []
        while place < bytes.count, bytes[place] != UInt8(ascii: "<") {
            if bytes[place] == UInt8(ascii: "&") {
                text += try entity()
            } else {
                text.append(bytes[place])
                place += 1
            }
        }
        return text
    }

    private mutating func entity() throws(CakeError) -> [UInt8] {
        let word = bytes[(place + 1)...].prefix(10).prefix { $0 != UInt8(ascii: ";") }
        guard word.endIndex < bytes.count, bytes[word.endIndex] == UInt8(ascii: ";") else { throw wrong("a lone &") }
        place = word.endIndex + 1
        let text = String(decoding: word, as: UTF8.self)
        if text.utf8.first == UInt8(ascii: "#") {
            let isHex = text.hasPrefix("#x")
            let digits = text.dropFirst(isHex ? 2 : 1)
            guard let number = UInt32(digits, radix: isHex ? 16 : 10), let scalar = Unicode.Scalar(number) else {
                throw wrong("a character that does not exist")
            }
            return Array(String(Character(scalar)).utf8)
        }
        guard let known = XMLScanner.entities[text] else { throw wrong("an unknown entity") }
        return [known]
    }

    private static let entities: [String: UInt8] = [
        "lt": UInt8(ascii: "<"), "gt": UInt8(ascii: ">"), "amp": UInt8(ascii: "&"), "quot": UInt8(ascii: "\""),
        "apos": UInt8(ascii: "'"),
    ]

    private mutating func upTo(_ end: String) throws(CakeError) -> ArraySlice<UInt8> {
        let end = Array(end.utf8)
        let start = place
        while place + end.count <= bytes.count {
            if bytes[place] == end[0], bytes[place..<place + end.count].elementsEqual(end) {
                defer { place += end.count }
                return bytes[start..<place]
            }
            place += 1
        }
        throw wrong("an early end")
    }

    @discardableResult
    private mutating func skip(_ text: String) -> Bool {
        guard bytes[place...].starts(with: text.utf8) else { return false }
        place += text.utf8.count
        return true
    }

    private mutating func skipSpace() {
        while place < bytes.count, XMLScanner.isSpace(bytes[place]) { place += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private func wrong(_ what: String) -> CakeError {
        CakeError(.damaged, "the answer is not the XML that was expected: \(what) at byte \(place)")
    }
}
