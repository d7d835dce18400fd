import CLibPQ

extension QueryResult {
    init(_ result: OpaquePointer) {
        let width = PQnfields(result)
        let columns = (0..<width).map { String(cString: PQfname(result, $0)) }
        let rows = (0..<PQntuples(result)).map { row in
            Row(
                columns: columns,
                values: (0..<width).map { column in
                    PQgetisnull(result, row, column) == 1
                        ? nil : String(cString: PQgetvalue(result, row, column))
                })
        }
        self.init(
            columns: columns, rows: rows, commandTag: String(cString: PQcmdStatus(result)),
            affectedRows: Int(String(cString: PQcmdTuples(result))) ?? 0,
            columnTypes: (0..<width).map {
                ColumnType(oid: Int(PQftype(result, $0)), modifier: Int(PQfmod(result, $0)))
            })
    }
}

extension ServerError {
    /// The fields by the letters of the protocol (manual, "Error and Notice Message Fields"):
    /// libpq's macros of them are character literals, which are not imported.
    init(_ result: OpaquePointer) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
        }
        self.init(
            sqlState: SQLState(rawValue: field("C") ?? "XX000"),
            message: field("M") ?? String(cString: PQresultErrorMessage(result)),
            detail: field("D"), hint: field("H"), context: field("W"),
            position: field("P").flatMap { Int($0) })
    }
}
