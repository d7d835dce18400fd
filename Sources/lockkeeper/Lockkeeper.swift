@main struct Lockkeeper { static func main() {} }
