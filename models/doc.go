// Package models owns the trained networks: the files, the manifest that
// describes them, and the ONNX Runtime sessions that run them. It is the only
// importer of the ONNX Runtime binding.
//
// Vocabulary
//
//   - The manifest (manifest.json) names each network's files with their
//     SHA-256, says what goes in and what comes out, and records how the
//     network was trained and what it scored.
//   - A Network is one loaded session. A Binding is that session's tensors for
//     one input shape, kept from run to run so that a frame allocates nothing.
//   - Precision is "fp32" or "int8" (QDQ): two files of the same network.
//   - The second reader is another network of the reader's kind that learned
//     apart from it. It has one file, int8, and may be missing.
//
// ONNX Runtime keeps one environment a process. Open starts it at the first
// call and leaves it to the end of the process; everything else is released by
// Set.Close.
package models
