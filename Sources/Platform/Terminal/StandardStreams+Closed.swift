internal import Glibc

public enum StandardStreams {
    /// Opens on /dev/null those that were closed when the process began. Before any other file is opened: that one would
    /// get the number, and then be read as standard input, or written over by an error's text.
    public static func openClosed() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is this one, since those before it are open.
            _ = unsafe open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY)
        }
    }
}
