import Model
import Network
import Platform

/// The uses of tokens, each as a line of JSON in a file: whose token, what it was used for, when, and from where. Secrets are
/// never in it, nor what an address has behind its question mark.
struct AuditLog: Sendable {
    private let file: AppendedFile

    init(_ path: String) throws(CakeError) { file = try AppendedFile(path) }

    /// After another program renamed the file.
    func reopen() throws(CakeError) { try file.reopen() }

    /// Requests without a token are not in it, except those whose credentials were refused.
    func write(_ record: ServerRecord) throws(CakeError) {
        let isRefused = record.status == 401 && record.request["authorization"] != nil
        guard record.token != nil || isRefused else { return }
        try file.append(AuditLog.document(record, at: Machine.now).bytes(.compact) + [UInt8(ascii: "\n")])
    }

    static func document(_ record: ServerRecord, at time: Int) -> JSONValue {
        let path = String(record.request.address.prefix { $0 != "?" })
        return [
            "time": JSONValue(time), "token": JSONValue(record.token), "client": JSONValue(record.request.client),
            "action": JSONValue(action(record.request.method, path)),
            "method": JSONValue(String(record.request.method.prefix(20))), "address": JSONValue(path),
            "status": JSONValue(record.status), "bytes": JSONValue(record.bytes),
            "received": JSONValue(record.received), "agent": JSONValue(record.request["user-agent"]),
        ]
    }

    private static func action(_ method: String, _ path: String) -> String {
        // Questions about many layers are sent with POST.
        let mayChange = path.hasPrefix("/v2/") && !path.hasPrefix("/v2/_cake/")
        switch method {
        case "DELETE" where mayChange: return "delete"
        case "PUT" where mayChange, "POST" where mayChange, "PATCH" where mayChange: return "push"
        default: return "read"
        }
    }
}
