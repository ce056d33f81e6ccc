import Model
import Network
import Platform

/// With --verbose: a line on standard error for each request to a server.
struct RequestLog: Sendable {
    let isJSON: Bool
    private let errors = StandardError()

    init(isJSON: Bool) { self.isJSON = isJSON }

    func note(_ request: HTTPObservation) {
        errors.line(isJSON ? document(request).text(.compact) : line(request))
    }

    func line(_ request: HTTPObservation) -> String {
        let range = request.range.map { " bytes \($0.lowerBound)-\(max($0.lowerBound, $0.upperBound - 1))" } ?? ""
        let answer = request.status.map { "\($0)" } ?? "no answer"
        let address = Printable.escape(request.address)
        return "\(request.method.rawValue) \(address)\(range): \(answer) in \(Quantities.duration(request.time))"
    }

    func document(_ request: HTTPObservation) -> JSONValue {
        [
            "event": "request", "method": JSONValue(request.method.rawValue), "address": JSONValue(request.address),
            "first_byte": JSONValue(request.range?.lowerBound),
            "bytes": JSONValue(request.range.map { UInt64($0.count) }),
            "status": JSONValue(request.status), "seconds": JSONValue(request.time / .seconds(1)),
        ]
    }
}

extension Session {
    /// With --verbose, at the end: where the store is and what the command took.
    func noteTaken(_ time: Duration) {
        let taken = Machine.taken
        let place = (try? settings.storePath()).map { "; the store is \($0)" } ?? ""
        reporter.note(
            "took \(Quantities.duration(time)), \(Quantities.duration(taken.processor)) of processor time, "
                + "\(Quantities.bytes(taken.memory)) of memory at most\(place)")
    }
}
