import Postgres

/// What a client of the shop does, drawn at random.
extension Client {
    mutating func act() async {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<20: await readTracked()
        case 20..<30: await readShared()
        case 30..<47: await updateTracked()
        case 47..<60: await updateShared()
        case 60..<73: await touch()
        case 73..<85: await insert()
        case 85..<93: await upsert()
        case 93..<97: await delete()
        default: await updateTwo()
        }
    }

    // MARK: reading

    private mutating func readTracked() async {
        guard let entry = ledger.take(&random, where: { _ in true }) else { return }
        let isFilled = ledger.isFilled
        let answer = await send(.read, [entry.id])
        if case .result(let result) = answer {
            let values = result.rows.first?.values
            if entry.exists, let values {
                judge(.read, entry.id, values, [entry.status], isFilled)
            } else if entry.exists {
                complain(.read, "order \(entry.id) is not there, but was never deleted")
            } else if values != nil {
                complain(.read, "order \(entry.id) is there, but was deleted")
            }
        }
        ledger.put(entry, .unchanged)
    }

    private mutating func readShared() async {
        let id = ledger.sharedID(&random)
        let isFilled = ledger.isFilled
        guard case .result(let result) = await send(.read, [id]) else { return }
        if let values = result.rows.first?.values {
            judge(.read, id, values, Set(Shop.statuses + [nil]), isFilled)
        } else {
            complain(.read, "order \(id) is not there, but was never deleted")
        }
    }

    private func judge(
        _ statement: Statement, _ id: Int, _ values: [String?], _ expected: Set<String?>,
        _ isFilled: Bool
    ) {
        if let fault = version.fault(values, expected: expected, isFilled: isFilled) {
            complain(statement, "order \(id): \(fault)")
        }
    }

    // MARK: updating

    private mutating func updateTracked() async {
        guard let entry = ledger.take(&random, where: \.exists) else { return }
        let (statement, status) = update()
        let answer = await send(statement, [entry.id] + parameters(statement, status))
        settle(entry, statement, answer, .status(status))
    }

    private mutating func updateShared() async {
        let id = ledger.sharedID(&random)
        let (statement, status) = update()
        ledger.touch(id)
        if case .result(let result) = await send(statement, [id] + parameters(statement, status)),
            result.affectedRows != 1
        {
            complain(statement, "order \(id) is not there, but was never deleted")
        }
    }

    /// The version that knows both sides writes both, or one of them. On the new side alone it
    /// writes no NULL before the fill is through: there NULL still says "not filled yet".
    private mutating func update() -> (Statement, String?) {
        let status = anyStatus()
        guard version.side == .both else { return (.update, status) }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return (.updateOld, status)
        case 1 where status != nil || ledger.isFilled: return (.updateNew, status)
        default: return (.update, status)
        }
    }

    private func parameters(_ statement: Statement, _ status: String?) -> [(any Bindable)?] {
        switch statement {
        case .updateOld: version.written(status, onto: .old)
        case .updateNew: version.written(status, onto: .new)
        default: version.written(status)
        }
    }

    /// Changes what the migration has nothing to do with.
    private mutating func touch() async {
        let values: [(any Bindable)?] = [anyAmount()] + (version.writesNote ? [anyNote()] : [])
        if Bool.random(using: &random) {
            guard let entry = ledger.take(&random, where: \.exists) else { return }
            settle(
                entry, .touch, await send(.touch, [entry.id] + values), .unchanged)
        } else {
            let id = ledger.sharedID(&random)
            if case .result(let result) = await send(.touch, [id] + values),
                result.affectedRows != 1
            {
                complain(.touch, "order \(id) is not there, but was never deleted")
            }
        }
    }

    private func settle(
        _ entry: Ledger.Entry, _ statement: Statement, _ answer: Answer, _ done: Ledger.Outcome
    ) {
        switch answer {
        case .result(let result):
            if result.affectedRows != 1 {
                complain(statement, "order \(entry.id) is not there, but was never deleted")
            }
            ledger.put(entry, done)
        case .refused: ledger.put(entry, .unchanged)
        case .lost: ledger.put(entry, .unknown)
        }
    }

    /// Two orders in one transaction, the lower id first, as an application that wants no
    /// deadlocks of its own has it.
    private mutating func updateTwo() async {
        let ids = [ledger.sharedID(&random), ledger.sharedID(&random)].sorted()
        guard await control("BEGIN") else { return }
        for id in ids {
            ledger.touch(id)
            let status = anyStatus()
            guard case .result = await send(.update, [id] + version.written(status)) else {
                _ = await control("ROLLBACK")
                return
            }
        }
        _ = await control("COMMIT")
    }

    private mutating func control(_ sql: SQL) async -> Bool {
        guard let connection else { return false }
        do {
            try await connection.run(sql)
            return true
        } catch {
            record(sql.text, error)
            await connection.close()
            self.connection = nil
            return false
        }
    }

    // MARK: inserting and deleting

    private mutating func insert() async {
        guard ledger.hasRoomForInserts else { return await delete() }
        let order = anyOrder()
        var statement = Statement.insert
        var status = anyStatus()
        switch Int.random(in: 0..<4, using: &random) {
        case 0: (statement, status) = (.insertOmitted, Shop.statuses[0])
        case 1: (statement, status) = (.insertDefault, Shop.statuses[0])
        default: break
        }
        var expected: Set = [status]
        // On the new side alone an insert can't say "unset": the old side's default shows through
        // while it lives, and NULL after that.
        if version.side == .new, statement != .insert || status == nil {
            expected = [Shop.statuses[0], nil]
        }
        let values = statement == .insert ? version.written(status) : []
        switch await send(statement, order + values) {
        case .result(let result): registerInsert(statement, result, expected)
        case .refused: break
        case .lost: ledger.addUncertain()
        }
    }

    private func registerInsert(
        _ statement: Statement, _ result: QueryResult, _ expected: Set<String?>
    ) {
        guard let row = result.rows.first, let id = try? row.int("id") else {
            return complain(statement, "the new order was not returned")
        }
        let values = Array(row.values.dropFirst())
        judge(statement, id, values, expected, true)
        ledger.addInserted(id, status: version.status(of: values))
    }

    /// Writes an order that may be there or not: deleted ones come back this way.
    private mutating func upsert() async {
        let wantsDeleted = Bool.random(using: &random)
        let entry =
            ledger.take(&random, where: { $0.exists != wantsDeleted })
            ?? ledger.take(&random, where: { _ in true })
        guard let entry else { return }
        // See `insert`: on the new side alone NULL can't be told from unset.
        var status = anyStatus()
        if version.side == .new, status == nil { status = Shop.statuses[0] }
        let answer = await send(
            .upsert, [entry.id] + anyOrder() + version.written(status))
        if case .result(let result) = answer, let values = result.rows.first?.values {
            judge(.upsert, entry.id, values, [status], true)
        }
        settle(entry, .upsert, answer, .status(status))
    }

    private mutating func delete() async {
        let isFull = !ledger.hasRoomForInserts
        let loaded = ledger.loaded
        guard let entry = ledger.take(&random, where: { $0.exists && (!isFull || $0.id > loaded) })
        else { return }
        settle(entry, .delete, await send(.delete, [entry.id]), .deleted)
    }

    // MARK: values

    /// One in eight is NULL.
    private mutating func anyStatus() -> String? {
        Int.random(in: 0..<8, using: &random) == 0
            ? nil : Shop.statuses.randomElement(using: &random)
    }

    /// Values for `Version.orderColumns`.
    private mutating func anyOrder() -> [(any Bindable)?] {
        [anyCustomer(), anyAmount()] + (version.writesNote ? [anyNote()] : [])
            + version.further.map(\.value)
    }

    private mutating func anyCustomer() -> Int { Int.random(in: 1...customers, using: &random) }

    private mutating func anyAmount() -> String {
        "\(Int.random(in: 1...999, using: &random)).\(Int.random(in: 10...99, using: &random))"
    }

    private mutating func anyNote() -> String? {
        Int.random(in: 0..<10, using: &random) == 0 && version.note != .alwaysWrites
            ? nil : "changed, note \(Int.random(in: 0..<1_000_000, using: &random))"
    }
}
