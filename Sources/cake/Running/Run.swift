import Model
import Platform
import Synchronization

/// One run of cake: words in, exit status out.
struct Run: Sendable {
    private let environment: Environment
    private let errors = StandardError()
    private let wantsJSON: Bool
    private let patience = Patience()

    init(_ environment: Environment) {
        self.environment = environment
        // Looked up by hand, since what is wrong may be the words themselves.
        wantsJSON = environment.arguments.prefix { $0 != "--" }.contains("--json")
    }

    func status() async -> Int32 {
        let invocation: Invocation
        let session: Session
        do {
            invocation = try Parser.parse(environment.arguments, with: .standard)
            session = Session(try Settings(invocation.arguments, environment), environment)
        } catch {
            return tell(error)
        }
        let (status, failure) = await run(invocation, in: session)
        do {
            try session.output.finish()
        } catch {
            _ = tell(error)
            return error.kind == .failed ? failure : error.kind.rawValue
        }
        return status
    }

    /// The exit status, and what it is if the results cannot be written after all.
    private func run(_ invocation: Invocation, in session: Session) async -> (status: Int32, failure: Int32) {
        let usual = CakeError.Kind.failed.rawValue
        switch invocation.request {
        case .overview where wantsJSON: session.show(HelpDocument.document(of: .standard))
        case .help(let asked) where wantsJSON: session.show(HelpDocument.document(of: asked))
        case .version where wantsJSON:
            session.show(["version": JSONValue(CommandTable.version)] as JSONValue)
        case .overview: session.output.lines(Overview.lines(of: .standard, session.page))
        case .version: session.output.line("cake \(CommandTable.version)")
        case .help(let asked): session.output.lines(HelpText.lines(of: asked, session.page))
        case .run(let command):
            let verb: any Verb
            do {
                verb = try command.read(invocation.arguments)
            } catch {
                return (tell(error), usual)
            }
            return (await run(verb, of: command, in: session), verb.statusOfFailure)
        }
        return (0, usual)
    }

    private func run(_ verb: any Verb, of command: Command, in session: Session) async -> Int32 {
        patience.allow(verb.timeToEnd, isMeantToEnd: verb.endsBySignal)
        do {
            // Everything a verb does may wait for the disk: none of it runs on Swift's own threads.
            let start = ContinuousClock.now
            try await withTaskExecutorPreference(session.pool) {
                if try await !session.showDocument(of: verb) { try await verb.run(in: session) }
            }
            if session.settings.isVerbose { session.noteTaken(ContinuousClock.now - start) }
            return 0
        } catch let answer as Answer {
            return answer.status
        } catch let error as CakeError {
            if Task.isCancelled, !verb.endsBySignal { return tellInterrupted(command) }
            _ = tell(error)
            return error.kind == .failed ? verb.statusOfFailure : error.kind.rawValue
        } catch is CancellationError {
            return tellInterrupted(command)
        } catch {
            _ = tell(CakeError(.failed, "\(error)"))
            return verb.statusOfFailure
        }
    }

    private func tell(_ error: CakeError) -> Int32 {
        errors.write(text(error))
        return error.kind.rawValue
    }

    private func text(_ error: CakeError) -> String {
        let terminal = Terminal(environment, refusesColour: environment.arguments.contains("--no-color"))
        return wantsJSON
            ? ErrorText.document(error)
            : ErrorText.text(error, style: Style(isOn: terminal.allowsColour(.errors)))
    }

    private func tellInterrupted(_ command: Command) -> Int32 {
        errors.write(ErrorText.interrupted(command.whenInterrupted, isJSON: wantsJSON))
        return 130
    }

    /// How long the work may take to end after Ctrl-C.
    var timeToEnd: Duration { patience.time }

    /// Whether Ctrl-C is the usual end of the work.
    var isMeantToEnd: Bool { patience.isMeantToEnd }

    /// The work did not end in time after Ctrl-C: the process ends anyway. Nothing half-written is ever named, so this is
    /// as safe as a power cut.
    func giveUp() {
        errors.writeUnlessBlocked(
            ErrorText.interrupted("cake keeps what is done; run the same command to resume", isJSON: wantsJSON))
    }
}

/// How long work may take to end. Asked when a signal comes, by a thread that knows nothing of verbs.
final class Patience: Sendable {
    static let usual = Duration.milliseconds(900)

    private let allowed = Mutex((time: usual, isMeantToEnd: false))

    var time: Duration { allowed.withLock { $0.time } }

    var isMeantToEnd: Bool { allowed.withLock { $0.isMeantToEnd } }

    func allow(_ time: Duration, isMeantToEnd: Bool) { allowed.withLock { $0 = (time, isMeantToEnd) } }
}
