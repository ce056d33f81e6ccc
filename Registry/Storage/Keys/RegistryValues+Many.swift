internal import Model

/// Many questions: a folder answers one after another, another storage several at a time. The answers are in the order of the keys.
extension RegistryValues {
    func look(atEach keys: [String]) throws(CakeError) -> [Entry?] {
        guard let distant else {
            var found: [Entry?] = []
            for key in keys { found.append(try look(at: key)) }
            return found
        }
        return try distant.askEach(keys.map { .entry($0) }).map { memory in
            if case .entry(let entry) = memory { entry.map(RegistryValues.entry) } else { nil }
        }
    }

    func names(inEach folders: [String]) throws(CakeError) -> [[String]] {
        guard let distant else {
            var found: [[String]] = []
            for folder in folders { found.append(try names(in: folder)) }
            return found
        }
        return try distant.askEach(folders.map { .names($0) }).map { memory in
            if case .names(let names) = memory { names } else { [] }
        }
    }

    /// Small values, whole, and when they were put.
    func read(atEach keys: [String], limit: Int) throws(CakeError) -> [DistantValues.Value?] {
        guard let distant else {
            var found: [DistantValues.Value?] = []
            for key in keys {
                guard let bytes = try bytes(at: key, limit: limit), let entry = try look(at: key) else {
                    found.append(nil)
                    continue
                }
                found.append(DistantValues.Value(bytes: bytes, time: entry.time))
            }
            return found
        }
        return try distant.askEach(keys.map { .bytes($0) }, limit: limit).map { memory in
            if case .bytes(let value) = memory { value } else { nil }
        }
    }
}
