import Model
import Platform

/// What a verb did or found, in the forms that it is told in. Verbs hand a summary over; they write neither text nor JSON.
protocol Summary {
    /// With --json.
    var document: JSONValue { get }
    /// For a person.
    func lines(on page: Page) -> [String]
    /// For a person, with --quiet: what they asked for, or what is wrong.
    func quietLines(on page: Page) -> [String]
}

extension Summary {
    func quietLines(on page: Page) -> [String] { [] }
}

extension Session {
    func show(_ summary: some Summary) {
        if settings.isJSON { return show(summary.document) }
        output.lines(settings.isQuiet ? summary.quietLines(on: page) : summary.lines(on: page))
    }
}

/// Several of them: a person reads each as it comes, a program gets one array at the end.
struct Summaries {
    private let session: Session
    private var documents: [JSONValue] = []

    init(in session: Session) { self.session = session }

    mutating func show(_ summary: some Summary) {
        if session.settings.isJSON { documents.append(summary.document) } else { session.show(summary) }
    }

    /// `aloneIfOne` gives a single one as it is.
    func end(aloneIfOne: Bool = false) {
        guard session.settings.isJSON else { return }
        session.show(aloneIfOne && documents.count == 1 ? documents[0] : .array(documents))
    }
}

extension Page {
    /// What belongs to the line above it: set in, and broken where the terminal ends.
    func detail(_ text: String) -> [String] { TextWidth.wrap(text, to: width - 2).map { "  " + $0 } }
}

extension Quantities {
    /// `1 file`, `7 files`.
    static func count(_ count: Int, of noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}
