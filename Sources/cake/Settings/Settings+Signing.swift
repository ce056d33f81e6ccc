import Model
import Store
import Transfer

extension Settings {
    /// Lets models have names as the settings file says.
    func signatureGate(allowsOlder: Bool = false) throws(CakeError) -> SignatureGate {
        var policy = try file().policy()
        policy.rules = try policy.rules.map { rule throws(CakeError) in
            var rule = rule
            rule.keys = try rule.keys.map { path throws(CakeError) in try inHome(path) }
            return rule
        }
        return SignatureGate(policy, allowsOlder: allowsOlder)
    }
}
