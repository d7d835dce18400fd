/// Pieces of a file in messages about it.
package enum Quoted {
    /// A key in quotes. One that may be a connection string, with a password in it, is not shown: who
    /// has put it into the wrong file finds it by its place.
    package static func key(_ key: String) -> String {
        key.contains("://") || key.contains("=") ? "\"…\"" : "\"\(key)\""
    }
}
