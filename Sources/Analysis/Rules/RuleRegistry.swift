import Migration

/// The rules of this version, a line each.
enum RuleRegistry {
    static let all: [any Rule.Type] = [
        AddColumnRewrite.self,
        AddColumnNotNull.self,
        AddColumnConstraint.self,
        TypeChange.self,
        TableRewrite.self,
        SetNotNull.self,
        AddCheck.self,
        AddForeignKey.self,
        ValidateInTransaction.self,
        AddUnique.self,
        AddExclusion.self,
        DomainConstraint.self,
        IndexNotConcurrent.self,
        ReindexNotConcurrent.self,
        DropIndexNotConcurrent.self,
        ConcurrentlyInTransaction.self,
        ConcurrentIfNotExists.self,
        ConcurrentWithLockTimeout.self,
        RenameColumn.self,
        RenameTable.self,
        RenameEnumValue.self,
        DropColumn.self,
        DropTable.self,
        DropSchema.self,
        DropDatabase.self,
        Truncate.self,
        RefreshNotConcurrent.self,
        LockTable.self,
        Cascade.self,
        DropNotNull.self,
        WriteWithDDL.self,
        UnbatchedWrite.self,
        SeveralTablesLocked.self,
        SeveralAlters.self,
        NoLockTimeout.self,
        ForeignKeyWithoutIndex.self,
        ForeignKeyType.self,
        EnumValueInTransaction.self,
        AttachPartition.self,
        DetachPartition.self,
        SerialType.self,
        CharType.self,
        TimestampType.self,
        JSONType.self,
        IntPrimaryKey.self,
        LongIdentifier.self,
        NotUnderstood.self,
        InvalidSpec.self,
        SilencingRule.self,
    ]
}

/// One rule as `--list-rules` shows it.
public struct RuleSummary: Sendable, Encodable {
    public let rule: String
    public let severity: Hazard.Severity
    public let summary: String

    public static var all: [RuleSummary] {
        RuleRegistry.all.map {
            RuleSummary(rule: $0.id, severity: $0.severity, summary: $0.summary)
        }
    }
}
