// Package camera turns what a vehicle sees into frames: V4L2 devices, RTSP and
// other network cameras, GStreamer pipelines, video files, folders and sequences of pictures. It is
// the only importer of OpenCV's capture, and it also encodes the pictures that
// are kept of a read.
//
// Vocabulary
//
//   - A recording (file, folder, picture) ends, and is delivered whole and in
//     order: every frame, with the capture time the recording itself gives.
//   - A live source (device, network camera) does not end: when it is lost it is
//     opened again, with growing pauses, until the context is done. Frames are
//     delivered as they arrive and never stored here: whoever is too slow drops
//     them in the pipeline's mailbox, where drops are counted.
package camera
