// Package hotlist holds wanted plates and decides which reads may be of one.
//
// Vocabulary
//
//   - A List is one version of one source's entries, packed and immutable.
//   - An Index is the set of lists in use, swapped as a whole.
//   - A Matcher compares reads with the index in use by one rule: the
//     probability that the plate seen is the plate listed (see Index.Match). It
//     keeps the cool-down that stops one car from alerting again and again.
//
// A hit is a lead. Nothing here confirms anything.
package hotlist
