internal import CCake
internal import Model

/// Why a call did not do what it should, and its kind for the caller.
struct Refusal: Error {
    let kind: cake_kind
    let what: String
    let fix: String?

    init(_ kind: cake_kind, _ what: String, fix: String? = nil) {
        (self.kind, self.what, self.fix) = (kind, what, fix)
    }

    init(_ error: CakeError) {
        self.init(Refusal.kind(of: error), error.what, fix: error.fix)
    }

    static func invalid(_ what: String) -> Refusal {
        Refusal(CAKE_INVALID, what, fix: "correct the call: cake.h says what it takes")
    }

    var text: String { CakeError(.failed, what, fix: fix).description }

    private static func kind(of error: CakeError) -> cake_kind {
        switch error.cause {
        case .ambiguous: return CAKE_AMBIGUOUS
        case .newer: return CAKE_NEWER
        case nil: break
        }
        return switch error.kind {
        case .notFound: CAKE_NOT_FOUND
        case .damaged: CAKE_DAMAGED
        case .usage: CAKE_INVALID
        case .failed, .locked, .network, .diskFull, .notAuthorised, .offline: CAKE_SYSTEM
        }
    }
}

/// Does what may fail with an error of cake's.
func refusing<Value>(_ body: () throws(CakeError) -> Value) throws(Refusal) -> Value {
    do {
        return try body()
    } catch {
        throw Refusal(error)
    }
}
