import Foundation

/// What differs between the C libraries, in one place.
enum Platform {
    /// The user and group that a child process runs as.
    struct Account: Sendable, Hashable {
        var name: String
        var user: UInt32
        var group: UInt32
    }

    static var isRoot: Bool { geteuid() == 0 }

    static func account(named name: String) -> Account? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16 * 1024)
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else {
            return nil
        }
        return Account(name: name, user: entry.pw_uid, group: entry.pw_gid)
    }

    /// Two ends of a stream. Neither is inherited by any process but the one that is given its end
    /// on purpose: a stray copy of ours would keep the supervisor waiting after our death.
    static func socketPair() throws -> (ours: Int32, theirs: Int32) {
        var ends: [Int32] = [-1, -1]
        #if os(Linux)
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw failure(of: "socketpair") }
        #if !os(Linux)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            var yes: Int32 = 1
            setsockopt(
                ends[0], SOL_SOCKET, SO_NOSIGPIPE, &yes, socklen_t(MemoryLayout<Int32>.size))
        #endif
        return (ends[0], ends[1])
    }

    /// Writes without SIGPIPE; false when the other end is gone.
    static func write(_ text: String, to socket: Int32) -> Bool {
        #if os(Linux)
            let flags = Int32(MSG_NOSIGNAL)
        #else
            let flags: Int32 = 0
        #endif
        let bytes = Array(text.utf8)
        return send(socket, bytes, bytes.count, flags) == bytes.count
    }

    /// One byte; nil at the end of the stream and when none came in `timeout` seconds.
    static func readByte(from socket: Int32, timeout: Int32) -> UInt8? {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        var ready = poll(&descriptor, 1, timeout * 1000)
        while ready < 0, errno == EINTR { ready = poll(&descriptor, 1, timeout * 1000) }
        var byte: UInt8 = 0
        guard ready > 0, read(socket, &byte, 1) == 1 else { return nil }
        return byte
    }

    /// The processes that a process has started, and that have not ended.
    static func children(of parent: Int32) -> [Int32] {
        #if canImport(Darwin)
            var pids = [Int32](repeating: 0, count: 4096)
            let count = proc_listchildpids(
                parent, &pids, Int32(pids.count * MemoryLayout<Int32>.size))
            return pids.prefix(Int(max(0, count))).filter { $0 > 0 }
        #else
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return names.compactMap { Int32($0) }.filter { pid in
                guard let status = status(of: pid) else { return false }
                return status.parent == parent && status.state != .ended
            }
        #endif
    }

    enum ProcessState: Sendable {
        case running, stopped
        /// It is gone, or its parent has not asked for it yet.
        case ended
    }

    static func state(of pid: Int32) -> ProcessState {
        #if canImport(Darwin)
            var info = proc_bsdinfo()
            let size = Int32(MemoryLayout<proc_bsdinfo>.size)
            guard proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, size) == size,
                info.pbi_status != UInt32(SZOMB)
            else { return .ended }
            return info.pbi_status == UInt32(SSTOP) ? .stopped : .running
        #else
            return status(of: pid)?.state ?? .ended
        #endif
    }

    #if !canImport(Darwin)
        /// Of `/proc/PID/stat`, whose second field is the program's name in brackets (manual page
        /// proc_pid_stat).
        private static func status(of pid: Int32) -> (parent: Int32, state: ProcessState)? {
            guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let name = text.lastIndex(of: ")")
            else { return nil }
            let fields = text[name...].split(separator: " ")
            guard fields.count > 2, let parent = Int32(fields[2]) else { return nil }
            return switch fields[1] {
            case "Z", "X": (parent, .ended)
            case "T": (parent, .stopped)
            default: (parent, .running)
            }
        }
    #endif

    static func failure(of call: String) -> SandboxError {
        .system(call: call, reason: String(cString: strerror(errno)))
    }
}
