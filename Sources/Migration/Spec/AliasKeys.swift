/// Keys that are collections or aliases, in a file that has anchors.
///
/// The YAML library compares a mapping's keys with each other, and for that walks through all that an
/// alias stands for; a file of a few hundred bytes can so keep it for ever. No file of ours needs
/// such keys.
public enum AliasKeys {
    /// Whether the text may have them; looked at without parsing, so that quoted text may be mistaken
    /// for them where the file has anchors as well.
    public static func mayStand(in text: String) -> Bool {
        guard text.contains(#/(?m)(?:^|[\s\[{,])&[\w-]/#) else { return false }
        return text.contains(#/(?m)^\s*(?:- +)*\?(?:\s|$)/#)
            || text.contains(#/(?m)[\[{,]\s*\?\s/#)
            || text.contains(#/(?m)\*[\w-]+\s*:(?:\s|$)/#)
            || text.contains(#/(?m)[\]}]\s*:(?:\s|$)/#)
    }
}
