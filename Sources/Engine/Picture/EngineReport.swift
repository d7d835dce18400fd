import Foundation
import Migration

/// What an engine alone knows of its work, told in the journal with each heartbeat, so that whoever looks
/// on from elsewhere sees the same picture.
struct EngineReport: Sendable, Codable {
    /// The step or undo step that runs.
    var running: StepID?
    var progress: [ProgressView]
    var lockRequest: LockRequestView?
    /// What was found at the gate that waits.
    var gateLook: GateLook?
    /// What its own operator asked for and is not done yet.
    var inHand: [CommandView]
}

extension EngineReport {
    /// Nil where an engine of another version tells it in other words.
    init?(json: String) {
        guard let report = try? JSONDecoder.journal.decode(Self.self, from: Data(json.utf8)) else {
            return nil
        }
        self = report
    }
}
