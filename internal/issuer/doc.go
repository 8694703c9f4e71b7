// Package issuer knows what the serials of each issuing state and country look
// like, and decides text and issuer of a plate together.
//
// What a camera shows of a plate is a probability of each character in each
// place. O and 0 look alike in most typefaces, I and 1 too; whoever knows that a
// Slovak serial is two letters, three digits and two letters knows which of them
// it is. Formats.Decide brings that in by Bayes' rule, and only as far as the
// picture leaves a doubt: see docs/developer/formats.md for the formula and what it was
// measured to do.
//
// The formats stand in formats.tsv, which the renderer that the recogniser
// learns from reads too. A format is a shape of a serial (LLDDDLL), a kind
// (issued, taxi, trailer, ...) and a weight among its issuer's.
package issuer
