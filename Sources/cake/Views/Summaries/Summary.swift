import Model
import Platform
import Synchronization

/// Text for a person.
protocol Prose {
    func lines(on page: Page) -> [String]
    /// With --quiet: what the person asked for, or what is wrong.
    func quietLines(on page: Page) -> [String]
    /// Said on standard error, such as that there is nothing to show.
    var notes: [String] { get }
}

extension Prose {
    func quietLines(on page: Page) -> [String] { [] }
    var notes: [String] { [] }
}

/// What a verb did or found, in the forms that it is told in. Verbs hand a summary over; they write neither text nor JSON.
protocol Summary: Prose {
    /// With --json, and --quiet or not.
    var document: JSONValue { get }
    /// The document's last member, where it may be long.
    var longList: LongList? { get }
}

extension Summary {
    var longList: LongList? { nil }
}

/// Written element by element: ninety thousand of them take no memory.
struct LongList {
    let key: String
    let elements: any Sequence<JSONValue>
}

/// What a person asked to see: it is shown with --quiet, too.
protocol Finding: Summary {}

extension Finding {
    func quietLines(on page: Page) -> [String] { lines(on: page) }
}

extension Session {
    func show(_ summary: some Summary) {
        guard settings.isJSON else { return tell(summary) }
        guard let list = summary.longList, case .object(let document) = summary.document else {
            return show(summary.document)
        }
        show(document, list.key, list.elements)
    }

    /// Of what is told on the way a program hears nothing.
    func tell(_ prose: some Prose) {
        guard !settings.isJSON else { return }
        output.lines(settings.isQuiet ? prose.quietLines(on: page) : prose.lines(on: page))
        for note in prose.notes { reporter.note(note) }
    }

    func tell(_ line: String) {
        if !settings.isJSON, !settings.isQuiet { output.line(line) }
    }
}

/// Several of them: a person reads each as it comes, a program gets one array at the end.
final class Summaries: Sendable {
    private let session: Session
    private let documents = Mutex<[JSONValue]>([])

    init(in session: Session) { self.session = session }

    func show(_ summary: some Summary) {
        if session.settings.isJSON { add(summary.document) } else { session.show(summary) }
    }

    /// An entry that only a program reads: a person was told in another way.
    func add(_ document: JSONValue) { documents.withLock { $0.append(document) } }

    /// `aloneIfOne` gives a single one as it is.
    func end(aloneIfOne: Bool = false) {
        guard session.settings.isJSON else { return }
        let all = documents.withLock { $0 }
        session.show(aloneIfOne && all.count == 1 ? all[0] : .array(all))
    }
}

extension Page {
    /// What belongs to the line above it: set in, and broken where the terminal ends.
    func detail(_ text: String) -> [String] { TextWidth.wrap(text, to: width - 2).map { "  " + $0 } }
}
