import Model
import Network
import Platform
import Server

/// What a server reports to its operator, and what it opens again when it is told to.
extension ServeCommand {
    func operated(
        _ settings: RegistryServer.Settings, _ audit: AuditLog?, in session: Session
    ) -> RegistryServer.Settings {
        var settings = settings
        let reporter = session.reporter
        settings.onCollection = { reporter.note(ServeCommand.text(of: $0)) }
        if let audit {
            settings.audit = { record in
                do throws(CakeError) {
                    try audit.write(record)
                    return true
                } catch {
                    reporter.note("a use of a token is not in the audit log: \(error.what)")
                    return false
                }
            }
        }
        return settings
    }

    static func text(of collection: RegistryServer.Collection) -> String {
        let time = Quantities.duration(collection.duration)
        if let failure = collection.failure { return "gc failed after \(time): \(failure.what)" }
        return
            "gc freed \(Quantities.bytes(collection.bytes)) in \(Quantities.count(collection.layers, of: "layer")) and "
            + "\(Quantities.count(collection.blobs, of: "blob")), in \(time)"
    }

    func reloadOnHangUp(_ server: RegistryServer, _ files: TLSFiles?, _ audit: AuditLog?, in session: Session) {
        if files == nil, audit == nil { return }
        Interrupt.onHangUp { [reporter = session.reporter] in
            do throws(CakeError) {
                if let certificate = try files?.read() {
                    try server.replace(certificate)
                    reporter.note("reloaded the certificate")
                }
            } catch {
                reporter.note("the old certificate stays in use: \(error.what)")
            }
            do throws(CakeError) {
                if let audit {
                    try audit.reopen()
                    reporter.note("opened the audit log again")
                }
            } catch {
                reporter.note("the old audit log stays in use: \(error.what)")
            }
        }
    }
}
