import Foundation
import Postgres
import Subprocess

/// The process that makes the throwaway server's folder, starts the server, and takes both away
/// again, whatever becomes of us.
///
/// It is a shell that reads commands from a socket whose other end only we hold. When we end, by
/// `kill -9` too, the kernel closes that end, and the shell stops the server at once and removes
/// the folder. It has a session of its own, so that a terminal's Ctrl-C reaches neither it nor the
/// server. It runs as the server's user; the server is its child, so no process id is ever guessed.
actor Supervisor {
    private let executor = SerialQueueExecutor(label: "lockkeeper.sandbox")
    private let socket: Int32
    private var isClosed = false
    private let shell: Task<Void, any Error>

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - parents: the folders in which to try to make the server's folder, in this order.
    ///   - account: whom to run as; nil for whoever we are.
    init(
        binaries: ServerBinaries, parents: [String], account: Platform.Account?,
        serverArguments: [String]
    ) throws {
        let (ours, theirs) = try Platform.socketPair()
        socket = ours
        let command = Self.command(
            ["/bin/sh", "-c", Self.script, "sh", binaries.folder, parents.joined(separator: ":")]
                + serverArguments, as: account)
        shell = Task.detached {
            var isHandedOver = false
            // Else we would wait for the answers of a process that never was.
            defer { if !isHandedOver { close(theirs) } }
            // The locale of messages is ours, the time zone saves initdb a search of all of them.
            _ = try await Subprocess.run(
                command.program, arguments: .init(command.arguments),
                environment: .custom([
                    "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
                    "LC_ALL": "C", "TZ": "UTC",
                ]),
                workingDirectory: "/", platformOptions: command.options,
                input: .fileDescriptor(.init(rawValue: theirs), closeAfterSpawningProcess: false),
                output: .fileDescriptor(.init(rawValue: theirs), closeAfterSpawningProcess: false),
                error: .discarded
            ) { _ in
                close(theirs)
                isHandedOver = true
            }
        }
    }

    /// On Linux `setpriv` changes the user: swift-subprocess 1.0.2 calls `setgroups` and `setuid` in
    /// a child made by a bare `clone3`, where glibc waits for the parent's threads, which are not
    /// there (seen to hang).
    private static func command(
        _ words: [String], as account: Platform.Account?
    ) -> (program: Executable, arguments: [String], options: PlatformOptions) {
        var options = PlatformOptions()
        options.createSession = true
        let itself = (Executable.path(.init(words[0])), Array(words.dropFirst()))
        guard let account else { return (itself.0, itself.1, options) }
        #if os(Linux)
            let change = [
                "--reuid=\(account.user)", "--regid=\(account.group)", "--clear-groups",
            ]
            return (.name("setpriv"), change + words, options)
        #else
            options.userID = account.user
            options.groupID = account.group
            options.supplementaryGroups = []
            return (itself.0, itself.1, options)
        #endif
    }

    deinit { if !isClosed { close(socket) } }

    /// Sends a command and returns the line that answers it. Blocks this actor's own queue, at
    /// most `timeout` seconds.
    func ask(_ command: String, timeout: Int32 = 60) async throws -> String {
        guard !isClosed, Platform.write(command + "\n", to: socket) else {
            throw SandboxError.supervisorGone("it ended before \(command)")
        }
        return try await answer(to: command, timeout)
    }

    func answer(to command: String, _ timeout: Int32) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(Int(timeout))
        var line: [UInt8] = []
        while let byte = Platform.readByte(from: socket, timeout: timeout) {
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        guard ContinuousClock.now < deadline else {
            throw SandboxError.supervisorGone("no answer to \(command) in \(timeout) s")
        }
        try await shell.value
        throw SandboxError.supervisorGone("it ended before it answered \(command)")
    }

    /// Closes our end, as our death would, and waits until the server and its folder are gone.
    func end() async {
        if !isClosed {
            isClosed = true
            close(socket)
        }
        _ = try? await shell.value
    }

    /// Plain POSIX, because it must work where nothing but a server is installed.
    ///
    /// `trap '' PIPE`: an answer to an owner who is dead must not end the shell before it has
    /// cleaned up. SIGQUIT again and again: a shell's background child ignores it until it has a
    /// handler of its own. SIGCONT: a stopped server does not act on it. `ipcrm`: a postmaster that
    /// was killed leaves its System V segment, whose id is in line 7 of `postmaster.pid`.
    private static let script = """
        umask 077
        bin=$1
        parents=$2
        shift 2
        folder=
        pid=
        finish() {
            if [ -n "$pid" ]; then
                while kill -QUIT "$pid" && kill -CONT "$pid"; do sleep 0.2 || sleep 1; done &
                insisting=$!
                wait "$pid"
                kill "$insisting"
            fi
            if [ -f "$folder/data/postmaster.pid" ]; then
                segment=$(sed -n '7s/.* //p' "$folder/data/postmaster.pid")
                [ -z "$segment" ] || ipcrm -m "$segment"
            fi
            [ -z "$folder" ] || rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }
            exit 0
        }
        trap '' PIPE
        trap finish HUP INT TERM
        IFS=:
        for parent in $parents; do
            folder=$(mktemp -d "$parent/lockkeeper.XXXXXX") && break
        done
        unset IFS
        echo "$folder"
        while [ -n "$folder" ] && read -r command; do
            case $command in
            init)
                "$bin/initdb" -D "$folder/data" -A trust -N -U postgres -E UTF8 --locale=C \\
                    --no-instructions >"$folder/log" 2>&1 </dev/null
                echo $?
                ;;
            "clone "*)
                "$bin/pg_basebackup" -D "$folder/data" -h "${command#clone }" -p 5432 -U postgres \\
                    -R -X stream -c fast --no-sync >"$folder/log" 2>&1 </dev/null
                echo $?
                ;;
            boot)
                "$bin/postgres" -D "$folder/data" -k "$folder" "$@" \\
                    >>"$folder/log" 2>&1 </dev/null &
                pid=$!
                echo "$pid"
                ;;
            INT | QUIT | KILL)
                kill -"$command" "$pid"
                wait "$pid"
                echo $?
                pid=
                ;;
            esac
        done
        finish
        """
}
