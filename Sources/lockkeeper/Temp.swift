struct PatternX { let name: String; let summary: String; let spec: String }
enum Patterns { static let all: [PatternX] = [] }
