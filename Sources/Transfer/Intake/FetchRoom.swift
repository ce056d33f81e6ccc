internal import Model
internal import Platform
internal import Store

extension LocalStore {
    /// Fails before the download if the disk is too full for it.
    func refuseIfTooSmall(forFetching bytes: UInt64) throws(CakeError) {
        let free = try Disk.freeBytes(layout.root)
        guard free >= bytes else {
            throw CakeError(
                .diskFull,
                "this needs up to \(Quantities.bytes(bytes)) while it is downloaded, and the disk has \(Quantities.bytes(free)) left",
                fix: "free some space: cake gc, or put the store on another disk with CAKE_HOME")
        }
    }
}
