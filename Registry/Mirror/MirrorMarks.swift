public import Model
internal import Platform
public import Storage
internal import Store

extension HubModels {
    /// Changes the mark of mirrored models of a repository.
    public func mark(_ repository: HubRepository, _ mark: NameRecord.Mark) throws(CakeError) {
        guard store.isWritable else { return }
        let plain = HubModels.name(of: repository)
        if isDistant { try registry.markBrought(plain, mark) }
        for file in try Disk.names(in: store.layout.names) {
            guard let name = ModelName(fileName: file), name.withoutRevision == plain,
                let old = try store.record(of: name)?.mark, old != mark
            else { continue }
            try store.update(name, in: Operation(store)) { record in
                guard var record, record.mark != nil else { return nil }
                record.mark = mark
                return record
            }
        }
    }
}
