import Engine
import Foundation

/// How a dashboard is shown.
public struct DashboardOptions: Sendable {
    public var theme: Theme
    /// What `t` offers.
    public var themes: [Theme]
    /// Attributes only, whatever the theme says: `--no-color` or NO_COLOR.
    public var isMonochrome = false
    /// Draw with ASCII signs; a locale that is not UTF-8 does the same.
    public var isASCII = false
    public var isReadOnly = false
    /// Takes clicks and the wheel from the terminal, which then selects text only with Shift held.
    public var usesMouse = false
    /// Rings the terminal's bell when a person is wanted, and at failures.
    public var ringsBell = false
    /// Says in the window's title which migration it is and how it stands.
    public var setsTitle = false
    /// Keep the last picture when the client has ended, until `q`.
    public var staysAfterEnd = false
    /// Where `s` saves; nil: `lockkeeper-NAME-TIME.svg` in the current folder.
    public var savePath: String?
    /// How long to wait for an engine that was asked to stop, seconds.
    public var stopPatience: Double = 30
    /// Seconds between two pictures, as `+` and `-` ask for.
    public var refreshSeconds: Double = 1
    /// What to call the server in the header, by host or database; the first that fits.
    public var environments: [EnvironmentLabel] = []
    /// The keys that the operator has moved.
    public var keys = Keys()
    public var setRefresh: (@Sendable (Double) -> Void)?
    /// Takes the migration over and returns the client of the new engine; nil where `T` can't.
    public var takeOver: (@Sendable () async throws -> any MigrationClient)?
    /// A second hand at the keys: the demo's autopilot, screenshots, tests.
    public var remote: DashboardRemote?
    /// What to tell the operator first: where the log is, what was resumed.
    public var greeting: String?

    public init(theme: Theme = .terminal, themes: [Theme] = Theme.shipped) {
        self.theme = theme
        self.themes = themes
    }
}

/// Presses keys and takes pictures of a dashboard that runs.
public final class DashboardRemote: Sendable {
    let mailbox = Mailbox()

    public init() {}

    public func press(_ key: Key) { mailbox.post(.key(key)) }

    /// Presses the keys of a text: letters, and a space as Space.
    public func type(_ text: String) {
        for letter in text { press(letter == " " ? .space : .character(letter)) }
    }

    /// The screen as it stands once everything posted before has been drawn; nil once the dashboard
    /// has ended.
    public func surface() async -> Surface? {
        await withCheckedContinuation { mailbox.post(.picture($0)) }
    }

    /// The screen of this moment as a terminal of that size would have it, with the theme that it is
    /// drawn with; nil once the dashboard has ended.
    public func drawing(rows: Int, columns: Int) async -> (surface: Surface, theme: Theme)? {
        await withCheckedContinuation {
            mailbox.post(.drawing(rows: rows, columns: columns, $0))
        }
    }
}
