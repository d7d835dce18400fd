import Foundation

@testable import Dashboard

/// What a colour looks like to those who lack one kind of cone: Machado, Oliveira and Fernandes,
/// "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), severity 1.
enum ColorVision: String, CaseIterable, CustomStringConvertible {
    case usual, protanopia, deuteranopia, tritanopia

    var description: String { rawValue }

    private var matrix: [[Double]] {
        switch self {
        case .usual: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        case .protanopia:
            [
                [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ]
        case .deuteranopia:
            [
                [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ]
        case .tritanopia:
            [
                [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ]
        }
    }

    /// CIE 1976 L*a*b* of what is seen, under D65.
    func lab(_ color: RGB) -> [Double] {
        let linear = [color.red, color.green, color.blue].map { part -> Double in
            let share = Double(part) / 255
            return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
        }
        let seen = matrix.map { row in min(1, max(0, zip(row, linear).map(*).reduce(0, +))) }
        let toXYZ: [[Double]] = [
            [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
        let white = [0.95047, 1, 1.08883]
        let f = zip(toXYZ, white).map { row, white -> Double in
            let share = zip(row, seen).map(*).reduce(0, +) / white
            return share > 0.008856 ? cbrt(share) : 7.787 * share + 16.0 / 116
        }
        return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]
    }

    /// How far two colours are apart to these eyes: about 2.3 can just be told.
    func distance(_ one: RGB, _ two: RGB) -> Double {
        zip(lab(one), lab(two)).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
    }
}
