#if Mount
    internal import Glibc
    internal import Model

    /// An error as the kernel knows it.
    struct KernelError: Error {
        let number: Int32

        init(_ number: Int32) { self.number = number }

        /// The number for any error of cake.
        init(_ error: any Error) {
            if let error = error as? KernelError {
                self = error
                return
            }
            number =
                switch (error as? CakeError)?.kind {
                case .notFound: ENOENT
                case .notAuthorised: EACCES
                case .failed, .usage, .damaged, .locked, .network, .diskFull, .offline, nil: EIO
                }
        }
    }
#endif
