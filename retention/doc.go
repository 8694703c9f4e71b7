// Package retention says for how long what is kept: the policy that the agency
// writes, the profiles that it may start from, and the clock that the time is
// measured on. It holds rules only: package store keeps by them.
//
// Vocabulary
//
//   - A Policy says for how long reads, hits, dispositions and manual entries are
//     kept, and how much of their pictures. Without a valid one nothing is stored.
//   - A profile is a shipped policy, which an agency takes or writes over.
//   - A Clock never runs backwards, whatever the system clock does, and believes
//     a jump forward only after it has lasted.
package retention
