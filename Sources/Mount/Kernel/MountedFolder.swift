#if Mount
    internal import CMount
    internal import Glibc
    package import Model
    internal import Platform
    internal import Synchronization
    package import Transfer

    /// A mount of this process: from the moment when it can be listed until it is unmounted.
    @safe package final class MountedFolder: @unchecked Sendable {
        package let path: String
        /// Alive as long as libfuse may call it.
        private let kernel: MountKernel
        private let mount: OpaquePointer
        private let ready: Readiness
        private let ended = Waiters<Bool, Void>()
        private let hasEnded = Atomic(false)

        /// Threads of libfuse: they wait for the disk only where names and manifests are read.
        private static let threads: UInt32 = 10

        /// Mounts a tree at a folder's real path. Nothing is answered before `serve`.
        package init(
            _ tree: MountTree, _ files: OpenFiles, at path: String, source: String, isOpenToOthers: Bool
        ) throws(CakeError) {
            self.path = path
            let ready = Readiness()
            self.ready = ready
            // What the kernel reads too much is downloaded.
            let isWide = !tree.hasLazyModels
            kernel = MountKernel(tree, files) {
                let isStarted = OwnThread.start {
                    if isWide { unsafe cake_widen_reads(path) }
                    ready.tell()
                }
                if !isStarted { ready.tell() }
            }
            var options = "ro,nosuid,nodev,default_permissions,subtype=\(MountTable.subtype),max_read=\(1 << 20)"
            // A comma would begin another option.
            options += ",fsname=" + source.filter { $0 != "," && $0 != "\\" }
            if isOpenToOthers { options += ",allow_other" }
            var reason = [CChar](repeating: 0, count: 512)
            var calls = Callbacks.all
            let context = unsafe Unmanaged.passUnretained(kernel).toOpaque()
            guard
                let mount = unsafe cake_mount_start(path, options, &calls, context, &reason, reason.count)
            else {
                let words = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                throw MountRefusal.failed(path, saying: words)
            }
            unsafe self.mount = mount
        }

        /// Starts the threads that answer, and returns when the folder can be listed. False if it was unmounted before.
        package func serve() async -> Bool {
            OwnThread.start { self.run() }
            return await ready.wait()
        }

        private func run() {
            _ = unsafe cake_mount_serve(mount, MountedFolder.threads)
            ready.end()
            ended.tell(true, .success(())) { hasEnded.store(true, ordering: .releasing) }
        }

        /// Makes the kernel forget what it keeps of a file: some of it was wrong.
        package func forget(_ file: LazyFile) {
            let numbers = kernel.numbers(of: file)
            // It waits for reads that are under way, which other threads of this process answer.
            OwnThread.start {
                for number in numbers where !self.isOver { unsafe cake_forget_pages(self.mount, number) }
            }
        }

        /// Returns when the folder is unmounted and no program has files of it open; throws when the task is cancelled.
        package func wait() async throws {
            try await ended.wait(for: true) { hasEnded.load(ordering: .acquiring) ? .success(()) : nil }
        }

        package var isOver: Bool { hasEnded.load(ordering: .acquiring) }

        // Nothing may answer any more: `serve` has returned, or the process ends.
        deinit { if isOver { unsafe cake_mount_end(mount) } }
    }

    /// Told once: that the kernel has greeted, or that it never will.
    private final class Readiness: Sendable {
        private let state = Mutex<Bool?>(nil)
        private let waiters = Waiters<Bool, Bool>()

        func tell() { settle(true) }
        func end() { settle(false) }

        private func settle(_ isReady: Bool) {
            waiters.tell(true, .success(isReady)) { state.withLock { $0 = $0 ?? isReady } }
        }

        func wait() async -> Bool {
            let end = try? await waiters.wait(for: true) { state.withLock { $0.map { .success($0) } } }
            return end ?? false
        }
    }
#endif
