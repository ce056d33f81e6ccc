/// Which tensors a person means: a glob (`*.mlp.*`, `model.layers.[0-3].*`), or a regular expression between slashes
/// (`/layers\.(1|2)\./`), which is sought anywhere in the name.
///
/// A regular expression is the typist's own, and a bad one can take very long: it is never taken from a file or a server.
public struct TensorFilter {
    private enum Pattern {
        case glob(Glob)
        case regex(Regex<AnyRegexOutput>)
    }

    private let pattern: Pattern

    public init(_ text: String) throws(CakeError) {
        guard text.utf8.first == UInt8(ascii: "/") else {
            pattern = .glob(try Glob(text))
            return
        }
        guard text.utf8.count > 2, text.utf8.last == UInt8(ascii: "/") else {
            throw CakeError(
                .usage, "\"\(Printable.escape(text))\" begins like a regular expression but does not end with a slash",
                fix: "write it as /REGEX/")
        }
        do {
            pattern = .regex(try Regex(String(text.dropFirst().dropLast())).matchingSemantics(.unicodeScalar))
        } catch {
            throw CakeError(
                .usage, "\"\(Printable.escape(text))\" is not a regular expression: \(Printable.escape("\(error)"))",
                fix: "try a glob such as '*.mlp.*'")
        }
    }

    public func matches(_ name: ExactText) -> Bool {
        switch pattern {
        case .glob(let glob): glob.matches(name.string)
        // A name on which the engine gives up does not match.
        case .regex(let regex): (try? regex.firstMatch(in: name.string)).flatMap { $0 } != nil
        }
    }
}

/// `*` any run, dots included; `?` one character; `[a-z]` one of, `[!a-z]` none of; a backslash takes the next
/// character literally.
public struct Glob: Sendable {
    /// Whether a word that may be a name is a pattern.
    public static func isPattern(_ word: String) -> Bool { word.utf8.contains { "*?[".utf8.contains($0) } }

    private enum Step {
        case run
        case any
        case exactly(Unicode.Scalar)
        case oneOf([ClosedRange<Unicode.Scalar>], isNegated: Bool)
    }

    private var steps: [Step] = []

    public init(_ text: String) throws(CakeError) {
        var rest = Array(text.unicodeScalars)[...]
        guard !rest.isEmpty else { throw CakeError(.usage, "an empty glob names nothing", fix: "'*' names all") }
        while let scalar = rest.popFirst() {
            switch scalar {
            case "*": steps.append(.run)
            case "?": steps.append(.any)
            case "\\":
                guard let next = rest.popFirst() else {
                    throw CakeError(.usage, "the glob \"\(Printable.escape(text))\" ends with a backslash")
                }
                steps.append(.exactly(next))
            case "[":
                guard let step = Glob.set(&rest) else {
                    throw CakeError(
                        .usage, "the glob \"\(Printable.escape(text))\" has a [ that is not a set of characters",
                        fix: "close it with ], or write \\[ for the character")
                }
                steps.append(step)
            default: steps.append(.exactly(scalar))
            }
        }
    }

    /// Goes back to the last `*` only: linear in the name for each step, for any pattern.
    public func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var (step, index) = (0, 0)
        var retry: (step: Int, index: Int)?
        while index < scalars.count {
            if step < steps.count, case .run = steps[step] {
                step += 1
                retry = (step, index)
            } else if step < steps.count, Glob.takes(steps[step], scalars[index]) {
                step += 1
                index += 1
            } else if let last = retry {
                retry = (last.step, last.index + 1)
                (step, index) = (last.step, last.index + 1)
            } else {
                return false
            }
        }
        return steps[step...].allSatisfy { if case .run = $0 { true } else { false } }
    }

    private static func takes(_ step: Step, _ scalar: Unicode.Scalar) -> Bool {
        switch step {
        case .run, .any: true
        case .exactly(let wanted): scalar == wanted
        case .oneOf(let ranges, let isNegated): ranges.contains { $0.contains(scalar) } != isNegated
        }
    }

    /// The text after `[`, up to and with `]`, which counts as a member if it comes first.
    private static func set(_ rest: inout ArraySlice<Unicode.Scalar>) -> Step? {
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        let isNegated = rest.first == "!" || rest.first == "^"
        if isNegated { rest.removeFirst() }
        while let start = rest.popFirst() {
            if start == "]", !ranges.isEmpty { return .oneOf(ranges, isNegated: isNegated) }
            guard rest.first == "-", let end = rest.dropFirst().first, end != "]" else {
                ranges.append(start...start)
                continue
            }
            guard start <= end else { return nil }
            ranges.append(start...end)
            rest.removeFirst(2)
        }
        return nil
    }
}
