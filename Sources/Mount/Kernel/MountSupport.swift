package import Model
package import Platform

#if Mount
    internal import CMount
#endif

/// What mounting depends on.
package enum MountSupport {
    /// Nil in a cake that was built without libfuse.
    package static var library: UsedLibrary? {
        #if Mount
            unsafe UsedLibrary("libfuse", cake_fuse_version())
        #else
            nil
        #endif
    }

    /// Why this user of this system cannot mount; nil where nothing is missing.
    package static func complaint() -> CakeError? {
        do throws(CakeError) {
            try MountRefusal.check(isOpenToOthers: false)
            return nil
        } catch {
            return error
        }
    }
}
