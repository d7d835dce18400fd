import Engine
import Foundation

/// What can happen to the dashboard.
public enum Event: Sendable, Equatable {
    case snapshot(Snapshot)
    case key(Key)
    case tick(Date)
    case resized(rows: Int, columns: Int)
    /// One line for the operator.
    case told(String, isTrouble: Bool)
    /// An action went out, and its answer has come.
    case sent(Int, words: String)
    case answered(Int)
    case signal(Int32)
    /// The client's snapshots have ended.
    case ended
}

/// What update asks the program for.
public enum Effect: Sendable, Equatable {
    case perform(OperatorAction)
    case takeOver
    /// Whose locks are looked at from now on; nil: nobody's.
    case inspect(pid: Int?)
    case save
    case useTheme(String)
    case refresh(seconds: Double)
    case suspend
    case redraw
    case bell
    /// Leave; the engine has been asked to stop where that was needed.
    case leave(ExitReason)
}

/// Why the dashboard ended.
public enum ExitReason: Sendable, Equatable {
    case quit
    /// SIGINT, SIGTERM or SIGHUP.
    case signal(Int32)
    /// The client's snapshots ended: the engine has stopped.
    case ended
}
