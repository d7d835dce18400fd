/// A statement that sets `lock_timeout`: SET, SET LOCAL, RESET, `set_config`.
struct LockTimeoutSetting {
    /// A limit, not 0.
    let isSet: Bool
    let isLocal: Bool

    init?(_ statement: ScriptStatement) {
        switch statement.kind {
        case "VariableSetStmt":
            let node = statement.node
            let resetsAll = node["kind"].text == "VAR_RESET_ALL"
            guard resetsAll || node["name"].text?.lowercased() == "lock_timeout" else { return nil }
            isLocal = node["is_local"].isTrue
            isSet =
                node["kind"].text == "VAR_SET_VALUE"
                && Self.isLimit(node["args"].items.first ?? .null)
        case "DiscardStmt":
            isLocal = false
            isSet = false
        case "SelectStmt":
            var arguments: [ParseNode] = []
            statement.node["targetList"].visit { type, fields in
                if type == "FuncCall", fields["funcname"].names.last == "set_config" {
                    arguments = fields["args"].items
                }
                return true
            }
            guard arguments.count == 3,
                Self.text(arguments[0])?.lowercased() == "lock_timeout"
            else { return nil }
            isSet = Self.isLimit(arguments[1])
            isLocal = arguments[2].cast("A_Const")["boolval"]["boolval"].isTrue
        default: return nil
        }
    }

    private static func text(_ node: ParseNode) -> String? {
        node.cast("A_Const")["sval"]["sval"].text
    }

    private static func isLimit(_ node: ParseNode) -> Bool {
        if let text = text(node) { return text.contains { ("1"..."9").contains($0) } }
        return (node.cast("A_Const")["ival"]["ival"].integer ?? 0) > 0
    }
}
