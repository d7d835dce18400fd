import Postgres

extension Fault {
    /// Every connection that the server has to give is taken for a while.
    static let noConnections = Fault(
        name: "no-connections", stage: .ownServer,
        strike: { scene in
            var taken: [Connection] = []
            while taken.count < 60 {
                do { taken.append(try await scene.connect()) } catch { break }
            }
            let held = taken
            // What the engine has open it keeps; what it needs beside, it must wait for.
            scene.keep(
                Task {
                    try? await Task.sleep(for: .milliseconds(700))
                    for connection in held { await connection.close() }
                })
        })
}
