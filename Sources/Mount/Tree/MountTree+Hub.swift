internal import Model
internal import Store

/// `.hf`: the same models as a Hugging Face cache. Only those whose names the Hub allows are in it.
///
///     models--org--name/refs/main                    the commit
///     models--org--name/snapshots/<commit>/…         a link for each file
///     models--org--name/blobs/<etag>                 the files
extension MountTree {
    static let hubName = ".hf"

    func hub(_ name: String) throws(CakeError) -> Node? {
        guard let repository = HubRepository(cacheFolder: name), try !revisions(of: repository).isEmpty else {
            return nil
        }
        // Only as it is listed.
        return repository.cacheFolder == name ? Node(.repository(repository)) : nil
    }

    func entriesOfHub() throws(CakeError) -> [(name: String, node: Node)] {
        var found: [(name: String, node: Node)] = []
        var seen: Set<HubRepository> = []
        for name in try names.list().beginning(with: "") {
            guard let record = try? names.record(of: name), let place = HubPlace(name, record),
                seen.insert(place.repository).inserted
            else { continue }
            found.append((place.repository.cacheFolder, Node(.repository(place.repository))))
        }
        return found
    }

    func entries(ofRepository repository: HubRepository) -> [(name: String, node: Node)] {
        [
            ("blobs", Node(.blobs(repository))), ("refs", Node(.references(repository, ""))),
            ("snapshots", Node(.snapshots(repository))),
        ]
    }

    /// A version of a repository, and where a Hub would show it.
    struct HubRevision: Sendable {
        let version: VersionNumber
        let place: HubPlace
        let record: NameRecord
    }

    /// Those of a repository, the names without a revision first. Only names that begin as it does are looked at.
    func revisions(of repository: HubRepository) throws(CakeError) -> [HubRevision] {
        let list = try names.list()
        var found: [HubRevision] = []
        for text in Set([repository.id, repository.kind.plural + "/" + repository.id]).sorted() {
            for name in list.beginning(with: text) where ExactText(name.withoutRevision) == ExactText(text) {
                // A damaged record hides its own model.
                guard let record = try? names.record(of: name), let place = HubPlace(name, record),
                    place.repository == repository
                else { continue }
                let version = versions.number(of: Version(name, record))
                found.append(HubRevision(version: version, place: place, record: record))
            }
        }
        return found
    }

    /// The commits by what they are asked for. A branch under a name of its own comes before a model that was once
    /// pulled by that branch.
    func references(of repository: HubRepository) throws(CakeError) -> [(name: ExactText, commit: String)] {
        let revisions = try revisions(of: repository)
        var found: [(name: ExactText, commit: String)] = []
        var seen: Set<ExactText> = []
        for isAsked in [false, true] {
            for place in revisions.map(\.place) {
                guard let name = isAsked ? place.asked : place.revision, !Revision.isCommit(name),
                    (try? Revision.check(name)) != nil, seen.insert(ExactText(name)).inserted
                else { continue }
                found.append((ExactText(name), place.commit))
            }
        }
        return found
    }
}
