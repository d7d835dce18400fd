import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// A program on a terminal of our own: what it writes is read here, and its keys are typed here.
final class Pseudoterminal {
    let pid: pid_t
    private let master: Int32
    /// When the program was started.
    let started = ContinuousClock.now

    init(_ words: [String], rows: Int, columns: Int, environment changes: [String: String] = [:])
        throws
    {
        var ends: (master: Int32, slave: Int32) = (-1, -1)
        var size = winsize(
            ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        guard openpty(&ends.master, &ends.slave, nil, nil, &size) == 0,
            let name = ttyname(ends.slave).map({ String(cString: $0) })
        else {
            throw BenchmarkFailure("no terminal is to be had: \(String(cString: strerror(errno)))")
        }
        master = ends.master
        _ = fcntl(master, F_SETFD, FD_CLOEXEC)
        _ = fcntl(ends.slave, F_SETFD, FD_CLOEXEC)
        defer { close(ends.slave) }
        var all = ProcessInfo.processInfo.environment
        all["TERM"] = "xterm-256color"
        all["LC_ALL"] = "C.UTF-8"
        all["TMUX"] = nil
        all.merge(changes) { $1 }
        pid = try Self.spawn(words, terminal: name, all.map { "\($0)=\($1)" })
    }

    /// In a session of its own: the first terminal that it opens is then the one that controls it.
    private static func spawn(_ words: [String], terminal: String, _ environment: [String]) throws
        -> pid_t
    {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        posix_spawnattr_setflags(&attributes, ownSession)
        var pid: pid_t = 0
        var arguments = words.map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for pointer in arguments + variables { free(pointer) } }
        let result = posix_spawnp(&pid, words[0], &actions, &attributes, &arguments, &variables)
        guard result == 0 else {
            throw BenchmarkFailure(
                "\(words[0]) does not start: \(String(cString: strerror(result)))")
        }
        return pid
    }

    /// POSIX_SPAWN_SETSID, which glibc's header hides from Swift.
    #if canImport(Darwin)
        private static let ownSession = Int16(POSIX_SPAWN_SETSID)
    #else
        private static let ownSession: Int16 = 0x80
    #endif

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(master, bytes, bytes.count)
    }

    /// What has been written; waits at most so long for the first of it.
    func read(milliseconds: Int) -> [UInt8] {
        var watched = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        var result: [UInt8] = []
        var patience = Int32(milliseconds)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while poll(&watched, 1, patience) > 0, watched.revents & Int16(POLLIN) != 0 {
            let count = Foundation.read(master, &buffer, buffer.count)
            if count <= 0 { break }
            result += buffer[..<count]
            patience = 0
        }
        return result
    }

    /// Reads until a text has been written and the frame that holds it is through, and says when its
    /// last byte came; nil where it does not come in time.
    func wait(for text: String, seconds: Double) -> ContinuousClock.Instant? {
        let wanted = Data(text.utf8)
        var seen = Data()
        let deadline = ContinuousClock.now + .seconds(seconds)
        var last: ContinuousClock.Instant?
        while ContinuousClock.now < deadline {
            let bytes = read(milliseconds: last == nil ? 50 : 4)
            if bytes.isEmpty, let last { return last }
            guard !bytes.isEmpty else { continue }
            seen.append(contentsOf: bytes)
            if last != nil || seen.range(of: wanted) != nil { last = .now }
        }
        return last
    }

    /// Reads whatever comes for so long, so that the program never waits for us.
    func drain(seconds: Double) {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline { _ = read(milliseconds: 50) }
    }

    /// Ends the program as a closed terminal would, and waits for its end.
    func end() {
        kill(pid, SIGHUP)
        var status: Int32 = 0
        let deadline = ContinuousClock.now + .seconds(10)
        while waitpid(pid, &status, WNOHANG) == 0 {
            if ContinuousClock.now > deadline { kill(pid, SIGKILL) }
            _ = read(milliseconds: 20)
        }
        close(master)
    }
}

struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
