// Package importer makes hotlists of the files that agencies and vendors write.
//
// Vocabulary
//
//   - A Map says where the columns of a source's file are and what its codes mean;
//     some are shipped (maps/).
//   - A row is an entry, a cancellation, a repetition, or bad. A Report says what
//     became of each.
//   - A doubt is what is missing or uncertain of an entry that is taken.
//
// A list in which too many rows are bad is refused whole.
package importer
