/// `Link: <URL>; rel="next"`: where a listing continues.
public enum NextPage {
    /// Nil on the last page. A mirror often names its own upstream here. The listing still continues on the first
    /// server, with the given query: no other server is asked and no token leaves.
    public static func url(inLink header: String?, of url: WebURL) throws(CakeError) -> WebURL? {
        guard let header, let target = target(in: header) else { return nil }
        let next: WebURL
        do {
            next = try url.resolving(target)
        } catch {
            throw HubInfo.refuse("names a next page, but \(error.what)")
        }
        let result = next.origin == url.origin ? next : WebURL(origin: url.origin, path: url.path, query: next.query)
        guard result != url else { throw HubInfo.refuse("names itself as its next page") }
        return result
    }

    /// The text between the angle brackets of the link that has `rel=next` among its parameters.
    static func target(in header: String) -> String? {
        var rest = Array(header.utf8)[...]
        while let start = rest.firstIndex(of: UInt8(ascii: "<")) {
            guard let end = rest[start...].firstIndex(of: UInt8(ascii: ">")) else { return nil }
            let target = rest[(start + 1)..<end]
            rest = rest[(end + 1)...]
            if isNext(parameters(&rest)) { return String(decoding: target, as: UTF8.self) }
        }
        return nil
    }

    /// Up to the comma that ends the link; commas and semicolons within quotes end nothing.
    private static func parameters(_ rest: inout ArraySlice<UInt8>) -> [String] {
        var parameters: [String] = []
        var current: [UInt8] = []
        var isQuoted = false
        loop: while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted: break loop
            case UInt8(ascii: ";") where !isQuoted:
                parameters.append(String(decoding: current, as: UTF8.self))
                current = []
            case 0x20, 0x09: if isQuoted { current.append(byte) }
            default: current.append(byte)
            }
        }
        parameters.append(String(decoding: current, as: UTF8.self))
        return parameters
    }

    private static func isNext(_ parameters: [String]) -> Bool {
        parameters.contains { parameter in
            let words = parameter.lowercased()
            return words.utf8.starts(with: "rel=".utf8) && words.dropFirst(4).split(separator: " ").contains("next")
        }
    }
}
