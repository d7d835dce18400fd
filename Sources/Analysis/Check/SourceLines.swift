import Migration

/// Lines and columns of byte offsets in a text.
struct SourceLines {
    let bytes: [UInt8]
    /// Byte offset at which each line begins.
    private let starts: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var starts = [0]
        for index in bytes.indices where bytes[index] == UInt8(ascii: "\n") {
            starts.append(index + 1)
        }
        self.starts = starts
    }

    /// From 1.
    func line(at offset: Int) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        return low + 1
    }

    /// Both from 1; the column counts Unicode scalars, as in a spec's errors.
    func mark(at offset: Int) -> SourceMark {
        let line = line(at: offset)
        let start = starts[line - 1]
        let before = bytes[start..<min(max(offset, start), bytes.count)]
        return SourceMark(line: line, column: before.count { $0 & 0xc0 != 0x80 } + 1)
    }

    /// Byte offset of a line's beginning; the end for a line behind the last.
    func start(ofLine line: Int) -> Int {
        starts.indices.contains(line - 1) ? starts[line - 1] : bytes.count
    }

    /// Byte offset of a mark.
    func offset(of mark: SourceMark) -> Int {
        var offset = start(ofLine: mark.line)
        var column = 1
        while column < mark.column, offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") {
            offset += 1
            while offset < bytes.count, bytes[offset] & 0xc0 == 0x80 { offset += 1 }
            column += 1
        }
        return offset
    }
}
