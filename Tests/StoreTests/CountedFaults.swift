import Foundation
import Model
import Platform
import Store
import Support
import Synchronization
import Testing

/// How the nth system call fails.
enum Fault: CaseIterable, Sendable {
    case inputOutput
    case diskFull
    case kill

    var effect: FaultPlan.Effect {
        switch self {
        case .inputOutput: .failsOnce(errno: EIO)
        case .diskFull: .failsOnce(errno: ENOSPC)
        case .kill: .diesThere
        }
    }
}

/// Runs `work` with its first call failing, then with its second, or with one `step` calls later, until none is left to fail.
/// `prepare` makes the subject, new each time; `check` looks at the state afterwards and at the reported error.
func countingFaults<Subject, Outcome>(
    _ fault: Fault, step: Int = 1, prepare: () async throws -> Subject,
    work: @escaping (Subject) async throws -> Outcome,
    check: (Subject, _ reported: Outcome?, _ nth: Int) async throws -> Void
) async throws {
    var nth = 0
    while true {
        nth += nth == 0 ? 1 : step
        let subject = try await prepare()
        let plan = FaultPlan(failing: nth, fault.effect)
        var reported: Outcome?
        var failure: (any Error)?
        do {
            reported = try await FaultPlan.$current.withValue(plan) { try await work(subject) }
        } catch {
            failure = error
        }
        if let failure, !(failure is CakeError) { Issue.record("call \(nth) ended in \(failure)") }
        do {
            try await check(subject, reported, nth)
        } catch {
            Issue.record("\(fault) at call \(nth), after \(failure.map { "\($0)" } ?? "success"): \(error)")
        }
        if !plan.hasFired {
            if let failure { throw failure }
            return
        }
        try #require(nth < 5000)
    }
}

/// States that failed calls left behind. Most are equal to another: those need no second check.
final class States: Sendable {
    private let seen = Mutex<Set<Digest>>([])

    /// False where a folder was here before that has the same files with the same bytes.
    func isNew(_ root: String) throws -> Bool {
        var list: [String] = []
        try add(root, "", to: &list)
        return seen.withLock { $0.insert(SHA256.digest(of: Array(list.joined(separator: "\n").utf8).span)).inserted }
    }

    private func add(_ root: String, _ folder: String, to list: inout [String]) throws {
        for name in try Disk.names(in: root + folder).sorted() {
            let path = folder + "/" + name
            list.append(path)
            if try Disk.status(root + path)?.kind == .folder {
                try add(root, path, to: &list)
            } else {
                list.append(SHA256.digest(of: Array(try Data(contentsOf: URL(filePath: root + path))).span).hex)
            }
        }
    }
}

/// Makes every folder left in `incoming` old, as it is when the next command comes an hour later.
func ageLeftovers(of root: String) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: root + "/incoming") {
        try waitUntilFree(root + "/incoming/" + name + "/lease")
        try Bend.age(root + "/incoming/" + name, seconds: 7200)
    }
}

/// Returns when the lock is free. Other tests start programs at the same time, and until such a program runs it holds
/// all files that were open here.
func waitUntilFree(_ path: String) throws {
    guard let lock = try? File(path, .readWrite) else { return }
    _ = try lock.lock(exclusive: true, waiting: true)
    lock.unlock()
}
