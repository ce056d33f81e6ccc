public import Model
internal import Platform

/// Uploads, each a folder of its own named by 128 random bits.
extension RegistryStore {
    public func beginUpload(to repository: RepositoryName) throws(CakeError) -> Upload {
        let name = UploadName.random()
        let folder = layout.upload(name)
        try Disk.makeFolder(folder)
        do throws(CakeError) {
            try File(folder + "/" + Upload.owner, .create).write(Array(repository.text.utf8).span, at: 0)
            _ = try File(folder + "/" + Upload.data, .create)
        } catch {
            try? Disk.removeTree(folder)
            throw error
        }
        return uploads.add(Upload(name, in: folder, isNew: true))
    }

    /// Nil if there is none with that name in the repository: it was finished, cancelled, or has expired.
    public func upload(_ name: UploadName, to repository: RepositoryName) throws(CakeError) -> Upload? {
        let folder = layout.upload(name)
        guard let owner = try? Disk.read(folder + "/" + Upload.owner, limit: 1024),
            owner.elementsEqual(repository.text.utf8), try Disk.exists(folder + "/" + Upload.data)
        else {
            uploads.forget(name)
            return nil
        }
        return uploads[name] ?? uploads.add(Upload(name, in: folder, isNew: false))
    }

    /// Makes a blob of the upload, which the caller has taken. False when its bytes do not have the name: then it is gone.
    public func finish(_ upload: Upload, as name: BlobName, in repository: RepositoryName) throws(CakeError) -> Bool {
        guard let digest = try upload.check(name) else {
            try discard(upload)
            return false
        }
        try upload.sync()
        let file = try File(layout.upload(upload.name) + "/" + Upload.data, .read, followingLinks: false)
        try publish(file, digest, as: name, in: repository)
        try discard(upload)
        return true
    }

    public func discard(_ upload: Upload) throws(CakeError) {
        uploads.forget(upload.name)
        upload.giveBack()
        try Disk.removeTree(layout.upload(upload.name))
    }

    /// Uploads without new bytes since then, with their size. They cannot get new ones while the lock is held.
    func abandonedUploads(since oldest: Int) throws(CakeError) -> [(folder: String, bytes: UInt64, lock: File?)] {
        var abandoned: [(folder: String, bytes: UInt64, lock: File?)] = []
        for name in try storage.names(in: keys.uploads) {
            let folder = layout.uploads + "/" + name
            let data = folder + "/" + Upload.data
            var found = try Disk.status(data, followingLinks: false)
            // Killed between the folder and the file, or between publishing and tidying up.
            if found == nil { found = try Disk.status(folder, followingLinks: false) }
            guard let status = found, status.modified <= oldest else { continue }
            guard status.kind == .file else {
                abandoned.append((folder, 0, nil))
                continue
            }
            guard let file = try? File(data, .readWrite, followingLinks: false),
                try file.lock(exclusive: true, waiting: false)
            else { continue }
            abandoned.append((folder, status.allocated, file))
        }
        return abandoned
    }
}

extension UploadName {
    static func random() -> UploadName {
        var random = SystemRandomNumberGenerator()
        return UploadName(using: &random)
    }
}
