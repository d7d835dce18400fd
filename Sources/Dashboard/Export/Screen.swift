import Engine
import Foundation
import Monitor

/// The screen as it would stand for a snapshot after some keys, without a terminal: for pictures and
/// for plain output.
///
/// Each letter of `keys` is one key, a space is Space, `\n` Enter, `\t` Tab. `now` is our clock.
public func screen(
    _ snapshot: Snapshot, rows: Int, columns: Int, keys: String = "", isASCII: Bool = false,
    now: Date? = nil, timeZone: TimeZone = .current
) -> Surface {
    var model = Model(now: now ?? snapshot.server?.takenAt ?? Date())
    model.glyphs = isASCII ? .ascii : .unicode
    model.timeZone = timeZone
    model.rows = rows
    model.columns = columns
    _ = update(&model, .snapshot(snapshot))
    for letter in keys {
        let key: Key =
            switch letter {
            case " ": .space
            case "\n": .enter
            case "\t": .tab
            default: .character(letter)
            }
        _ = update(&model, .key(key))
    }
    return render(model, rows: rows, columns: columns)
}

/// The lock tree alone, as high as it needs to be: what `lockkeeper locks --once` prints.
public func lockScreen(_ picture: ServerPicture, columns: Int, isASCII: Bool = false) -> Surface {
    var snapshot = Snapshot(name: "")
    snapshot.server = picture
    var model = Model(now: picture.takenAt)
    model.glyphs = isASCII ? .ascii : .unicode
    model.focus = .steps
    model.snapshot = snapshot
    model.pictureArrived = picture.takenAt
    let rows = Wants.locks(model) + 1
    var painter = Painter(
        surface: Surface(rows: rows, columns: columns, glyphs: model.glyphs), model: model,
        isBoxed: false)
    painter.drawLocks(painter.surface.bounds)
    return painter.surface
}
