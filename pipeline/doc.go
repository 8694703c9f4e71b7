// Package pipeline turns frames into reads: one Read for each vehicle pass,
// recorded before it is shown.
//
//	Source ─▶ mailbox ─▶ detect ─▶ follow ─▶ record
//	           newest     Detector   tracks,    Matcher, Photographer,
//	           frame                 Reader,    Recorder, Presenter
//	                                 fusion
//
// Words used here:
//
//   - An observation is what the Reader made of one plate in one frame.
//   - A track is a plate followed from frame to frame.
//   - A pass is a vehicle going by: one track, or several where the plate was
//     lost from view in between. One pass is one alpr.Read.
//   - A preview is a read of a pass that still goes on.
//
// Two rules hold everywhere. Only the mailbox drops frames, and it counts them;
// every other hand-over blocks, so that slowness shows as counted drops. And a
// read is committed first and shown then.
package pipeline
