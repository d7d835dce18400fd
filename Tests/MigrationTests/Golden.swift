import Foundation
import Testing

/// Compares text with a file beside the tests. `LOCKKEEPER_GOLDEN=write swift test` writes the files
/// anew; look at the difference before committing it.
func expectGolden(
    _ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    let file = folder.appending(path: name)
    if ProcessInfo.processInfo.environment["LOCKKEEPER_GOLDEN"] == "write" {
        try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    let lines = (text.components(separatedBy: "\n"), expected.components(separatedBy: "\n"))
    let different = zip(lines.0, lines.1).enumerated().first { $0.element.0 != $0.element.1 }
    if let different {
        Issue.record(
            "\(name):\(different.offset + 1)\n   is: \(different.element.0)\n want: \(different.element.1)",
            sourceLocation: sourceLocation)
    } else {
        #expect(lines.0.count == lines.1.count, sourceLocation: sourceLocation)
    }
}
