import Model
import Store

/// Names that people give to models.
extension Session {
    /// A name for a model that is here, or about to be.
    func newName(_ typed: String, force: Bool) throws(CakeError) -> ModelName {
        let name = try ModelName(settings.pulledName(typed) ?? typed)
        if !force { try settings.refuseAlias(typed, for: name) }
        try refuseID(name)
        return name
    }

    /// A new name must not look like an id, which every command takes instead of a name. Names that exist keep working.
    func refuseID(_ name: ModelName) throws(CakeError) {
        guard name.looksLikeID, try existingStore()?.record(of: name) == nil else { return }
        throw CakeError(
            .usage, "\(name) looks like the id of a model, so it cannot be a new name",
            fix: "choose a name with another character, such as m-\(name)")
    }
}
