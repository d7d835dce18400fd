@_exported import SQLText
