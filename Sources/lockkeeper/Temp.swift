import Engine
enum Screen { static let isThere = false; static func run(_ e: Engine, name: String, _ o: ScreenOptions) async throws {} }
struct PatternX { let name: String; let summary: String; let spec: String }
enum Patterns { static let all: [PatternX] = [] }
